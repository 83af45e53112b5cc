package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
)

// event is one block of GET /v1/events.
type event struct {
	kind, id, data string
}

// stream is a GET /v1/events under way.
type stream struct {
	t      *testing.T
	heard  func(line string)
	events chan event // closed at the end
	ended  error      // why, once it is closed; nil = cleanly
}

// follow opens a stream, after an event or "" from now on, until the test
// ends.
func (w *world) follow(after string) *stream {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+api.EventsPath, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if after != "" {
		r.Header.Set(api.LastEventIDHeader, after)
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", w.agentSocket())
	}}
	resp, err := transport.RoundTrip(r) //nolint:bodyclose // at the end of the test
	if err != nil {
		w.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != api.EventMediaType {
		w.t.Fatalf("answered with %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	reached(w.t, route, "GET "+api.EventsPath)
	s := &stream{t: w.t, heard: func(line string) { w.heard("the events", line) }, events: make(chan event, 100)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(s.events)
		s.ended = s.read(ctx, bufio.NewReader(resp.Body))
	}()
	w.t.Cleanup(func() { cancel(); _ = resp.Body.Close(); <-done })
	return s
}

func (s *stream) read(ctx context.Context, in *bufio.Reader) error {
	var e event
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return nil
		}
		if err != nil {
			return err
		}
		s.heard(line)
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "event":
			e.kind = value
		case "id":
			e.id = value
		case "data":
			e.data = value
		case "":
			if e.id != "" {
				select {
				case s.events <- e:
				case <-ctx.Done():
					return nil
				}
			}
			e = event{}
		}
	}
}

// next waits for an event of a kind, whose data has these members, and reads
// it into v.
func (s *stream) next(kind string, members string, v any) (id string) {
	s.t.Helper()
	select {
	case e, more := <-s.events:
		if !more {
			s.t.Fatalf("the stream ended (%v) before a %q event", s.ended, kind)
		}
		if e.kind != kind {
			s.t.Fatalf("in place of a %q event: %q %s", kind, e.kind, e.data)
		}
		if v != nil {
			e.into(s.t, members, v)
		}
		return e.id
	case <-time.After(patience):
		s.t.Fatalf("no %q event", kind)
	}
	return ""
}

// into reads the data of an event, which has these members.
func (e event) into(t *testing.T, members string, v any) {
	t.Helper()
	want := strings.Fields(members)
	slices.Sort(want)
	a := answer{body: []byte(e.data)}
	if got := slices.Sorted(maps.Keys(decode[map[string]any](t, a))); !slices.Equal(got, want) {
		t.Errorf("a %s event has %v, want %v", e.kind, got, want)
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%s: %v", e.data, err)
	}
}

// The members that the contract names.
const (
	requestMembers = "id state version agent session human team claimed provider issuer resource scopes authorization_details reason check_phrase created_at updated_at expires_at code_expires_at delivery outcome grant renews"
	grantMembers   = "id state session human team provider issuer resource scopes authorization_details account created_at last_used_at access_expires_at reuse_until revocation"
)

// until reads events about requests and grants until one of a request has this
// state, and returns it with the last grant that came.
func (s *stream) until(want api.State) (r api.Request, g api.Grant, id string) {
	s.t.Helper()
	for r.State != want {
		select {
		case e, more := <-s.events:
			if !more {
				s.t.Fatalf("the stream ended (%v) before the request is %s", s.ended, want)
			}
			last := r.Version
			switch id = e.id; e.kind {
			case api.EventRequest:
				e.into(s.t, requestMembers, &r)
			case api.EventGrant:
				e.into(s.t, grantMembers, &g)
			default:
				s.t.Fatalf("%q %s", e.kind, e.data)
			}
			if r.Version < last {
				s.t.Errorf("version %d after %d", r.Version, last)
			}
		case <-time.After(patience):
			s.t.Fatalf("the request is %s, and no event says %s", r.State, want)
		}
	}
	return r, g, id
}

// TestFollowingEvents from an ask to its token, over a stop and a start.
func TestFollowingEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	s := w.follow("")
	s.next("", "", nil) // where it begins
	asked := w.ask("")
	var r api.Request
	first := s.next(api.EventRequest, requestMembers, &r)
	if r.ID != asked.ID || r.State != api.Asked || r.Version != asked.Version {
		t.Errorf("asked: %+v", r)
	}
	alice := w.human("alice")
	alice.card(asked.ID)
	s.next(api.EventRequest, requestMembers, &r)
	if len(r.Delivery) != 1 || r.Delivery[0].State != api.Shown {
		t.Errorf("shown: %+v", r.Delivery)
	}
	w.grant(alice, asked.ID)
	r, g, _ := s.until(api.Granted)
	if g.State != api.GrantLive || g.ID != string(r.Grant) || g.Account != "alice@example.com" || g.LastUsedAt != nil {
		t.Errorf("granted: %s, and the grant is %+v", r.Grant, g)
	}
	w.collect(asked.ID)
	if _, g, _ = s.until(api.Collected); g.LastUsedAt == nil || g.Revocation != api.RevocationNone {
		t.Errorf("used: %+v", g)
	}
	if r, _, _ := w.follow(first).until(api.Collected); r.ID != asked.ID {
		t.Errorf("gone back: %+v", r)
	}

	w.stop()
	if e, more := <-s.events; more || s.ended != nil {
		t.Errorf("at the stop: %v, %v", e, s.ended)
	}
	w.restart()
	s = w.follow(first)
	var reset api.Reset
	place := s.next(api.EventReset, "detail hint", &reset)
	if !strings.Contains(reset.Hint, "GET /v1/requests") {
		t.Errorf("%+v", reset)
	}
	again := w.ask(`"session":"again"`)
	w.http("DELETE", "/v1/requests/"+again.ID, "").wants(t, http.StatusOK)
	for _, s := range []*stream{s, w.follow(place)} {
		if r, _, _ := s.until(api.Cancelled); r.ID != again.ID {
			t.Errorf("after the reset: %+v", r)
		}
	}
	w.http("GET", "/v1/events?after=1", "").problem(t, api.ProblemInvalidRequest)
}
