package discordtest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"time"
)

// InteractionsPath is where an app takes signed calls.
const InteractionsPath = "/discord/interactions"

// RequestsTo has people's doings be brought by signed calls to an app at an
// address, and no longer over the gateway. As Discord does, it tries the
// address first: with a ping, and with signatures that are wrong. The test
// fails if the app answers those other than Discord wants.
func (s *Discord) RequestsTo(base string) {
	s.t.Helper()
	to := base + InteractionsPath
	if status, body := s.signed(to, []byte(`{"id":"1","type":1,"version":1,"application_id":"`+s.App()+`","token":"ping"}`)); status != http.StatusOK || !bytes.Contains(body, []byte(`"type":1`)) {
		s.t.Fatalf("discord: the ping was answered with %d %s", status, body)
	}
	for _, spoil := range []func(h http.Header){
		func(h http.Header) {
			h.Set("X-Signature-Ed25519", hex.EncodeToString(make([]byte, ed25519.SignatureSize)))
		},
		func(h http.Header) { h.Del("X-Signature-Ed25519") },
		func(h http.Header) { h.Set("X-Signature-Timestamp", "1") },
	} {
		if status, _ := s.call(to, []byte(`{"type":1}`), time.Now(), spoil); status != http.StatusUnauthorized {
			s.t.Fatalf("discord: a wrong signature was answered with %d, not 401", status)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.requestsTo, s.world.App.Endpoint = to, to
}

// App is the application's id.
func (s *Discord) App() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.App.ID
}

// signed calls the app as Discord does, within the three seconds that it gives.
func (s *Discord) signed(to string, body []byte) (status int, answer []byte) {
	return s.call(to, body, time.Now(), nil)
}

// Forge calls the app with a body that was signed at a time, after spoil has
// changed the headers; nil = nothing. It returns the status.
func (s *Discord) Forge(base string, body []byte, at time.Time, spoil func(http.Header)) int {
	status, _ := s.call(base+InteractionsPath, body, at, spoil)
	return status
}

func (s *Discord) call(to string, body []byte, at time.Time, spoil func(http.Header)) (status int, answer []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return 0, nil
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Discord-Interactions/1.0 (+https://discord.com)")
	r.Header.Set("X-Signature-Timestamp", stamp)
	r.Header.Set("X-Signature-Ed25519", hex.EncodeToString(ed25519.Sign(s.key, append([]byte(stamp), body...))))
	if spoil != nil {
		spoil(r.Header)
	}
	resp, err := s.srv.Client().Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	answer, _ = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, answer
}
