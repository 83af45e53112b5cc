package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/authbridge/authbridge/bridge"
)

func TestWhatWasTypedComesWithThePress(t *testing.T) {
	form := func(text string) edit {
		return func(r *http.Request) {
			body(text)(r)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	for name, c := range map[string]struct {
		sent   edit
		status int
		typed  string
	}{
		"nothing":             {body(""), 200, ""},
		"JSON":                {body(`{"digits":"4207"}`), 200, "4207"},
		"a form":              {form(url.Values{"digits": {"42 07"}}.Encode()), 200, "42 07"},
		"other members":       {body(`{"human":"bob"}`), 200, ""},
		"no JSON":             {body(`4207`), 400, ""},
		"a number":            {body(`{"digits":4207}`), 400, ""},
		"half a form":         {form("digits=%4"), 400, ""},
		"too much":            {body(`{"digits":"` + strings.Repeat("0", maxTyped) + `"}`), 413, ""},
		"something else":      {func(r *http.Request) { body("4207")(r); r.Header.Set("Content-Type", "text/plain") }, 415, ""},
		"something else, bad": {func(r *http.Request) { body("4207")(r); r.Header.Set("Content-Type", ";;") }, 415, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			alice := h.signIn("alice")
			h.desk.press = func(c clicked) (bridge.Card, string, error) { return missed(), "", nil }
			h.call("POST", "/requests/req_1/show_code", as(alice), c.sent).expect(t, c.status)
			if c.status != 200 {
				if len(h.desk.clicks) != 0 {
					t.Errorf("it was pressed all the same: %+v", h.desk.clicks)
				}
				return
			}
			if got := h.desk.clicks[0].who; got != (bridge.Clicker{Human: "alice", Channel: "web", Typed: c.typed}) {
				t.Errorf("pressed by %+v", got)
			}
		})
	}
}

// Who is asked for the digits types them and presses Enter. Wrong ones leave
// them where they were, with a word how many tries are left; what somebody is
// typing survives a change of the card.
func TestDigitsAndMineInABrowser(t *testing.T) {
	p := openPage(t)
	first := withDigits()
	p.house.desk.put("alice", first)
	p.visit(p.newLink())
	p.eventually("the card is there", p.titles("waiting"), "helper wants corp")
	p.eventually("the field has a name", `document.querySelector("input").computedName`, "Digits the agent shows")
	p.eventually("and numbers are typed there", `document.querySelector("input").inputMode`, "numeric")
	p.eventually("the button is as ever", `document.querySelector("form button").computedName`, "Show code")

	typed := make(chan string, 4)
	p.house.desk.onClick(func(c clicked) (bridge.Card, string, error) {
		typed <- c.who.Typed
		p.house.desk.put("alice", missed())
		return missed(), "", nil
	})
	p.run(chromedp.Focus("input"), chromedp.KeyEvent("0000"), chromedp.KeyEvent(kb.Enter))
	p.eventually("wrong ones are answered", `document.querySelector(".note")?.textContent`, "These are not the digits that helper shows. Two tries are left.")
	p.hears("and read out", "Two tries are left.")
	p.eventually("the field is empty, with the focus", `document.activeElement.tagName + document.activeElement.value`, "INPUT")
	if got := <-typed; got != "0000" {
		t.Errorf("the bridge was told %q", got)
	}

	p.run(chromedp.KeyEvent("42"))
	busier := missed()
	busier.Says = append(busier.Says, "and ticket 4128")
	p.house.desk.put("alice", busier)
	p.eventually("the card changes", `document.querySelectorAll("blockquote").length`, 3.0)
	p.eventually("what was typed stays, with the focus", `document.activeElement.tagName + document.activeElement.value`, "INPUT42")

	p.house.desk.onClick(func(c clicked) (bridge.Card, string, error) {
		typed <- c.who.Typed
		p.house.desk.put("alice", questioned())
		return questioned(), "", nil
	})
	p.run(chromedp.KeyEvent("07"), chromedp.Click(`form button`))
	p.eventually("the button sends them too", `document.querySelector(".question")?.textContent`, questioned().Question)
	if got := <-typed; got != "4207" {
		t.Errorf("the bridge was told %q", got)
	}
	p.hears("the question is read out", "Signed in as Octo Cat (583231) at login.example.com: mine / not mine?")

	pressed := make(chan bridge.Verb, 4)
	over := denied()
	over.Request = first.Request
	p.house.desk.onClick(func(c clicked) (bridge.Card, string, error) {
		pressed <- c.verb
		p.house.desk.change("alice", bridge.Inbox{Earlier: []bridge.Card{over}})
		return over, "", nil
	})
	p.eventually("Mine is a button", `document.querySelector("[data-verb=mine]").computedName + "|" + document.querySelector("[data-verb=not_mine]").computedName`, "Mine|Not mine")
	p.run(chromedp.Focus("[data-verb=mine]"), chromedp.KeyEvent(kb.Enter))
	p.eventually("Mine is answered", p.titles("earlier"), "helper wants corp")
	if verb := <-pressed; verb != bridge.VerbMine || len(pressed) != 0 {
		t.Errorf("pressed: %s, and %d more", verb, len(pressed))
	}
	p.checkQuiet(0)
}
