package bridge

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/state-machine.md from the table")

const statePage = "../docs/state-machine.md"

// The page that people read is drawn from the table that the code runs.
func TestStateMachinePage(t *testing.T) {
	want := drawPage()
	if *update {
		if err := os.WriteFile(statePage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(statePage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/state-machine.md is not what the table says; run: make gen")
	}
}

func drawPage() string {
	var page strings.Builder
	page.WriteString("<!-- Drawn from bridge/table.go by `make gen`. Do not edit. -->\n")
	page.WriteString("# The life of a request\n\nAn event that has no row for a state changes nothing: it comes too late, too early or twice, and whoever caused it is\n")
	page.WriteString("answered with the request as it stands. The first transition that is committed wins. A request ends exactly once.\n\n")
	page.WriteString("```mermaid\nstateDiagram-v2\n")
	for _, arrow := range arrows() {
		page.WriteString("  " + arrow + "\n")
	}
	page.WriteString("```\n\n| event | from | only if | to | outcome | note |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, r := range table {
		fmt.Fprintf(&page, "| `%s` | %s | %s | %s | %s | %s |\n", r.on, stateList(r.from), conditionList(r.when), r.to, code(string(r.outcome)), r.why)
	}
	return page.String()
}

// arrows draws each pair of states once, with all events between them.
func arrows() []string {
	events := map[string][]string{}
	var order []string
	for _, r := range table {
		for _, from := range r.from {
			pair := mermaid(from) + " --> " + mermaid(r.to)
			if events[pair] == nil {
				order = append(order, pair)
			}
			if !slices.Contains(events[pair], string(r.on)) {
				events[pair] = append(events[pair], string(r.on))
			}
		}
	}
	var lines []string
	for _, pair := range order {
		lines = append(lines, pair+": "+strings.Join(events[pair], ", "))
	}
	for _, s := range []State{Collected, Denied, Expired, Cancelled, Failed} {
		lines = append(lines, string(s)+" --> [*]")
	}
	return lines
}

func mermaid(s State) string {
	if s == none {
		return "[*]"
	}
	return string(s)
}

func stateList(states []State) string {
	var names []string
	for _, s := range states {
		if s == none {
			return "-"
		}
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

func conditionList(all []condition) string {
	var words []string
	for _, c := range all {
		words = append(words, c.words)
	}
	return strings.Join(words, ", ")
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
