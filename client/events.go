package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"time"

	"github.com/authbridge/authbridge/api"
)

// Event is one thing that has changed: one of Request, Grant and Reset is
// set.
type Event struct {
	Request *api.Request // as it stands now
	Grant   *api.Grant

	// Reset means that it is not known what has changed before: read what
	// there is, with [Client.Requests], and from now on the events tell what
	// changes. It comes when the events begin without a cursor, and after a
	// restart of the bridge.
	Reset bool

	Cursor string // where to go on once this is dealt with
}

// Events yields what changes of all the agent's requests and grants: after a
// cursor, or with "" from now on, beginning with a Reset. It waits for as long
// as ctx lasts, on one connection however many requests are waited for.
//
// Several changes of a request may come as one, the last. An event may come
// twice, and so may a version of a request, but none after a later one.
//
// A bridge that restarts is waited for: only when it has been away for 30 s is
// that the error. The same holds for the first call with a cursor; without
// one there has to be a bridge. The sequence ends at the first error, that of
// ctx among them.
func (c *Client) Events(ctx context.Context, cursor string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		p := patience{known: cursor != "", away: c.Away}
		for {
			s, err := try(ctx, &p, func() (*stream, error) { return c.follow(ctx, cursor) })
			for err == nil {
				var e Event
				if e, err = s.next(); err == nil && !yield(e, nil) {
					s.close()
					return
				}
				cursor = s.cursor
			}
			s.close()
			if !errors.Is(err, errStreamOver) {
				yield(Event{}, err)
				return
			}
			_ = pause(ctx, firstPause) // if ctx has ended, the next call says so
		}
	}
}

// silence is after how long a stream is taken for dead: a bridge that is there
// says so three times within it.
const silence = 65 * time.Second

// errStreamOver means that a stream has ended that can be taken up again.
var errStreamOver = errors.New("the stream of events is over")

// stream is one answer of GET /v1/events.
type stream struct {
	cursor string // of what was read last

	body  io.Closer
	in    *eventReader
	alarm *time.Timer // ends the connection if nothing is heard
	end   context.CancelFunc
}

// follow opens a stream.
func (c *Client) follow(ctx context.Context, cursor string) (*stream, error) {
	within, end := context.WithCancel(ctx)
	s := &stream{cursor: cursor, end: end, alarm: time.AfterFunc(answerWithin, end)}
	what := call{method: http.MethodGet, path: api.EventsPath, header: http.Header{"Accept": {api.EventMediaType}}}
	if cursor != "" {
		what.header.Set(api.LastEventIDHeader, cursor)
	}
	resp, err := c.open(within, what) //nolint:bodyclose // the stream closes it
	if err != nil {
		if within.Err() != nil {
			err = context.DeadlineExceeded // of the alarm, unless it was the caller's end
		}
		s.close()
		return nil, c.lost(ctx, err)
	}
	s.body, s.in = resp.Body, newEventReader(resp.Body)
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); resp.StatusCode == http.StatusOK && kind == api.EventMediaType {
		return s, nil
	}
	defer s.close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, c.lost(ctx, err)
	}
	if err := c.read(what, resp, body); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("GET %s: the answer is no stream of events", api.EventsPath)
}

// close ends the stream, if there is one.
func (s *stream) close() {
	if s == nil {
		return
	}
	s.alarm.Stop()
	s.end()
	if s.body != nil {
		_ = s.body.Close()
	}
}

// next reads up to the next event that a caller has to know of. Whatever ends
// the stream is errStreamOver, but for an event that cannot be read.
func (s *stream) next() (Event, error) {
	for {
		s.alarm.Reset(silence)
		m, err := s.in.next(func() { s.alarm.Reset(silence) })
		if err != nil {
			return Event{}, err
		}
		fresh := s.cursor == ""
		if m.id != "" {
			s.cursor = m.id
		}
		if e, known, err := m.event(fresh); err != nil || known {
			e.Cursor = s.cursor
			return e, err
		}
	}
}

// event reads a message; known is false for one that says nothing to us. The
// first place in a stream that began without one is news by itself.
func (m message) event(fresh bool) (e Event, known bool, err error) {
	switch {
	case m.kind == api.EventRequest:
		e.Request = new(api.Request)
		err = json.Unmarshal(m.data, e.Request)
	case m.kind == api.EventGrant:
		e.Grant = new(api.Grant)
		err = json.Unmarshal(m.data, e.Grant)
	case m.kind == api.EventReset, fresh && m.id != "":
		e.Reset = true
	default:
		return Event{}, false, nil
	}
	if err != nil {
		return Event{}, false, fmt.Errorf("GET %s: an event cannot be read; is the bridge of another version?", api.EventsPath)
	}
	return e, true, nil
}
