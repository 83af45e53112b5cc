package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// The stored form of a [bridge.Due] is binary: a start reads a million of
// them. It is the version byte, a byte of flags, the number of the code, the
// interval, the deadline if there is one (seconds, nanoseconds), the state and
// the provider. More may follow one day; it is passed over.
const (
	dueMinting  = 1 << 0
	dueDeadline = 1 << 1
	dueOwes     = 1 << 2
	dueAttend   = 1 << 3
)

// EncodeDue returns the stored form of what scheduling needs, without the id.
func EncodeDue(d bridge.Due) []byte {
	b := make([]byte, 2, 48)
	b[0] = recordVersion
	if d.Minting {
		b[1] |= dueMinting
	}
	if d.Owes {
		b[1] |= dueOwes
	}
	if d.Attend {
		b[1] |= dueAttend
	}
	b = binary.AppendVarint(b, int64(d.Code))
	b = binary.AppendVarint(b, int64(d.Interval))
	if !d.Deadline.IsZero() {
		b[1] |= dueDeadline
		b = binary.AppendVarint(b, d.Deadline.Unix())
		b = binary.AppendVarint(b, int64(d.Deadline.Nanosecond()))
	}
	b = appendWord(b, string(d.State))
	return appendWord(b, d.Provider)
}

func appendWord(b []byte, word string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(word))), word...)
}

// DueDecoder decodes many dues; the few different words in them are shared.
// It is not safe for concurrent use. The zero value is ready.
type DueDecoder struct {
	words map[string]string

	// The words of the line before, which are most often those of the next.
	tail     []byte
	state    bridge.State
	provider string
}

// Decode reads what EncodeDue wrote for the request with this id. Errors are
// as those of [Decode].
func (dec *DueDecoder) Decode(id bridge.RequestID, stored []byte) (bridge.Due, error) {
	rest, err := versioned(stored)
	if err != nil {
		return bridge.Due{}, err
	}
	if len(rest) == 0 {
		return bridge.Due{}, fmt.Errorf("%w: it is cut short", ErrDamagedRecord)
	}
	r := dueReader{rest: rest[1:]}
	d := bridge.Due{ID: id, Minting: rest[0]&dueMinting != 0, Owes: rest[0]&dueOwes != 0, Attend: rest[0]&dueAttend != 0}
	d.Code, d.Interval = int(r.number()), time.Duration(r.number())
	if rest[0]&dueDeadline != 0 {
		seconds := r.number()
		d.Deadline = time.Unix(seconds, r.number()).UTC()
	}
	if len(dec.tail) == 0 || !bytes.Equal(r.rest, dec.tail) {
		dec.tail = append(dec.tail[:0], r.rest...)
		dec.state, dec.provider = bridge.State(dec.share(r.word())), dec.share(r.word())
	}
	if r.short {
		dec.tail = nil
		return bridge.Due{}, fmt.Errorf("%w: it is cut short", ErrDamagedRecord)
	}
	d.State, d.Provider = dec.state, dec.provider
	return d, nil
}

// share returns the word as a string, the same one each time.
func (dec *DueDecoder) share(word []byte) string {
	if s, ok := dec.words[string(word)]; ok {
		return s
	}
	if dec.words == nil {
		dec.words = map[string]string{}
	}
	s := string(word)
	dec.words[s] = s
	return s
}

// dueReader takes fields off the front; once short, it stays short.
type dueReader struct {
	rest  []byte
	short bool
}

func (r *dueReader) number() int64 {
	n := r.unsigned()
	return int64(n>>1) ^ -int64(n&1)
}

func (r *dueReader) unsigned() uint64 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 { // most are a byte
		n := uint64(r.rest[0])
		r.rest = r.rest[1:]
		return n
	}
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.short, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *dueReader) word() []byte {
	n := r.unsigned()
	if n > uint64(len(r.rest)) {
		r.short, r.rest = true, nil
		return nil
	}
	word := r.rest[:n]
	r.rest = r.rest[n:]
	return word
}
