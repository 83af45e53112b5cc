package bolt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// The audit log is a chain: each line holds the hash of the one before. Whoever
// changes a line has to change all that follow, and cannot seal the new end.
// Two places in it are sealed: where it ends, with every commit, and where it
// begins since it was last pruned.
const (
	sealedHead  bridge.SecretRef = "audit.head"
	sealedStart bridge.SecretRef = "audit.start"
)

// mark is a place in the audit log: behind a line, whose hash it holds. The
// zero mark is before the first line.
type mark struct {
	seq  uint64
	hash [sha256.Size]byte
}

// markAt is the place behind a line.
func markAt(seq uint64, line []byte) mark { return mark{seq, sha256.Sum256(line)} }

func (m mark) hex() string { return hex.EncodeToString(m.hash[:]) }

// next is the line that comes behind a place, with this body: a JSON object
// without its number and without the hash of the line before.
func (m mark) next(body []byte) (line []byte, end mark) {
	line = make([]byte, 0, len(body)+100)
	line = append(line, `{"seq":`...)
	line = strconv.AppendUint(line, m.seq+1, 10)
	line = append(line, `,"prev":"`...)
	line = hex.AppendEncode(line, m.hash[:])
	line = append(line, `",`...)
	line = append(line, body[1:]...)
	return line, markAt(m.seq+1, line)
}

func sealMark(sealer *store.Sealer, ref bridge.SecretRef, m mark) ([]byte, error) {
	return sealer.Seal(ref, bridge.NewSecret(seqKey(m.seq)+string(m.hash[:])))
}

func putMark(tx *bbolt.Tx, sealer *store.Sealer, ref bridge.SecretRef, m mark) error {
	sealed, err := sealMark(sealer, ref, m)
	if err != nil {
		return err
	}
	return tx.Bucket(names[meta]).Put([]byte(ref), sealed)
}

// errSeal means that a place was not sealed with a key of this store.
var errSeal = errors.New("it does not open")

func readMark(tx *bbolt.Tx, sealer *store.Sealer, ref bridge.SecretRef) (m mark, err error) {
	err = guard(func() error {
		plain, err := sealer.Open(ref, tx.Bucket(names[meta]).Get([]byte(ref)))
		text := plain.Reveal()
		if err != nil || len(text) != seqLen+sha256.Size {
			return errSeal
		}
		m.seq = binary.BigEndian.Uint64([]byte(text))
		copy(m.hash[:], text[seqLen:])
		return nil
	})
	return m, err
}

const seqLen = 8

func seqKey(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

// lastLine is the place behind the last line that is there; the start of the
// log when none is.
func lastLine(tx *bbolt.Tx, start mark) (m mark, err error) {
	err = guard(func() error {
		k, v := tx.Bucket(names[audit]).Cursor().Last()
		switch {
		case k == nil:
			m = start
		case len(k) != seqLen:
			return fmt.Errorf("%w: a line of the audit log has no number", store.ErrDamaged)
		default:
			m = markAt(binary.BigEndian.Uint64(k), v)
		}
		return nil
	})
	return m, err
}

// findHead returns where the audit log is to be gone on with. Anything that is
// not as the last commit left it stays to be seen: no line is written over,
// none that is missing is made good, and a line that says so is added.
func findHead(tx *bbolt.Tx, sealer *store.Sealer) (head mark, amiss string, err error) {
	start, _ := readMark(tx, sealer, sealedStart) // if it does not open, every look at the log says so
	last, err := lastLine(tx, start)
	if err != nil {
		return mark{}, "", err
	}
	head, err = readMark(tx, sealer, sealedHead)
	switch {
	case err != nil && !errors.Is(err, errSeal):
		return mark{}, "", err
	case err != nil:
		return last, "the seal of the last line was changed or taken away", nil
	case head == last:
		return head, "", nil
	case last.seq > head.seq:
		amiss, err = linesBehind(tx, head, last)
		return last, amiss, err
	case last.seq < head.seq:
		return head, fmt.Sprintf("the log ended with line %d and was sealed up to line %d", last.seq, head.seq), nil
	}
	return head, fmt.Sprintf("line %d, the last one, was changed", head.seq), nil
}

// linesBehind says what is amiss with a log that has lines behind its sealed head.
func linesBehind(tx *bbolt.Tx, head, last mark) (amiss string, err error) {
	err = guard(func() error {
		amiss = fmt.Sprintf("the log went on to line %d and was sealed up to line %d", last.seq, head.seq)
		if head.seq > 0 && markAt(head.seq, tx.Bucket(names[audit]).Get([]byte(seqKey(head.seq)))) != head {
			amiss = fmt.Sprintf("line %d, sealed as the last, was changed, and the log went on to line %d", head.seq, last.seq)
		}
		return nil
	})
	return amiss, err
}

// damageLine tells for ever that the log was found to be not as it was left.
func damageLine(what string) ([]byte, error) {
	return json.Marshal(bridge.AuditLine{
		Time: time.Now().UTC().Round(0), Event: bridge.AuditDamaged, By: bridge.ByBridge, Detail: what,
	})
}

// Audit implements [bridge.Tx].
func (u *update) Audit(line bridge.AuditLine) {
	body, err := json.Marshal(line)
	if err != nil {
		u.fail(fmt.Errorf("encode a line of the audit log: %w", err))
		return
	}
	u.add(toASCII(body))
}

// toASCII writes all that is not visible ASCII in JSON as escapes: whoever
// prints a line need not ask what it does to a terminal.
func toASCII(body []byte) []byte {
	if !slices.ContainsFunc(body, func(b byte) bool { return b < ' ' || b > '~' }) {
		return body
	}
	out := make([]byte, 0, len(body)+64)
	for _, c := range string(body) {
		switch high, low := utf16.EncodeRune(c); {
		case c >= ' ' && c <= '~':
			out = append(out, byte(c))
		case high == utf8.RuneError:
			out = fmt.Appendf(out, `\u%04x`, c)
		default:
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
	}
	return out
}

func (v *view) AuditLines(after uint64) iter.Seq2[bridge.AuditText, error] {
	return scan(v.tx, span{bucket: audit, from: seqKey(after + 1)}, numbered)
}

// numbered is a line with the number of its key.
func numbered(key string, line []byte) (bridge.AuditText, error) {
	l := bridge.AuditText{JSON: bytes.Clone(line)} // 0 comes in no log
	if len(key) == seqLen {
		l.Seq = binary.BigEndian.Uint64([]byte(key))
	}
	return l, nil
}
