package slack

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

const signingSecret = "8f742231b10e8888abcd99yyyzzz85a5"

// called is a line that Slack calls, without a network.
type called struct {
	t *testing.T
	*line
	served  []inbound
	answers answer
	handle  http.Handler
}

// openCalls makes a line in ModeHTTP that is open until the test ends.
func openCalls(t *testing.T) *called {
	c := &called{t: t}
	c.line = newLine(Options{Mode: ModeHTTP, SigningSecret: bridge.NewSecret(signingSecret), Log: slog.New(slog.DiscardHandler)}, nil, chat.NewSides("Slack"),
		func(_ context.Context, in inbound) answer {
			c.served = append(c.served, in)
			return c.answers
		})
	c.handle = c.handler()
	c.intake.Open(t.Context())
	t.Cleanup(c.intake.Stop)
	return c
}

// signed is a call as Slack makes it.
func (c *called) signed(path, kind, body string) *http.Request {
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	return c.signedAt(stamp, path, kind, body)
}

func (c *called) signedAt(stamp, path, kind, body string) *http.Request {
	r := httptest.NewRequestWithContext(c.t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(newVerifier(bridge.NewSecret(signingSecret)).sign(stamp, []byte(body))))
	return r
}

// interaction is a signed call with an interaction.
func (c *called) interaction(payload string) *http.Request {
	return c.signed("/slack/interactions", formKind, url.Values{"payload": {payload}}.Encode())
}

const formKind = "application/x-www-form-urlencoded"

// does makes a call and returns its answer once all work is done.
func (c *called) does(r *http.Request) (status int, body string) {
	w := httptest.NewRecorder()
	c.handle.ServeHTTP(w, r)
	synctest.Wait()
	return w.Code, w.Body.String()
}

// TestTheSignatureIsSlacksOwn compares with the example in Slack's guide to
// verifying requests.
func TestTheSignatureIsSlacksOwn(t *testing.T) {
	t.Parallel()
	const body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	got := hex.EncodeToString(newVerifier(bridge.NewSecret(signingSecret)).sign("1531420618", []byte(body)))
	if got != "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503" {
		t.Errorf("signed %s", got)
	}
}

func TestBehaviour40WhatIsNotSlacksIsRefused(t *testing.T) {
	t.Parallel()
	payload := url.Values{"payload": {pressPayload("trigger")}}.Encode()
	for name, forge := range map[string]func(c *called) *http.Request{
		"no signature": func(c *called) *http.Request {
			r := c.signed("/slack/interactions", formKind, payload)
			r.Header.Del("X-Slack-Signature")
			return r
		},
		"another secret": func(c *called) *http.Request {
			r := c.signed("/slack/interactions", formKind, payload)
			stamp := r.Header.Get("X-Slack-Request-Timestamp")
			r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(newVerifier(bridge.NewSecret("another")).sign(stamp, []byte(payload))))
			return r
		},
		"half of the signature": func(c *called) *http.Request {
			r := c.signed("/slack/interactions", formKind, payload)
			r.Header.Set("X-Slack-Signature", r.Header.Get("X-Slack-Signature")[:35])
			return r
		},
		"no time": func(c *called) *http.Request {
			r := c.signed("/slack/interactions", formKind, payload)
			r.Header.Del("X-Slack-Request-Timestamp")
			return r
		},
		"another time": func(c *called) *http.Request {
			r := c.signed("/slack/interactions", formKind, payload)
			r.Header.Set("X-Slack-Request-Timestamp", strconv.FormatInt(time.Now().Unix()+1, 10))
			return r
		},
		"a time that is no number": func(c *called) *http.Request {
			return c.signedAt("now", "/slack/interactions", formKind, payload)
		},
		"signed too long ago": func(c *called) *http.Request {
			return c.signedAt(strconv.FormatInt(time.Now().Add(-chat.MaxSkew-time.Second).Unix(), 10), "/slack/interactions", formKind, payload)
		},
		"signed in the future": func(c *called) *http.Request {
			return c.signedAt(strconv.FormatInt(time.Now().Add(chat.MaxSkew+time.Second).Unix(), 10), "/slack/interactions", formKind, payload)
		},
		"another body": func(c *called) *http.Request {
			r := c.signed("/slack/interactions", formKind, payload)
			r.Body = io.NopCloser(strings.NewReader(payload + "&x=1"))
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := openCalls(t)
				if status, body := c.does(forge(c)); status != http.StatusUnauthorized || strings.Contains(body, "signature") {
					t.Errorf("answered %d: %s", status, body)
				}
				if len(c.served) > 0 {
					t.Error("it was served")
				}
			})
		})
	}
}

func TestBehaviour40ASkewWithinFiveMinutesIsTaken(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-chat.MaxSkew, 0, chat.MaxSkew} {
		synctest.Test(t, func(t *testing.T) {
			c := openCalls(t)
			stamp := strconv.FormatInt(time.Now().Add(skew).Unix(), 10)
			body := url.Values{"payload": {pressPayload("trigger")}}.Encode()
			if status, _ := c.does(c.signedAt(stamp, "/slack/interactions", formKind, body)); status != http.StatusOK || len(c.served) != 1 {
				t.Errorf("with a skew of %s it was answered %d", skew, status)
			}
		})
	}
}

// TestBehaviour40AReplayIsRefused brings a signed call again at every moment
// at which its signature would still be good.
func TestBehaviour40AReplayIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := openCalls(t)
		stamp := strconv.FormatInt(time.Now().Add(chat.MaxSkew).Unix(), 10)
		body := url.Values{"payload": {pressPayload("trigger")}}.Encode()
		call := func() *http.Request { return c.signedAt(stamp, "/slack/interactions", formKind, body) }
		if status, _ := c.does(call()); status != http.StatusOK {
			t.Fatalf("answered %d", status)
		}
		for began := time.Now(); time.Since(began) <= 2*chat.MaxSkew+time.Minute; <-time.After(10 * time.Second) {
			if status, _ := c.does(call()); status != http.StatusUnauthorized {
				t.Fatalf("after %s the copy was answered %d", time.Since(began), status)
			}
		}
		if len(c.served) != 1 {
			t.Errorf("it was served %d times", len(c.served))
		}
	})
}

// TestBehaviour40ARepetitionOfSlacksIsAnswered: Slack brings an event again,
// signed anew, when it missed our answer.
func TestBehaviour40ARepetitionOfSlacksIsAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := openCalls(t)
		const event = `{"type":"event_callback","event_id":"Ev1","team_id":"T0ACME","api_app_id":"A0BRIDGE","event":{"type":"app_home_opened","user":"U0ALICE","channel":"D0ALICE","tab":"home"}}`
		for n := range 4 {
			r := c.signed("/slack/events", "application/json", event)
			if n > 0 {
				r.Header.Set("X-Slack-Retry-Num", strconv.Itoa(n))
				r.Header.Set("X-Slack-Retry-Reason", "http_timeout")
			}
			if status, body := c.does(r); status != http.StatusOK || body != "" {
				t.Errorf("answered %d: %q", status, body)
			}
			<-time.After(time.Minute)
		}
		if len(c.served) != 1 {
			t.Errorf("it was served %d times", len(c.served))
		}
	})
}

func TestBehaviour40NothingInTheAddressIsRead(t *testing.T) {
	t.Parallel()
	query := url.Values{
		"payload": {strings.ReplaceAll(pressPayload("evil"), "U0ALICE", "U0EVE")},
		"command": {"/evil"}, "user_id": {"U0EVE"}, "ssl_check": {"1"}, "text": {"evil"}, "trigger_id": {"evil"},
	}.Encode()
	for path, body := range map[string]string{
		"/slack/interactions": url.Values{"payload": {pressPayload("trigger")}}.Encode(),
		"/slack/commands":     commandForm().Encode(),
	} {
		synctest.Test(t, func(t *testing.T) {
			c := openCalls(t)
			if status, _ := c.does(c.signed(path+"?"+query, formKind, body)); status != http.StatusOK || len(c.served) != 1 {
				t.Fatalf("%s: answered %d, served %d", path, status, len(c.served))
			}
			if in := c.served[0]; in.user != "U0ALICE" || in.text == "evil" || in.id == "evil" {
				t.Errorf("%s: the address was read", path)
			}
			if status, _ := c.does(c.signed(path+"?"+query, formKind, "x=1")); status == http.StatusOK && len(c.served) != 1 {
				t.Errorf("%s: only the address had a payload, and it was served", path)
			}
		})
	}
}

func commandForm() url.Values {
	return url.Values{
		"api_app_id": {"A0BRIDGE"}, "team_id": {"T0ACME"}, "is_enterprise_install": {"false"}, "user_id": {"U0ALICE"}, "channel_id": {"D0ALICE"},
		"command": {"/authbridge"}, "text": {"verify WDJB-MJHT"}, "trigger_id": {"trigger"}, "response_url": {"https://hooks.example.com/secret-answer"},
	}
}

// TestBehaviour40BothWaysBringTheSame: whatever a person did is the same
// inbound over a socket and by a call.
func TestBehaviour40BothWaysBringTheSame(t *testing.T) {
	t.Parallel()
	const command = `{"api_app_id":"A0BRIDGE","team_id":"T0ACME","is_enterprise_install":"false","user_id":"U0ALICE","channel_id":"D0ALICE","command":"/authbridge","text":"verify WDJB-MJHT","trigger_id":"trigger","response_url":"https://hooks.example.com/secret-answer"}`
	const home = `{"type":"event_callback","event_id":"Ev1","team_id":"T0ACME","api_app_id":"A0BRIDGE","event":{"type":"app_home_opened","user":"U0ALICE","channel":"D0ALICE","tab":"home"}}`
	const gone = `{"type":"event_callback","event_id":"Ev2","team_id":"T0ACME","api_app_id":"A0BRIDGE","event":{"type":"app_uninstalled"}}`
	for name, one := range map[string]struct {
		envelope, payload string
		call              func(*called) *http.Request
	}{
		"press":      {"interactive", pressPayload("trigger"), func(c *called) *http.Request { return c.interaction(pressPayload("trigger")) }},
		"submission": {"interactive", submissionPayload("trigger"), func(c *called) *http.Request { return c.interaction(submissionPayload("trigger")) }},
		"closing":    {"interactive", closingPayload, func(c *called) *http.Request { return c.interaction(closingPayload) }},
		"command":    {"slash_commands", command, func(c *called) *http.Request { return c.signed("/slack/commands", formKind, commandForm().Encode()) }},
		"home":       {"events_api", home, func(c *called) *http.Request { return c.signed("/slack/events", "application/json", home) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := openCalls(t)
				if status, body := c.does(one.call(c)); status != http.StatusOK || body != "" || len(c.served) != 1 {
					t.Fatalf("answered %d: %q, served %d", status, body, len(c.served))
				}
				bySocket, err := envelope{Type: one.envelope, ID: "e", Payload: []byte(one.payload)}.inbound()
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(bySocket, c.served[0]) {
					t.Errorf("over a socket %#v, by a call %#v", bySocket, c.served[0])
				}
			})
		})
	}
	if in, err := (envelope{Type: "events_api", Payload: []byte(gone)}).inbound(); err != nil || in.kind != uninstalled || in.id != "Ev2" {
		t.Errorf("the end of the app is %v, %v", in, err)
	}
}

const closingPayload = `{"type":"view_closed","api_app_id":"A0BRIDGE","user":{"id":"U0ALICE","team_id":"T0ACME"},"team":{"id":"T0ACME"},"is_cleared":false,
	"view":{"id":"V0CARD","type":"modal","callback_id":"ab.v1.card","private_metadata":"req_1","hash":"1.a"}}`

func TestAnAnswerStandsInTheAcknowledgementAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := openCalls(t)
		c.answers = answer{Body: map[string]any{"response_action": "errors"}}
		if status, body := c.does(c.interaction(submissionPayload("t1"))); status != http.StatusOK || body != `{"response_action":"errors"}` {
			t.Errorf("a submission was answered %d: %s", status, body)
		}
		if _, body := c.does(c.interaction(pressPayload("t2"))); body != "" {
			t.Errorf("a press was answered %s", body)
		}
		c.answers = answer{}
		if status, body := c.does(c.interaction(submissionPayload("t3"))); status != http.StatusOK || body != "" {
			t.Errorf("a submission without an answer was answered %d: %s", status, body)
		}
	})
}

func TestSlackMayLookWhetherSomebodyIsHere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := openCalls(t)
		status, body := c.does(c.signed("/slack/events", "application/json", `{"type":"url_verification","token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV"}`))
		if status != http.StatusOK || body != "3eZbrw1aBm2rZgRNFdxV" {
			t.Errorf("the challenge was answered %d: %s", status, body)
		}
		if status, _ := c.does(c.signed("/slack/commands", formKind, "ssl_check=1&token=x")); status != http.StatusOK {
			t.Errorf("ssl_check was answered %d", status)
		}
		if len(c.served) > 0 {
			t.Error("it was served")
		}
	})
}

func TestWhatNoCallOfSlacksLooksLikeIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := openCalls(t)
		for _, bad := range []struct {
			name string
			call *http.Request
			want int
		}{
			{"too long", c.signed("/slack/interactions", formKind, "payload="+strings.Repeat("x", maxPayload)), http.StatusRequestEntityTooLarge},
			{"no payload", c.signed("/slack/interactions", formKind, "x=1"), http.StatusBadRequest},
			{"two payloads", c.signed("/slack/interactions", formKind, "payload=%7B%7D&payload=%7B%7D"), http.StatusBadRequest},
			{"not a form", c.signed("/slack/interactions", "application/json", "{}"), http.StatusUnsupportedMediaType},
			{"a broken form", c.signed("/slack/commands", formKind, "%zz"), http.StatusBadRequest},
			{"not an event", c.signed("/slack/events", "application/json", "x"), http.StatusBadRequest},
			{"elsewhere", c.signed("/slack/other", formKind, "x"), http.StatusNotFound},
			{"a look", httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/slack/events", nil), http.StatusMethodNotAllowed},
		} {
			if status, _ := c.does(bad.call); status != bad.want {
				t.Errorf("%s: answered %d, want %d", bad.name, status, bad.want)
			}
		}
		for _, odd := range []string{`"x"`, `{}`, `[1]`, `{"type":"block_actions"}`, `{"type":"shortcut"}`} {
			if status, body := c.does(c.interaction(odd)); status != http.StatusOK || body != "" {
				t.Errorf("%s: answered %d: %q", odd, status, body)
			}
		}
		if len(c.served) > 0 {
			t.Error("something of it was served")
		}
	})
}

func TestCallsBeforeAndAfterTheRunAreForLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := openCalls(t)
		c.intake.Stop()
		if status, _ := c.does(c.interaction(pressPayload("trigger"))); status != http.StatusServiceUnavailable {
			t.Errorf("answered %d", status)
		}
	})
}

func TestNothingIsServedInSocketMode(t *testing.T) {
	t.Parallel()
	l := newLine(Options{Mode: ModeSocket, SigningSecret: bridge.NewSecret(signingSecret)}, nil, chat.NewSides("Slack"), nil)
	for _, path := range []string{"/slack/interactions", "/slack/commands", "/slack/events"} {
		w := httptest.NewRecorder()
		l.handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: answered %d", path, w.Code)
		}
	}
}
