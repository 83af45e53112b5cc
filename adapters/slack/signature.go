package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// errUnsigned means that a call is not Slack's.
var errUnsigned = errors.New("no signature, or a wrong one: compare slack.signing_secret with the app's page")

// verifier tells Slack's calls from others, and each of them from a copy.
// (Slack signs with HMAC-SHA256 over "v0:", the time, ":" and the raw body.)
type verifier struct {
	secret bridge.Secret
	calls  *chat.Calls
}

func newVerifier(secret bridge.Secret) *verifier {
	return &verifier{secret: secret, calls: chat.NewCalls()}
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
	return v.calls.Once(string(given), time.Unix(seconds, 0))
}

func (v *verifier) sign(stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(v.secret.Reveal()))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	return mac.Sum(nil)
}
