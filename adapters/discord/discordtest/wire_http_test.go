package discordtest

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// endpoint is an app that takes signed calls. What it does wrong works as long
// as nobody but Discord calls.
type endpoint struct {
	key ed25519.PublicKey
	*httptest.Server

	trusts  bool // it looks at no signature
	polite  bool // it answers a wrong one with 400
	forgets bool // it does not know a call that it had
	ageless bool // it does not look at the time
	plain   bool // its answers are not called JSON
	answer  string
	status  int // of its answers; 200

	mu     sync.Mutex
	had    map[string]bool
	took   []fields
	pinged []fields
}

// at starts an app that is right, but for some change.
func at(t *testing.T, s *Discord, change func(*endpoint)) *endpoint {
	t.Helper()
	key, err := hex.DecodeString(s.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	e := &endpoint{key: key, had: map[string]bool{}, status: 200, answer: `{"type":6}`}
	change(e)
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	body, _ := io.ReadAll(r.Body) // what is missing is not signed
	if !e.trusts && !e.signed(r.Header, body) {
		status := http.StatusUnauthorized
		if e.polite {
			status = http.StatusBadRequest
		}
		w.WriteHeader(status)
		return
	}
	var i fields
	_ = json.Unmarshal(body, &i) // nothing is no ping
	if !e.plain {
		w.Header().Set("Content-Type", "application/json")
	}
	if i["type"] == 1.0 {
		e.pinged = append(e.pinged, i)
		_, _ = io.WriteString(w, `{"type":1}`)
		return
	}
	e.took = append(e.took, i)
	w.WriteHeader(e.status)
	_, _ = io.WriteString(w, e.answer)
}

// signed says whether a call is Discord's, of now, and new.
func (e *endpoint) signed(h http.Header, body []byte) bool {
	stamp := h.Get("X-Signature-Timestamp")
	signature, err := hex.DecodeString(h.Get("X-Signature-Ed25519"))
	if err != nil || len(signature) != ed25519.SignatureSize || !ed25519.Verify(e.key, append([]byte(stamp), body...), signature) {
		return false
	}
	seconds, _ := strconv.ParseInt(stamp, 10, 64) // none is long ago
	if !e.ageless && time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return false
	}
	again := e.had[string(signature)]
	e.had[string(signature)] = true
	return e.forgets || !again
}

func (e *endpoint) served() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.took)
}

func TestASignedCallBringsWhatPeopleDo(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	e := at(t, c.s, func(e *endpoint) { e.answer = `{"type":4,"data":{"content":"for you","flags":64}}` })
	c.s.RequestsTo(e.URL)
	c.card(Deploys, "Press")
	alice := c.s.Person(Alice)
	alice.Press("Press")
	c.s.Until("alice is answered", func() bool { return strings.Contains(alice.Screen(), "only you can see this\nfor you") })
	if b := c.s.Interactions()[0]; !b.Written || !b.Answered || b.With != newMessage || b.Lost() {
		t.Errorf("the books say %+v", b)
	}
	// What it says in the response is recorded as if it had called.
	if all := c.s.Calls(callback); len(all) != 1 || all[0].Asked != e.answer || all[0].Path["token"] != "" || len(c.s.Leaks("for you")) != 1 {
		t.Errorf("recorded is %+v", all)
	}
	if i := e.took[0]; i["application_id"] != c.s.App() || i["token"] == "" || i["guild_id"] != Acme {
		t.Errorf("it is told %v", i)
	}
	if got := c.granted(c.call("GET", "/applications/@me", nil)).text("interactions_endpoint_url"); got != e.URL+InteractionsPath {
		t.Errorf("its address is %q", got)
	}
	c.s.Probe()
	c.s.Repeat() // Discord signs it anew, so that only the id tells
	c.s.Until("it came again", func() bool { return e.served() == 2 })
	if e.took[0]["id"] != e.took[1]["id"] {
		t.Error("it is told of another")
	}
}

func TestACallCanBeAnsweredByACall(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	e := at(t, c.s, func(e *endpoint) { e.answer, e.status = "", http.StatusAccepted })
	c.s.RequestsTo(e.URL)
	c.card(Deploys, "Press")
	c.s.Person(Alice).Press("Press")
	c.s.Until("it came", func() bool { return e.served() == 1 })
	c.granted(c.answer(e.took[0], newMessage, fields{"content": "for you", "flags": ephemeral}))
	if !strings.Contains(c.s.Person(Alice).Screen(), "for you") {
		t.Errorf("alice sees\n%s", c.s.Person(Alice).Screen())
	}
}

// TestWhoTakesWrongSignaturesIsNoEndpoint: Discord looks before it saves the
// address, and from then on now and again.
func TestWhoTakesWrongSignaturesIsNoEndpoint(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*endpoint){
		"looking at no signature":       func(e *endpoint) { e.trusts = true },
		"answering with another status": func(e *endpoint) { e.polite = true },
		"an answer that is not JSON":    func(e *endpoint) { e.plain = true },
	} {
		c := unlimited(t)
		e := at(t, c.s, change)
		if !fails(t, c.s, func() { c.s.RequestsTo(e.URL) }) {
			t.Errorf("%s does not fail the test", name)
		}
	}
	c := unlimited(t)
	e := at(t, c.s, func(*endpoint) {})
	c.s.RequestsTo(e.URL)
	e.mu.Lock()
	e.trusts = true
	e.mu.Unlock()
	if !fails(t, c.s, c.s.Probe) {
		t.Error("who stops looking does not fail the test")
	}
}

// TestWhoOnlyLooksAtTheSignature serves what somebody has overheard.
func TestWhoOnlyLooksAtTheSignature(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		change func(*endpoint)
		replay int
		old    int
	}{
		"who remembers and looks at the time": {func(*endpoint) {}, 401, 401},
		"who does not remember":               {func(e *endpoint) { e.forgets = true }, 200, 401},
		"who does not look at the time":       {func(e *endpoint) { e.ageless = true }, 401, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := unlimited(t)
			e := at(t, c.s, k.change)
			c.s.RequestsTo(e.URL)
			if !fails(t, c.s, func() { c.s.Replay() }) {
				t.Error("what was never sent can be overheard")
			}
			c.card(Deploys, "Press")
			c.s.Person(Alice).Press("Press")
			c.s.Until("it came", func() bool { return e.served() == 1 && c.s.Interactions()[0].Answered })
			if got := c.s.Replay(); got != k.replay {
				t.Errorf("a copy gets %d", got)
			}
			if got := c.s.Forge(e.URL, []byte(`{"type":3}`), time.Now().Add(-time.Hour), nil); got != k.old {
				t.Errorf("an old one gets %d", got)
			}
			if got := c.s.Forge(e.URL, []byte(`{"type":3}`), time.Now(), func(h http.Header) { h.Del("X-Signature-Ed25519") }); got != 401 {
				t.Errorf("one without a signature gets %d", got)
			}
		})
	}
}

func TestWhatIsAnsweredWronglyFails(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		change func(*endpoint)
		says   string // what the test hears
	}{
		"an error":          {func(e *endpoint) { e.status = 500 }, ""},
		"no answer":         {func(e *endpoint) { e.answer = "" }, "no body"},
		"no kind of answer": {func(e *endpoint) { e.answer = `{"type":3}` }, "cannot be given"},
		"an unknown field":  {func(e *endpoint) { e.answer = `{"type":6,"kind":6}` }, "kind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, heard := lenient(t)
			e := at(t, c.s, k.change)
			c.s.RequestsTo(e.URL)
			c.card(Deploys, "Press")
			c.s.Person(Alice).Press("Press")
			c.s.Until("alice is told", func() bool { return strings.Contains(c.s.Person(Alice).Screen(), failedMark) })
			if got := heard.said(); !strings.Contains(got, k.says) || (got == "") != (k.says == "") {
				t.Errorf("the test hears %q", got)
			}
			c.refused(c.answer(e.took[0], later, nil), 404, UnknownInteraction)
		})
	}
}

func TestWhatNobodyDidCanBeSigned(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	e := at(t, c.s, func(*endpoint) {})
	c.s.RequestsTo(e.URL)
	c.s.Deliver("INTERACTION_CREATE", fields{"type": 3, "application_id": "1"})
	c.s.Until("it came", func() bool { return e.served() == 1 })
	if e.took[0]["application_id"] != "1" || len(c.s.Interactions()) != 0 {
		t.Errorf("it is told %v", e.took[0])
	}
}
