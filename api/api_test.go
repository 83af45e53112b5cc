package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
)

func TestATokenIsNotPrinted(t *testing.T) {
	token := api.Token{AccessToken: "at-12345", Issuer: "https://login.example.com", Grant: "grt_1"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", token, "pointer", &token)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", token, "pointer", &token)
	seen := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		seen += fmt.Sprintf(verb, token) + fmt.Sprintf(verb, &token) + fmt.Sprintf(verb, []api.Token{token}) +
			fmt.Sprintf(verb, struct{ T api.Token }{token}) + fmt.Sprintf(verb, map[string]api.Token{"t": token})
	}
	seen += fmt.Sprint(token) + token.String() + token.GoString()
	if strings.Contains(seen, "12345") || strings.Contains(seen, fmt.Sprintf("%x", "at-12345")) {
		t.Errorf("it shows: %s", seen)
	}
	if !strings.Contains(seen, "grt_1") {
		t.Error("it does not tell which token it is")
	}
}

func TestATokenIsSent(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	plain, err := json.Marshal(api.Token{AccessToken: "at-12345", ExpiresAt: &at})
	if err != nil || !bytes.Contains(plain, []byte(`"access_token":"at-12345"`)) || !bytes.Contains(plain, []byte(`"expires_at":"2026-01-02T03:04:05Z"`)) {
		t.Errorf("%s, %v", plain, err)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`"90s"`: 90 * time.Second, `"1h30m"`: 90 * time.Minute, `"7d"`: 168 * time.Hour, `"1d12h"`: 36 * time.Hour, `"1.5d"`: 36 * time.Hour,
		`"0"`: 0, `"0s"`: 0, `60`: time.Minute, `0.5`: 500 * time.Millisecond, `1e2`: 100 * time.Second, `0`: 0, `-0`: 0, `null`: 0, `"\u0039s"`: 9 * time.Second,
	} {
		var d api.Duration
		if err := json.Unmarshal([]byte(text), &d); err != nil || time.Duration(d) != want {
			t.Errorf("%s is %s, %v; want %s", text, d, err, want)
		}
	}
	for _, text := range []string{
		`""`, `"soon"`, `"-1s"`, `"d"`, `"-1d"`, `"1d-1h"`, `"1d1d"`, `"0x1d"`, `"infd"`, `"nand"`, `"1e999d"`, `"1_0d"`, `"1d "`, `-1`, `-0.001`, `1e300`, `1e999`,
		`"99999999h"`, `"99999d"`, `true`, `[]`, `{}`, `"60"`,
	} {
		d := api.Duration(1)
		if err := json.Unmarshal([]byte(text), &d); err == nil {
			t.Errorf("%s is %s", text, d)
		}
		if d != 1 {
			t.Errorf("%s is refused and was taken as %s", text, d)
		}
	}
}

func FuzzDuration(f *testing.F) {
	for _, seed := range []string{"90s", "1.5d", "1d12h", "-1s", "d", "1e10d", "9223372036s", "0x1p-2d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := api.ParseDuration(text)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("%q is %s", text, d)
		}
		plain, err := json.Marshal(d)
		var again api.Duration
		if err != nil || json.Unmarshal(plain, &again) != nil || again != d {
			t.Fatalf("%q is %s, written as %s and read as %s", text, d, plain, again)
		}
	})
}

func TestAnAskSaysOnlyWhatIsGiven(t *testing.T) {
	for want, ask := range map[string]api.Ask{
		`{"provider":"corp"}`: {Provider: "corp"},
		`{"provider":"corp","scopes":["a"],"min_validity":"1m30s","fresh":true,"origin":{"platform":"slack","channel":"C1"}}`: {
			Provider: "corp", Scopes: []string{"a"}, MinValidity: api.Duration(90 * time.Second), Fresh: true,
			Origin: &api.Origin{Platform: "slack", Channel: "C1"},
		},
	} {
		if got, err := json.Marshal(ask); err != nil || string(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
}

func TestOptional(t *testing.T) {
	for want, o := range map[string]api.Optional{`null`: "", `"x\"y"`: `x"y`} {
		got, err := json.Marshal(o)
		if err != nil || string(got) != want {
			t.Errorf("%q is %s, %v", o, got, err)
		}
		again := api.Optional("before")
		if err := json.Unmarshal(got, &again); err != nil || again != o {
			t.Errorf("%s is read as %q, %v", got, again, err)
		}
	}
	var o api.Optional
	if json.Unmarshal([]byte(`7`), &o) == nil {
		t.Error("a number is taken for a text")
	}
}

func TestIDsCannotLeaveTheirPath(t *testing.T) {
	if got := api.RequestPath("../whoami?x=1#y"); got != "/v1/requests/..%2Fwhoami%3Fx=1%23y" {
		t.Errorf("got %s", got)
	}
	if got := api.CollectPath("req_1"); got != "/v1/requests/req_1/token" {
		t.Errorf("got %s", got)
	}
}

func TestWhoRetriesIsToldWhen(t *testing.T) {
	for _, code := range api.ProblemCodes() {
		limited := code.Status() == 429 || code.Status() == 503
		if limited != (code.RetryAfter() > 0) || code.Retryable() != (limited || code == api.ProblemNotReady) {
			t.Errorf("%s: %d, retryable %v, after %s", code, code.Status(), code.Retryable(), code.RetryAfter())
		}
	}
	if api.ProblemCode("new").Status() != 500 {
		t.Error("a code that is not known has another status")
	}
}

func TestAStateThatIsNotKnownIsAnEnd(t *testing.T) {
	if s := api.State("paused"); s.Open() || !s.Ended() {
		t.Error("somebody would wait for ever")
	}
}

func ExampleParseDuration() {
	d, err := api.ParseDuration("1d12h")
	fmt.Println(d, err)
	// Output: 36h0m0s <nil>
}
