package discord

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
)

// signedCall is a call as Discord makes it.
func (x *switchboard) signedCall(at time.Time, body string) *http.Request {
	stamp := strconv.FormatInt(at.Unix(), 10)
	r := httptest.NewRequestWithContext(x.t.Context(), http.MethodPost, "/discord/interactions", strings.NewReader(body))
	r.Header.Set("X-Signature-Timestamp", stamp)
	r.Header.Set("X-Signature-Ed25519", hex.EncodeToString(ed25519.Sign(x.key, []byte(stamp+body))))
	return r
}

// calledAt has a handler serve a call, and returns its answer.
func calledAt(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// byCalls is a line that is ready for Discord's calls.
func (x *switchboard) byCalls(s serve) *running {
	x.t.Helper()
	l := x.run(true, io.Discard, quick(), s)
	until(x.t, "it is ready", func() bool { return l.health.Now().State == chat.Ready && l.intake.Taking() })
	return l
}

// TestBehaviour40OnlyDiscordsCallsAreTaken: each other is 401, and nothing
// comes of it.
func TestBehaviour40OnlyDiscordsCallsAreTaken(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	served, got := collect()
	h := x.byCalls(served).handler()
	body := pressPayload(1, "ab1:deny:r1")
	good := func() *http.Request { return x.signedCall(time.Now(), body) }
	for name, spoil := range map[string]func(*http.Request) *http.Request{
		"no signature":      func(r *http.Request) *http.Request { r.Header.Del("X-Signature-Ed25519"); return r },
		"no time":           func(r *http.Request) *http.Request { r.Header.Del("X-Signature-Timestamp"); return r },
		"a short signature": func(r *http.Request) *http.Request { r.Header.Set("X-Signature-Ed25519", "00"); return r },
		"no hex":            func(r *http.Request) *http.Request { r.Header.Set("X-Signature-Ed25519", "zz"); return r },
		"another body":      func(r *http.Request) *http.Request { r.Body = io.NopCloser(strings.NewReader(body + " ")); return r },
		"a body in the path": func(r *http.Request) *http.Request {
			r.Body = http.NoBody
			r.URL.RawQuery = "payload=" + body
			return r
		},
		"another's key": func(r *http.Request) *http.Request {
			_, key, _ := ed25519.GenerateKey(nil)
			r.Header.Set("X-Signature-Ed25519", hex.EncodeToString(ed25519.Sign(key, []byte(r.Header.Get("X-Signature-Timestamp")+body))))
			return r
		},
		"another time":  func(r *http.Request) *http.Request { r.Header.Set("X-Signature-Timestamp", "1"); return r },
		"too old":       func(*http.Request) *http.Request { return x.signedCall(time.Now().Add(-6*time.Minute), body) },
		"of the future": func(*http.Request) *http.Request { return x.signedCall(time.Now().Add(6*time.Minute), body) },
		"a ping of nobody's": func(r *http.Request) *http.Request {
			r.Body = io.NopCloser(strings.NewReader(`{"type":1}`))
			return r
		},
	} {
		if w := calledAt(h, spoil(good())); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if len(got) > 0 {
		t.Fatalf("%d were served", len(got))
	}
	r := good()
	again := r.Clone(t.Context())
	again.Body = io.NopCloser(strings.NewReader(body))
	if w := calledAt(h, r); w.Code != http.StatusOK || w.Body.String() != `{"type":6}` || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("the right one: %d %s", w.Code, w.Body)
	}
	in := soon(t, "the press", got)
	soon(t, "that it was answered", in.answered)
	if w := calledAt(h, again); w.Code != http.StatusUnauthorized {
		t.Errorf("the same again: %d", w.Code)
	}
	if len(got) > 0 || len(x.answers) > 0 {
		t.Error("it was served twice, or answered beside the call")
	}
}

// TestBehaviour40APingIsAnswered, before the line is ready too: Discord looks
// when somebody writes the address down.
func TestBehaviour40APingIsAnswered(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	x.refuse["GET /applications"] = http.StatusServiceUnavailable
	served, _ := collect()
	h := x.run(true, io.Discard, quick(), served).handler()
	if w := calledAt(h, x.signedCall(time.Now(), `{"id":"1","application_id":"1","type":1,"token":"x","version":1}`)); w.Code != http.StatusOK || w.Body.String() != `{"type":1}` {
		t.Errorf("a ping: %d %s", w.Code, w.Body)
	}
	if w := calledAt(h, x.signedCall(time.Now(), pressPayload(1, "ab1:deny:r1"))); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a press before it is ready: %d", w.Code)
	}
}

// TestWhatIsNotForUsIsNotAnswered as if it had been.
func TestWhatIsNotForUsIsNotAnswered(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	served, got := collect()
	h := x.byCalls(served).handler()
	for name, c := range map[string]struct {
		body string
		code int
	}{
		"another application's": {strings.ReplaceAll(pressPayload(1, "x"), testApp, "1100000000000000009"), http.StatusBadRequest},
		"no interaction":        {`{}`, http.StatusBadRequest},
		"no JSON":               {`x`, http.StatusBadRequest},
		"too long":              {strings.Repeat("x", maxPayload+1), http.StatusRequestEntityTooLarge},
	} {
		if w := calledAt(h, x.signedCall(time.Now(), c.body)); w.Code != c.code {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w := calledAt(h, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/discord/interactions", nil)); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
	if len(got) > 0 {
		t.Error("something was served")
	}
}

// TestWhatIsNotForUsIsNotTakenFromTheGateway, however much of it comes, and the
// log is not filled with it.
func TestWhatIsNotForUsIsNotTakenFromTheGateway(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	served, got := collect()
	var log lines
	p := x.ready(x.run(false, &log, quick(), served))
	menu := strings.Replace(pressPayload(2, "menu"), `"component_type":2`, `"component_type":3`, 1)
	for i := range 20 {
		p.bring(10+i, menu)
	}
	p.bring(29, pressPayload(5, "ab1:release:r1")) // all that came before it is read by then
	soon(t, "a press", got)
	if strings.Contains(log.String(), "dropped") {
		t.Errorf("what is well and nothing to us is in the log:\n%s", log.String())
	}
	for i := range 20 {
		p.bring(30+i, strings.ReplaceAll(pressPayload(3, "theirs"), testApp, "1100000000000000009"))
	}
	p.bring(50, pressPayload(4, "ab1:deny:r1"))
	if in := soon(t, "the press that is ours", got); in.custom != "ab1:deny:r1" || len(got) > 0 {
		t.Errorf("served was %q, and %d more", in.custom, len(got))
	}
	if n := strings.Count(log.String(), "dropped"); n != 1 {
		t.Errorf("the log has %d lines about it", n)
	}
}

// TestStrangersCallsDoNotFillTheLog: anybody can make them.
func TestStrangersCallsDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	served, _ := collect()
	var log lines
	h := x.run(true, &log, quick(), served).handler()
	for range 20 {
		r := x.signedCall(time.Now(), "{}")
		r.Header.Set("X-Signature-Ed25519", strings.Repeat("00", ed25519.SignatureSize))
		if w := calledAt(h, r); w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "public_key") {
			t.Errorf("a stranger's call: %d %s", w.Code, w.Body)
		}
	}
	if n := strings.Count(log.String(), "a call was refused"); n != 1 {
		t.Errorf("the log has %d lines about 20 of them", n)
	}
}

// TestTheGatewayTakesNoCalls: nobody may bring by one way what is awaited on
// the other.
func TestTheGatewayTakesNoCalls(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	served, _ := collect()
	h := x.run(false, io.Discard, quick(), served).handler()
	if w := calledAt(h, x.signedCall(time.Now(), `{"type":1}`)); w.Code != http.StatusNotFound {
		t.Errorf("a call: %d", w.Code)
	}
}

// TestAKeyOfAnotherApplicationIsTold before anybody presses in vain.
func TestAKeyOfAnotherApplicationIsTold(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	x.verify = hex.EncodeToString(make([]byte, ed25519.PublicKeySize))
	served, _ := collect()
	l := x.run(true, io.Discard, quick(), served)
	until(t, "the refusal shows", func() bool { return l.health.Now().State == chat.Refused })
	if why := l.health.Now().Why; why != otherKey || l.intake.Taking() {
		t.Errorf("the operator is told %q", why)
	}
}

// way brings something that somebody did and returns the first answer to it.
type way func(n int, payload string) string

// bothWays runs a test over the gateway and over calls. begin returns what
// serves, and what is to be tried then.
func bothWays(t *testing.T, begin func(t *testing.T) (serve, func(bring way))) {
	t.Run("gateway", func(t *testing.T) {
		t.Parallel()
		x := startSwitchboard(t)
		served, try := begin(t)
		p := x.ready(x.run(false, io.Discard, quick(), served))
		try(func(n int, payload string) string {
			p.bring(n, payload)
			return strings.TrimSpace(soon(t, "the answer", x.answers).body)
		})
	})
	t.Run("calls", func(t *testing.T) {
		t.Parallel()
		x := startSwitchboard(t)
		served, try := begin(t)
		srv := httptest.NewServer(x.byCalls(served).handler())
		t.Cleanup(srv.Close)
		began := time.Now() // a copy has a second of its own, or it would be a replay
		try(func(n int, payload string) string {
			r := x.signedCall(began.Add(-time.Duration(n)*time.Second), payload)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/discord/interactions", r.Body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = r.Header
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			var body bytes.Buffer
			_, _ = body.ReadFrom(resp.Body)
			return body.String()
		})
	})
}

// TestBehaviour40BothWaysComeToTheSame: what is served and what is answered.
func TestBehaviour40BothWaysComeToTheSame(t *testing.T) {
	t.Parallel()
	command := `{` + heading + `,"type":2,"user":` + person + `,"context":1,"data":{"name":"authbridge","type":1,"options":[{"name":"help","type":1}]}}`
	echo := func(_ context.Context, in inbound) answer {
		said := fmt.Sprint(in.kind, " ", in.custom, in.command, " by ", in.user)
		return answer{Body: map[string]any{"type": 4, "data": map[string]any{"content": said, "flags": 64}}}
	}
	bothWays(t, func(t *testing.T) (serve, func(way)) {
		return echo, func(bring way) {
			for i, c := range []struct{ payload, want string }{
				{pressPayload(11, "ab1:claim:r1"), `{"data":{"content":"press ab1:claim:r1 by 1500000000000000001","flags":64},"type":4}`},
				{pressPayload(12, "ab1:deny:r1"), `{"type":6}`},
				{command, `{"data":{"content":"command help by 1500000000000000001","flags":64},"type":4}`},
			} {
				if got := bring(i+2, c.payload); got != c.want {
					t.Errorf("it was answered %s, want %s", got, c.want)
				}
			}
		}
	})
}

// TestBehaviour28TheSameTwiceOnBothWays: one effect, and the same answer.
func TestBehaviour28TheSameTwiceOnBothWays(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T) (serve, func(way)) {
		var served atomic.Int32
		count := func(context.Context, inbound) answer {
			return answer{Body: map[string]any{"type": 4, "data": map[string]any{"content": fmt.Sprint("try ", served.Add(1))}}}
		}
		return count, func(bring way) {
			payload := pressPayload(1, "ab1:claim:r1")
			first := bring(2, payload)
			if again := bring(3, payload); again != first || !strings.Contains(first, "try 1") {
				t.Errorf("the first was answered %s, the copy %s", first, again)
			}
		}
	})
}

// TestBehaviour27WhileTheWorkStandsStill: all is answered within what Discord
// waits, though nothing gets done, and the work is done later.
func TestBehaviour27WhileTheWorkStandsStill(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T) (serve, func(way)) {
		stuck, served := make(chan struct{}), make(chan inbound, 100)
		block := func(_ context.Context, in inbound) answer {
			<-stuck
			served <- in
			return answer{}
		}
		return block, func(bring way) {
			defer func() {
				close(stuck)
				soon(t, "the work", served)
				soon(t, "the other work", served)
			}()
			for i, custom := range []string{"ab1:deny:r1", "ab1:claim:r1"} {
				begun := time.Now()
				if got := bring(i+2, pressPayload(i, custom)); got != `{"type":6}` {
					t.Errorf("%s was answered %s", custom, got)
				}
				if took := time.Since(begun); took > 3*time.Second {
					t.Errorf("%s was answered after %s", custom, took)
				}
			}
		}
	})
}

// TestBehaviour27WithASlowStoreAPressIsAnsweredWithinASecond: half a second's
// work is said in the first answer where there is room, and awaited nowhere
// else.
func TestBehaviour27WithASlowStoreAPressIsAnsweredWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		said := map[string]any{"type": 4}
		l := newLine(wires{}, func(context.Context, inbound) answer {
			<-time.After(500 * time.Millisecond)
			return answer{Body: said}
		})
		l.intake.Open(t.Context())
		defer l.intake.Stop()
		for i, c := range []struct {
			in    inbound
			after time.Duration
			body  any
		}{
			{inbound{kind: pressed, custom: "ab1:deny:r1"}, 0, plain(inbound{kind: pressed})},
			{inbound{kind: pressed, custom: "ab1:claim:r1"}, 500 * time.Millisecond, said},
			{inbound{kind: commanded}, 500 * time.Millisecond, said},
		} {
			begun, got := time.Now(), make(chan any, 1)
			c.in.id = fmt.Sprint(i)
			if err := l.take(t.Context(), c.in, func(body any) error { got <- body; return nil }); err != nil {
				t.Fatal(err)
			}
			if body := <-got; !reflect.DeepEqual(body, c.body) || time.Since(begun) != c.after {
				t.Errorf("%s %s was answered %v after %s", c.in.kind, c.in.custom, body, time.Since(begun))
			}
		}
	})
}

// TestABodyThatIsRefusedIsSaidLate: the interaction is answered plainly, and
// what was to be said comes after it.
func TestABodyThatIsRefusedIsSaidLate(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	late := make(chan inbound, 1)
	l := x.run(false, io.Discard, quick(), func(_ context.Context, in inbound) answer {
		x.alter(func() { x.refuse["POST /interactions"] = http.StatusBadRequest })
		return answer{Body: map[string]any{"type": 4}, Late: func(context.Context) { late <- in }}
	})
	p := x.ready(l)
	p.bring(2, pressPayload(1, "ab1:claim:r1"))
	in := soon(t, "what is said late", late)
	if n := x.calls("POST /interactions"); n != 2 {
		t.Errorf("it was answered %d times", n)
	}
	select {
	case <-in.answered:
		t.Error("it counts as answered, and Discord took no answer")
	default:
	}
}

// TestAnsweredByACopyIsAnswered: follow-ups can be made then.
func TestAnsweredByACopyIsAnswered(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	x.refuse["POST /interactions"], x.code = http.StatusBadRequest, codeAnswered
	served, got := collect()
	x.ready(x.run(false, io.Discard, quick(), served)).bring(2, pressPayload(1, "ab1:deny:r1"))
	soon(t, "that it was answered", soon(t, "the press", got).answered)
}

// TestFollowUpsWaitForTheAnswerToSettle: Discord may be asked before it has
// seen the answer in its own call, but not for ever.
func TestFollowUpsWaitForTheAnswerToSettle(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	x.refuse["POST /webhooks"], x.code = http.StatusNotFound, codeUnknownWebhook
	served, got := collect()
	l := x.run(false, io.Discard, quick(), served)
	x.ready(l).bring(2, pressPayload(1, "ab1:deny:r1"))
	in := soon(t, "the press", got)
	soon(t, "the answer", x.answers)
	go func() {
		until(t, "it was tried", func() bool { return x.calls("POST /webhooks") > 0 })
		x.alter(func() { x.refuse = map[string]int{} })
	}()
	id, err := l.followUp(t.Context(), in.exchange(), map[string]any{"content": "x", "flags": 64})
	if err != nil || id != "1200000000000000001" {
		t.Errorf("the follow-up is %q: %v", id, err)
	}
	if err := l.editFollowUp(t.Context(), in.exchange(), id, map[string]any{"content": "y"}); err != nil {
		t.Error(err)
	}
	if err := l.editFirst(t.Context(), in.exchange(), map[string]any{"content": "z"}); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"POST ", "PATCH /messages/1200000000000000001", "PATCH /messages/@original"} {
		method, path, _ := strings.Cut(want, " ")
		if a := soon(t, "the call", x.answers); a.method != method || a.path != "/webhooks/"+testApp+"/secret-interaction-1"+path {
			t.Errorf("%s %s, want %s", a.method, a.path, want)
		}
	}
	x.alter(func() { x.refuse["POST /webhooks"] = http.StatusNotFound })
	old := in.exchange()
	old.at = old.at.Add(-settling)
	n := x.calls("POST /webhooks")
	if _, err := l.followUp(t.Context(), old, map[string]any{}); codeOf(err) != codeUnknownWebhook || x.calls("POST /webhooks") != n+1 {
		t.Errorf("a token that is over: %v, asked %d times", err, x.calls("POST /webhooks")-n)
	}
}
