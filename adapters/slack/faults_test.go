package slack

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

func card() bridge.Card {
	now := time.Now()
	return bridge.Card{
		Request: bridge.NewRequestID(now), Version: 1, State: bridge.Asked,
		Agent: "helper", Headline: "Access request", Title: "helper wants corp", Who: "helper, on a laptop, yours",
		Scopes: []bridge.ScopeLine{{Words: "read your files", Scope: "files:read"}},
		Phrase: "amber falcon 42", Host: "login.example.com", AskedAt: now, OpenTo: now.Add(time.Hour),
		Buttons: []bridge.Button{{Verb: bridge.VerbNotMe, Label: "I did not ask for this"}, {Verb: bridge.VerbShowCode, Label: "Show code"}},
	}
}

func deploysCard() bridge.Card {
	c := card()
	c.View, c.Shared, c.Team, c.Phrase = bridge.ViewTeam, true, "oncall", ""
	c.Headline = "Waiting for someone to claim"
	c.Buttons = []bridge.Button{{Verb: bridge.VerbClaim, Label: "Claim"}, {Verb: bridge.VerbDecline, Label: "Decline for the team"}}
	return c
}

// withCode is a card with its code.
func withCode(c bridge.Card) bridge.Card {
	c.Version, c.State = c.Version+1, bridge.Coded
	c.Code = &bridge.ShownCode{
		UserCode: bridge.NewSecret(userCode), Address: "https://login.example.com/device", Host: "login.example.com",
		Open: bridge.NewSecret("https://login.example.com/device?code=" + userCode), LapsesAt: time.Now().Add(10 * time.Minute),
	}
	return c
}

const userCode = "WDJB-MJHT"

// TestWhatAnErrorMakesCertain holds the table of Slack's errors against what
// the outbox is told.
func TestWhatAnErrorMakesCertain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, says string
		want         error // nil = nothing is certain
	}{
		{methodPost, "channel_not_found", bridge.ErrRoute},
		{methodPost, "not_in_channel", bridge.ErrRoute},
		{methodPost, "is_archived", bridge.ErrRoute},
		{methodPost, "messages_tab_disabled", bridge.ErrRoute},
		{methodPost, "restricted_action", bridge.ErrRoute},
		{methodOpenDM, "user_not_found", bridge.ErrUnreachable},
		{methodOpenDM, "user_disabled", bridge.ErrUnreachable},
		{methodOpenDM, "user_not_visible", bridge.ErrUnreachable},
		{methodOpenDM, "invalid_user_combination", bridge.ErrUnreachable},
		{methodByEmail, "users_not_found", bridge.ErrUnreachable},
		{methodPost, "token_revoked", bridge.ErrAuth},
		{methodPost, "account_inactive", bridge.ErrAuth},
		{methodPost, "missing_scope", bridge.ErrAuth},
		{methodByEmail, "missing_scope", bridge.ErrRoute},
		{methodUpdate, "message_not_found", bridge.ErrGone},
		{methodUpdate, "cant_update_message", bridge.ErrGone},
		{methodUpdate, "edit_window_closed", bridge.ErrGone},
		{methodUpdateView, "not_found", bridge.ErrGone},
		{methodPost, "invalid_blocks", bridge.ErrInvalid},
		{methodPost, "msg_blocks_too_long", bridge.ErrInvalid},
		{methodPost, "metadata_too_large", bridge.ErrInvalid},
		{methodUpdate, "block_mismatch", bridge.ErrInvalid},
		{methodPost, "service_unavailable", bridge.ErrNotSent},
		{methodPost, "fatal_error", nil},
		{methodPost, "internal_error", nil},
		{methodPost, "something_new", nil},
		{methodOpenDM, "fatal_error", bridge.ErrNotSent},
		{methodUser, "internal_error", bridge.ErrNotSent},
	} {
		err := explain(c.method, slackgo.SlackErrorResponse{Err: c.says}, true)
		if c.want == nil && certain(err) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s says %s: %v, want %v", c.method, c.says, err, c.want)
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s says %s, and the operator is told %q", c.method, c.says, err)
		}
	}
}

func certain(err error) bool {
	for _, known := range []error{
		bridge.ErrNotSent, bridge.ErrUnreachable, bridge.ErrRoute, bridge.ErrAuth, bridge.ErrGone, bridge.ErrInvalid,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	_, limited := errors.AsType[*bridge.Limited](err)
	return limited
}

// TestWhatNoAnswerMakesCertain: a post that may have reached Slack may be
// there; one that found no connection, and a question, did nothing.
func TestWhatNoAnswerMakesCertain(t *testing.T) {
	t.Parallel()
	lost := &url.Error{Op: "Post", URL: "https://slack.example/api/chat.postMessage", Err: context.DeadlineExceeded}
	refused := &url.Error{Op: "Post", URL: "https://slack.example/api/chat.postMessage", Err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}}
	for _, c := range []struct {
		name      string
		method    string
		err       error
		connected bool
		sure      bool
	}{
		{"a post is lost", methodPost, lost, true, false},
		{"a post finds no connection", methodPost, refused, false, true},
		{"a question is lost", methodUser, lost, true, true},
		{"a post gets a 502", methodPost, slackgo.StatusCodeError{Code: 502}, true, false},
		{"a question gets a 502", methodOpenDM, slackgo.StatusCodeError{Code: 502}, true, true},
		{"an answer is garbage", methodPost, errors.New("invalid character '<'"), true, false},
	} {
		err := explain(c.method, c.err, c.connected)
		if errors.Is(err, bridge.ErrNotSent) != c.sure || certain(err) != c.sure {
			t.Errorf("%s: %v, want certainty that nothing was sent: %v", c.name, err, c.sure)
		}
		if strings.Contains(err.Error(), "https://") {
			t.Errorf("%s: the error has an address: %v", c.name, err)
		}
	}
}

// TestErrorsRepeatNothingOfSlacks: what is no plain word does not get into a
// log.
func TestErrorsRepeatNothingOfSlacks(t *testing.T) {
	t.Parallel()
	for _, says := range []string{"xoxb-1 is\nwrong", strings.Repeat("a", 500), "<script>", ""} {
		err := explain(methodPost, slackgo.SlackErrorResponse{Err: says, Needed: "chat:write\nxapp"}, true)
		if strings.ContainsAny(err.Error(), "\n<") || len(err.Error()) > 200 {
			t.Errorf("%q becomes %q", says, err)
		}
	}
}

// TestBehaviour34LimitedPlaceIsLeftAlone as long as Slack says, and no other.
func TestBehaviour34LimitedPlaceIsLeftAlone(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.slack.Fail(methodPost, 1, slacktest.Fault{Limited: 7})
	post := func(to bridge.Address, c bridge.Card) error {
		_, err := o.adapter.Post(t.Context(), to, c, "key")
		return err
	}
	for range 3 {
		l, ok := errors.AsType[*bridge.Limited](post(deploys, deploysCard()))
		if !ok || l.After > 7*time.Second || l.After < 5*time.Second || l.All {
			t.Fatalf("the channel is limited for seven seconds: %v", l)
		}
	}
	if n := len(o.slack.Calls(methodPost)); n != 1 {
		t.Errorf("Slack was asked %d times within the seven seconds, want once", n)
	}
	if err := post(alice, card()); err != nil {
		t.Errorf("another place is limited, too: %v", err)
	}
	if got := o.slack.Person(alice).Screen(); !strings.Contains(got, "helper wants corp") || strings.Contains(got, "#deploys") {
		t.Errorf("alice sees:\n%s", got)
	}
}

// TestBehaviour34AWorkspaceIsLeftAlone: a limit of the whole workspace is told
// as one, and until it is over Slack is not called for other places either.
func TestBehaviour34AWorkspaceIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, method := range []string{methodOpenDM, methodUpdate} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			refs := []bridge.MessageRef{o.post(alice, card()), o.post(deploys, deploysCard())}
			o.adapter.known.dms.Drop(alice)
			before := len(o.slack.Calls(method))
			o.slack.Fail(method, 1, slacktest.Fault{Limited: 3})
			for i, c := range []bridge.Card{card(), deploysCard()} {
				err := o.adapter.Edit(t.Context(), refs[i], c)
				if method == methodOpenDM {
					_, err = o.adapter.Post(t.Context(), alice, card(), "key")
				}
				if l, ok := errors.AsType[*bridge.Limited](err); !ok || !l.All {
					t.Errorf("it is limited: %v", err)
				}
			}
			if n := len(o.slack.Calls(method)) - before; n != 1 {
				t.Errorf("Slack was called %d times within the three seconds, want once", n)
			}
		})
	}
}

// TestBehaviour35LostPostIsNotRepeated: nobody knows whether the card is there,
// and the adapter does not try again by itself.
func TestBehaviour35LostPostIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacktest.Fault{
		"cut off":   {Committed: true, Reset: true},
		"500":       {Committed: true, Status: 500},
		"fatal":     {Committed: true, Error: "fatal_error"},
		"garbage":   {Committed: true, Garbage: true},
		"timed out": {Committed: true, Delay: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			_, err := o.adapter.dm(t.Context(), alice)
			if err := errors.Join(err, o.adapter.reach(t.Context(), alice)); err != nil {
				t.Fatal(err)
			}
			o.slack.Fail(methodPost, 1, fault)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if _, err := o.adapter.Post(ctx, alice, card(), "key"); err == nil || certain(err) {
				t.Errorf("the post says %v, want nothing certain", err)
			}
			if n := len(messagesOn(o.slack.Person(alice).Screen())); n != 1 {
				t.Errorf("alice sees %d cards, want the one of the only try", n)
			}
		})
	}
}

// TestRefusalIsTold: what Slack refuses for our sake the operator sees in the
// health, until it takes our calls again.
func TestRefusalIsTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.post(alice, card())
	o.slack.Change(func(w *slacktest.World) { w.App.Refuse = "token_revoked" })
	if _, err := o.adapter.Post(t.Context(), alice, card(), "key"); !errors.Is(err, bridge.ErrAuth) {
		t.Errorf("after the token was taken back: %v", err)
	}
	if h := o.adapter.Health(); h.State != chat.Refused || !strings.Contains(h.Why, "taken back") {
		t.Errorf("the health is %+v", h)
	}
	o.slack.Change(func(w *slacktest.World) { w.App.Refuse = "" })
	o.post(alice, card())
	if h := o.adapter.Health(); h.State == chat.Refused {
		t.Errorf("after Slack takes our calls again the health is %+v", h)
	}
}
