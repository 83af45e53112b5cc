package config

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/bridge"
)

// additions are the keys that this project has beyond its contract.
var additions = []string{
	"slack.allow_shared", "slack.allow_guests", "discord.fallback_channel", "resources[].resource_match", "resources[].client", "agents.*.may[].authorization_details",
	"providers.*.host", "providers.*.tenant", "providers.*.resource", "providers.*.audience", "providers.*.parameters", "providers.*.pkce",
	"providers.*.client_key", "providers.*.client_key_id", "providers.*.client_certificate", "providers.*.client_certificate.cert", "providers.*.client_certificate.key",
}

// TestContractIsKnown walks the contract's example without reading it, so that
// what is in sections of later versions is seen too.
func TestContractIsKnown(t *testing.T) {
	text, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	top, faults := parseYAML("contract.yaml", text)
	if faults != nil {
		t.Fatal(faults)
	}
	seen := map[string]bool{}
	walk(t, "", top, newDecoder("", Env{}).file(), seen)
	for _, k := range Keys() {
		if !seen[k.Path] && !slices.Contains(additions, k.Path) {
			t.Errorf("%s is declared and the contract's example does not have it", k.Path)
		}
	}
}

func walk(t *testing.T, path string, v value, settings []setting, seen map[string]bool) {
	for _, p := range v.pairs {
		i := slices.IndexFunc(settings, func(s setting) bool { return s.key == p.key })
		at := strings.TrimPrefix(path+"."+p.key, ".")
		if i < 0 {
			t.Errorf("line %d: %s is not known", p.line, at)
			continue
		}
		seen[at] = true
		s := settings[i]
		switch {
		case s.each != nil:
			for _, one := range p.value.pairs {
				walk(t, at+".*", one.value, s.each(one.key), seen)
			}
		case s.items != nil:
			for _, one := range p.value.items {
				walk(t, at+"[]", one, s.items(), seen)
			}
		case s.inside != nil:
			walk(t, at, p.value, s.inside, seen)
		}
	}
}

func TestKeysAreDeclaredOnce(t *testing.T) {
	seen := map[string]bool{}
	landed := 0
	for _, k := range Keys() {
		if seen[k.Path] {
			t.Errorf("%s is declared twice", k.Path)
		}
		seen[k.Path] = true
		if k.Landed {
			landed++
		}
	}
	if landed == 0 || landed == len(seen) {
		t.Errorf("%d of %d keys have landed", landed, len(seen))
	}
}

// TestEverySettingDoesSomething: a key is read or refused, never accepted and
// ignored.
func TestEverySettingDoesSomething(t *testing.T) {
	var visit func(path string, settings []setting, refused bool)
	visit = func(path string, settings []setting, refused bool) {
		for _, s := range settings {
			at, refused := path+"."+s.key, refused || s.later
			if (s.read.take == nil) != refused && s.read.take == nil {
				t.Errorf("%s is neither read nor refused", at)
			}
			if s.read.take != nil && s.later {
				t.Errorf("%s is read and refused", at)
			}
			visit(at, s.inside, refused)
			if s.each != nil {
				visit(at+".*", s.each("*"), refused)
			}
			if s.items != nil {
				visit(at+"[]", s.items(), refused)
			}
		}
	}
	visit("", newDecoder("", Env{}).file(), false)
}

func TestNearest(t *testing.T) {
	words := []string{"issuer", "client_id", "client_secret", "scopes", "via"}
	for word, want := range map[string]string{
		"isuer": "issuer", "issure": "issuer", "issuers": "issuer", "client_scret": "client_secret", "clientsecret": "client_secret",
		"scoeps": "scopes", "viaa": "via", "va": "", "provider": "", "": "", "issuer": "",
		strings.Repeat("issuer", 20): "",
	} {
		if got := nearest(word, words); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

// FuzzParse: whatever the text, the answer is a configuration or faults, and
// each fault says where it is and can be shown on a terminal.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"contract", "story", "many"} {
		text, err := os.ReadFile("testdata/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{
		"", "a: b: c", "- -", "{", "a: |\n  b\n c", "a: [1, {b: c}]", "&a [*a]", "a: 'b", "\uFEFFa: b\r\n", "? a\n: b", "a:\n\tb: c", "...\n---\n",
		"providers: {a: {client_secret: x}}", "a: !b", "<<: {a: b}", "a: >-\n\n  b", "'a\n\nb': c", "#\n#\n", ": :", "-- - :", "a: \"\\x", "request: {ttl: 1d1d}",
	} {
		f.Add([]byte(text))
	}
	env := Env{Getenv: func(name string) string { return map[string]string{"HOME": "/home/op"}[name] }}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("fuzz.yaml", text, env)
		var faults *Faults
		if (c == nil) != (err != nil) || err != nil && !errors.As(err, &faults) {
			t.Fatalf("Parse returned %v and %v", c, err)
		}
		if c != nil {
			checkUsable(t, c)
			return
		}
		last := strings.Count(string(text), "\n") + 1
		for _, fault := range faults.List {
			whole := len(text) > maxBytes || len(faults.List) > maxFaults
			if fault.What == "" || fault.Line > last || fault.Line < 1 && !whole {
				t.Errorf("fault %+v in %d lines", fault, last)
			}
			if strings.ContainsFunc(fault.What+fault.Hint+fault.Key, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x1b }) {
				t.Errorf("%q cannot be shown", fault)
			}
		}
	})
}

func checkUsable(t *testing.T, c *Config) {
	t.Helper()
	for _, place := range []string{c.StateDir, c.Listen.Socket, c.Listen.Admin, c.Store.Path, c.Seal} {
		if !strings.HasPrefix(place, "/") {
			t.Errorf("a place is %q", place)
		}
	}
	for name, p := range c.Providers {
		if p.Issuer == "" || p.ClientID == "" || p.AuthMethod == "" || p.ClientSecret.IsZero() != (p.AuthMethod == AuthNone) || c.Directory.Providers[name].Issuer != p.Issuer {
			t.Errorf("provider %q is %+v", name, p)
		}
	}
	for name, a := range c.Directory.Agents {
		for _, r := range a.May {
			if r.Provider == "" || r.AtOnce && r.Digits || len(r.Scopes) == 0 || len(r.Ask) == 0 || r.Reuse < 0 {
				t.Errorf("agent %q may %+v", name, r)
			}
		}
		for _, r := range a.May {
			team := slices.ContainsFunc(r.Ask, func(name string) bool { return len(c.Directory.Teams[name].Members) > 0 })
			if team && (r.Reuse > bridge.MaxTeamReuse || r.AtOnce) {
				t.Errorf("agent %q may ask a team: %+v", name, r)
			}
		}
		if a.UID == nil && a.KeyHash.IsZero() || !bridge.IsName(name) {
			t.Errorf("agent %q is %+v", name, a)
		}
	}
}
