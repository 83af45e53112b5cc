package config_test

import (
	"errors"
	"flag"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
)

var update = flag.Bool("update", false, "write the expected faults anew")

// environment has nothing but the variables it is given, in pairs.
func environment(pairs ...string) config.Env {
	variables := map[string]string{"HOME": "/home/op"}
	for i := 0; i < len(pairs); i += 2 {
		variables[pairs[i]] = pairs[i+1]
	}
	return config.Env{
		Getenv: func(name string) string { return variables[name] },
		UID:    4711,
		GroupID: func(group string) (uint32, error) {
			if group == "agents" {
				return 1234, nil
			}
			return 0, errors.New("unknown group")
		},
	}
}

func mustParse(t *testing.T, text string, env config.Env) *config.Config {
	t.Helper()
	c, err := config.Parse("authbridge.yaml", []byte(text), env)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return c
}

// faultsOf parses what must not be accepted.
func faultsOf(t *testing.T, text string, env config.Env) *config.Faults {
	t.Helper()
	c, err := config.Parse("authbridge.yaml", []byte(text), env)
	var faults *config.Faults
	if !errors.As(err, &faults) || c != nil || len(faults.List) == 0 {
		t.Fatalf("Parse returned %v and error %v, not faults\n%.500s", c, err, text)
	}
	return faults
}

// TestFaultsAreToldAtOnce compares with the files beside the configurations
// what people would read.
func TestFaultsAreToldAtOnce(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("found %d files, error %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			faults := faultsOf(t, string(text), environment("CORP_SECRET", "c", "GITHUB_SECRET", "g"))
			got := faults.Summary() + "\n" + faults.Error() + "\n"
			expected := strings.TrimSuffix(file, ".yaml") + ".faults"
			if *update {
				if err := os.WriteFile(expected, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(expected)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if strings.Contains(got, "hunter2") {
				t.Error("a secret is repeated in a fault")
			}
		})
	}
}

func TestEmptyFileRuns(t *testing.T) {
	want := &config.Config{
		StateDir: "/home/op/.local/state/authbridge",
		Listen: config.Listen{
			Socket: "/home/op/.local/state/authbridge/agent.sock",
			Admin:  "/home/op/.local/state/authbridge/admin.sock",
			Web:    "127.0.0.1:8741",
			Ops:    "127.0.0.1:8742",
		},
		Store: config.Store{Kind: config.StoreBolt, Path: "/home/op/.local/state/authbridge/authbridge.db"},
		Seal:  "/home/op/.local/state/authbridge/seal.key",
		Log:   config.Log{Level: slog.LevelInfo, Format: config.LogAuto},
		Directory: bridge.Directory{
			Humans: map[string]bridge.Human{"operator": {Name: "operator"}},
			Teams:  map[string]bridge.Team{},
			Agents: map[string]bridge.Agent{"local": {
				Name:  "local",
				UID:   new(uint32(4711)),
				Owner: "operator",
				May:   []bridge.Rule{{Provider: "*", Scopes: []string{"*"}, Ask: []string{"operator"}, Reuse: 8 * time.Hour}},
			}},
			Providers: map[string]bridge.ProviderInfo{},
			Channels:  []string{"web"},
			Limits:    bridge.DefaultLimits(),
		},
		Providers: map[string]config.Provider{},
	}
	got, err := config.Empty(environment())
	if err != nil {
		t.Fatalf("Empty: %v", err)
	}
	if diff := cmp.Diff(want, got, placeless); diff != "" {
		t.Errorf("no file (-want +got):\n%s", diff)
	}
	want.File = "authbridge.yaml"
	for _, text := range []string{"", "\n", "# only a comment\n", "{}\n", "---\n", "--- {}\n", "\uFEFF# by an editor\r\n"} {
		if diff := cmp.Diff(want, mustParse(t, text, environment()), placeless); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

const complete = `
state_dir: /srv/bridge/./state
listen: {socket: /run/b/agent.sock, socket_group: agents, admin: /run/b/op.sock, web: "[::1]:0", ops: ""}
store: bolt:/srv/bridge/requests.db
seal: file:/srv/bridge/seal.key
log: {level: debug, format: json}
network: {allow_http_loopback: true, allow_private: [10.20.0.0/16, "fd00:20::/32"]}
request: {ttl: 1d12h, claim: 5m, collect_within: 90m, collect_grace: 30s, max_open_per_human: 10, max_open_per_agent_and_human: 10,
          quiet_after_denied: 1h}
retain: 1.5d
audit_retain: 30d
providers:
  corp: {issuer: https://login.example.com, client_id: authbridge, client_secret: env:CORP_SECRET,
         scopes: [openid, email], scope_words: {"files:read": read your files}, trust: configured}
  post: {issuer: "http://127.0.0.1:9000/", client_id: p, client_secret: env:CORP_SECRET, token_endpoint_auth_method: client_secret_post, trust: first_use}
  open: {issuer: https://open.example.com/tenant, client_id: o, trust: none}
humans:
  alice: {email: alice@example.com, slack: U024BE7LH, discord: "80351110224678912", via: [web], timezone: Europe/Berlin,
          accounts: {corp: "sub:42", "https://elsewhere.example": al@example.com}}
  bob: {}
teams:
  oncall: {members: [bob, alice]}
agents:
  helper:
    uid: 1001
    owner: alice
    where: alice's laptop
    may:
      - {provider: corp, scopes: [repo, "read:*"], default_scopes: ["read:all"], ask: [alice, bob], reuse: 0, code: on_click, binding: show}
      - {provider: "*", scopes: ["*"], ask: [bob]}
      - {provider: open, scopes: ["*"], ask: [oncall], binding: require}
      - {provider: open, scopes: [a], ask: [bob], code: at_once}
  idle: {uid: 0}
`

func TestCompleteFile(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Config{
		File:     "authbridge.yaml",
		StateDir: "/srv/bridge/state",
		Listen: config.Listen{
			Socket: "/run/b/agent.sock", SocketGroup: "agents", SocketGID: 1234,
			Admin: "/run/b/op.sock", Web: "[::1]:0",
		},
		Store: config.Store{Kind: config.StoreBolt, Path: "/srv/bridge/requests.db"},
		Seal:  "/srv/bridge/seal.key",
		Log:   config.Log{Level: slog.LevelDebug, Format: config.LogJSON},
		Network: config.Network{
			AllowHTTPLoopback: true,
			AllowPrivate:      []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd00:20::/32")},
		},
		Directory: bridge.Directory{
			Humans: map[string]bridge.Human{
				"alice": {
					Name: "alice", Email: "alice@example.com", Slack: "U024BE7LH", Discord: "80351110224678912",
					Via: []string{"web"}, Timezone: berlin,
					Accounts: map[string]string{"corp": "sub:42", "https://elsewhere.example": "al@example.com"},
				},
				"bob": {Name: "bob"},
			},
			Teams: map[string]bridge.Team{"oncall": {Name: "oncall", Members: []string{"bob", "alice"}}},
			Agents: map[string]bridge.Agent{
				"helper": {
					Name: "helper", UID: new(uint32(1001)), Owner: "alice", Where: "alice's laptop",
					May: []bridge.Rule{
						{Provider: "corp", Scopes: []string{"repo", "read:*"}, DefaultScopes: []string{"read:all"}, Ask: []string{"alice", "bob"}},
						{Provider: "*", Scopes: []string{"*"}, Ask: []string{"bob"}, Reuse: 8 * time.Hour},
						{Provider: "open", Scopes: []string{"*"}, Ask: []string{"oncall"}, Reuse: 4 * time.Hour, Digits: true},
						{Provider: "open", Scopes: []string{"a"}, Ask: []string{"bob"}, Reuse: 8 * time.Hour, AtOnce: true},
					},
				},
				"idle": {Name: "idle", UID: new(uint32(0))},
			},
			Providers: map[string]bridge.ProviderInfo{
				"corp": {
					Name: "corp", Issuer: "https://login.example.com", ClientID: "authbridge",
					Scopes: []string{"openid", "email"}, ScopeWords: map[string]string{"files:read": "read your files"},
					Trust: bridge.TrustConfigured,
				},
				"post": {Name: "post", Issuer: "http://127.0.0.1:9000/", ClientID: "p", ScopeWords: map[string]string{}, Trust: bridge.TrustFirstUse},
				"open": {Name: "open", Issuer: "https://open.example.com/tenant", ClientID: "o", ScopeWords: map[string]string{}, Trust: bridge.TrustNone},
			},
			Channels: []string{"web"},
			Limits: bridge.Limits{
				TTL: 36 * time.Hour, Claim: 5 * time.Minute, CollectWithin: 90 * time.Minute, CollectGrace: 30 * time.Second,
				MaxOpenPerHuman: 10, MaxOpenPerAgentAndHuman: 10,
				QuietAfterDenied: time.Hour, Remind: 15 * time.Minute, Retain: 36 * time.Hour, AuditRetain: 720 * time.Hour,
			},
		},
		Providers: map[string]config.Provider{
			"corp": {
				Name: "corp", Issuer: "https://login.example.com", ClientID: "authbridge",
				ClientSecret: bridge.NewSecret("s3cret"), AuthMethod: config.AuthBasic, Scopes: []string{"openid", "email"},
			},
			"post": {
				Name: "post", Issuer: "http://127.0.0.1:9000/", ClientID: "p",
				ClientSecret: bridge.NewSecret("s3cret"), AuthMethod: config.AuthPost,
			},
			"open": {Name: "open", Issuer: "https://open.example.com/tenant", ClientID: "o", AuthMethod: config.AuthNone},
		},
	}
	got := mustParse(t, complete, environment("CORP_SECRET", "s3cret"))
	if diff := cmp.Diff(want, got, cmp.Comparer(samePrefix), placeless); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	windows := mustParse(t, strings.ReplaceAll(complete, "\n", "\r\n"), environment("CORP_SECRET", "s3cret"))
	if diff := cmp.Diff(got, windows, cmp.Comparer(samePrefix), placeless); diff != "" {
		t.Errorf("with CRLF (-LF +CRLF):\n%s", diff)
	}
}

// placeless leaves out where the keys stand, what profiles bring along, and what
// the bridge learns later.
var placeless = cmp.Options{
	cmpopts.IgnoreUnexported(config.Config{}, bridge.Team{}),
	cmpopts.IgnoreFields(config.Provider{}, "Profile"), // TestProfilesAreFilledIn looks at it
	cmp.Comparer(func(x, y *time.Location) bool { return (x == nil) == (y == nil) && x.String() == y.String() }),
}

func samePrefix(a, b netip.Prefix) bool { return a == b }
