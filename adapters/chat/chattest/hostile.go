package chattest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// Hostile are words that mean something to Slack, to Discord, to an eye or to
// a parser.
var Hostile = []string{
	"<!channel> <!here> <!everyone> @everyone", "<@U0ALICE> <#C0DEPLOYS> <!subteam^S0ONCALL>",
	"<https://evil.example|github.com> <mailto:x@evil.example>", "see https://evil.example/x and WWW.evil.example",
	"[press here](https://evil.example)", "<!date^1^{date}^https://evil.example|now>",
	"*Approved* _by_ ~you~ `code` ```WDJB-MJHT```", "``` \n*Approved*\n```", "> quoted\n>>> all of this",
	":white_check_mark: :lock:", "&lt;!channel&gt; &amp;amp; &#60;", "R&D <b>a<b</b>",
	"abc\u202e\u2066drowssap\u2069\u200f", "zero\u200bwidth\u2060\ufeff", "tag\U000E0041\U000E0042 variation\ufe0f",
	"\u0440\u0430ypal and ex\u0430mple", "z\u0301\u0302\u0303\u0304\u0305\u0306algo", "\x00\x1b[31m\x7f\u0085",
	"a\nb\r\nc\u2028d\u2029e", strings.Repeat("long ", 2000), strings.Repeat("&<>", 4000), strings.Repeat("\U0001F600", 900),
	strings.Repeat("x", 10000), "\"quoted\" “quoted”", "\xff\xfe not UTF-8 \xc3", "_", "*", "", " ", "ab_ c_d _e", "a:b:c :d:",
}

// Everywhere is a text in each place of a card that others fill.
func Everywhere(s string) map[string]bridge.Card {
	return map[string]bridge.Card{
		"asked": With(AskedCard(), func(c *bridge.Card) {
			c.Agent, c.Title, c.Who, c.Host, c.Phrase, c.Note, c.Whose = s, s+" wants "+s, "helper, on "+s, s, s, s, s
			c.Says = []string{s, s, s}
		}),
		"coded": With(CodedCard(), func(c *bridge.Card) {
			c.Scopes, c.Team = []bridge.ScopeLine{{Words: s, Scope: s}, {Scope: s, New: true}}, s
			c.Details = []string{s, "type: " + s}
		}),
		"question": With(HeldCard(), func(c *bridge.Card) { c.Question = "Signed in as " + s + ": mine / not mine?" }),
		"team":     With(ClaimedCard(), func(c *bridge.Card) { c.Headline, c.Claim.By, c.Team = "Claimed by "+s, s, s }),
		"account":  With(GivenCard(), func(c *bridge.Card) { c.Ending = "You signed in as " + s + "." }),
		"notice":   With(LineScenes()[0].Card, func(c *bridge.Card) { c.Title, c.Ending = s, s }),
	}
}

// Dice make cards by chance: every field may hold anything, and the domain's
// own words stay what they are.
type Dice struct{ *rand.Rand }

// Throw are the dice of one card: the same for the same two numbers.
func Throw(kind, n uint64) Dice { return Dice{rand.New(rand.NewPCG(kind, n))} }

// One of some texts.
func (r Dice) One(of ...string) string { return of[r.IntN(len(of))] }

// Text is a text of anybody's.
func (r Dice) Text() string {
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		return r.One("", "helper", "alice@example.com", "read your files", "files:read", "login.example.com")
	case 4:
		return r.One(Hostile...) + r.One(" ", "", "\n") + r.One(Hostile...)
	}
	var out strings.Builder
	for range r.IntN(40) {
		out.WriteString(r.One("*", "_", "~", "`", "```", "<", ">", "&", ":", "@", "!", "#", "|", "^", "\\", "[", "](", ")", "{", "}", "-# ", "# ", "- ", "+", "1. ", "||", "a", "b c", "\u0436", "\u05d0", " ", "\n", "\u202e", "1", "/", ".", "://", "www."))
		if r.IntN(8) == 0 {
			out.WriteRune(rune(r.IntN(0x11000)))
		}
	}
	return out.String()
}

func (r Dice) texts(most int) []string {
	var all []string
	for range r.IntN(most) {
		all = append(all, r.Text())
	}
	return all
}

func (r Dice) time() time.Time {
	if r.IntN(6) == 0 {
		return time.Time{}
	}
	return Noon.Add(time.Duration(r.IntN(1e6)) * time.Second)
}

// Card is a card that the bridge could have laid down, but for its words.
func (r Dice) Card() bridge.Card {
	scenes := slices.Concat(PrivateScenes(), EndedScenes(), TeamScenes(), LineScenes())
	c := scenes[r.IntN(len(scenes))].Card
	for _, field := range []*string{&c.Agent, &c.Title, &c.Who, &c.Phrase, &c.Team, &c.Note, &c.Whose, &c.Question, &c.Host, &c.Claim.By} {
		if r.IntN(3) == 0 {
			*field = r.Text()
		}
	}
	if c.Ending != "" {
		c.Ending = "It is over. " + r.Text()
	}
	for _, at := range []*time.Time{&c.OpenTo, &c.EndedAt, &c.UsedAt, &c.Until, &c.Claim.At, &c.Claim.Until} {
		if r.IntN(3) == 0 {
			*at = r.time()
		}
	}
	if r.IntN(2) == 0 {
		c.Says = r.texts(12)
	}
	if r.IntN(3) == 0 {
		c.Details = r.texts(12)
	}
	for range r.IntN(60) * r.IntN(2) {
		c.Scopes = append(c.Scopes, bridge.ScopeLine{Words: r.Text(), Scope: r.Text(), New: r.IntN(2) == 0})
	}
	for range r.IntN(3) {
		c.Buttons = append(slices.Clone(c.Buttons), []bridge.Button{PressDeny, PressNotMe, PressRevoke, PressAgain, PressMine}[r.IntN(5)])
	}
	c.Reuse, c.Renewal, c.Digits, c.Minting = time.Duration(r.IntN(1e6))*time.Second, r.IntN(5) == 0, r.IntN(5) == 0, r.IntN(5) == 0
	return c
}
