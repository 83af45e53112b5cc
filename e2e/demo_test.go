package e2e

import (
	"context"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// shown is a demo that somebody runs at a terminal.
type shown struct {
	*running
	provider string // the address of its provider
	inbox    string // the link to the inbox
	again    string // the line that calls the inbox's link command
}

// demoWorld is a machine on which variables name another bridge.
func demoWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), known: newSecrets()}
	if err := os.Mkdir(w.temporary(), 0o700); err != nil {
		t.Fatal(err)
	}
	w.config, w.run = w.dir+"/nowhere.yaml", w.dir
	return w
}

var elsewhere = []string{"AUTHBRIDGE_URL=https://bridge.example.com", "AUTHBRIDGE_KEY=abk_of-another-bridge"}

// demo starts one and waits until its agent has asked.
func (w *world) demo() *shown {
	w.t.Helper()
	d := &shown{running: w.startWith(elsewhere, "demo", "--no-open")}
	d.tells(`(?m)^\d\d:\d\d:\d\d  asked      alice in her inbox · check phrase \w+ \w+ \d\d$`)
	d.provider = d.tells(`(?m)^  provider   (http://127\.0\.0\.1:\d+)   a demo provider; sign in as alice or bob, any password$`)
	d.inbox = d.tells(`(?m)^  inbox      (http://127\.0\.0\.1:\d+/#\S+)   alice's inbox`)
	d.again = d.tells(`(?m)^  lapsed\?    (.*)$`)
	_, secret, _ := strings.Cut(d.inbox, "/#")
	w.secret(secret, linkSecret)
	return d
}

// tells waits until the demo has told something, and returns the first group
// of the last such place.
func (d *shown) tells(pattern string) string {
	d.t.Helper()
	wanted := regexp.MustCompile(pattern)
	var all [][]string
	eventually(d.t, "the demo tells "+pattern, func() bool {
		if all = wanted.FindAllStringSubmatch(d.stdout.String(), -1); all == nil && d.ended() {
			d.t.Fatalf("the demo ended and never told %s\nstdout: %s\nstderr: %s", pattern, d.stdout, d.stderr)
		}
		return all != nil
	})
	return all[len(all)-1][len(all[0])-1]
}

// paste runs a line that the demo has shown, as it is, in a shell.
func (w *world) paste(line string) *running {
	w.t.Helper()
	_, words, _ := strings.Cut(line, binary)
	return w.spawn(exec.Command("sh", "-c", "exec "+line), elsewhere, strings.Fields(words)) //nolint:noctx // bounded by wait and by the end of the test
}

// signsIn goes from the card that is open to the provider and allows there.
func (d *shown) signsIn(page *tab, login string) {
	d.t.Helper()
	page.press("Show code")
	page.code(d.world)
	d.tells(`coded      alice pressed Show code · code lapses in 10 min`)
	provider := page.follow("Open "+host(d.provider), d.provider)
	provider.signIn(login)
	provider.click("button", "Allow")
	provider.sees("You are done")
	provider.open("about:blank") // so that the next window there is another
}

func TestTheDemoTellsTheStory(t *testing.T) {
	t.Parallel()
	w := demoWorld(t)
	d := w.demo()
	page := newTab(t)
	page.open(d.inbox)
	page.has("article", "Access request: demo-agent wants demo")
	page.sees("read your documents", "summarise the Q3 planning folder")
	d.signsIn(page, "alice")
	short := d.tells(`(?m)^token (\S+)… \(valid 5 min; the bridge keeps the refresh token\)$`)
	d.tells(`(?s)asked .*\n[0-9:]{8}  coded .*\n[0-9:]{8}  granted    alice@example\.com, checked\n[0-9:]{8}  collected  by demo-agent, \d+ ms after the provider said yes\ntoken `)
	page.has("article", "Approved: demo-agent wants demo")

	// The line that is shown works as it is: the grant answers, and nobody is asked.
	line := d.tells(`(?m)^  (.* token --socket .*)$`)
	token := w.paste(line).wait().wants(t, 0).line(t)
	if !strings.HasPrefix(token, short) || len(short) > 10 {
		t.Errorf("%q is not a little of the token", short)
	}
	d.tells(`granted    at once: what alice gave before still holds, and nobody is asked`)

	// After Revoke it asks again. What bob gives in alice's name is not used.
	page.press("Revoke")
	d.tells(`revoked    what alice gave is over, and the provider has ended it too`)
	agent := w.paste(line)
	agent.says("asked alice")
	page.has("article", "Access request: demo-agent wants demo")
	d.signsIn(page, "bob")
	d.tells(`failed     identity_mismatch: another account signed in`)
	agent.wait().wants(t, 8)
	page.has("article", "Not used: demo-agent wants demo")

	another := w.paste(d.again).wait().wants(t, 0).line(t)
	if another == d.inbox || !strings.HasPrefix(another, strings.Split(d.inbox, "#")[0]) {
		t.Errorf("the other link to the inbox: %s", another)
	}
	d.leavesNothing(syscall.SIGINT)
}

// leavesNothing ends the demo, and looks for what is left of it.
func (d *shown) leavesNothing(how syscall.Signal) {
	d.t.Helper()
	d.world.heardFiles()
	d.signal(how)
	d.wait().wants(d.t, 0, "The demo is over, and nothing of it is left.")
	if left, err := os.ReadDir(d.world.temporary()); err != nil || len(left) > 0 {
		d.t.Errorf("it has left %v, error %v", left, err)
	}
	for _, page := range []string{d.provider, strings.Split(d.inbox, "/#")[0]} {
		c, err := (&net.Dialer{Timeout: time.Second}).DialContext(d.t.Context(), "tcp", host(page))
		if err == nil {
			_ = c.Close()
			d.t.Errorf("somebody still listens at %s", page)
		}
	}
	d.world.checkSecrets()
}

// TestTheDemosProviderIsForEverybody: its pages by keyboard alone, on the
// narrowest screen, light and dark.
func TestTheDemosProviderIsForEverybody(t *testing.T) {
	t.Parallel()
	w := demoWorld(t)
	d := w.demo()
	page := newTab(t)
	page.open(d.inbox)
	page.press("Show code")
	page.code(w)
	provider := page.follow("Open "+host(d.provider), d.provider)
	provider.do(chromedp.EmulateViewport(320, 640))

	provider.has("heading", "Enter your code")
	provider.fits("code")
	provider.types("\r")
	provider.has("heading", "Sign in")
	provider.sees("nothing here is real", "alice - who is asked", "bob - somebody else", "identity_mismatch", "Do not type a real one")
	provider.fits("sign-in")
	provider.types("carol\r")
	provider.sees("There is no such account here.")
	provider.fits("sign-in-fault")
	provider.types(kb.End + strings.Repeat(kb.Backspace, len("carol")) + "bob\t\r") // the field has the focus again; then to the password
	provider.has("heading", "Allow authbridge demo?")
	provider.fits("consent")
	provider.types("\t\r") // Refuse comes first
	provider.sees("You refused")
	provider.fits("refused")
	d.tells(`denied     provider_denied: `)
	d.tells(`(?m)^The agent has got nothing\. It asks alice again with, in another terminal:\n  (.*)$`)
	d.leavesNothing(syscall.SIGTERM)
}

// types has the keyboard, and nothing else.
func (p *tab) types(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// fits wants a page that is not wider than the screen, whose controls are big
// enough to hit and have names, and whose words stand out, in the light and in
// the dark (WCAG 2.2, 1.4.3, 1.4.10, 1.4.11, 2.5.8 and 4.1.2).
func (p *tab) fits(name string) {
	p.t.Helper()
	const faults = `(() => {
		const rgb = (text) => text.match(/[\d.]+/g).map(Number);
		const light = (c) => { c = c.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]; };
		const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
		const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
		const faults = [];
		if (document.documentElement.scrollWidth > innerWidth) faults.push("it is wider than the screen");
		if (document.documentElement.lang !== "en") faults.push("it has no language");
		if (document.querySelectorAll("main").length !== 1 || document.querySelectorAll("h1").length !== 1) faults.push("it has not one main part with one heading");
		for (const e of document.querySelectorAll("button, input:not([type=hidden])")) {
			if (e.getBoundingClientRect().height < 44) faults.push(e.outerHTML + " is too small");
			if (e.computedName === "") faults.push(e.outerHTML + " has no name");
			if (e.localName === "input" && ratio(rgb(getComputedStyle(e).borderTopColor), ground(e.parentElement)) < 3) faults.push(e.outerHTML + " has no edge");
		}
		for (const e of document.querySelectorAll("body *")) {
			const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== "");
			if (own && e.checkVisibility() && ratio(rgb(getComputedStyle(e).color), ground(e)) < 4.5) faults.push(e.outerHTML + " is hard to read");
		}
		return faults.join("; ");
	})()`
	for _, scheme := range []string{"light", "dark"} {
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
		p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, media)
			return err
		}))
		if found := p.value(faults); found != "" {
			p.t.Errorf("%s, %s: %s", name, scheme, found)
		}
		p.isAccessible(name + ", " + scheme)
		p.picture(name + "-" + scheme)
	}
}
