package bridge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What is sealed is a list of texts, each with its length before it: every
// poll reads one, and so they are cut out of the opened text and not copied.
// These are the only places where secrets are written out, and only into a
// Secret again.

// sealedForm is the first text of every list.
const sealedForm = "2"

// liveCode is a code with all that a poll needs to know of its request, so
// that a poll reads nothing else.
type liveCode struct {
	Code
	Number   int    // of the codes of its request
	Target   Target // where it was made
	LapsesAt time.Time
}

func packCode(c liveCode) Secret {
	texts := []string{
		strconv.Itoa(c.Number), c.Target.Provider, c.Target.Issuer, c.Target.ClientID, writeTime(c.LapsesAt),
		c.DeviceCode.Reveal(), c.UserCode.Reveal(), c.VerificationURI, c.VerificationURIComplete.Reveal(),
		writeSpan(c.Lifetime), writeSpan(c.Interval), c.TokenEndpoint, strings.Join(c.Scopes, " "), c.Resource,
	}
	if !c.Verifier.IsZero() || c.Details != "" { // else it is as versions without them wrote it
		texts = append(texts, c.Verifier.Reveal())
	}
	if c.Details != "" {
		texts = append(texts, string(c.Details))
	}
	return seal(texts...)
}

func unpackCode(s Secret) (liveCode, error) {
	r := unseal(s)
	c := liveCode{
		Number:   int(r.number()),
		Target:   Target{Provider: r.text(), Issuer: r.text(), ClientID: r.text()},
		LapsesAt: r.time(),
		Code: Code{
			DeviceCode: NewSecret(r.text()), UserCode: NewSecret(r.text()),
			VerificationURI: r.text(), VerificationURIComplete: NewSecret(r.text()),
			Lifetime: r.span(), Interval: r.span(), TokenEndpoint: r.text(), Scopes: r.list(), Resource: r.text(),
		},
	}
	if c.Target.Resource = c.Resource; r.rest != "" {
		c.Verifier = NewSecret(r.text())
	}
	if r.rest != "" {
		c.Details = Details(r.text())
	}
	return c, r.end("the sealed code")
}

func packTokens(t Tokens, received time.Time) Secret {
	texts := []string{
		t.Access.Reveal(), t.Refresh.Reveal(), t.ID.Reveal(), t.Type, strings.Join(t.Scopes, " "),
		writeTime(t.ExpiresAt), writeTime(received),
	}
	if t.Details != "" { // likewise
		texts = append(texts, string(t.Details))
	}
	return seal(texts...)
}

func unpackTokens(s Secret) (tokens Tokens, received time.Time, err error) {
	r := unseal(s)
	tokens = Tokens{
		Access: NewSecret(r.text()), Refresh: NewSecret(r.text()), ID: NewSecret(r.text()),
		Type: r.text(), Scopes: r.list(), ExpiresAt: r.time(),
	}
	if received = r.time(); r.rest != "" {
		tokens.Details = Details(r.text())
	}
	return tokens, received, r.end("the sealed tokens")
}

func seal(texts ...string) Secret {
	b := binary.AppendUvarint(nil, uint64(len(sealedForm)))
	b = append(b, sealedForm...)
	for _, t := range texts {
		b = append(binary.AppendUvarint(b, uint64(len(t))), t...)
	}
	return NewSecret(string(b))
}

// writeTime keeps nanoseconds and forgets the zone; "" is the zero time.
func writeTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixNano(), 10)
}

func writeSpan(d time.Duration) string { return strconv.FormatInt(int64(d), 10) }

// opened reads what seal wrote, text by text. Once something is wrong, all
// that follows is empty, and end says so.
type opened struct {
	rest string
	bad  bool
}

func unseal(s Secret) *opened {
	r := &opened{rest: s.Reveal()}
	r.bad = r.text() != sealedForm
	return r
}

func (r *opened) text() string {
	size, n := binary.Uvarint([]byte(r.rest[:min(len(r.rest), binary.MaxVarintLen32)]))
	if r.bad || n <= 0 || size > uint64(len(r.rest[n:])) {
		r.bad = true
		return ""
	}
	text := r.rest[n:][:size]
	r.rest = r.rest[n:][size:]
	return text
}

func (r *opened) number() int64 {
	n, err := strconv.ParseInt(r.text(), 10, 64)
	r.bad = r.bad || err != nil
	return n
}

func (r *opened) span() time.Duration { return time.Duration(r.number()) }

func (r *opened) time() time.Time {
	text := r.text()
	if text == "" {
		return time.Time{}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	r.bad = r.bad || err != nil
	return time.Unix(0, n).UTC()
}

func (r *opened) list() []string { return strings.Fields(r.text()) }

// end reports whether all was as it should be. Its words quote nothing.
func (r *opened) end(what string) error {
	if r.bad || r.rest != "" {
		return fmt.Errorf("read %s: %w", what, errForm)
	}
	return nil
}

var errForm = errors.Join(ErrUnreadable, errors.New("its form is unknown"))
