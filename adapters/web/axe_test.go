package web

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// axe is where scripts/need puts the accessibility checker.
const axe = "testdata/axe/node_modules/axe-core/axe.min.js"

// finding is something that axe-core complains about.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML, FailureSummary string
	}
}

// loadAxe reads the checker.
func loadAxe(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile(filepath.FromSlash(axe))
	if err != nil {
		t.Fatalf("axe-core is not installed, so nobody checks the page: run scripts/need axe (%v)", err)
	}
	return string(script)
}

// checkAxe has axe-core look at the page as it is. It runs beside the page's
// policy, as a browser's own tools do, and loads nothing.
func (p *pageUnderTest) checkAxe(state, script string, rules ...string) {
	p.t.Helper()
	only := "undefined"
	if len(rules) > 0 {
		list, _ := json.Marshal(rules)
		only = `{ type: "rule", values: ` + string(list) + ` }`
	}
	p.do(`if (!window.axe) { ` + script + ` }`)
	ctx, cancel := context.WithTimeout(p.ctx, 20*time.Second)
	defer cancel()
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]finding](`axe.run(document, { resultTypes: ["violations"], runOnly: `+only+` })
		.then((r) => r.violations.map((v) => ({ ID: v.id, Impact: v.impact, Help: v.help,
			Nodes: v.nodes.map((n) => ({ HTML: n.html, FailureSummary: n.failureSummary })) })))`, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: run axe-core: %v", state, err)
	}
	for _, f := range found {
		complain := p.t.Logf
		if f.Impact == "serious" || f.Impact == "critical" || f.Impact == "moderate" {
			complain = p.t.Errorf
		}
		for _, n := range f.Nodes {
			complain("%s: axe says %s (%s): %s\n%.200s\n%s", state, f.ID, f.Impact, f.Help, n.HTML, strings.TrimSpace(n.FailureSummary))
		}
	}
}

// A checker that finds nothing anywhere proves nothing: it has to find what is
// broken on purpose.
func TestAxeFindsWhatIsBroken(t *testing.T) {
	p := openPage(t)
	p.visit(p.newLink())
	p.eventually("signed in", `document.querySelector("#connection")?.textContent`, "Live")
	p.do(`if (!window.axe) { ` + loadAxe(t) + ` }`)
	p.do(`
		document.querySelector("h1").style.color = "#ddd";
		document.querySelector("main").append(document.createElement("button"))`)
	got, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]string](
		`axe.run().then((r) => r.violations.map((v) => v.id))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(got, " "); !strings.Contains(text, "color-contrast") || !strings.Contains(text, "button-name") {
		t.Errorf("axe finds %q", text)
	}
}
