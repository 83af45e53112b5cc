package discord

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

const botToken = "MTUw.Gtest0.secret-of-the-bot"

// script is a Discord that answers calls as a test says, without a network.
type script struct {
	t      *testing.T
	calls  []*http.Request
	answer func(*http.Request) reply
}

// reply is what Discord answers, or how a call fails.
type reply struct {
	status int
	body   string
	header http.Header
	err    error
}

// RoundTrip implements [http.RoundTripper]: the connection is there, and what
// becomes of the call is the test's matter.
func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls = append(s.calls, r)
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	a := s.answer(r)
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// scriptedCaller is a caller at a scripted Discord.
func scriptedCaller(t *testing.T) (*caller, *script) {
	s := &script{t: t, answer: always(http.StatusOK, "{}")}
	o := Options{
		APIURL: DefaultAPIURL, Token: bridge.NewSecret(botToken), HTTP: &http.Client{Transport: s, Timeout: time.Minute}, Version: "1.2.3",
	}
	return newCaller(o, chat.NewSides("Discord")), s
}

// always gives each call this answer. headers are name and value by turns.
func always(status int, body string, headers ...string) func(*http.Request) reply {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return func(*http.Request) reply { return reply{status: status, body: body, header: h} }
}

// The calls that the tests make: two posts, of which people see something, a
// question, and an answer to an interaction, whose path holds its token.
func postTo(channel string) call {
	return call{name: "post a message", method: http.MethodPost, path: "/channels/" + channel + "/messages", bucket: "post/" + channel, body: struct{}{}, visible: true}
}

func question() call {
	return call{name: "read a channel", method: http.MethodGet, path: "/channels/1", bucket: "channel/1"}
}

func lateAnswer() call {
	return call{name: "answer somebody", method: http.MethodPost, path: "/webhooks/1/secret-of-the-press", body: struct{}{}, visible: true, free: true}
}

// limitOf is the limit that an error tells of; the test ends if it is none.
func limitOf(t *testing.T, err error) bridge.Limited {
	t.Helper()
	l, ok := errors.AsType[*bridge.Limited](err)
	if !ok {
		t.Fatalf("%v, want a limit", err)
	}
	return *l
}

func certain(err error) bool {
	_, limited := errors.AsType[*bridge.Limited](err)
	for _, known := range []error{bridge.ErrNotSent, bridge.ErrUnreachable, bridge.ErrRoute, bridge.ErrAuth, bridge.ErrGone, bridge.ErrInvalid} {
		limited = limited || errors.Is(err, known)
	}
	return limited
}

// TestBehaviour34ALimitIsKeptToTheMillisecond, whatever Discord counts with:
// until then nothing goes there, and only that of all calls stops the others.
func TestBehaviour34ALimitIsKeptToTheMillisecond(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(*http.Request) reply
		after  time.Duration
		all    bool
	}{
		"the bot's":      {always(429, `{"retry_after":7.25,"global":false}`, "Retry-After", "7", "X-RateLimit-Scope", "user"), 7250 * time.Millisecond, false},
		"the place's":    {always(429, `{"retry_after":7.25,"global":false}`, "Retry-After", "8", "X-RateLimit-Scope", "shared"), 8 * time.Second, false},
		"all of it":      {always(429, `{"retry_after":3,"global":true}`, "X-RateLimit-Global", "true"), 3 * time.Second, true},
		"without saying": {always(429, `{}`), unsaidWait, false},
		"the address's":  {always(429, "error code: 1015", "Retry-After", "600"), 10 * time.Minute, true},
		"for a day":      {always(429, "error code: 1015", "Retry-After", "86400"), longest, true},
		"for ever":       {always(429, `{"retry_after":1e12,"global":true}`, "Retry-After", "Inf"), longest, true},
		"no number":      {always(429, `{}`, "Retry-After", "NaN"), unsaidWait, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, s := scriptedCaller(t)
				s.answer = c.answer
				begun := time.Now()
				if l := limitOf(t, d.do(t.Context(), postTo("1"))); l.After != c.after || l.All != c.all {
					t.Errorf("the limit is %+v, want %s, all: %t", l, c.after, c.all)
				}
				s.answer = always(http.StatusOK, "{}")
				<-time.After(c.after - time.Millisecond)
				if l := limitOf(t, d.do(t.Context(), postTo("1"))); l.All != c.all || len(s.calls) != 1 {
					t.Errorf("a moment before: %+v after %d calls", l, len(s.calls))
				}
				if err := d.do(t.Context(), postTo("2")); (err != nil) != c.all {
					t.Errorf("another place: %v", err)
				}
				<-time.After(time.Millisecond)
				if err := d.do(t.Context(), postTo("1")); err != nil {
					t.Errorf("after %s: %v", time.Since(begun), err)
				}
			})
		})
	}
}

// TestBehaviour34AUsedUpBucketIsLeftAlone before it comes to a limit.
func TestBehaviour34AUsedUpBucketIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := scriptedCaller(t)
		s.answer = always(http.StatusOK, "{}", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset-After", "1.500")
		if err := d.do(t.Context(), postTo("1")); err != nil {
			t.Fatalf("the last one that Discord takes: %v", err)
		}
		if l := limitOf(t, d.do(t.Context(), postTo("1"))); l.After != 1500*time.Millisecond || l.All || len(s.calls) != 1 {
			t.Errorf("one more: %+v, and %d calls", l, len(s.calls))
		}
		s.answer = always(http.StatusOK, "{}", "X-RateLimit-Remaining", "1", "X-RateLimit-Reset-After", "60")
		if err := d.do(t.Context(), postTo("2")); err != nil {
			t.Errorf("another place: %v", err)
		}
		<-time.After(1500 * time.Millisecond)
		for range 2 {
			if err := d.do(t.Context(), postTo("1")); err != nil {
				t.Errorf("when it is filled again: %v", err)
			}
		}
	})
}

// Odd headers are no limit, and nothing waits for ever because of one.
func TestOddHeadersOfLimitsAreNone(t *testing.T) {
	t.Parallel()
	for _, after := range []string{"", "0", "-1", "x", "1h", "NaN", "Inf", "1e300", "100000000", "1.5.5"} {
		d, s := scriptedCaller(t)
		s.answer = always(http.StatusOK, "{}", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset-After", after)
		for range 2 {
			if err := d.do(t.Context(), postTo("1")); err != nil {
				t.Errorf("%q: %v", after, err)
			}
		}
	}
}

// TestBehaviour38ABadGatewayIsOneCall: what is visible may be there, a question
// did nothing, and no time is spent on a second try.
func TestBehaviour38ABadGatewayIsOneCall(t *testing.T) {
	t.Parallel()
	cut := func(*http.Request) reply { return reply{err: errors.New("connection reset by peer")} }
	for name, answer := range map[string]func(*http.Request) reply{
		"500": always(500, "sorry"), "502": always(502, "sorry"), "503": always(503, `{"message":"503"}`), "504": always(504, ""), "cut off": cut,
	} {
		synctest.Test(t, func(t *testing.T) {
			d, s := scriptedCaller(t)
			s.answer = answer
			begun := time.Now()
			if err := d.do(t.Context(), postTo("1")); err == nil || certain(err) {
				t.Errorf("%s: a post says %v, want nothing certain", name, err)
			}
			if err := d.do(t.Context(), question()); !errors.Is(err, bridge.ErrNotSent) {
				t.Errorf("%s: a question says %v", name, err)
			}
			if took := time.Since(begun); took != 0 || len(s.calls) != 2 {
				t.Errorf("%s: two calls became %d, in %s", name, len(s.calls), took)
			}
		})
	}
}

// TestBehaviour33ARefusedTokenIsLeftAlone for a minute: what was under way
// before does not make it good, and the answers to interactions, which do
// without it, go on.
func TestBehaviour33ARefusedTokenIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := scriptedCaller(t)
		let, before := make(chan struct{}), make(chan error)
		s.answer = func(r *http.Request) reply {
			<-let
			return always(http.StatusOK, "{}")(r)
		}
		go func() { before <- d.do(t.Context(), postTo("2")) }()
		synctest.Wait()
		s.answer = always(http.StatusUnauthorized, `{"message":"401: Unauthorized","code":0}`)
		if err := d.do(t.Context(), question()); !errors.Is(err, bridge.ErrAuth) {
			t.Errorf("a refused token: %v", err)
		}
		close(let)
		if err := <-before; err != nil {
			t.Errorf("what was under way: %v", err)
		}
		if h := d.health.Now(); h.State != chat.Refused || h.Why != badToken {
			t.Errorf("the health is %+v", h)
		}
		s.answer = always(http.StatusOK, "{}")
		if err := d.do(t.Context(), lateAnswer()); err != nil {
			t.Errorf("an answer to an interaction: %v", err)
		}
		<-time.After(haltFor - time.Millisecond)
		for range 3 {
			if err := d.do(t.Context(), question()); !errors.Is(err, bridge.ErrAuth) || len(s.calls) != 3 {
				t.Errorf("within the minute: %v, after %d calls", err, len(s.calls))
			}
		}
		<-time.After(time.Millisecond)
		if err := d.do(t.Context(), question()); err != nil {
			t.Errorf("after a minute: %v", err)
		}
		d.health.SetLine(chat.Ready, "", false)
		if h := d.health.Now(); h.State != chat.Ready {
			t.Errorf("when Discord takes the token the health is %+v", h)
		}
	})
}

// An interaction's token that is refused says nothing of the bot's.
func TestARefusedExchangeIsNotTheBots(t *testing.T) {
	t.Parallel()
	d, s := scriptedCaller(t)
	s.answer = always(http.StatusUnauthorized, `{"message":"Invalid Webhook Token","code":50027}`)
	if err := d.do(t.Context(), lateAnswer()); !errors.Is(err, bridge.ErrGone) {
		t.Errorf("a token that has lapsed: %v", err)
	}
	s.answer = always(http.StatusOK, "{}")
	if err := d.do(t.Context(), question()); err != nil {
		t.Errorf("the bot is refused, too: %v", err)
	}
}

// Each call says who calls; the bot's token goes along only where it belongs.
func TestOnlyTheBotsCallsCarryItsToken(t *testing.T) {
	t.Parallel()
	d, s := scriptedCaller(t)
	for _, q := range []call{postTo("1"), question(), lateAnswer()} {
		if err := d.do(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		r, want := s.calls[len(s.calls)-1], "Bot "+botToken
		if q.free {
			want = ""
		}
		if got := r.Header.Get("Authorization"); got != want {
			t.Errorf("%s is authorized by %q", q.name, got)
		}
		if got := r.UserAgent(); got != "DiscordBot (https://github.com/authbridge/authbridge, 1.2.3)" {
			t.Errorf("%s comes from %q", q.name, got)
		}
		if got := r.URL.String(); got != DefaultAPIURL+apiPath+q.path {
			t.Errorf("%s goes to %s", q.name, got)
		}
	}
}

// What an error says gets into logs and audits: no token, no path and nothing
// of what Discord answered may be in it.
func TestNoErrorHasASecret(t *testing.T) {
	t.Parallel()
	const echo = `{"code":%d,"message":"secret-of-the-bot secret-of-the-press WDJB-MJHT","errors":{"content":"WDJB-MJHT"}}`
	answers := map[string]func(*http.Request) reply{
		"cut off": func(*http.Request) reply { return reply{err: errors.New("connection reset by peer")} },
		"garbage": always(http.StatusOK, "WDJB-MJHT secret-of-the-bot"),
		"html":    always(http.StatusForbidden, "<html>WDJB-MJHT</html>"),
	}
	for _, status := range []int{302, 400, 401, 403, 404, 405, 429, 500, 502, 503} {
		answers[http.StatusText(status)] = always(status, strings.ReplaceAll(echo, "%d", "50035"), "Location", "https://evil.example/secret-of-the-bot")
	}
	for name, answer := range answers {
		for _, q := range []call{postTo("500000000000000001"), question(), lateAnswer(), {name: "odd", method: "GET", path: "/\x7fsecret-of-the-press"}} {
			d, s := scriptedCaller(t)
			var into struct{ ID string }
			s.answer, q.into = answer, &into
			err := d.do(t.Context(), q)
			if err == nil {
				t.Errorf("%s: %s succeeded", name, q.name)
				continue
			}
			for _, secret := range []string{"secret-of", "WDJB", "/channels", "/webhooks", "https://"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%s: the error of %s has %q: %v", name, q.name, secret, err)
				}
			}
		}
	}
}

// A call ends with its caller, and what was sent by then may have come through.
func TestACallEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := scriptedCaller(t)
		s.answer = func(r *http.Request) reply {
			<-r.Context().Done()
			return reply{err: r.Context().Err()}
		}
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := d.do(ctx, postTo("1")); err == nil || certain(err) || time.Since(begun) != 3*time.Second {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
	})
}

// TestAPageIsNoAnswer: whatever stands before Discord may answer in its place
// that all is well, also where nothing is read of an answer. Then nobody knows
// whether a code was taken away, and that is tried again.
func TestAPageIsNoAnswer(t *testing.T) {
	t.Parallel()
	d, s := scriptedCaller(t)
	d.health.SetLine(chat.Ready, "", false)
	s.answer = always(http.StatusOK, "<html>please sign in to the network</html>")
	for _, q := range []call{postTo("1"), question(), lateAnswer()} {
		if err := d.do(t.Context(), q); err == nil || certain(err) == q.visible {
			t.Errorf("%s: %v", q.name, err)
		}
	}
	if h := d.health.Now(); h.State == chat.Ready {
		t.Errorf("the health is %+v", h)
	}
	s.answer = always(http.StatusNoContent, "")
	if err := d.do(t.Context(), lateAnswer()); err != nil {
		t.Errorf("an answer without a body: %v", err)
	}
}

// More than an answer can be is not read to its end.
func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	d, s := scriptedCaller(t)
	s.answer = always(http.StatusOK, `{"id":"`+strings.Repeat("1", maxAnswer)+`"}`)
	q := question()
	var into struct{ ID string }
	q.into = &into
	if err := d.do(t.Context(), q); !errors.Is(err, bridge.ErrNotSent) || into.ID != "" {
		t.Errorf("an answer without an end: %v", err)
	}
}
