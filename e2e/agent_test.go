package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
)

// answer is what the agent API said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// http makes a raw call over the agents' socket. Headers come in pairs; Host
// is one of them.
func (w *world) http(method, path, body string, headers ...string) answer {
	w.t.Helper()
	a, err := w.try(method, path, body, headers...)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// try is http for a call that may find nobody.
func (w *world) try(method, path, body string, headers ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), 2*patience)
	defer cancel()
	var sent io.Reader
	if body != "" {
		sent = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, sent)
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	setHeaders(r, headers)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", w.agentSocket())
	}}
	defer transport.CloseIdleConnections()
	a, err := w.exchange(transport, r)
	if a.status == 0 {
		return answer{}, err
	}
	var may []string
	if a.status == http.StatusOK && method == http.MethodPost && strings.HasSuffix(path, "/token") {
		may = []string{accessToken}
	}
	may = append(may, w.ownWords(path, body, headers...)...)
	plain, _, _ := strings.Cut(path, "?")
	w.heardAnswer("the answer to "+method+" "+idInPath.ReplaceAllString(plain, "$1/{id}"), a.status, a.header, a.body, may...)
	reachedByCall(w.t, method, path, a)
	reachedByAsk(w.t, method, body, a)
	return a, err
}

// setHeaders takes headers in pairs; Host is one of them.
func setHeaders(r *http.Request, headers []string) {
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
}

// exchange makes a call, and notes the token in its answer. An answer that
// breaks off is there as far as it came, with the error.
func (w *world) exchange(over *http.Transport, r *http.Request) (answer, error) {
	resp, err := over.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	a := answer{resp.StatusCode, resp.Header, read}
	w.learn(a)
	return a, err
}

// learn notes the token in an answer.
func (w *world) learn(a answer) {
	var token api.Token
	if json.Unmarshal(a.body, &token) == nil {
		w.secret(token.AccessToken, accessToken)
	}
}

// wants fails the test unless the answer has this status.
func (a answer) wants(t testing.TB, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("answered with %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// problem wants a refusal, and returns it.
func (a answer) problem(t testing.TB, code api.ProblemCode) api.Problem {
	t.Helper()
	p := decode[api.Problem](t, a)
	if p.Code != code || a.status != code.Status() || p.Status != a.status || a.header.Get("Content-Type") != api.ProblemMediaType {
		t.Fatalf("answered with %d %s, want %s: %s", a.status, a.header.Get("Content-Type"), code, a.body)
	}
	return p
}

func decode[T any](t testing.TB, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return v
}

// ask asks over the socket, with members besides the provider and the scope.
func (w *world) ask(members string) api.Request {
	w.t.Helper()
	body := `{"provider":"corp","scopes":["files.read"]`
	if members != "" {
		body += "," + members
	}
	a := w.http("POST", "/v1/requests", body+"}")
	if a.status != http.StatusCreated && a.status != http.StatusOK {
		w.t.Fatalf("ask: %d %s", a.status, a.body)
	}
	return decode[api.Request](w.t, a)
}

// request reads one request.
func (w *world) request(id string) api.Request {
	w.t.Helper()
	return decode[api.Request](w.t, w.http("GET", "/v1/requests/"+id, "").wants(w.t, http.StatusOK))
}

// becomes waits, as an agent does, until a request is in a state.
func (w *world) becomes(id string, want api.State) api.Request {
	w.t.Helper()
	var r api.Request
	eventually(w.t, id+" becomes "+string(want), func() bool {
		r = w.request(id)
		if r.State != want && r.State.Ended() {
			w.t.Fatalf("%s is %s and will not be %s: %+v", id, r.State, want, r.Outcome)
		}
		return r.State == want
	})
	return r
}

// ends waits for a request's end and wants it to be this one.
func (w *world) ends(id string, want api.State, code api.OutcomeCode) api.Request {
	w.t.Helper()
	r := w.becomes(id, want)
	if r.Outcome == nil || r.Outcome.Code != code {
		w.t.Fatalf("it ended as %+v, want %s", r.Outcome, code)
	}
	return r
}

// collect fetches the token of a granted request.
func (w *world) collect(id string) api.Token {
	w.t.Helper()
	return decode[api.Token](w.t, w.http("POST", "/v1/requests/"+id+"/token", "").wants(w.t, http.StatusOK))
}

// onlyRequest is the one request that there is, once it is there.
func (w *world) onlyRequest() api.Request {
	w.t.Helper()
	var page api.RequestPage
	eventually(w.t, "there is a request", func() bool {
		page = decode[api.RequestPage](w.t, w.http("GET", "/v1/requests", "").wants(w.t, http.StatusOK))
		return len(page.Items) > 0
	})
	if len(page.Items) != 1 {
		w.t.Fatalf("there are %d requests", len(page.Items))
	}
	return page.Items[0]
}
