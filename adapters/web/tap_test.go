package web

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/authbridge/authbridge/bridge"
)

// phone makes the window one, with a finger that gives the focus to buttons or
// not: browsers differ.
func (p *pageUnderTest) phone(focusing bool) {
	p.t.Helper()
	p.run(chromedp.EmulateViewport(390, 750))
	if !focusing {
		p.do(`addEventListener("mousedown", (event) => event.preventDefault())`)
	}
}

// stopClock gives the page's script a clock that pass moves on.
func (p *pageUnderTest) stopClock() {
	p.t.Helper()
	p.do(`window.clock = performance.now(); performance.now = () => clock`)
}

func (p *pageUnderTest) pass(d time.Duration) {
	p.t.Helper()
	p.do(fmt.Sprintf("clock += %d", d.Milliseconds()))
}

// place is where something is in the window, after scrolling there if need be.
func (p *pageUnderTest) place(selector string) (x, y float64) {
	p.t.Helper()
	at, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]float64](fmt.Sprintf(`(() => {
		const element = document.querySelector(%q);
		element.scrollIntoView({ block: "nearest" });
		const box = element.getBoundingClientRect();
		return [box.left + box.width / 2, box.top + box.height / 2];
	})()`, selector)))
	if err != nil || len(at) != 2 {
		p.t.Fatalf("%s is nowhere: %v %v", selector, at, err)
	}
	return at[0], at[1]
}

func (p *pageUnderTest) tap(x, y float64) {
	p.t.Helper()
	p.run(chromedp.MouseClickXY(x, y))
}

// under is the verb of the button at a place.
func under(x, y float64) string {
	return fmt.Sprintf(`document.elementFromPoint(%v, %v)?.closest("button")?.dataset.verb`, x, y)
}

// visible says that all of something can be seen without scrolling.
func visible(selector string) string {
	return fmt.Sprintf(`((box) => box && box.top >= 0 && box.bottom <= innerHeight && box.height > 0)(document.querySelector(%q)?.getBoundingClientRect())`, selector)
}

// Who presses Show code on a phone sees the code, not the top of a long card.
func TestCodeIsInTheWindowOfAPhone(t *testing.T) {
	for name, focusing := range map[string]bool{"tap that focuses": true, "tap that does not": false} {
		t.Run(name, func(t *testing.T) {
			p := openPage(t)
			p.house.desk.put("alice", asked())
			p.visit(p.newLink())
			p.eventually("the card", p.titles("waiting"), "helper wants corp")
			p.phone(focusing)
			p.house.desk.onClick(func(clicked) (bridge.Card, string, error) {
				p.house.desk.put("alice", minting())
				return minting(), "", nil
			})
			p.tap(p.place("[data-verb=show_code]"))
			p.eventually("the code is on its way", visible(".progress"), true)
			here := coded()
			here.Request = asked().Request
			p.house.desk.put("alice", here)
			p.eventually("the code is there", `document.querySelector("[data-code]")?.textContent`, "WDJB-MJHT")
			p.eventually("and in the window", visible("[data-code]"), true)
			p.eventually("with the way to go on", visible("a.open"), true)
			p.eventually("the focus is in the card", `document.activeElement.textContent`, "Access request: helper wants corp")
			p.checkQuiet(0)
		})
	}
}

// The second tap of a double tap on Show code must not deny: another button
// has slid under the finger.
func TestDoubleTapDeniesNothing(t *testing.T) {
	for name, focusing := range map[string]bool{"tap that focuses": true, "tap that does not": false} {
		t.Run(name, func(t *testing.T) {
			p := openPage(t)
			p.house.desk.put("alice", asked())
			p.visit(p.newLink())
			p.eventually("the card", p.titles("waiting"), "helper wants corp")
			p.phone(focusing)
			p.stopClock()
			answer := make(chan struct{})
			p.house.desk.onClick(func(c clicked) (bridge.Card, string, error) {
				<-answer
				p.house.desk.put("alice", minting())
				return minting(), "", nil
			})
			x, y := p.place("[data-verb=show_code]")
			p.tap(x, y)
			p.eventually("the click is under way", `document.querySelectorAll("[aria-disabled]").length`, 3.0)
			close(answer)
			p.eventually("the slow desk has answered", `document.querySelectorAll(".progress").length + document.querySelectorAll("[aria-disabled]").length`, 1.0)
			p.eventually("Deny is under the finger now", under(x, y), "deny")

			p.pass(200 * time.Millisecond)
			p.tap(x, y)
			p.eventually("the second tap is answered", `document.querySelector("[data-remark]").textContent`, "The card has just changed: press again.")
			p.hears("and that is read out", "The card has just changed: press again.")
			if n := p.house.desk.clickCount(); n != 1 {
				t.Fatalf("%d clicks arrived, want that on Show code alone", n)
			}

			p.house.desk.onClick(func(clicked) (bridge.Card, string, error) { return denied(), "", nil })
			p.pass(settled)
			p.tap(p.place("[data-verb=deny]"))
			p.eventuallyClicked(bridge.VerbShowCode, bridge.VerbDeny)
		})
	}
}

// settled is after how long a finger counts again.
const settled = 700 * time.Millisecond

// A request that comes in on top pushes the others down, under the finger.
func TestTapOnWhatHasMovedDeniesNothing(t *testing.T) {
	p := openPage(t)
	first, second := asked(), asked()
	second.Request, second.Title = request(3), "helper wants another thing"
	p.house.desk.put("alice", first)
	p.visit(p.newLink())
	p.eventually("the card", p.titles("waiting"), "helper wants corp")
	p.run(chromedp.EmulateViewport(1000, 2500))
	p.stopClock()
	p.house.desk.put("alice", second, first)
	p.eventually("another comes on top", p.titles("waiting"), "helper wants another thing|helper wants corp")

	p.tap(p.place(`article:nth-child(1) [data-verb=not_me]`))
	p.eventually("a tap on what lies where another lay is answered", `document.querySelectorAll("[data-remark]")[0].textContent`, "The card has just changed: press again.")
	if n := p.house.desk.clickCount(); n != 0 {
		t.Fatalf("%d clicks arrived, want none", n)
	}

	answer := make(chan struct{})
	p.house.desk.onClick(func(clicked) (bridge.Card, string, error) { <-answer; return denied(), "", nil })
	p.run(chromedp.Focus(`article:nth-child(1) [data-verb=deny]`), chromedp.KeyEvent(kb.Enter))
	p.eventually("the keyboard aims at what has the focus: that counts at once", `document.querySelectorAll("[data-remark]")[0].textContent`, "")
	close(answer)
	p.eventuallyClicked(bridge.VerbDeny)
}

// A button that comes where there was none counts at once: nobody can have
// aimed at something else there.
func TestTapOnWhatHasJustComeCounts(t *testing.T) {
	p := openPage(t)
	p.visit(p.newLink())
	p.eventually("nothing waits", p.titles("waiting"), "")
	p.stopClock()
	p.house.desk.put("alice", asked())
	p.eventually("the card", p.titles("waiting"), "helper wants corp")
	p.house.desk.onClick(func(clicked) (bridge.Card, string, error) { return minting(), "", nil })
	p.tap(p.place("[data-verb=show_code]"))
	p.eventuallyClicked(bridge.VerbShowCode)
}

// What comes in below moves nothing: an agent that asks and withdraws all the
// time keeps nobody from denying.
func TestTapOnWhatStoodStillCounts(t *testing.T) {
	p := openPage(t)
	first, second := asked(), asked()
	second.Request, second.Title = request(3), "helper wants another thing"
	p.house.desk.put("alice", first)
	p.visit(p.newLink())
	p.eventually("the card", p.titles("waiting"), "helper wants corp")
	p.run(chromedp.EmulateViewport(1000, 2500))
	p.stopClock()
	p.house.desk.put("alice", first, second)
	p.eventually("another comes below", p.titles("waiting"), "helper wants corp|helper wants another thing")
	p.house.desk.onClick(func(clicked) (bridge.Card, string, error) { return denied(), "", nil })
	p.tap(p.place(`article:nth-child(1) [data-verb=deny]`))
	p.eventuallyClicked(bridge.VerbDeny)
}

// What a press changes comes in two steps: the card at once, the list a moment
// later. The second tap of a double tap must not press what the list has
// brought under the finger, though nothing lay there in between.
func TestDoubleTapPressesNothingOfTheNextCard(t *testing.T) {
	next, below := given(), asked()
	next.Request, below.Request = request(3), request(4)
	for name, c := range map[string]struct {
		before, between, after bridge.Inbox
		verb                   bridge.Verb
	}{
		"Revoke": {
			bridge.Inbox{Given: []bridge.Card{given(), next}},
			bridge.Inbox{Given: []bridge.Card{takenBack(), next}},
			bridge.Inbox{Given: []bridge.Card{next}, Earlier: []bridge.Card{takenBack()}},
			bridge.VerbRevoke,
		},
		"Deny": {
			bridge.Inbox{Waiting: []bridge.Card{asked(), below}},
			bridge.Inbox{Waiting: []bridge.Card{denied(), below}},
			bridge.Inbox{Waiting: []bridge.Card{below}, Earlier: []bridge.Card{denied()}},
			bridge.VerbDeny,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := openPage(t)
			p.house.desk.change("alice", c.before)
			p.visit(p.newLink())
			first := fmt.Sprintf("article:nth-child(1) [data-verb=%s]", c.verb)
			p.eventually("the card", fmt.Sprintf("document.querySelector(%q) !== null", first), true)
			p.run(chromedp.EmulateViewport(1000, 2500))
			p.stopClock()
			p.house.desk.onClick(func(clicked) (bridge.Card, string, error) {
				p.house.desk.change("alice", c.between)
				return append(c.between.Waiting, c.between.Given...)[0], "", nil
			})
			x, y := p.place(first)
			p.tap(x, y)
			p.eventually("nothing is under the finger", under(x, y)+" ?? document.querySelector("+fmt.Sprintf("%q", first)+")", nil)

			p.pass(100 * time.Millisecond)
			p.house.desk.change("alice", c.after)
			p.eventually("the next card has slid there", under(x, y), string(c.verb))
			p.pass(200 * time.Millisecond)
			p.tap(x, y)
			p.eventually("the second tap is answered", `document.querySelector("[data-remark]").textContent`, "The card has just changed: press again.")
			p.eventuallyClicked(c.verb)

			p.pass(settled)
			p.tap(p.place(first))
			p.eventuallyClicked(c.verb, c.verb)
		})
	}
}

// Copy is no button of a card, but a finger is on it: the word that answers it
// scrolls the page, and what slides under the second tap does not count.
func TestDoubleTapOnCopyDeniesNothing(t *testing.T) {
	p := openPage(t)
	p.house.desk.put("alice", coded())
	p.visit(p.newLink())
	p.eventually("the card", p.titles("waiting"), "helper wants corp")
	p.run(chromedp.EmulateViewport(390, 2500))
	p.stopClock()
	x, y := p.place("[data-copy]")
	p.do(fmt.Sprintf(`
		const line = document.querySelector("[data-remark]");
		line.scrollIntoView = () => {
			const box = document.querySelector("[data-verb=not_me]").getBoundingClientRect();
			document.body.style.marginTop = %v - box.top - box.height / 2 + "px";
		}`, y))
	p.tap(x, y)
	p.eventually("another button is under the finger", under(x, y), "not_me")
	p.pass(200 * time.Millisecond)
	p.tap(x, y)
	p.eventually("the second tap is answered", `document.querySelector("[data-remark]").textContent`, "The card has just changed: press again.")
	p.eventuallyClicked()
}

// takenBack is what was given after Revoke.
func takenBack() bridge.Card {
	return ended(bridge.Collected, "Revoked", "You took back what helper had.")
}

// Who follows Open is about to sign in: the bridge is told, and the link works
// whether it answers or not.
func TestOpeningIsReported(t *testing.T) {
	p := openPage(t)
	p.house.desk.put("alice", coded())
	p.visit(p.newLink())
	p.eventually("the card", p.titles("waiting"), "helper wants corp")
	told := make(chan bridge.Verb, 2)
	p.house.desk.onClick(func(c clicked) (bridge.Card, string, error) {
		told <- c.verb
		return coded(), "", nil
	})
	p.eventually("nothing is opened", `document.querySelector("a.open").addEventListener("click", (e) => e.preventDefault()) ?? "ready"`, "ready")
	for selector, want := range map[string]bridge.Verb{"a.open": bridge.VerbOpened, "[data-verb=finished]": bridge.VerbFinished} {
		p.run(chromedp.Click(selector))
		select {
		case got := <-told:
			if got != want {
				t.Errorf("the bridge was told %s, want %s", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("the bridge was not told %s", want)
		}
	}
}

// eventuallyClicked waits until exactly these buttons have been pressed.
func (p *pageUnderTest) eventuallyClicked(want ...bridge.Verb) {
	p.t.Helper()
	p.eventually("no click is under way", `document.querySelectorAll("[aria-disabled]").length`, 0.0)
	if got := p.house.desk.verbs(); !slices.Equal(got, want) {
		p.t.Errorf("clicks: %v, want %v", got, want)
	}
}
