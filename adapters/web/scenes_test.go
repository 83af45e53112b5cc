package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/authbridge/authbridge/bridge"
)

// scene is one state of the inbox. Its name is that of its pictures.
type scene struct {
	name string

	// Of everyState, by name: each kind of card is in a scene.
	waiting, given, earlier []string

	also  bridge.Inbox         // what else there is
	bring func(*pageUnderTest) // brings about what is not in the inbox; "" = nothing
	there string               // what is true once it has come, of the page
	after func(*pageUnderTest) // puts the page back
	cards func() []bridge.Card // made for the scene alone, into waiting
	plain bool                 // one picture, of its beginning: it is about the layout alone
	mute  bool                 // no script runs
}

// scenes are the states of the inbox.
func scenes() []scene {
	return []scene{
		{name: "empty"},
		{name: "asked", waiting: []string{"asked", "asked-no-words", "asked-more", "asked-renewal", "asked-untold"}},
		{name: "code", waiting: []string{"coded"}},
		{name: "code-here", waiting: []string{"coded-loopback", "asked-minting"}},
		{name: "trouble", waiting: []string{"asked-lapsed", "asked-fault"}},
		{name: "digits", waiting: []string{"asked-digits", "asked-digits-left"}},
		{name: "account", waiting: []string{"held", "held-question"}},
		{name: "given", given: []string{"granted", "collected", "cancelled-given", "cancelled-lost"}, also: bridge.Inbox{GivenMore: 3}},
		{name: "earlier", earlier: []string{
			"denied", "denied-not-me", "expired", "expired-uncollect", "cancelled", "failed", "failed-mismatch",
			"collected-revoked", "collected-over", "collected-forgot",
		}},
		{name: "stopped", also: bridge.Inbox{Stopped: []bridge.Suspension{
			{Agent: "ci", Human: "alice", Since: noon}, {Agent: "helper", Human: "bob", Since: noon},
		}}},
		{
			name: "team", waiting: []string{"team-free", "team-once", "team-released", "team-claimed", "team-held"},
			earlier: []string{"team-approved", "team-declined"},
		},
		{name: "team-in-hand", waiting: []string{"team-in-hand"}},
		{name: "long", cards: longCards},
		{name: "right-to-left", cards: rightToLeft},
		{name: "crowd", cards: func() []bridge.Card { return repeated(asked(), 5) }, also: bridge.Inbox{Earlier: repeated(denied(), 200)}, plain: true},
		{name: "sessions", bring: (*pageUnderTest).signInElsewhere, there: `document.querySelectorAll(".session").length === 3`, after: (*pageUnderTest).comeBack},
		{name: "offline", waiting: []string{"asked"}, bring: (*pageUnderTest).lose, there: `!document.querySelector("#notice").hidden && document.querySelector("article") !== null`, after: (*pageUnderTest).find},
		{name: "clock", waiting: []string{"coded"}, bring: (*pageUnderTest).setClockForward, there: `!document.querySelector("#clock").hidden && document.querySelector("article") !== null`, after: (*pageUnderTest).setClockBack},
		{name: "signed-out", bring: (*pageUnderTest).leave, there: `document.querySelector("[data-why]")?.textContent === "You are signed out."`, after: (*pageUnderTest).comeBack},
		{name: "spent-link", bring: (*pageUnderTest).openSpentLink, there: `document.querySelector("[data-why]")?.textContent.startsWith("This link does not work")`, after: (*pageUnderTest).comeBack},
		{name: "sign-in", bring: (*pageUnderTest).atTheGate, there: `document.querySelector("[data-why]")?.textContent.startsWith("This page has no session")`, after: (*pageUnderTest).comeBack},
		{name: "sign-in-refused", bring: (*pageUnderTest).refusedThere, there: `document.querySelector("[data-why]")?.textContent.startsWith("You, or corp, said no")`, after: (*pageUnderTest).comeBack},
		{name: "sign-in-nobody", bring: (*pageUnderTest).nobodysThere, there: `document.querySelector("[data-why]")?.textContent.includes("nobody here whom agents may ask")`, after: (*pageUnderTest).comeBack},
		{name: "signing-in", bring: (*pageUnderTest).onTheWayBack, there: `document.querySelector("#notice").textContent === "You are being signed in."`, after: (*pageUnderTest).arrive},
		{name: "through-provider", bring: (*pageUnderTest).throughProvider, there: `document.querySelectorAll(".session").length === 2 && document.querySelector("#sessions").textContent.includes("through corp")`, after: (*pageUnderTest).comeBack},
		{name: "no-script", bring: (*pageUnderTest).withoutScript, after: (*pageUnderTest).withScript, mute: true},
	}
}

// inbox is what the bridge shows in a scene.
func (s scene) inbox() bridge.Inbox {
	n, all := 0, everyState()
	number := func(cards []bridge.Card) []bridge.Card {
		for i := range cards {
			cards[i].Request = bridge.RequestID(fmt.Sprintf("req_000000000000000000000000%04x", 0x7f00+n))
			n++
		}
		return cards
	}
	pick := func(names []string) (cards []bridge.Card) {
		for _, name := range names {
			cards = append(cards, all[name])
		}
		return cards
	}
	in := s.also
	in.Waiting = number(append(slices.Clone(in.Waiting), pick(s.waiting)...))
	in.Given = number(append(slices.Clone(in.Given), pick(s.given)...))
	in.Earlier = number(append(slices.Clone(in.Earlier), pick(s.earlier)...))
	if s.cards != nil {
		in.Waiting = number(s.cards())
	}
	return in
}

func repeated(c bridge.Card, n int) []bridge.Card { return slices.Repeat([]bridge.Card{c}, n) }

// longCards have the longest of everything that the bridge lets through.
func longCards() []bridge.Card {
	c := coded()
	c.Agent = strings.Repeat("nightly-reconciliation-", 3)
	c.Title, c.Who = c.Agent+" wants "+strings.Repeat("corporate", 8), c.Agent+", on "+strings.Repeat("a long laptop name ", 5)+", local user 4294967295, "+strings.Repeat("bartholomew", 4)+"'s"
	c.Says = []string{strings.Repeat("W", 300), strings.Repeat("many short words ", 17), "https://tracker.example.com/" + strings.Repeat("a/very/long/path/", 4)}
	c.Scopes = []bridge.ScopeLine{
		{Scope: "https://" + strings.Repeat("scopes.", 20) + "example.com/auth/everything.readonly"},
		{Words: strings.Repeat("read and write whatever there is, ", 5), Scope: strings.Repeat("x", 200), New: true},
	}
	c.Host = strings.Repeat("login.", 12) + "example.com"
	c.Code.Address, c.Code.Host = "https://"+c.Host+"/"+strings.Repeat("activate/", 6), c.Host
	c.Code.UserCode = bridge.NewSecret("WWWWW-MMMMMM-WWWWW") // 16 characters in 3 groups is the most
	c.Note = strings.Repeat("Something went wrong that takes many words to say. ", 4)
	return []bridge.Card{c}
}

// rightToLeft has an agent that writes Arabic and Hebrew.
func rightToLeft() []bridge.Card {
	c := coded()
	c.Says = []string{"لخّص مجلد التخطيط للربع الثالث (Q3) من فضلك", "סכם את התיקייה, פנייה 4127", "mixed: שלום and English (with brackets)"}
	c.Scopes = []bridge.ScopeLine{{Words: "قراءة ملفاتك", Scope: "files:read"}}
	return []bridge.Card{c}
}

// realLife is what the picture for a newcomer shows.
func realLife() bridge.Inbox {
	code := coded()
	code.Title, code.Scopes = "helper wants corp", []bridge.ScopeLine{{Words: "read your files", Scope: "files:read"}}
	code.Who, code.Says = "helper, on alice's laptop, local user 1001, yours", []string{"summarise the Q3 planning folder"}
	have := given()
	have.Agent, have.Title = "ci", "ci wants tracker"
	have.Scopes = []bridge.ScopeLine{{Words: "comment on your tickets", Scope: "tickets:comment"}}
	have.Ending, have.UsedAt = "ci has access. You signed in as alice@example.com. Revoke ends it sooner.", noon.Add(-4*time.Minute)
	no := ended(bridge.Denied, "Denied", "You denied it. scout got nothing.")
	no.Title, no.EndedAt = "scout wants corp", noon.Add(-25*time.Hour)
	return bridge.Inbox{Waiting: []bridge.Card{code}, Given: []bridge.Card{have}, Earlier: []bridge.Card{no}}
}

// signInElsewhere signs alice in on two more devices.
func (p *pageUnderTest) signInElsewhere() {
	p.house.signInFrom("alice", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1")
	p.house.signInFrom("alice", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0")
	p.house.notes.rewrite(func(s *session) {
		s.Since, s.Until = noon, noon.Add(sessionLife)
		switch s.Browser {
		case "Safari on iPhone":
			s.Since, s.Seen = noon.Add(-3*time.Hour), noon.Add(-10*time.Minute)
			s.Until = s.Since.Add(sessionLife)
		case "Firefox on Windows":
			s.Seen = noon
		}
	})
	p.house.desk.wake("alice")
}

// lose has the bridge lose its store; find brings it back.
func (p *pageUnderTest) lose() {
	p.house.desk.fail(bridge.ErrStoreUnavailable)
	p.house.desk.wake("alice")
}

func (p *pageUnderTest) find() {
	p.house.desk.fail(nil)
	p.eventually("it comes back", `document.querySelector("#connection").textContent`, "Live")
}

// setClockForward has the device's clock go wrong by some hours.
func (p *pageUnderTest) setClockForward() {
	at := today.Add(-3*time.Hour - 20*time.Minute)
	p.house.clock.Store(&at)
	p.comeBack()
}

func (p *pageUnderTest) setClockBack() {
	at := today
	p.house.clock.Store(&at)
	p.comeBack()
}

func (p *pageUnderTest) leave() { p.do(`document.querySelector("#sign-out").click()`) }

func (p *pageUnderTest) openSpentLink() {
	link := p.newLink()
	p.do(`document.querySelector("#sign-out").click()`)
	p.eventually("signed out", `document.querySelector("#gate") !== null`, true)
	p.house.open(link[strings.Index(link, "#")+1:]).expect(p.t, 200)
	p.visit(link)
}

// comeBack signs alice in again.
func (p *pageUnderTest) comeBack() {
	p.house.notes.forget(sessionRoom)
	p.house.notes.forget("sessions/")
	p.run(chromedp.Navigate("about:blank"), chromedp.Navigate(p.newLink()))
	p.eventually("signed in", `document.querySelector("#connection")?.textContent`, "Live")
	p.house.notes.rewrite(func(s *session) { s.Since, s.Until = noon, noon.Add(sessionLife) })
	p.house.desk.wake("alice")
}

func (p *pageUnderTest) withoutScript() {
	p.scripts(false)
	p.run(chromedp.Navigate(p.base))
}

func (p *pageUnderTest) withScript() {
	p.scripts(true)
	p.comeBack()
}
