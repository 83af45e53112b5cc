package bolt

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// format is the layout below. A store of a newer format is refused, one of an
// older format is upgraded.
const format = 2

// bucket is one tree of the file.
type bucket int

// The trees, with their keys and values. "agent" and "whom" stand for the
// first 16 bytes of a hash of the name, "hash" for all 32; so names from
// outside can neither be too long nor run into what follows them.
const (
	meta         bucket = iota // word -> the format, the canary, where the audit log begins and ends
	audit                      // number -> JSON
	requests                   // id -> record
	byAgent                    // agent, id
	openFor                    // whom, id
	closedFor                  // whom, id: no longer open, and put to somebody
	pending                    // id -> due: what the clock, the poller or the outbox still works on
	over                       // when it ended, id -> agent, whom: what Prune may forget
	grants                     // id -> record
	grantsOf                   // agent, id
	givenBy                    // human, id: not over
	currentByKey               // hash of the key -> id: not over
	currentByID                // id: not over
	grantsOver                 // when it ended, id -> agent
	idempotency                // hash of agent and key -> record
	pins                       // human, issuer -> record
	pinned                     // hash of issuer and subject -> record
	suspended                  // agent, human -> record
	secrets                    // name -> sealed
	revocations                // id -> record
	notes                      // hash of room and key -> when it expires, value
	expiry                     // when, bucket, key: idempotency keys and notes
	buckets                    // how many there are
)

// names are what the trees are called in the file.
var names = [buckets][]byte{
	meta:         []byte("meta"),
	audit:        []byte("audit"),
	requests:     []byte("request"),
	byAgent:      []byte("request.agent"),
	openFor:      []byte("request.open"),
	closedFor:    []byte("request.closed"),
	pending:      []byte("request.pending"),
	over:         []byte("request.over"),
	grants:       []byte("grant"),
	grantsOf:     []byte("grant.agent"),
	givenBy:      []byte("grant.human"),
	currentByKey: []byte("grant.key"),
	currentByID:  []byte("grant.current"),
	grantsOver:   []byte("grant.over"),
	idempotency:  []byte("idempotency"),
	pins:         []byte("pin"),
	pinned:       []byte("pin.subject"),
	suspended:    []byte("suspension"),
	secrets:      []byte("secret"),
	revocations:  []byte("revocation"),
	notes:        []byte("note"),
	expiry:       []byte("expiry"),
}

// grows reports whether new keys land at the end of the tree, where full
// pages are never split again.
func (b bucket) grows() bool {
	switch b {
	case audit, requests, over, grants, grantsOver, expiry:
		return true
	default:
		return false
	}
}

// maxKey bounds ids and names of secrets.
const maxKey = 256

// checkID refuses what could run into the rest of a key.
func checkID(id string) error {
	if id == "" || len(id) > maxKey || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%q cannot be an id: 1 to %d visible ASCII characters", id, maxKey)
	}
	return nil
}

// hash is a key for texts from outside; their lengths are hashed with them,
// so that no two lists of texts look alike.
func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return string(h.Sum(nil))
}

// nameLen is the length of a name in an index key.
const nameLen = 16

// short is a configured name in an index key.
func short(name string) string { return hash(name)[:nameLen] }

func grantKey(k bridge.GrantKey) string {
	parts := []string{k.Agent, k.Session, k.Human, k.Team, k.Provider, k.ClientID, k.Resource}
	if k.Details != "" { // else it is as versions without them wrote it
		parts = append(parts, string(k.Details))
	}
	return hash(parts...)
}

// timeLen is the length of a time in a key.
const timeLen = 12

// timeKey keeps the order of all times, the zero time included.
func timeKey(t time.Time) string {
	var b [timeLen]byte
	binary.BigEndian.PutUint64(b[:8], uint64(t.Unix())^1<<63) //nolint:gosec // the bits are meant
	binary.BigEndian.PutUint32(b[8:], uint32(t.Nanosecond())) //nolint:gosec // below 1e9
	return string(b[:])
}

// line is one key of an index, and its value.
type line struct {
	bucket bucket
	key    string
	value  string
}

func (l line) sameKey(other line) bool { return l.bucket == other.bucket && l.key == other.key }

// index lists the index lines that a request should have.
func index(r bridge.Request) []line {
	id, agent, whom := string(r.ID), short(r.Agent), short(r.Whom())
	lines := append(make([]line, 0, 5), line{byAgent, agent + id, ""})
	switch {
	case r.State.Open():
		lines = append(lines, line{openFor, whom + id, ""})
	case !r.Served:
		lines = append(lines, line{closedFor, whom + id, ""})
	}
	if r.Pending() || r.Owes() {
		lines = append(lines, line{pending, id, string(store.EncodeDue(r.Due()))})
	}
	if !r.Pending() {
		lines = append(lines, line{over, timeKey(r.EndedAt) + id, agent + whom})
	}
	return lines
}

// grantIndex lists the index lines that a grant should have, but for the one
// of its key, which may be another's by now.
func grantIndex(g bridge.Grant) []line {
	id, agent := string(g.ID), short(g.Key.Agent)
	lines := append(make([]line, 0, 3), line{grantsOf, agent + id, ""})
	switch {
	case !g.State.Over():
		lines = append(lines, line{currentByID, id, ""}, line{givenBy, short(g.Human) + id, ""})
	case g.Revocation != bridge.RevocationPending:
		lines = append(lines, line{grantsOver, timeKey(g.EndedAt) + id, agent})
	}
	return lines
}

// encodeNote puts the time of expiry before the value.
func encodeNote(value []byte, expires time.Time) []byte {
	return append([]byte(timeKey(expires)), value...)
}

// note is a stored note; its time of expiry is as in keys.
type note struct {
	expires string
	value   []byte
}

// never is the time of expiry of what does not expire.
var never = timeKey(time.Time{})

func (n note) liveAt(at time.Time) bool { return n.expires == never || n.expires > timeKey(at) }

func decodeNote(stored []byte) (note, error) {
	if len(stored) < timeLen {
		return note{}, fmt.Errorf("%w: it is cut short", store.ErrDamagedRecord)
	}
	return note{string(stored[:timeLen]), append([]byte{}, stored[timeLen:]...)}, nil
}

// expiryKey is a line of the index of what expires: when, what, which. The
// first letter of the tree's name tells idempotency keys from notes.
func expiryKey(when string, b bucket, key string) string {
	return when + string(names[b][:1]) + key
}
