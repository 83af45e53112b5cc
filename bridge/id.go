package bridge

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
)

// RequestID names a request: "req_" and 26 characters that sort by the time
// of creation, to the millisecond. It is no secret and no capability.
type RequestID string

// GrantID names a grant: "grt_" and 26 characters that sort by time.
type GrantID string

// idText keeps the order of the bytes it encodes and is safe in URLs.
var idText = base32.HexEncoding.WithPadding(base32.NoPadding)

// NewRequestID returns a fresh id for a request made at the given time.
func NewRequestID(at time.Time) RequestID { return RequestID("req_" + newID(at)) }

// NewGrantID returns a fresh id for a grant made at the given time.
func NewGrantID(at time.Time) GrantID { return GrantID("grt_" + newID(at)) }

// Short is the end of the id in the form that people read to each other. It
// may name two requests; programs use the whole id.
func (id RequestID) Short() string { return strings.ToUpper(string(id[max(0, len(id)-4):])) }

// newID is 48 bits of milliseconds and 80 random bits, so that ids made
// later sort later and land at the end of the store's tree.
func newID(at time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(at.UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // never fails: crypto/rand ends the process instead
	return strings.ToLower(idText.EncodeToString(b[:]))
}
