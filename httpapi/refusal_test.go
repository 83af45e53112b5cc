package httpapi_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
)

const (
	someID    = "req_00000000000000000000000000"
	someGrant = "grt_00000000000000000000000000"
)

// everyRoute is one good call for each route.
func everyRoute() map[string]call {
	return map[string]call{
		"ask":     post(api.RequestsPath, simpleAsk),
		"list":    get(api.RequestsPath),
		"get":     get(api.RequestPath(someID)),
		"cancel":  del(api.RequestPath(someID)),
		"collect": post(api.CollectPath(someID), ""),
		"token":   post(api.TokenPath, simpleAsk),
		"whoami":  get(api.WhoamiPath),
		"grants":  get(api.GrantsPath),
		"give up": del(api.GrantPath(someGrant)),
		"nothing": get("/"),
		"untidy":  get("//v1/whoami"),
		"method":  post(api.WhoamiPath, ""),
	}
}

func TestBrowsersAreTurnedAwayBeforeAnythingElse(t *testing.T) {
	attacks := map[string]func(call) call{
		"a page of another site": func(c call) call { return c.with("Origin", "https://evil.example") },
		"our own page":           func(c call) call { return c.with("Origin", "http://localhost") },
		"a sandboxed frame":      func(c call) call { return c.with("Origin", "null") },
		"an empty origin":        func(c call) call { return c.with("Origin", "") },
		"a link":                 func(c call) call { return c.with("Referer", "https://evil.example/") },
		"an empty referer":       func(c call) call { return c.with("Referer", "") },
		"a rebound name":         func(c call) call { return c.at("evil.example") },
		"a name with a port":     func(c call) call { return c.at("localhost:8740") },
		"a name that begins so":  func(c call) call { return c.at("localhost.evil.example") },
		"an address":             func(c call) call { return c.at("127.0.0.1") },
		"without a known uid":    func(c call) call { return c.with("Origin", "null").as(nobodyUID) },
		"with a key":             func(c call) call { return c.with("Authorization", "Bearer abk_x").at("evil.example") },
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			for route, c := range everyRoute() {
				if p := s.do(attack(c)).problem(api.ProblemInvalidRequest); p.Retryable {
					t.Errorf("%s: retryable", route)
				}
			}
			if s.desk.Calls() != 0 {
				t.Error("the desk was called")
			}
		})
	}
}

func TestAHostOfOursIsAnswered(t *testing.T) {
	s := newStage(t)
	s.do(get(api.WhoamiPath)).want(http.StatusOK)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Host = "" // HTTP/1.0 has none
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("without a host, status %d", w.Code)
	}
}

func TestWhoIsNotKnownIsToldHowToBe(t *testing.T) {
	s := newStage(t)
	for route, c := range everyRoute() {
		a := s.do(c.as(nobodyUID))
		p := a.problem(api.ProblemUnauthenticated)
		if !strings.Contains(string(p.Hint), "{uid: 4242, ") || !strings.Contains(p.Detail, "uid 4242") {
			t.Errorf("%s: %s, hint %s", route, p.Detail, p.Hint)
		}
		if a.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: WWW-Authenticate %q", route, a.Header.Get("WWW-Authenticate"))
		}
	}
	if s.desk.Calls() != 0 {
		t.Error("the desk was called")
	}
}

func TestABadKeyNeverFallsBackToTheUID(t *testing.T) {
	s := newStage(t)
	for _, key := range []string{"Bearer abk_1234", "Bearer", "Basic eDp5", ""} {
		s.do(get(api.WhoamiPath).with("Authorization", key)).problem(api.ProblemUnauthenticated)
	}
}

func TestWithoutACallerNobodyIsServed(t *testing.T) {
	s := newStage(t)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+api.WhoamiPath, nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("status %d", w.Code)
	}
}

func TestAnotherAgentsRequestDoesNotExist(t *testing.T) {
	s := newStage(t)
	r := s.asked()
	s.desk.Grant(bridge.RequestID(r.ID), token("grt_1"))
	for _, c := range []call{
		get(api.RequestPath(r.ID)), get(api.RequestPath(r.ID) + "?after=0&wait=60"),
		del(api.RequestPath(r.ID)), post(api.CollectPath(r.ID), ""),
	} {
		mine := s.do(c.as(otherUID)).problem(api.ProblemNotFound)
		c.path = strings.ReplaceAll(c.path, r.ID, someID)
		if none := s.do(c.as(otherUID)).problem(api.ProblemNotFound); none.Detail != mine.Detail {
			t.Errorf("%s %s: one can tell %q from %q", c.method, c.path, mine.Detail, none.Detail)
		}
	}
	var page api.RequestPage
	if s.do(get(api.RequestsPath).as(otherUID)).want(http.StatusOK).into(&page); len(page.Items) != 0 {
		t.Errorf("the other agent sees %v", page.Items)
	}
	if got := s.do(get(api.RequestPath(r.ID))).want(http.StatusOK).request(); got.State != api.Granted {
		t.Errorf("it is %s now", got.State)
	}
}

func TestWhatCannotBeAnIDIsNotLookedUp(t *testing.T) {
	s := newStage(t)
	for _, id := range []string{"x", "req_", "REQ_" + someID[4:], someID + "0", someID[:29] + "z", "grt_" + someID[4:], "req_%00000000000000000000000000", "..%2f" + someID} {
		for _, c := range []call{get("/v1/requests/" + id), del("/v1/requests/" + id), post("/v1/requests/"+id+"/token", "")} {
			s.do(c).problem(api.ProblemNotFound)
		}
	}
	for _, id := range []string{"x", "grt_", "GRT_" + someGrant[4:], someGrant + "0", someGrant[:29] + "z", someID, "..%2f" + someGrant} {
		s.do(del("/v1/grants/" + id)).problem(api.ProblemNotFound)
	}
	if s.desk.Calls() != 0 {
		t.Error("the desk was called")
	}
}

func TestBadBodies(t *testing.T) {
	cases := map[string]struct{ body, says string }{
		"not JSON":              {`hello`, "not a JSON object"},
		"broken off":            {`{"provider":"corp"`, "not whole"},
		"a comma too many":      {`{"provider":"corp",}`, "byte 20"},
		"an array":              {`[]`, "not a JSON object"},
		"null":                  {`null`, "not a JSON object"},
		"two objects":           {simpleAsk + simpleAsk, "there is more"},
		"garbage behind it":     {simpleAsk + "x", "there is more"},
		"not UTF-8":             {"{\"provider\":\"\xff\"}", "not UTF-8"},
		"an unknown member":     {`{"provider":"corp","scope":"x"}`, `no member "scope"`},
		"an origin as text":     {`{"provider":"corp","origin":"C1"}`, `"origin" has to be an object`},
		"an origin of more":     {`{"provider":"corp","origin":{"platform":"slack","channel":"C1","user":"U1"}}`, `no member "user"`},
		"scopes as text":        {`{"scopes":"a b"}`, `"scopes" has to be an array of strings`},
		"a number for a text":   {`{"reason":7}`, `"reason" has to be a string`},
		"a text for a yes":      {`{"fresh":"yes"}`, `"fresh" has to be true or false`},
		"ttl that is none":      {`{"ttl":"soon"}`, `"ttl" has to be a duration`},
		"ttl below zero":        {`{"ttl":-1}`, `"ttl" has to be a duration`},
		"ttl below zero, text":  {`{"ttl":"-1h"}`, `"ttl" has to be a duration`},
		"ttl without an end":    {`{"ttl":1e300}`, `"ttl" has to be a duration`},
		"ttl as yes":            {`{"min_validity":true}`, `"min_validity" has to be a duration`},
		"resources":             {`{"resource":["https://files.example.com"]}`, `"resource" has to be a string`},
		"challenges":            {`{"resource":"https://files.example.com","challenge":["Bearer"]}`, `"challenge" has to be a string, or an object`},
		"a team with members":   {`{"provider":"corp","team":["alice"]}`, `"team" has to be a string`},
		"nested without an end": {strings.Repeat(`{"origin":`, 6000), "not whole"},
		"an array in arrays":    {`{"scopes":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "}", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			for _, path := range []string{api.RequestsPath, api.TokenPath} {
				if p := s.do(post(path, c.body)).problem(api.ProblemInvalidRequest); !strings.Contains(p.Detail, c.says) {
					t.Errorf("says %q, want %q", p.Detail, c.says)
				}
			}
			if s.desk.Calls() != 0 {
				t.Error("the desk was called")
			}
		})
	}
}

func TestOddBodiesThatMeanSomething(t *testing.T) {
	for name, body := range map[string]string{
		"the same member twice": `{"provider":"github","provider":"corp"}`,
		"nulls":                 `{"provider":"corp","scopes":null,"human":null,"ttl":null,"origin":null,"team":null,"fresh":null}`,
		"half a character":      `{"provider":"corp","reason":"\ud800"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.do(post(api.RequestsPath, body)).want(http.StatusCreated)
			if got := s.desk.Asks()[0]; got.Provider != "corp" || got.TTL != 0 {
				t.Errorf("asked %+v", got)
			}
		})
	}
}

func TestABodyOver64KiBIsNotRead(t *testing.T) {
	s := newStage(t)
	fits := `{"provider":"corp","reason":"` + strings.Repeat("x", api.MaxBody-31) + `"}`
	if len(fits) != api.MaxBody {
		t.Fatalf("%d bytes", len(fits))
	}
	s.do(post(api.RequestsPath, fits)).want(http.StatusCreated)
	for _, path := range []string{api.RequestsPath, api.TokenPath, api.CollectPath(someID)} {
		s.do(post(path, fits+" ")).problem(api.ProblemTooLarge)
	}
	s.do(call{method: http.MethodDelete, path: api.RequestPath(someID), body: fits + " "}).problem(api.ProblemTooLarge)

	t.Run("nor when its length is not said", func(t *testing.T) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost"+api.RequestsPath, endless{})
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r.WithContext(httpapitest.As(helperUID)(t.Context(), nil)))
		if w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d", w.Code)
		}
	})
}

// endless is a body that goes on for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestABodyThatBreaksOffIsNoAsk(t *testing.T) {
	s := newStage(t)
	broken := io.MultiReader(strings.NewReader(simpleAsk), iotest.ErrReader(io.ErrUnexpectedEOF))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost"+api.RequestsPath, broken)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r.WithContext(httpapitest.As(helperUID)(t.Context(), nil)))
	if w.Code != http.StatusBadRequest || s.desk.Calls() != 0 || s.log.Len() != 0 {
		t.Errorf("status %d, %d calls, log %q", w.Code, s.desk.Calls(), s.log)
	}
}

func TestABodyHasToBeSaidToBeJSON(t *testing.T) {
	s := newStage(t)
	for contentType, ok := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "Application/JSON;charset=UTF-8": true,
		"": false, "text/plain": false, "application/x-www-form-urlencoded": false, "application/json; charset=latin1": false, "application/jsonx": false, ";": false,
	} {
		a := s.do(post(api.RequestsPath, simpleAsk).with("Content-Type", contentType))
		if ok && a.StatusCode >= 400 {
			t.Errorf("%q: %s", contentType, a.body)
		}
		if !ok {
			a.problem(api.ProblemInvalidRequest)
		}
	}
}

func TestWhatSaysNothingTakesNothing(t *testing.T) {
	s := newStage(t)
	r := s.asked()
	s.do(post(api.CollectPath(r.ID), `{"x":1}`)).problem(api.ProblemInvalidRequest)
	s.do(call{method: http.MethodDelete, path: api.RequestPath(r.ID), body: `{"x":1}`}).problem(api.ProblemInvalidRequest)
	if got := s.do(get(api.RequestPath(r.ID))).want(http.StatusOK).request(); got.State != api.Asked {
		t.Errorf("it is %s now", got.State)
	}
}

func TestBadQueries(t *testing.T) {
	s := newStage(t)
	one := api.RequestPath(s.asked().ID)
	before := s.desk.Calls()
	for _, c := range []call{
		get(one + "?wait=61"), get(one + "?wait=-1"), get(one + "?wait=1.5"), get(one + "?wait="), get(one + "?wait=1s"), get(one + "?wait=99999999999999999999"),
		get(one + "?after=-1"), get(one + "?after=x"), get(one + "?after="), get(one + "?after=18446744073709551616"),
		get(one + "?after=1&after=2"), get(one + "?until=1"), get(one + "?after=%zz"), get(one + "?after=1;wait=2"),
		get(api.RequestsPath + "?limit=0"), get(api.RequestsPath + "?limit=201"), get(api.RequestsPath + "?limit=x"), get(api.RequestsPath + "?limit="),
		get(api.RequestsPath + "?state=open"), get(api.RequestsPath + "?state="), get(api.RequestsPath + "?state=asked,"), get(api.RequestsPath + "?state=Asked"),
		get(api.RequestsPath + "?cursor="), get(api.RequestsPath + "?cursor=%20"), get(api.RequestsPath + "?cursor=cmVxXzE"), get(api.RequestsPath + "?cursor=" + someID),
		get(api.GrantsPath + "?state=live"), get(api.GrantsPath + "?limit=0"), get(api.GrantsPath + "?cursor=cmVxXzE"), del(api.GrantPath(someGrant) + "?all=1"),
		get(api.RequestsPath + "?agent=other"), get(api.WhoamiPath + "?agent=other"), del(one + "?force=1"),
		post(api.RequestsPath+"?wait=5", simpleAsk), post(api.TokenPath+"?wait=5", simpleAsk), post(one+"/token?wait=5", ""),
	} {
		if p := s.do(c).problem(api.ProblemInvalidRequest); p.Retryable {
			t.Errorf("%s: retryable", c.path)
		}
	}
	if s.desk.Calls() != before {
		t.Error("the desk was called")
	}
}

func TestPathsAndMethods(t *testing.T) {
	s := newStage(t)
	for _, path := range []string{"/", "/v1", "/v1/", "/v2/requests", "/v1/requests/", "/v1//requests", "/v1/../v1/whoami", "//v1/whoami", "/v1/requests/" + someID + "/", "/V1/whoami"} {
		if p := s.do(get(path)).problem(api.ProblemNotFound); p.Hint == "" {
			t.Errorf("%s: no hint", path)
		}
	}
	for _, c := range []struct {
		call
		allow string
	}{
		{call{method: http.MethodPut, path: api.RequestsPath}, "GET, POST"},
		{call{method: http.MethodOptions, path: api.RequestsPath}, "GET, POST"},
		{call{method: http.MethodPost, path: api.RequestPath(someID)}, "DELETE, GET"},
		{call{method: http.MethodGet, path: api.CollectPath(someID)}, "POST"},
		{call{method: http.MethodGet, path: api.TokenPath}, "POST"},
		{call{method: http.MethodDelete, path: api.WhoamiPath}, "GET"},
		{call{method: http.MethodPost, path: api.GrantsPath}, "GET"},
		{call{method: http.MethodGet, path: api.GrantPath(someGrant)}, "DELETE"},
	} {
		a := s.do(c.call).want(http.StatusMethodNotAllowed)
		a.problemAs(api.ProblemInvalidRequest, http.StatusMethodNotAllowed)
		if got := a.Header.Get("Allow"); got != c.allow {
			t.Errorf("%s %s: Allow %q", c.method, c.path, got)
		}
	}
	if s.desk.Calls() != 0 {
		t.Error("the desk was called")
	}
}

func TestRefusalsOfTheBridgeAreToldAsTheyAre(t *testing.T) {
	for code, retryAfter := range map[bridge.ProblemCode]string{
		bridge.ProblemInvalidRequest: "", bridge.ProblemNotAllowed: "", bridge.ProblemSuspended: "", bridge.ProblemTooManyOpen: "91",
	} {
		t.Run(string(code), func(t *testing.T) {
			s := newStage(t)
			p := &bridge.Problem{Code: code, Detail: "100% no", Hint: "do %d this"}
			if retryAfter != "" {
				p.RetryAfter = 90*time.Second + time.Millisecond
			}
			s.desk.Fail(fmt.Errorf("ask: %w", p))
			for _, path := range []string{api.RequestsPath, api.TokenPath} {
				a := s.do(post(path, simpleAsk))
				got := a.problem(api.ProblemCode(code))
				if got.Detail != "100% no" || got.Hint != "do %d this" || a.Header.Get("Retry-After") != retryAfter || got.Retryable != (retryAfter != "") {
					t.Errorf("got %+v, Retry-After %q", got, a.Header.Get("Retry-After"))
				}
			}
		})
	}
}

func TestFaultsAreLoggedAndNotTold(t *testing.T) {
	s := newStage(t)
	s.desk.Fail(errors.New("page 17 of /var/lib/authbridge.db is torn"))
	calls := 0
	for route, c := range everyRoute() {
		switch route {
		case "whoami", "nothing", "untidy", "method":
			continue
		}
		calls++
		p := s.do(c).problem(api.ProblemInternal)
		if strings.Contains(p.Detail, "torn") || p.Reference == "" || !strings.Contains(p.Detail, p.Reference) {
			t.Errorf("%s: %+v", route, p)
		}
		if strings.Count(s.log.String(), p.Reference) != 1 {
			t.Errorf("%s: the log says\n%s", route, s.log)
		}
	}
	if got := strings.Count(s.log.String(), "torn"); got != calls {
		t.Errorf("%d faults, logged %d times", calls, got)
	}
}

func TestAStoreThatIsAwayIsWorthTryingAgain(t *testing.T) {
	s := newStage(t)
	s.desk.Fail(fmt.Errorf("write: %w: disk full", bridge.ErrStoreUnavailable))
	a := s.do(post(api.RequestsPath, simpleAsk))
	if p := a.problem(api.ProblemStoreUnavailable); !p.Retryable || strings.Contains(p.Detail, "disk full") || a.Header.Get("Retry-After") != "2" {
		t.Errorf("got %+v, Retry-After %q", p, a.Header.Get("Retry-After"))
	}
	s.desk.Fail(fmt.Errorf("write: %w: %w", bridge.ErrStoreUnavailable, bridge.ErrInDoubt))
	if p := s.do(post(api.RequestsPath, simpleAsk)).problem(api.ProblemStoreUnavailable); !strings.Contains(p.Detail, "not known") {
		t.Errorf("a change in doubt is answered with %q", p.Detail)
	}
	s.desk.Fail(nil)
	s.do(post(api.RequestsPath, simpleAsk)).want(http.StatusCreated)
}

func TestAProviderThatIsAwaySaysWhenToComeBack(t *testing.T) {
	s := newStage(t)
	s.desk.Fail(&bridge.Problem{Code: bridge.ProblemProviderUnavailable, Detail: "corp cannot refresh now", RetryAfter: 90 * time.Second})
	a := s.do(post(api.RequestsPath, simpleAsk))
	if p := a.problem(api.ProblemProviderUnavailable); !p.Retryable || a.Header.Get("Retry-After") != "90" {
		t.Errorf("got %+v, Retry-After %q", p, a.Header.Get("Retry-After"))
	}
}

func TestEveryCodeHasItsStatus(t *testing.T) {
	want := map[api.ProblemCode]int{
		"invalid_request": 400, "unauthenticated": 401, "not_allowed": 403, "suspended": 403, "not_found": 404,
		"not_ready": 409, "idempotency_conflict": 409, "gone": 410, "too_large": 413, "unknown_issuer": 422,
		"too_many_open": 429, "quiet": 429, "internal": 500, "chat_unavailable": 503, "provider_unavailable": 503,
		"store_unavailable": 503, "shutting_down": 503,
	}
	for _, code := range api.ProblemCodes() {
		if code.Status() != want[code] {
			t.Errorf("%s is %d", code, code.Status())
		}
		delete(want, code)
	}
	if len(want) != 0 {
		t.Errorf("missing: %v", want)
	}
}
