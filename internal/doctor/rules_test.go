package doctor

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/admin"
)

const people = `
providers:
  corp: {issuer: "https://login.example.com", client_id: x}
  code: {issuer: "https://code.example.com", client_id: y}
humans: {alice: {}, bob: {}}
`

const resources = `
resources: [{match: "https://files.example.com/**", issuers: ["https://login.example.com"]}]
`

// TestRules: what leads to nothing is found, and what does not is not.
func TestRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, about, said string }{
		"all is well": {`agents: {a: {uid: 1, may: [{provider: "*", scopes: ["*"], ask: [alice]}]}}`, "rules", "ok "},
		"no rule":     {`agents: {a: {uid: 1}}`, "agents.a", "warn has no rule"},
		"a provider that nobody may ask": {
			`agents: {a: {uid: 1, may: [{provider: corp, scopes: ["*"], ask: [alice]}]}}`, "providers.code", "warn no agent may ask there",
		},
		"a rule that another covers": {
			`agents: {a: {uid: 1, may: [{provider: "*", scopes: ["read:*", write], ask: [alice, bob]}, {provider: corp, scopes: ["read:files*", write], ask: [bob]}]}}`,
			"agents.a.may[1]", "warn is never used: may[0] comes first",
		},
		"one that asks somebody else": {
			`agents: {a: {uid: 1, may: [{provider: "*", scopes: ["*"], ask: [alice]}, {provider: corp, scopes: ["*"], ask: [bob]}]}}`, "agents.a.may[1]", "",
		},
		"one for other scopes": {
			`agents: {a: {uid: 1, may: [{provider: "*", scopes: ["read:a*"], ask: [alice]}, {provider: corp, scopes: ["read:*"], ask: [alice]}]}}`, "agents.a.may[1]", "",
		},
		"one for an ask that names none": {
			`agents: {a: {uid: 1, may: [{provider: "*", scopes: [read], ask: [alice]}, {provider: corp, scopes: [read], default_scopes: [read], ask: [alice]}]}}`, "agents.a.may[1]", "",
		},
		"rules for two resources": {
			resources + `agents: {a: {uid: 1, may: [{provider: "*", scopes: ["*"], ask: [alice]}, {resource: "https://files.example.com/mcp", scopes: ["*"], ask: [alice]}, {resource: "https://files.example.com/**", scopes: ["*"], ask: [alice]}]}}`, "rules", "ok ",
		},
		"a resource that nobody listed": {
			resources + `agents: {a: {uid: 1, may: [{provider: "*", scopes: ["*"], ask: [alice]}, {resource: "https://mail.example.com/mcp", scopes: ["*"], ask: [alice]}]}}`, "agents.a.may[1]", "warn is for https://mail.example.com/mcp, which no entry of resources lists",
		},
		"the bridge's own user": {`agents: {a: {uid: 77, may: [{provider: "*", scopes: ["*"], ask: [alice]}]}}`, "agents.a", "warn runs as the bridge's own user"},
		"nobody can be reached": {`listen: {web: ""}`, "humans", "fail nobody can be reached"},
		"plain http":            {`network: {allow_http_loopback: true}`, "network", "warn providers on this machine may be called without TLS"},
	} {
		found := Rules(configured(t, people+c.text, ""), 77)
		said := strings.Join(about(found, c.about), "\n")
		if !strings.HasPrefix(said, c.said) || c.said == "" && said != "" {
			t.Errorf("%s: it says %q of %s, want %q", name, said, c.about, c.said)
		}
		fit(t, found)
	}
	if said := about(Rules(configured(t, "", ""), 77), "providers"); len(said) != 1 || !strings.Contains(said[0], "authbridge init") {
		t.Errorf("without a provider: %q", said)
	}
}

// TestFiles: what others own, can read, or can change.
func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	state := filepath.Join(dir, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	text := "state_dir: " + state + "\nseal: file:" + file("seal.key", 0o600) + "\nproviders: {corp: {issuer: \"https://login.example.com\", client_id: x, client_secret: \"file:" + file("corp.secret", 0o600) + "\"}}\n"
	cfg := configured(t, text, "")
	cfg.File = file("authbridge.yaml", 0o640)
	uid := uint32(os.Geteuid())
	said := func() string {
		found := Files(cfg, uid)
		fit(t, found)
		var all strings.Builder
		for _, f := range found {
			if f.Level != admin.OK {
				all.WriteString(f.About + ": " + f.What + " → " + f.Hint + "\n")
			}
		}
		return all.String()
	}
	if got := said(); got != "" {
		t.Errorf("all is well, and it says %s", got)
	}
	for path, c := range map[string]struct {
		mode os.FileMode
		said string
	}{
		cfg.File:           {0o660, "config: " + cfg.File + " has mode 0660: others can change it → chmod 640 " + cfg.File},
		cfg.SecretFiles[0]: {0o622, "secrets: " + cfg.SecretFiles[0] + " has mode 0622: others can change it"},
		cfg.Seal:           {0o640, "seal: " + cfg.Seal + " has mode 0640: others can use it → chmod 600"},
		state:              {0o711, "state_dir: " + state + " has mode 0711: others can use it → chmod 700"},
		dir:                {0o777, "config: " + dir + " has mode 0777: others can change it → chmod 755"},
	} {
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		if got := said(); !strings.Contains(got, c.said) || strings.Count(got, "\n") != 1 {
			t.Errorf("with mode %o: %q, want %q", c.mode, got, c.said)
		}
		if err := os.Chmod(path, before.Mode()); err != nil {
			t.Fatal(err)
		}
	}
	uid++
	if got := said(); uid > 1 && !strings.Contains(got, "who can change it as they like → chown it") {
		t.Errorf("of another's files: %q", got)
	}
}

// TestReach: which agents can come to their socket.
func TestReach(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "ab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "run", "agent.sock")
	if err := os.Mkdir(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	modes := func(above, beside, it os.FileMode) {
		for path, mode := range map[string]os.FileMode{dir: above, filepath.Dir(socket): beside, socket: it} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	me, mine := uint32(os.Geteuid()), uint32(os.Getegid())
	const stranger = 4_000_000_000
	for _, c := range []struct {
		above, beside, it os.FileMode
		uid               uint32
		groups            []uint32
		shut              string
	}{
		{0o755, 0o755, 0o666, stranger, nil, ""},
		{0o700, 0o755, 0o666, stranger, nil, dir},
		{0o755, 0o750, 0o666, stranger, nil, filepath.Dir(socket)},
		{0o755, 0o755, 0o660, stranger, nil, socket},
		{0o755, 0o750, 0o660, stranger, []uint32{mine}, ""},
		{0o755, 0o750, 0o600, stranger, []uint32{mine}, socket},
		{0o700, 0o700, 0o600, me, nil, ""},
		{0o000, 0o000, 0o000, 0, nil, ""},
	} {
		modes(c.above, c.beside, c.it)
		if got := shutFor(socket, c.uid, c.groups); got != c.shut {
			t.Errorf("%+v: it is shut at %q", c, got)
		}
	}
	modes(0o755, 0o755, 0o600)
	cfg := configured(t, people+"listen: {socket: "+socket+"}\nagents: {a: {uid: 4000000000, may: [{provider: corp, scopes: [x], ask: [alice]}]}, me: {uid: 0}}", "")
	found := Reach(cfg)
	if said := about(found, "agents.a"); len(found) != 1 || len(said) != 1 || !strings.Contains(said[0], "listen.socket_group") {
		t.Errorf("findings: %+v", found)
	}
	fit(t, found)
}

func TestSize(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[uint64]string{0: "0 B", 999: "999 B", 3_100_000: "3.1 MB", 46_300_000_000: "46.3 GB", 1 << 63: "9.2 EB"} {
		if got := Size(bytes); got != want {
			t.Errorf("%d: %s, want %s", bytes, got, want)
		}
	}
}
