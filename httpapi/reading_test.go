package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

func FuzzReadAsk(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"provider":"corp","scopes":["a","b"],"ttl":"1d","min_validity":60}`, `{"origin":{"platform":"slack","channel":"C1","thread":"1.2"}}`,
		`{"team":"oncall"}`, `{"ttl":-1}`, `[]`, ``, `{"ttl":1e999}`, `{"provider":"\ud800"}`, "{\"\xff\":1}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", api.MediaType)
		r.Header.Set(api.IdempotencyKeyHeader, "k")
		ask, err := readAsk(httptest.NewRecorder(), r)
		var no *localhttp.Refusal
		switch {
		case errors.As(err, &no):
			if no.Problem.Code != api.ProblemInvalidRequest && no.Problem.Code != api.ProblemTooLarge {
				t.Fatalf("refused as %s", no.Problem.Code)
			}
			return
		case err != nil:
			t.Fatalf("%q is a fault: %v", body, err)
		case len(body) > 0 && !json.Valid(body):
			t.Fatalf("%q was taken", body)
		case ask.TTL < 0 || ask.MinValidity < 0 || ask.Body == [32]byte{}:
			t.Fatalf("%q became %+v", body, ask)
		}
		again := sentAgain(t, ask)
		if !reflect.DeepEqual(again, ask) {
			t.Fatalf("said in our words it is another ask:\n%+v\n%+v", ask, again)
		}
	})
}

// sentAgain sends an ask as our own client would.
func sentAgain(t *testing.T, a bridge.Ask) bridge.Ask {
	var from *api.Origin
	if a.Origin != (bridge.Origin{}) {
		from = (*api.Origin)(&a.Origin)
	}
	body, err := json.Marshal(api.Ask{
		Provider: a.Provider, Scopes: a.Scopes, Human: a.Human, Team: a.Team, Reason: a.Reason, Context: a.Context, Session: a.Session,
		MinValidity: api.Duration(a.MinValidity), TTL: api.Duration(a.TTL), Fresh: a.Fresh, Origin: from,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(body) > api.MaxBody {
		t.Skip("escaped it is too long")
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set("Content-Type", api.MediaType)
	r.Header.Set(api.IdempotencyKeyHeader, "k")
	ask, err := readAsk(httptest.NewRecorder(), r)
	if err != nil {
		t.Fatalf("our own words are refused: %v\n%s", err, body)
	}
	if len(a.Scopes) == 0 {
		ask.Scopes = a.Scopes // none and [] are the same
	}
	if len(a.Context) == 0 {
		ask.Context = a.Context
	}
	return ask
}

func TestPreferredWait(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"wait=10": 10 * time.Second, "WAIT = 10": 10 * time.Second, `wait="10"`: 10 * time.Second, `wait="1\0"`: 10 * time.Second,
		"a=b, wait=3;x=y": 3 * time.Second, "wait=4, wait=900": 4 * time.Second, ", ,wait=5,": 5 * time.Second, "wait=060": time.Minute,
	} {
		if got, stated, err := preferredWait([]string{header}); got != want || !stated || err != nil {
			t.Errorf("%s: %s, %v, %v", header, got, stated, err)
		}
	}
	for _, header := range []string{"", "respond-async", `x="wait=3"`, `x="a, wait=3"`, "x;wait=3", `x="\", wait=3"`, "waiting=3", "=wait"} {
		if got, stated, err := preferredWait([]string{header}); got != 0 || stated || err != nil {
			t.Errorf("%s: %s, %v, %v", header, got, stated, err)
		}
	}
	if got, _, err := preferredWait([]string{"x=1", "wait=7", "wait=8"}); got != 7*time.Second || err != nil {
		t.Errorf("of several headers: %s, %v", got, err)
	}
}

func FuzzPreferredWait(f *testing.F) {
	for _, seed := range []string{"wait=10", `x="\", wait=3", wait=4`, "wait", "wait=61", `wait="`, "\\", `"\`, "wait=\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		wait, stated, err := preferredWait([]string{header})
		if wait < 0 || wait > api.MaxWait*time.Second || wait%time.Second != 0 {
			t.Fatalf("%q waits %s", header, wait)
		}
		if stated && err != nil || !stated && wait != 0 {
			t.Fatalf("%q: %s, %v, %v", header, wait, stated, err)
		}
		if (stated || err != nil) && !strings.Contains(strings.ToLower(strings.ReplaceAll(unquote(header), " ", "")), "wait") {
			t.Fatalf("%q states a wait", header)
		}
	})
}

func TestWhereSomebodyWasAsked(t *testing.T) {
	for want, surfaces := range map[string][]bridge.Surface{
		"":                             nil,
		" in their inbox":              {{Channel: "web"}},
		" in Slack":                    {{Channel: "slack"}},
		" in Slack and in their inbox": {{Channel: "slack"}, {Channel: "web"}, {Channel: "discord", State: bridge.DeliveryUnreachable}},
	} {
		if got := where(surfaces); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
