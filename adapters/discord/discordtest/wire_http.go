package discordtest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"
)

// InteractionsPath is where an app takes signed calls.
const InteractionsPath = "/discord/interactions"

// callback is the route of first answers. One that comes in the response to a
// call is recorded as a call of it.
const callback = "POST /interactions/{interaction}/{token}/callback"

// RequestsTo has people's doings be brought by signed calls to an app at an
// address, and no longer over the gateway. As Discord does, it tries the
// address first: with a ping, and with signatures that are wrong. The test
// fails if the app answers those other than Discord wants.
func (s *Discord) RequestsTo(base string) {
	s.t.Helper()
	to := base + InteractionsPath
	ping, _ := json.Marshal(map[string]any{ // texts
		"id": s.fresh(), "application_id": s.App(), "type": aPing, "token": "ping" + hexes(8), "version": 1,
	})
	s.probe(to, ping)
	a := s.send(s.wire.life, s.write(to, ping, s.Now()))
	kind, _, _ := mime.ParseMediaType(a.kind) // what is none is not the wanted one
	var said struct {
		Type int `json:"type"`
	}
	if a.status != http.StatusOK || kind != "application/json" || json.Unmarshal(a.body, &said) != nil || said.Type != pong {
		s.t.Fatalf("discord: the ping was answered with %d %q %s, not with pong in JSON", a.status, a.kind, a.body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.requestsTo, s.world.App.Endpoint = to, to
}

// Probe tries the app's address with wrong signatures, as Discord does now and
// then. The test fails if any is taken.
func (s *Discord) Probe() {
	s.t.Helper()
	s.mu.Lock()
	to := s.wire.requestsTo
	s.mu.Unlock()
	s.probe(to, []byte(`{"id":"`+s.fresh()+`","type":1}`))
}

func (s *Discord) probe(to string, body []byte) {
	s.t.Helper()
	_, other, _ := ed25519.GenerateKey(rand.Reader) // this reader does not fail
	for name, spoil := range map[string]func(*letter){
		"no signature": func(l *letter) { l.header.Del("X-Signature-Ed25519") },
		"no time":      func(l *letter) { l.header.Del("X-Signature-Timestamp") },
		"an empty signature": func(l *letter) {
			l.header.Set("X-Signature-Ed25519", hex.EncodeToString(make([]byte, ed25519.SignatureSize)))
		},
		"half a signature":    func(l *letter) { l.header.Set("X-Signature-Ed25519", l.header.Get("X-Signature-Ed25519")[:64]) },
		"another time":        func(l *letter) { l.header.Set("X-Signature-Timestamp", "1") },
		"another body":        func(l *letter) { l.body = append(bytes.Clone(l.body), ' ') },
		"somebody else's key": func(l *letter) { l.sign(other) },
	} {
		l := s.write(to, body, s.Now())
		spoil(&l)
		if a := s.send(s.wire.life, l); a.status != http.StatusUnauthorized {
			s.t.Fatalf("discord: a call with %s was answered with %d, not 401", name, a.status)
		}
	}
}

func (s *Discord) fresh() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snowflake()
}

// App is the application's id.
func (s *Discord) App() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.App.ID
}

// Forge calls the app with a body that was signed at a time, after spoil has
// changed the headers; nil = nothing. It returns the status, 0 = none came.
func (s *Discord) Forge(base string, body []byte, at time.Time, spoil func(http.Header)) int {
	l := s.write(base+InteractionsPath, body, at)
	if spoil != nil {
		spoil(l.header)
	}
	return s.send(s.wire.life, l).status
}

// Replay sends the last call to the app once more, as it was: somebody has
// overheard it. It returns the status, 0 = none came.
func (s *Discord) Replay() int {
	s.t.Helper()
	s.mu.Lock()
	if len(s.wire.letters) == 0 {
		s.mu.Unlock()
		s.t.Fatalf("discord: the app was never called")
	}
	l := s.wire.letters[len(s.wire.letters)-1]
	s.mu.Unlock()
	return s.send(s.wire.life, l).status
}

// letter is a signed call, before it is sent.
type letter struct {
	to     string
	header http.Header
	body   []byte
}

// reply is what a letter was answered with; the status 0 = it was not.
type reply struct {
	status int
	kind   string // of its body
	body   []byte
}

func (s *Discord) write(to string, body []byte, at time.Time) letter {
	l := letter{to: to, header: http.Header{}, body: body}
	l.header.Set("Content-Type", "application/json")
	l.header.Set("User-Agent", "Discord-Interactions/1.0 (+https://discord.com)")
	l.header.Set("X-Signature-Timestamp", strconv.FormatInt(at.Unix(), 10))
	l.sign(s.key)
	return l
}

// sign signs the time and the body.
func (l *letter) sign(key ed25519.PrivateKey) {
	said := append([]byte(l.header.Get("X-Signature-Timestamp")), l.body...)
	l.header.Set("X-Signature-Ed25519", hex.EncodeToString(ed25519.Sign(key, said)))
}

// send waits for the answer as long as Discord does.
func (s *Discord) send(ctx context.Context, l letter) reply {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.to, bytes.NewReader(l.body))
	if err != nil {
		return reply{}
	}
	r.Header = l.header
	resp, err := s.srv.Client().Do(r)
	if err != nil {
		return reply{}
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return reply{}
	}
	return reply{status: resp.StatusCode, kind: resp.Header.Get("Content-Type"), body: body}
}

// mail calls the app with a payload, and takes what it answers as the answer to
// that interaction; nil = to none. It needs the lock.
func (s *Discord) mail(payload any, i *interaction) {
	raw, _ := json.Marshal(payload) // maps and texts
	at := s.now()
	if n := len(s.wire.letters); n > 0 && bytes.Equal(s.wire.letters[n-1].body, raw) {
		at = at.Add(time.Second) // signed anew, it is not a copy
	}
	l := s.write(s.wire.requestsTo, raw, at)
	s.wire.letters = append(s.wire.letters, l)
	s.beside(func(ctx context.Context) {
		a := s.send(ctx, l)
		s.mu.Lock()
		defer s.mu.Unlock()
		if i != nil && !s.wire.closed {
			s.answeredBy(i, a)
		}
		s.touch()
	})
}

// answeredBy takes the response to a call. It needs the lock.
func (s *Discord) answeredBy(i *interaction, a reply) {
	kind, _, _ := mime.ParseMediaType(a.kind) // what is none is not the wanted one
	switch {
	case a.status == 0, a.status == http.StatusAccepted, a.status == http.StatusNoContent:
		return // it is answered by a call, or not at all
	case a.status != http.StatusOK:
		s.fail(i)
		return
	case kind != "application/json":
		s.complain(callback, InvalidForm, "the response is not called application/json")
	}
	e := Exchange{Where: callback, Path: map[string]string{"interaction": i.id}, Asked: string(a.body), Status: http.StatusOK}
	if err := s.firstAnswer(i, a.body); err != nil {
		r, ok := errors.AsType[*refusal](err)
		if !ok {
			r = &refusal{code: InvalidForm, own: err.Error()}
		}
		if r.own != "" {
			s.complain(callback, r.code, r.own)
		}
		e.Code = r.code
		s.fail(i)
	}
	s.record(e)
}
