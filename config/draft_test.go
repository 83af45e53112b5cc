package config

import (
	"errors"
	"strings"
	"testing"
)

// drafted fails the test unless a draft is as expected, and parses.
func drafted(t *testing.T, d *Draft, want string) *Config {
	t.Helper()
	if d.Text() != want {
		t.Errorf("it is:\n%s\nwant:\n%s", d.Text(), want)
	}
	cfg, err := d.Check()
	if err != nil {
		t.Fatalf("%v\n%s", err, d.Text())
	}
	return cfg
}

func home(name string) string {
	return map[string]string{"HOME": "/home/alice", "CORP_SECRET": "s"}[name]
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

var (
	corpDraft   = DraftProvider{Name: "corp", Issuer: "https://login.example.com:8443/t1", ClientID: "authbridge", Secret: "env:CORP_SECRET", Scopes: []string{"openid", "email"}}
	helperDraft = DraftAgent{Name: "helper", UID: 1001, Owner: "alice", May: []DraftRule{{Provider: "corp", Scopes: []string{"files:*", "repo"}, Ask: []string{"alice"}}}}
)

// TestANewFile is what a first configuration looks like.
func TestANewFile(t *testing.T) {
	t.Parallel()
	d := NewDraft("authbridge.yaml", "", Env{Getenv: home})
	must(t, d.AddProvider(corpDraft), d.AddHuman(DraftHuman{"alice", "alice@example.com"}), d.AddAgent(helperDraft))
	cfg := drafted(t, d, `# The configuration of authbridge. To find what is wrong with it: authbridge config check
# A running bridge takes a change over at SIGHUP; authbridge doctor says how, and looks at all the rest.

# Where people sign in and tokens come from, and the client that is registered there for the bridge.
# A secret never stands here: env:NAME or file:/path, a file that nobody else can read.
# The scopes here are the bridge's own, asked for every time: they tell whose account it is.
providers:
  corp:
    issuer: https://login.example.com:8443/t1
    client_id: authbridge
    client_secret: env:CORP_SECRET
    scopes: [openid, email]

# Who can be asked. Whoever grants has to be them: by e-mail address, or by an account named here.
humans:
  alice:
    email: alice@example.com

# Who may ask whom for what, and nobody else for nothing else. The first rule that fits decides.
agents:
  helper:
    uid: 1001
    owner: alice
    may:
      - {provider: corp, scopes: ["files:*", repo], ask: [alice]}
`)
	if a := cfg.Directory.Agents["helper"]; *a.UID != 1001 || !a.May[0].Covers("files:read", "repo") {
		t.Errorf("the agent: %+v", a)
	}
}

// TestAdditions to files of every style leave all else as it is.
func TestAdditions(t *testing.T) {
	t.Parallel()
	add := func(d *Draft) error { return d.AddHuman(DraftHuman{"bob", "bob@example.com"}) }
	const words = "# Who can be asked. Whoever grants has to be them: by e-mail address, or by an account named here.\n"
	for _, c := range []struct{ name, before, after string }{
		{"a block", "humans:\n  alice: {email: a@example.com}\n", "humans:\n  bob:\n    email: bob@example.com\n  alice: {email: a@example.com}\n"},
		{
			"a block with remarks", "humans:  # all of us\n\n    # she is the first\n    alice:\n        email: a@example.com # hers\n# the end",
			"humans:  # all of us\n    bob:\n      email: bob@example.com\n\n    # she is the first\n    alice:\n        email: a@example.com # hers\n# the end",
		},
		{"brackets", "humans: {alice: {email: a@example.com}} # us\n", "humans: {bob: {email: bob@example.com}, alice: {email: a@example.com}} # us\n"},
		{"brackets over lines", "humans: {\n  alice: {}, # she\n}\n", "humans: {bob: {email: bob@example.com}, \n  alice: {}, # she\n}\n"},
		{"a file in brackets", "{humans: {alice: {}}}", "{humans: {bob: {email: bob@example.com}, alice: {}}}"},
		{"a file in brackets without them", `{"retain": 1d}`, `{humans: {bob: {email: bob@example.com}}, "retain": 1d}`},
		{"no such section", "retain: 1d", "retain: 1d\n\n" + words + "humans:\n  bob:\n    email: bob@example.com\n"},
		{"remarks alone", "# nothing yet\n", "# nothing yet\n\n" + words + "humans:\n  bob:\n    email: bob@example.com\n"},
		{"carriage returns", "retain: 1d\r\nhumans:\r\n  alice: {}\r\n", "retain: 1d\r\nhumans:\r\n  bob:\r\n    email: bob@example.com\r\n  alice: {}\r\n"},
		{"a byte order mark", "\uFEFFhumans:\n  alice: {}\n", "\uFEFFhumans:\n  bob:\n    email: bob@example.com\n  alice: {}\n"},
		{"a header", "---\nhumans:\n  alice: {}\n", "---\nhumans:\n  bob:\n    email: bob@example.com\n  alice: {}\n"},
		{"other letters", "agents: {a: {uid: 1, where: \"Zoës 机器\", may: []}} # ⋮\nhumans: {alice: {}}\n", "agents: {a: {uid: 1, where: \"Zoës 机器\", may: []}} # ⋮\nhumans: {bob: {email: bob@example.com}, alice: {}}\n"},
		{"letters before it on a line", "{agents: {a: {uid: 1, where: \"Zoës 机器\"}}, humans: {alice: {}}}\n", "{agents: {a: {uid: 1, where: \"Zoës 机器\"}}, humans: {bob: {email: bob@example.com}, alice: {}}}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := NewDraft("authbridge.yaml", c.before, Env{Getenv: home})
			must(t, add(d))
			drafted(t, d, c.after)
		})
	}
}

// TestRules are added before those that are there.
func TestRulesAreAdded(t *testing.T) {
	t.Parallel()
	const head = "providers: {corp: {issuer: \"https://login.example.com\", client_id: x}}\nhumans: {alice: {}}\n"
	rule := DraftRule{Provider: "corp", Scopes: []string{"*"}, Ask: []string{"alice"}}
	for before, after := range map[string]string{
		"agents:\n  a:\n    uid: 1\n    may:\n    - provider: \"*\"\n      scopes: [x]\n      ask: [alice]\n": "agents:\n  a:\n    uid: 1\n    may:\n    - {provider: corp, scopes: [\"*\"], ask: [alice]}\n    - provider: \"*\"\n      scopes: [x]\n      ask: [alice]\n",
		"agents: {a: {uid: 1, may: []}}\n": "agents: {a: {uid: 1, may: [{provider: corp, scopes: [\"*\"], ask: [alice]}]}}\n",
		"agents: {a: {uid: 1}}\n":          "agents: {a: {may: [{provider: corp, scopes: [\"*\"], ask: [alice]}], uid: 1}}\n",
		"agents:\n  a:\n    uid: 1\n":      "agents:\n  a:\n    may: [{provider: corp, scopes: [\"*\"], ask: [alice]}]\n    uid: 1\n",
	} {
		d := NewDraft("authbridge.yaml", head+before, Env{Getenv: home})
		must(t, d.AddRule("a", rule))
		drafted(t, d, head+after)
	}
}

// TestChanges replace a value and nothing beside it.
func TestChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		before, after string
		change        func(d *Draft) error
	}{
		{
			"humans:\n  alice: {email: 'a''b@example.com'} # hers\n", "humans:\n  alice: {email: alice@example.com} # hers\n",
			func(d *Draft) error { return d.SetText("humans", "alice", "email", "alice@example.com") },
		},
		{
			"humans:\n  alice:\n    email:   \"a@example.com\"   # hers\n", "humans:\n  alice:\n    email:   alice@example.com   # hers\n",
			func(d *Draft) error { return d.SetText("humans", "alice", "email", "alice@example.com") },
		},
		{
			"humans:\n  alice: {}\n", "humans:\n  alice: {email: alice@example.com}\n",
			func(d *Draft) error { return d.SetText("humans", "alice", "email", "alice@example.com") },
		},
		{"agents: {a: {uid: 1}}", "agents: {a: {uid: 1002}}", func(d *Draft) error { return d.SetUID("a", 1002) }},
		{"network: {allow_http_loopback: false}\n", "network: {allow_http_loopback: true}\n", (*Draft).AllowHTTPLoopback},
		{"network: {allow_private: []}\n", "network: {allow_http_loopback: true, allow_private: []}\n", (*Draft).AllowHTTPLoopback},
	} {
		d := NewDraft("authbridge.yaml", c.before, Env{Getenv: home})
		must(t, c.change(d))
		drafted(t, d, c.after)
	}
}

// TestWhatCannotBeEdited is left as it is.
func TestWhatCannotBeEdited(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"retain: 1d\n...\n", "humans:\n  bob: {}\n", "humans: [\n", "humans: 7\n", "agents: {a: {uid: 1, where: |+\n  x\n", "- 1\n"} {
		d := NewDraft("authbridge.yaml", text, Env{Getenv: home})
		if err := d.AddHuman(DraftHuman{Name: "bob"}); err == nil || d.Text() != text {
			t.Errorf("%q became %q, %v", text, d.Text(), err)
		}
	}
	d := NewDraft("authbridge.yaml", "humans:\n  bob: {}\n", Env{Getenv: home})
	if err := d.AddHuman(DraftHuman{"bob", "b@example.com"}); !errors.Is(err, errByHand) || !strings.Contains(err.Error(), "humans: {bob: {email: b@example.com}}") {
		t.Errorf("it says: %v", err)
	}
}

// FuzzDraft: whatever a file looks like and whatever is put in, what was there
// stays byte for byte, and the file says what it said and this.
func FuzzDraft(f *testing.F) {
	for _, text := range []string{
		"", "# x\n", "humans: {alice: {}}\n", "humans:\n  alice:\n    email: a@example.com # hers\n", "{humans: {alice: {}}}", "retain: 1d\r\nhumans:\r\n  a: {}",
		"\uFEFFhumans:\n  \"a\": {}\n", "humans:\n  alice:\n    accounts:\n      corp: |\n        x\n", "humans: {a: {email: 'x''y'}, }", "---\nhumans: {}\n...\n",
	} {
		f.Add(text, "bob", "bob@example.com")
	}
	for _, evil := range []string{"x: y", "a\nb: c", "- x", "*", "&a", "!t", "#", "{", "}", "]", "'", "\"", "\\", "\u2028", "null", "yes", "1e3", "0x1", "~", " ", "\t", "a b", "é"} {
		f.Add("humans:\n  alice: {}\n", evil, evil)
		f.Add("humans: {alice: {}}", evil, evil)
		f.Add("", evil, evil)
	}
	f.Fuzz(func(t *testing.T, text, name, email string) {
		if len(text) > 4096 || len(name) > 100 || len(email) > 100 {
			t.Skip()
		}
		before, fault := parseYAML("", []byte(text))
		d := NewDraft("authbridge.yaml", text, Env{Getenv: home})
		start := d.Text()
		for _, change := range []func() error{
			func() error { return d.AddHuman(DraftHuman{name, email}) },
			func() error { return d.SetText("humans", "alice", "email", email) },
			func() error { return d.AddProvider(DraftProvider{Name: name, Issuer: email, ClientID: name}) },
		} {
			was := d.Text()
			if err := change(); err != nil && d.Text() != was {
				t.Fatalf("an edit failed and changed the text: %q", d.Text())
			}
		}
		if d.Text() == start {
			return
		}
		if fault != nil {
			t.Fatalf("what cannot be read was edited: %q", text)
		}
		after, fault := parseYAML("", []byte(d.Text()))
		if fault != nil {
			t.Fatalf("%v\n%q", fault, d.Text())
		}
		for _, p := range before.pairs {
			if p.key != "humans" && p.key != "providers" && !holds(after, p) {
				t.Fatalf("%q is not as it was in %q", p.key, d.Text())
			}
		}
	})
}

func holds(v value, p pair) bool {
	for _, other := range v.pairs {
		if other.key == p.key && means(other.value, p.value) {
			return true
		}
	}
	return false
}

// TestAnInsertionIsAnInsertion: the old text is the new one without a piece.
func TestAnInsertionIsAnInsertion(t *testing.T) {
	t.Parallel()
	texts := []string{"humans:\n  alice: {}\n", "{humans: {alice: {}}}", "humans: {\n alice: {} # x\n}\nretain: 1d", "retain: 1d", "# é\r\nhumans:\r\n   alice:\r\n     email: a@example.com"}
	for _, text := range texts {
		for _, name := range []string{"bob", "b: c", "a\nb", "#", "'", "\"\\", "}", "é机", "null"} {
			e := edit{path: []string{"humans"}, key: name, value: mappingOf([]pair{{key: "email", value: textOf(name)}})}
			got, err := e.apply([]byte(text))
			if err != nil {
				e = edit{key: "humans", value: mappingOf([]pair{{key: name, value: e.value}})}
				if got, err = e.apply([]byte(text)); err != nil {
					t.Errorf("%q into %q: %v", name, text, err)
					continue
				}
			}
			same := 0
			for same < len(text) && text[same] == got[same] {
				same++
			}
			if !strings.HasSuffix(string(got), text[same:]) {
				t.Errorf("%q into %q: %q", name, text, got)
			}
		}
	}
}
