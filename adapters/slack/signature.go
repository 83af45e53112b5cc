package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

const (
	// maxSkew is how far the time of a signature may be from ours, on either
	// side.
	maxSkew = 5 * time.Minute
	// maxSignatures bounds how many are remembered of each such window. With
	// more, calls are refused: one that was forgotten could be brought again.
	maxSignatures = 50_000
)

// Why a call is not taken for Slack's.
var (
	errUnsigned = errors.New("no signature, or a wrong one: compare slack.signing_secret with the app's page")
	errSkewed   = errors.New("signed more than five minutes from now: check this machine's clock")
	errReplayed = errors.New("the same signed call came before")
	errFlooded  = errors.New("too many signed calls in a few minutes")
)

// verifier tells Slack's calls from others, and each of them from a copy.
// (Slack signs with HMAC-SHA256 over "v0:", the time, ":" and the raw body.)
type verifier struct {
	secret bridge.Secret

	mu   sync.Mutex
	seen *chat.Recent[struct{}]
}

func newVerifier(secret bridge.Secret) *verifier {
	return &verifier{secret: secret, seen: chat.NewRecent[struct{}](2*maxSkew, maxSignatures)}
}

// verify checks the signature of a call with this raw body.
func (v *verifier) verify(h http.Header, body []byte) error {
	stamp := h.Get("X-Slack-Request-Timestamp")
	given, err := hex.DecodeString(strings.TrimPrefix(h.Get("X-Slack-Signature"), "v0="))
	if err != nil || !hmac.Equal(given, v.sign(stamp, body)) {
		return errUnsigned
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return errUnsigned
	}
	if skew := time.Since(time.Unix(seconds, 0)); skew > maxSkew || skew < -maxSkew {
		return errSkewed
	}
	return v.once(string(given))
}

func (v *verifier) sign(stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(v.secret.Reveal()))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	return mac.Sum(nil)
}

func (v *verifier) once(signature string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.seen.Get(signature); ok {
		return errReplayed
	}
	if !v.seen.Put(signature, struct{}{}) {
		return errFlooded
	}
	return nil
}
