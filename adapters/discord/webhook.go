package discord

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/authbridge/authbridge/adapters/chat"
)

// webhook takes Discord's calls. Nothing in a call's address is read: only its
// body is signed.
type webhook struct {
	line     *line
	verifier verifier
	doubts   chat.Sparingly
}

// handler serves Discord's calls, or nothing at all when they do not come that
// way.
func (l *line) handler() http.Handler {
	mux := http.NewServeMux()
	if l.key == nil {
		return mux
	}
	h := &webhook{line: l, verifier: verifier{l.key, chat.NewCalls()}}
	mux.HandleFunc("POST /discord/interactions", h.serve)
	return mux
}

func (h *webhook) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		refuseBody(w, err)
		return
	}
	if err := h.verifier.verify(r.Header, body); err != nil {
		h.doubt(w, r, err)
		return
	}
	in, err := parse(body)
	if errors.Is(err, errPing) {
		say(w, []byte(`{"type":1}`))
		return
	}
	if err == nil {
		err = h.line.admit(in)
	}
	if err != nil { // no other answer than an error is right to what we do not know
		h.line.dropped(r.Context(), err)
		http.Error(w, "nothing that the bridge takes", http.StatusBadRequest)
		return
	}
	h.take(w, r, in)
}

func refuseBody(w http.ResponseWriter, err error) {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		http.Error(w, "too long", http.StatusRequestEntityTooLarge)
		return
	}
	http.Error(w, "the body ended early", http.StatusBadRequest)
}

// doubt turns away what is not Discord's. What it was is for the log alone,
// and there only now and then: anybody can call.
func (h *webhook) doubt(w http.ResponseWriter, r *http.Request, why error) {
	if h.doubts.Now() {
		h.line.log.WarnContext(r.Context(), "discord: a call was refused", "why", why)
	}
	if errors.Is(why, chat.ErrFlooded) {
		busy(w)
		return
	}
	http.Error(w, "not a call of Discord's", http.StatusUnauthorized)
}

func busy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "5")
	http.Error(w, "too busy, or not running", http.StatusServiceUnavailable)
}

// take has an inbound taken in, and answers the call with its first answer.
func (h *webhook) take(w http.ResponseWriter, r *http.Request, in inbound) {
	said := make(chan []byte)
	full := make(chan struct{})
	written := make(chan struct{})
	ctx := r.Context()
	reply := func(body any) error { return hand(ctx, body, said, written) }
	go func() {
		if h.line.take(ctx, in, reply) != nil {
			close(full)
		}
	}()
	select {
	case raw := <-said:
		say(w, raw)
		_ = http.NewResponseController(w).Flush() // it goes when we return anyway
		close(written)
	case <-full:
		busy(w)
	case <-ctx.Done():
	}
}

// hand gives a first answer to whoever writes it, and returns when that is
// done, so that follow-ups come after it.
func hand(ctx context.Context, body any, said chan<- []byte, written <-chan struct{}) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	select {
	case said <- raw:
		<-written
		return nil
	case <-ctx.Done():
		return errors.New("nobody waits for an answer any more")
	}
}

// say answers 200 with JSON.
func say(w http.ResponseWriter, raw []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(raw)
}
