package slacktest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The app's request addresses, below its base.
const (
	InteractionsPath = "/slack/interactions"
	CommandsPath     = "/slack/commands"
	EventsPath       = "/slack/events"
)

// RequestsTo makes Slack bring everything by signed requests to the app's
// addresses below a base ("http://127.0.0.1:1234"), and nothing over sockets
// any more. "" goes back to sockets.
func (s *Slack) RequestsTo(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.requests = base
}

// Letter is a request to the app, before it is sent. Sending one twice is an
// exact replay; what is altered in it is no longer what was signed.
type Letter struct {
	URL    string
	Header http.Header
	Body   string
}

// Receipt is what the app answered to a letter.
type Receipt struct {
	Status int
	Body   string
	Err    error // there was no answer within Pace.Ack
}

// Letter writes and signs the request that would bring a payload to the app.
func (s *Slack) Letter(kind string, payload map[string]any) Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.letter(kind, copied(payload))
}

// letter needs the lock.
func (s *Slack) letter(kind string, payload map[string]any) Letter {
	text, _ := json.Marshal(payload) // it is a copy made by way of JSON
	l := Letter{URL: s.wire.requests, Header: http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"},
		"Accept":       {"application/json,*/*"},
		"User-Agent":   {"Slackbot 1.0 (+https://api.slack.com/robots)"},
	}}
	switch kind {
	case Command:
		l.URL, l.Body = l.URL+CommandsPath, formOf(payload).Encode()
	case Event:
		l.URL, l.Body = l.URL+EventsPath, string(text)
		l.Header.Set("Content-Type", "application/json")
	default:
		l.URL, l.Body = l.URL+InteractionsPath, url.Values{"payload": {string(text)}}.Encode()
	}
	return l.Signed(s.signing, s.world.Now())
}

// Signed is the letter as somebody signs it who has a secret, at some time
// (version v0).
func (l Letter) Signed(secret string, at time.Time) Letter {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + stamp + ":" + l.Body))
	l.Header = l.Header.Clone()
	l.Header.Set("X-Slack-Request-Timestamp", stamp)
	l.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return l
}

// Send sends a letter as it is, whoever it is from.
func (s *Slack) Send(l Letter) Receipt {
	s.mu.Lock()
	patience := s.wire.pace.Ack
	s.mu.Unlock()
	return s.post(s.wire.ctx, l, patience)
}

// post sends a letter and records it.
func (s *Slack) post(ctx context.Context, l Letter, patience time.Duration) Receipt {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	got := exchange(ctx, l)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := Exchange{Where: l.path(), Asked: l.Body, Answer: got.Body, Status: got.Status}
	if got.Err != nil {
		e.Error = got.Err.Error()
	}
	s.record(e)
	s.touch()
	return got
}

func (l Letter) path() string {
	u, err := url.Parse(l.URL)
	if err != nil {
		return l.URL
	}
	return u.Path
}

// exchange sends a letter over a connection of its own: Slack has many
// machines.
func exchange(ctx context.Context, l Letter) Receipt {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.URL, strings.NewReader(l.Body))
	if err != nil {
		return Receipt{Err: err}
	}
	req.Header = l.Header.Clone()
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return Receipt{Err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return Receipt{Status: resp.StatusCode, Body: string(body), Err: err}
}

// request brings a delivery by a request. It needs the lock.
func (s *Slack) request(d *Delivery, because string) {
	l, patience := s.letter(d.kind, d.payload), s.wire.pace.Ack
	if n := d.outcome.Attempts - 1; n > 0 {
		l.Header.Set("X-Slack-Retry-Num", strconv.Itoa(n))
		l.Header.Set("X-Slack-Retry-Reason", because)
	}
	s.beside(func(ctx context.Context) {
		got := s.post(ctx, l, patience)
		s.mu.Lock()
		defer s.mu.Unlock()
		d.received(got)
	})
}

// received takes the answer to a request. It needs the lock.
func (d *Delivery) received(got Receipt) {
	d.outcome.Status = got.Status
	switch {
	case errors.Is(got.Err, context.DeadlineExceeded):
		d.missed("http_timeout")
	case got.Err != nil:
		d.missed("connection_failed")
	case got.Status < 200 || got.Status > 299:
		d.missed("http_error")
	case !d.converses || strings.TrimSpace(got.Body) == "":
		d.acked(nil)
	case json.Valid([]byte(got.Body)):
		d.acked(json.RawMessage(got.Body))
	default:
		text, _ := json.Marshal(map[string]string{"text": got.Body}) // strings always can
		d.acked(text)
	}
}

// Challenge asks the app to prove that its address for events is its own, as
// when the address is entered.
func (s *Slack) Challenge() error {
	challenge := hexes(16)
	got := s.Send(s.Letter(Event, map[string]any{
		"type": "url_verification", "token": verification, "challenge": challenge,
	}))
	var said struct{ Challenge string }
	if json.Unmarshal([]byte(got.Body), &said) == nil {
		got.Body = said.Challenge
	}
	if got.Err != nil {
		return got.Err
	}
	if got.Status != http.StatusOK || got.Body != challenge {
		return fmt.Errorf("status %d, and not the challenge: %q", got.Status, got.Body)
	}
	return nil
}
