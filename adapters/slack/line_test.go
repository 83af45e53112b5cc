package slack

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
)

// TestTheEndOfTheAppIsLookedInto: that the app was removed is believed once
// Slack says so itself.
func TestTheEndOfTheAppIsLookedInto(t *testing.T) {
	t.Parallel()
	for _, event := range []string{`{"type":"app_uninstalled"}`, `{"type":"tokens_revoked","tokens":{"bot":["U0BRIDGE"]}}`} {
		for refuse, want := range map[string]chat.State{"": chat.Ready, "account_inactive": chat.Refused} {
			t.Run(event+" "+refuse, func(t *testing.T) {
				t.Parallel()
				x := startExchange(t)
				served, got := collect()
				l := x.runLine(quick(), served)
				p := soon(t, "the socket", x.peers)
				until(t, "it is ready", func() bool { return l.health.Now().State == chat.Ready })
				x.alter(func() { x.refuse["auth.test"] = refuse })
				p.say(`{"type":"events_api","envelope_id":"e","payload":{"type":"event_callback","event_id":"Ev1","team_id":"T0ACME","event":%s}}`, event)
				soon(t, "the acknowledgement", p.acks)
				soon(t, "the event", got)
				if h := l.health.Now(); h.State != want {
					t.Errorf("the health is %q: %s", h.State, h.Why)
				}
			})
		}
	}
}

// TestACallThatNobodyMakesAgainRefusesNothingForEver: who is asked in Slack alone
// is asked nothing while it refuses our calls, and so no call would show that it
// does not any more.
func TestACallThatNobodyMakesAgainRefusesNothingForEver(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	served, _ := collect()
	patience := quick()
	patience.closed = 30 * time.Millisecond
	l := x.runLine(patience, served)
	until(t, "it is ready", func() bool { return l.health.Now().State == chat.Ready })
	x.alter(func() { x.refuse["auth.test"] = "account_inactive" })
	l.health.SetCalls(chat.Refused, "a post was refused")
	n := x.calls("auth.test")
	until(t, "it has asked", func() bool { return x.calls("auth.test") >= n+2 })
	if l.health.Connected() {
		t.Error("it counts as connected")
	}
	x.alter(func() { x.refuse = map[string]string{} })
	until(t, "it is connected", l.health.Connected)
	n = x.calls("auth.test")
	stays(t, x, "auth.test", n)
}

// TestWhoIsRefusedAtFirstComesLater, and the operator is told meanwhile.
func TestWhoIsRefusedAtFirstComesLater(t *testing.T) {
	t.Parallel()
	for code, says := range map[string]string{"missing_scope": "refuses the bridge", "internal_error": "cannot be asked"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			x := startExchange(t)
			x.refuse["auth.test"] = code
			served, _ := collect()
			patience := quick()
			patience.closed = 30 * time.Millisecond
			log := &lines{}
			l := x.runMode(ModeSocket, slog.New(slog.NewTextHandler(log, nil)), patience, served)
			until(t, "it has asked", func() bool { return x.calls("auth.test") >= 2 })
			if said := log.String(); !strings.Contains(said, says) {
				t.Errorf("the log says %q", said)
			}
			x.alter(func() { x.refuse = map[string]string{} })
			until(t, "it is ready", func() bool { return l.health.Now().State == chat.Ready })
		})
	}
}

func TestItLearnsWhoItIs(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	served, _ := collect()
	l := x.runLine(quick(), served)
	until(t, "it is ready", func() bool { return l.health.Now().State == chat.Ready })
	if who := l.self(); who != (self{team: "T0ACME", app: "A0BRIDGE"}) {
		t.Errorf("it is %+v", who)
	}
	if !l.health.Connected() {
		t.Error("it is not connected")
	}
}

// TestByCallsItIsReadyOnceItKnowsWhoItIs: there is nothing to open.
func TestByCallsItIsReadyOnceItKnowsWhoItIs(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	x.refuse["auth.test"] = "internal_error"
	served, _ := collect()
	l := x.runMode(ModeHTTP, slog.New(slog.DiscardHandler), quick(), served)
	until(t, "it has tried", func() bool { return x.calls("auth.test") > 2 })
	if h := l.health.Now(); h.State != chat.Starting || !strings.Contains(h.Why, "internal_error") || l.health.Connected() || l.intake.Taking() {
		t.Errorf("the health is %q: %s", h.State, h.Why)
	}
	x.alter(func() { x.refuse = map[string]string{} })
	until(t, "it is ready", func() bool { return l.health.Now().State == chat.Ready && l.intake.Taking() })
	if x.calls("apps.connections.open") != 0 {
		t.Error("it opened a socket")
	}
}

// TestNoLogHasASecret: neither a token nor an address that somebody could use
// is in the log, whatever goes wrong.
func TestNoLogHasASecret(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	log := &lines{}
	served, got := collect()
	patience := quick()
	patience.quiet, patience.down, patience.opening = 50*time.Millisecond, time.Millisecond, time.Second
	l := x.runMode(ModeSocket, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), patience, served)
	p := soon(t, "the socket", x.peers)
	p.press("secret-envelope", "secret-trigger")
	soon(t, "the press", got)
	p.say(`{"type":"interactive","envelope_id":"e","payload":{"type":"block_actions","user":"secret-user"}}`)
	p.say(`{"type":"disconnect","reason":"warning"}`)
	_ = p.NetConn().Close()
	x.alter(func() { x.mute = true })
	soon(t, "a socket that is silent", x.peers)
	for _, refuse := range []string{"503", "internal_error", "invalid_auth"} {
		x.alter(func() { x.refuse["apps.connections.open"] = refuse })
		n := x.calls("apps.connections.open")
		until(t, "it was refused", func() bool { return x.calls("apps.connections.open") > n })
	}
	until(t, "the refusal shows", func() bool { return l.health.Now().State == chat.Refused })
	l.stop()
	said := log.String() + fmt.Sprintf("%+v", l.health.Now())
	for _, secret := range []string{"secret", "xoxb-bot", "xapp-1", "ticket"} {
		if strings.Contains(said, secret) {
			t.Errorf("it says %q:\n%s", secret, said)
		}
	}
	if !strings.Contains(said, "cannot be read") || !strings.Contains(said, "no connection") {
		t.Errorf("the operator is not told what happened:\n%s", said)
	}
}

// lines is a log that many may write.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
