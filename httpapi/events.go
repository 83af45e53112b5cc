package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// Bounds of streams.
const (
	maxStreams  = 100              // of one agent at once
	stillHere   = 20 * time.Second // how often a stream on which nothing happens says that it is there
	readWithin  = 10 * time.Second // how long an event may wait for the caller to read
	comeBack    = time.Second      // what a caller is told to wait before it comes back
	maxCursor   = 100              // bytes of a Last-Event-ID; a longer one is not ours
	cursorTaken = "list your requests with GET " + api.RequestsPath + "; from now on this stream tells what changes"
)

// events serves GET /v1/events. The stream holds a cursor and nothing else of
// what is waited for. It ends when the caller goes or does not read, when the
// caller is no agent any more, or not the same, when the store cannot be read
// and when the bridge stops: whoever comes back with the last id goes on after
// it.
func (h *handler) events(w http.ResponseWriter, r *http.Request, agent bridge.Agent) error {
	after, err := lastEvent(r)
	if err != nil {
		return err
	}
	leave, ok := h.streams.take(agent.Name)
	if !ok {
		return localhttp.Refuse(api.ProblemTooManyOpen, "agent %q has %d streams of events open, and may have no more", agent.Name, maxStreams).
			WithHint("one stream tells of all its requests: share it")
	}
	defer leave()
	changes, err := h.changes(r.Context(), agent, after, 0) // what goes wrong now can still be told
	if err != nil {
		return err
	}
	h.well(r)
	s := stream{w, http.NewResponseController(w)}
	if err := s.begin(after, &changes); err != nil || r.Method == http.MethodHead {
		return err
	}
	for h.serves(r, agent) && s.send(changes) == nil {
		if changes, err = h.changes(r.Context(), agent, changes.Next, stillHere); err != nil {
			h.broke(r, err)
			break
		}
	}
	_ = s.limit(readWithin) // for the end of the answer
	return nil
}

// lastEvent reads where a stream is to begin. What cannot be a cursor of ours
// is one that nobody knows.
func lastEvent(r *http.Request) (bridge.Cursor, error) {
	if _, err := readQuery(r); err != nil {
		return "", err
	}
	ids := r.Header.Values(api.LastEventIDHeader)
	if len(ids) > 1 {
		return "", localhttp.Refuse(api.ProblemInvalidRequest, "there is more than one %s", api.LastEventIDHeader)
	}
	if len(ids) == 0 {
		return "", nil
	}
	return bridge.Cursor(ids[0][:min(len(ids[0]), maxCursor)]), nil
}

// changes waits for changes, until the time is over, the caller has gone or
// the bridge is stopping.
func (h *handler) changes(ctx context.Context, agent bridge.Agent, after bridge.Cursor, wait time.Duration) (bridge.Changes, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	defer context.AfterFunc(h.stopping, cancel)() //nolint:contextcheck // a second end, not a second parent
	return h.desk.Changes(ctx, agent.Name, after)
}

// serves reports whether a stream goes on: who follows is looked at anew each
// time, since a configuration may outlive it no more than a caller.
func (h *handler) serves(r *http.Request, agent bridge.Agent) bool {
	now, err := h.admit(r)
	return err == nil && now.Name == agent.Name && r.Context().Err() == nil
}

// broke notes why a stream had to end. Its caller cannot be told any more, and
// is when it comes back.
func (h *handler) broke(r *http.Request, err error) {
	if errors.Is(err, bridge.ErrStoreUnavailable) {
		h.storeIsAway(r, err)
		return
	}
	_ = h.internal(r, err)
}

// stream writes server-sent events.
type stream struct {
	w  http.ResponseWriter
	to *http.ResponseController
}

// begin answers at once, so that the caller knows that it is heard. A caller
// without an id gets one that stands for now; that is nothing to act upon.
func (s stream) begin(after bridge.Cursor, changes *bridge.Changes) error {
	if err := s.limit(readWithin); err != nil {
		return fmt.Errorf("bound the time of a stream: %w", err)
	}
	header := s.w.Header()
	header.Set("Content-Type", api.EventMediaType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	s.w.WriteHeader(http.StatusOK)
	start := fmt.Appendf(nil, "retry: %d\n", comeBack.Milliseconds())
	if after == "" {
		start = fmt.Appendf(start, "id: %s\n", changes.Next)
		changes.Missed = false
	}
	_ = s.write(append(start, '\n')) // who has gone away is found out about later
	return nil
}

// send writes what changed, or that nothing did. After an error the stream is
// of no use any more.
func (s stream) send(changes bridge.Changes) error {
	if !changes.Missed && len(changes.All) == 0 {
		if err := s.write([]byte(": still here\n\n")); err != nil {
			return err
		}
	}
	if changes.Missed {
		why := api.Reset{Detail: "it is not known what has changed since the event that you named", Hint: cursorTaken}
		if err := s.event(api.EventReset, changes.Next, why); err != nil {
			return err
		}
	}
	for _, c := range changes.All {
		if err := s.change(c); err != nil {
			return err
		}
	}
	if err := s.to.Flush(); err != nil {
		return err
	}
	return s.limit(0)
}

func (s stream) change(c bridge.Change) error {
	if c.Grant != nil {
		return s.event(api.EventGrant, c.Cursor, grantOf(*c.Grant))
	}
	return s.event(api.EventRequest, c.Cursor, requestOf(*c.Request))
}

// event writes one event. JSON has no line ends in it, and so is one line.
func (s stream) event(kind string, id bridge.Cursor, data any) error {
	plain, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	return s.write(fmt.Appendf(nil, "event: %s\nid: %s\ndata: %s\n\n", kind, id, plain))
}

func (s stream) write(text []byte) error {
	if err := s.limit(readWithin); err != nil {
		return err
	}
	_, err := s.w.Write(text) //nolint:gosec // JSON and our own words, and not to a browser
	return err
}

// limit bounds what is written from now on; 0 = for ever. It takes the place
// of the server's own bound, which is for answers that end by themselves.
func (s stream) limit(d time.Duration) error {
	if d == 0 {
		return s.to.SetWriteDeadline(time.Time{})
	}
	return s.to.SetWriteDeadline(time.Now().Add(d))
}
