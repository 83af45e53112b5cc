package web

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
)

func TestAllowAgainReachesTheBridgeAndIsAnswered(t *testing.T) {
	h := newHouse(t)
	alice := h.signIn("alice")
	h.desk.onAllow(func(human, agent string) (string, error) { return agent + " may ask you again.", nil })
	a := h.call("POST", "/agents/night%20shift%2F2/allow_again", as(alice))
	a.expect(t, 200, `{"remark":"night shift/2 may ask you again.","card":""}`)
	want := []allowed{{bridge.Clicker{Human: "alice", Channel: "web"}, "night shift/2"}}
	if diff := cmp.Diff(want, h.desk.allowed, cmp.AllowUnexported(allowed{})); diff != "" {
		t.Errorf("allowed (-want +got):\n%s", diff)
	}
}

func TestAllowAgainThatCannotBe(t *testing.T) {
	h := newHouse(t)
	alice := h.signIn("alice")
	h.call("POST", "/agents/helper/allow_again").expect(t, 401)
	h.call("GET", "/agents/helper/allow_again", as(alice)).expect(t, 405)
	h.call("POST", "/agents/helper/revoke", as(alice)).expect(t, 404)
	if len(h.desk.allowed) != 0 {
		t.Errorf("it arrived: %v", h.desk.allowed)
	}
	h.desk.onAllow(func(string, string) (string, error) { return "", bridge.ErrStoreUnavailable })
	h.call("POST", "/agents/helper/allow_again", as(alice)).expect(t, 503, "ry again")
	h.desk.onAllow(func(string, string) (string, error) { return "", errors.New("s3cret") })
	if a := h.call("POST", "/agents/helper/allow_again", as(alice)); a.status != 500 || strings.Contains(a.body, "s3cret") {
		t.Errorf("a fault is answered %d %s", a.status, a.body)
	}
}

// TestTakingBackInABrowser: what was given stands in a list of its own, with
// one button each, and goes to the earlier ones when it is taken back.
func TestTakingBackInABrowser(t *testing.T) {
	p := openPage(t)
	here := coded()
	here.Request = given().Request
	p.house.desk.put("alice", here)
	p.visit(p.newLink())
	p.eventually("nothing is given", `document.querySelector("#given .empty") !== null`, true)
	p.do(`document.querySelector("#waiting h3").focus()`)

	other := given()
	other.Request = request(4)
	p.house.desk.change("alice", bridge.Inbox{Given: []bridge.Card{given(), other}})
	p.eventually("what was granted goes to what was given", p.titles("given"), "helper wants corp|helper wants corp")
	p.eventually("and is nowhere else", `document.querySelectorAll("article[data-request]").length`, 2.0)
	p.eventually("the focus goes with it", `document.activeElement.closest("section").id`, "given")
	p.eventually("when it was used", `/^Last used on 4 March 2026 at \d\d:00$/.test(document.querySelector("#given .when span").textContent)`, true)
	p.eventually("one button each, with its name", `[...document.querySelectorAll("#given button")].map((b) => b.computedName).join()`, "Revoke,Revoke")

	over := ended(bridge.Collected, "Revoked", "You took back what helper had. It gets nothing more here; login.example.com is being told.")
	over.Until = noon.Add(2 * time.Hour)
	p.house.desk.onClick(func(c clicked) (bridge.Card, string, error) {
		if c.verb != bridge.VerbRevoke || c.id != over.Request {
			t.Errorf("pressed %s on %s", c.verb, c.id)
		}
		p.house.desk.change("alice", bridge.Inbox{Given: []bridge.Card{other}, Earlier: []bridge.Card{over}})
		return over, "", nil
	})
	p.run(chromedp.Focus(`#given [data-verb=revoke]`), chromedp.KeyEvent(kb.Enter))
	p.eventually("taken back, it is one of the earlier ones", p.titles("earlier"), "helper wants corp")
	p.eventually("and not given any more", `document.querySelectorAll("#given article").length`, 1.0)
	p.hears("what becomes of it is read out", "Revoked: helper wants corp. You took back what helper had. It gets nothing more here; login.example.com is being told.")
	p.checkQuiet(0)
}

// TestAllowingAgainInABrowser: each agent that may not ask has one place, and
// one button if it is for the reader to allow it.
func TestAllowingAgainInABrowser(t *testing.T) {
	p := openPage(t)
	p.visit(p.newLink())
	p.eventually("nobody is stopped", `getComputedStyle(document.querySelector("#stopped")).display`, "none")

	mine, bobs := bridge.Suspension{Agent: "night shift/2", Human: "alice", Since: noon}, bridge.Suspension{Agent: "helper", Human: "bob", Since: noon}
	p.house.desk.change("alice", bridge.Inbox{Stopped: []bridge.Suspension{mine, bobs}})
	p.eventually("they are listed", `[...document.querySelectorAll("#stopped h3")].map((h) => h.textContent).join("|")`, "night shift/2 may not ask you|helper, your agent, may not ask bob")
	p.hears("and read out", "night shift/2 may not ask you. helper may not ask bob.")
	p.eventually("with one button, for the one that is hers", `[...document.querySelectorAll("#stopped button")].map((b) => b.computedName).join()`, "Allow again")

	p.house.desk.onAllow(func(human, agent string) (string, error) {
		if human != "alice" || agent != mine.Agent {
			t.Errorf("%s allows %q", human, agent)
		}
		return "", bridge.ErrStoreUnavailable
	})
	p.run(chromedp.Focus(`#stopped button`), chromedp.KeyEvent(kb.Enter))
	p.eventually("a press that fails is answered there", `document.querySelector("#stopped [data-remark]").textContent.includes("try again")`, true)
	p.house.desk.onAllow(func(string, string) (string, error) {
		p.house.desk.change("alice", bridge.Inbox{Stopped: []bridge.Suspension{bobs}})
		return "night shift/2 may ask you again.", nil
	})
	p.run(chromedp.Focus(`#stopped button`), chromedp.KeyEvent(kb.Enter))
	p.hears("the next one is read out", "night shift/2 may ask you again.")
	p.eventually("and only the other is left", `[...document.querySelectorAll("#stopped h3")].map((h) => h.textContent).join("|")`, "helper, your agent, may not ask bob")
	p.checkQuiet(1) // the 503 above, as the browser notes it
}
