package bridge

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

const marked = "marked-a7c1f3"

// However one tries to print it, a secret is not told; and a number of the
// same shape is, so that the test can fail.
func TestASecretCannotBePrinted(t *testing.T) {
	type holder struct {
		S Secret
		P string
	}
	s := holder{NewSecret(marked), "positive-control"}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", s, &s, s.S)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("told", "holder", s, "secret", s.S, "pointer", &s.S)
	}
	fmt.Fprintln(&out, fmt.Errorf("failed with %v", s.S))
	if got := out.String(); strings.Contains(got, marked) || strings.Contains(got, fmt.Sprintf("%x", marked)) {
		t.Errorf("the secret was told:\n%s", got)
	} else if !strings.Contains(got, "positive-control") {
		t.Error("the control was not told either: this test shows nothing")
	}
}

func TestASecretCannotBeEncoded(t *testing.T) {
	s := NewSecret(marked)
	if _, err := json.Marshal(map[string]any{"s": s}); err == nil {
		t.Error("JSON takes it")
	}
	if err := gob.NewEncoder(&bytes.Buffer{}).Encode(s); err == nil {
		t.Error("gob takes it")
	}
	if _, err := s.MarshalText(); err == nil {
		t.Error("text takes it")
	}
}

func TestEqualSecrets(t *testing.T) {
	if !NewSecret("a").Equal(NewSecret("a")) || NewSecret("a").Equal(NewSecret("b")) || !NewSecret("").IsZero() {
		t.Error("secrets compare wrongly")
	}
}

func TestWhatIsSealedComesBackWhole(t *testing.T) {
	now := time.Now().UTC().Round(0)
	code := liveCode{Code{NewSecret("d"), NewSecret("u"), "https://a/device", NewSecret("https://a/device?c=u"), time.Minute, 5 * time.Second, "https://a/token", []string{"s"}, "", "https://r", Secret{}}, 2, Target{"corp", "https://a", "client", "https://r"}, now}
	for n, verifier := range []string{"", "v", "", "v"} {
		if code.Verifier = NewSecret(verifier); n > 1 {
			code.Details = `[{"type":"payment"}]`
		}
		back, err := unpackCode(packCode(code))
		if err != nil || fmt.Sprint(back) != fmt.Sprint(code) || back.DeviceCode.Reveal() != "d" || back.VerificationURIComplete.Reveal() != "https://a/device?c=u" || back.Verifier.Reveal() != verifier {
			t.Errorf("the code came back as %+v, %v", back, err)
		}
	}
	tokens := Tokens{NewSecret("a"), NewSecret("r"), NewSecret("i"), "Bearer", []string{"s"}, `[{"type":"payment"}]`, now}
	got, received, err := unpackTokens(packTokens(tokens, now))
	if err != nil || got.Access.Reveal() != "a" || got.Refresh.Reveal() != "r" || got.ID.Reveal() != "i" || got.Details != tokens.Details || !got.ExpiresAt.Equal(now) || !received.Equal(now) {
		t.Errorf("the tokens came back as %+v, %v", got, err)
	}
	if _, err := unpackCode(NewSecret(marked)); err == nil || strings.Contains(err.Error(), marked) {
		t.Errorf("a broken seal: %v", err)
	}
}

// The loops hold ids packed; nothing of them is lost, and what is no id of ours
// stands for none.
func TestPackedIdsComeBackWhole(t *testing.T) {
	r, g := NewRequestID(time.Now()), NewGrantID(time.Now())
	if back := pack(r).request(); back != r {
		t.Errorf("%s came back as %s", r, back)
	}
	if back := pack(g).grant(); back != g {
		t.Errorf("%s came back as %s", g, back)
	}
	if got := pack(RequestID("req_1")); got != (packed{}) {
		t.Errorf("what is no id packs into %x", got)
	}
	if share := pack(r).share(); share < 0 || share >= 1 {
		t.Errorf("its share is %v", share)
	}
}

func TestIdsSortByTime(t *testing.T) {
	last := RequestID("")
	for i := range 50 {
		id := NewRequestID(noon.Add(time.Duration(i) * time.Millisecond))
		if id <= last || len(id) != 30 {
			t.Fatalf("%s comes after %s", id, last)
		}
		last = id
	}
	if a, b := NewGrantID(noon), NewGrantID(noon); a == b {
		t.Error("two ids of one millisecond are the same")
	}
}

// Whatever is opened, nothing of it is ever quoted, and only what was sealed
// makes sense.
func FuzzUnpack(f *testing.F) {
	f.Add(packCode(liveCode{Number: 1, LapsesAt: time.Unix(1, 2)}).Reveal())
	f.Add(packTokens(Tokens{Access: NewSecret("a"), Scopes: []string{"s"}}, time.Unix(3, 4)).Reveal())
	f.Add("")
	f.Add("\x012\xff\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, text string) {
		if code, err := unpackCode(NewSecret(text)); err == nil {
			again, err := unpackCode(packCode(code))
			if err != nil || again.DeviceCode != code.DeviceCode || !again.LapsesAt.Equal(code.LapsesAt) {
				t.Errorf("it came back as something else: %v", err)
			}
		}
		if tokens, at, err := unpackTokens(NewSecret(text)); err == nil {
			again, then, err := unpackTokens(packTokens(tokens, at))
			if err != nil || again.Access != tokens.Access || !then.Equal(at) {
				t.Errorf("it came back as something else: %v", err)
			}
		}
	})
}
