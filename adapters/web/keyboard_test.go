package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/authbridge/authbridge/bridge"
)

// TestTheStoryByKeyboardAlone is a day with the inbox for somebody who has no
// mouse: Tab, Enter, Space and digits do all of it, what has the focus is to be
// seen at every stop, and no news takes it away.
func TestTheStoryByKeyboardAlone(t *testing.T) {
	p := openPage(t)
	p.visit(p.newLink())
	p.eventually("signed in by a link", `document.querySelector("h1").textContent`, "Inbox of alice")
	p.do(`navigator.clipboard.writeText = async (text) => { window.copied = text }`)
	p.tabTo("Sessions")

	request := asked()
	p.news(bridge.Inbox{Waiting: []bridge.Card{request}})
	p.eventually("a request that arrives leaves the focus alone", `document.activeElement.textContent`, "Sessions")

	here := coded()
	here.Request, here.Code.Open = request.Request, bridge.NewSecret(p.base+"inbox.svg")
	p.answers(bridge.VerbShowCode, here, bridge.Inbox{Waiting: []bridge.Card{here}})
	p.tabTo("Show code")
	p.key(" ")
	p.eventually("Space shows the code", `document.querySelector("[data-code]")?.textContent`, "WDJB-MJHT")
	p.keepsFocus("after the code came")
	p.tabTo("Copy")
	p.key(kb.Enter)
	p.eventually("Enter copies it", `window.copied`, "WDJB-MJHT")
	p.eventually("and says so", `document.querySelector("[data-remark]").textContent`, "Code copied.")

	p.answers(bridge.VerbOpened, here, bridge.Inbox{Waiting: []bridge.Card{here}})
	p.tabTo("Open login.example.com")
	p.key(kb.Enter)
	p.pressed(bridge.VerbOpened)
	p.run(chromedp.Func(bringToFront))
	p.answers(bridge.VerbFinished, here, bridge.Inbox{Waiting: []bridge.Card{here}})
	p.tabTo("I have finished")
	p.key(" ")
	p.pressed(bridge.VerbFinished)
	have := given()
	have.Request = request.Request
	p.news(bridge.Inbox{Given: []bridge.Card{have}})
	p.eventually("what was granted is in the list", p.titles("given"), "helper wants corp")
	p.keepsFocus("after the grant")

	over := ended(bridge.Collected, "Revoked", "You took back what helper had.")
	over.Request = request.Request
	p.answers(bridge.VerbRevoke, over, bridge.Inbox{Earlier: []bridge.Card{over}})
	p.tabTo("Revoke")
	p.key(kb.Enter)
	p.eventually("it is taken back", p.titles("earlier"), "helper wants corp")
	p.keepsFocus("after the revocation")

	p.notExpectedAndAllowedAgain()
	p.digitsAndWhoseAccount()
	p.claimedAndReleased()
	p.sessionsAndOut()
	p.checkQuiet(0)
}

func (p *pageUnderTest) notExpectedAndAllowedAgain() {
	odd, over := asked(), ended(bridge.Denied, "Denied", "You did not ask for this. helper got nothing.")
	odd.Request, over.Request = request(5), request(5)
	p.news(bridge.Inbox{Waiting: []bridge.Card{odd}})
	p.answers(bridge.VerbNotMe, over, bridge.Inbox{
		Earlier: []bridge.Card{over}, Stopped: []bridge.Suspension{{Agent: "helper", Human: "alice", Since: noon}},
	})
	p.tabTo("I did not ask for this")
	p.key(kb.Enter)
	p.eventually("the agent may not ask", `document.querySelectorAll("#stopped article").length`, 1.0)
	p.keepsFocus("after the no")
	p.house.desk.onAllow(func(_, agent string) (string, error) {
		p.house.desk.change("alice", bridge.Inbox{Earlier: []bridge.Card{over}})
		return agent + " may ask you again.", nil
	})
	p.tabTo("Allow again")
	p.key(" ")
	p.eventually("it may ask again", `document.querySelectorAll("#stopped article").length`, 0.0)
	p.keepsFocus("after allowing")
}

func (p *pageUnderTest) digitsAndWhoseAccount() {
	wanted, whose := withDigits(), questioned()
	p.news(bridge.Inbox{Waiting: []bridge.Card{wanted}})
	p.answers(bridge.VerbShowCode, whose, bridge.Inbox{Waiting: []bridge.Card{whose}})
	p.tabTo("Digits the agent shows")
	p.key("4207")
	p.key(kb.Enter)
	p.eventually("the question is there", `document.querySelector(".question")?.textContent`, whose.Question)
	p.keepsFocus("after the digits")
	p.tabTo("Not mine")
	p.answers(bridge.VerbMine, denied(), bridge.Inbox{Earlier: []bridge.Card{denied()}})
	p.tabTo("Mine")
	p.key(kb.Enter)
	p.pressed(bridge.VerbMine)
	p.eventually("it is answered", p.titles("waiting"), "")
	p.keepsFocus("after Mine")
}

func (p *pageUnderTest) claimedAndReleased() {
	free, mine := unclaimed(), inHand()
	p.news(bridge.Inbox{Waiting: []bridge.Card{free}})
	p.answers(bridge.VerbClaim, mine, bridge.Inbox{Waiting: []bridge.Card{mine}})
	p.tabTo("Claim")
	p.key(" ")
	p.eventually("a claim shows the code", `document.querySelector("[data-code]")?.textContent`, "WDJB-MJHT")
	p.keepsFocus("after the claim")
	p.answers(bridge.VerbRelease, free, bridge.Inbox{Waiting: []bridge.Card{free}})
	p.tabTo("Release")
	p.key(kb.Enter)
	p.eventually("released", `document.querySelector("[data-code]")`, nil)
	p.keepsFocus("after the release")
}

func (p *pageUnderTest) sessionsAndOut() {
	p.house.signInFrom("alice", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1")
	p.eventually("another session is listed", `document.querySelector("#to-sessions").textContent`, "Sessions (2)")
	p.hears("and read out", "Safari on iPhone is signed in as you.")
	p.tabTo("Sessions (2)")
	p.key(kb.Enter)
	p.eventually("there is a way to the list", `document.activeElement.textContent`, "Where you are signed in")
	p.tabTo("Sign out everywhere else")
	p.tabTo("Sign out")
	p.key(" ")
	p.eventually("the other one is over", `document.querySelector("#to-sessions").textContent`, "Sessions")
	p.hears("which is said", "1 session is signed out.")
	p.keepsFocus("after ending a session")
	p.tabTo("Sign out")
	p.key(kb.Enter)
	p.eventually("signed out", `document.querySelector("[data-why]")?.textContent`, "You are signed out.")
	p.eventually("with the focus on what to do now", `document.activeElement.id`, "gate-title")
}

// news changes what alice sees and waits for her page to show it.
func (p *pageUnderTest) news(in bridge.Inbox) {
	p.t.Helper()
	p.house.desk.change("alice", in)
	all := float64(len(in.Waiting) + len(in.Given) + len(in.Earlier))
	p.eventually("the news is there", `document.querySelectorAll("article[data-request]").length`, all)
	p.eventually("and nothing is under way", `document.querySelectorAll("[aria-disabled]").length`, 0.0)
}

// answers says what a press does: it has to be this one.
func (p *pageUnderTest) answers(verb bridge.Verb, card bridge.Card, after bridge.Inbox) {
	p.house.desk.onClick(func(c clicked) (bridge.Card, string, error) {
		if c.verb != verb {
			p.t.Errorf("%s arrived, want %s", c.verb, verb)
		}
		p.house.desk.change("alice", after)
		return card, "", nil
	})
}

// pressed waits until the last press that arrived is this one.
func (p *pageUnderTest) pressed(verb bridge.Verb) {
	p.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-time.After(10 * time.Millisecond) {
		if all := p.house.desk.verbs(); len(all) > 0 && all[len(all)-1] == verb {
			return
		}
	}
	p.t.Fatalf("%s did not arrive", verb)
}

func (p *pageUnderTest) key(keys string) {
	p.t.Helper()
	p.run(chromedp.KeyEvent(keys))
}

// tabTo presses Tab until what a screen reader calls this has the focus. At
// each stop the focus is to be seen: a ring, in the window.
func (p *pageUnderTest) tabTo(name string) {
	p.t.Helper()
	const stop = `(() => {
		const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
		if (e === document.body) return "";
		const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
		const seen = box.bottom > 0 && box.top < innerHeight && box.width > 0 && box.height > 0;
		return (ring && seen ? "" : "cannot be seen: ") + e.computedName;
	})()`
	for range 60 {
		p.key(kb.Tab)
		at, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](stop))
		if err != nil {
			p.t.Fatal(err)
		}
		if at == name {
			return
		}
		if strings.HasPrefix(at, "cannot be seen: ") {
			p.t.Fatalf("on the way to %q the focus %s", name, at)
		}
	}
	p.t.Fatalf("Tab does not lead to %q", name)
}

// keepsFocus fails when nothing has the focus.
func (p *pageUnderTest) keepsFocus(when string) {
	p.t.Helper()
	p.eventually(fmt.Sprintf("something has the focus %s", when), `document.activeElement !== document.body`, true)
}
