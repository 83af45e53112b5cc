package httpapi_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/httpapi"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
)

// port is where the API of these tests is over TCP.
const port = "bridge.internal:8740"

// newPort is the API at a port, for the agent "ci", which has this key.
func newPort(t *testing.T) (*stage, bridge.Secret) {
	t.Helper()
	key, hash := bridge.NewKey()
	ci := agent("ci", 0)
	ci.UID, ci.KeyHash = nil, hash
	desk, log := httpapitest.NewDesk(t, agent("helper", helperUID), ci), new(bytes.Buffer)
	return &stage{t, desk, httpapi.New(httpapi.Options{Desk: desk}).TCP([]string{"127.0.0.1:8740", port}), log}, key
}

func keyed(c call, key bridge.Secret) call {
	return c.with("Authorization", "Bearer "+key.Reveal()).at(port)
}

func TestAnAgentIsKnownByItsKey(t *testing.T) {
	s, key := newPort(t)
	for what, c := range map[string]call{
		"the key": keyed(get(api.WhoamiPath), key), "a scheme in small letters": get(api.WhoamiPath).with("Authorization", "bearer "+key.Reveal()).at(port),
		"a host in capitals": keyed(get(api.WhoamiPath), key).at("Bridge.Internal:8740"), "the address": keyed(get(api.WhoamiPath), key).at("127.0.0.1:8740"),
	} {
		var who api.Whoami
		s.do(c).want(http.StatusOK).into(&who)
		if who.Agent != "ci" || who.By != api.ByKey || who.UID != nil {
			t.Errorf("%s: it is %+v", what, who)
		}
	}
	r := s.do(keyed(post(api.RequestsPath, simpleAsk), key)).want(http.StatusCreated).request()
	if r.Agent != "ci" {
		t.Errorf("asked by %s", r.Agent)
	}
}

// TestAKeyWinsOverTheUID on the socket too: what is asked is the key's.
func TestAKeyWinsOverTheUID(t *testing.T) {
	_, hash := bridge.NewKey()
	mine, mineHash := bridge.NewKey()
	helper, other := agent("helper", helperUID), agent("other", otherUID)
	helper.KeyHash, other.KeyHash = hash, mineHash
	desk := httpapitest.NewDesk(t, helper, other)
	s := &stage{t, desk, httpapi.New(httpapi.Options{Desk: desk}), nil}
	var who api.Whoami
	s.do(get(api.WhoamiPath).with("Authorization", "Bearer "+mine.Reveal())).want(http.StatusOK).into(&who)
	if who.Agent != "other" || who.By != api.ByKey {
		t.Errorf("it is %+v", who)
	}
	s.do(get(api.WhoamiPath)).want(http.StatusOK).into(&who)
	if who.Agent != "helper" || who.By != api.ByUID {
		t.Errorf("without a key it is %+v", who)
	}
}

// TestAllThatIsNoKeyIsRefusedAlike: whoever guesses learns nothing about what
// comes near, and reads nothing that they have sent.
func TestAllThatIsNoKeyIsRefusedAlike(t *testing.T) {
	s, key := newPort(t)
	plain := key.Reveal()
	var first []byte
	for what, header := range map[string]string{
		"unknown": "Bearer abk_ABCDEFGHIJKLMNOPQRSTUVWXYZ", "nearly": "Bearer " + plain[:len(plain)-1], "longer": "Bearer " + plain + "A",
		"twice": "Bearer " + plain + " " + plain, "two spaces": "Bearer  " + plain, "small": "Bearer " + strings.ToLower(plain), "no scheme": plain,
		"another scheme": "Basic " + plain, "nothing": "", "only a scheme": "Bearer", "its hash": "Bearer " + bridge.HashKey(key).String(), "long": "Bearer " + strings.Repeat("a", 8000),
	} {
		for _, c := range everyRoute() {
			a := s.do(c.with("Authorization", header).at(port))
			a.problem(api.ProblemUnauthenticated)
			if first == nil {
				first = a.body
			}
			if !bytes.Equal(a.body, first) || a.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Fatalf("%s: %s\nnot as the others: %s", what, a.body, first)
			}
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+port+api.WhoamiPath, nil)
	r.Header["Authorization"] = []string{"Bearer " + plain, "Bearer " + plain}
	w := httptest.NewRecorder()
	if s.handler.ServeHTTP(w, r); !bytes.Equal(w.Body.Bytes(), first) {
		t.Errorf("the key, twice: %s", w.Body)
	}
	if s.desk.Calls() != 0 {
		t.Error("the desk was called")
	}
}

// TestAtAPortNobodyIsKnownByAUID, whatever the connection says.
func TestAtAPortNobodyIsKnownByAUID(t *testing.T) {
	s, _ := newPort(t)
	for route, c := range everyRoute() {
		if p := s.do(c.as(helperUID).at(port)).problem(api.ProblemUnauthenticated); !strings.Contains(p.Detail, "no key") {
			t.Errorf("%s: %s", route, p.Detail)
		}
	}
}

func TestForeignHostsAtAPort(t *testing.T) {
	s, key := newPort(t)
	for what, c := range map[string]call{
		"a rebound name": keyed(get(api.WhoamiPath), key).at("evil.example:8740"), "loopback by name": keyed(get(api.WhoamiPath), key).at("localhost"),
		"without the port": keyed(get(api.WhoamiPath), key).at("bridge.internal"), "another port": keyed(get(api.WhoamiPath), key).at("bridge.internal:80"),
		"a name below": keyed(get(api.WhoamiPath), key).at("x." + port), "a page": keyed(get(api.WhoamiPath), key).with("Origin", "https://"+port),
		"a link": keyed(get(api.WhoamiPath), key).with("Referer", "https://"+port+"/"),
	} {
		if p := s.do(c).problem(api.ProblemInvalidRequest); p.Retryable {
			t.Errorf("%s: retryable", what)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, api.WhoamiPath, nil)
	r.Host = ""
	r.Header.Set("Authorization", "Bearer "+key.Reveal())
	w := httptest.NewRecorder()
	if s.handler.ServeHTTP(w, r); w.Code != http.StatusBadRequest {
		t.Errorf("without a host: %d", w.Code)
	}
}

// TestAKeyThatIsReplacedGetsNothingMore: not even for a call that was waiting,
// whose token has come meanwhile.
func TestAKeyThatIsReplacedGetsNothingMore(t *testing.T) {
	for name, c := range map[string]func(id bridge.RequestID) call{
		"waiting for a token":   func(bridge.RequestID) call { return post(api.TokenPath, simpleAsk) },
		"waiting with an ask":   func(bridge.RequestID) call { return post(api.RequestsPath, simpleAsk).with("Prefer", "wait=30") },
		"waiting for a request": func(id bridge.RequestID) call { return get(api.RequestPath(string(id)) + "?wait=30") },
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(t *testing.T, h *house) {
				old, oldHash := bridge.NewKey()
				_, hash := bridge.NewKey()
				h.desk.Rekey("helper", oldHash)
				id := h.asked()
				h.after(5*time.Second, func() {
					h.desk.Rekey("helper", hash)
					h.desk.Grant(id, token("grt_1"))
				})
				a, _ := h.send(t.Context(), c(id).with("Authorization", "Bearer "+old.Reveal()))
				a.problem(api.ProblemUnauthenticated)
				if strings.Contains(string(a.body), "at-") {
					t.Errorf("it got a token: %s", a.body)
				}
			})
		})
	}
}

// TestTheDocumentIsForEverybody but pages that a browser shows.
func TestTheDocumentIsForEverybody(t *testing.T) {
	s, _ := newPort(t)
	doc := get(api.DocumentPath)
	s.do(doc.at(port)).want(http.StatusOK)
	s.do(doc.as(nobodyUID).at(port)).want(http.StatusOK)
	for what, c := range map[string]call{"a page": doc.at(port).with("Origin", "null"), "a link": doc.at(port).with("Referer", "x"), "a rebound name": doc.at("evil.example")} {
		if a := s.do(c); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s is answered %d", what, a.StatusCode)
		}
	}
	s.do(post(api.DocumentPath, "").at(port)).problem(api.ProblemUnauthenticated)
}
