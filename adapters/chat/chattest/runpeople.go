package chattest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// RunPeople holds who has a say: that a press is that of the human whose
// account it is, and that nobody else's does or learns anything.
func RunPeople(t *testing.T, start Start) {
	t.Run("a press is its human's", func(t *testing.T) { aPressIsTheirs(enter(t, start)) })
	t.Run("who is nobody here is told so, alone", func(t *testing.T) { nobodyIsTold(enter(t, start)) })
	t.Run("who has no say at the platform has none here", func(t *testing.T) { outsidersAreTold(enter(t, start)) })
	t.Run("a word is for who pressed", func(t *testing.T) { wordsAreTheirs(enter(t, start)) })
	t.Run("a code of the operator's says who they are", func(t *testing.T) { aLinkTies(enter(t, start)) })
	t.Run("commands answer who typed them", func(t *testing.T) { commandsAnswer(enter(t, start)) })
	t.Run("commands tell others nothing", func(t *testing.T) { commandsTellOthersNothing(enter(t, start)) })
	t.Run("the digits reach the desk", func(t *testing.T) { digitsReachTheDesk(enter(t, start)) })
}

func aPressIsTheirs(b *bench) {
	c := now(AskedCard())
	b.post(b.Alice, c)
	heard := make(chan string, 10)
	b.Desk().Alter(func(d *Desk) {
		d.OnClick = func(who bridge.Clicker, id bridge.RequestID, verb bridge.Verb) (bridge.Card, string, error) {
			heard <- fmt.Sprint(who.Human, who.User, who.Typed, id, verb)
			return c, "", nil
		}
	})
	b.Person(b.Alice).Press("Show code")
	if got, want := <-heard, fmt.Sprint("alice", b.Alice, "", c.Request, bridge.VerbShowCode); got != want {
		b.t.Errorf("the desk heard %s, want %s", got, want)
	}
	b.Until("the bridge knows which message it was", func() bool {
		var adopted []string
		b.Desk().Alter(func(d *Desk) { adopted = slices.Clone(d.Adopted) })
		return len(adopted) == 1 && strings.HasPrefix(adopted[0], "alice ")
	})
	b.sees(b.Alice, "!Nothing happened")
}

// refused has somebody press Claim, and checks that only they hear of it and
// that the desk does not.
func (b *bench) refused(who bridge.Address, word string) {
	b.t.Helper()
	b.post(b.Channel, now(SharedCard()))
	b.answers(now(SharedCard()), "", nil)
	b.Person(who).Press("Claim")
	b.comesTo(who, word)
	b.sees(b.Alice, "!"+word)
	if presses := b.Desk().Presses(); len(presses) > 0 {
		b.t.Errorf("the desk heard %q", presses)
	}
	lines := b.Desk().Audited()
	if len(lines) != 1 || lines[0].Event != bridge.AuditPressRefused || lines[0].PlatformUser != string(who) || lines[0].Request != SharedCard().Request {
		b.t.Errorf("the audit log has %+v", lines)
	}
}

func nobodyIsTold(b *bench) { b.refused(b.Carol, "You are nobody here yet.") }

func outsidersAreTold(b *bench) { b.refused(b.Outsider, "no say here. Nothing happened.") }

// wordsAreTheirs has the desk say what it can say. Only who pressed sees it, and
// what is the bridge's own fault has no more words than needed.
func wordsAreTheirs(b *bench) {
	for i, c := range []struct {
		word  string
		fault error
		want  string
	}{
		{"carol has claimed it, until 12:04 UTC at the latest.", nil, "carol has claimed it, until"},
		{"", fmt.Errorf("press: %w", bridge.ErrNotFound), "This is not for you to answer"},
		{"", fmt.Errorf("press: %w", bridge.ErrStoreUnavailable), "cannot reach its store just now"},
		{"", fmt.Errorf("press: %w", bridge.ErrInDoubt), "The bridge's store failed in the middle of this"},
		{"", errors.New("press: secret-1"), "Something went wrong inside the bridge"},
		{"", &bridge.TooManyTries{Until: time.Date(2026, 1, 2, 12, 4, 0, 0, time.UTC)}, "You have tried too often"},
	} {
		card := With(now(SharedCard()), func(card *bridge.Card) { card.Title = fmt.Sprint("ci wants files ", i) })
		b.post(b.Channel, card)
		b.answers(card, c.word, c.fault)
		b.Person(b.Bob).PressIn(card.Title, "Claim")
		b.comesTo(b.Bob, c.want)
		b.sees(b.Bob, "!secret-")
		b.sees(b.Alice, "!"+c.want)
	}
}

// aLinkTies somebody, once; before and after it, and with a wrong code, it does
// not.
func aLinkTies(b *bench) {
	b.Desk().Alter(func(d *Desk) { d.Codes["K7QF-XM2P"] = "carol" })
	carol := b.Person(b.Carol)
	carol.Command("whoami", "")
	b.comesTo(b.Carol, "You are nobody here yet.")
	carol.Command("link", "WRNG-CODE")
	b.comesTo(b.Carol, "This code is wrong, used or too old.")
	carol.Command("link", "K7QF-XM2P")
	b.comesTo(b.Carol, "You are carol here now.")
	carol.Command("whoami", "")
	b.comesTo(b.Carol, "You are carol here.")

	b.Desk().Alter(func(d *Desk) { d.Codes["BBBB-BBBB"] = "mallory" })
	b.Person(b.Outsider).Command("link", "BBBB-BBBB")
	b.comesTo(b.Outsider, "no say here")
	b.Desk().Alter(func(d *Desk) {
		if d.People[b.Outsider] == "mallory" || d.Codes["BBBB-BBBB"] == "" {
			b.t.Error("somebody without a say has used a code")
		}
	})
	for _, who := range []bridge.Address{b.Alice, b.Bob, b.Carol} {
		b.sees(who, "!K7QF", "!WRNG")
	}
}

func commandsAnswer(b *bench) {
	given := now(GivenCard())
	b.Desk().Alter(func(d *Desk) {
		d.Shown = bridge.Inbox{
			Waiting: []bridge.Card{With(now(CodedCard()), func(c *bridge.Card) { c.Title = "helper wants mail" })}, Given: []bridge.Card{given},
		}
		d.Live["WDJBMJHT"] = bridge.CodeFinding{Known: true, Request: given.Request, Agent: "helper", Host: "login.example.com", LapsesAt: time.Now()}
	})
	for _, c := range []struct{ name, argument, want string }{
		{"help", "", "who you are here"},
		{"list", "", "helper wants corp"},
		{"pending", "", "helper wants mail"},
		{"revoke", "0000", "Nothing that you have given is called that"},
		{"verify", "WDJBMJHT", "This code was made for you."},
		{"verify", "EVIL-CODE", "Do not enter it."},
		{"whoami", "", "You are alice here."},
	} {
		b.Person(b.Alice).Command(c.name, c.argument)
		b.comesTo(b.Alice, c.want)
		b.sees(b.Bob, "!"+c.want)
	}
	b.sees(b.Alice, "!WDJB", "!EVIL")
	if n := b.Posts(); n > 0 {
		b.t.Errorf("%d messages were posted", n)
	}
}

func commandsTellOthersNothing(b *bench) {
	b.Desk().Alter(func(d *Desk) { d.Shown = bridge.Inbox{Given: []bridge.Card{now(GivenCard())}} })
	for who, word := range map[bridge.Address]string{b.Carol: "You are nobody here yet.", b.Outsider: "no say here"} {
		for _, name := range []string{"list", "pending", "whoami"} {
			b.Person(who).Command(name, "")
			p, n := b.Person(who), 1
			b.Until("they are told", func() bool { return strings.Count(p.Screen(), word) >= n })
		}
		b.sees(who, "!helper")
	}
}

// digitsReachTheDesk asks in a modal; wrong ones can be typed again.
func digitsReachTheDesk(b *bench) {
	c := now(DigitsCard())
	b.post(b.Alice, c)
	b.Desk().Alter(func(d *Desk) {
		d.OnClick = func(who bridge.Clicker, _ bridge.RequestID, _ bridge.Verb) (bridge.Card, string, error) {
			switch who.Typed {
			case "":
				return c, "Type the digits.", nil
			case "4711":
				return With(c, func(c *bridge.Card) { c.Digits, c.Minting, c.Buttons = false, true, nil }), "", nil
			}
			return c, "These are not the digits that helper shows.", nil
		}
	})
	alice := b.Person(b.Alice)
	alice.Press("Show code")
	b.comesTo(b.Alice, "== modal:")
	alice.Enter("1234")
	b.comesTo(b.Alice, "These are not the digits that helper shows.")
	if !strings.Contains(alice.Screen(), "== modal:") { // some platforms close it
		alice.Press("Show code")
		b.comesTo(b.Alice, "== modal:")
	}
	alice.Enter("4711")
	b.Until("the modal is closed", func() bool { return !strings.Contains(alice.Screen(), "== modal:") })
	b.Until("the desk has heard them", func() bool {
		n := len(b.Desk().Presses())
		return n == 3 || n == 4
	})
}
