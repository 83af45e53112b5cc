package httpapi_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/httpapi"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
	"github.com/authbridge/authbridge/internal/localhttp"
)

var _ httpapi.Desk = (*bridge.Bridge)(nil)

const (
	helperUID = 1001
	otherUID  = 1002
	nobodyUID = 4242
)

func agent(name string, uid uint32) bridge.Agent {
	return bridge.Agent{
		Name: name, UID: &uid, Owner: "alice", Where: "alice's laptop",
		May: []bridge.Rule{
			{Provider: "*", Scopes: []string{"files:*"}, Details: []string{"payment"}, Ask: []string{"alice"}, Reuse: 8 * time.Hour, AtOnce: true},
			{Provider: "corp", Scopes: []string{"mail"}, Ask: []string{"oncall"}, Digits: true},
		},
	}
}

// stage is the API over a fake desk, with two agents.
type stage struct {
	t       *testing.T
	desk    *httpapitest.Desk
	handler http.Handler
	log     *bytes.Buffer
}

func newStage(t *testing.T) *stage {
	t.Helper()
	desk := httpapitest.NewDesk(t, agent("helper", helperUID), agent("other", otherUID))
	log := new(bytes.Buffer)
	return &stage{t, desk, httpapi.New(httpapi.Options{Desk: desk, Log: slog.New(slog.NewTextHandler(log, nil))}), log}
}

// call is one call, as "helper" over the socket unless it says otherwise.
type call struct {
	method, path, body string
	header             map[string]string
	host               string // "" = localhost
	uid                uint32 // 0 = helper
}

func (s *stage) do(c call) *answer {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), c.method, "http://localhost"+c.path, strings.NewReader(c.body))
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.host != "" {
		r.Host = c.host
	}
	for name, value := range c.header {
		r.Header[name] = []string{value} // as it is: http.Header would tidy it
	}
	uid := c.uid
	if uid == 0 {
		uid = helperUID
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r.WithContext(localhttp.WithUID(r.Context(), uid)))
	httpapi.CheckAnswer(s.t, c.method, c.path, w.Code, w.Header(), w.Body.Bytes())
	return &answer{s.t, w.Result(), w.Body.Bytes()}
}

type answer struct {
	t *testing.T
	*http.Response
	body []byte
}

func (a *answer) into(v any) {
	a.t.Helper()
	dec := json.NewDecoder(bytes.NewReader(a.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		a.t.Fatalf("%v in %s", err, a.body)
	}
}

// want checks what every answer has in common, and the status.
func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Fatalf("status %d, want %d: %s", a.StatusCode, status, a.body)
	}
	if got := a.Header.Get("Cache-Control"); got != "no-store" {
		a.t.Errorf("Cache-Control: %q", got)
	}
	if got := a.Header.Get("Content-Type"); status < 400 && got != api.MediaType {
		a.t.Errorf("Content-Type: %q", got)
	}
	return a
}

func (a *answer) request() (r api.Request) {
	a.t.Helper()
	a.into(&r)
	return r
}

// problem checks what all problems have in common, and the code.
func (a *answer) problem(code api.ProblemCode) (p api.Problem) {
	a.t.Helper()
	a.want(code.Status())
	return a.problemAs(code, code.Status())
}

func (a *answer) problemAs(code api.ProblemCode, status int) (p api.Problem) {
	a.t.Helper()
	if got := a.Header.Get("Content-Type"); got != api.ProblemMediaType {
		a.t.Errorf("Content-Type: %q", got)
	}
	a.into(&p)
	if p.Code != code || p.Status != status || p.Title != http.StatusText(status) || p.Type != "about:blank" || p.Detail == "" {
		a.t.Errorf("problem %+v, want %s", p, code)
	}
	wait := a.Header.Get("Retry-After") != ""
	if wait != (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) {
		a.t.Errorf("status %d with Retry-After %q", status, a.Header.Get("Retry-After"))
	}
	return p
}

func post(path, body string) call  { return call{method: http.MethodPost, path: path, body: body} }
func get(path string) call         { return call{method: http.MethodGet, path: path} }
func del(path string) call         { return call{method: http.MethodDelete, path: path} }
func (c call) as(uid uint32) call  { c.uid = uid; return c }
func (c call) at(host string) call { c.host = host; return c }
func (c call) with(k, v string) call {
	header := map[string]string{k: v}
	maps.Copy(header, c.header)
	c.header = header
	return c
}

const simpleAsk = `{"provider":"corp","scopes":["files:read"]}`

func (s *stage) asked() api.Request {
	s.t.Helper()
	return s.do(post(api.RequestsPath, simpleAsk)).want(http.StatusCreated).request()
}

func token(grant string) bridge.Token {
	return bridge.Token{
		Access: bridge.NewSecret("at-12345"), Type: "Bearer", ExpiresAt: time.Date(2030, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
		Scopes: []string{"files:read"}, Details: `[{"amount":"12 EUR","type":"payment"}]`, Issuer: "https://login.example.com", Account: "alice@example.com", Human: "alice", Grant: bridge.GrantID(grant),
	}
}

func TestAnAgentAsksAndCollects(t *testing.T) {
	s := newStage(t)
	a := s.do(post(api.RequestsPath, `{
		"provider": "corp", "scopes": ["files:read"], "human": "alice", "reason": "tidy up",
		"context": ["ticket 7"], "session": "s1",
		"min_validity": 90, "ttl": "1d12h", "fresh": true,
		"origin": {"platform": "slack", "channel": "C0WORK", "thread": "1700000000.000100"}}`)).want(http.StatusCreated)
	r := a.request()
	if got := a.Header.Get("Location"); got != "/v1/requests/"+r.ID {
		t.Errorf("Location %q of %s", got, r.ID)
	}
	got := s.desk.Asks()[0]
	if got.Provider != "corp" || got.Scopes[0] != "files:read" || got.Human != "alice" || got.Reason != "tidy up" || got.Context[0] != "ticket 7" ||
		got.Session != "s1" ||
		got.MinValidity != 90*time.Second || got.TTL != 36*time.Hour || !got.Fresh || got.IdempotencyKey != "" ||
		got.Origin != (bridge.Origin{Platform: "slack", Channel: "C0WORK", Thread: "1700000000.000100"}) {
		t.Errorf("the desk was asked %+v", got)
	}
	p := s.do(post(api.CollectPath(r.ID), "")).problem(api.ProblemNotReady)
	if p.Request == nil || p.Request.ID != r.ID || !p.Retryable {
		t.Errorf("not ready without its request: %+v", p)
	}
	s.desk.Grant(bridge.RequestID(r.ID), token("grt_1"))
	if got := s.do(get(api.RequestPath(r.ID))).want(http.StatusOK).request(); got.State != api.Granted || got.Grant != "grt_1" || got.Version != r.Version+1 {
		t.Errorf("granted is %+v", got)
	}
	a = s.do(post(api.CollectPath(r.ID), "{}")).want(http.StatusOK)
	const want = `{"access_token":"at-12345","token_type":"Bearer","expires_at":"2030-01-02T02:04:05Z","scopes":["files:read"],` +
		`"authorization_details":[{"amount":"12 EUR","type":"payment"}],"issuer":"https://login.example.com","resource":null,"account":"alice@example.com","human":"alice","grant":"grt_1"}` + "\n"
	if string(a.body) != want {
		t.Errorf("token %s", a.body)
	}
	if strings.Contains(s.log.String(), "at-12345") {
		t.Error("the token is in the log")
	}
}

func TestWhatIsNotKnownIsNullAndNothingIsMissing(t *testing.T) {
	s := newStage(t)
	r := httpapitest.Request("helper", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	r.Scopes, r.Reason = nil, ""
	s.desk.Put(r)
	a := s.do(get(api.RequestPath(string(r.ID)))).want(http.StatusOK)
	want := `{"id":"` + string(r.ID) + `","state":"asked","version":1,"agent":"helper","session":null,"human":"alice","team":null,"claimed":false,` +
		`"provider":"corp","issuer":"https://login.example.com","resource":null,"scopes":[],"authorization_details":null,"reason":"","check_phrase":"amber falcon 42",` +
		`"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z","expires_at":"2026-01-03T03:04:05Z","code_expires_at":null,` +
		`"delivery":[{"channel":"web","state":"waiting","detail":null}],"outcome":null,"grant":null,"renews":null}` + "\n"
	if string(a.body) != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	none := token("grt_1")
	none.ExpiresAt, none.Scopes, none.Account = time.Time{}, nil, ""
	s.desk.Grant(r.ID, none)
	a = s.do(post(api.CollectPath(string(r.ID)), "")).want(http.StatusOK)
	for _, member := range []string{`"expires_at":null`, `"scopes":[]`, `"account":null`} {
		if !bytes.Contains(a.body, []byte(member)) {
			t.Errorf("no %s in the token", member)
		}
	}
}

func TestACodedRequestTellsWhenItsCodeLapses(t *testing.T) {
	s := newStage(t)
	r := s.asked()
	lapse := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s.desk.Change(bridge.RequestID(r.ID), func(r *bridge.Request) {
		r.State, r.CodeExpiresAt, r.ClaimedBy = bridge.Coded, lapse, "alice"
		r.Surfaces[0] = bridge.Surface{Channel: "web", State: bridge.DeliveryShown, Detail: "seen"}
	})
	got := s.do(get(api.RequestPath(r.ID))).want(http.StatusOK).request()
	if got.CodeExpiresAt == nil || !got.CodeExpiresAt.Equal(lapse) || !got.Claimed || got.Delivery[0] != (api.Delivery{Channel: "web", State: api.Shown, Detail: "seen"}) {
		t.Errorf("coded is %+v", got)
	}
}

// While a human is asked whose account signed in, that is between them and the
// bridge.
func TestAnAgentIsToldNothingOfAnAccountThatIsBeingChecked(t *testing.T) {
	s := newStage(t)
	r := s.asked()
	s.desk.Change(bridge.RequestID(r.ID), func(r *bridge.Request) {
		r.State, r.Note, r.Account = bridge.Held, "note-of-octo", "account-of-octo"
		r.Signed = bridge.Account{Issuer: "https://octo.example.com", Subject: "subject-of-octo", Email: "octo@example.com", Name: "name-of-octo"}
		r.Granted, r.Matched = []string{"granted-to-octo"}, "matched-octo"
	})
	for _, path := range []string{api.RequestPath(r.ID), api.RequestsPath} {
		a := s.do(get(path)).want(http.StatusOK)
		if !bytes.Contains(a.body, []byte(`"state":"held"`)) || bytes.Contains(a.body, []byte("octo")) {
			t.Errorf("%s tells %s", path, a.body)
		}
	}
	if a := s.do(post(api.CollectPath(r.ID), "")).want(http.StatusConflict); bytes.Contains(a.body, []byte("octo")) {
		t.Errorf("who collects is told %s", a.body)
	}
}

func TestAskingTwiceJoins(t *testing.T) {
	s := newStage(t)
	first := s.asked()
	a := s.do(post(api.RequestsPath, simpleAsk)).want(http.StatusOK)
	if second := a.request(); second.ID != first.ID || a.Header.Get("Location") != api.RequestPath(first.ID) {
		t.Errorf("joined %s at %q, want %s", second.ID, a.Header.Get("Location"), first.ID)
	}
}

func TestALiveGrantAnswersAtOnce(t *testing.T) {
	s := newStage(t)
	s.desk.Serve(token("grt_1"))
	if r := s.do(post(api.RequestsPath, simpleAsk)).want(http.StatusOK).request(); r.State != api.Granted || r.Grant != "grt_1" {
		t.Errorf("served is %+v", r)
	}
	s.desk.Serve(token("grt_2"))
	var got api.Token
	s.do(post(api.TokenPath, simpleAsk)).want(http.StatusOK).into(&got)
	if got.AccessToken != "at-12345" || got.Grant != "grt_2" {
		t.Errorf("token of %s", got.Grant)
	}
}

func TestACancelledRequestStaysCancelled(t *testing.T) {
	s := newStage(t)
	r := s.asked()
	for range 2 {
		got := s.do(del(api.RequestPath(r.ID))).want(http.StatusOK).request()
		if got.State != api.Cancelled || got.Outcome == nil || got.Outcome.Code != api.OutcomeCancelled {
			t.Errorf("cancelled is %+v", got)
		}
	}
	p := s.do(post(api.CollectPath(r.ID), "")).problem(api.ProblemGone)
	if p.Request == nil || p.Request.State != api.Cancelled || !p.Retryable {
		t.Errorf("gone is %+v", p)
	}
}

func TestAnIdempotencyKeyStandsForItsAskAlone(t *testing.T) {
	s := newStage(t)
	ask := post(api.RequestsPath, simpleAsk).with("Idempotency-Key", "k1")
	first := s.do(ask).want(http.StatusCreated).request()
	s.do(del(api.RequestPath(first.ID))).want(http.StatusOK)

	t.Run("the same again, said in other words", func(t *testing.T) {
		again := post(api.RequestsPath, ` {"scopes": ["files:read"], "provider": "corp", "human": null} `).with("Idempotency-Key", "k1")
		if r := s.do(again).want(http.StatusOK).request(); r.ID != first.ID {
			t.Errorf("made %s, want %s", r.ID, first.ID)
		}
	})
	t.Run("the same at the other route", func(t *testing.T) {
		p := s.do(post(api.TokenPath, simpleAsk).with("Idempotency-Key", "k1")).problem(api.ProblemGone)
		if p.Request.ID != first.ID {
			t.Errorf("gone is %s, want %s", p.Request.ID, first.ID)
		}
	})
	t.Run("another ask", func(t *testing.T) {
		s.do(post(api.RequestsPath, `{"provider":"corp"}`).with("Idempotency-Key", "k1")).problem(api.ProblemIdempotencyConflict)
	})
	t.Run("no key", func(t *testing.T) {
		s.do(post(api.RequestsPath, simpleAsk).with("Idempotency-Key", "")).want(http.StatusCreated)
	})
}

func TestWhoami(t *testing.T) {
	a := newStage(t).do(get(api.WhoamiPath)).want(http.StatusOK)
	const want = `{"agent":"helper","uid":1001,"by":"uid","owner":"alice","where":"alice's laptop",` +
		`"may":[{"provider":"*","resource":null,"scopes":["files:*"],"default_scopes":[],"authorization_details":["payment"],"ask":["alice"],"reuse":"8h0m0s","code":"at_once","binding":"show"},` +
		`{"provider":"corp","resource":null,"scopes":["mail"],"default_scopes":[],"authorization_details":[],"ask":["oncall"],"reuse":"0s","code":"on_click","binding":"require"}],` +
		`"teams":["oncall"],"providers":["corp","github"]}` + "\n"
	if string(a.body) != want {
		t.Errorf("whoami %s", a.body)
	}
}

// TestOfAChallengeTwoThingsAreRead: wherever else it points, the bridge asks the
// resource itself.
func TestOfAChallengeTwoThingsAreRead(t *testing.T) {
	for challenge, want := range map[string]bridge.Challenge{
		`""`:   {},
		`null`: {},
		`"Bearer error=\"insufficient_scope\", scope=\"files:read files:write\", resource_metadata=\"https://evil.example/x\""`: {Error: "insufficient_scope", Scopes: []string{"files:read", "files:write"}},
		`"Basic realm=\"x\", Bearer scope=files:read"`:  {Scopes: []string{"files:read"}},
		`"DPoP error=\"invalid_token\", scope=\"all\""`: {},
		`"nonsense, ==="`: {},
		`{"error":"invalid_token","resource_metadata":"https://evil.example/x"}`: {Error: "invalid_token"},
		`{"scope":"files:read files:write"}`:                                     {Scopes: []string{"files:read", "files:write"}},
		`{"error":"x\"\\, Bearer scope=\"all"}`:                                  {Error: `x"\, Bearer scope="all`},
	} {
		s := newStage(t)
		s.do(post(api.RequestsPath, `{"resource":"https://files.example.com/mcp","challenge":`+challenge+`}`)).want(http.StatusCreated)
		got := s.desk.Asks()[0]
		if diff := cmp.Diff(want, got.Challenge, cmpopts.EquateEmpty()); diff != "" || got.Resource != "https://files.example.com/mcp" {
			t.Errorf("%s\n%s (%s)", challenge, diff, got.Resource)
		}
	}
}

func TestListsInPages(t *testing.T) {
	s := newStage(t)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var newest []string
	for i := range 5 {
		r := httpapitest.Request("helper", start.Add(time.Duration(i)*time.Second))
		if i%2 == 1 {
			r.State = bridge.Denied
		}
		s.desk.Put(r)
		newest = append([]string{string(r.ID)}, newest...)
	}
	s.desk.Put(httpapitest.Request("other", start.Add(time.Hour)))

	var got []string
	path := api.RequestsPath + "?limit=2"
	for pages := 1; path != ""; pages++ {
		var page api.RequestPage
		s.do(get(path)).want(http.StatusOK).into(&page)
		for _, r := range page.Items {
			got = append(got, r.ID)
		}
		path = ""
		if page.NextCursor != "" {
			path = api.RequestsPath + "?limit=2&cursor=" + string(page.NextCursor)
		}
		if pages > 3 {
			t.Fatal("the pages do not end")
		}
	}
	if strings.Join(got, " ") != strings.Join(newest, " ") {
		t.Errorf("got %v\nwant %v", got, newest)
	}
	for query, want := range map[string]int{"?state=denied": 2, "?state=denied,asked": 5, "?state=denied&state=asked": 5, "?state=failed": 0} {
		var page api.RequestPage
		a := s.do(get(api.RequestsPath + query)).want(http.StatusOK)
		if a.into(&page); len(page.Items) != want || page.NextCursor != "" {
			t.Errorf("%s: %d requests, next %q", query, len(page.Items), page.NextCursor)
		}
	}
	if a := s.do(get(api.RequestsPath + "?state=failed")); !bytes.Contains(a.body, []byte(`{"items":[],"next_cursor":null}`)) {
		t.Errorf("an empty page is %s", a.body)
	}
}

func TestTheWordsOfTheDomainAreTheWordsOfTheWire(t *testing.T) {
	for i, s := range bridge.States() {
		if w := api.States()[i]; string(s) != string(w) || s.Open() != w.Open() || s.Ended() != w.Ended() {
			t.Errorf("%s is %s on the wire", s, w)
		}
	}
	if len(bridge.States()) != len(api.States()) {
		t.Errorf("%d states, %d on the wire", len(bridge.States()), len(api.States()))
	}
	known := map[api.ProblemCode]bool{}
	for _, code := range api.ProblemCodes() {
		known[code] = true
	}
	for _, code := range []bridge.ProblemCode{
		bridge.ProblemInvalidRequest, bridge.ProblemNotAllowed, bridge.ProblemSuspended, bridge.ProblemNotFound,
		bridge.ProblemNotReady, bridge.ProblemIdempotencyConflict, bridge.ProblemGone, bridge.ProblemTooManyOpen,
	} {
		if !known[api.ProblemCode(code)] {
			t.Errorf("%s has no status", code)
		}
	}
}

func TestAuthorizationDetailsReachTheBridgeAsTheyCame(t *testing.T) {
	for sent, want := range map[string]string{
		`[ {"type": "payment", "amount": 1.50, "to": "a\u0062"} ]`: `[ {"type": "payment", "amount": 1.50, "to": "a\u0062"} ]`,
		`null`:      "",
		`"payment"`: `"payment"`, // what it is worth is not for here
	} {
		s := newStage(t)
		s.do(post(api.RequestsPath, `{"provider":"corp","scopes":["files:read"],"authorization_details":`+sent+`}`)).want(http.StatusCreated)
		if got := string(s.desk.Asks()[0].Details); got != want {
			t.Errorf("%s came as %q", sent, got)
		}
	}
	s := newStage(t)
	s.do(post(api.RequestsPath, `{"provider":"corp","authorization_details":[{"type":"payment","amount":1}]}`).with("Idempotency-Key", "k1")).want(http.StatusCreated)
	s.do(post(api.RequestsPath, `{"provider":"corp","authorization_details":[{"type":"payment","amount":2}]}`).with("Idempotency-Key", "k1")).problem(api.ProblemIdempotencyConflict)
}
