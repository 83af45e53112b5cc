package oauth_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
)

// answer is what is said at one address of an [elsewhere].
type answer struct {
	Status     int
	Challenges []string
	Location   string
	Type       string
	Text       string
	JSON       json.RawMessage
}

// elsewhere is the world outside, as a round tripper: what has no answer in it
// is not found.
type elsewhere struct {
	mu       sync.Mutex
	answers  map[string]answer // by method and address
	requests []string          // method and address, in order
	headers  []http.Header
	before   func(*http.Request) error // what happens before an answer; may be nil
}

// RoundTrip implements [http.RoundTripper].
func (e *elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	call := r.Method + " " + r.URL.String()
	e.mu.Lock()
	e.requests, e.headers = append(e.requests, call), append(e.headers, r.Header.Clone())
	said, known := e.answers[call]
	before := e.before
	e.mu.Unlock()
	if before != nil {
		if err := before(r); err != nil {
			return nil, err
		}
	}
	if !known {
		said = answer{Status: http.StatusNotFound, Type: "text/html", Text: "<!doctype html><h1>secret-of-the-page</h1>"}
	}
	body := append([]byte(said.Text), said.JSON...)
	header := http.Header{"Www-Authenticate": said.Challenges}
	switch {
	case said.Type != "":
		header.Set("Content-Type", said.Type)
	case said.JSON != nil:
		header.Set("Content-Type", "application/json")
	}
	if said.Location != "" {
		header.Set("Location", said.Location)
	}
	return &http.Response{
		StatusCode: said.Status, Header: header, Request: r, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

func (e *elsewhere) set(call string, said answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answers[call] = said
}

// asked returns the calls so far, and forgets them.
func (e *elsewhere) asked() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	asked := e.requests
	e.requests = nil
	return asked
}

// readVectors reads a file of cases that are data for others too. Each says
// where it is from.
func readVectors[C any](t testing.TB, name string) []C {
	t.Helper()
	text, err := os.ReadFile("../docs/vectors/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []json.RawMessage }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var cases []C
	for _, raw := range file.Cases {
		var c C
		var from struct{ Name, Source string }
		strict := json.NewDecoder(bytes.NewReader(raw))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&c); err != nil {
			t.Fatalf("%s: %v in %.100s", name, err, raw)
		}
		if err := json.Unmarshal(raw, &from); err != nil || from.Name == "" || !strings.HasPrefix(from.Source, "constructed") && !strings.HasPrefix(from.Source, "documented: ") {
			t.Fatalf("%s: %q is from %q", name, from.Name, from.Source)
		}
		cases = append(cases, c)
	}
	if len(cases) < 10 {
		t.Fatalf("%s has only %d cases", name, len(cases))
	}
	return cases
}
