package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

// lineTo is a line to the stand-in for Slack, that runs and is ready.
func lineTo(t *testing.T, s *slacktest.Slack, mode string, does serve) *line {
	t.Helper()
	web := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	t.Cleanup(web.CloseIdleConnections)
	o := Options{
		BotToken: bridge.NewSecret(s.BotToken()), AppToken: bridge.NewSecret(s.AppToken()), SigningSecret: bridge.NewSecret(s.SigningSecret()),
		Mode: mode, APIURL: s.URL(), HTTP: web, Log: slog.New(slog.DiscardHandler),
	}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	l := newLine(o, a.api, chat.NewSides("Slack"), does)
	l.timing = quick()
	if mode == ModeHTTP {
		srv := httptest.NewServer(l.handler())
		t.Cleanup(srv.Close)
		s.RequestsTo(srv.URL)
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- l.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := soon(t, "the line to end", over); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	until(t, "the line is ready", func() bool { return l.health.Now().State == chat.Ready && l.intake.Taking() })
	return l
}

// payload is a payload as the stand-in takes it.
func payload(t *testing.T, text string) map[string]any {
	t.Helper()
	var p map[string]any
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestBehaviour28TheSameTwiceOnBothWays: an envelope that comes twice, and an
// event that Slack brings again, are one.
func TestBehaviour28TheSameTwiceOnBothWays(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{ModeSocket, ModeHTTP} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := slacktest.Start(t, slacktest.World{})
			var served atomic.Int32
			lineTo(t, s, mode, func(context.Context, inbound) answer {
				return answer{Body: map[string]any{"response_action": "errors", "errors": map[string]any{"b": fmt.Sprint("try ", served.Add(1))}}}
			})
			d := s.Deliver(slacktest.Interactive, payload(t, submissionPayload("trigger")))
			first := d.Acked()
			again := d.Again().Wait()
			if mode == ModeSocket && again.Answer != first.Answer {
				t.Errorf("the first was answered %s, the copy %s", first.Answer, again.Answer)
			}
			if served.Load() != 1 {
				t.Errorf("it was served %d times", served.Load())
			}
		})
	}
}

// TestBehaviour27WhileTheWorkStandsStill: on both ways all is acknowledged
// within what Slack waits, though nothing gets done.
func TestBehaviour27WhileTheWorkStandsStill(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{ModeSocket, ModeHTTP} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := slacktest.Start(t, slacktest.World{})
			stuck := make(chan struct{})
			served := make(chan inbound, 100)
			lineTo(t, s, mode, func(_ context.Context, in inbound) answer {
				<-stuck
				served <- in
				return answer{}
			})
			var all []*slacktest.Delivery
			for i := range 50 {
				all = append(all,
					s.Deliver(slacktest.Interactive, payload(t, pressPayload(fmt.Sprint("press ", i)))),
					s.Deliver(slacktest.Interactive, payload(t, submissionPayload(fmt.Sprint("submission ", i)))))
			}
			for _, d := range all {
				d.Acked()
			}
			if len(served) > 0 {
				t.Error("the work did not stand still")
			}
			close(stuck)
			for range all {
				soon(t, "the work", served)
			}
		})
	}
}

// TestBehaviour31SocketModeSwitchedOff ends the loop and is told.
func TestBehaviour31SocketModeSwitchedOff(t *testing.T) {
	t.Parallel()
	s := slacktest.Start(t, slacktest.World{})
	served, _ := collect()
	l := lineTo(t, s, ModeSocket, served)
	s.DisableSocketMode()
	until(t, "the refusal shows", func() bool { return l.health.Now().State == chat.Refused })
	opened := len(s.Sockets())
	s.EnableSocketMode()
	<-time.After(300 * time.Millisecond)
	if n := len(s.Sockets()); n != opened {
		t.Errorf("%d sockets were opened after that", n-opened)
	}
}

// soak presses all the time while Slack ends sockets.
type soak struct {
	*testing.T
	slack   *slacktest.Slack
	pressed map[string]*slacktest.Delivery

	mu     sync.Mutex
	served map[string]int
}

// TestSoakNoPressIsLostWhenSocketsRotate presses all the time while Slack ends
// a socket every few hundred milliseconds, each with a warning a second before,
// and takes its time to open the next. What was given to a socket whose
// closing handshake completed is acknowledged and served, once, and there is
// always a socket to give it to. In a second half some sockets are cut off
// instead; what was under way on those, or came while none was left, is
// counted apart. AUTHBRIDGE_SLACK_PRESSES says how many presses in each half
// (make slack-soak: 5000).
func TestSoakNoPressIsLostWhenSocketsRotate(t *testing.T) {
	t.Parallel()
	presses := 300
	if n, err := strconv.Atoi(os.Getenv("AUTHBRIDGE_SLACK_PRESSES")); err == nil {
		presses = n
	}
	s := &soak{T: t, slack: slacktest.Start(t, slacktest.World{Unlimited: true}), pressed: map[string]*slacktest.Delivery{}, served: map[string]int{}}
	s.slack.SetPace(func(p *slacktest.Pace) { p.Hello = 40 * time.Millisecond })
	lineTo(t, s.slack, ModeSocket, func(_ context.Context, in inbound) answer {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.served[in.id]++
		return answer{}
	})
	b := s.press(slacktest.Rotation{Every: 300 * time.Millisecond, Warning: time.Second}, func(b slacktest.Books) bool {
		return b.Orderly.Clicks >= presses && b.Orderly.Sockets >= 3
	})
	if b.Unsent > 0 || b.Cut.Sockets > 0 {
		t.Errorf("with rotations alone: %+v", b)
	}
	s.press(slacktest.Rotation{Every: 300 * time.Millisecond, Warning: time.Second, CutEach: 3}, func(b slacktest.Books) bool {
		return b.Orderly.Clicks >= 2*presses && b.Cut.Sockets >= 1
	})
}

// press presses until the books say that it is enough, and looks what became
// of all.
func (s *soak) press(r slacktest.Rotation, enough func(slacktest.Books) bool) slacktest.Books {
	stop := s.slack.Rotate(r)
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for !enough(s.slack.Books()) {
		<-tick.C
		id := fmt.Sprint("press ", len(s.pressed))
		s.pressed[id] = s.slack.Deliver(slacktest.Interactive, payload(s.T, pressPayload(id)))
	}
	stop()
	return s.look()
}

// look waits for what is under way and compares the books with what was served.
func (s *soak) look() slacktest.Books {
	acked := 0
	for id, d := range s.pressed {
		if d.Wait().Acked {
			acked++
			until(s.T, "it was served", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.served[id] > 0 })
		}
	}
	b := s.slack.Books()
	s.Logf("%d presses, %d acknowledged; on %d sockets that ended in order %d, lost %d; on %d that were cut off %d, lost %d; while none was open %d",
		len(s.pressed), acked, b.Orderly.Sockets, b.Orderly.Clicks, b.Orderly.Lost(), b.Cut.Sockets, b.Cut.Clicks, b.Cut.Lost(), b.Unsent)
	if b.Orderly.Lost() > 0 || b.Open.Lost() > 0 || b.Dropped.Sockets > 0 {
		s.Errorf("presses were lost: %+v", b)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, times := range s.served {
		if times != 1 {
			s.Errorf("%s was served %d times", id, times)
		}
	}
	return b
}
