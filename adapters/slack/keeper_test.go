package slack

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestBehaviour31SuccessorBeforeTheOldSocketEnds(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"warning", "refresh_requested", "a reason nobody has heard of"} {
		t.Run(reason, func(t *testing.T) {
			x := startExchange(t)
			served, got := collect()
			l := x.runLine(quick(), served)
			old := soon(t, "the first socket", x.peers)

			old.say(`{"type":"disconnect","reason":%q,"debug_info":{"host":"x"}}`, reason)
			next := soon(t, "its successor", x.peers)
			old.press("e-old", "trigger-old")
			if a := soon(t, "the old socket's acknowledgement", old.acks); a.ID != "e-old" {
				t.Errorf("the old socket acknowledged %q", a.ID)
			}
			next.press("e-new", "trigger-new")
			soon(t, "the new socket's acknowledgement", next.acks)
			old.press("e-last", "trigger-last")
			old.finish()
			for range 3 {
				soon(t, "what was pressed", got)
			}
			if len(old.acks) != 1 {
				t.Errorf("what came just before the end was not acknowledged")
			}
			if h := l.health.Now(); h.State != chat.Ready {
				t.Errorf("the line is %q: %s", h.State, h.Why)
			}
			l.stop()
			if n := x.calls("apps.connections.open"); n != 2 {
				t.Errorf("opened %d sockets, want 2", n)
			}
		})
	}
}

func TestBehaviour31LinkDisabledStopsTheLoopAndReports(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	served, _ := collect()
	patience := quick()
	l := x.runLine(patience, served)
	p := soon(t, "the socket", x.peers)
	p.say(`{"type":"disconnect","reason":"link_disabled"}`)
	until(t, "the refusal shows", func() bool { return l.health.Now().State == chat.Refused })
	p.finish()
	stays(t, x, "apps.connections.open", 1)
	if h := l.health.Now(); h.State != chat.Refused || !strings.Contains(h.Why, "switch it on under Socket Mode") {
		t.Errorf("the health is %q: %s", h.State, h.Why)
	}
	if l.health.Connected() {
		t.Error("it counts as connected")
	}
}

// TestWhatIsMendedIsFoundByItself, also where the token stays the same: an app
// that is installed again with more scopes, a workspace that is opened again.
func TestWhatIsMendedIsFoundByItself(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"link_disabled", "missing_scope", "account_inactive"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			x := startExchange(t)
			served, _ := collect()
			patience := quick()
			patience.closed = 30 * time.Millisecond
			l := x.runLine(patience, served)
			p := soon(t, "the socket", x.peers)
			x.alter(func() { x.refuse["apps.connections.open"] = code })
			p.say(`{"type":"disconnect","reason":"link_disabled"}`)
			p.finish()
			until(t, "it was asked again", func() bool { return x.calls("apps.connections.open") >= 3 })
			x.alter(func() { x.refuse = map[string]string{} })
			soon(t, "a new socket", x.peers)
			until(t, "all is well", func() bool { return l.health.Now().State == chat.Ready })
		})
	}
}

// stays fails the test when a method is called more often, in a time in which
// a loop would call it many times.
func stays(t *testing.T, x *exchange, method string, times int) {
	t.Helper()
	<-time.After(300 * time.Millisecond)
	if n := x.calls(method); n != times {
		t.Errorf("%s was called %d times, want %d", method, n, times)
	}
}

func TestBehaviour32WhatIsNothingToUsIsAcknowledgedAndIgnored(t *testing.T) {
	t.Parallel()
	event := func(inner string) string {
		return `{"type":"events_api","envelope_id":"e","payload":{"type":"event_callback","event_id":"Ev1","team_id":"T0ACME","api_app_id":"A0BRIDGE","event":` + inner + `}}`
	}
	for name, frame := range map[string]string{
		"an unknown envelope":           `{"type":"workflow_of_2031","envelope_id":"e","payload":{"a":1}}`,
		"an unknown event":              event(`{"type":"asteroid_impact","user":"U0ALICE"}`),
		"an event without a type":       event(`{}`),
		"an event that is text":         event(`"x"`),
		"somebody's own tokens revoked": event(`{"type":"tokens_revoked","tokens":{"oauth":["U0ALICE"]}}`),
		"a payload that is text":        `{"type":"interactive","envelope_id":"e","payload":"x"}`,
		"a payload that is a list":      `{"type":"slash_commands","envelope_id":"e","payload":[]}`,
		"no payload":                    `{"type":"interactive","envelope_id":"e"}`,
		"an unknown interaction":        `{"type":"interactive","envelope_id":"e","payload":{"type":"shortcut","user":{"id":"U0ALICE"}}}`,
		"a press of nothing":            `{"type":"interactive","envelope_id":"e","payload":{"type":"block_actions","user":{"id":"U0ALICE"},"actions":[]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := startExchange(t)
			served, got := collect()
			x.runLine(quick(), served)
			p := soon(t, "the socket", x.peers)
			for _, noise := range []string{`not json`, `[]`, `"x"`, `{}`, `{"type":"news"}`} {
				p.say("%s", noise)
			}
			p.say("%s", frame)
			if a := soon(t, "the acknowledgement", p.acks); a.ID != "e" || a.Payload != nil {
				t.Errorf("it was acknowledged by %+v", a)
			}
			p.press("e-2", "trigger")
			if a := soon(t, "the next acknowledgement", p.acks); a.ID != "e-2" {
				t.Errorf("then %q was acknowledged", a.ID)
			}
			if in := soon(t, "the press", got); in.kind != pressed || in.id != "trigger" {
				t.Errorf("what was served is %v", in)
			}
		})
	}
}

func TestBehaviour33WhatSlackRefusesIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	for method, token := range map[string]string{"apps.connections.open": "app-level token", "auth.test": "bot token"} {
		for _, code := range []string{"missing_scope", "token_revoked", "invalid_auth", "account_inactive", "not_authed", "token_expired", "not_allowed_token_type"} {
			t.Run(method+" "+code, func(t *testing.T) {
				t.Parallel()
				x := startExchange(t)
				x.refuse[method] = code
				served, _ := collect()
				l := x.runLine(quick(), served)
				began := time.Now()
				until(t, "the refusal shows", func() bool { return l.health.Now().State == chat.Refused })
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %s", took)
				}
				if why := l.health.Now().Why; !strings.Contains(why, token) {
					t.Errorf("the operator reads %q, not a word of the %s", why, token)
				}
				stays(t, x, method, 1)
			})
		}
	}
}

func TestAWrongAddressOfTheAPIIsRefused(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	x.refuse["apps.connections.open"] = "404"
	served, _ := collect()
	l := x.runLine(quick(), served)
	until(t, "the refusal shows", func() bool { return l.health.Now().State == chat.Refused })
	stays(t, x, "apps.connections.open", 1)
	if why := l.health.Now().Why; !strings.Contains(why, "slack.api_url") {
		t.Errorf("the operator reads %q", why)
	}
}

func TestAnOutageIsLivedThrough(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	x.refuse["apps.connections.open"] = "503"
	served, _ := collect()
	patience := quick()
	patience.down = 30 * time.Millisecond
	l := x.runLine(patience, served)
	until(t, "it shows", func() bool { return l.health.Now().State == chat.Degraded })
	if l.health.Connected() {
		t.Error("it counts as connected")
	}
	x.alter(func() { x.refuse = map[string]string{} })
	p := soon(t, "a socket", x.peers)
	until(t, "all is well", func() bool { return l.health.Now().State == chat.Ready })

	_ = p.Close() // cut off, without a word
	soon(t, "the next socket", x.peers)
}

// TestAMomentWithoutASocketIsNoStart: who was ready is not said to have never
// reached Slack, because one socket is gone and the next does not come at once.
func TestAMomentWithoutASocketIsNoStart(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	served, _ := collect()
	l := x.runLine(quick(), served)
	p := soon(t, "a socket", x.peers)
	until(t, "all is well", func() bool { return l.health.Now().State == chat.Ready })
	x.alter(func() { x.refuse["apps.connections.open"] = "503" })
	before := x.calls("apps.connections.open")
	_ = p.Close()
	until(t, "it has failed some times", func() bool { return x.calls("apps.connections.open") > before+3 })
	if h := l.health.Now(); h.State != chat.Ready || !l.health.Connected() {
		t.Errorf("it is %s: %s", h.State, h.Why)
	}
}

func TestASocketWithoutASignOfLifeIsReplaced(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	served, _ := collect()
	patience := quick()
	patience.quiet = 300 * time.Millisecond
	x.runLine(patience, served)
	alive := soon(t, "the socket", x.peers)
	for range 10 { // with pings it lives longer than that
		<-time.After(patience.quiet / 5)
		_ = alive.WriteControl(websocket.PingMessage, []byte("still here"), time.Now().Add(time.Second))
	}
	if len(x.peers) != 0 {
		t.Error("a socket with pings was replaced")
	}
	soon(t, "the next socket", x.peers)
	soon(t, "the end of the silent one", alive.done)
}

func TestNoHelloIsNoSocket(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	x.mute = true
	served, _ := collect()
	patience := quick()
	patience.opening = 100 * time.Millisecond
	l := x.runLine(patience, served)
	p := soon(t, "a socket", x.peers)
	soon(t, "its end", p.done)
	if l.health.Now().State != chat.Starting {
		t.Errorf("the health is %q", l.health.Now().State)
	}
	x.alter(func() { x.mute = false })
	until(t, "a socket with a hello", func() bool { return l.health.Now().State == chat.Ready })
}

func TestAnotherBridgeOnTheSameAppIsNoticed(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	x.others = 1
	served, got := collect()
	l := x.runLine(quick(), served)
	first := soon(t, "a socket", x.peers)
	until(t, "it is noticed", func() bool { return l.health.Now().State == chat.Degraded })
	if h := l.health.Now(); !strings.Contains(h.Why, "another bridge uses this app") {
		t.Errorf("the operator reads %q", h.Why)
	}
	if !l.health.Connected() {
		t.Error("it counts as cut off")
	}
	soon(t, "the end of the first socket", first.done)
	if !websocket.IsCloseError(first.how, websocket.CloseNormalClosure) {
		t.Errorf("the socket that was counted with ended by %v", first.how)
	}
	x.alter(func() { x.others = 0 })
	until(t, "it is alone again", func() bool { return l.health.Now().State == chat.Ready })
	for last := range x.peers {
		last.press("e", "trigger")
		select {
		case <-got:
			return
		case <-last.done: // one of those that it counted with
		}
	}
}

func TestItsOwnOverlapIsNoOtherBridge(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	served, _ := collect()
	l := x.runLine(quick(), served)
	old := soon(t, "the socket", x.peers)
	for range 4 {
		old.say(`{"type":"disconnect","reason":"warning"}`)
		old = soon(t, "its successor", x.peers)
	}
	stays(t, x, "apps.connections.open", 5)
	if h := l.health.Now(); h.State != chat.Ready {
		t.Errorf("the health is %q: %s", h.State, h.Why)
	}
}

func TestTooManySocketsAreNotMadeMore(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	served, _ := collect()
	patience := quick()
	patience.most = time.Hour
	patience.down = 30 * time.Millisecond
	l := x.runLine(patience, served)
	p := soon(t, "the socket", x.peers)
	p.say(`{"type":"disconnect","reason":"too_many_websockets"}`)
	p.finish()
	until(t, "it shows", func() bool { return strings.Contains(l.health.Now().Why, "too many connections") })
	stays(t, x, "apps.connections.open", 1)
}

func TestBehaviour37NothingIsOpenedAfterTheEnd(t *testing.T) {
	for name, prepare := range map[string]func(*exchange){
		"while it tries in vain":          func(x *exchange) { x.refuse["apps.connections.open"] = "503" },
		"while it waits for a hello":      func(x *exchange) { x.mute = true },
		"while it is connected":           func(*exchange) {},
		"while it asks who it is in vain": func(x *exchange) { x.refuse["auth.test"] = "internal_error" },
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			x := startExchange(t)
			prepare(x)
			served, _ := collect()
			l := x.runLine(quick(), served)
			until(t, "it is at it", func() bool { return len(x.peers) > 0 || x.calls("apps.connections.open")+x.calls("auth.test") > 3 })
			l.stop()
			methods := []string{"auth.test", "apps.connections.open"}
			stays(t, x, methods[0], x.calls(methods[0]))
			stays(t, x, methods[1], x.calls(methods[1]))
			for len(x.peers) > 0 {
				soon(t, "the end of each socket", (<-x.peers).done)
			}
			x.srv.Close()
			if err := goleak.Find(before); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBehaviour37WhatIsUnderWayIsFinished(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	begun, over, finished := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	l := x.runLine(quick(), func(ctx context.Context, in inbound) answer {
		close(begun)
		<-over
		finished <- ctx.Err()
		return answer{Body: map[string]any{"response_action": "clear"}}
	})
	p := soon(t, "the socket", x.peers)
	p.say(`{"type":"interactive","envelope_id":"e","accepts_response_payload":true,"payload":%s}`, submissionPayload("trigger"))
	soon(t, "the work to begin", begun)
	stopped := make(chan struct{})
	go func() { l.stop(); close(stopped) }()
	until(t, "it takes nothing more in", func() bool { return !l.intake.Taking() })
	close(over)
	if err := soon(t, "the work", finished); err != nil {
		t.Errorf("the work was cut off: %v", err)
	}
	if a := soon(t, "the acknowledgement", p.acks); !strings.Contains(string(a.Payload), "clear") {
		t.Errorf("the acknowledgement says %s", a.Payload)
	}
	soon(t, "the end of the socket", p.done)
	if !websocket.IsCloseError(p.how, websocket.CloseNormalClosure) {
		t.Errorf("the socket ended by %v", p.how)
	}
	soon(t, "the end", stopped)
}

func submissionPayload(trigger string) string {
	return fmt.Sprintf(`{"type":"view_submission","api_app_id":"A0BRIDGE","user":{"id":"U0ALICE","team_id":"T0ACME"},"team":{"id":"T0ACME"},"trigger_id":%q,
		"view":{"id":"V0DIGITS","type":"modal","callback_id":"ab.v1.digits","private_metadata":"req_1","hash":"1.a","state":{"values":{"b":{"digits":{"type":"plain_text_input","value":"4711"}}}}},"response_urls":[]}`, trigger)
}

func TestALongAcknowledgementGoesWithoutItsBody(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	late := make(chan struct{})
	x.runLine(quick(), func(context.Context, inbound) answer {
		return answer{Body: strings.Repeat("x", maxAck), Late: func(context.Context) { close(late) }}
	})
	p := soon(t, "the socket", x.peers)
	p.say(`{"type":"interactive","envelope_id":"e","payload":%s}`, submissionPayload("trigger"))
	if a := soon(t, "the acknowledgement", p.acks); a.ID != "e" || a.Payload != nil {
		t.Errorf("the acknowledgement of %q has %d bytes", a.ID, len(a.Payload))
	}
	soon(t, "the answer by another way", late)
}

func TestAMessageThatIsTooLongEndsTheSocketAlone(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	served, got := collect()
	x.runLine(quick(), served)
	p := soon(t, "the socket", x.peers)
	p.say(`{"type":"interactive","envelope_id":"e","payload":"%s"}`, strings.Repeat("x", maxPayload))
	next := soon(t, "the next socket", x.peers)
	next.press("e", "trigger")
	soon(t, "what was pressed", got)
}

func TestNoTicketIsTold(t *testing.T) {
	t.Parallel()
	served, _ := collect()
	l := newLine(Options{APIURL: DefaultAPIURL}, nil, chat.NewSides("Slack"), served)
	for _, address := range []string{"ws://wss.example.com/link?ticket=secret", "https://example.com/?ticket=secret", "wss://\x7f/?ticket=secret", "wss:///?ticket=secret", ""} {
		err := l.mayDial(address)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("mayDial(%q) = %v", address, err)
		}
	}
	if err := l.mayDial("wss://wss-primary.slack.com/link/?ticket=secret"); err != nil {
		t.Errorf("Slack's own address: %v", err)
	}
}

func TestOpeningsComeInBurstsButNotForLong(t *testing.T) {
	t.Parallel()
	p := pace{spacing: time.Minute, burst: 10}
	now := time.Now()
	for range 10 {
		if wait := p.wait(now); wait > 0 {
			t.Fatalf("a first opening waits %s", wait)
		}
		p.took(now)
	}
	for hour := now.Add(time.Hour); now.Before(hour); {
		wait := p.wait(now)
		if wait <= 0 {
			p.took(now)
			continue
		}
		if wait > time.Minute {
			t.Fatalf("an opening waits %s", wait)
		}
		now = now.Add(wait)
	}
	if taken := p.until.Sub(now); taken < 9*time.Minute || taken > 11*time.Minute {
		t.Errorf("in an hour the openings went %s beyond one a minute", taken)
	}
}

func TestWaitsAfterFailuresGrowAndEnd(t *testing.T) {
	t.Parallel()
	usual := usualTiming()
	for failures, full := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 6: 30 * time.Second, 1000: 30 * time.Second} {
		if wait := usual.backoff(failures); wait < full/2 || wait > full {
			t.Errorf("after %d failures it waits %s", failures, wait)
		}
	}
}
