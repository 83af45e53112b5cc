package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// chromium is the one browser of this run. It starts when a test first wants
// a window; each test has a browser context, so cookies and storage, of its
// own.
type chromium struct {
	once sync.Once
	ctx  context.Context //nolint:containedctx // it is how package chromedp names a browser
	err  error
	stop []func()
}

var theBrowser chromium

func (c *chromium) start() {
	dir, err := os.MkdirTemp("", "authbridge-chromium-")
	if err != nil {
		c.err = err
		return
	}
	c.stop = append(c.stop, func() { _ = os.RemoveAll(dir) })
	options := []chromedp.ExecAllocatorOption{
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-extensions", true),
		// Pages of windows behind other windows are as awake as the one in front.
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-renderer-backgrounding", true),
		// The bridge's certificate in these tests is its own; a Go client looks at it.
		chromedp.Flag("ignore-certificate-errors", true),
		// Lets a page tell how assistive technology sees an element.
		chromedp.Flag("enable-blink-features", "ComputedAccessibilityInfo"),
		chromedp.UserDataDir(dir), chromedp.WSURLReadTimeout(time.Minute), chromedp.WindowSize(1000, 1000),
	}
	if path := os.Getenv("CHROME"); path != "" {
		options = append(options, chromedp.ExecPath(path))
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	c.stop = append(c.stop, cancel)
	c.ctx, cancel = chromedp.NewContext(ctx)
	c.stop = append(c.stop, cancel, func() { _ = chromedp.Cancel(c.ctx) }) // waits until it has let go of its directory
	if err := chromedp.Do(c.ctx); err != nil {
		c.err = fmt.Errorf("start a browser (CHROME names another one): %w", err)
	}
}

// closeBrowser ends the browser, if there is one.
func closeBrowser() {
	for i := range theBrowser.stop {
		theBrowser.stop[len(theBrowser.stop)-1-i]()
	}
}

// tab is a window of the browser.
type tab struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // it is how package chromedp names a window
}

// newTab opens a window that knows nothing of any other test's.
func newTab(t *testing.T) *tab {
	t.Helper()
	theBrowser.once.Do(theBrowser.start)
	if theBrowser.err != nil {
		t.Fatal(theBrowser.err)
	}
	return attach(t, theBrowser.ctx, chromedp.WithNewBrowserContext())
}

func attach(t *testing.T, parent context.Context, option chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, option)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // not bounded: a window lives as long as its first call
		t.Fatalf("open a window: %v", err)
	}
	return &tab{t, ctx}
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.picture("failure")
		p.t.Fatalf("%v\nthe page says: %s", err, strings.Join(strings.Fields(p.text()), " "))
	}
}

// open goes to an address.
func (p *tab) open(address string) {
	p.t.Helper()
	p.do(chromedp.Navigate(address))
}

// find is an expression for the one visible element that a screen reader
// calls this: its role, and its accessible name or the beginning of it, up to
// a star.
func find(role, name string) string {
	start, prefix := strings.CutSuffix(name, "*")
	fits := fmt.Sprintf("name(e) === %s", literal(name))
	if prefix {
		fits = fmt.Sprintf("name(e).startsWith(%s)", literal(start))
	}
	// The browser puts a space before what only a screen reader gets to read.
	return fmt.Sprintf(`((name) => [...document.querySelectorAll("button, a[href], input, h1, h2, h3, article")]
		.filter((e) => e.checkVisibility() && e.computedRole === %s && %s))((e) => e.computedName.replace(" :", ":"))`, literal(role), fits)
}

func literal(text string) string {
	plain, _ := json.Marshal(text)
	return string(plain)
}

// click presses what a screen reader calls this, with the mouse.
func (p *tab) click(role, name string) {
	p.t.Helper()
	p.has(role, name)
	p.do(chromedp.Click(chromedp.JSPath(find(role, name))))
}

// press presses a button of the inbox, once more if the page says that it has
// just changed: a person would.
func (p *tab) press(name string) {
	p.t.Helper()
	p.offers(name)
	p.click("button", name)
	ignored := fmt.Sprintf(`%s.some((b) => b.getAttribute("aria-disabled") !== "true" &&
		b.closest("article").querySelector("[data-remark]").textContent.includes("press again"))`, find("button", name))
	eventually(p.t, "the button "+name+" is pressed", func() bool {
		if p.value(ignored+" ? 'again' : ''") == "" {
			return true
		}
		p.do(chromedp.Click(chromedp.JSPath(find("button", name))))
		return false
	})
}

// offers waits until there is a button in the inbox.
func (p *tab) offers(name string) {
	p.t.Helper()
	p.has("button", name)
	seenButton(p.t, name)
}

// has waits until exactly one such element is there.
func (p *tab) has(role, name string) {
	p.t.Helper()
	p.eventually(fmt.Sprintf("one %s %q", role, name), find(role, name)+".length", 1.0)
}

// lacks fails if such an element is there now.
func (p *tab) lacks(role, name string) {
	p.t.Helper()
	p.eventually(fmt.Sprintf("no %s %q", role, name), find(role, name)+".length", 0.0)
}

// fill types into the field with this label.
func (p *tab) fill(label, text string) {
	p.t.Helper()
	p.has("textbox", label)
	p.do(chromedp.SendKeys(chromedp.JSPath(find("textbox", label)), text))
}

// follow clicks a link and returns the window that it opens at an address
// that begins so.
func (p *tab) follow(name, address string) *tab {
	p.t.Helper()
	p.click("link", name)
	seenButton(p.t, name)
	return p.window(address)
}

// window is the one that this one has opened at an address that begins so.
func (p *tab) window(address string) *tab {
	p.t.Helper()
	var opened *tab
	eventually(p.t, "a window at "+address, func() bool {
		all, err := chromedp.Targets(p.ctx)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, one := range all {
			if one.Type == "page" && strings.HasPrefix(one.URL, address) {
				opened = attach(p.t, p.ctx, chromedp.WithTargetID(one.TargetID))
				return true
			}
		}
		return false
	})
	return opened
}

// sees waits until the page says something.
func (p *tab) sees(words ...string) {
	p.t.Helper()
	for _, w := range words {
		p.eventually("the page says "+w, fmt.Sprintf("document.body.innerText.includes(%s)", literal(w)), true)
	}
}

// text is what the page says.
func (p *tab) text() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return text
}

// value evaluates an expression that gives a text.
func (p *tab) value(expression string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

// eventually waits until an expression has a value.
func (p *tab) eventually(what, expression string, want any) {
	p.t.Helper()
	var got any
	if !within(patience, func() bool {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		now, err := chromedp.Run(ctx, chromedp.Evaluate[any](expression))
		if err == nil { // else a page is just being left
			got = now
		}
		return err == nil && got == want
	}) {
		p.picture("failure")
		p.t.Fatalf("%s: %s is %v, want %v\nthe page says: %s", what, expression, got, want, strings.Join(strings.Fields(p.text()), " "))
	}
}

// picture takes a picture of the whole page if anybody wants pictures.
func (p *tab) picture(name string) {
	dir := os.Getenv("AUTHBRIDGE_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	within(5*time.Second, func() bool { // what fades in is there
		still, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.getAnimations().every((a) => a.playState === "finished")`))
		return still || err != nil
	})
	shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.MkdirAll(dir, 0o750)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, p.t.Name()+"-"+name+".png"), shot, 0o600)
	}
	if err != nil {
		p.t.Logf("no picture %s: %v", name, err)
	}
}

// inbox opens a human's inbox in a window of its own.
func (w *world) inbox(human string) *tab {
	w.t.Helper()
	p := newTab(w.t)
	p.open(w.inboxLink(human))
	p.sees("Inbox of " + human)
	return p
}

// code waits until the inbox shows a code, and returns it.
func (p *tab) code(w *world) string {
	p.t.Helper()
	p.eventually("a code is shown", `document.querySelectorAll("[data-code]").length`, 1.0)
	return w.secret(p.value(`document.querySelector("[data-code]").textContent`), userCode)
}

// signIn is a person at the provider who has followed Open: the code is
// filled in already.
func (p *tab) signIn(login string) {
	p.t.Helper()
	p.click("button", "Continue")
	p.fill("Account", login)
	p.click("button", "Sign in")
	p.has("button", "Allow")
}
