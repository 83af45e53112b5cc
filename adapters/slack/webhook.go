package slack

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/authbridge/authbridge/adapters/chat"
)

// maxPayload bounds what Slack may bring at once, on either way.
const maxPayload = 1 << 20

// webhook takes Slack's calls. Nothing in a call's address is read: only its
// body is signed.
type webhook struct {
	line     *line
	verifier *verifier
	doubts   chat.Sparingly
}

// handler serves Slack's calls, or nothing at all in ModeSocket.
func (l *line) handler() http.Handler {
	mux := http.NewServeMux()
	if l.options.Mode != ModeHTTP {
		return mux
	}
	h := &webhook{line: l, verifier: newVerifier(l.options.SigningSecret)}
	mux.HandleFunc("POST /slack/interactions", h.signed(h.interaction))
	mux.HandleFunc("POST /slack/commands", h.signed(h.command))
	mux.HandleFunc("POST /slack/events", h.signed(h.event))
	return mux
}

// signed has a call's body read and its signature checked first.
func (h *webhook) signed(next func(http.ResponseWriter, *http.Request, []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
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
		next(w, r, body)
	}
}

func refuseBody(w http.ResponseWriter, err error) {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		http.Error(w, "too long", http.StatusRequestEntityTooLarge)
		return
	}
	http.Error(w, "the body ended early", http.StatusBadRequest)
}

// doubt turns away what is not Slack's. What it was is for the log alone, and
// there only now and then: anybody can call.
func (h *webhook) doubt(w http.ResponseWriter, r *http.Request, why error) {
	if h.doubts.Now() {
		h.line.log.WarnContext(r.Context(), "slack: a call was refused", "path", r.URL.Path, "why", why)
	}
	if errors.Is(why, chat.ErrFlooded) {
		busy(w)
		return
	}
	http.Error(w, "not a call of Slack's", http.StatusUnauthorized)
}

func busy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "5")
	http.Error(w, "too busy, or not running", http.StatusServiceUnavailable)
}

func (h *webhook) interaction(w http.ResponseWriter, r *http.Request, body []byte) {
	form, ok := readForm(w, r, body)
	if !ok || sslCheck(form) {
		return
	}
	if len(form["payload"]) != 1 {
		http.Error(w, "one payload is wanted", http.StatusBadRequest)
		return
	}
	in, err := parseInteraction([]byte(form.Get("payload")))
	h.take(w, r, in, err)
}

func (h *webhook) command(w http.ResponseWriter, r *http.Request, body []byte) {
	form, ok := readForm(w, r, body)
	if !ok || sslCheck(form) {
		return
	}
	in, err := parseCommandForm(form)
	h.take(w, r, in, err)
}

func (h *webhook) event(w http.ResponseWriter, r *http.Request, body []byte) {
	var c callback
	if err := json.Unmarshal(body, &c); err != nil {
		http.Error(w, "not an event", http.StatusBadRequest)
		return
	}
	if c.Type == "url_verification" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, c.Challenge)
		return
	}
	in, err := c.inbound()
	h.take(w, r, in, err)
}

// sslCheck reports whether Slack only looks whether somebody is here.
func sslCheck(form url.Values) bool { return form.Get("ssl_check") == "1" }

func readForm(w http.ResponseWriter, r *http.Request, body []byte) (url.Values, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		http.Error(w, "a form is wanted", http.StatusUnsupportedMediaType)
		return nil, false
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, "not a form", http.StatusBadRequest)
		return nil, false
	}
	return form, true
}

// take has an inbound taken in and answers the call. What is nothing to us is
// acknowledged, so that Slack does not bring it again.
func (h *webhook) take(w http.ResponseWriter, r *http.Request, in inbound, err error) {
	if err != nil {
		h.line.dropped(r.Context(), err)
		return
	}
	acked := make(chan []byte, 1)
	err = h.line.intake.Take(r.Context(), in, func(body any) error {
		raw, err := encode(body)
		acked <- raw
		return err
	})
	if err != nil {
		busy(w)
		return
	}
	select {
	case raw := <-acked:
		say(w, raw)
	case <-r.Context().Done():
	}
}

// encode is a body as JSON, or nil for none.
func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	return json.Marshal(body)
}

// say answers 200, with nothing at all when there is nothing to say: Slack
// reads any body as an answer.
func say(w http.ResponseWriter, raw []byte) {
	if raw != nil {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(raw)
	}
}
