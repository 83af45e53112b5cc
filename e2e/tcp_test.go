package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/internal/tlstest"
)

// port is how an agent elsewhere reaches a bridge.
type port struct {
	world *world
	url   string
	key   string
	tls   *tls.Config
}

// port is where this world's bridge listens for agents over TCP.
func (w *world) port(scheme, key string) *port {
	w.t.Helper()
	return &port{w, scheme + "://" + w.bridge.at("agents over TCP"), key, nil}
}

// call is a call with the key. Headers come in pairs; Host is one of them.
func (p *port) call(method, path, body string, headers ...string) (answer, error) {
	w := p.world
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", api.MediaType)
	}
	if p.key != "" {
		r.Header.Set("Authorization", "Bearer "+p.key)
	}
	setHeaders(r, headers)
	a, err := w.exchange(&http.Transport{TLSClientConfig: p.tls, DisableKeepAlives: true}, r)
	if a.status == 0 {
		return answer{}, err
	}
	var may []string
	if a.status == http.StatusOK && strings.HasSuffix(path, "/token") {
		may = []string{accessToken}
	}
	w.heardAnswer("the answer over TCP to "+method+" "+idInPath.ReplaceAllString(path, "$1/{id}"), a.status, a.header, a.body, may...)
	reachedByCall(w.t, method, path, a)
	return a, err
}

func (p *port) must(method, path, body string, headers ...string) answer {
	p.world.t.Helper()
	a, err := p.call(method, path, body, headers...)
	if err != nil {
		p.world.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// addAgent has the operator make a key for ci, and put its hash into the file
// in the place of what stands there.
func (w *world) addAgent(old string) admin.AgentKey {
	w.t.Helper()
	var made admin.AgentKey
	if err := json.Unmarshal([]byte(w.cli("agent", "add", "ci", "--json").wants(w.t, 0).stdout), &made); err != nil {
		w.t.Fatal(err)
	}
	w.edit(old, fmt.Sprintf("key_hash: %q", made.KeyHash))
	w.hangUp(`"msg":"reloaded"`)
	text, err := os.ReadFile(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	reachedByConfig(w.t, key, string(text))
	return made
}

const ci = `  ci:
    uid: 4242
    owner: alice
    where: a container
    may: [{provider: corp, scopes: ["files.*"], ask: [alice]}]
`

// TestAgentsOverTCP: an agent gets a key from the operator, a token from alice,
// and another key; the first is nobody's from then on.
func TestAgentsOverTCP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{trailer: ci, edit: replace("listen: {", `listen: {tcp: "127.0.0.1:0", tcp_hosts: ["bridge.internal:8740"], `)})
	first := w.addAgent("uid: 4242")
	if !first.Known || first.Renewed || string(first.File) != w.config || first.PID != w.bridge.cmd.Process.Pid {
		t.Errorf("made %+v: %v, %v, %s, %d", first, first.Known, first.Renewed, first.File, first.PID)
	}
	agent := w.port("http", first.Key)
	r := decode[api.Request](t, agent.must("POST", "/v1/requests", ask).wants(t, http.StatusCreated))
	alice := w.human("alice")
	if c := alice.card(r.ID); r.Agent != "ci" || !strings.Contains(c.text, "ci, on a container, known by its key, yours") {
		t.Errorf("%s asks, and the card says: %s", r.Agent, c.text)
	}
	newPerson(t).allow(alice.showCode(r.ID), "alice")
	token := decode[api.Token](t, agent.must("POST", "/v1/token", ask).wants(t, http.StatusOK))
	if !w.provider.Live(token.AccessToken) {
		t.Error("the token is none of the provider's")
	}
	w.http("GET", "/v1/requests/"+r.ID, "").problem(t, api.ProblemNotFound) // to helper

	who := decode[api.Whoami](t, agent.must("GET", "/v1/whoami", "", "Host", "bridge.internal:8740").wants(t, http.StatusOK))
	if who.Agent != "ci" || who.By != api.ByKey {
		t.Errorf("it is %+v", who)
	}
	w.cli("list").wants(t, 0)
	w.startWith([]string{"AUTHBRIDGE_SOCKET=", "AUTHBRIDGE_URL=" + agent.url, "AUTHBRIDGE_KEY=" + first.Key}, "token", "--provider", "corp", "--scope", "files.read").wait().wants(t, 0)
	if a := w.http("GET", "/v1/whoami", "", "Authorization", "Bearer "+first.Key).wants(t, http.StatusOK); decode[api.Whoami](t, a).Agent != "ci" {
		t.Errorf("on the socket the key is %s", a.body)
	}

	second := w.addAgent(fmt.Sprintf("key_hash: %q", first.KeyHash))
	if !second.Renewed || second.Key == first.Key {
		t.Errorf("made %+v, renewed: %v", second, second.Renewed)
	}
	agent.must("POST", "/v1/token", ask).problem(t, api.ProblemUnauthenticated)
	w.http("GET", "/v1/whoami", "", "Authorization", "Bearer "+first.Key).problem(t, api.ProblemUnauthenticated)
	agent.key = second.Key
	if again := decode[api.Token](t, agent.must("POST", "/v1/token", ask).wants(t, http.StatusOK)); again.Grant != token.Grant {
		t.Errorf("with another key it has the grant %s, and not %s", again.Grant, token.Grant)
	}
}

// TestStrangersOverTCP: whoever has no key is told nothing but that, and a page
// that a browser shows not even so much.
func TestStrangersOverTCP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{trailer: ci, edit: replace("listen: {", `listen: {tcp: "127.0.0.1:0", `)})
	made := w.addAgent("uid: 4242")
	var said []byte
	for what, key := range map[string]string{
		"another": "abk_ABCDEFGHIJKLMNOPQRSTUVWXYZ", "nearly": made.Key[:len(made.Key)-1], "the hash": made.KeyHash, "no form": "x", "much": strings.Repeat("x", 10_000),
	} {
		a := w.port("http", key).must("GET", "/v1/whoami", "")
		a.problem(t, api.ProblemUnauthenticated)
		if said == nil {
			said = a.body
		}
		if !bytes.Equal(a.body, said) {
			t.Errorf("%s is answered %s", what, a.body)
		}
	}
	w.port("http", "").must("GET", "/v1/whoami", "").problem(t, api.ProblemUnauthenticated)
	agent := w.port("http", made.Key)
	for what, header := range map[string][]string{
		"a page": {"Origin", "https://evil.example"}, "the bridge's own": {"Origin", agent.url}, "a link": {"Referer", agent.url + "/"},
		"a rebound name": {"Host", "evil.example"}, "localhost": {"Host", "localhost"},
	} {
		if p := agent.must("GET", "/v1/whoami", "", header...).problem(t, api.ProblemInvalidRequest); p.Retryable {
			t.Errorf("%s: retryable", what)
		}
	}
	if a := agent.must("GET", "/v1/whoami", "", "X-Long", strings.Repeat("x", 64<<10)); a.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a huge header is answered %d", a.status)
	}
	agent.must("GET", "/v1/whoami", "").wants(t, http.StatusOK)
}

// TestAgentsOverTLS: only those come in who have a certificate of the
// configured CA and a key; the bridge's own is renewed while it runs.
func TestAgentsOverTLS(t *testing.T) {
	t.Parallel()
	ca := tlstest.New(t)
	files := t.TempDir()
	tlstest.Write(t, filepath.Join(files, "bridge.pem"), filepath.Join(files, "bridge-key.pem"), ca.Issue("bridge.internal", time.Hour))
	if err := os.WriteFile(filepath.Join(files, "ca.pem"), tlstest.PEM(ca.Own()), 0o600); err != nil {
		t.Fatal(err)
	}
	listen := fmt.Sprintf(`listen: {tcp: "0.0.0.0:0", tcp_hosts: ["bridge.internal"], tls: {cert: "file:%s/bridge.pem", key: "file:%s/bridge-key.pem", client_ca: "file:%s/ca.pem"}, `, files, files, files)
	w := newWorld(t, options{trailer: ci, edit: func(text string) string {
		return strings.Replace(strings.Replace(text, "listen: {", listen, 1), `web: "127.0.0.1:0"`, `web: ""`, 1)
	}})
	made := w.addAgent("uid: 4242")
	agent := w.port("https", made.Key)
	agent.url = strings.Replace(agent.url, "[::]", "127.0.0.1", 1)
	agent.url = strings.Replace(agent.url, "0.0.0.0", "127.0.0.1", 1)
	agent.tls = &tls.Config{RootCAs: ca.Pool(), ServerName: "bridge.internal", Certificates: []tls.Certificate{ca.Issue("ci", time.Hour)}, MinVersion: tls.VersionTLS13}
	agent.must("GET", "/v1/whoami", "", "Host", "bridge.internal").wants(t, http.StatusOK)
	agent.must("GET", "/v1/whoami", "").problem(t, api.ProblemInvalidRequest) // every address is no host
	stolen := *agent
	stolen.key = "abk_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	stolen.must("GET", "/v1/whoami", "", "Host", "bridge.internal").problem(t, api.ProblemUnauthenticated)

	for what, certificates := range map[string][]tls.Certificate{"none": nil, "of another CA": {tlstest.New(t).Issue("ci", time.Hour)}} {
		without := *agent
		without.tls = agent.tls.Clone()
		without.tls.Certificates = certificates
		if a, err := without.call("GET", "/v1/whoami", "", "Host", "bridge.internal"); err == nil {
			t.Errorf("with a certificate, %s, it is answered %d", what, a.status)
		}
	}
	plain := *agent
	plain.url = strings.Replace(agent.url, "https:", "http:", 1)
	if a, err := plain.call("GET", "/v1/whoami", "", "Host", "bridge.internal"); err == nil && a.status != http.StatusBadRequest {
		t.Errorf("without TLS it is answered %d", a.status)
	}

	tlstest.Write(t, filepath.Join(files, "bridge.pem"), filepath.Join(files, "bridge-key.pem"), ca.Issue("renewed.internal", time.Hour))
	w.hangUp(`"msg":"reloaded"`)
	agent.tls = agent.tls.Clone()
	agent.tls.ServerName = "renewed.internal"
	agent.must("GET", "/v1/whoami", "", "Host", "bridge.internal").wants(t, http.StatusOK)
	if err := os.Chmod(filepath.Join(files, "bridge-key.pem"), 0o644); err != nil {
		t.Fatal(err)
	}
	w.hangUp("not reloaded: the bridge goes on with the configuration that it has")
	agent.must("GET", "/v1/whoami", "", "Host", "bridge.internal").wants(t, http.StatusOK)
}

// TestTheDocument is there for whoever has no key yet, at the socket and over
// TCP, and it has every route of the contract.
func TestTheDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{trailer: ci, edit: replace("listen: {", `listen: {tcp: "127.0.0.1:0", `)})
	stranger := w.port("http", "")
	a := stranger.must("GET", "/openapi.json", "").wants(t, http.StatusOK)
	var document struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}
	if err := json.Unmarshal(a.body, &document); err != nil || document.OpenAPI != "3.1.0" || a.header.Get("Content-Type") != api.MediaType {
		t.Fatalf("the document is of %q, as %s: %v", document.OpenAPI, a.header.Get("Content-Type"), err)
	}
	if at := w.http("GET", "/openapi.json", "").wants(t, http.StatusOK); !bytes.Equal(at.body, a.body) {
		t.Error("at the socket it is another")
	}
	if checked, err := os.ReadFile("../httpapi/openapi.json"); err != nil || !bytes.Equal(checked, a.body) {
		t.Errorf("it is not the one that is checked in: %v", err)
	}
	for _, c := range contract() {
		method, path, _ := strings.Cut(c.name, " ")
		if c.kind == route && (strings.HasPrefix(path, "/v1/") || path == "/openapi.json") && document.Paths[path][strings.ToLower(method)] == nil {
			t.Errorf("it does not have %s", c.name)
		}
	}
	stranger.must("GET", "/openapi.json", "", "Origin", "https://evil.example").problem(t, api.ProblemInvalidRequest)
	stranger.must("GET", "/openapi.json", "", "Host", "evil.example").problem(t, api.ProblemInvalidRequest)
}
