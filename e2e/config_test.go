package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/internal/tlstest"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// faulty has four faults, each of another kind.
const faulty = `state_dir: /tmp/x
listen: {webb: "127.0.0.1:0"}
providers:
  corp: {issuer: https://login.example.com, client_id: x, client_secret: hunter2}
humans:
  alice: {email: 7}
agents:
  helper: {uid: 1, may: [{provider: corp, scopes: ["*"], ask: [alise]}]}
`

func TestFaultsAreToldAllAtOnce(t *testing.T) {
	t.Parallel()
	w := prepareWorld(t, options{})
	w.configure(faulty)
	expected := []string{
		"2: listen.webb: unknown key; did you mean \"web\"?",
		"4: providers.corp.client_secret:", "hint: client_secret: env:CORP_SECRET",
		"6: humans.alice.email:", "hint: ",
		"8: agents.helper.may[0].ask: no human or team called \"alise\"; did you mean \"alice\"?",
	}
	for _, args := range [][]string{{"serve"}, {"config", "check"}, {"config", "check", w.config}, {"--config", w.config, "serve"}} {
		got := w.cli(args...).wants(t, 2, expected...)
		if got.stdout != "" || strings.Contains(got.stderr, "hunter2") {
			t.Errorf("%v says: %s%s", args, got.stdout, got.stderr)
		}
	}
	if _, err := os.Stat(w.agentSocket()); err == nil {
		t.Error("a bridge with a faulty configuration opened its socket")
	}
}

// checked is what `config check --json` says.
type checked struct {
	File   string
	Faults []struct {
		Line            int
		Key, What, Hint string
	}
}

func (w *world) check(exit int) checked {
	w.t.Helper()
	var c checked
	if err := json.Unmarshal([]byte(w.cli("config", "check", "--json").wants(w.t, exit).stdout), &c); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// later is a file of keys and values that this version refuses, each marked
// with nothing else wrong beside it.
const later = `providers:
  corp: {issuer: https://login.example.com, client_id: x}
humans:
  alice: {}
teams:
  oncall: {members: [alice]}
agents:
  ci:
    uid: 7
    may:
      - provider: corp
        scopes: ["files:*"]
        ask: [oncall]
        approve: {team: oncall, count: 2}
`

func TestKeysThatAreNotInThisVersion(t *testing.T) {
	t.Parallel()
	w := prepareWorld(t, options{})
	w.configure(later)
	index, named := regexp.MustCompile(`\[\d+\]`), regexp.MustCompile(`^(providers|humans|agents|teams)\.[a-z]+`)
	lines := strings.Split(later, "\n")
	for _, f := range w.check(2).Faults {
		if f.What != "not in this version" {
			t.Errorf("%d: %s: %s", f.Line, f.Key, f.What)
			continue
		}
		leaf := f.Key[strings.LastIndex(f.Key, ".")+1:]
		if !strings.Contains(lines[f.Line-1], leaf) {
			t.Errorf("line %d is not where %s is: %s", f.Line, f.Key, lines[f.Line-1])
		}
		reached(t, refusedKey, named.ReplaceAllString(index.ReplaceAllString(f.Key, "[]"), "$1.*"))
	}
}

// TestEveryKeyOfThisVersion starts a bridge with all of them, and lets it do
// its work.
func TestEveryKeyOfThisVersion(t *testing.T) {
	t.Parallel()
	group, err := user.LookupGroupId(strconv.Itoa(os.Getgid()))
	if err != nil {
		t.Skipf("the group of this user has no name: %v", err)
	}
	s := settings()
	s.AuthMethod = "client_secret_post"
	o := options{issuer: oauthtest.New(s), request: `{ttl: 1d, claim: 10m, quiet_after_denied: 1m, collect_within: 1h, collect_grace: 30s, remind: 30m, max_open_per_human: 4, max_open_per_agent_and_human: 2}`}
	o.edit = func(text string) string {
		for old, now := range map[string]string{
			"log: {level: debug}":       "log: {level: info, format: json}",
			"listen: {":                 "listen: {socket_group: " + group.Name + ", ",
			"allow_http_loopback: true": "allow_http_loopback: true, allow_private: [10.20.0.0/16]",
			"scopes: [openid, email]":   "scopes: [openid, email], token_endpoint_auth_method: client_secret_post, trust: configured",
			"email: alice@example.com":  `email: alice@elsewhere.example, slack: U024BE7LH, discord: "80351110224678912", via: [web], timezone: Europe/Berlin, accounts: {corp: alice@example.com}`,
			"ask: [alice, bob]":         "ask: [alice, bob], default_scopes: [files.read], code: on_click, binding: show",
		} {
			text = strings.Replace(text, old, now, 1)
		}
		dir := filepath.Dir(regexp.MustCompile(`state_dir: (.*)`).FindStringSubmatch(text)[1])
		return text + fmt.Sprintf("store: bolt:%s/elsewhere.db\nseal: file:%s/elsewhere.key\nretain: 30d\naudit_retain: 300d\nteams:\n  oncall: {members: [alice, bob]}\n", dir, dir)
	}
	w := newWorld(t, o)
	for file, want := range map[string]os.FileMode{
		w.agentSocket(): 0o660, w.adminSocket(): 0o600, filepath.Join(w.dir, "elsewhere.db"): 0o600, filepath.Join(w.dir, "elsewhere.key"): 0o600,
	} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, want mode %v", file, err, want)
		}
	}
	if got := w.check(0); len(got.Faults) > 0 || got.File != w.config {
		t.Errorf("config check: %+v", got)
	}
	reached(t, variable, "AUTHBRIDGE_CONFIG")
	if got := w.startWith([]string{"AUTHBRIDGE_CONFIG="}, "--config", w.config, "config", "check").wait().wants(t, 0); !strings.Contains(got.stdout, "is fine") {
		t.Errorf("config check: %s", got.stdout)
	}

	// The default scopes, and an account that is configured for this provider.
	alice := w.human("alice")
	id := decode[api.Request](t, w.http("POST", "/v1/requests", `{"provider":"corp"}`).wants(t, 201)).ID
	if err := w.issuer.Approve(alice.showCode(id).code, aliceThere); err != nil {
		t.Fatal(err)
	}
	w.becomes(id, api.Granted)
	w.collect(id)
}

// TestProfilesFillProvidersIn: a bridge runs with a provider of each kind, of
// which the file says no more than what only its operator knows.
func TestProfilesFillProvidersIn(t *testing.T) {
	t.Parallel()
	cert, key := filepath.Join(t.TempDir(), "client.pem"), filepath.Join(t.TempDir(), "client.key")
	tlstest.Write(t, cert, key, tlstest.New(t).Issue("authbridge", time.Hour))
	w := newWorld(t, options{edit: func(text string) string {
		return strings.Replace(text, "providers:\n", fmt.Sprintf(`providers:
  github: {profile: github, client_id: Ov23x}
  app: {profile: github_app, client_id: Iv1x, app_name: Example Bridge}
  ghes: {profile: github_enterprise, host: github.corp.example, client_id: x}
  entra: {profile: entra, tenant: 11111111-2222-3333-4444-555555555555, client_id: x}
  other: {profile: generic, issuer: https://login.example.com, client_id: y, resource: omit, audience: https://api.example.com, parameters: {prompt: login}, pkce: S256}
  keyed: {issuer: https://keyed.example.com, client_id: z, token_endpoint_auth_method: private_key_jwt, client_key: "file:%[2]s", client_key_id: "7"}
  shown: {issuer: https://shown.example.com, client_id: z, token_endpoint_auth_method: tls_client_auth, client_certificate: {cert: "file:%[1]s", key: "file:%[2]s"}}
`, cert, key), 1)
	}})
	who := decode[api.Whoami](t, w.http("GET", "/v1/whoami", "").wants(t, 200))
	if len(who.May) != 1 {
		t.Errorf("the agent may %+v", who.May)
	}
	if got := w.cli("providers").wants(t, 0).stdout; !strings.Contains(got, "github") || !strings.Contains(got, "entra") {
		t.Errorf("what is known of providers: %s", got)
	}
	w.cli("providers", "--json").wants(t, 0)
}

// TestNobodyIsNamed: humans and agents that nobody has configured are implied.
func TestNobodyIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{edit: func(text string) string { return text[:strings.Index(text, "humans:")] }})
	who := decode[api.Whoami](t, w.http("GET", "/v1/whoami", "").wants(t, 200))
	if who.Agent != "local" || who.Owner != "operator" {
		t.Errorf("who: %+v", who)
	}
	r := w.ask("")
	w.human("operator").card(r.ID)
}

// TestWhatABridgeDoesNotStartWith: one plain sentence each, and no harm done.
func TestWhatABridgeDoesNotStartWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	id := w.ask("").ID
	refuses := func(what string, words ...string) {
		t.Helper()
		serve := w.start("serve")
		eventually(t, what+" is refused", func() bool {
			return serve.ended() || strings.Contains(serve.stderr.String(), `"listening"`)
		})
		serve.signal(syscall.SIGTERM) // does nothing to what has ended
		got := serve.wait()
		if got.exit != 2 {
			t.Errorf("started with %s: exit %d\n%s", what, got.exit, got.stderr)
			return
		}
		got.wants(t, 2, append(words, "authbridge: ")...)
		if strings.Contains(got.stderr, "goroutine ") {
			t.Errorf("%s: a stack trace: %s", what, got.stderr)
		}
	}
	refuses("a second bridge")
	if w.request(id).State != api.Asked {
		t.Error("the second bridge harmed the first")
	}
	w.stop()
	seal := filepath.Join(w.dir, "state", "seal.key")
	if err := os.Rename(seal, seal+".away"); err != nil {
		t.Fatal(err)
	}
	refuses("no key", "seal.key")
	if err := os.Rename(seal+".away", seal); err != nil {
		t.Fatal(err)
	}
	db := filepath.Join(w.dir, "state", "authbridge.db")
	if err := os.Chmod(seal, 0o644); err != nil {
		t.Fatal(err)
	}
	refuses("a key that others can read", "seal.key")
	if err := os.Chmod(seal, 0o600); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(db, whole[:2*os.Getpagesize()], 0o600); err != nil {
		t.Fatal(err)
	}
	refuses("the beginning of a file", "authbridge.db")
	if err := os.WriteFile(db, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	w.restart()
	if w.request(id).State != api.Asked {
		t.Error("the request is lost")
	}
}
