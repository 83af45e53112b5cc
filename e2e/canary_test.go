package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/e2e/canary"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// TestACanaryIsHeard is the positive control of every search for secrets in
// this package: an agent gives a reason that is told on purpose, and it is
// found in everything that can be seen from outside. What is not found in the
// other tests is not there.
func TestACanaryIsHeard(t *testing.T) {
	t.Parallel()
	const song = `canary-7Qw<&">+/=%41é-2Xz`
	w := newWorld(t, options{})
	alice := w.human("alice")
	events := w.follow("")
	events.next("", "", nil)
	id := w.ask(`"reason":` + string(marshalled(t, song))).ID
	events.next(api.EventRequest, requestMembers, new(api.Request))
	alice.press(id, "Show code")
	w.http("GET", "/v1/requests/"+id, "")
	w.http("GET", "/v1/requests", "")
	w.http("DELETE", "/v1/requests/"+id, "")
	w.http("POST", "/v1/requests/"+id+"/token", "").wants(t, http.StatusGone)
	w.cli("status", id, "--json").wants(t, 0)
	w.cli("list", "--json").wants(t, 0)
	w.cli("ask", "--provider", "corp", "--scope", "files.read", "--reason", song, "--json").wants(t, 0)
	w.cli("backup", filepath.Join(w.dir, "backup.db")).wants(t, 0)
	for name, file := range map[string]string{"a temporary file": "tmp/x", "a copy": "state/copy.db"} {
		if err := os.WriteFile(filepath.Join(w.dir, file), append(marshalled(t, song), name...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = w.bridge.log.Write(marshalled(t, map[string]string{"msg": "x", "err": song}))
	_, _ = w.bridge.out.Write([]byte(song))
	w.kill()
	w.restart()

	scanner, err := canary.NewScanner(canary.Secret{Kind: "the song", Text: song})
	if err != nil {
		t.Fatal(err)
	}
	heard := map[string]bool{}
	for _, f := range scanner.Find(w.sources()...) {
		heard[f.Source] = true
	}
	for _, source := range []string{
		"the answer to POST /v1/requests", "the answer to GET /v1/requests", "the answer to GET /v1/requests/{id}",
		"the answer to DELETE /v1/requests/{id}", "the answer to POST /v1/requests/{id}/token", "the events",
		"the inbox of alice, GET /inbox", "the inbox of alice, POST /requests/" + id + "/show_code",
		"standard output of status", "standard output of list", "standard output of ask",
		"the log of life 1", "standard output of life 1", "state/authbridge.db", "state/copy.db", "tmp/x", "backup.db",
	} {
		if !heard[source] {
			t.Errorf("a secret that is told in %s is not found there", source)
		}
	}
	if t.Failed() {
		t.Logf("it is found in %q", slices.Sorted(maps.Keys(heard)))
	}
	// Nor is there anything that is meant for somebody and passes everywhere.
	w.secret(alice.session, sessionSecret)
	if told := w.told("session " + alice.session); !slices.Equal(told, []string{sessionSecret}) {
		t.Errorf("a session in a log is told as %q", told)
	}
}

func marshalled(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestNobodyIsToldASecret drives secrets through every path there is, at a
// provider that repeats them wherever it can. The search at the end of every
// test is what fails it.
func TestNobodyIsToldASecret(t *testing.T) {
	t.Parallel()
	var h *hostile
	o := options{request: "{max_open_per_human: 200, max_open_per_agent_and_human: 200, collect_grace: 1h}", edit: replace("scopes: [openid, email]", "scopes: [openid, email, offline_access]")}
	o.front = func(w *world, next http.Handler) http.Handler {
		h = newHostile(w, next)
		return h
	}
	short := settings()
	short.TokenLifetime = 20 * time.Second // so that tokens are refreshed
	s := withIssuer(t, short, o)
	askings := map[string]string{} // the request by the scope's name
	for name := range spites() {
		scope := "files." + name
		body := fmt.Sprintf(`{"provider":"corp","scopes":[%q],"session":%q}`, scope, name)
		askings[name] = decode[api.Request](t, s.http("POST", "/v1/requests", body).wants(t, http.StatusCreated)).ID
	}
	s.approveAll(h, askings)
	s.lookAtAll(askings)
	s.refreshAll(h, askings)
	s.strangersCall()
	s.kill()
	s.restart()
	s.lookAtAll(askings)
	s.endAll(h, askings)
	s.dump()
	s.restart()
}

// approveAll has alice show every code and approve it, as far as the provider
// lets her.
func (s *scripted) approveAll(h *hostile, askings map[string]string) {
	s.t.Helper()
	for range 2 { // once more where the provider was away
		cards := s.alice.cards()
		for _, id := range askings {
			if cards[id].buttons["Show code"] != "" {
				s.alice.press(id, "Show code")
			}
		}
		s.settled()
	}
	cards := s.alice.cards()
	for _, id := range askings {
		if c := cards[id]; c.code != "" {
			if err := s.issuer.Approve(c.code, aliceThere); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	for name, id := range askings {
		eventually(s.t, name+" comes to something", func() bool {
			r := s.request(id)
			return r.State.Ended() || r.State == api.Granted || r.State == api.Held && h.spoiled("files."+name) > 0
		})
		if at := spites()[name].endpoint; at != "" && at != oauthtest.Refresh && at != oauthtest.Revocation && h.spoiled("files."+name) == 0 {
			s.t.Errorf("%s: the provider was never asked", name)
		}
	}
}

// settled waits until no code is on its way.
func (s *scripted) settled() {
	s.t.Helper()
	var waiting []string
	if !within(patience, func() bool {
		waiting = nil
		for _, c := range s.alice.cards() {
			if strings.Contains(c.text, "The code is on its way") {
				waiting = append(waiting, c.text)
			}
		}
		return len(waiting) == 0
	}) {
		s.t.Fatalf("a code is still on its way: %s", waiting)
	}
}

// refreshAll has every token refreshed that can be.
func (s *scripted) refreshAll(h *hostile, askings map[string]string) {
	s.t.Helper()
	for name := range askings {
		if spites()[name].endpoint == oauthtest.Refresh {
			eventually(s.t, "the provider is asked to refresh "+name, func() bool {
				s.http("POST", "/v1/token", fmt.Sprintf(`{"provider":"corp","scopes":["files.%s"],"session":%q,"min_validity":"1h"}`, name, name), "Prefer", "wait=0")
				return h.spoiled("files."+name) > 0
			})
		}
	}
}

// lookAtAll looks at every request in every way.
func (s *scripted) lookAtAll(askings map[string]string) {
	s.t.Helper()
	s.alice = s.human("alice")
	s.alice.page()
	s.human("bob").page()
	s.http("GET", "/v1/requests?limit=200", "").wants(s.t, http.StatusOK)
	s.http("GET", "/v1/whoami", "").wants(s.t, http.StatusOK)
	s.cli("list", "--limit", "200", "--json")
	s.cli("list", "--limit", "200")
	for name, id := range askings {
		s.http("GET", "/v1/requests/"+id, "").wants(s.t, http.StatusOK)
		if spites()[name].endpoint != oauthtest.Revocation { // they are taken back before anybody has them
			s.http("POST", "/v1/requests/"+id+"/token", "")
		}
	}
	s.http("GET", "/v1/grants", "").wants(s.t, http.StatusOK)
	s.cli("grants").wants(s.t, 0)
	s.cli("grants", "--json").wants(s.t, 0)
	s.cli("audit").wants(s.t, 0)
	s.cli("audit", "--verify").wants(s.t, 0)
	s.cli("backup", filepath.Join(s.dir, fmt.Sprintf("backup-%d.db", len(s.logs)))).wants(s.t, 0)
	some := askings["poll-lost"]
	s.cli("status", some)
	s.cli("status", some, "--json")
	s.cli("wait", some)
	s.cli("wait", askings["none"], "--format", "header").wants(s.t, 0)
	s.cli("exec", "--provider", "corp", "--scope", "files.none", "--session", "none", "--", "true").wants(s.t, 0)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/nothing"} {
		s.ops(path)
	}
}

// ops keeps what is answered to who watches over the process.
func (w *world) ops(path string) {
	w.t.Helper()
	status, header, body := get(w.t, "http://"+w.bridge.at("ops")+path)
	w.heardAnswer("ops, GET "+path, status, header, body)
}

// strangersCall makes calls that are mistakes, each with a secret in a place
// where it does not belong.
func (s *scripted) strangersCall() {
	s.t.Helper()
	all := s.everySecret()
	for _, secret := range all {
		s.http("GET", "/v1/whoami", "", "Authorization", "Bearer "+secret)
		s.http("GET", "/v1/requests/"+url.PathEscape(secret), "")
		s.http("GET", "/v1/requests?cursor="+url.PathEscape(secret), "")
		s.http("GET", "/v1/requests?x="+url.PathEscape(secret), "")
		s.http("GET", "/v1/"+url.PathEscape(secret), "")
		s.http("POST", "/v1/requests", `{"provider":`+string(marshalled(s.t, secret))+`,"scopes":["files.read"]}`)
		s.http("POST", "/v1/requests", `{`+string(marshalled(s.t, secret))+`:1}`)
		s.http("POST", "/v1/requests", secret)
		s.http("GET", "/v1/events", "", api.LastEventIDHeader, secret, "Origin", secret)
		stranger := &human{world: s.world, name: "a stranger", base: s.alice.base, session: secret}
		stranger.call("GET", "/inbox", "")
		stranger.call("POST", "/session", `{"link":`+string(marshalled(s.t, secret))+`}`)
		stranger.call("POST", "/requests/"+url.PathEscape(secret)+"/"+url.PathEscape(secret), "")
		stranger.call("GET", "/"+url.PathEscape(secret), "")
	}
	used := s.inboxLink("alice")
	_, link, _ := strings.Cut(used, "/#")
	for range 2 {
		s.alice.call("POST", "/session", `{"link":"`+link+`"}`)
	}
}

// everySecret is one of each kind.
func (w *world) everySecret() (all []string) {
	w.known.mu.Lock()
	defer w.known.mu.Unlock()
	byKind := map[string]string{}
	for text, kind := range w.known.kind {
		if kind != sealKey {
			byKind[kind] = text
		}
	}
	return slices.Collect(maps.Values(byKind))
}

// endAll has every request taken back, so that the provider is asked to
// revoke what it gave.
func (s *scripted) endAll(h *hostile, askings map[string]string) {
	s.t.Helper()
	for _, id := range askings {
		s.http("DELETE", "/v1/requests/"+id, "").wants(s.t, http.StatusOK)
	}
	for name, spite := range spites() {
		if spite.endpoint == oauthtest.Revocation {
			eventually(s.t, "the provider is asked to revoke "+name, func() bool { return h.spoiled("files."+name) > 0 })
		}
	}
}

// dump has the bridge end with all its stacks, as a breakdown does.
func (w *world) dump() {
	w.t.Helper()
	_ = w.bridge.cmd.Process.Signal(syscall.SIGQUIT)
	<-w.bridge.done
	w.bridge.once.Do(func() {})
	if !strings.Contains(w.bridge.log.String(), "goroutine ") {
		w.t.Error("there are no stacks in the log")
	}
	w.heardFiles()
}
