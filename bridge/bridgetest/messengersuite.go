package bridgetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// MessengerLab is what RunMessenger needs of an adapter and the platform that
// it is run against.
type MessengerLab struct {
	// Open starts the adapter on a fresh platform, until the test ends.
	Open func(t *testing.T) (bridge.Messenger, ChatPlatform)
	// KnowsKeys says that the platform tells by its key a post that is made
	// again soon.
	KnowsKeys bool
}

// ChatPlatform is a platform as its people see it, and how it can fail.
// Somebody is a person who can be reached, Closed one who takes no messages,
// Place a channel that Somebody is in and the bridge may write to.
type ChatPlatform interface {
	Somebody() bridge.Address
	Closed() bridge.Address
	Place() bridge.Address

	// Screen is every message that a person sees, or that stands in a place,
	// oldest first, with all its words, those on buttons too; Pushes is what
	// lit up the person's locked screen.
	Screen(bridge.Address) []string
	Pushes(bridge.Address) []string

	// Remove takes the person's newest message away.
	Remove(bridge.Address)
	// Limit, Refuse, Break and Lose are about the next call: it is told to
	// come back after that long, that the bridge is unknown, that the
	// platform is out of order; or it is done and its answer gets lost.
	Limit(after time.Duration)
	Refuse()
	Break()
	Lose()
}

// RunMessenger checks what every [bridge.Messenger] must do.
func RunMessenger(t *testing.T, lab MessengerLab) {
	t.Run("a card is posted and edited in place", lab.lifeOfACard)
	t.Run("what a card does not hold is gone", lab.leavesNothing)
	t.Run("a code is never pushed", lab.pushesNoCode)
	t.Run("the agent's words are text", lab.wordsAreText)
	t.Run("every state of a card has a layout", lab.everyCard)
	t.Run("a team's card stands in its channel", lab.teamsCard)
	t.Run("a notice is a line where the agent works", lab.notice)
	t.Run("a reminder is a line beside its card", lab.reminder)
	t.Run("no code is for more than one pair of eyes", lab.codesArePrivate)
	t.Run("a post that is made again", lab.sameKey)
	t.Run("says what is certain", lab.certainties)
	t.Run("gives up with its caller", lab.cancelled)
}

// suiteCard is a card in full, without a code.
func suiteCard() bridge.Card {
	now := time.Now()
	return bridge.Card{
		Request: bridge.NewRequestID(now), Version: 1, State: bridge.Asked,
		Agent: "helper", Headline: "Access request", Title: "helper wants corp", Who: "helper, on a laptop, yours",
		Scopes: []bridge.ScopeLine{{Words: "read your files", Scope: "files:read"}, {Scope: "mail"}},
		Reuse:  8 * time.Hour, Says: []string{"tidy up", "ticket 7"}, Phrase: "amber falcon 42",
		Host: "login.example.com", AskedAt: now, OpenTo: now.Add(24 * time.Hour),
		Buttons: []bridge.Button{{Verb: bridge.VerbNotMe, Label: "I did not ask for this"}, {Verb: bridge.VerbShowCode, Label: "Show code"}},
	}
}

const suiteCode = "WDJB-MJHT"

// coded is the card with its code.
func coded(c bridge.Card) bridge.Card {
	c.Version, c.State = c.Version+1, bridge.Coded
	c.Code = &bridge.ShownCode{
		UserCode: bridge.NewSecret(suiteCode), Address: "https://login.example.com/device",
		Open: bridge.NewSecret("https://login.example.com/device?code=" + suiteCode), Host: "login.example.com",
		LapsesAt: time.Now().Add(10 * time.Minute),
	}
	return c
}

// denied is the card at its end.
func denied(c bridge.Card) bridge.Card {
	return bridge.Card{
		Request: c.Request, Version: c.Version + 1, State: bridge.Denied, Agent: c.Agent, Headline: "Denied",
		Title: c.Title, Who: c.Who, Host: c.Host, AskedAt: c.AskedAt, EndedAt: time.Now(),
		Ending: "You denied it. helper got nothing.",
	}
}

// chat is one messenger under test.
type chat struct {
	bridge.Messenger
	ChatPlatform
	t *testing.T
}

func (lab MessengerLab) open(t *testing.T) chat {
	t.Helper()
	m, p := lab.Open(t)
	return chat{m, p, t}
}

func (c chat) post(card bridge.Card, key string) bridge.MessageRef {
	c.t.Helper()
	ref, err := c.Post(c.t.Context(), c.Somebody(), card, key)
	if err != nil || ref == "" || len(ref) > 512 {
		c.t.Fatalf("post: the reference %q, %v", ref, err)
	}
	return ref
}

func (c chat) edit(ref bridge.MessageRef, card bridge.Card) {
	c.t.Helper()
	if err := c.Edit(c.t.Context(), ref, card); err != nil {
		c.t.Fatalf("edit: %v", err)
	}
}

// one is the only message on the screen.
func (c chat) one() string {
	c.t.Helper()
	all := c.Screen(c.Somebody())
	if len(all) != 1 {
		c.t.Fatalf("%d messages are on the screen, want one: %q", len(all), all)
	}
	return all[0]
}

// sees checks a text for words, and for those that must not be there ("!").
func sees(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if no, not := strings.CutPrefix(w, "!"); not == strings.Contains(text, no) {
			t.Errorf("want %q in:\n%s", w, text)
		}
	}
}

func (lab MessengerLab) lifeOfACard(t *testing.T) {
	c, card := lab.open(t), suiteCard()
	ref := c.post(card, "key-1")
	sees(t, c.one(), "Access request", "helper wants corp", card.Who, "read your files", "mail", "tidy up", "ticket 7",
		card.Phrase, "Show code", "I did not ask for this")
	c.edit(ref, coded(card))
	sees(t, c.one(), suiteCode, "login.example.com")
	c.edit(ref, denied(coded(card)))
	sees(t, c.one(), "Denied", "You denied it. helper got nothing.")
	if n := len(c.Pushes(c.Somebody())); n != 1 {
		t.Errorf("%d messages lit up the screen, want the first alone", n)
	}
}

func (lab MessengerLab) leavesNothing(t *testing.T) {
	c, card := lab.open(t), suiteCard()
	ref := c.post(card, "key-1")
	c.edit(ref, coded(card))
	c.edit(ref, denied(coded(card)))
	sees(t, c.one(), "!"+suiteCode, "!tidy up", "!"+card.Phrase, "!Show code", "!I did not ask for this")
}

func (lab MessengerLab) pushesNoCode(t *testing.T) {
	c := lab.open(t)
	if _, err := c.Post(t.Context(), c.Somebody(), coded(suiteCard()), "key-1"); !errors.Is(err, bridge.ErrInvalid) {
		t.Errorf("a card with a code is posted: %v", err)
	}
	if seen := append(c.Screen(c.Somebody()), c.Pushes(c.Somebody())...); len(seen) != 0 {
		t.Errorf("it is seen all the same: %q", seen)
	}
	card := suiteCard()
	c.edit(c.post(card, "key-2"), coded(card))
	for _, push := range c.Pushes(c.Somebody()) {
		sees(t, push, "!"+suiteCode)
	}
}

// hostile are words that platforms give a meaning to.
var hostile = []string{
	"<!channel> @everyone @here <@U1>", "[press here](https://evil.example)", "<https://evil.example|corp>",
	"```Approved```", "*Approved* _by_ ~you~", "&lt;b&gt; <b>", "https://evil.example", "||hidden||",
}

func (lab MessengerLab) wordsAreText(t *testing.T) {
	c, card := lab.open(t), suiteCard()
	card.Says = hostile
	c.post(card, "key-1")
	sees(t, c.one(), "evil", "everyone", "Approved", "hidden")
}

// everyCard posts and edits cards with hardly anything and with far too much.
func (lab MessengerLab) everyCard(t *testing.T) {
	c, bare, full := lab.open(t), denied(suiteCard()), suiteCard()
	bare.Ending, bare.Who = "", ""
	for range 50 {
		full.Scopes = append(full.Scopes, bridge.ScopeLine{Words: strings.Repeat("word ", 40), Scope: strings.Repeat("s", 200)})
	}
	full.Request, full.Version = bare.Request, bare.Version+1
	full.Says, full.Note = slices.Repeat([]string{strings.Repeat("ä", 300)}, 9), strings.Repeat("note ", 60)
	ref := c.post(bare, "key-1")
	c.edit(ref, full)
	sees(t, c.one(), "Show code", full.Phrase)
	c.edit(ref, coded(full))
	sees(t, c.one(), suiteCode)
}

func (lab MessengerLab) sameKey(t *testing.T) {
	c, card := lab.open(t), suiteCard()
	c.Lose()
	if _, err := c.Post(t.Context(), c.Somebody(), card, "key-1"); err == nil || certain(err) {
		t.Errorf("a post whose answer is lost: %v, want an error that says nothing for certain", err)
	}
	ref := c.post(card, "key-1")
	want := 2
	if lab.KnowsKeys {
		want = 1
	}
	if n := len(c.Screen(c.Somebody())); n != want {
		t.Errorf("%d messages are on the screen, want %d", n, want)
	}
	c.edit(ref, denied(card))
	if other := c.post(suiteCard(), "key-2"); other == ref {
		t.Error("two keys led to one message")
	}
}

// certain reports whether an error says what did or did not happen.
func certain(err error) bool {
	_, limited := errors.AsType[*bridge.Limited](err)
	return limited || slices.ContainsFunc([]error{
		bridge.ErrNotSent, bridge.ErrUnreachable, bridge.ErrRoute, bridge.ErrAuth, bridge.ErrGone, bridge.ErrInvalid,
	}, func(known error) bool { return errors.Is(err, known) })
}

func (lab MessengerLab) certainties(t *testing.T) {
	c, card := lab.open(t), suiteCard()
	fails := func(what string, want error) {
		t.Helper()
		if _, err := c.Post(t.Context(), c.Somebody(), card, what); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	c.Break()
	fails("out-of-order", bridge.ErrNotSent)
	c.Refuse()
	fails("refused", bridge.ErrAuth)
	if _, err := c.Post(t.Context(), c.Closed(), card, "closed"); !errors.Is(err, bridge.ErrUnreachable) {
		t.Errorf("a person who takes no messages: %v", err)
	}
	if n := len(c.Screen(c.Somebody())); n != 0 {
		t.Errorf("%d messages are on the screen after none was sent", n)
	}
	ref := c.post(card, "key-1")
	c.Remove(c.Somebody())
	if err := c.Edit(t.Context(), ref, denied(card)); !errors.Is(err, bridge.ErrGone) {
		t.Errorf("a message that was removed: %v", err)
	}
	lab.limited(t)
}

// limited has a platform of its own: nothing goes there any more for a while.
func (lab MessengerLab) limited(t *testing.T) {
	c := lab.open(t)
	c.Limit(7 * time.Second)
	_, err := c.Post(t.Context(), c.Somebody(), suiteCard(), "limited")
	if l, ok := errors.AsType[*bridge.Limited](err); !ok || l.After < 7*time.Second || l.After > 8*time.Second {
		t.Errorf("limited for seven seconds: %v", err)
	}
	if n := len(c.Screen(c.Somebody())); n != 0 {
		t.Errorf("%d messages are on the screen after none was sent", n)
	}
}

func (lab MessengerLab) cancelled(t *testing.T) {
	c := lab.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Post(ctx, c.Somebody(), suiteCard(), "key-1"); err == nil {
		t.Error("a post for nobody succeeded")
	}
	if n := len(c.Screen(c.Somebody())); n != 0 {
		t.Errorf("%d messages are on the screen", n)
	}
}
