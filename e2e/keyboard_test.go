package e2e

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/authbridge/authbridge/api"
)

// TestTheWholeStoryByKeyboardAlone: from the link to signing out, at the inbox
// and at the provider, without a mouse.
func TestTheWholeStoryByKeyboardAlone(t *testing.T) {
	t.Parallel()
	j := begin(t, options{})
	j.page.presses("Show code", " ")
	code := j.page.code(j.world)
	j.page.presses("Copy", kb.Enter)
	j.page.sees("Code copied.")
	letGo := j.provider.hold(t) // else the bridge hears of the grant before she is back to say so
	j.page.presses("Open "+host(j.provider.Issuer()), kb.Enter)

	provider := j.page.window(j.provider.Issuer())
	provider.has("heading", "Enter your code")
	provider.selectsAll()
	provider.types("not the code") // over what the link has brought
	provider.selectsAll()
	provider.pastes()
	if got := provider.value("document.activeElement.value"); got != code {
		t.Errorf("what Copy has copied is %q", got)
	}
	provider.types(kb.Enter)
	provider.has("heading", "Sign in")
	provider.eventually("the cursor is in the field", "document.activeElement.tagName", "INPUT")
	provider.types("alice")
	provider.presses("Sign in", " ")
	provider.has("button", "Allow")
	provider.presses("Allow", kb.Enter)
	provider.sees("You are done")

	j.page.do(chromedp.Func(bringToFront))
	j.page.presses("I have finished", " ")
	j.page.sees("Asking " + host(j.provider.Issuer()))
	letGo()
	j.agent.wait().wants(t, 0, "granted by alice")
	j.page.has("article", "Approved: helper wants corp")

	j.page.presses("Revoke", kb.Enter)
	j.page.sees("You took back what helper had")
	if g := j.onlyGrant(); g.State != api.GrantRevoked {
		t.Errorf("the grant is %s", g.State)
	}

	phone := j.human("alice")
	j.page.presses("Sessions (2)", kb.Enter)
	j.page.eventually("the way leads to the list", "document.activeElement.textContent", "Where you are signed in")
	j.page.presses("Sign out", " ") // that of the list comes next
	j.page.sees("1 session is signed out.")
	if status, _, _ := phone.call("GET", "/inbox", ""); status != 401 {
		t.Errorf("the other session is answered with %d", status)
	}
	j.page.presses("Sign out", kb.Enter)
	j.page.sees("You are signed out.")
	if got := j.page.value(`String(sessionStorage.getItem("authbridge.session"))`); got != "null" {
		t.Error("the tab still has its session")
	}
}

// presses goes to what a screen reader calls this by Tab alone, and presses a
// key there. At each stop on the way the focus is to be seen: a ring, in the
// window.
func (p *tab) presses(name, key string) {
	p.t.Helper()
	p.eventually("there is "+name, `[...document.querySelectorAll("button, a[href]")].some((e) => e.checkVisibility() && e.computedName === `+literal(name)+`)`, true)
	const stop = `(() => {
		const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
		if (e === document.body) return "";
		const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
		const seen = box.bottom > 0 && box.top < innerHeight && box.width > 0 && box.height > 0;
		return ring && seen ? e.computedName : e.outerHTML + " has the focus, which is not to be seen";
	})()`
	var at []string
	for range 40 {
		p.types(kb.Tab)
		at = append(at, p.value(stop))
		if at[len(at)-1] == name {
			p.types(key)
			return
		}
	}
	p.t.Fatalf("Tab does not lead to %q but to %q", name, at)
}

func (p *tab) selectsAll() { p.t.Helper(); p.withCtrl("a", "selectAll") }
func (p *tab) pastes()     { p.t.Helper(); p.withCtrl("v", "paste") }

// withCtrl is a key with Ctrl. A browser without a window has no menu in which
// to look up what that means, so it is told.
func (p *tab) withCtrl(key, command string) {
	p.t.Helper()
	const ctrl = 2
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		stroke := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Modifiers: ctrl, Key: key, Commands: []string{command}}
		if _, err := cdp.Call(ctx, t, input.DispatchKeyEvent, stroke); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, t, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Modifiers: ctrl, Key: key})
		return err
	}))
}

// bringToFront puts a window before those that it opened.
func bringToFront(ctx context.Context, t *chromedp.Target) error {
	_, err := cdp.Call(ctx, t, cdpage.BringToFront, cdp.Empty{})
	return err
}
