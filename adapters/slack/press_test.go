package slack

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

// answers has the desk answer all presses alike.
func (o *office) answers(c bridge.Card, word string, err error) {
	o.desk.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) { return c, word, err }
}

// TestPressReachesTheDesk as the human whose account it is, with nothing of
// what the card itself said but which request it is.
func TestPressReachesTheDesk(t *testing.T) {
	t.Parallel()
	o, c := newOffice(t), card()
	o.post(alice, c)
	var got bridge.Clicker
	o.desk.OnClick = func(who bridge.Clicker, id bridge.RequestID, verb bridge.Verb) (bridge.Card, string, error) {
		if got = who; id != c.Request || verb != bridge.VerbShowCode {
			t.Errorf("pressed %s of %s", verb, id)
		}
		return c, "", nil
	}
	o.press(alice, "Show code")
	if want := (bridge.Clicker{Human: "alice", Channel: "slack", User: alice}); got != want {
		t.Errorf("pressed by %+v, want %+v", got, want)
	}
	o.sees(alice, "!only visible to you")
}

// TestBehaviour14OthersAreToldPrivately: the desk says no, and only who
// pressed sees why.
func TestBehaviour14OthersAreToldPrivately(t *testing.T) {
	t.Parallel()
	o, c := newOffice(t), deploysCard()
	o.post(deploys, c)
	o.answers(bridge.Card{}, "", fmt.Errorf("press: %w", bridge.ErrNotFound))
	o.press(alice, "Claim")
	o.sees(alice, "only visible to you", "This is not for you to answer", "Nothing happened.")
	o.sees(bob, "!only visible to you", "!not for you")
}

// TestBehaviour13LosersAreTold who has it.
func TestBehaviour13LosersAreTold(t *testing.T) {
	t.Parallel()
	o, c := newOffice(t), deploysCard()
	o.post(deploys, c)
	claimed := c
	claimed.Buttons, claimed.Claim.By = nil, "carol"
	o.answers(claimed, "carol has claimed it, until 12:04 UTC at the latest.", nil)
	o.press(bob, "Claim")
	o.sees(bob, "only visible to you", "carol has claimed it")
	o.sees(carol, "!only visible to you")
}

// TestShowAgainIsAnswered: the team's card stays as it is, and the private one
// is somewhere else.
func TestShowAgainIsAnswered(t *testing.T) {
	t.Parallel()
	o, c := newOffice(t), deploysCard()
	c.Headline, c.Buttons = "Claimed by alice", []bridge.Button{{Verb: bridge.VerbShowAgain, Label: "Show again"}}
	o.post(deploys, c)
	o.answers(c, "", nil)
	o.press(alice, "Show again")
	o.sees(alice, "only visible to you", "Your card comes anew")
	o.sees(bob, "!comes anew")
}

// TestBehaviour17OutsidersHaveNoSay: whoever the bridge takes them for, and
// whatever they were when they were last looked at.
func TestBehaviour17OutsidersHaveNoSay(t *testing.T) {
	t.Parallel()
	for name, change := range outsiders() {
		if name == "deactivated" {
			continue // sees nothing: see TestBehaviour17LeftSinceTheLastLook
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.post(deploys, deploysCard())
			o.slack.Change(func(w *slacktest.World) { change(w.Person(bob)) })
			o.press(bob, "Claim")
			o.turnsAway(bob)
		})
	}
}

// turnsAway checks that the desk heard of no press, the audit log of one, and
// somebody of that it was for nothing.
func (o *office) turnsAway(who string) {
	o.t.Helper()
	if all := o.desk.Presses(); len(all) != 0 {
		o.t.Errorf("the desk heard of %q", all)
	}
	if lines := o.desk.Lines; len(lines) != 1 || lines[0].Event != bridge.AuditPressRefused || lines[0].PlatformUser != who || lines[0].Channel != "slack" {
		o.t.Errorf("the audit log has %+v", lines)
	}
	o.sees(who, "only visible to you", "Nothing happened")
}

// TestBehaviour17LeftSinceTheLastLook: what shows a code goes by what Slack
// says now, not by what it said a moment ago.
func TestBehaviour17LeftSinceTheLastLook(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.post(deploys, deploysCard())
	o.answers(deploysCard(), "carol has it.", nil)
	o.press(bob, "Decline for the team")
	o.desk.Pressed = nil
	in, err := parseInteraction(o.slack.Person(bob).Pressing("Claim"))
	if err != nil {
		t.Fatal(err)
	}
	o.slack.Change(func(w *slacktest.World) { w.Person(bob).Deleted = true })
	o.adapter.serve(t.Context(), in)
	if all := o.desk.Presses(); len(all) != 0 {
		t.Errorf("the desk heard of %q", all)
	}
}

// TestBehaviour17NobodyKnowsThem: somebody of the workspace who is no human of
// the bridge's.
func TestBehaviour17NobodyKnowsThem(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.post(deploys, deploysCard())
	delete(o.desk.People, alice)
	o.press(alice, "Claim")
	o.sees(alice, "only visible to you", "You are nobody here yet", "/authbridge link CODE")
	if all := o.desk.Presses(); len(all) != 0 || len(o.desk.Lines) != 1 {
		t.Errorf("the desk heard of %q, the audit log of %d", all, len(o.desk.Lines))
	}
}

// A team's card may be the first that somebody sees. If Slack vouches for the
// e-mail that a human is configured with, they are that human; a profile that
// only claims an e-mail is nobody, and so is who would be a second account.
func TestWhoIsKnownByTheirEMailMayClaimAtOnce(t *testing.T) {
	t.Parallel()
	claims := func(prepare func(o *office)) *office {
		o := newOffice(t)
		o.post(deploys, deploysCard())
		delete(o.desk.People, alice)
		o.desk.Emails["alice@example.com"] = "alice"
		o.slack.Change(func(w *slacktest.World) { w.Person(alice).Email = "alice@example.com" })
		prepare(o)
		o.press(alice, "Claim")
		return o
	}
	o := claims(func(*office) {})
	if all := o.desk.Presses(); len(all) != 1 || o.desk.People[alice] != "alice" {
		t.Errorf("the desk heard of %q, and alice is %q", all, o.desk.People[alice])
	}
	for name, prepare := range map[string]func(o *office){
		"unconfirmed": func(o *office) {
			o.slack.Change(func(w *slacktest.World) { w.Person(alice).Unconfirmed = true })
		},
		"somebody else's": func(o *office) { o.desk.Emails = map[string]string{"bob@example.com": "bob"} },
	} {
		o := claims(prepare)
		if all := o.desk.Presses(); len(all) != 0 {
			t.Errorf("%s: the desk heard of %q", name, all)
		}
		o.sees(alice, "only visible to you", "You are nobody here yet")
	}
}

// TestBehaviour16SlackDoesNotSayWhoTheyAre: then nobody has a say.
func TestBehaviour16SlackDoesNotSayWhoTheyAre(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacktest.Fault{
		"out of order": {Status: 500}, "cut off": {Reset: true}, "garbage": {Garbage: true}, "limited": {Limited: 5}, "internal": {Error: "internal_error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.post(deploys, deploysCard())
			o.slack.Fail(methodUser, 9, fault)
			o.press(bob, "Claim")
			o.turnsAway(bob)
		})
	}
}

// TestTurnedAwayIsNotTheirLogbook: who presses on and on fills no audit log.
func TestTurnedAwayIsNotTheirLogbook(t *testing.T) {
	t.Parallel()
	w := slacktest.Office()
	w.Unlimited = true
	o := officeOf(t, w)
	o.post(deploys, deploysCard())
	for range 2 * chat.MaxTurnedAway {
		o.press(dave, "Claim")
	}
	if n := len(o.desk.Lines); n != chat.MaxTurnedAway {
		t.Errorf("the audit log has %d lines", n)
	}
}

// TestPressesThatAreNone of ours, or not for this installation, do nothing.
func TestPressesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*inbound){
		"another app's button": func(in *inbound) { in.actions[0].id = "approve" },
		"an unknown verb":      func(in *inbound) { in.actions[0].id = "ab.v1.grant" },
		"another version":      func(in *inbound) { in.actions[0].id = "ab.v2.show_code" },
		"no button":            func(in *inbound) { in.actions = nil },
		"two buttons":          func(in *inbound) { in.actions = append(in.actions, in.actions[0]) },
		"an organisation":      func(in *inbound) { in.orgWide = true },
		"a link":               func(in *inbound) { in.actions[0].id = actionPrefix + actionLink },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.post(alice, card())
			in, err := parseInteraction(o.slack.Person(alice).Pressing("Show code"))
			if err != nil {
				t.Fatal(err)
			}
			change(&in)
			o.adapter.serve(t.Context(), in)
			if all := o.desk.Presses(); len(all) != 0 {
				t.Errorf("the desk heard of %q", all)
			}
		})
	}
}

// TestFaultsAreTold in words that say whether anything was done.
func TestFaultsAreTold(t *testing.T) {
	t.Parallel()
	for want, fault := range map[string]error{
		"Nothing was changed: try again.": bridge.ErrStoreUnavailable,
		"Look at the card":                bridge.ErrInDoubt,
		"its log says what":               fmt.Errorf("an inner matter"),
		"put plainly":                     &bridge.Problem{Detail: "put plainly"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.post(alice, card())
			o.answers(bridge.Card{}, "", fault)
			o.press(alice, "Show code")
			o.sees(alice, "only visible to you", want, "!an inner matter")
		})
	}
}

// withDigits is a card that asks for the digits of the agent.
func withDigits(c bridge.Card) bridge.Card {
	c.Digits, c.Phrase = true, "amber falcon"
	return c
}

// TestBehaviour23DigitsBeforeTheCode: Show code asks for them in a modal, and
// wrong ones are told at the input.
func TestBehaviour23DigitsBeforeTheCode(t *testing.T) {
	t.Parallel()
	for _, c := range []bridge.Card{withDigits(card()), withDigits(deploysCard())} {
		o, to, label := newOffice(t), bridge.Address(alice), "Show code"
		if c.View == bridge.ViewTeam {
			to, label = deploys, "Claim"
		}
		o.post(to, c)
		o.desk.OnClick = func(who bridge.Clicker, _ bridge.RequestID, _ bridge.Verb) (bridge.Card, string, error) {
			switch who.Typed {
			case "4711":
				return withoutDigits(c), "", nil
			case "":
				return c, "Type the four digits that helper shows, then press again.", nil
			}
			return c, "These are not the digits that helper shows. Two tries are left.", nil
		}
		o.press(alice, label)
		o.sees(alice, "== modal:", "Digits the agent shows", "["+label+"]")
		if wrong := o.submit(alice, "1234"); !strings.Contains(wrong, "Two tries are left") {
			t.Errorf("wrong digits are told %q", wrong)
		}
		if wrong := o.submit(alice, "4711"); wrong != "" {
			t.Errorf("the right digits are told %q", wrong)
		}
		o.sees(alice, "!== modal:")
		want := []string{"alice " + verbOf(label), "alice " + verbOf(label), "alice " + verbOf(label)}
		if got := o.desk.Presses(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the desk heard %q, want %q", got, want)
		}
	}
}

func verbOf(label string) string {
	if label == "Claim" {
		return string(bridge.VerbClaim)
	}
	return string(bridge.VerbShowCode)
}

func withoutDigits(c bridge.Card) bridge.Card {
	c.Digits, c.Minting = false, true
	return c
}

// TestBehaviour23DigitsOfAGuest are not even looked at.
func TestBehaviour23DigitsOfAGuest(t *testing.T) {
	t.Parallel()
	o, c := newOffice(t), withDigits(card())
	o.post(alice, c)
	o.answers(c, "Type the four digits that helper shows, then press again.", nil)
	o.press(alice, "Show code")
	o.slack.Change(func(w *slacktest.World) { w.Person(alice).Guest = true })
	if wrong := o.submit(alice, "4711"); !strings.Contains(wrong, "Guests") {
		t.Errorf("a guest is told %q", wrong)
	}
	if all := o.desk.Presses(); len(all) != 1 {
		t.Errorf("the desk heard of %q", all)
	}
}

// TestNoDirectMessage: who takes none sees their card in a modal, by the press
// that asked for it; it is edited like any other, and closing it is known.
func TestNoDirectMessage(t *testing.T) {
	t.Parallel()
	o, c := newOffice(t), deploysCard()
	o.post(deploys, c)
	o.slack.Change(func(w *slacktest.World) { w.Person(bob).NoOpen = "user_disabled" })
	private := card()
	private.Request = c.Request
	var ref bridge.MessageRef
	o.desk.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) {
		ref = o.post(bob, private)
		return private, "", nil
	}
	o.press(bob, "Claim")
	o.sees(bob, "== modal:", "amber falcon 42")
	o.edit(ref, withCode(private))
	o.sees(bob, userCode)
	o.sees(alice, "!"+userCode, "!== modal:")

	o.answers(withCode(private), "Asking login.example.com as soon as it lets us.", nil)
	o.press(bob, "Show code")
	o.sees(bob, "== modal:", userCode, "Asking login.example.com")

	o.edit(ref, over(private, "You denied it. helper got nothing."))
	o.sees(bob, "!"+userCode, "You denied it.") // behaviour 25
	o.slack.Person(bob).CloseModal()
	if err := o.adapter.Edit(t.Context(), ref, private); err == nil || !strings.Contains(err.Error(), bridge.ErrGone.Error()) {
		t.Errorf("an edit of a modal that was closed: %v", err)
	}
}

// TestTriggerIsForOneRequest: what somebody pressed shows them no card of
// another request, and nobody else's.
func TestTriggerIsForOneRequest(t *testing.T) {
	t.Parallel()
	o, c := newOffice(t), deploysCard()
	o.post(deploys, c)
	o.slack.Change(func(w *slacktest.World) {
		w.Person(bob).NoOpen, w.Person(carol).NoOpen = "user_disabled", "user_disabled"
	})
	o.answers(c, "no", nil)
	o.press(bob, "Claim")
	mine := card()
	mine.Request = c.Request
	for who, c := range map[string]bridge.Card{bob: card(), carol: mine} {
		if _, err := o.adapter.Post(t.Context(), bridge.Address(who), c, "key"); err == nil {
			t.Errorf("%s is shown a card that they have not asked for", who)
		}
		o.sees(who, "!== modal:")
	}
}

// TestFiftyPressAtOnce: each is told something, and nobody else sees it.
func TestFiftyPressAtOnce(t *testing.T) {
	t.Parallel()
	w := slacktest.Office()
	w.Unlimited = true
	for i := range 50 {
		id := fmt.Sprintf("U0MANY%02d", i)
		w.People = append(w.People, slacktest.User{ID: id, Name: id})
		w.Channel(deploys).Members = append(w.Channel(deploys).Members, id)
	}
	o := officeOf(t, w)
	for _, u := range w.People[5:] {
		o.desk.People[bridge.Address(u.ID)] = strings.ToLower(u.ID)
	}
	c := deploysCard()
	o.post(deploys, c)
	var won sync.Once
	o.desk.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) {
		word := "somebody has claimed it."
		won.Do(func() { word = "" })
		return c, word, nil
	}
	var all sync.WaitGroup
	for _, u := range w.People[5:] {
		all.Go(func() { o.press(u.ID, "Claim") })
	}
	all.Wait()
	told := 0
	for _, u := range w.People[5:] {
		told += strings.Count(o.slack.Person(u.ID).Screen(), "only visible to you")
	}
	if told != 49 {
		t.Errorf("%d of 50 are told that they lost", told)
	}
}

// TestSlowPressOpensNoModal: Slack takes no trigger of three seconds ago, so it
// is not tried.
func TestSlowPressOpensNoModal(t *testing.T) {
	t.Parallel()
	o, c := newOffice(t), withDigits(card())
	o.post(alice, c)
	o.answers(c, "Type the four digits that helper shows, then press again.", nil)
	in, err := parseInteraction(o.slack.Person(alice).Pressing("Show code"))
	if err != nil {
		t.Fatal(err)
	}
	in.at = in.at.Add(-3 * time.Second)
	o.adapter.serve(t.Context(), in)
	o.sees(alice, "!== modal:", "only visible to you", "press again")
}

// TestBehaviour29ThePressedMessageIsNamed, so that the bridge can take it for
// the card whose post was lost; one that only they see is none.
func TestBehaviour29ThePressedMessageIsNamed(t *testing.T) {
	t.Parallel()
	o, mine, ours := newOffice(t), card(), deploysCard()
	ours.Buttons = ours.Buttons[:1]
	direct, shared := o.post(alice, mine), o.post(deploys, ours)
	o.answers(mine, "", nil)
	o.press(alice, "Show code")
	o.press(alice, "Claim")
	in, err := parseInteraction(o.slack.Person(alice).Pressing("Show code"))
	if err != nil {
		t.Fatal(err)
	}
	in.ephemeral = true
	o.adapter.serve(t.Context(), in)
	want := fmt.Sprintf("[alice %s  alice %s %s]", direct, shared, deploys)
	if got := fmt.Sprint(o.desk.Adopted); got != want {
		t.Errorf("the bridge is told of %s, want %s", got, want)
	}
}

// TestBehaviour17PayloadOfAnotherWorkspace: what Slack says of where something
// happened has to fit, too.
func TestBehaviour17PayloadOfAnotherWorkspace(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*inbound){
		"the workspace":       func(in *inbound) { in.team = "T0ELSE" },
		"no workspace":        func(in *inbound) { in.team = "" },
		"the user's":          func(in *inbound) { in.userTeam = "T0ELSE" },
		"somebody unheard of": func(in *inbound) { in.user = "U0NOBODY" },
		"no user's id":        func(in *inbound) { in.user = "alice" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.slack.Tolerate("channel_not_found", "user_not_in_channel", "invalid_arguments", "user_not_found")
			o.post(deploys, deploysCard())
			in, err := parseInteraction(o.slack.Person(bob).Pressing("Claim"))
			if err != nil {
				t.Fatal(err)
			}
			change(&in)
			o.adapter.serve(t.Context(), in)
			if all := o.desk.Presses(); len(all) != 0 || len(o.desk.Lines) != 1 {
				t.Errorf("the desk heard of %q, the audit log of %d", all, len(o.desk.Lines))
			}
		})
	}
}

// TestAnswersGoToSlack and to nobody whom a payload names.
func TestAnswersGoToSlack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for address, want := range map[string]bool{
		"https://hooks.slack.com/actions/T1/2/3": true,
		"https://hooks.slack-gov.com/actions/1":  true,
		o.adapter.base + "/response/1":           true,
		"http://hooks.slack.com/actions/T1":      false,
		"https://evil.example/hooks.slack.com":   false,
		"https://hooks.slack.com.evil.example/1": false,
		"https://evilslack.com/1":                false,
		"https://me:pw@hooks.slack.com/1":        false,
		"http://127.0.0.1:1/metadata":            false,
		"file:///etc/passwd":                     false,
		"":                                       false,
	} {
		if got := o.adapter.isResponseURL(bridge.NewSecret(address)); got != want {
			t.Errorf("an answer to %q: %v, want %v", address, got, want)
		}
	}
}

// TestWhoHasJustBecomeSomebodyIsLookedUpAnew: what was learnt of them while they
// were nobody is not enough for a code.
func TestWhoHasJustBecomeSomebodyIsLookedUpAnew(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.post(deploys, deploysCard())
	delete(o.desk.People, alice)
	o.press(alice, "Claim")
	o.desk.Lines = nil
	o.desk.Emails["alice@acme.example"] = "alice"
	o.slack.Change(func(w *slacktest.World) { w.Person(alice).Guest = true })
	o.press(alice, "Claim")
	o.turnsAway(alice)
}

// TestStrangersCannotUseUpWhatSlackAnswers: whoever is in a channel can press
// what lies there, and whoever is in the workspace can type a command. Slack
// tells who somebody is so many times a minute, for all of them together.
func TestStrangersCannotUseUpWhatSlackAnswers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.post(deploys, deploysCard())
	delete(o.desk.People, alice)
	for range 5 {
		o.press(alice, "Claim")
		o.types(alice, "link 0000-0000")
		o.types(alice, "revoke 7f3k")
	}
	if n := len(o.slack.Calls(methodUser)); n != 1 {
		t.Errorf("Slack was asked %d times who alice is", n)
	}
	o.answers(deploysCard(), "carol has it.", nil)
	o.press(bob, "Claim")
	o.press(bob, "Claim")
	if n := len(o.slack.Calls(methodUser)); n != 3 {
		t.Errorf("Slack was asked %d times, and twice it was for bob", n)
	}
}
