package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/httpapi"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
)

// bridgeThatRestarts is a bridge in memory, for a bubble in which time is not
// real. Its desk outlives it.
type bridgeThatRestarts struct {
	desk *httpapitest.Desk

	mu  sync.Mutex
	l   *httpapitest.Listener
	end func()
}

func (b *bridgeThatRestarts) start() {
	stopping, stop := context.WithCancel(context.Background())
	l := httpapitest.NewListener()
	srv := &http.Server{
		Handler:     httpapi.New(httpapi.Options{Desk: b.desk, Stopping: stopping}),
		ConnContext: httpapitest.As(1001),
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.l, b.end = l, func() { stop(); _ = srv.Close(); <-done }
}

// stop ends it the hard way: connections break.
func (b *bridgeThatRestarts) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end()
}

func (b *bridgeThatRestarts) connect(ctx context.Context) (net.Conn, error) {
	b.mu.Lock()
	l := b.l
	b.mu.Unlock()
	return l.Dial(ctx)
}

func inBubble(t *testing.T, story func(*testing.T, *Client, *bridgeThatRestarts, bridge.RequestID)) {
	synctest.Test(t, func(t *testing.T) {
		uid := uint32(1001)
		b := &bridgeThatRestarts{desk: httpapitest.NewDesk(t, bridge.Agent{Name: "me", UID: &uid, Owner: "alice"})}
		b.start()
		c := &Client{Socket: "memory", dial: b.connect}
		r := httpapitest.Request("me", time.Now())
		b.desk.Put(r)
		story(t, c, b, r.ID)
		c.Close()
		b.stop()
	})
}

var granted = bridge.Token{Access: bridge.NewSecret("at-12345"), Grant: "grt_1"}

func TestAWaitOutlivesARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, b *bridgeThatRestarts, id bridge.RequestID) {
		time.AfterFunc(20*time.Second, b.stop)
		time.AfterFunc(45*time.Second, b.start) // 25 s away
		time.AfterFunc(60*time.Second, b.stop)  // and again: each time counts by itself
		time.AfterFunc(85*time.Second, b.start)
		time.AfterFunc(3*time.Hour, func() { b.desk.Grant(id, granted) })
		start, changes := time.Now(), 0
		token, err := c.WaitToken(t.Context(), string(id), 0, func(api.Request) { changes++ })
		if err != nil || token.AccessToken != "at-12345" || changes != 2 {
			t.Errorf("%v, %v, %d changes", token, err, changes)
		}
		if took := time.Since(start); took != 3*time.Hour {
			t.Errorf("took %s", took)
		}
	})
}

func TestAWaitGivesUpOnABridgeThatStaysAway(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, b *bridgeThatRestarts, id bridge.RequestID) {
		time.AfterFunc(20*time.Second, b.stop)
		start := time.Now()
		_, err := c.WaitToken(t.Context(), string(id), 0, nil)
		if took := time.Since(start); !errors.Is(err, ErrNoBridge) || took != 50*time.Second {
			t.Errorf("%v after %s", err, took)
		}
		b.start()
	})
}

func TestWhoKnowsTheRequestWaitsForTheBridgeFromTheStart(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, b *bridgeThatRestarts, id bridge.RequestID) {
		b.desk.Grant(id, granted)
		b.stop()
		start := time.Now()
		if _, err := c.Wait(t.Context(), string(id), 0, nil); !errors.Is(err, ErrNoBridge) || time.Since(start) != 0 {
			t.Errorf("without a version: %v after %s", err, time.Since(start))
		}
		time.AfterFunc(10*time.Second, b.start)
		r, err := c.Wait(t.Context(), string(id), 1, nil)
		if took := time.Since(start); err != nil || r.State != api.Granted || took < 10*time.Second || took > 12*time.Second {
			t.Errorf("%s, %v after %s", r.State, err, took)
		}
	})
}

func TestAStoreThatIsAwayIsWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, b *bridgeThatRestarts, id bridge.RequestID) {
		b.desk.Grant(id, granted)
		b.desk.Fail(bridge.ErrStoreUnavailable)
		time.AfterFunc(15*time.Second, func() { b.desk.Fail(nil) })
		if token, err := c.WaitToken(t.Context(), string(id), 1, nil); err != nil || token.AccessToken != "at-12345" {
			t.Errorf("%v, %v", token, err)
		}
		b.desk.Fail(bridge.ErrStoreUnavailable)
		start := time.Now()
		if _, err := c.Wait(t.Context(), string(id), 1, nil); CodeOf(err) != api.ProblemStoreUnavailable || time.Since(start) != 30*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		b.desk.Fail(nil)
	})
}

func TestABridgeThatHangsIsNoBridge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer func() { _ = theirs.Close() }()
		go func() { _, _ = theirs.Read(make([]byte, 4096)) }()
		c := &Client{Socket: "memory", dial: func(context.Context) (net.Conn, error) { return ours, nil }}
		start := time.Now()
		_, err := c.Whoami(t.Context())
		var none *NoBridge
		if !errors.As(err, &none) || none.Reason() != "no bridge answers at memory: no answer in time" || time.Since(start) != answerWithin {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestGivingUpWhileTheBridgeIsAway(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, b *bridgeThatRestarts, id bridge.RequestID) {
		b.stop()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := c.Wait(ctx, string(id), 1, nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		b.start()
	})
}

func TestAWaitIsCutToWhatTheBridgeTakes(t *testing.T) {
	for wait, want := range map[time.Duration]time.Duration{
		-time.Second: 0, 0: 0, 400 * time.Millisecond: 0, 600 * time.Millisecond: time.Second, time.Minute: time.Minute, time.Hour: time.Minute,
	} {
		if got := whole(wait); got != want {
			t.Errorf("%s is %s, want %s", wait, got, want)
		}
	}
}

// TestAFullDoorIsNoEnd: who waits is told to come back, does so, and hears
// meanwhile what is new.
func TestAFullDoorIsNoEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, b *bridgeThatRestarts, id bridge.RequestID) {
		var told []string
		c.Away = func(why error, until time.Time) { told = append(told, string(CodeOf(why)), until.Format("15:04")) }
		b.desk.Fail(&bridge.Problem{Code: bridge.ProblemTooManyOpen, Detail: "1000 calls wait", RetryAfter: 20 * time.Second})
		time.AfterFunc(10*time.Minute, func() { b.desk.Fail(nil); b.desk.Grant(id, granted) })
		start := time.Now()
		token, err := c.WaitToken(t.Context(), string(id), 0, nil)
		if took := time.Since(start); err != nil || token.AccessToken != "at-12345" || took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("%v, %v after %s", token, err, took)
		}
		if got := fmt.Sprint(told); got != "[too_many_open 00:00  00:00]" {
			t.Errorf("told %s", got)
		}
	})
}

// TestAProviderThatIsAwayIsWaitedFor: the token is there, and cannot be
// renewed just now. That is no reason to lose it.
func TestAProviderThatIsAwayIsWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, b *bridgeThatRestarts, id bridge.RequestID) {
		b.desk.Grant(id, granted)
		b.desk.Fail(&bridge.Problem{Code: bridge.ProblemProviderUnavailable, Detail: "corp is away", RetryAfter: 7 * time.Second})
		time.AfterFunc(5*time.Minute, func() { b.desk.Fail(nil) })
		if token, err := c.WaitToken(t.Context(), string(id), 1, nil); err != nil || token.AccessToken != "at-12345" {
			t.Errorf("%v, %v", token, err)
		}
		b.desk.Fail(&bridge.Problem{Code: bridge.ProblemProviderUnavailable, Detail: "corp is away"})
		if _, err := c.Collect(t.Context(), string(id)); CodeOf(err) != api.ProblemProviderUnavailable {
			t.Errorf("one call waits: %v", err)
		}
		b.desk.Fail(nil)
	})
}

// TestTheTwoKindsOfAbsenceAreCountedApart: minutes without room do not use up
// the patience with a bridge that restarts.
func TestTheTwoKindsOfAbsenceAreCountedApart(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, b *bridgeThatRestarts, id bridge.RequestID) {
		b.desk.Fail(&bridge.Problem{Code: bridge.ProblemTooManyOpen, RetryAfter: 5 * time.Second})
		time.AfterFunc(2*time.Minute, func() { b.stop(); b.desk.Fail(nil); b.desk.Grant(id, granted) })
		time.AfterFunc(2*time.Minute+20*time.Second, b.start)
		if token, err := c.WaitToken(t.Context(), string(id), 1, nil); err != nil || token.AccessToken != "at-12345" {
			t.Errorf("%v, %v", token, err)
		}
	})
}

// TestWhoWaitsIsToldThatTheBridgeIsAway: the hook tells of each absence once.
func TestWhoWaitsIsToldThatTheBridgeIsAway(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, b *bridgeThatRestarts, id bridge.RequestID) {
		start := time.Now()
		var told []string
		c.Away = func(why error, until time.Time) {
			if why == nil {
				told = append(told, "back")
				return
			}
			told = append(told, fmt.Sprint(errors.Is(why, ErrNoBridge), until.Sub(start).Round(time.Second)))
		}
		time.AfterFunc(20*time.Second, b.stop)
		time.AfterFunc(40*time.Second, b.start)
		time.AfterFunc(60*time.Second, b.stop)
		if _, err := c.Wait(t.Context(), string(id), 0, nil); !errors.Is(err, ErrNoBridge) {
			t.Errorf("got %v", err)
		}
		if got := fmt.Sprint(told); got != "[true 50s back true 1m30s]" {
			t.Errorf("told %s", got)
		}
		b.start()
	})
}
