package bolt

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// update is one transaction of the bridge. It reads the file and gathers
// writes; the first of them that cannot be made fails the transaction.
type update struct {
	view
	writes
	displaced []bridge.GrantID // each must have ended by the end
	err       error
}

func (u *update) fail(err error) {
	if u.err == nil {
		u.err = err
	}
}

// current returns what a key holds, this transaction's own writes included;
// nil when it holds nothing.
func (u *update) current(b bucket, key string) []byte {
	if value, known := u.find(b, key); known {
		return value
	}
	value, err := read(u.tx, b, key, own)
	if err != nil && !errors.Is(err, bridge.ErrNotFound) {
		u.fail(err)
	}
	return value
}

// was decodes what a key holds; ok is false when it holds nothing.
func was[T any](u *update, p place, what string, decode func([]byte) (T, error)) (record T, ok bool) {
	stored := u.current(p.bucket, p.key)
	if stored == nil {
		return record, false
	}
	record, err := decode(stored)
	if err != nil {
		u.fail(fmt.Errorf("%s: %w", what, err))
		return record, false
	}
	return record, true
}

func (u *update) delete(b bucket, key string) { u.set(b, key, nil) }

// mark sets a key that says all by being there.
func (u *update) mark(b bucket, key string) { u.set(b, key, []byte{}) }

func (u *update) put(b bucket, key string, record any) {
	stored, err := store.Encode(record)
	if err != nil {
		u.fail(err)
		return
	}
	u.set(b, key, stored)
}

// named reports whether an id can be a key, and fails the transaction if not.
func (u *update) named(id string) bool {
	err := checkID(id)
	if err != nil {
		u.fail(err)
	}
	return err == nil
}

func (u *update) PutRequest(r bridge.Request, told *bridge.AuditLine) {
	id := string(r.ID)
	if !u.named(id) {
		return
	}
	var old []line
	if before, ok := was(u, place{requests, id}, "request "+id, u.recent.decode); ok {
		old = index(before)
	}
	u.put(requests, id, r)
	u.reindex(old, index(r))
	if told != nil {
		u.Audit(*told)
	}
}

// reindex writes only the lines that differ.
func (u *update) reindex(old, now []line) {
	for _, l := range old {
		if !slices.ContainsFunc(now, l.sameKey) {
			u.delete(l.bucket, l.key)
		}
	}
	for _, l := range now {
		if !slices.Contains(old, l) {
			u.set(l.bucket, l.key, []byte(l.value))
		}
	}
}

func (u *update) PutGrant(g bridge.Grant) {
	id, key := string(g.ID), grantKey(g.Key)
	if !u.named(id) {
		return
	}
	var old []line
	if before, ok := was(u, place{grants, id}, "grant "+id, store.Decode[bridge.Grant]); ok {
		old = grantIndex(before)
		u.release(grantKey(before.Key), id)
	}
	u.put(grants, id, g)
	u.reindex(old, grantIndex(g))
	if !g.State.Over() {
		u.occupy(key, id)
	}
}

// occupy makes a grant the current one of its key.
func (u *update) occupy(key, id string) {
	if other := string(u.current(currentByKey, key)); other != "" && other != id {
		u.displaced = append(u.displaced, bridge.GrantID(other))
	}
	u.set(currentByKey, key, []byte(id))
}

// release takes a grant from its key, unless that is another's already.
func (u *update) release(key, id string) {
	if string(u.current(currentByKey, key)) == id {
		u.delete(currentByKey, key)
	}
}

// finish says whether the transaction may be applied.
func (u *update) finish() error {
	for _, id := range u.displaced {
		g, ok := was(u, place{grants, string(id)}, "grant "+string(id), store.Decode[bridge.Grant])
		if ok && !g.State.Over() {
			u.fail(fmt.Errorf("grant %s is not over, so no other may have its key", id))
		}
	}
	return u.err
}

func (u *update) PutIdempotency(agent, key string, i bridge.Idempotency) {
	at := hash(agent, key)
	if before, ok := was(u, place{idempotency, at}, "idempotency key", store.Decode[bridge.Idempotency]); ok {
		u.delete(expiry, expiryKey(timeKey(before.Expires), idempotency, at))
	}
	u.put(idempotency, at, i)
	u.mark(expiry, expiryKey(timeKey(i.Expires), idempotency, at))
}

// PutPin fails the transaction with store.ErrPinned when the subject is tied
// to another human: a pin is never moved silently.
func (u *update) PutPin(human, issuer, subject string) {
	there, back := short(human)+hash(issuer), hash(issuer, subject)
	if p, ok := was(u, place{pinned, back}, "pin", store.Decode[bridge.Pin]); ok && p.Human != human {
		u.fail(fmt.Errorf("pin %s at %s: %w", human, issuer, store.ErrPinned))
		return
	}
	if p, ok := was(u, place{pins, there}, "pin", store.Decode[bridge.Pin]); ok && p.Subject != subject {
		u.delete(pinned, hash(issuer, p.Subject))
	}
	p := bridge.Pin{Human: human, Issuer: issuer, Subject: subject}
	u.put(pins, there, p)
	u.put(pinned, back, p)
}

func (u *update) DeletePin(human, issuer string) {
	there := short(human) + hash(issuer)
	if p, ok := was(u, place{pins, there}, "pin", store.Decode[bridge.Pin]); ok {
		u.delete(pinned, hash(issuer, p.Subject))
		u.delete(pins, there)
	}
}

// Suspend lifts the suspension when at is the zero time.
func (u *update) Suspend(agent, human string, at time.Time) {
	key := short(agent) + short(human)
	if at.IsZero() {
		u.delete(suspended, key)
		return
	}
	u.put(suspended, key, bridge.Suspension{Agent: agent, Human: human, Since: at})
}

func (u *update) PutSecret(ref bridge.SecretRef, s bridge.Secret) {
	if !u.named(string(ref)) {
		return
	}
	sealed, err := u.sealer.Seal(ref, s)
	if err != nil {
		u.fail(err)
		return
	}
	u.set(secrets, string(ref), sealed)
}

func (u *update) DeleteSecret(ref bridge.SecretRef) { u.delete(secrets, string(ref)) }

func (u *update) PutRevocation(v bridge.Revoking) {
	if u.named(v.ID) {
		u.put(revocations, v.ID, v)
	}
}

func (u *update) DeleteRevocation(id string) { u.delete(revocations, id) }

func (u *update) PutNote(room, key string, value []byte, expires time.Time) {
	u.DeleteNote(room, key)
	at := hash(room, key)
	u.set(notes, at, encodeNote(value, expires))
	if !expires.IsZero() {
		u.mark(expiry, expiryKey(timeKey(expires), notes, at))
	}
}

func (u *update) DeleteNote(room, key string) {
	at := hash(room, key)
	if n, ok := was(u, place{notes, at}, "note of "+room, decodeNote); ok {
		u.delete(expiry, expiryKey(n.expires, notes, at))
		u.delete(notes, at)
	}
}
