package discord

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
)

// errUnsigned means that a call is not Discord's. Discord makes such calls
// itself, to see that they are refused.
var errUnsigned = errors.New("no signature, or a wrong one: compare discord.public_key with the application's page")

// verifier tells Discord's calls from others, and each of them from a copy.
// (Discord signs with Ed25519 over the time and the raw body.)
type verifier struct {
	key   ed25519.PublicKey
	calls *chat.Calls
}

// verify checks the signature of a call with this raw body.
func (v *verifier) verify(h http.Header, body []byte) error {
	stamp := h.Get("X-Signature-Timestamp")
	signature, err := hex.DecodeString(h.Get("X-Signature-Ed25519"))
	if err != nil || len(signature) != ed25519.SignatureSize || !ed25519.Verify(v.key, append([]byte(stamp), body...), signature) {
		return errUnsigned
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return errUnsigned
	}
	return v.calls.Once(string(signature), time.Unix(seconds, 0))
}

// sameKey reports whether a key in hex is that one.
func sameKey(written string, key ed25519.PublicKey) bool {
	raw, err := hex.DecodeString(written)
	return err == nil && key.Equal(ed25519.PublicKey(raw))
}
