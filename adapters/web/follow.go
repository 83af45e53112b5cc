package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// maxWait bounds how long a call waits for a change.
const maxWait = 30 * time.Second

// maxSeats is how many calls of one session may wait at the same time.
const maxSeats = 8

// follow answers with what the human is to see as soon as that is not what
// the page has already (the ETag in after), or with 304 when nothing changes
// within wait seconds.
func (in *Inbox) follow(w http.ResponseWriter, r *http.Request, s session) {
	wait, err := waitOf(r)
	if err != nil {
		http.Error(w, "wait is a number of seconds.", http.StatusBadRequest)
		return
	}
	if !in.seats.take(s.note) {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "Too many pages are open with this session: close some.", http.StatusTooManyRequests)
		return
	}
	defer in.seats.leave(s.note)
	s, err = in.used(r.Context(), s)
	if err != nil {
		in.refuse(w, r, "note that a session is in use", err)
		return
	}
	v, err := in.await(r, s, wait)
	switch {
	case err != nil:
		in.refuse(w, r, "show the inbox", err)
	case v.etag == r.URL.Query().Get("after"):
		w.Header().Set("ETag", v.etag)
		w.WriteHeader(http.StatusNotModified)
	default:
		w.Header().Set("ETag", v.etag)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		in.deliver(w, r, s, v.html, v.waiting)
	}
}

func waitOf(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("wait")
	if text == "" {
		return 0, nil
	}
	seconds, err := strconv.ParseUint(text, 10, 16)
	return min(time.Duration(seconds)*time.Second, maxWait), err
}

// view is what a human sees at one moment.
type view struct {
	html    []byte
	etag    string
	waiting []bridge.Card
}

// await returns the first view that differs from what the page has, or the
// last one when the time is over. It watches before it reads, so no change is
// missed, and looks at the session again before each later read: who signs
// out sees nothing more.
func (in *Inbox) await(r *http.Request, s session, wait time.Duration) (view, error) {
	changed, stop := in.desk.WatchInbox(s.Human)
	defer stop()
	over, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	for {
		rung := in.bells.listen(s.Human)
		v, err := in.view(r.Context(), s)
		if err != nil || v.etag != r.URL.Query().Get("after") {
			return v, err
		}
		select {
		case <-over.Done():
			return v, nil
		case <-changed:
		case <-rung:
		}
		if s, err = in.session(r); err != nil {
			return view{}, err
		}
	}
}

func (in *Inbox) view(ctx context.Context, s session) (view, error) {
	shown, err := in.desk.Inbox(ctx, s.Human)
	if err != nil {
		return view{}, err
	}
	sessions, err := in.sessions(ctx, s)
	if err != nil {
		return view{}, err
	}
	html, err := in.render.inbox(s, sessions, shown)
	return view{html, in.render.etag(html), shown.Waiting}, err
}

// deliver sends an answer and, once it has left, notes that the human's page
// has these cards.
func (in *Inbox) deliver(w http.ResponseWriter, r *http.Request, s session, answer []byte, cards []bridge.Card) {
	// With its length the answer is complete to the page before the handler
	// returns: noting costs the human no time.
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	if _, err := w.Write(answer); err != nil { //nolint:gosec // G705: html/template wrote all of it, or encoding/json around that
		return
	}
	if err := http.NewResponseController(w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return
	}
	if len(cards) == 0 {
		return
	}
	if err := in.desk.Seen(context.WithoutCancel(r.Context()), s.Human, channel, cards); err != nil {
		in.log.Warn("note what a human has seen", "err", err)
	}
}

// seats counts the calls that wait, by session. The zero value is ready.
type seats struct {
	mu    sync.Mutex
	taken map[string]int
}

func (s *seats) take(who string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who] >= maxSeats {
		return false
	}
	if s.taken == nil {
		s.taken = make(map[string]int)
	}
	s.taken[who]++
	return true
}

func (s *seats) leave(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who]--; s.taken[who] == 0 {
		delete(s.taken, who)
	}
}
