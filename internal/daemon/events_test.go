package daemon

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
)

// TestFollowersAtTheEnd: streams of events do not hold up the end, leave
// nothing behind, and are taken up again when the bridge is back.
func TestFollowersAtTheEnd(t *testing.T) {
	over := clean(t)
	cfg := configured(t, home(t), helper)
	h := open(t, cfg, corp())
	agent := &client.Client{Socket: cfg.Listen.Socket}
	ctx, enough := context.WithTimeout(t.Context(), tooLong)
	defer enough()
	const followers = 20
	events, done := make(chan client.Event), make(chan error)
	for range followers {
		go func() {
			var last error
			for e, err := range agent.Events(ctx, "") {
				if last = err; err == nil {
					events <- e
				}
			}
			done <- last
		}()
	}
	all := func(what string, is func(client.Event) bool) {
		t.Helper()
		for range followers {
			if e := <-events; !is(e) {
				t.Fatalf("in place of %s: %+v", what, e)
			}
		}
	}
	reset := func(e client.Event) bool { return e.Reset }
	all("the beginning", reset)
	r := h.ask("followed")
	all("the ask", func(e client.Event) bool { return e.Request != nil && e.Request.ID == r.ID })
	h.endsSoon()
	h = open(t, cfg, corp())
	all("a reset after the restart", reset)
	h.press(r.ID, bridge.VerbDeny)
	all("the end", func(e client.Event) bool { return e.Request != nil && e.Request.State == api.Denied })
	enough()
	for range followers {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("a follower ended with %v", err)
		}
	}
	agent.Close()
	h.endsSoon()
	over()
}

// BenchmarkFollow is what waiting costs: bytes of memory, both ends of the
// connections included, for each of 50,000 requests on one stream of events,
// after each of them has changed; and beside it for each of 500 that a call of
// its own waits for. Then the time from the moment that a change is committed,
// and whoever made it told, to the agent that waits: on the stream, and with a
// call of its own. The two hear of the same changes.
func BenchmarkFollow(b *testing.B) {
	const requests, humans, calls, changes = 50_000, 2_000, 500, 200
	for n := range b.N {
		h := open(b, crowd(b, humans), new(patientCorp))
		h.crowded(n, requests, humans)
		f := h.follow()
		before := footprint()
		heard := make(chan struct{})
		go func() { defer close(heard); f.hears(requests) }()
		seen := h.seenBy(humans, requests/humans)
		<-heard
		b.ReportMetric(float64(footprint()-before)/requests, "B/request-on-a-stream")

		ctx, hangUp := context.WithCancel(context.Background())
		before = footprint()
		waiting := make(chan struct{})
		for _, id := range seen[:calls] {
			go func() {
				_, _ = h.agent.Request(ctx, id, 1000, time.Minute) // until it hangs up
				waiting <- struct{}{}
			}()
		}
		for h.connected() < calls+1 {
			runtime.Gosched()
		}
		b.ReportMetric(float64(footprint()-before)/calls, "B/request-in-a-call")
		hangUp()
		for range calls {
			<-waiting
		}

		stream, call := h.race(f, seen[:changes])
		b.ReportMetric(ms(rank(stream, 50)), "p50-ms-stream")
		b.ReportMetric(ms(rank(stream, 99)), "p99-ms-stream")
		b.ReportMetric(ms(rank(call, 50)), "p50-ms-call")
		b.ReportMetric(ms(rank(call, 99)), "p99-ms-call")
		f.end()
		h.stop()
	}
	b.ReportMetric(0, "ns/op")
}

// footprint is what the heap and the stacks hold.
func footprint() int64 {
	bytes := heap()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return bytes + int64(m.StackInuse)
}

// crowded asks for so many requests.
func (h *house) crowded(n int, requests int64, humans int) {
	agent := h.cfg.Directory.Agents["helper"]
	new(crew).work(64, requests, time.Hour, func(_ int, i int64) {
		ask := bridge.Ask{Provider: "corp", Scopes: []string{"files.read"}, Session: fmt.Sprintf("%d/%d", n, i), Human: someone(int(i), humans)}
		if _, _, err := h.bridge.Ask(context.Background(), agent, ask); err != nil {
			h.t.Error(err)
		}
	})
}

// seenBy lets every human see all that is put to them, and returns the ids.
func (h *house) seenBy(humans, each int) (ids []string) {
	ctx := context.Background()
	for i := range humans {
		name := someone(i, humans)
		in, err := h.bridge.Inbox(ctx, name)
		if err == nil {
			err = h.bridge.Seen(ctx, name, "web", in.Waiting)
		}
		if err != nil || len(in.Waiting) != each {
			h.t.Fatalf("%s sees %d cards: %v", name, len(in.Waiting), err)
		}
		for _, c := range in.Waiting {
			ids = append(ids, string(c.Request))
		}
	}
	return ids
}

// listener is an agent that follows events.
type listener struct {
	t      testing.TB
	heard  chan heard
	hangUp context.CancelFunc
}

type heard struct {
	id    string
	state api.State
	at    time.Time
}

func (h *house) follow() *listener {
	ctx, cancel := context.WithCancel(context.Background())
	f := &listener{h.t, make(chan heard, 64), cancel}
	begun := make(chan struct{})
	go func() {
		defer close(f.heard)
		for e, err := range h.agent.Events(ctx, "") {
			switch {
			case err != nil:
				if ctx.Err() == nil {
					f.t.Error(err)
				}
			case e.Reset && begun != nil:
				close(begun)
				begun = nil
			case e.Request != nil:
				f.heard <- heard{e.Request.ID, e.Request.State, time.Now()}
			default:
				f.t.Errorf("%+v: the stream did not keep up", e)
			}
		}
	}()
	<-begun
	return f
}

// hears waits for events about so many requests.
func (f *listener) hears(requests int) {
	ids := make(map[string]bool, requests)
	for len(ids) < requests {
		e, more := <-f.heard
		if !more {
			f.t.Errorf("%d of %d were heard of", len(ids), requests)
			return
		}
		ids[e.id] = true
	}
}

func (f *listener) end() {
	f.hangUp()
	for range f.heard {
	}
}

// race cancels requests, each while a call waits for it, and times who hears.
func (h *house) race(f *listener, ids []string) (stream, call []time.Duration) {
	ctx := context.Background()
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for _, id := range ids {
		told := make(chan time.Time)
		go func() {
			r, err := h.agent.Request(ctx, id, 2, time.Minute)
			if err != nil || r.State != api.Cancelled {
				h.t.Errorf("the call says %s, %v", r.State, err)
			}
			told <- time.Now()
		}()
		<-pause.C // the call is there by then
		if _, err := h.bridge.Cancel(ctx, "helper", bridge.RequestID(id)); err != nil {
			h.t.Fatal(err)
		}
		done := time.Now()
		call = append(call, max(0, (<-told).Sub(done)))
		e := <-f.heard
		if e.id != id || e.state != api.Cancelled {
			h.t.Fatalf("the stream says %+v", e)
		}
		stream = append(stream, max(0, e.at.Sub(done)))
	}
	return stream, call
}
