package slack

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

// outsiders are the ways in which somebody is none of the workspace's own.
func outsiders() map[string]func(*slacktest.User) {
	return map[string]func(*slacktest.User){
		"deactivated":                 func(u *slacktest.User) { u.Deleted = true },
		"a bot":                       func(u *slacktest.User) { u.Bot = true },
		"a guest":                     func(u *slacktest.User) { u.Guest = true },
		"a guest of a single channel": func(u *slacktest.User) { u.SingleGuest = true },
		"a stranger":                  func(u *slacktest.User) { u.Stranger = true },
		"of another workspace":        func(u *slacktest.User) { u.Team = "T0ELSE" },
		"not to be seen by the app":   func(u *slacktest.User) { u.Hidden = true },
	}
}

// Guests are people too, where the operator says so; strangers never are.
func TestGuestsWhoAreLetIn(t *testing.T) {
	t.Parallel()
	for name, change := range outsiders() {
		o := newOffice(t)
		o.adapter.allowGuests = func() bool { return true }
		o.slack.Change(func(w *slacktest.World) { change(w.Person(bob)) })
		o.slack.Tolerate("user_not_visible", "user_disabled")
		_, err := o.adapter.Post(t.Context(), bob, askedCard(), "key")
		if guest := name == "a guest" || name == "a guest of a single channel"; guest != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBehaviour17OutsidersAreNotAsked: nothing is sent to who has no say.
func TestBehaviour17OutsidersAreNotAsked(t *testing.T) {
	t.Parallel()
	for name, change := range outsiders() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.slack.Change(func(w *slacktest.World) { change(w.Person(alice)) })
			_, err := o.adapter.Post(t.Context(), alice, card(), "key")
			if !errors.Is(err, bridge.ErrUnreachable) {
				t.Errorf("a card for somebody %s: %v", name, err)
			}
			if pushed := o.slack.Pushes(alice); len(pushed) != 0 {
				t.Errorf("their phone shows %q", pushed)
			}
		})
	}
}

// TestFoundByEmail: who is only known by e-mail is found by it once, and tied.
func TestFoundByEmail(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	delete(o.desk.People, alice)
	o.desk.Emails["alice@acme.example"] = "alice"
	ref, err := o.adapter.Post(t.Context(), "mailto:alice@acme.example", card(), "key")
	if err != nil {
		t.Fatal(err)
	}
	if o.desk.People[alice] != "alice" {
		t.Error("alice is not tied to who has her e-mail")
	}
	if err := o.adapter.Edit(t.Context(), ref, withCode(card())); err != nil {
		t.Fatal(err)
	}
	if got := o.slack.Person(alice).Screen(); !strings.Contains(got, userCode) {
		t.Errorf("alice sees:\n%s", got)
	}
}

// TestEmailThatProvesNothing: an e-mail that Slack does not vouch for, or that
// is not one person's here, leads nowhere.
func TestEmailThatProvesNothing(t *testing.T) {
	t.Parallel()
	for name, change := range outsiders() {
		emailLeadsNowhere(t, name, func(o *office) {
			o.slack.Change(func(w *slacktest.World) { change(w.Person(alice)) })
		})
	}
	emailLeadsNowhere(t, "not confirmed", func(o *office) {
		o.slack.Change(func(w *slacktest.World) { w.Person(alice).Unconfirmed = true })
	})
	emailLeadsNowhere(t, "of somebody who is somebody else here", func(o *office) { o.desk.People[alice] = "mallory" })
	emailLeadsNowhere(t, "configured for nobody", func(o *office) { clear(o.desk.Emails) })
	emailLeadsNowhere(t, "nobody's", func(o *office) {
		o.slack.Change(func(w *slacktest.World) { w.Person(alice).Email = "other@acme.example" })
	})
}

func emailLeadsNowhere(t *testing.T, name string, change func(*office)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		delete(o.desk.People, alice)
		o.desk.Emails["alice@acme.example"] = "alice"
		change(o)
		_, err := o.adapter.Post(t.Context(), "mailto:alice@acme.example", card(), "key")
		if !errors.Is(err, bridge.ErrUnreachable) || o.desk.People[alice] == "alice" {
			t.Errorf("an e-mail that is %s: %v, tied to %q", name, err, o.desk.People[alice])
		}
		if pushed := o.slack.Pushes(alice); len(pushed) != 0 {
			t.Errorf("their phone shows %q", pushed)
		}
	})
}

// TestBehaviour18SharedChannelGetsNoCard: nor does one that the bridge is not
// in, or that is archived; and it is looked at anew.
func TestBehaviour18SharedChannelGetsNoCard(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*slacktest.Channel){
		"shared":             func(c *slacktest.Channel) { c.Shared = true },
		"about to be shared": func(c *slacktest.Channel) { c.Pending = true },
		"archived":           func(c *slacktest.Channel) { c.Archived = true },
		"left by the bridge": func(c *slacktest.Channel) { c.Members = c.Members[1:] },
		"private and left":   func(c *slacktest.Channel) { c.Private, c.Members = true, c.Members[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.slack.Change(func(w *slacktest.World) { change(w.Channel(deploys)) })
			for _, to := range []bridge.Address{deploys, deploys + "/"} {
				c := deploysCard()
				if to != deploys {
					c.View = bridge.ViewNotice
				}
				if _, err := o.adapter.Post(t.Context(), to, c, "key"); !errors.Is(err, bridge.ErrRoute) {
					t.Errorf("a card for a channel that is %s: %v", name, err)
				}
			}
			if pushed := o.slack.Pushes(alice); len(pushed) != 0 {
				t.Errorf("somebody's phone shows %q", pushed)
			}
		})
	}
}

// TestBehaviour18OperatorAllowsSharedChannel: the operator can say that it is
// meant.
func TestBehaviour18OperatorAllowsSharedChannel(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.slack.Change(func(w *slacktest.World) { w.Channel(deploys).Shared = true })
	o.adapter.allowShared = func(channel string) bool { return channel == deploys }
	if _, err := o.adapter.Post(t.Context(), deploys, deploysCard(), "key"); err != nil {
		t.Error(err)
	}
}

// TestMembersOfAGroup: the ids, or an error and nobody.
func TestMembersOfAGroup(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	got, err := o.adapter.Members(t.Context(), oncall, nil)
	if want := []bridge.Address{bob, carol}; err != nil || !slices.Equal(got, want) {
		t.Errorf("oncall is %v, %v, want %v", got, err, want)
	}
	for _, group := range []string{"S0NONE", "oncall", ""} {
		if got, err := o.adapter.Members(t.Context(), group, nil); err == nil || len(got) != 0 {
			t.Errorf("the group %q is %v, %v", group, got, err)
		}
	}
	o.slack.Fail(methodGroup, 1, slacktest.Fault{Status: 500})
	if got, err := o.adapter.Members(t.Context(), oncall, nil); err == nil || len(got) != 0 {
		t.Errorf("while Slack is out of order oncall is %v, %v", got, err)
	}
}

// TestBehaviour17EachMarkCounts by itself, however Slack combines them.
func TestBehaviour17EachMarkCounts(t *testing.T) {
	t.Parallel()
	own, a := slackgo.User{ID: alice, TeamID: "T0ACME"}, newOffice(t).adapter
	if why := a.outsider(own, "T0ACME"); why != "" {
		t.Errorf("alice is turned away: %s", why)
	}
	for name, mark := range map[string]func(*slackgo.User){
		"deleted": func(u *slackgo.User) { u.Deleted = true }, "bot": func(u *slackgo.User) { u.IsBot = true },
		"workflow": func(u *slackgo.User) { u.IsWorkflowBot = true }, "connector": func(u *slackgo.User) { u.IsConnectorBot = true },
		"guest": func(u *slackgo.User) { u.IsRestricted = true }, "single": func(u *slackgo.User) { u.IsUltraRestricted = true },
		"stranger": func(u *slackgo.User) { u.IsStranger = true }, "invited": func(u *slackgo.User) { u.IsInvitedUser = true },
		"elsewhere": func(u *slackgo.User) { u.TeamID = "T0ELSE" }, "nowhere": func(u *slackgo.User) { u.TeamID = "" },
		"slackbot": func(u *slackgo.User) { u.ID = "USLACKBOT" },
	} {
		u := own
		if mark(&u); a.outsider(u, "T0ACME") == "" {
			t.Errorf("%s is let in", name)
		}
	}
}

// TestAnswersAboutSomebodyElseAreNotBelieved: what comes back has to be about
// the person, the e-mail or the direct channel that was asked for, whatever
// stands between the bridge and Slack.
func TestAnswersAboutSomebodyElseAreNotBelieved(t *testing.T) {
	t.Parallel()
	const noID = "alice/slack"
	const aliceSays = `{"ok":true,"user":{"id":"U0ALICE","team_id":"T0ACME","is_email_confirmed":true,"profile":{"email":"alice@acme.example"}}}`
	for name, c := range map[string]struct{ method, answer, to string }{
		"another person":              {methodUser, strings.Replace(aliceSays, alice, carol, 1), alice},
		"a person of another e-mail":  {methodByEmail, strings.Replace(aliceSays, "alice@", "mallory@", 1), "mailto:alice@acme.example"},
		"a person who is no id":       {methodByEmail, strings.Replace(aliceSays, alice, noID, 1), "mailto:alice@acme.example"},
		"a channel of many":           {methodOpenDM, `{"ok":true,"channel":{"id":"C0DEPLOYS"}}`, alice},
		"nothing of it: all is well":  {"", "", alice},
		"nor here, looking by e-mail": {"", "", "mailto:alice@acme.example"},
	} {
		answers := map[string]string{
			methodSelf: `{"ok":true,"team_id":"T0ACME","user_id":"U0BRIDGE"}`, methodUser: aliceSays, methodByEmail: aliceSays,
			methodOpenDM: `{"ok":true,"channel":{"id":"D0ALICE"}}`, methodPost: `{"ok":true,"channel":"D0ALICE","ts":"1700000000.000100"}`,
		}
		answers[c.method] = c.answer
		posted := false
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			method := strings.TrimPrefix(r.URL.Path, "/")
			posted = posted || method == methodPost
			_, _ = io.WriteString(w, answers[method])
		}))
		o := newOffice(t)
		o.desk.Emails["alice@acme.example"] = "alice"
		options := o.adapter.line.options
		options.APIURL = srv.URL + "/"
		a, err := New(options)
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Post(t.Context(), bridge.Address(c.to), card(), "key")
		srv.Close()
		if lie := c.method != ""; lie != (err != nil) || lie == posted {
			t.Errorf("%s: posted %v, %v", name, posted, err)
		}
		if human := o.desk.People[noID]; human != "" {
			t.Errorf("%s: what is no user is %s from now on", name, human)
		}
	}
}
