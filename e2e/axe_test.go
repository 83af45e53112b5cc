package e2e

import (
	"os"
	"path/filepath"
)

// axe is where scripts/need puts the accessibility checker.
const axe = "../adapters/web/testdata/axe/node_modules/axe-core/axe.min.js"

// isAccessible has axe-core look at the page as it is, beside its policy.
func (p *tab) isAccessible(name string) {
	p.t.Helper()
	script, err := os.ReadFile(filepath.FromSlash(axe))
	if err != nil {
		p.t.Fatalf("axe-core is not installed, so nobody checks the page: run scripts/need axe (%v)", err)
	}
	p.value(`if (!window.axe) { ` + string(script) + ` }; window.found = undefined;
		axe.run(document, { resultTypes: ["violations"] }).then((r) => { window.found = r.violations
			.filter((v) => ["moderate", "serious", "critical"].includes(v.impact))
			.map((v) => v.id + ": " + v.help + ": " + v.nodes.map((n) => n.html).join(" ")).join("; ") }); ""`)
	p.eventually("axe-core has looked", `window.found !== undefined`, true)
	if found := p.value(`window.found`); found != "" {
		p.t.Errorf("%s: axe-core says %s", name, found)
	}
}
