package slacktest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// endpoint is an app that is called. It checks all that has to be checked,
// except what it leaves out.
type endpoint struct {
	secret string
	answer func(path string, n int) (status int, body string)

	anySecret bool // whoever signed, it is well
	anyTime   bool // however old it is
	anyCopy   bool // however often it came
	anyPlace  bool // payload is taken from wherever the library finds it

	mu    sync.Mutex
	seen  map[string]bool
	taken []http.Header // of what was taken
	said  []string      // the bodies, or payloads, that were taken
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || !e.trusts(r.Header, string(body)) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	said := string(body)
	if form, err := url.ParseQuery(said); err == nil && r.URL.Path == InteractionsPath {
		said = form.Get("payload")
		if e.anyPlace && said == "" {
			said = r.URL.Query().Get("payload")
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.taken, e.said = append(e.taken, r.Header), append(e.said, said)
	if e.answer != nil {
		status, text := e.answer(r.URL.Path, len(e.said))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// took is what was taken so far.
func (e *endpoint) took() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.said)
}

func (e *endpoint) trusts(h http.Header, body string) bool {
	stamp := h.Get("X-Slack-Request-Timestamp")
	sec, err := strconv.ParseInt(stamp, 10, 64)
	if age := time.Since(time.Unix(sec, 0)).Abs(); err != nil || age > 5*time.Minute && !e.anyTime {
		return false
	}
	mac := hmac.New(sha256.New, []byte(e.secret))
	_, _ = io.WriteString(mac, "v0:"+stamp+":"+body) // a hash never fails
	signature := h.Get("X-Slack-Signature")
	if signature != "v0="+hex.EncodeToString(mac.Sum(nil)) && !e.anySecret {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen[signature] && !e.anyCopy {
		return false
	}
	if e.seen == nil {
		e.seen = map[string]bool{}
	}
	e.seen[signature] = true
	return true
}

// called makes Slack call an app.
func (c caller) called(e *endpoint) *endpoint {
	c.t.Helper()
	e.secret = c.s.SigningSecret()
	srv := httptest.NewServer(e)
	c.t.Cleanup(srv.Close)
	c.s.RequestsTo(srv.URL)
	return e
}

// TestForgeries has for each of them an app that does not look.
func TestForgeries(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		naive *endpoint
		forge func(c caller, l Letter) Letter
		more  int    // how many were taken rightly before it
		takes string // what the naive app takes for a payload; "" is the real one
	}{
		"another secret": {
			naive: &endpoint{anySecret: true},
			forge: func(_ caller, l Letter) Letter { return l.Signed("somebody else's", time.Now()) },
		},
		"an altered body": {
			naive: &endpoint{anySecret: true},
			forge: func(_ caller, l Letter) Letter {
				l.Body = url.Values{"payload": {`{"type":"forged"}`}}.Encode()
				return l
			},
			takes: `{"type":"forged"}`,
		},
		"from long ago": {
			naive: &endpoint{anyTime: true},
			forge: func(c caller, l Letter) Letter {
				return l.Signed(c.s.SigningSecret(), time.Now().Add(-6*time.Minute))
			},
		},
		"from the future": {
			naive: &endpoint{anyTime: true},
			forge: func(c caller, l Letter) Letter { return l.Signed(c.s.SigningSecret(), time.Now().Add(6*time.Minute)) },
		},
		"a replay": {
			naive: &endpoint{anyCopy: true},
			more:  1,
			forge: func(c caller, l Letter) Letter {
				if got := c.s.Send(l); got.Status != http.StatusOK {
					c.t.Errorf("the original gets %+v", got)
				}
				return l
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := office(t)
			for _, e := range []*endpoint{{}, tt.naive} {
				c.called(e)
				before := len(e.took())
				got := c.s.Send(tt.forge(c, c.s.Letter(Interactive, fields{"type": "block_actions", "who": name})))
				if careful := e != tt.naive; careful {
					if got.Status != http.StatusUnauthorized {
						t.Errorf("the careful app answers %+v", got)
					}
					continue
				}
				want := tt.takes
				if want == "" {
					want = `{"type":"block_actions","who":"` + name + `"}`
				}
				if got.Status != http.StatusOK || !slices.Equal(e.took()[before+tt.more:], []string{want}) {
					t.Errorf("the naive app answers %+v, and took %q", got, e.took())
				}
			}
		})
	}
}

func TestAPayloadInTheAddressIsNotSigned(t *testing.T) {
	t.Parallel()
	c := office(t)
	for _, anyPlace := range []bool{false, true} {
		e := c.called(&endpoint{anyPlace: anyPlace})
		l := c.s.Letter(Interactive, fields{"type": "block_actions"})
		l.URL += "?payload=" + url.QueryEscape(`{"type":"forged"}`)
		l.Body = ""
		l = l.Signed(c.s.SigningSecret(), time.Now())
		if got := c.s.Send(l); got.Status != http.StatusOK || (e.took()[0] == `{"type":"forged"}`) != anyPlace {
			t.Errorf("naive %v: %+v, and took %q", anyPlace, got, e.took())
		}
	}
}

func TestAPressComesByASignedRequest(t *testing.T) {
	t.Parallel()
	c := office(t)
	e := c.called(&endpoint{})
	c.card("U0ALICE", nil)
	d := c.s.Person("U0ALICE").Press("Press")
	if o := d.Acked(); o.Status != http.StatusOK {
		t.Errorf("it went like this: %+v", o)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(e.took()[0]), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.Payload(), got); diff != "" {
		t.Error(diff)
	}
}

func TestACommandComesAsAForm(t *testing.T) {
	t.Parallel()
	c := office(t)
	e := c.called(&endpoint{answer: func(string, int) (int, string) { return http.StatusOK, "nothing *waits*" }})
	alice := c.s.Person("U0ALICE")
	alice.Command("/authbridge revoke <x> @bob #deploys").Acked()
	form, err := url.ParseQuery(e.took()[0])
	if err != nil || form.Get("text") != "revoke &lt;x&gt; <@U0BOB|bob> <#C0DEPLOYS|deploys>" || form.Get("is_enterprise_install") != "false" {
		t.Errorf("%v: it came as %v", err, form)
	}
	want := "== direct messages: authbridge\n@authbridge, only visible to you\nnothing waits"
	if got := alice.Screen(); got != want {
		t.Errorf("alice sees\n%s", got)
	}
}

func TestAFailedRequestIsMadeAgainForEventsAlone(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.SetPace(func(p *Pace) { p.Retries = []time.Duration{0, time.Millisecond} })
	// A retry within the same second is signed like what failed.
	e := c.called(&endpoint{anyCopy: true, answer: func(path string, n int) (int, string) {
		if path == EventsPath && n > 2 {
			return http.StatusOK, ""
		}
		return http.StatusInternalServerError, ""
	}})
	if o := c.s.Person("U0ALICE").OpenHome().Acked(); o.Attempts != 3 {
		t.Errorf("it went like this: %+v", o)
	}
	e.mu.Lock()
	taken := slices.Clone(e.taken)
	e.mu.Unlock()
	for n, h := range taken {
		num, reason := h.Get("X-Slack-Retry-Num"), h.Get("X-Slack-Retry-Reason")
		if n == 0 && num+reason != "" || n > 0 && (num != strconv.Itoa(n) || reason != "http_error") {
			t.Errorf("attempt %d has %q, %q", n, num, reason)
		}
	}
	alice := c.s.Person("U0ALICE")
	if o := alice.Command("/authbridge help").Wait(); o.Acked || o.Attempts != 1 || o.Status != http.StatusInternalServerError {
		t.Errorf("a command went like this: %+v", o)
	}
	if !strings.Contains(alice.Screen(), "(!) /authbridge: authbridge did not answer") {
		t.Errorf("alice sees\n%s", alice.Screen())
	}
}

func TestWhoeverIsSlowIsNotWaitedForByRequests(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.SetPace(func(p *Pace) { p.Ack, p.Retries = 50*time.Millisecond, nil })
	hold := make(chan struct{})
	c.called(&endpoint{answer: func(string, int) (int, string) { <-hold; return http.StatusOK, "" }})
	if o := c.s.Person("U0ALICE").OpenHome().Wait(); o.Acked || o.Why != "http_timeout" {
		t.Errorf("it went like this: %+v", o)
	}
	close(hold)
	c.s.RequestsTo("http://127.0.0.1:1")
	if o := c.s.Person("U0ALICE").OpenHome().Wait(); o.Acked || o.Why != "connection_failed" {
		t.Errorf("it went like this: %+v", o)
	}
}

func TestAnAddressIsProven(t *testing.T) {
	t.Parallel()
	c := office(t)
	e := c.called(&endpoint{})
	if err := c.s.Challenge(); err == nil {
		t.Error("an app that says nothing has proven its address")
	}
	e.answer = func(string, int) (int, string) {
		return http.StatusOK, e.said[len(e.said)-1] // JSON with the challenge in it
	}
	if err := c.s.Challenge(); err != nil {
		t.Error(err)
	}
}
