package discord

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/authbridge/authbridge/adapters/chat"
)

// ready waits until a line is, and returns Discord's end of its connection.
func (x *switchboard) ready(l *running) *peer {
	x.t.Helper()
	p := soon(x.t, "the connection", x.peers)
	until(x.t, "it is ready", func() bool { return l.health.Now().State == chat.Ready })
	return p
}

// TestWhatIsPressedComesOverTheGateway, is answered plainly at once, and the
// line knows then that it was.
func TestWhatIsPressedComesOverTheGateway(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	served, got := collect()
	l := x.run(false, io.Discard, quick(), served)
	p := x.ready(l)
	p.bring(2, pressPayload(1, "ab1:deny:r1"))
	in := soon(t, "the press", got)
	if in.user != "1500000000000000001" || in.custom != "ab1:deny:r1" || in.direct {
		t.Errorf("it is %q by %q, direct %v", in.custom, in.user, in.direct)
	}
	soon(t, "the answer to be taken", in.answered)
	if a := soon(t, "the answer", x.answers); a.body != `{"type":6}` || a.path != "/interactions/"+in.id+"/secret-interaction-1/callback" {
		t.Errorf("it was answered %s by %s", a.body, a.path)
	}
	if l.application() != testApp || !l.health.Connected() {
		t.Errorf("it is %q, connected %v", l.application(), l.health.Connected())
	}
}

// TestBehaviour36AnotherConnectionIsAskedForAtAnyMoment: also as the first
// packet of all, or instead of being accepted.
func TestBehaviour36AnotherConnectionIsAskedForAtAnyMoment(t *testing.T) {
	t.Parallel()
	for moment, set := range map[string]func(*switchboard){
		"as the first packet":          func(x *switchboard) { x.greet = `{"op":7,"d":null}` },
		"instead of being accepted":    func(x *switchboard) { x.accept = `{"op":7,"d":null}` },
		"invalid, before it is one":    func(x *switchboard) { x.accept = `{"op":9,"d":false}` },
		"invalid, as the first packet": func(x *switchboard) { x.greet = `{"op":9,"d":true}` },
	} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			x := startSwitchboard(t)
			set(x)
			served, _ := collect()
			l := x.run(false, io.Discard, quick(), served)
			p := soon(t, "the first connection", x.peers)
			soon(t, "its end", p.done)
			x.alter(func() { x.greet, x.accept = "", "" })
			if n := len(p.identified); n > 1 {
				t.Errorf("it said %d times who it is on one connection", n)
			}
			until(t, "it is ready", func() bool { return l.health.Now().State == chat.Ready })
		})
	}
}

// TestBehaviour36SuccessorBeforeTheOldConnectionEnds: what comes over the old
// one meanwhile is taken, and it is ended in order.
func TestBehaviour36SuccessorBeforeTheOldConnectionEnds(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	served, got := collect()
	l := x.run(false, io.Discard, quick(), served)
	old := x.ready(l)
	x.alter(func() { x.greet = "-" }) // the successor's hello is a while in coming
	old.say(`{"op":7,"d":null}`)
	next := soon(t, "the successor", x.peers)
	old.bring(2, pressPayload(1, "ab1:deny:r1"))
	soon(t, "the press over the old one", got)
	next.say(`{"op":10,"d":{"heartbeat_interval":60000}}`)
	soon(t, "the end of the old one", old.done)
	if !websocket.IsCloseError(old.how, websocket.CloseNormalClosure) {
		t.Errorf("the old one ended with %v", old.how)
	}
	next.bring(2, pressPayload(1, "ab1:deny:r1")) // Discord may bring it to both
	next.bring(3, pressPayload(2, "ab1:deny:r1"))
	if in := soon(t, "the press over the new one", got); !strings.HasSuffix(in.id, "2") {
		t.Errorf("%s was served again", in.id)
	}
}

// TestEveryOddFrameIsLivedThrough: none ends the bridge, and those that end a
// connection end that alone.
func TestEveryOddFrameIsLivedThrough(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	served, got := collect()
	l := x.run(false, io.Discard, quick(), served)
	p := x.ready(l)
	for _, odd := range []string{
		`null`, `[]`, `7`, `"x"`, `{`, ``, `{}`, `{"op":null}`, `{"op":"7"}`, `{"op":99}`, `{"op":0}`, `{"op":0,"t":"GUILD_CREATE","d":null}`,
		`{"op":0,"t":"READY","d":null}`, `{"op":0,"t":"INTERACTION_CREATE","d":null}`, `{"op":0,"t":"INTERACTION_CREATE"}`,
		`{"op":0,"t":"INTERACTION_CREATE","d":{"type":3,"member":7}}`, `{"op":10,"d":{"heartbeat_interval":0}}`, `{"op":11}`, `{"op":1,"d":null}`,
	} {
		p.say("%s", odd)
	}
	p.write(websocket.BinaryMessage, []byte{0x78, 0x9c})
	p.bring(40, pressPayload(1, "ab1:deny:r1"))
	soon(t, "the press after them", got)
	soon(t, "the sign of life that was asked for", p.beats)
	if len(got) > 0 || len(p.identified) > 1 {
		t.Errorf("something odd was served, or it said again who it is (%d)", len(p.identified))
	}
	p.say(`{"op":9,"d":true}`)
	soon(t, "the end of a session that is invalid", p.done)
	p = soon(t, "the next connection", x.peers)
	p.say(`{"op":0,"t":"X","d":%q}`, strings.Repeat("x", maxPayload))
	soon(t, "the end after a frame that is too long", p.done)
	soon(t, "the one after that", x.peers)
}

// TestNoSensibleHelloIsNoConnection: the time between signs of life may be
// anything.
func TestNoSensibleHelloIsNoConnection(t *testing.T) {
	t.Parallel()
	for _, greet := range []string{
		`{"op":10,"d":{"heartbeat_interval":0}}`, `{"op":10,"d":{"heartbeat_interval":-1}}`, `{"op":10,"d":{"heartbeat_interval":86400000}}`,
		`{"op":10,"d":null}`, `{"op":0,"t":"READY","d":{}}`, `null`,
	} {
		t.Run(greet, func(t *testing.T) {
			t.Parallel()
			x := startSwitchboard(t)
			x.greet = greet
			served, _ := collect()
			l := x.run(false, io.Discard, quick(), served)
			p := soon(t, "the connection", x.peers)
			soon(t, "its end", p.done)
			if len(p.identified) > 0 || l.health.Connected() {
				t.Error("it said who it is")
			}
		})
	}
}

// TestSilenceIsTheEnd: a connection whose signs of life are not answered is
// replaced, though it still brings things.
func TestSilenceIsTheEnd(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	x.pulse, x.mute = 20*time.Millisecond, true
	patience := quick()
	patience.grace = 50 * time.Millisecond
	served, _ := collect()
	x.run(false, io.Discard, patience, served)
	p := soon(t, "the connection", x.peers)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-p.done:
				tick.Stop()
				return
			case <-tick.C:
				p.say(`{"op":0,"s":2,"t":"TYPING_START","d":{}}`)
			}
		}
	}()
	soon(t, "its end", over)
	if len(p.beats) == 0 {
		t.Error("it gave no sign of life")
	}
	soon(t, "another", x.peers)
}

// TestSignsOfLifeSayHowFarItHasRead, and a connection whose are answered stays.
func TestSignsOfLifeSayHowFarItHasRead(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	x.pulse = 10 * time.Millisecond
	patience := quick()
	patience.grace = 10 * time.Second
	served, _ := collect()
	l := x.run(false, io.Discard, patience, served)
	p := x.ready(l)
	p.say(`{"op":0,"s":41,"t":"X","d":{}}`)
	for soon(t, "a sign of life", p.beats) != "41" {
	}
	if len(x.peers) > 0 {
		t.Error("another connection was opened")
	}
}

// TestWhatDiscordRefusesIsNotAskedAgain: a token that it does not know most of
// all, since after a few thousand such calls it lets the machine in no more.
func TestWhatDiscordRefusesIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{
		4004: badToken, 4010: tooLarge, 4011: tooLarge, 4012: tooOld, 4013: badIntents, 4014: badIntents, 401: badToken,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			x := startSwitchboard(t)
			if code > 1000 {
				x.turnAway = code
			} else {
				x.refuse["GET /gateway/bot"] = code
			}
			served, _ := collect()
			l := x.run(false, io.Discard, quick(), served)
			until(t, "the refusal shows", func() bool { return l.health.Now().State == chat.Refused })
			<-time.After(100 * time.Millisecond)
			if h := l.health.Now(); h.Why != want || x.calls("GET /gateway/bot") != 1 || l.health.Connected() {
				t.Errorf("after %d calls the health is %q: %s", x.calls("GET /gateway/bot"), h.State, h.Why)
			}
		})
	}
}

// TestATokenThatIsTakenBackEndsAGoodConnection for good, too.
func TestATokenThatIsTakenBackEndsAGoodConnection(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	served, _ := collect()
	l := x.run(false, io.Discard, quick(), served)
	p := x.ready(l)
	_ = p.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4004, "no"), time.Now().Add(time.Second))
	until(t, "the refusal shows", func() bool { return l.health.Now().State == chat.Refused })
	<-time.After(100 * time.Millisecond)
	if n := x.calls("GET /gateway/bot"); n != 1 {
		t.Errorf("it was tried %d times", n)
	}
}

// TestAnOutageIsLivedThrough: a connection that is cut, and calls that fail.
func TestAnOutageIsLivedThrough(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	patience := quick()
	patience.down = 50 * time.Millisecond
	served, got := collect()
	l := x.run(false, io.Discard, patience, served)
	p := x.ready(l)
	x.alter(func() { x.refuse["GET /gateway/bot"] = 503 })
	_ = p.NetConn().Close()
	until(t, "it is degraded", func() bool { return l.health.Now().State == chat.Degraded && !l.health.Connected() })
	x.alter(func() { x.refuse = map[string]int{} })
	p = x.ready(l)
	p.bring(2, pressPayload(1, "ab1:deny:r1"))
	soon(t, "the press", got)
}

// TestBehaviour37NothingIsOpenedAfterTheEnd, and nothing of it is left: not
// from a good connection, nor from one that is only being opened, nor from the
// wait for the next.
func TestBehaviour37NothingIsOpenedAfterTheEnd(t *testing.T) {
	for moment, set := range map[string]func(*switchboard){
		"while it is open":             func(*switchboard) {},
		"while the hello is awaited":   func(x *switchboard) { x.greet = "-" },
		"while it is being accepted":   func(x *switchboard) { x.accept = `{"op":11}` },
		"while it waits to try again":  func(x *switchboard) { x.greet = `{"op":7}` },
		"while Discord asks for a new": func(x *switchboard) {},
	} {
		t.Run(moment, func(t *testing.T) {
			x := startSwitchboard(t)
			set(x)
			served, _ := collect()
			patience := quick()
			patience.least, patience.most = time.Hour, time.Hour
			before := runtime.NumGoroutine()
			l := x.run(false, io.Discard, patience, served)
			p := soon(t, "the connection", x.peers)
			switch moment {
			case "while Discord asks for a new":
				until(t, "it is ready", func() bool { return l.health.Now().State == chat.Ready })
				x.alter(func() { x.greet = "-" })
				p.say(`{"op":7}`)
				soon(t, "the successor", x.peers)
			case "while it waits to try again":
				soon(t, "its end", p.done)
			}
			l.stop()
			soon(t, "the end of the connection", p.done)
			n := x.calls("")
			until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
			if x.calls("") != n {
				t.Error("it called after the end")
			}
		})
	}
}

// TestBehaviour37WhatIsUnderWayIsFinished: it is answered, and served.
func TestBehaviour37WhatIsUnderWayIsFinished(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	begun, finish, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	l := x.run(false, io.Discard, quick(), func(ctx context.Context, _ inbound) answer {
		close(begun)
		<-finish
		ended <- ctx.Err()
		return answer{Body: map[string]any{"type": 4, "data": map[string]any{"content": "done", "flags": 64}}}
	})
	x.ready(l).bring(2, pressPayload(1, "ab1:claim:r1"))
	soon(t, "the work to begin", begun)
	over := make(chan struct{})
	go func() { l.stop(); close(over) }()
	until(t, "nothing more is taken in", func() bool { return !l.intake.Taking() })
	close(finish)
	soon(t, "the end", over)
	if err := soon(t, "the work", ended); err != nil {
		t.Errorf("the work was cut off: %v", err)
	}
	if a := soon(t, "the answer", x.answers); !strings.Contains(a.body, "done") {
		t.Errorf("it was answered %s", a.body)
	}
}

// TestTheHealthSaysWhatIsInTheWayNow: what was before is not told for ever.
func TestTheHealthSaysWhatIsInTheWayNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		health := chat.NewSides("Discord")
		health.SetCalls(chat.Ready, "")
		s := newSupervisor(newLine(wires{log: slog.New(slog.DiscardHandler), health: health}, nil))
		s.failed(t.Context(), few(reserve-1, time.Hour), 0)
		<-time.After(time.Hour)
		if h := health.Now(); h.State != chat.Refused || !strings.Contains(h.Why, "99 more times") {
			t.Errorf("while hardly any connection is allowed it is %+v", h)
		}
		s.failed(t.Context(), errNoHello, time.Minute)
		s.act(t.Context())
		if h := health.Now(); h.State != chat.Degraded || !strings.Contains(h.Why, errNoHello.Error()) {
			t.Errorf("when connections fail an hour later it is %+v", h)
		}
	})
}

// hanging is a Discord that takes calls and answers none.
type hanging struct{}

func (hanging) call(ctx context.Context, _, _ string, _, _ any) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestBehaviour37NoAnswerHoldsUpTheEnd: an interaction is answered within three
// seconds or not at all, so the end of a bridge waits no longer for a Discord
// that hangs: all of it has ten seconds.
func TestBehaviour37NoAnswerHoldsUpTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(wires{api: hanging{}, log: slog.New(slog.DiscardHandler), health: chat.NewSides("Discord")},
			func(ctx context.Context, _ inbound) answer {
				<-time.After(time.Second)
				return answer{Body: "a modal", Late: func(ctx context.Context) { <-ctx.Done() }}
			})
		l.intake.Open(t.Context())
		l.arrived(t.Context(), []byte(pressPayload(1, "ab1:claim:r1")))
		synctest.Wait()
		begun := time.Now()
		l.intake.Close()
		if d := time.Since(begun); d > answerable {
			t.Errorf("it waited %s for the first answer", d)
		}
		l.intake.Stop()
		l.takers.Wait()
		if d := time.Since(begun); d > answerable+2*time.Second {
			t.Errorf("it took %s in all", d)
		}
	})
}

// TestFewIdentificationsAreLeftAlone: another program that uses the token must
// not cost it.
func TestFewIdentificationsAreLeftAlone(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	x.remaining = reserve - 1
	served, _ := collect()
	l := x.run(false, io.Discard, quick(), served)
	until(t, "the refusal shows", func() bool { return l.health.Now().State == chat.Refused })
	if why := l.health.Now().Why; !strings.Contains(why, "99 more times") || !strings.Contains(why, "1h0m0s") {
		t.Errorf("the operator is told %q", why)
	}
	if len(x.peers) > 0 {
		t.Error("it connected")
	}
}

// TestAskedAtOnceEachTime: a Discord that asks each connection for another one
// as soon as it has accepted it does not use up what a day has of them.
func TestAskedAtOnceEachTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSupervisor(newLine(wires{log: slog.New(slog.DiscardHandler), health: chat.NewSides("Discord")}, nil))
		connections := 0
		for begun := time.Now(); time.Since(begun) < day; connections++ {
			c := &connection{began: time.Now()}
			s.began(t.Context(), c)
			s.asked(t.Context(), c)
			<-time.After(max(s.timing.spacing, time.Until(s.wanted)))
		}
		if connections > maxDaily {
			t.Errorf("it connected %d times in a day", connections)
		}
		c := &connection{began: time.Now()}
		s.began(t.Context(), c)
		<-time.After(s.timing.lasting)
		s.asked(t.Context(), c)
		if wait := time.Until(s.wanted); wait > 0 {
			t.Errorf("a connection that had lasted is replaced after %s", wait)
		}
	})
}

// TestADayHasEightHundredIdentifications, five seconds and more apart.
func TestADayHasEightHundredIdentifications(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := budget{spacing: usualTiming().spacing}
		begun := time.Now()
		for range maxDaily {
			wait, err := b.wait(time.Now())
			if err != nil {
				t.Fatal(err)
			}
			<-time.After(wait)
			b.took(time.Now())
		}
		if least := (maxDaily - 1) * 5 * time.Second; time.Since(begun) < least {
			t.Errorf("they took %s", time.Since(begun))
		}
		wait, err := b.wait(time.Now())
		if _, ok := errors.AsType[*exhausted](err); !ok {
			t.Fatalf("one more may be made: %v", err)
		}
		<-time.After(wait)
		if _, err := b.wait(time.Now()); err != nil {
			t.Errorf("the next day has none: %v", err)
		}
	})
}

// TestNoLogHasASecret: nothing that somebody could use is in the log, whatever
// goes wrong.
func TestNoLogHasASecret(t *testing.T) {
	t.Parallel()
	x := startSwitchboard(t)
	log := &lines{}
	served, got := collect()
	l := x.run(false, log, quick(), served)
	p := x.ready(l)
	x.alter(func() { x.refuse["POST /interactions"] = 404; x.code = 10062 })
	p.bring(2, pressPayload(1, "ab1:deny:r1"))
	soon(t, "the press", got)
	p.say(`{"op":0,"t":"INTERACTION_CREATE","d":{"type":3,"token":"secret-other","user":"secret-user"}}`)
	_ = p.NetConn().Close()
	until(t, "it has said so", func() bool { return strings.Contains(log.String(), "no connection") })
	l.stop()
	said := log.String() + fmt.Sprintf("%+v %+v %v", l.health.Now(), pressed, inbound{kind: pressed, id: "secret"})
	if strings.Contains(said, "secret") {
		t.Errorf("it says a secret:\n%s", said)
	}
	for _, what := range []string{"was dropped", "was not taken"} {
		if !strings.Contains(said, what) {
			t.Errorf("the operator is not told that something %s:\n%s", what, said)
		}
	}
}

// TestTheTokenGoesOverSecureSocketsAlone, whatever address is said to be the
// gateway's; without TLS only where Discord's own address has none.
func TestTheTokenGoesOverSecureSocketsAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ base, said, want string }{
		{DefaultAPIURL, "wss://gateway.discord.gg", "wss://gateway.discord.gg/?encoding=json&v=10"},
		{DefaultAPIURL, "wss://gateway.discord.gg/?compress=zlib-stream", "wss://gateway.discord.gg/?encoding=json&v=10"},
		{"http://127.0.0.1:1", "ws://127.0.0.1:2/ws", "ws://127.0.0.1:2/ws?encoding=json&v=10"},
		{DefaultAPIURL, "ws://gateway.discord.gg", ""},
		{DefaultAPIURL, "https://gateway.discord.gg", ""},
		{DefaultAPIURL, "wss://", ""},
		{DefaultAPIURL, "gateway.discord.gg", ""},
		{DefaultAPIURL, "", ""},
		{"http://127.0.0.1:1", "http://127.0.0.1:2", ""},
	} {
		l := &line{wires: wires{base: c.base}}
		got, err := l.socketAddress(c.said)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q of %s is %q, %v", c.said, c.base, got, err)
		}
	}
}

// TestWhoseApplicationItIsHasToBeSaid: else what is pressed for others would be
// taken.
func TestWhoseApplicationItIsHasToBeSaid(t *testing.T) {
	t.Parallel()
	for _, said := range []string{`{}`, `{"application":{}}`, `{"application":{"id":""}}`, `{"application":{"id":"x"}}`, `[]`, `null`} {
		c := &connection{}
		if err := c.ready([]byte(said)); err == nil || c.app != "" {
			t.Errorf("%s is taken for %q", said, c.app)
		}
	}
}

// TestTheGuideQuotesWhatIsSaid: who looks for the words of the log or of doctor
// in the guide finds those that they are told.
func TestTheGuideQuotesWhatIsSaid(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/discord.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for _, name := range files {
		if !strings.HasSuffix(name, "_test.go") {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			said.Write(text)
		}
	}
	quotes := regexp.MustCompile(`(?m)^\| "([^"]+)" \|`).FindAllStringSubmatch(string(guide), -1)
	if len(quotes) < 5 {
		t.Errorf("the guide quotes %d messages", len(quotes))
	}
	for _, q := range quotes {
		if !strings.Contains(said.String(), q[1]) {
			t.Errorf("nothing says %q", q[1])
		}
	}
}
