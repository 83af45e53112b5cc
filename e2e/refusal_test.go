package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
)

func TestRefusalsOfAnAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	long := strings.Repeat("x", 200)
	for name, c := range map[string]struct {
		body string
		code api.ProblemCode
	}{
		"nothing":            {``, api.ProblemInvalidRequest},
		"no JSON":            {`{"provider":`, api.ProblemInvalidRequest},
		"a list":             {`[]`, api.ProblemInvalidRequest},
		"two":                {`{} {}`, api.ProblemInvalidRequest},
		"an unknown member":  {`{"provider":"corp","scope":["files.read"]}`, api.ProblemInvalidRequest},
		"a wrong type":       {`{"provider":"corp","scopes":"files.read"}`, api.ProblemInvalidRequest},
		"a negative ttl":     {`{"provider":"corp","scopes":["files.read"],"ttl":-1}`, api.ProblemInvalidRequest},
		"two scopes in one":  {`{"provider":"corp","scopes":["files.read files.write"]}`, api.ProblemInvalidRequest},
		"a long session":     {`{"provider":"corp","scopes":["files.read"],"session":"` + long + `"}`, api.ProblemInvalidRequest},
		"much context":       {`{"provider":"corp","scopes":["files.read"],"context":["1","2","3","4","5","6","7","8","9"]}`, api.ProblemInvalidRequest},
		"another scope":      {`{"provider":"corp","scopes":["files.read","admin"]}`, api.ProblemNotAllowed},
		"no scope":           {`{"provider":"corp"}`, api.ProblemNotAllowed},
		"an unknown human":   {`{"provider":"corp","scopes":["files.read"],"human":"carol"}`, api.ProblemNotAllowed},
		"an unknown issuer":  {`{"provider":"other","scopes":["files.read"]}`, api.ProblemNotAllowed},
		"an address nobody":  {`{"provider":"corp","scopes":["files.read"],"human":"carol@example.com"}`, api.ProblemNotAllowed},
		"a pattern as scope": {`{"provider":"corp","scopes":["*"]}`, api.ProblemNotAllowed},
		"too much of it":     {`{"provider":"corp","reason":"` + strings.Repeat("x", 70000) + `"}`, api.ProblemTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/v1/requests", "/v1/token"} {
				p := w.in(t).http("POST", path, c.body).problem(t, c.code)
				if p.Detail == "" || p.Type != "about:blank" || p.Title == "" {
					t.Errorf("it does not say why: %+v", p)
				}
			}
		})
	}
	if page := decode[api.RequestPage](t, w.http("GET", "/v1/requests", "")); len(page.Items) > 0 {
		t.Errorf("refused asks left %d requests", len(page.Items))
	}
	// Who may not ask does not learn what there is.
	unknown := w.http("POST", "/v1/requests", `{"provider":"nowhere","scopes":["files.read"]}`).problem(t, api.ProblemNotAllowed)
	foreign := w.http("POST", "/v1/requests", `{"provider":"corp","scopes":["calendar.read"]}`).problem(t, api.ProblemNotAllowed)
	if unknown.Hint != foreign.Hint || unknown.Hint == "" {
		t.Errorf("unknown: %q, forbidden: %q", unknown.Hint, foreign.Hint)
	}
}

func TestChatsThatAreNotConfiguredAreNotServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	pages := &human{world: w, base: w.bridge.inbox()}
	for _, call := range []string{"POST /slack/interactions", "POST /slack/commands", "POST /slack/events", "POST /discord/interactions"} {
		method, path, _ := strings.Cut(call, " ")
		if got, body, _ := pages.call(method, path, ""); got != http.StatusNotFound {
			t.Errorf("%s: %d %s", call, got, body)
		}
	}
}

// TestBrowsersAreTurnedAway: whatever a page can send is no agent's call.
func TestBrowsersAreTurnedAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for name, headers := range map[string][]string{
		"an origin":        {"Origin", "http://evil.example"},
		"our own origin":   {"Origin", "http://localhost"},
		"the null origin":  {"Origin", "null"},
		"a referer":        {"Referer", "http://evil.example/page"},
		"a rebound name":   {"Host", "evil.example"},
		"an address":       {"Host", "127.0.0.1"},
		"a port":           {"Host", "localhost:80"},
		"a form":           {"Content-Type", "application/x-www-form-urlencoded"},
		"a simple request": {"Content-Type", "text/plain"},
	} {
		t.Run(name, func(t *testing.T) {
			w.in(t).http("POST", "/v1/requests", ask, headers...).problem(t, api.ProblemInvalidRequest)
		})
	}
	if got := w.listed("?limit=1"); len(got) > 0 {
		t.Errorf("a page made a request: %v", got)
	}
}

func TestStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{edit: replace(fmt.Sprintf("uid: %d", os.Getuid()), "uid: 54321")})
	p := w.http("GET", "/v1/whoami", "").problem(t, api.ProblemUnauthenticated)
	if !strings.Contains(string(p.Hint), fmt.Sprintf("uid: %d", os.Getuid())) {
		t.Errorf("the hint does not say what to configure: %s", p.Hint)
	}
	w.http("POST", "/v1/requests", ask).problem(t, api.ProblemUnauthenticated)
	w.cli("token", "--provider", "corp", "--scope", "files.read").wants(t, 6, "unauthenticated")
}

// TestABadKeyNeverFallsBack to who the kernel says is there.
func TestABadKeyNeverFallsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, credential := range []string{"Bearer abk_wrong", "Bearer", "Basic eDp5", ""} {
		a, err := w.try("GET", "/v1/whoami", "", "Authorization", credential)
		if err != nil {
			t.Fatal(err)
		}
		a.problem(t, api.ProblemUnauthenticated)
	}
}

func TestNothingOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	id := w.ask("").ID
	w.stop()
	w.edit("  helper:", "  other:") // the same user is another agent now
	w.restart()
	w.http("GET", "/v1/requests/"+id, "").problem(t, api.ProblemNotFound)
	w.http("DELETE", "/v1/requests/"+id, "").problem(t, api.ProblemNotFound)
	w.http("POST", "/v1/requests/"+id+"/token", "").problem(t, api.ProblemNotFound)
	for _, path := range []string{"/v1/requests/req_" + strings.Repeat("0", 26), "/v1/requests/x", "/v1", "/", "/v1/requests/"} {
		w.http("GET", path, "").problem(t, api.ProblemNotFound)
	}
	if got := w.listed("?limit=1"); len(got) > 0 {
		t.Errorf("another's requests are listed: %v", got)
	}
	if human := w.human("bob"); strings.Contains(human.page(), id) {
		t.Error("bob sees alice's request")
	}
}

func TestTooManyOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for i := range 3 {
		w.ask(fmt.Sprintf(`"session":"s%d"`, i))
	}
	a := w.http("POST", "/v1/requests", `{"provider":"corp","scopes":["files.read"],"session":"s3"}`)
	p := a.problem(t, api.ProblemTooManyOpen)
	if a.header.Get("Retry-After") == "" || !p.Retryable {
		t.Errorf("not retryable: %+v, Retry-After %q", p, a.header.Get("Retry-After"))
	}
	w.ask(`"session":"s0"`) // joins
	w.ask(`"human":"bob"`)  // asks another human
}
