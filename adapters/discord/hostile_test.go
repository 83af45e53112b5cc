package discord

import (
	"errors"
	commandline "flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/chat/chattest"
	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

// Whatever an agent says, and whatever a provider calls an account: Discord
// takes the card, and does nothing with it but show it. Both are judged by the
// stand-in for Discord, which knows nothing of how cards are laid out.

// hostile are words that mean something to a chat, and those that do to Discord
// alone.
var hostile = append(slices.Clone(chattest.Hostile),
	"<@80351110224678912> <@!80351110224678912> <@&112233445566778899> <#112233445566778899>", "@here @everyone \\@everyone",
	"<:lock:41771983429993937> <a:lock:41771983429993937> :lock:", "</authbridge link:41771983429993937> <id:customize> <id:guide>",
	"<t:1:R> <t:1772625600:F>", "<https://evil.example> <tel:+15551234567> <+15551234567> <alice@example.com>",
	"[press here](<https://evil.example>) [x](discord://evil.example) https\\://evil.example", "[**Approved**](https://evil.example \"safe\")",
	"# Approved", "-# small", "> quoted", ">>> all of it", "- a", "+ a", "* a", "1. a", "42. b", "3) c", "1.", ".", "1\u0663. a",
	"**Approved** __by__ ~~you~~ ||hidden|| ***all*** _it_", "``` \n**Approved**\n```", "``code`` `code`", "```js\nWDJB-MJHT```",
	"[x](https:evil.example) [y](<https:evil.example>)", `\`, `\\`, `\*not bold\*`, `a\`, "\\`code\\`", "¯\\_(ツ)_/¯", "a*b*c_d_e", "**", "****", "||||", "~~~~", "http://evil.example HTTPS://evil.example discord://evil.example",
	strings.Repeat("*", 4000), strings.Repeat(`\`, 4000), strings.Repeat("**a** ", 1000), strings.Repeat("@everyone ", 500),
	"join discord.gg/evil or https://discord.com/invite/evil", "discord.com/invite/evil", "discord.gift/evil (discord.new/evil)",
)

// Each of them stands on the card as text, cut and cleaned, and is nothing else.
func TestHostileWordsAreReadAndDoNothing(t *testing.T) {
	all := transcript{t: t}
	for i, text := range hostile {
		shown := checked(t, chattest.With(chattest.AskedCard(), func(c *bridge.Card) { c.Says = []string{text} }))
		want := chat.Clean(text, 300)
		if want != "" && !strings.Contains(shown.Seen, "\n> “"+want+"”\n") {
			t.Errorf("%.100q is not to be read as it is:\n%s", text, shown.Seen)
		}
		why, _, _ := strings.Cut(shown.Seen[strings.Index(shown.Seen, "Why:"):], "Check phrase:")
		all.scene(fmt.Sprintf("%d: %.60q", i, text), discordtest.Shown{Seen: strings.TrimSpace(why)})
	}
	all.compare("hostile")
}

// A line that begins with somebody's words begins with nothing else.
func TestALineBeginsWithWords(t *testing.T) {
	for _, text := range hostile {
		want := chat.Clean(text, chat.MaxLine)
		if want == "" {
			continue
		}
		for place, c := range map[string]bridge.Card{
			"note":   chattest.With(chattest.AskedCard(), func(c *bridge.Card) { c.Note = text }),
			"ending": chattest.EndedCard(bridge.Failed, "Failed", text),
		} {
			if seen := checked(t, c).Seen; !strings.Contains(seen, "\n"+strings.TrimSuffix(want, "…")) {
				t.Errorf("%s: %.100q is not to be read as it is:\n%s", place, text, seen)
			}
		}
	}
}

// 5: mentions, links and marks of style come out inert, wherever they stand.
func TestBehaviour05MarkupFromElsewhereIsInert(t *testing.T) {
	for _, text := range hostile {
		for place, c := range chattest.Everywhere(text) {
			shown := checked(t, c)
			for _, sign := range []string{"\u202e", "\u200f", "\u2066", "\u200b", "\u2060", "\ufeff", "\U000E0041", "\x00", "\x1b", "\r", "\u2028"} {
				if strings.Contains(shown.Seen, sign) {
					t.Errorf("%s: %q is still there", place, sign)
				}
			}
			if strings.Contains(shown.Seen, "://evil") {
				t.Errorf("%s: an address that a client could link:\n%s", place, shown.Seen)
			}
		}
	}
}

// checked shows a card and makes sure of what holds for every card.
func checked(t testing.TB, c bridge.Card) discordtest.Shown {
	t.Helper()
	m := laidOut(t, c)
	shown := showMessage(t, m)
	checkReading(t, shown, c.Code != nil)
	checkContent(t, m)
	checkButtons(t, m, c)
	return shown
}

// ours are the styles that the cards of this package have.
var ours = []string{"bold", "small", "time", "quote"}

func checkReading(t testing.TB, shown discordtest.Shown, code bool) {
	t.Helper()
	r := shown.Reading
	if len(r.Mentions)+len(r.Links)+len(r.Emoji)+len(r.Commands) > 0 {
		t.Fatalf("it mentions %q, leads to %v, has pictures %q and commands %q:\n%s", r.Mentions, r.Links, r.Emoji, r.Commands, shown.Seen)
	}
	for _, style := range r.Styles {
		if !slices.Contains(ours, style) && (style != "pre" || !code) {
			t.Fatalf("it has the style %s:\n%s", style, shown.Seen)
		}
	}
}

// checkContent makes sure that no line grows out of what others say: as many
// are read as were written, and what is read begins with the state.
func checkContent(t testing.TB, m message) {
	t.Helper()
	if n := length(m.Content); n > maxContent || n == 0 {
		t.Fatalf("a content of %d units:\n%s", n, m.Content)
	}
	if !strings.HasPrefix(m.Content, "**") {
		t.Fatalf("it does not begin with the state:\n%s", m.Content)
	}
}

// checkButtons makes sure that a button says what the contract has it say, that
// nothing which goes on stands out, and that refusing comes before going on.
func checkButtons(t testing.TB, m message, c bridge.Card) {
	t.Helper()
	for i, b := range buttonsIn(m) {
		checkButton(t, b, c)
		doing, _, _ := pressedOn(b.CustomID)
		if c.Code != nil && i == 0 && doing != "not_me" && doing != "deny" {
			t.Fatalf("%q stands first beside a code", b.Label)
		}
	}
}

func buttonsIn(m message) []discordgo.Button {
	var all []discordgo.Button
	for _, row := range m.Components {
		for _, b := range row.(discordgo.ActionsRow).Components {
			all = append(all, b.(discordgo.Button))
		}
	}
	return all
}

var contractLabels = []string{
	"Show code", "Get a new code", "I have finished", "Show again", "I did not ask for this", "Deny", "Allow again",
	"Claim", "Release", "Decline for the team", "Mine", "Not mine", "Revoke",
}

func checkButton(t testing.TB, b discordgo.Button, c bridge.Card) {
	t.Helper()
	if c.Code != nil && b.Style == discordgo.LinkButton && strings.HasPrefix(b.Label, "Open ") && b.URL == c.Code.Open.Reveal() {
		return
	}
	if !slices.Contains(contractLabels, b.Label) || b.URL != "" {
		t.Fatalf("a button %q that leads to %q", b.Label, b.URL)
	}
	doing, to, mine := pressedOn(b.CustomID)
	danger := slices.Contains([]string{"not_me", "decline", "revoke"}, doing)
	if !mine || to != string(c.Request) || len(b.CustomID) > maxCustom || !chat.IsVerb(bridge.Verb(doing)) ||
		danger != (b.Style == discordgo.DangerButton) || !danger && b.Style != discordgo.SecondaryButton {
		t.Fatalf("the button %q: style %d, custom_id %q", b.Label, b.Style, b.CustomID)
	}
}

var cards = commandline.Int("cards", 0, "how many cards are made by chance, however long it takes; 0 = what fits into a few seconds")

// What fits: two thousand where the machine is free, and enough where it is
// not.
const (
	cardsMost  = 2000
	cardsLeast = 100
	cardsFor   = 3 * time.Second
)

// 8, 9: Discord takes every card, whatever is in it, and shows it: its content
// is not too long, nor what its buttons carry. With -cards 10000 it is that
// many. It keeps a processor busy, so it runs beside no test that has to be in
// time.
func TestBehaviour09EveryCardIsTaken(t *testing.T) {
	until := time.Now().Add(cardsFor)
	enough := func(made int) bool {
		return made >= cardsLeast && (made >= cardsMost || time.Now().After(until))
	}
	if *cards > 0 {
		enough = func(made int) bool { return made >= *cards }
	}
	made := 0
	for !enough(made) {
		r := chattest.Throw(9, uint64(made))
		c := r.Card()
		if r.IntN(4) == 0 {
			c.Note, c.Says = r.One(hostile...), append(c.Says, r.One(hostile...))
		}
		shown := checked(t, c)
		if head := chat.Clean(c.Headline, 200); !strings.HasPrefix(shown.Seen, head) {
			t.Fatalf("card %d does not begin with its state %q:\n%s", made, head, shown.Seen)
		}
		checkComplete(t, c, shown.Seen)
		made++
	}
	t.Logf("%d cards", made)
}

// checkComplete makes sure that nothing is cut of what this package, and the
// bridge, always say.
func checkComplete(t *testing.T, c bridge.Card, seen string) {
	t.Helper()
	want := []string{". " + chat.Named(c)}
	if c.Code != nil {
		want = append(want, "\n| "+c.Code.UserCode.Reveal()+"\n", "Letter by letter: "+chat.Spelled(c.Code.UserCode.Reveal()), ". The code lapses ",
			"Not expected? Press I did not ask for this. Buttons here give nothing away: access is granted only on ")
	}
	if c.View != bridge.ViewNotice && c.View != bridge.ViewReminder {
		for _, words := range want {
			if !strings.Contains(seen, words) {
				t.Fatalf("%q is missing:\n%s", words, seen)
			}
		}
	}
}

// The answers take whatever the cards hold, too.
func TestHostileWordsInAnswers(t *testing.T) {
	r := chattest.Throw(1, 2)
	for range 15 {
		var in bridge.Inbox
		for range r.IntN(20) {
			in.Waiting = append(in.Waiting, r.Card())
			in.Given = append(in.Given, chattest.With(chattest.GivenCard(), func(c *bridge.Card) { c.Title, c.Ending, c.Scopes = r.Text(), r.Text(), r.Card().Scopes }))
		}
		named(in.Waiting)
		named(in.Given)
		answers := []message{
			listMessage(in, r.IntN(6)-1), pendingMessage(in), wordMessage(r.Text()), wordMessage(r.One(hostile...)), whoamiMessage(r.Text()),
			verifyMessage(bridge.CodeFinding{Known: true, Request: chattest.RequestNamed("7f3k"), Agent: r.Text(), Host: r.Text(), LapsesAt: chattest.Noon}),
			revokeMessage(chattest.With(chattest.GivenCard(), func(c *bridge.Card) { c.Title, c.Ending = r.Text(), r.Text() })),
			sureMessage(chattest.With(chattest.GivenCard(), func(c *bridge.Card) { c.Title = r.Text() }), bridge.VerbRevoke),
		}
		for _, m := range answers {
			checkReading(t, showMessage(t, m), false)
			if n := length(m.Content); n > maxContent {
				t.Fatalf("an answer of %d units", n)
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
		checkReading(t, showMessage(t, listMessage(bridge.Inbox{Given: []bridge.Card{c}}, 0)), false)
		checkReading(t, showMessage(t, pendingMessage(bridge.Inbox{Waiting: []bridge.Card{c}})), false)
		checkReading(t, showMessage(t, wordMessage(agents)), false)
	})
}

// A code, an address or a card that is none lays out nothing.
func TestWhatMayNotCarryACode(t *testing.T) {
	code := func(change func(*bridge.Card)) bridge.Card { return chattest.With(chattest.CodedCard(), change) }
	for name, c := range map[string]bridge.Card{
		"a team's card":       code(func(c *bridge.Card) { c.View = bridge.ViewTeam }),
		"a shared card":       code(func(c *bridge.Card) { c.Shared = true }),
		"a notice":            code(func(c *bridge.Card) { c.View = bridge.ViewNotice }),
		"what is over":        code(func(c *bridge.Card) { c.Ending = "It is over." }),
		"backticks":           code(func(c *bridge.Card) { c.Code.UserCode = bridge.NewSecret("AB```CD") }),
		"a line break":        code(func(c *bridge.Card) { c.Code.UserCode = bridge.NewSecret("ABCD\nEFGH") }),
		"an address in marks": code(func(c *bridge.Card) { c.Code.Address = "https://github.com/<x>" }),
		"a button elsewhere":  code(func(c *bridge.Card) { c.Code.Open = bridge.NewSecret("javascript:alert(1)") }),
	} {
		m, err := cardMessage(c)
		if !errors.Is(err, bridge.ErrInvalid) || m.Content != "" || m.Components != nil {
			t.Errorf("%s: %v, and it is laid out", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), c.Code.Address) || strings.Contains(err.Error(), c.Code.UserCode.Reveal())) {
			t.Errorf("%s: the error tells: %v", name, err)
		}
	}
}

// TestWordsAndLabelsAreInert, whoever they are from, and a message holds no more
// than Discord takes.
func TestWordsAndLabelsAreInert(t *testing.T) {
	t.Parallel()
	word := wordMessage("one\ntwo https://evil.example @everyone <@1>" + strings.Repeat(" and more", 400)).Content
	if strings.ContainsAny(word, "\n") || strings.Contains(word, "https://") || length(word) > maxContent {
		t.Errorf("a word is %d long: %.100s", length(word), word)
	}
	if got := wordMessage(" \n ").Content; got != "Done\\." && got != "Done." {
		t.Errorf("no word is %q", got)
	}
	if label := labelOf("Open\u202e https://evil.example\nnow"); strings.ContainsAny(label, "\n\u202e") || strings.Contains(label, "https://") {
		t.Errorf("a label is %q", label)
	}
	long := card()
	long.Request = bridge.RequestID(strings.Repeat("x", maxCustom))
	if b, ok := button(claim, long); ok {
		t.Errorf("a button that Discord does not take: %q", b.CustomID)
	}
	var s sheet
	for range 3 * maxRows {
		s.row([]discordgo.Button{{Label: "x", CustomID: customID("x", "y")}})
	}
	if len(s.rows) != maxRows {
		t.Errorf("a message has %d rows", len(s.rows))
	}
}
