package slack

import (
	"errors"
	commandline "flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat/chattest"
	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

// Whatever an agent says, and whatever a provider calls an account: Slack takes
// the card, and does nothing with it but show it. Both are judged by the
// stand-in for Slack, which knows nothing of how cards are laid out.

// Each of them stands on the card as text, cut and cleaned, and is nothing else.
func TestHostileWordsAreReadAndDoNothing(t *testing.T) {
	all := transcript{t: t}
	for i, text := range hostile {
		c := with(askedCard(), func(c *bridge.Card) { c.Says = []string{text} })
		shown := checked(t, c)
		want := bridge.Inert(bridge.Clean(text, 300))
		if want != "" && !strings.Contains(shown.Seen, "\n“"+want+"”\n") {
			t.Errorf("%.100q is not to be read as it is:\n%s", text, shown.Seen)
		}
		why, _, _ := strings.Cut(shown.Seen[strings.Index(shown.Seen, "Why:"):], "Check phrase:")
		all.scene(fmt.Sprintf("%d: %.60q", i, text), slacktest.Shown{Seen: strings.TrimSpace(why)})
	}
	all.compare("hostile")
}

// 5: mentions, links and marks of style come out inert, wherever they stand.
func TestBehaviour05MarkupFromElsewhereIsInert(t *testing.T) {
	for _, text := range hostile {
		for place, c := range everywhere(text) {
			shown := checked(t, c)
			for _, sign := range []string{"\u202e", "\u200f", "\u2066", "\u200b", "\u2060", "\ufeff", "\U000E0041", "\x00", "\x1b", "\r", "\u2028"} {
				if strings.Contains(shown.Seen+shown.Heard, sign) {
					t.Errorf("%s: %q is still there", place, sign)
				}
			}
			if strings.Contains(shown.Seen+shown.Heard, "evil.example") && strings.Contains(shown.Seen+shown.Heard, "://evil") {
				t.Errorf("%s: an address that a client could link:\n%s", place, shown.Seen)
			}
		}
	}
}

// checked shows a card and makes sure of what holds for every card.
func checked(t testing.TB, c bridge.Card) slacktest.Shown {
	t.Helper()
	m, err := cardMessage(c)
	if err != nil {
		t.Fatal(err)
	}
	shown := showMessage(t, m)
	checkReading(t, shown, c.Code != nil)
	checkText(t, m, c)
	checkButtons(t, m, c)
	return shown
}

func checkReading(t testing.TB, shown slacktest.Shown, code bool) {
	t.Helper()
	r := shown.Reading
	if len(r.Mentions)+len(r.Links)+len(r.Emoji) > 0 || !shown.Text.Inert() {
		t.Fatalf("it mentions %q, leads to %v, has pictures %q; its text comes to %+v:\n%s", r.Mentions, r.Links, r.Emoji, shown.Text, shown.Seen)
	}
	for _, style := range r.Styles {
		if style != "bold" && (style != "pre" || !code) {
			t.Fatalf("it has the style %s:\n%s", style, shown.Seen)
		}
	}
}

func checkText(t testing.TB, m message, c bridge.Card) {
	t.Helper()
	most := 250
	if c.Code != nil {
		most = 4000 // of an edit
	}
	if n := len(utf16.Encode([]rune(m.text))); n > most || n == 0 {
		t.Fatalf("a text of %d characters: %q", n, m.text)
	}
}

// checkButtons makes sure that a button says what the contract has it say, that
// nothing which goes on stands out, and that refusing comes before going on.
func checkButtons(t testing.TB, m message, c bridge.Card) {
	t.Helper()
	for _, b := range m.blocks {
		row, ok := b.(*slackgo.ActionBlock)
		if !ok {
			continue
		}
		for i, e := range row.Elements.ElementSet {
			checkButton(t, e.(*slackgo.ButtonBlockElement), c)
			if verb := strings.TrimPrefix(e.(*slackgo.ButtonBlockElement).ActionID, actionPrefix); c.Code != nil && i == 0 && verb != "not_me" && verb != "deny" {
				t.Fatalf("%s stands first beside a code", verb)
			}
		}
	}
}

var contractLabels = []string{
	"Show code", "Get a new code", "I have finished", "Show again", "I did not ask for this", "Deny", "Allow again",
	"Claim", "Release", "Decline for the team", "Mine", "Not mine", "Revoke",
}

func checkButton(t testing.TB, b *slackgo.ButtonBlockElement, c bridge.Card) {
	t.Helper()
	open := c.Code != nil && strings.HasPrefix(b.Text.Text, "Open ") && b.URL == c.Code.Open.Reveal()
	if !open && (!slices.Contains(contractLabels, b.Text.Text) || b.URL != "") {
		t.Fatalf("a button %q that leads to %q", b.Text.Text, b.URL)
	}
	if b.Style == slackgo.StylePrimary || !strings.HasPrefix(b.AccessibilityLabel, b.Text.Text) || b.Value != string(c.Request) {
		t.Fatalf("the button %q: style %q, called %q, value %q", b.Text.Text, b.Style, b.AccessibilityLabel, b.Value)
	}
}

var cards = commandline.Int("cards", 0, "how many cards are made by chance, however long it takes; 0 = what fits into a few seconds")

// What fits: two thousand where the machine is free, and enough where it is
// not.
const (
	cardsMost  = 2000
	cardsLeast = 300
	cardsFor   = 6 * time.Second
)

// 8: Slack takes every card, whatever is in it, and shows it. With -cards
// 10000 it is that many. It keeps a processor busy, so it runs beside no test
// that has to be in time.
func TestBehaviour08EveryCardIsTaken(t *testing.T) {
	until := time.Now().Add(cardsFor)
	enough := func(made int) bool {
		return made >= cardsLeast && (made >= cardsMost || time.Now().After(until))
	}
	if *cards > 0 {
		enough = func(made int) bool { return made >= *cards }
	}
	made := 0
	for !enough(made) {
		c := chattest.Throw(8, uint64(made)).Card()
		shown := checked(t, c)
		if head := bridge.Inert(bridge.Clean(c.Headline, 200)); !strings.HasPrefix(shown.Seen, head) || !strings.HasPrefix(shown.Text.Visible, head) {
			t.Fatalf("card %d does not begin with its state %q:\n%s\n%s", made, head, shown.Seen, shown.Text.Visible)
		}
		if made%4 == 0 {
			checkModals(t, c)
		}
		made++
	}
	t.Logf("%d cards", made)
}

func checkModals(t *testing.T, c bridge.Card) {
	t.Helper()
	v, err := cardModal(c)
	if err != nil {
		t.Fatal(err)
	}
	checkReading(t, showView(t, v), c.Code != nil)
	checkReading(t, showView(t, digitsModal(c, bridge.VerbShowCode)), false)
}

// The Home tab and the answers take whatever the cards hold, too.
func TestHostileWordsInHomeAndAnswers(t *testing.T) {
	r := chattest.Throw(1, 2)
	for range 25 {
		var in bridge.Inbox
		for range r.IntN(40) {
			in.Waiting, in.Given, in.Earlier = append(in.Waiting, r.Card()), append(in.Given, with(givenCard(), func(c *bridge.Card) { c.Title, c.Ending, c.Scopes = r.Text(), r.Text(), r.Card().Scopes })), append(in.Earlier, r.Card())
			in.Stopped = append(in.Stopped, bridge.Suspension{Agent: r.Text(), Human: r.One("alice", r.Text())})
		}
		checkReading(t, showView(t, homeView("alice", in, linkTo)), false)
		for _, m := range []message{listMessage(in), pendingMessage(in, linkTo), wordMessage(r.Text()), whoamiMessage(r.Text())} {
			checkReading(t, showMessage(t, m), false)
			if n := len(asJSON(t, m.blocks)) + len(m.text); n > 19<<10 {
				t.Fatalf("an answer of %d bytes", n)
			}
		}
	}
}

func FuzzCards(f *testing.F) {
	for i, text := range hostile {
		f.Add(text, hostile[(i+1)%len(hostile)], uint64(i))
	}
	f.Fuzz(func(t *testing.T, agents, providers string, shape uint64) {
		c := chattest.Throw(shape, 0).Card()
		c.Says = append(c.Says, agents)
		c.Scopes = append(c.Scopes, bridge.ScopeLine{Scope: agents, Words: providers})
		c.Note, c.Question, c.Who = providers, agents, providers
		if c.Ending != "" {
			c.Ending = "Over. " + providers
		}
		checked(t, c)
		home := homeView(agents, bridge.Inbox{Waiting: []bridge.Card{c}, Given: []bridge.Card{c}, Earlier: []bridge.Card{c}, Stopped: []bridge.Suspension{{Agent: agents, Human: agents}}}, linkTo)
		checkReading(t, showView(t, home), false)
		checkReading(t, showMessage(t, wordMessage(agents)), false)
	})
}

// A code, an address or a card that is none lays out nothing.
func TestWhatMayNotCarryACode(t *testing.T) {
	code := func(change func(*bridge.Card)) bridge.Card { return with(codedCard(), change) }
	for name, c := range map[string]bridge.Card{
		"a team's card":       code(func(c *bridge.Card) { c.View = bridge.ViewTeam }),
		"a shared card":       code(func(c *bridge.Card) { c.Shared = true }),
		"a notice":            code(func(c *bridge.Card) { c.View = bridge.ViewNotice }),
		"what is over":        code(func(c *bridge.Card) { c.Ending = "It is over." }),
		"backticks":           code(func(c *bridge.Card) { c.Code.UserCode = bridge.NewSecret("AB```CD") }),
		"a line break":        code(func(c *bridge.Card) { c.Code.UserCode = bridge.NewSecret("ABCD\nEFGH") }),
		"no code":             code(func(c *bridge.Card) { c.Code.UserCode = bridge.NewSecret("") }),
		"a long code":         code(func(c *bridge.Card) { c.Code.UserCode = bridge.NewSecret("ABCDEFGHIJKLMNOPQRS") }),
		"four groups":         code(func(c *bridge.Card) { c.Code.UserCode = bridge.NewSecret("A-B-C-D") }),
		"another alphabet":    code(func(c *bridge.Card) { c.Code.UserCode = bridge.NewSecret("W\u0415JB-MJHT") }),
		"no https":            code(func(c *bridge.Card) { c.Code.Address = "slack://open" }),
		"a user name":         code(func(c *bridge.Card) { c.Code.Address = "https://github.com@evil.example/" }),
		"an address in marks": code(func(c *bridge.Card) { c.Code.Address = "https://github.com/<x>" }),
		"a button elsewhere":  code(func(c *bridge.Card) { c.Code.Open = bridge.NewSecret("javascript:alert(1)") }),
		"a long address":      code(func(c *bridge.Card) { c.Code.Address = "https://a.example/" + strings.Repeat("a", 500) }),
	} {
		m, err := cardMessage(c)
		if !errors.Is(err, bridge.ErrInvalid) || m.blocks != nil || m.text != "" {
			t.Errorf("%s: %v, and it is laid out", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), c.Code.Address) || !c.Code.UserCode.IsZero() && strings.Contains(err.Error(), c.Code.UserCode.Reveal())) {
			t.Errorf("%s: the error tells: %v", name, err)
		}
	}
}
