package config

import (
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// decoder reads one file. It fills a Config that already holds the defaults
// and collects faults instead of stopping at the first.
type decoder struct {
	env    Env
	faults *Faults
	lines  map[string]int // the line of every path that was read
	known  []Key          // Keys, once somebody asked

	references []reference

	config    *Config
	humans    map[string]*bridge.Human
	teams     map[string]*bridge.Team
	agents    map[string]*bridge.Agent
	providers map[string]*provider
}

func newDecoder(name string, env Env) *decoder {
	return &decoder{
		env:    env,
		faults: &Faults{File: name},
		lines:  map[string]int{},
		config: &Config{
			File:      name,
			Listen:    Listen{Web: "127.0.0.1:8741", Ops: "127.0.0.1:8742"},
			Store:     Store{Kind: StoreBolt},
			Log:       Log{Level: slog.LevelInfo, Format: LogAuto},
			Directory: bridge.Directory{Limits: bridge.DefaultLimits()},
		},
		humans:    map[string]*bridge.Human{},
		teams:     map[string]*bridge.Team{},
		agents:    map[string]*bridge.Agent{},
		providers: map[string]*provider{},
	}
}

// fault notes what is wrong at a path, on its line or that of the nearest
// thing around it.
func (d *decoder) fault(path, what, hint string) {
	d.faultAt(d.line(path), path, what, hint)
}

func (d *decoder) faultAt(line int, path, what, hint string) {
	d.faults.add(Fault{File: d.faults.File, Line: line, Key: path, What: what, Hint: hint})
}

func (d *decoder) line(path string) int {
	for path != "" {
		if line, ok := d.lines[path]; ok {
			return line
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	if d.faults.File == "" {
		return 0
	}
	return 1
}

// given reports whether the file has this path, well or badly.
func (d *decoder) given(path string) bool {
	_, ok := d.lines[path]
	return ok
}

// is refuses a value of another kind than wanted.
func (d *decoder) is(path string, v value, wanted kind) bool {
	if v.kind == wanted {
		return true
	}
	if v.kind == nothing {
		d.fault(path, "has no value", wanted.whenEmpty())
		return false
	}
	hint := ""
	switch {
	case wanted == text && (v.kind == number || v.kind == truth):
		hint = "put it in quotes"
	case wanted == text && v.kind == mapping:
		hint = "if it is one text with a colon in it, put it in quotes"
	case wanted == number && v.kind == text && strings.HasSuffix(path, ".uid"):
		hint = "the number that `id -u NAME` prints"
	case wanted == list && v.kind != mapping:
		hint = "write it in brackets, even if it is one: [...]"
	}
	d.fault(path, fmt.Sprintf("%s where %s belongs", v.kind, wanted), hint)
	return false
}

// inOrder returns the names of a section in the order of the file, so that of
// two that clash the second is faulted.
func inOrder[T any](d *decoder, section string, all map[string]T) []string {
	names := slices.Sorted(maps.Keys(all))
	slices.SortStableFunc(names, func(a, b string) int {
		return d.line(join(section, a)) - d.line(join(section, b))
	})
	return names
}

// checkName refuses what cannot name a human, a team, an agent or a provider.
func (d *decoder) checkName(path, name string) {
	if !bridge.IsName(name) {
		d.fault(path, "not a name", bridge.NameRule)
	}
}

// reference is a name that something else in the file must have.
type reference struct {
	line int
	path string
	what string // such as "human or team"
	name string
}

// refer notes a reference, to be looked up when all is read.
func (d *decoder) refer(line int, path, what, name string) {
	d.references = append(d.references, reference{line: line, path: path, what: what, name: name})
}

// absent refuses a name that nobody there has.
func (d *decoder) absent(r reference, there []string) {
	if slices.Contains(there, r.name) {
		return
	}
	if near := nearest(r.name, there); near != "" {
		d.faultAt(r.line, r.path, fmt.Sprintf("no %s called %s; did you mean %q?", r.what, quoted(r.name), near), "")
		return
	}
	hint := "there is none"
	if len(there) > 0 {
		hint = "there is " + few(slices.Sorted(slices.Values(there)))
	}
	d.faultAt(r.line, r.path, fmt.Sprintf("no %s called %s", r.what, quoted(r.name)), hint)
}

// few lists words, and not all if they are many.
func few(words []string) string {
	if len(words) > 8 {
		return strings.Join(words[:8], ", ") + " and others"
	}
	return strings.Join(words, ", ")
}

var repeatable = regexp.MustCompile(`^[\pL\pN][\pL\pN @._:+-]{0,47}$`)

// quoted repeats what somebody wrote for a name, if it looks like one.
func quoted(name string) string {
	if repeatable.MatchString(name) && !strings.HasPrefix(name, "xox") {
		return `"` + name + `"`
	}
	return "that"
}
