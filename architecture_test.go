// Package authbridge_test holds what is asserted about the module as a whole:
// which room may know which, how rooms are named, and that they can be read.
package authbridge_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// module is the path that all packages here begin with.
const module = "github.com/authbridge/authbridge"

// maxLines bounds a file of the product. A longer one holds two subjects.
const maxLines = 500

// noTestCode is the reason that holds for every room of the product.
const noTestCode = "the product does not link test code"

// rule says what the product code of some packages may import besides the
// standard library. Tests are free to import what they need.
type rule struct {
	room    string   // pattern (path.Match), below the module's path
	may     []string // patterns of packages of this module
	foreign []string // packages and modules of others, with what lies below them
	because string
	kind    kind
}

// kind tells the product from what only tests may import.
type kind int

const (
	product kind = iota
	testOnly
)

// rules is the picture in docs/architecture.md as a table. Each package of the
// module is under exactly one rule, so what holds for direct imports holds for
// everything that is reached through them.
var rules = []rule{
	{
		room:    "internal/due",
		because: "a heap is a heap: it knows nobody",
	},
	{
		room:    "internal/challenge",
		because: "it reads one header, for whoever has it",
	},
	{
		room:    "bridge",
		may:     []string{"internal/due"},
		foreign: []string{"golang.org/x/time/rate"},
		because: "the domain knows no technology: what it needs from outside is a port that others implement",
	},
	{
		room:    "api",
		because: "the wire types are imported by other people's programs and bring nothing along",
	},
	{
		room:    "client",
		may:     []string{"api"},
		because: "the client is imported by other people's programs: wire types and the standard library only, never the bridge",
	},
	{
		room:    "client/tokensource",
		may:     []string{"api", "client"},
		foreign: []string{"golang.org/x/oauth2"},
		because: "who wants tokens of x/oauth2 imports it, and nobody else",
	},
	{
		room:    "client/mcpauth",
		may:     []string{"api", "client"},
		foreign: []string{"github.com/modelcontextprotocol/go-sdk", "golang.org/x/oauth2"},
		because: "who has MCP clients of the official SDK imports it, and nobody else",
	},
	{
		room:    "oauth/profile",
		because: "what is known of providers is data: it knows nobody",
	},
	{
		room: "oauth",
		may:  []string{"bridge", "internal/challenge", "oauth/profile"},
		foreign: []string{
			"github.com/coreos/go-oidc/v3",
			"github.com/go-jose/go-jose/v4",
			"golang.org/x/net/publicsuffix",
			"golang.org/x/oauth2",
			"golang.org/x/sync",
		},
		because: "a provider's side implements the bridge's ports and knows no other room",
	},
	{
		room:    "store",
		may:     []string{"bridge"},
		foreign: []string{"github.com/tink-crypto/tink-go/v2", "google.golang.org/protobuf"},
		because: "what all stores share knows the ports, and no single store",
	},
	{
		room:    "store/bolt",
		may:     []string{"bridge", "store"},
		foreign: []string{"go.etcd.io/bbolt", "golang.org/x/sys"},
		because: "a store implements the bridge's port with what all stores share",
	},
	{
		room:    "adapters/chat",
		may:     []string{"bridge"},
		foreign: []string{"github.com/gorilla/websocket"},
		because: "what all chats have in common knows no platform",
	},
	{
		room:    "adapters/chat/chattest",
		may:     []string{"bridge"},
		because: "what every chat's tests draw and hold is the bridge's, and no platform's",
		kind:    testOnly,
	},
	{
		room:    "adapters/slack",
		may:     []string{"adapters/chat", "bridge"},
		foreign: []string{"github.com/gorilla/websocket", "github.com/slack-go/slack"},
		because: "an adapter knows the bridge, never another adapter and never the store",
	},
	{
		room:    "adapters/slack/slacktest",
		foreign: []string{"github.com/gorilla/websocket"},
		because: "a stand-in that used the library of the adapter would agree with its mistakes",
		kind:    testOnly,
	},
	{
		room:    "adapters/web",
		may:     []string{"bridge"},
		foreign: []string{"rsc.io/qr"},
		because: "an adapter knows the bridge, never another adapter and never the store",
	},
	{
		room:    "adapters/discord",
		may:     []string{"adapters/chat", "bridge"},
		foreign: []string{"github.com/bwmarrin/discordgo", "github.com/gorilla/websocket"},
		because: "an adapter knows the bridge, never another adapter and never the store",
	},
	{
		room:    "adapters/discord/discordtest",
		foreign: []string{"github.com/gorilla/websocket"},
		because: "a stand-in that used the library of the adapter would agree with its mistakes",
		kind:    testOnly,
	},
	{
		room:    "internal/localhttp",
		may:     []string{"api"},
		foreign: []string{"golang.org/x/sys"},
		because: "sockets, callers and strict JSON are the same whatever is served over them",
	},
	{
		room:    "httpapi",
		may:     []string{"api", "bridge", "internal/challenge", "internal/localhttp"},
		because: "the agents' handlers translate between the wire and the domain",
	},
	{
		room:    "admin",
		may:     []string{"api", "bridge", "client", "internal/localhttp"},
		because: "the operator's socket, both ends; its errors are those of the agents' client",
	},
	{
		room:    "config",
		may:     []string{"bridge", "oauth/profile"},
		foreign: []string{"github.com/goccy/go-yaml"},
		because: "the file becomes settings and the domain's own words; running anything is the daemon's work",
	},
	{
		room:    "internal/setup",
		may:     []string{"adapters/slack", "admin", "bridge", "config", "internal/doctor"},
		foreign: []string{"github.com/goccy/go-yaml", "golang.org/x/net/publicsuffix"},
		because: "it holds the conversation and writes the file; what a file may say is the room config's to judge",
	},
	{
		room:    "internal/doctor",
		may:     []string{"adapters/chat", "adapters/discord", "adapters/slack", "admin", "bridge", "config", "oauth"},
		foreign: []string{"golang.org/x/sys"},
		because: "it looks at what a configuration names, with a bridge or without one, and is no part of either",
	},
	{
		room: "internal/daemon",
		may: []string{
			"bridge", "oauth", "store", "store/*", "adapters/*",
			"api", "httpapi", "admin", "config", "internal/doctor", "internal/localhttp",
		},
		foreign: []string{
			"golang.org/x/sync", "golang.org/x/sys",
			"github.com/prometheus/client_golang/prometheus", "github.com/prometheus/common/expfmt",
		},
		because: "the daemon wires everything below it, and is no client of itself",
	},
	{
		room:    "internal/demo",
		may:     []string{"internal/demo/provider", "internal/daemon", "config", "client", "admin", "api"},
		foreign: []string{"golang.org/x/sync"},
		because: "a demo is the daemon with a provider beside it, and calls it as commands do: it knows nothing of the bridge's inside",
	},
	{
		room:    "internal/demo/provider",
		foreign: []string{"github.com/go-jose/go-jose/v4", "github.com/zitadel/oidc/v3"},
		because: "a provider that shared code with the bridge could not prove the bridge right",
	},
	{
		room:    "cmd/authbridge",
		may:     []string{"internal/daemon", "internal/demo", "internal/doctor", "internal/setup", "config", "client", "admin", "api", "oauth/profile"},
		foreign: []string{"github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/sys", "golang.org/x/term"},
		because: "a command reads flags, calls one room and prints; it holds no logic of the bridge",
	},
	{
		room:    "bridge/bridgetest",
		may:     []string{"bridge"},
		foreign: []string{"github.com/google/go-cmp"},
		because: "fakes of the bridge's ports serve every room's tests, so they know no room",
		kind:    testOnly,
	},
	{
		room:    "oauth/oauthtest",
		may:     []string{"bridge", "oauth"},
		foreign: []string{"github.com/go-jose/go-jose/v4", "golang.org/x/oauth2"},
		because: "a scripted issuer knows the protocol, not the rooms that use it",
		kind:    testOnly,
	},
	{
		room:    "httpapi/httpapitest",
		may:     []string{"bridge", "internal/localhttp"},
		because: "a strict fake of what the handlers stand on",
		kind:    testOnly,
	},
	{
		room:    "store/storetest",
		may:     []string{"bridge", "store"},
		foreign: []string{"github.com/google/go-cmp", "pgregory.net/rapid"},
		because: "the suite runs on every store, so it knows none",
		kind:    testOnly,
	},
	{
		room:    "internal/devprovider",
		may:     []string{"internal/demo/provider"},
		because: "the demo's provider with a journal and faults: what a bridge meets there is that provider, whole",
		kind:    testOnly,
	},
	{
		room:    "internal/tlstest",
		because: "certificates for tests are the same whatever room shows them",
		kind:    testOnly,
	},
	{
		room:    "bench",
		because: "benchmarks are tests only: nothing here is for others to import",
		kind:    testOnly,
	},
	{
		room:    "e2e",
		because: "end-to-end tests are tests only: nothing here is for others to import",
		kind:    testOnly,
	},
	{
		room:    "e2e/canary",
		because: "what looks for secrets in all that was said shares no code with what says it",
		kind:    testOnly,
	},
	{
		room:    "e2e/kill",
		because: "as e2e: it kills the program and imports what it needs to read what is left",
		kind:    testOnly,
	},
	{
		room:    ".",
		because: "the module's root holds tests about the whole, and no code",
		kind:    testOnly,
	},
}

// notYet names the rooms whose rule stands before they do. A room that is
// built leaves this list.
var notYet []string

// shapeless are names that say nothing about what is inside, and so attract
// everything.
var shapeless = []string{"util", "utils", "common", "types", "models", "helpers", "misc", "shared", "base"}

func TestArchitecture(t *testing.T) {
	files := goFiles(t)
	all := listPackages(t)
	ours := slices.DeleteFunc(slices.Clone(all), func(p listed) bool { return !p.ours() })

	t.Run("imports follow the arrows", func(t *testing.T) { checkArrows(t, ours) })
	t.Run("every rule has its room", func(t *testing.T) { checkRulesAreUsed(t, ours) })
	t.Run("the product does not link test code", func(t *testing.T) { checkNoTestCode(t, all) })
	t.Run("the program does not link what its clients may", func(t *testing.T) { checkProgram(t, all) })
	t.Run("names say what is inside", func(t *testing.T) { checkNames(t, ours) })
	t.Run("packages say what they are for", func(t *testing.T) { checkDocs(t, files) })
	t.Run("files can be read in one go", func(t *testing.T) { checkLengths(t, files) })
}

func checkArrows(t *testing.T, ours []listed) {
	for _, p := range ours {
		r, err := ruleFor(p.room())
		if err != nil {
			t.Error(err)
			continue
		}
		for _, imported := range productImports(t, p) {
			switch {
			case r.allows(imported):
			case isTestCode(imported):
				t.Errorf("%s imports %s, and must not: %s", p.room(), imported, noTestCode)
			default:
				t.Errorf("%s imports %s, and must not: %s", p.room(), imported, r.because)
			}
		}
	}
}

func checkRulesAreUsed(t *testing.T, ours []listed) {
	for _, r := range rules {
		built := slices.ContainsFunc(ours, func(p listed) bool { return r.covers(p.room()) })
		waited := slices.Contains(notYet, r.room)
		switch {
		case !built && !waited:
			t.Errorf("the rule for %s is about no package: take it away, or put its name right", r.room)
		case built && waited:
			t.Errorf("%s is there now: take it out of notYet", r.room)
		}
	}
}

// checkNoTestCode looks through foreign modules too: what they link, our
// binary links.
func checkNoTestCode(t *testing.T, all []listed) {
	byPath := make(map[string]listed, len(all))
	for _, p := range all {
		byPath[p.ImportPath] = p
	}
	for _, p := range all {
		if r, err := ruleFor(p.room()); !p.ours() || err != nil || r.kind == testOnly {
			continue
		}
		for _, dep := range append([]string{p.ImportPath}, p.Deps...) {
			for _, imported := range byPath[dep].Imports {
				if isTestCode(imported) {
					t.Errorf("%s reaches %s through %s: %s", p.room(), imported, dep, noTestCode)
				}
			}
		}
	}
}

// checkProgram is about libraries that are here for other people's programs,
// and for tests.
func checkProgram(t *testing.T, all []listed) {
	for _, p := range all {
		if p.ImportPath != module+"/cmd/authbridge" {
			continue
		}
		for _, dep := range p.Deps {
			if isBelow("github.com/modelcontextprotocol", dep) || isBelow(module+"/client", dep) && dep != module+"/client" {
				t.Errorf("the program links %s", dep)
			}
		}
		return
	}
	t.Error("there is no program")
}

func checkNames(t *testing.T, ours []listed) {
	for _, p := range ours {
		names := slices.Compact(append(strings.Split(p.room(), "/"), p.Name))
		for _, name := range names {
			if slices.Contains(shapeless, name) {
				t.Errorf("%s: the name %q does not say what is inside: name it after what it does", p.room(), name)
			}
		}
	}
}

func checkDocs(t *testing.T, files []goFile) {
	documented := map[string]bool{}
	for _, f := range files {
		dir := path.Dir(f.name)
		documented[dir] = documented[dir] || f.doc != ""
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no file has a package comment: say in a paragraph what the room is for", dir)
		}
	}
}

func checkLengths(t *testing.T, files []goFile) {
	for _, f := range files {
		if !f.test && !f.generated && f.lines >= maxLines {
			t.Errorf("%s has %d lines; fewer than %d can be read in one go: find the second subject in it", f.name, f.lines, maxLines)
		}
	}
}

// TestRulesCanFail shows that the table forbids what it is there to forbid.
func TestRulesCanFail(t *testing.T) {
	for room, forbidden := range map[string][]string{
		"bridge":         {"testing", "net/http/httptest", module + "/bridge/bridgetest", module + "/oauth", module + "/api", "golang.org/x/oauth2", "golang.org/x/time"},
		"api":            {module + "/bridge", "golang.org/x/text"},
		"client":         {module + "/bridge", module + "/httpapi", "github.com/spf13/cobra"},
		"oauth":          {module + "/store", module + "/api"},
		"store":          {module + "/store/bolt", "go.etcd.io/bbolt"},
		"store/bolt":     {module + "/store/storetest", module + "/oauth"},
		"adapters/web":   {module + "/adapters/slack", module + "/store", module + "/store/bolt"},
		"adapters/slack": {module + "/adapters/web", "github.com/slack-go/slackdump"},
		"config":         {module + "/internal/daemon"},
		"cmd/authbridge": {module + "/bridge", module + "/store", module},
	} {
		r, err := ruleFor(room)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, imported := range forbidden {
			if r.allows(imported) {
				t.Errorf("%s may import %s", room, imported)
			}
		}
	}
	if _, err := ruleFor("adapters/telegram"); err == nil {
		t.Error("a room without a rule is let in")
	}
	for _, imported := range []string{"testing", "testing/synctest", "net/http/httptest", module + "/store/storetest", module + "/internal/devprovider"} {
		if !isTestCode(imported) {
			t.Errorf("%s counts as product", imported)
		}
	}
}

// ruleFor finds the one rule that covers a room.
func ruleFor(room string) (rule, error) {
	var found []rule
	for _, r := range rules {
		if r.covers(room) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		return rule{}, fmt.Errorf("%s: %d rules cover it; every package has exactly one, so add it to the table or correct the table", room, len(found))
	}
	return found[0], nil
}

func (r rule) covers(room string) bool {
	return matches(r.room, room)
}

func (r rule) allows(imported string) bool {
	if r.kind == product && isTestCode(imported) {
		return false
	}
	if isStandard(imported) {
		return true
	}
	if room, ok := roomOf(imported); ok {
		return slices.ContainsFunc(r.may, func(p string) bool { return matches(p, room) })
	}
	return slices.ContainsFunc(r.foreign, func(m string) bool { return isBelow(m, imported) })
}

func matches(pattern, room string) bool {
	ok, err := path.Match(pattern, room)
	return ok && err == nil
}

// isStandard goes by the go command's own convention: only paths outside the
// standard library have a dot in their first element.
func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

func isBelow(parent, importPath string) bool {
	return importPath == parent || strings.HasPrefix(importPath, parent+"/")
}

// roomOf cuts the module's path off; the root is ".".
func roomOf(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// isTestCode is about the standard library's and this module's test packages.
func isTestCode(importPath string) bool {
	if isStandard(importPath) {
		return isBelow("testing", importPath) || importPath == "net/http/httptest"
	}
	room, ok := roomOf(importPath)
	if !ok {
		return false
	}
	return strings.HasSuffix(room, "test") || slices.ContainsFunc(rules, func(r rule) bool {
		return r.kind == testOnly && r.covers(room)
	})
}
