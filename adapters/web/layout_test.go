package web

import (
	"slices"
	"strings"

	"github.com/chromedp/chromedp"
)

// faults lists what is wrong with the layout of the page as it is.
const faults = `(() => {
	const all = [], say = (what, e) => all.push(what + ": " + (e?.outerHTML ?? "").slice(0, 160));
	const shown = (e) => e.checkVisibility() && !e.closest(".unseen") && !e.matches(".colon");
	const wide = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth > wide) say("the page scrolls sideways by " + (document.documentElement.scrollWidth - wide));
	for (const e of document.querySelectorAll("body *")) {
		if (!shown(e)) continue;
		const box = e.getBoundingClientRect();
		if (box.width > 0 && (box.left < -0.5 || box.right > wide + 0.5)) say("it leaves the window", e);
		if (e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && !e.matches("input, path")) say("its text is cut or sticks out", e);
	}
	const targets = [...document.querySelectorAll("button, a[href], input")].filter(shown);
	targets.forEach((e, i) => {
		const box = e.getBoundingClientRect();
		if (box.width < 44 || box.height < 44) say("it is no target of 44 pixels but of " + box.width + "x" + box.height, e);
		for (const other of targets.slice(i + 1)) {
			const b = other.getBoundingClientRect();
			if (box.left < b.right && b.left < box.right && box.top < b.bottom && b.top < box.bottom) say("it lies over another", e);
		}
	});
	for (const e of document.querySelectorAll("[data-code]")) {
		const lines = e.closest(".long") ? 3 : 1; // groups of a code stay whole
		if (e.getClientRects().length !== 1 || e.getBoundingClientRect().height > (lines + 0.5) * 1.2 * parseFloat(getComputedStyle(e).fontSize)) say("the code is broken", e);
	}
	return all;
})()`

// meaning lists what is wrong with what the page says to those who do not see
// it: names, roles, the order of headings, the live region.
const meaning = `(() => {
	const all = [], say = (what, e) => all.push(what + ": " + (e?.outerHTML ?? "").slice(0, 160));
	const plain = (text) => text.replace(/\s+/g, " ").trim();
	if (document.documentElement.lang !== "en") say("the page has no language");
	if (document.querySelector("#announcer")?.getAttribute("aria-live") !== "polite") say("there is no polite live region");
	if (document.querySelectorAll("[aria-live], [role=alert], [role=status]").length !== 1) say("more than one thing talks");
	let level = 0;
	for (const h of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
		if (!h.checkVisibility()) continue;
		const now = Number(h.tagName[1]);
		if (now > level + 1) say("a level of headings is left out", h);
		level = now;
	}
	if (document.querySelectorAll("h1").length !== 1) say("there is not one h1");
	for (const e of document.querySelectorAll("button, a[href]")) {
		if (!e.checkVisibility()) continue;
		if (e.computedName !== plain(e.textContent) || e.computedName === "") say("it is called " + e.computedName, e);
		if (e.innerText.includes("\n")) say("the space between its words is lost", e);
		if (e.computedRole !== (e.tagName === "A" ? "link" : "button")) say("it is a " + e.computedRole, e);
	}
	for (const e of document.querySelectorAll("article")) {
		const name = plain(e.querySelector("h3").textContent);
		if (e.computedName.replace(" :", ":") !== name) say("it is called " + e.computedName + ", not " + name, e);
		if (e.dataset.request && e.dataset.state !== "" && !e.querySelector("footer").textContent.startsWith("req ")) say("it has no id", e);
	}
	for (const e of document.querySelectorAll("main section")) if (e.checkVisibility() && e.computedName === "") say("a section without a name", e);
	for (const e of document.querySelectorAll("input")) if (e.computedName === "") say("a field without a name", e);
	const tall = [...document.querySelectorAll("[tabindex]")].filter((e) => e.tabIndex > 0);
	if (tall.length > 0) say("the order of the keyboard is bent", tall[0]);
	return all;
})()`

// checkFaults fails for everything that an expression lists.
func (p *pageUnderTest) checkFaults(state, list string) {
	p.t.Helper()
	all, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]string](list))
	if err != nil {
		p.t.Fatalf("%s: %v", state, err)
	}
	for _, fault := range all {
		p.t.Errorf("%s: %s", state, fault)
	}
}

// strangeLooks are those of which there are no pictures, with what is true of
// them alone.
func strangeLooks() []look {
	still := map[string]string{"prefers-reduced-motion": "reduce"}
	forced := map[string]string{"prefers-reduced-motion": "reduce", "forced-colors": "active"}
	return []look{{"text-twice-as-large", 640, 1, still}, {"forced-colors", 320, 1, forced}}
}

// lookStrangely checks a scene in the looks of which there are no pictures.
func (p *pageUnderTest) lookStrangely(s scene) {
	p.t.Helper()
	for _, l := range strangeLooks() {
		p.lookAt(l)
		if l.name == "text-twice-as-large" {
			p.do(`document.documentElement.style.fontSize = "225%"`)
		}
		p.checkFaults(s.name+" "+l.name, faults)
		if l.name == "text-twice-as-large" {
			p.do(`document.documentElement.style.fontSize = ""`)
		}
		p.checkFaults(s.name+" "+l.name, `document.getAnimations().map((a) => "it moves: " + a.animationName)`)
	}
	p.lookAt(looks()[0]) // the next page must not be opened in forced colours: the browser would paint it no ground later
}

// kinds are the cards of all scenes, by name.
func kinds() []string {
	var all []string
	for _, s := range scenes() {
		all = slices.Concat(all, s.waiting, s.given, s.earlier)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// pictures are the files that there have to be.
func pictures() []string {
	all := []string{"inbox.png", "inbox-dark.png"}
	for _, s := range scenes() {
		for _, l := range looks() {
			if !s.plain || l.name == plainLook {
				all = append(all, strings.Join([]string{s.name, l.name + ".png"}, "-"))
			}
		}
	}
	slices.Sort(all)
	return all
}
