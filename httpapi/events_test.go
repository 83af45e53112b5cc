package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
)

// reader reads one stream of events, block by block.
type reader struct {
	t      *testing.T
	answer *http.Response
	in     *bufio.Reader
	hangUp context.CancelFunc
}

// block is what stands between two empty lines: its fields, and the time at
// which it came.
type block map[string]string

// follow opens a stream, after an event or "" from now on.
func (h *house) follow(after string) *reader {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+api.EventsPath, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	if after != "" {
		req.Header.Set(api.LastEventIDHeader, after)
	}
	resp, err := h.http.Do(req) //nolint:bodyclose // by reader.close
	if err != nil {
		h.t.Fatal(err)
	}
	r := &reader{h.t, resp, bufio.NewReader(resp.Body), cancel}
	h.t.Cleanup(r.close)
	if resp.StatusCode != http.StatusOK {
		return r
	}
	if kind := resp.Header.Get("Content-Type"); kind != api.EventMediaType || resp.Header.Get("Cache-Control") != "no-store" {
		h.t.Errorf("answered with %s, Cache-Control %q", kind, resp.Header.Get("Cache-Control"))
	}
	if first := r.next(); first["retry"] != "1000" || (first["id"] == "") != (after != "") {
		h.t.Errorf("the stream begins with %v", first)
	} else if after == "" {
		resp.Header.Set("Begins-At", first["id"])
		if r.next()[""] == "" {
			h.t.Error("a stream without news does not say that it is there")
		}
	}
	return r
}

func (r *reader) close() { r.hangUp(); _ = r.answer.Body.Close() }

// next reads the next block; nil at the end of the stream. A comment has no
// name.
func (r *reader) next() block {
	r.t.Helper()
	b := block{}
	for {
		line, err := r.in.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" && len(b) == 0 {
			return nil
		}
		if err != nil {
			r.t.Fatalf("the stream broke: %v after %q", err, line)
		}
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			return b
		}
		name, value, _ := strings.Cut(line, ": ")
		if _, twice := b[strings.TrimSpace(name)]; twice {
			r.t.Errorf("twice in one event: %q", line)
		}
		b[strings.TrimSpace(name)] = value
	}
}

// event reads the next event, and passes by comments.
func (r *reader) event() block {
	r.t.Helper()
	for {
		if b := r.next(); b == nil || b["event"] != "" {
			return b
		}
	}
}

// into decodes the data of an event of this kind.
func (b block) into(t *testing.T, kind string, v any) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(b["data"]))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil || b["event"] != kind || b["id"] == "" {
		t.Errorf("%v is no event of a %s: %v", b, kind, err)
	}
}

// request reads an event about a request.
func (r *reader) request() (api.Request, string) {
	r.t.Helper()
	b := r.event()
	var got api.Request
	b.into(r.t, api.EventRequest, &got)
	return got, b["id"]
}

func TestEventsOfARequestAndItsGrant(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		s := h.follow("")
		id := h.asked()
		if r, _ := s.request(); r.ID != string(id) || r.State != api.Asked {
			t.Errorf("asked: %+v", r)
		}
		h.desk.Change(id, coded)
		got, _ := s.request()
		a, _ := h.send(t.Context(), get(api.RequestPath(string(id))))
		if diff := cmp.Diff(a.want(http.StatusOK).request(), got); diff != "" {
			t.Errorf("the event is not the request (-request +event):\n%s", diff)
		}
		at := time.Now().UTC().Round(0)
		h.desk.PutGrant(bridge.Grant{
			ID: "grt_1", Key: bridge.GrantKey{Agent: "helper", Human: "alice", Provider: "corp", ClientID: "authbridge"}, State: bridge.GrantLive, Human: "alice",
			Issuer: "https://login.example.com", Subject: "s-1", Account: "alice@example.com", Scopes: []string{"files:read"},
			CreatedAt: at, ReuseUntil: at.Add(8 * time.Hour), EndsAt: at.Add(9 * time.Hour), Revocation: bridge.RevocationNone,
		})
		var grant api.Grant
		s.event().into(t, api.EventGrant, &grant)
		want := api.Grant{
			ID: "grt_1", State: api.GrantLive, Human: "alice", Provider: "corp", Issuer: "https://login.example.com",
			Scopes: []string{"files:read"}, Account: "alice@example.com", CreatedAt: at, ReuseUntil: at.Add(8 * time.Hour), Revocation: api.RevocationNone,
		}
		if diff := cmp.Diff(want, grant); diff != "" {
			t.Errorf("grant (-want +got):\n%s", diff)
		}
	})
}

func TestAStreamGoesOnAfterAnyEvent(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		s := h.follow("")
		cursors := []string{s.answer.Header.Get("Begins-At")}
		id := h.asked()
		for range 3 {
			h.desk.Change(id, coded)
		}
		for version := range 4 {
			r, at := s.request()
			if cursors = append(cursors, at); r.Version != uint64(version+1) {
				t.Errorf("version %d", r.Version)
			}
		}
		for i, at := range cursors[:4] {
			if r, _ := h.follow(at).request(); r.Version != uint64(i+1) {
				t.Errorf("after event %d comes version %d", i, r.Version)
			}
		}
		last := h.follow(cursors[4])
		h.after(time.Minute, func() { h.desk.Change(id, coded) })
		if r, _ := last.request(); r.Version != 5 {
			t.Errorf("after the last comes version %d", r.Version)
		}
	})
}

func TestACursorThatNobodyKnowsResets(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		old := h.follow("").answer.Header.Get("Begins-At")
		h.desk.Forget() // as a restart does
		for what, cursor := range map[string]string{"an old one": old, "garbage": "no, \"not\" <one>", "a long one": strings.Repeat("9", 5000)} {
			s := h.follow(cursor)
			reset := s.event()
			var why api.Reset
			reset.into(t, api.EventReset, &why)
			if why.Detail == "" || !strings.Contains(why.Hint, "GET /v1/requests") {
				t.Errorf("%s: %+v", what, why)
			}
			r := httpapitest.Request("helper", time.Now())
			h.desk.Put(r)
			for _, stream := range []*reader{s, h.follow(reset["id"])} {
				if got, _ := stream.request(); got.ID != string(r.ID) {
					t.Errorf("%s: after the reset comes %v", what, got)
				}
			}
		}
	})
}

// TestAStreamOutlivesTheServersBounds, which are for calls that end by
// themselves, and says that it is there meanwhile.
func TestAStreamOutlivesTheServersBounds(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		start, s := time.Now(), h.follow("")
		h.after(time.Hour+time.Second, func() { h.desk.Put(httpapitest.Request("helper", time.Now())) })
		comments := 0
		for b := s.next(); b["event"] == ""; b = s.next() {
			if comments++; b[""] != "still here" || time.Since(start) != time.Duration(comments)*20*time.Second {
				t.Fatalf("%v after %s", b, time.Since(start))
			}
		}
		if comments != 180 || time.Since(start) != time.Hour+time.Second {
			t.Errorf("%d comments, and the event after %s", comments, time.Since(start))
		}
	})
}

func TestOthersSeeNothing(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		s := h.follow("")
		h.desk.Put(httpapitest.Request("other", time.Now()))
		h.desk.PutGrant(bridge.Grant{ID: "grt_9", Key: bridge.GrantKey{Agent: "other"}})
		mine := httpapitest.Request("helper", time.Now())
		h.after(time.Second, func() { h.desk.Put(mine) })
		if r, _ := s.request(); r.ID != string(mine.ID) {
			t.Errorf("seen: %+v", r)
		}
	})
}

func TestStoppingEndsStreams(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		start, s := time.Now(), h.follow("")
		h.asked()
		_, at := s.request()
		h.after(31*time.Second, h.stop)
		if b := s.event(); b != nil || time.Since(start) != 31*time.Second {
			t.Errorf("%v after %s", b, time.Since(start))
		}
		a, _ := h.send(t.Context(), get(api.EventsPath).with(api.LastEventIDHeader, at))
		a.problem(api.ProblemShuttingDown)
	})
}

// TestAStreamOfAnAgentThatIsNoneAnyMore ends, before it tells anything else.
func TestAStreamOfAnAgentThatIsNoneAnyMore(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		s := h.follow("")
		synctest.Wait() // it waits for changes
		h.desk.Rename(helperUID, "another")
		h.desk.Put(httpapitest.Request("helper", time.Now()))
		if b := s.event(); b != nil {
			t.Errorf("it is told %v", b)
		}
	})
}

func TestAStoreThatGoesAwayEndsStreams(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		s := h.follow("")
		h.asked()
		_, at := s.request()
		h.desk.Fail(bridge.ErrStoreUnavailable)
		h.desk.Put(httpapitest.Request("helper", time.Now()))
		if b := s.event(); b != nil {
			t.Errorf("it goes on with %v", b)
		}
		a, _ := h.send(t.Context(), get(api.EventsPath).with(api.LastEventIDHeader, at))
		a.problem(api.ProblemStoreUnavailable) // told as a problem, and not within a stream
		h.desk.Fail(nil)
		if r, _ := h.follow(at).request(); r.State != api.Asked {
			t.Errorf("after the outage: %+v", r)
		}
	})
}

func TestAReaderThatDoesNotReadIsDropped(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		slow := h.follow("")
		start := time.Now()
		for range 100 { // the connection in memory holds nothing
			h.desk.Put(httpapitest.Request("helper", time.Now()))
		}
		<-time.After(time.Minute)
		for {
			if _, err := slow.in.ReadString('\n'); err != nil {
				break
			}
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("the stream ended %s after it began", took)
		}
		for range 100 { // its place is free
			h.follow("")
		}
	})
}

func TestAnAgentMayOnlyHaveSoManyStreams(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		var first *reader
		for range 100 {
			if s := h.follow(""); first == nil {
				first = s
			}
		}
		a, _ := h.send(t.Context(), get(api.EventsPath))
		if p := a.problem(api.ProblemTooManyOpen); !strings.Contains(string(p.Hint), "share") {
			t.Errorf("%+v", p)
		}
		first.close()
		synctest.Wait()
		h.follow("")
	})
}

func TestCallsForEventsThatAreMistakes(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		a, _ := h.send(t.Context(), get(api.EventsPath+"?since=1"))
		a.problem(api.ProblemInvalidRequest)
		a, _ = h.send(t.Context(), post(api.EventsPath, ""))
		a.want(http.StatusMethodNotAllowed)
		a, _ = h.send(t.Context(), call{method: http.MethodHead, path: api.EventsPath})
		if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != api.EventMediaType {
			t.Errorf("HEAD: %d %v", a.StatusCode, a.Header)
		}
	})
}

// TestManyStreamsAtOnce see all of what changes, each in its order.
func TestManyStreamsAtOnce(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		const streams, changes = 20, 50
		var readers sync.WaitGroup
		for range streams {
			s := h.follow("")
			readers.Go(func() {
				for version := range changes {
					if r, _ := s.request(); r.Version != uint64(version+1) {
						t.Errorf("version %d comes as number %d", r.Version, version+1)
						return
					}
				}
			})
		}
		id := h.asked()
		for range changes - 1 {
			h.desk.Change(id, func(r *bridge.Request) { r.Note = fmt.Sprint(r.Version) })
		}
		readers.Wait()
	})
}
