package web

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/authbridge/authbridge/bridge"
)

// TestPageInABrowser is about what only a browser can show: the script. What
// the server answers is tested without one.
func TestPageInABrowser(t *testing.T) {
	p := openPage(t)
	first, second := asked(), asked()
	second.Request, second.Title = request(3), "helper wants another thing"
	p.visit(p.newLink())

	p.eventually("signed in", `document.querySelector("h1").textContent`, "Inbox of alice")
	p.eventually("no secret in the address bar", `location.href === document.baseURI && location.hash === "" && history.length <= 2`, true)
	p.eventually("no cookie", `document.cookie`, "")
	p.eventually("the light", `document.querySelector("#connection").textContent`, "Live")
	p.hears("what is there is read out", "Nothing is waiting for you.")
	p.eventually("the empty inbox", `document.querySelector("#waiting .empty") !== null`, true)

	p.do(`
		window.said = [];
		const announcer = document.querySelector("#announcer");
		new MutationObserver(() => said.push(announcer.textContent)).observe(announcer, { childList: true })`)

	p.house.desk.put("alice", first)
	p.eventually("a request arrives by itself", `document.title`, "(1) Inbox of alice - authbridge")
	p.hears("and is read out", "Access request: helper wants corp.")
	p.eventually("with the name that the contract gives it", `document.querySelector("article").computedName`, "Access request: helper wants corp")
	p.eventually("on its heading, too", `document.querySelector("h3").computedName`, "Access request: helper wants corp")
	p.eventually("and the empty words go", `document.querySelector("#waiting .empty")`, nil)

	p.do(`
		window.before = document.querySelector("[data-verb=show_code]");
		before.focus();
		getSelection().selectAllChildren(document.querySelector("blockquote"))`)
	p.house.desk.put("alice", second, first)
	p.eventually("a second request arrives", `document.title`, "(2) Inbox of alice - authbridge")
	p.eventually("on top", p.titles("waiting"), "helper wants another thing|helper wants corp")
	p.eventually("the focus stays", `document.activeElement === before && before.isConnected`, true)
	p.eventually("the selection stays", `getSelection().toString()`, "summarise the Q3 planning folder")

	press := make(chan struct{})
	p.house.desk.onClick(func(clicked) (bridge.Card, string, error) {
		<-press
		return minting(), "", nil
	})
	p.run(chromedp.KeyEvent(kb.Enter))
	p.eventually("the buttons rest while the click is under way", `before.getAttribute("aria-disabled")`, "true")
	p.eventually("with the focus where it was", `document.activeElement === before`, true)
	p.run(chromedp.KeyEvent(kb.Enter))
	p.house.desk.put("alice", second, minting())
	close(press)
	p.eventually("the click is answered", `document.querySelector(".progress")?.textContent`, "The code is on its way.")
	p.hears("and read out", "helper wants corp. The code is on its way.")
	p.eventually("the focus goes to the card's heading", `document.activeElement.textContent`, "Access request: helper wants corp")
	p.eventually("the buttons work again", `document.querySelectorAll("[aria-disabled]").length`, 0.0)
	if clicks := p.house.desk.clickCount(); clicks != 1 {
		t.Errorf("%d clicks arrived, want 1: the second came while the first was under way", clicks)
	}

	here := coded()
	here.Request = first.Request
	p.house.desk.put("alice", second, here)
	p.eventually("the code is there", `document.querySelector("[data-code]")?.textContent`, "WDJB-MJHT")
	p.hears("and that is read out", "helper wants corp. The code is here.")
	p.eventually("the focus is still on the heading", `document.activeElement.textContent`, "Access request: helper wants corp")
	p.eventually("times are local and tick", `/^on 4 March 2026 at \d\d:15, now$/.test(document.querySelector(".steps time").textContent)`, true)

	p.do(`[...document.querySelectorAll("[data-verb=deny]")].at(-1).focus()`)
	over := denied()
	over.Request = first.Request
	p.house.desk.onClick(func(clicked) (bridge.Card, string, error) {
		p.house.desk.change("alice", bridge.Inbox{Waiting: []bridge.Card{second}, Earlier: []bridge.Card{over}})
		return over, "", nil
	})
	p.run(chromedp.KeyEvent(kb.Enter))
	p.eventually("a denied request goes to the earlier ones", p.titles("earlier"), "helper wants corp")
	p.eventually("with the focus", `document.activeElement.textContent`, "Denied: helper wants corp")
	p.hears("and is read out", "Denied: helper wants corp. You denied it. helper got nothing.")

	p.house.desk.onClick(func(clicked) (bridge.Card, string, error) { return bridge.Card{}, "", bridge.ErrStoreUnavailable })
	p.run(chromedp.Focus(`#waiting [data-verb=deny]`), chromedp.KeyEvent(kb.Enter))
	p.eventually("a click that fails is answered in the card", `document.querySelector("#waiting [data-remark]").textContent.includes("try again")`, true)
	p.eventually("and can be repeated", `document.querySelectorAll("[aria-disabled]").length`, 0.0)

	p.eventually("what happened was read out once", `said.filter((words) => words.includes("Denied: ")).length`, 1.0)
	p.eventually("a code was never read out", `said.some((words) => words.includes("WDJB"))`, false)

	p.run(chromedp.Reload())
	p.eventually("reloading keeps the session", p.titles("waiting"), "helper wants another thing")
	p.checkQuiet(1) // the 503 above, as the browser notes it

	p.house.desk.fail(bridge.ErrStoreUnavailable)
	p.house.desk.wake("alice")
	p.eventually("a page that is not live says so", `document.querySelector("#connection").textContent`, "Not live, trying again")
	p.eventually("and why", `document.querySelector("#notice").textContent.includes("cannot reach its store")`, true)
	p.eventually("and still shows what it has", p.titles("waiting"), "helper wants another thing")
	p.house.desk.fail(nil)
	p.eventually("it comes back by itself", `document.querySelector("#connection").textContent`, "Live")
	p.eventually("and takes the words away", `document.querySelector("#notice").hidden`, true)
}

func TestSigningOutAndInAgainInABrowser(t *testing.T) {
	p := openPage(t)
	gate := `document.querySelector("[data-why]")?.textContent.trim()`
	p.visit(p.base)
	p.eventually("nobody is signed in", gate, "This page has no session. Each browser tab has its own.")
	p.eventually("the way in is said", `document.querySelector("#gate code").textContent`, "authbridge inbox link NAME")

	link := p.newLink()
	p.visit(link)
	p.eventually("a link opened in this tab signs in", `document.querySelector("h1").textContent`, "Inbox of alice")
	p.visit(link)
	p.eventually("a spent link changes nothing here", `document.querySelector("#notice").textContent`, spent+" You are still signed in as before.")

	p.run(chromedp.Click("#sign-out"))
	p.eventually("signed out", gate, "You are signed out.")
	p.eventually("nothing is left", `sessionStorage.length + " " + document.title + " " + document.querySelector("#waiting")`, "0 Inbox - authbridge null")
	if n := p.house.notes.count("session/"); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	p.visit(link)
	p.eventually("a spent link is explained", gate, spent)
	p.eventually("and is gone from the address bar", `location.hash`, "")

	p.visit(p.newLink())
	p.eventually("a new link works", `document.querySelector("h1").textContent`, "Inbox of alice")
	p.house.notes.forget("session/")
	p.house.desk.wake("alice")
	p.eventually("a session that ended elsewhere ends here", gate, "You are not signed in, or your session is over.")
	p.checkQuiet(3) // 403 twice and 401
}

// pageUnderTest is the inbox in a browser's tab.
type pageUnderTest struct {
	t     *testing.T
	ctx   context.Context
	house *house
	base  string

	mirror *mirror // where people sign in who open the page under its public address

	mu     sync.Mutex
	errors []string
}

func openPage(t *testing.T) *pageUnderTest {
	h := newHouse(t)
	server := httptest.NewUnstartedServer(nil)
	at := server.Listener.Addr()
	way := &mirror{to: publicOf("http://" + at.String())}
	h.inbox = New(Options{
		Desk: h.desk, Notes: h.notes, Hosts: append(Hosts(at), address), Log: slog.New(slog.DiscardHandler),
		Public: way.to, SignIn: func() *SignIn { return &SignIn{Provider: "corp", Flow: way} },
	})
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at := h.clock.Load(); at != nil {
			w.Header().Set("Date", at.UTC().Format(http.TimeFormat))
		}
		h.inbox.ServeHTTP(w, r)
	})
	closing, closeAll := context.WithCancel(context.WithoutCancel(t.Context()))
	server.Config.BaseContext = func(net.Listener) context.Context { return closing }
	server.Start()
	t.Cleanup(func() { closeAll(); server.Close() })
	p := &pageUnderTest{t: t, ctx: newTab(t), house: h, base: server.URL + "/", mirror: way}
	go p.hear(chromedp.Console(p.ctx))
	p.run(chromedp.Navigate("about:blank"))
	return p
}

// chromium is the one browser of this run. It starts when a test first wants a
// window; each test has a browser context, so storage, of its own.
type chromium struct {
	once sync.Once
	ctx  context.Context //nolint:containedctx // it is how package chromedp names a browser
	err  error
	stop []func()
}

var theBrowser chromium

func TestMain(m *testing.M) {
	code := m.Run()
	for _, stop := range slices.Backward(theBrowser.stop) {
		stop()
	}
	os.Exit(code)
}

// start starts it; CHROME names it where it is not on the PATH.
func (c *chromium) start() {
	dir, err := os.MkdirTemp("", "authbridge-chromium-")
	if err != nil {
		c.err = err
		return
	}
	c.stop = append(c.stop, func() { _ = os.RemoveAll(dir) })
	options := []chromedp.ExecAllocatorOption{
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.UserDataDir(dir), chromedp.WSURLReadTimeout(time.Minute),
		// Pages of windows behind other windows are as awake as the one in front.
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("enable-blink-features", "ComputedAccessibilityInfo"), chromedp.Flag("hide-scrollbars", true),
		// The same letter is the same everywhere: the pictures get small.
		chromedp.Flag("disable-lcd-text", true), chromedp.Flag("disable-font-subpixel-positioning", true),
		chromedp.Flag("font-render-hinting", "full"),
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

// newTab opens a window that knows nothing of any other's.
func newTab(t *testing.T) context.Context {
	t.Helper()
	theBrowser.once.Do(theBrowser.start)
	if theBrowser.err != nil {
		t.Fatal(theBrowser.err)
	}
	ctx, cancel := chromedp.NewContext(theBrowser.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // not bounded: a window lives as long as its first call
		t.Fatalf("open a window: %v", err)
	}
	return ctx
}

// hear collects what the browser complains about, until it ends.
func (p *pageUnderTest) hear(messages iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range messages {
		if err != nil {
			return
		}
		p.mu.Lock()
		p.errors = append(p.errors, m.Text)
		p.mu.Unlock()
	}
}

// checkQuiet fails on complaints beyond the expected number of failed calls:
// a broken policy or a fault in the script shows up here.
func (p *pageUnderTest) checkQuiet(failed int) {
	p.t.Helper()
	const note = "Failed to load resource: the server responded with a status of "
	heard := func() (notes, others []string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, text := range p.errors {
			if status, ok := strings.CutPrefix(text, note); ok {
				notes = append(notes, status)
				continue
			}
			others = append(others, text)
		}
		return notes, others
	}
	// The browser notes a failed call some time after the page has heard of it.
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	over := time.After(10 * time.Second)
	for notes, _ := heard(); len(notes) < failed; notes, _ = heard() {
		select {
		case <-tick.C:
		case <-over:
			p.t.Fatalf("%d calls failed, %q, want %d", len(notes), notes, failed)
		}
	}
	notes, others := heard()
	if len(notes) != failed || len(others) > 0 {
		p.t.Errorf("%d calls failed, %q, want %d; the browser complains: %q", len(notes), notes, failed, others)
	}
}

func (p *pageUnderTest) newLink() string {
	p.t.Helper()
	link, err := p.house.inbox.NewLink(p.ctx, "alice", p.base)
	if err != nil {
		p.t.Fatal(err)
	}
	return link.Reveal()
}

func (p *pageUnderTest) run(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// do runs a script in the page.
func (p *pageUnderTest) do(script string) {
	p.t.Helper()
	p.run(chromedp.Evaluate[chromedp.Void](script))
}

// visit opens an address in the tab that is there. One that differs in its
// fragment alone loads nothing.
func (p *pageUnderTest) visit(url string) {
	p.t.Helper()
	p.do(fmt.Sprintf("location.href = %q", url))
}

// eventually waits until an expression has the value.
func (p *pageUnderTest) eventually(what, expression string, want any) {
	p.t.Helper()
	var got any
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	for {
		now, err := chromedp.Run(ctx, chromedp.Evaluate[any](expression))
		if err == nil {
			got = now
		}
		if err == nil && got == want {
			return
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("%s: %s is %v, want %v", what, expression, got, want)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// hears waits for words in the live region; what came in the same moment may
// stand before them.
func (p *pageUnderTest) hears(what, words string) {
	p.t.Helper()
	p.eventually(what, fmt.Sprintf(`document.querySelector("#announcer").textContent.endsWith(%q)`, words), true)
}

// titles lists the cards of a section.
func (p *pageUnderTest) titles(section string) string {
	return `[...document.querySelectorAll("#` + section + ` h3")].map((h) => h.lastChild.textContent.trim()).join("|")`
}
