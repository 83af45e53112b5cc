package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
)

// events reads one event after the other.
type events struct {
	t    *testing.T
	next func() (Event, error, bool)
}

func follow(t *testing.T, ctx context.Context, c *Client, cursor string) *events {
	t.Helper()
	next, stop := iter.Pull2(c.Events(ctx, cursor))
	t.Cleanup(stop)
	return &events{t, next}
}

// is wants an event: "reset", the state of a request, or that of a grant.
func (e *events) is(want string) Event {
	e.t.Helper()
	got, err, ok := e.next()
	if err != nil || !ok || got.Cursor == "" {
		e.t.Fatalf("in place of %s: %+v, %v", want, got, err)
	}
	said := "nothing"
	switch {
	case got.Reset:
		said = "reset"
	case got.Request != nil:
		said = string(got.Request.State)
	case got.Grant != nil:
		said = "grant " + string(got.Grant.State)
	}
	if said != want {
		e.t.Fatalf("the event is %s, want %s", said, want)
	}
	return got
}

// fails wants the end of the sequence, with an error.
func (e *events) fails() error {
	e.t.Helper()
	got, err, ok := e.next()
	if err == nil || !ok {
		e.t.Fatalf("in place of an error: %+v", got)
	}
	if _, _, more := e.next(); more {
		e.t.Error("after the error there is more")
	}
	return err
}

func TestEventsFollowARequest(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, b *bridgeThatRestarts, id bridge.RequestID) {
		e := follow(t, t.Context(), c, "")
		e.is("reset")
		time.AfterFunc(3*time.Hour, func() { b.desk.Grant(id, granted) })
		start := time.Now()
		if r := e.is("granted"); r.Request.ID != string(id) || r.Request.Version != 2 || time.Since(start) != 3*time.Hour {
			t.Errorf("%+v after %s", r.Request, time.Since(start))
		}
		b.desk.PutGrant(bridge.Grant{ID: "grt_1", Key: bridge.GrantKey{Agent: "me"}, State: bridge.GrantLive})
		e.is("grant live")
	})
}

// TestEventsOutliveARestart: what changed meanwhile comes when the bridge is
// back and knows the cursor, and else a reset.
func TestEventsOutliveARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, b *bridgeThatRestarts, id bridge.RequestID) {
		e := follow(t, t.Context(), c, "")
		e.is("reset")
		away := func() {
			b.stop()
			b.desk.Change(id, func(r *bridge.Request) { r.State = bridge.Coded })
			time.AfterFunc(25*time.Second, b.start)
		}
		away()
		start := time.Now()
		e.is("coded")
		if took := time.Since(start); took < 25*time.Second || took > 28*time.Second {
			t.Errorf("it is back after %s", took)
		}
		b.desk.Forget()
		away()
		e.is("reset")
		b.desk.Grant(id, granted)
		e.is("granted")
	})
}

func TestEventsGoOnAtACursor(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, b *bridgeThatRestarts, id bridge.RequestID) {
		var cursor string
		for e, err := range c.Events(t.Context(), "") {
			if err != nil || !e.Reset {
				t.Fatalf("%+v, %v", e, err)
			}
			cursor = e.Cursor
			break // and the stream is given back
		}
		synctest.Wait()
		b.desk.Grant(id, granted)
		b.stop()
		time.AfterFunc(10*time.Second, b.start)
		follow(t, t.Context(), c, cursor).is("granted")
	})
}

func TestEventsGiveUpOnABridgeThatStaysAway(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, b *bridgeThatRestarts, _ bridge.RequestID) {
		e := follow(t, t.Context(), c, "")
		e.is("reset")
		b.stop()
		start := time.Now()
		if err := e.fails(); !errors.Is(err, ErrNoBridge) || time.Since(start) > 31*time.Second || time.Since(start) < 30*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		start = time.Now()
		if err := follow(t, t.Context(), c, "").fails(); !errors.Is(err, ErrNoBridge) || time.Since(start) != 0 {
			t.Errorf("who was never there is waited for: %v after %s", err, time.Since(start))
		}
		b.start()
	})
}

func TestEventsEndWithTheirContext(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, _ *bridgeThatRestarts, _ bridge.RequestID) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		e := follow(t, ctx, c, "")
		e.is("reset")
		start := time.Now()
		if err := e.fails(); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestARefusalOfEventsIsToldAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Client, _ *bridgeThatRestarts, _ bridge.RequestID) {
		for range 100 {
			follow(t, t.Context(), c, "").is("reset")
		}
		if err := follow(t, t.Context(), c, "").fails(); CodeOf(err) != api.ProblemTooManyOpen {
			t.Errorf("one too many: %v", err)
		}
	})
}

// said is a client of something that answers GET /v1/events like this, and
// then with a bridge that hangs.
func said(t *testing.T, answers ...http.HandlerFunc) (*Client, func()) {
	t.Helper()
	l := httpapitest.NewListener()
	n := 0
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n <= len(answers) {
			answers[n-1](w, r)
			return
		}
		<-r.Context().Done()
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	c := &Client{Socket: "memory", dial: func(ctx context.Context) (net.Conn, error) { return l.Dial(ctx) }}
	return c, func() { c.Close(); _ = srv.Close(); <-done }
}

// stream answers with this text, and then nothing for so long.
func streamed(text string, silent time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", api.EventMediaType)
		_, _ = io.WriteString(w, text)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(silent):
		case <-r.Context().Done():
		}
	}
}

func TestAStreamThatFallsSilentIsTakenUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var took []time.Duration
		var ids []string
		c, end := said(t, streamed("id: c-1\n\n", 24*time.Hour), func(w http.ResponseWriter, r *http.Request) {
			took, ids = append(took, time.Since(start)), append(ids, r.Header.Get(api.LastEventIDHeader))
			streamed("event: hello\nid: c-2\ndata: unknown\n\n", 0)(w, r)
		}, func(w http.ResponseWriter, r *http.Request) {
			took, ids = append(took, time.Since(start)), append(ids, r.Header.Get(api.LastEventIDHeader))
			streamed("event: reset\nid: c-3\ndata: {}\n\n", 0)(w, r)
		})
		ctx, cancel := context.WithCancel(t.Context())
		e := follow(t, ctx, c, "")
		if got := e.is("reset"); got.Cursor != "c-1" {
			t.Errorf("it begins at %s", got.Cursor)
		}
		if got := e.is("reset"); got.Cursor != "c-3" {
			t.Errorf("it goes on at %s", got.Cursor)
		}
		if want := "[1m5.1s 1m5.2s] [c-1 c-2]"; fmt.Sprint(took, ids) != want {
			t.Errorf("taken up again: %s, want %s", fmt.Sprint(took, ids), want)
		}
		cancel()
		_ = e.fails()
		end()
	})
}

func TestAnswersThatAreNoEvents(t *testing.T) {
	for what, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"other JSON": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", api.MediaType)
			_, _ = io.WriteString(w, "{}")
		}, "no stream of events"},
		"a page":           {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, "no answer of a bridge"},
		"data of nobody":   {streamed("id: c\n\nevent: request\ndata: [1]\n\n", 0), "cannot be read"},
		"an endless event": {streamed("id: c\n\ndata: "+strings.Repeat("x", maxEvent+1), 0), "more than"},
		"silence":          {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no answer in time"},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, end := said(t, c.answer)
				defer end()
				for e, err := range client.Events(t.Context(), "") {
					if e.Reset {
						continue
					}
					if err == nil || !strings.Contains(err.Error(), c.says) {
						t.Errorf("got %+v, %v", e, err)
					}
				}
			})
		})
	}
}
