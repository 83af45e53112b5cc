package e2e

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
)

// kind sorts what the contract names.
type kind string

const (
	route    kind = "route"
	state    kind = "state"
	delivery kind = "delivery state"
	outcome  kind = "outcome"
	problem  kind = "problem"
	key      kind = "configuration key" // of a file with which a bridge became ready
	variable kind = "environment variable"
	command  kind = "command"
	flagged  kind = "flag"
	format   kind = "format"
	exit     kind = "exit"
	button   kind = "button" // seen by a human

	member kind = "member of an ask"

	// What this version says no to, in so many words.
	refusedKey   kind = "refused configuration key"
	refusedRoute kind = "refused route"
)

// thing is one name in the contract.
type thing struct {
	kind kind
	name string
}

// record is what the tests of this run have reached, and which of them.
type record struct {
	mu  sync.Mutex
	all map[thing]map[string]bool
}

var reachedSoFar = &record{all: map[thing]map[string]bool{}}

// reached writes down that a test has reached something by its own means.
func reached(t testing.TB, k kind, name string) {
	test, _, _ := strings.Cut(t.Name(), "/")
	r := reachedSoFar
	r.mu.Lock()
	defer r.mu.Unlock()
	what := thing{k, name}
	if r.all[what] == nil {
		r.all[what] = map[string]bool{}
	}
	r.all[what][test] = true
}

// by lists the tests that reached something.
func (r *record) by(what thing) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var tests []string
	for test := range r.all[what] {
		tests = append(tests, test)
	}
	slices.Sort(tests)
	return tests
}

func (r *record) things() []thing {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []thing
	for what := range r.all {
		all = append(all, what)
	}
	return all
}

// reachedInAnswer looks for states, outcomes and problems in any JSON that the
// bridge or a command has said.
func reachedInAnswer(t testing.TB, body []byte) {
	var v any
	if json.Unmarshal(body, &v) == nil {
		reachedInValue(t, v)
	}
}

func reachedInValue(t testing.TB, v any) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			reachedInValue(t, one)
		}
	case map[string]any:
		for name, kind := range map[string]kind{"check_phrase": state, "channel": delivery} {
			word, ok := v["state"].(string)
			if _, there := v[name]; ok && there {
				reached(t, kind, word)
			}
		}
		if code, ok := v["code"].(string); ok {
			if _, isProblem := v["type"]; isProblem {
				reached(t, problem, code)
			} else if _, isOutcome := v["message"]; isOutcome {
				reached(t, outcome, code)
			}
		}
		for _, one := range v {
			reachedInValue(t, one)
		}
	}
}

var idInPath = regexp.MustCompile(`^(/v1/requests|/v1/grants)/[^/]+`)

// reachedByAsk writes down the members of an ask that was taken.
func reachedByAsk(t testing.TB, method, body string, a answer) {
	var members map[string]any
	if method != http.MethodPost || a.status >= 300 || json.Unmarshal([]byte(body), &members) != nil {
		return
	}
	for name := range members {
		reached(t, member, name)
	}
}

// reachedByCall writes down a call of the agent API.
func reachedByCall(t testing.TB, method, path string, a answer) {
	path, _, _ = strings.Cut(path, "?")
	name := method + " " + idInPath.ReplaceAllString(path, "$1/{id}")
	reachedInAnswer(t, a.body)
	switch {
	case strings.Contains(string(a.body), "is not in this version") && a.status == http.StatusNotFound:
		reached(t, refusedRoute, name)
	case a.status < 400:
		reached(t, route, name)
	}
}

// reachedByConfig writes down the keys of a file, with "*" for names that
// people choose and "[]" after lists of mappings.
func reachedByConfig(t testing.TB, k kind, text string) {
	var file map[string]any
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatalf("the test's configuration: %v", err)
	}
	reachedInSection(t, k, "", file)
}

func reachedInSection(t testing.TB, k kind, parent string, section map[string]any) {
	for name, value := range section {
		path := strings.TrimPrefix(parent+"."+name, ".")
		switch parent {
		case "providers", "humans", "agents", "teams":
			path = parent + ".*"
		case "providers.*.scope_words", "providers.*.parameters", "humans.*.accounts":
			continue
		default:
			reached(t, k, path)
		}
		switch value := value.(type) {
		case map[string]any:
			reachedInSection(t, k, path, value)
		case []any:
			for _, one := range value {
				if inside, ok := one.(map[string]any); ok {
					reachedInSection(t, k, path+"[]", inside)
				}
			}
		}
	}
}
