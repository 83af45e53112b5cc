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
var idText = base32.NewEncoding(idDigits).WithPadding(base32.NoPadding)

const idDigits = "0123456789abcdefghijklmnopqrstuv"

// The words that ids begin with.
const (
	requestWord = "req_"
	grantWord   = "grt_"
)

// NewRequestID returns a fresh id for a request made at the given time.
func NewRequestID(at time.Time) RequestID { return RequestID(requestWord + newID(at)) }

// NewGrantID returns a fresh id for a grant made at the given time.
func NewGrantID(at time.Time) GrantID { return GrantID(grantWord + newID(at)) }

// Short is the end of the id in the form that people read to each other. It
// may name two requests; programs use the whole id.
func (id RequestID) Short() string { return strings.ToUpper(string(id[max(0, len(id)-4):])) }

// newID is 48 bits of milliseconds and 80 random bits, so that ids made
// later sort later and land at the end of the store's tree.
func newID(at time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(at.UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // never fails: crypto/rand ends the process instead
	return idText.EncodeToString(b[:])
}

// isGrant tells the two kinds of ids apart.
func isGrant(id string) bool { return strings.HasPrefix(id, grantWord) }

// packed is an id without its word, as the loops hold it: sixteen bytes and no
// pointer, since there may be a million.
type packed [16]byte

// pack packs an id. One that is none of ours packs into zeros, which stand for
// nothing. A start packs a million, so this is not idText, which copies.
func pack[ID ~string](id ID) (p packed) {
	if len(id) != len(requestWord)+idText.EncodedLen(len(p)) {
		return packed{}
	}
	bits, have, n := uint32(0), 0, 0
	for _, c := range []byte(id[len(requestWord):]) {
		value := digit[c]
		if value == noDigit {
			return packed{}
		}
		bits, have = bits<<5|uint32(value), have+5
		if have >= 8 && n < len(p) {
			have -= 8
			p[n] = byte(bits >> have) //nolint:gosec // the lowest eight
			n++
		}
	}
	return p
}

// digit is what a character of idText stands for.
var digit = func() (all [256]byte) {
	for i := range all {
		all[i] = noDigit
	}
	for i, c := range []byte(idDigits) {
		all[c] = byte(i)
	}
	return all
}()

const noDigit = 0xff

func (p packed) request() RequestID { return RequestID(requestWord + idText.EncodeToString(p[:])) }
func (p packed) grant() GrantID     { return GrantID(grantWord + idText.EncodeToString(p[:])) }

// share is a number from 0 up to 1 that differs from id to id.
func (p packed) share() float64 {
	return float64(binary.BigEndian.Uint64(p[8:])>>11) / (1 << 53)
}
