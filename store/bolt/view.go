package bolt

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// view is the bridge's view of one bbolt transaction.
type view struct {
	tx     *bbolt.Tx
	sealer *store.Sealer
	recent *recent
}

func (v *view) Request(id bridge.RequestID) (bridge.Request, error) {
	return v.request(id, v.recent.decode)
}

func (v *view) request(id bridge.RequestID, decode func([]byte) (bridge.Request, error)) (bridge.Request, error) {
	r, err := read(v.tx, requests, string(id), decode)
	return r, about("request", id, err)
}

func (v *view) RequestsOf(agent string, before bridge.RequestID) iter.Seq2[bridge.Request, error] {
	return v.requests(span{bucket: byAgent, prefix: short(agent), below: string(before), back: true}, v.recent.decode)
}

// OpenFor remembers nothing: each ask goes through what its human has open,
// and many humans' would only push out what agents read again.
func (v *view) OpenFor(whom string) iter.Seq2[bridge.Request, error] {
	return v.requests(span{bucket: openFor, prefix: short(whom)}, store.Decode[bridge.Request])
}

func (v *view) EndedFor(whom string) iter.Seq2[bridge.Request, error] {
	return v.requests(span{bucket: closedFor, prefix: short(whom), back: true}, store.Decode[bridge.Request])
}

// requests yields the requests whose ids end the keys of a span.
func (v *view) requests(s span, decode func([]byte) (bridge.Request, error)) iter.Seq2[bridge.Request, error] {
	return records(scan(v.tx, s, func(id string, _ []byte) (bridge.RequestID, error) {
		return bridge.RequestID(id), nil
	}), func(id bridge.RequestID) (bridge.Request, error) { return v.request(id, decode) })
}

// records looks up what an index lists, as [bridge.ReadTx] has it. A line
// without its record is damage, not absence.
func records[ID ~string, T any](ids iter.Seq2[ID, error], get func(ID) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for id, err := range ids {
			var record T
			if err == nil {
				record, err = get(id)
			}
			if errors.Is(err, bridge.ErrNotFound) {
				err = fmt.Errorf("%w: %s is in an index and nowhere else", store.ErrDamagedRecord, string(id))
			}
			if !yield(record, err) || ends(err) {
				return
			}
		}
	}
}

func (v *view) Pending() iter.Seq2[bridge.Due, error] {
	return func(yield func(bridge.Due, error) bool) {
		var dec store.DueDecoder
		scan(v.tx, span{bucket: pending}, func(id string, stored []byte) (bridge.Due, error) {
			d, err := dec.Decode(bridge.RequestID(id), stored)
			return d, about("pending request", id, err)
		})(yield)
	}
}

func (v *view) Grant(id bridge.GrantID) (bridge.Grant, error) {
	g, err := read(v.tx, grants, string(id), store.Decode[bridge.Grant])
	return g, about("grant", id, err)
}

func (v *view) CurrentGrant(key bridge.GrantKey) (bridge.Grant, error) {
	id, err := read(v.tx, currentByKey, grantKey(key), own)
	if err != nil {
		return bridge.Grant{}, fmt.Errorf("current grant: %w", err)
	}
	return v.Grant(bridge.GrantID(id))
}

func (v *view) CurrentGrants() iter.Seq2[bridge.Grant, error] {
	return v.grants(span{bucket: currentByID})
}

func (v *view) CurrentGrantsAfter(id bridge.GrantID) iter.Seq2[bridge.Grant, error] {
	return v.grants(span{bucket: currentByID, from: string(id) + "\x00"})
}

func (v *view) GrantsOf(agent string, before bridge.GrantID) iter.Seq2[bridge.Grant, error] {
	return v.grants(span{bucket: grantsOf, prefix: short(agent), below: string(before), back: true})
}

func (v *view) GrantsFrom(human string) iter.Seq2[bridge.Grant, error] {
	return v.grants(span{bucket: givenBy, prefix: short(human)})
}

// grants yields the grants whose ids end the keys of a span.
func (v *view) grants(s span) iter.Seq2[bridge.Grant, error] {
	return records(scan(v.tx, s, func(id string, _ []byte) (bridge.GrantID, error) {
		return bridge.GrantID(id), nil
	}), v.Grant)
}

func (v *view) Idempotent(agent, key string) (bridge.Idempotency, error) {
	i, err := read(v.tx, idempotency, hash(agent, key), store.Decode[bridge.Idempotency])
	return i, about("idempotency key of agent", agent, err)
}

func (v *view) Pin(human, issuer string) (string, error) {
	p, err := read(v.tx, pins, short(human)+hash(issuer), store.Decode[bridge.Pin])
	return p.Subject, about("pin of", human, err)
}

func (v *view) Pinned(issuer, subject string) (string, error) {
	p, err := read(v.tx, pinned, hash(issuer, subject), store.Decode[bridge.Pin])
	return p.Human, about("pin at", issuer, err)
}

func (v *view) Pins(human string) iter.Seq2[bridge.Pin, error] {
	return scan(v.tx, span{bucket: pins, prefix: short(human)}, func(_ string, stored []byte) (bridge.Pin, error) {
		p, err := store.Decode[bridge.Pin](stored)
		return p, about("pin of", human, err)
	})
}

func (v *view) Suspensions() iter.Seq2[bridge.Suspension, error] {
	return scan(v.tx, span{bucket: suspended}, func(_ string, stored []byte) (bridge.Suspension, error) {
		s, err := store.Decode[bridge.Suspension](stored)
		return s, about("suspension", s.Agent, err)
	})
}

func (v *view) Suspended(agent, human string) (time.Time, error) {
	s, err := read(v.tx, suspended, short(agent)+short(human), store.Decode[bridge.Suspension])
	if errors.Is(err, bridge.ErrNotFound) {
		return time.Time{}, nil
	}
	return s.Since, about("suspension of agent", agent, err)
}

func (v *view) Secret(ref bridge.SecretRef) (bridge.Secret, error) {
	sealed, err := read(v.tx, secrets, string(ref), own)
	if err != nil {
		return bridge.Secret{}, about("secret", ref, err)
	}
	return v.sealer.Open(ref, sealed)
}

func (v *view) Revoking(id string) (bridge.Revoking, error) {
	r, err := read(v.tx, revocations, id, store.Decode[bridge.Revoking])
	return r, about("revocation", id, err)
}

func (v *view) Revocations() iter.Seq2[bridge.Revoking, error] {
	return scan(v.tx, span{bucket: revocations}, func(id string, stored []byte) (bridge.Revoking, error) {
		r, err := store.Decode[bridge.Revoking](stored)
		return r, about("revocation", id, err)
	})
}

func (v *view) Note(room, key string, at time.Time) ([]byte, error) {
	n, err := read(v.tx, notes, hash(room, key), decodeNote)
	if err == nil && !n.liveAt(at) {
		err = bridge.ErrNotFound
	}
	if err != nil {
		return nil, about("note of", room, err)
	}
	return n.value, nil
}

// about names the record that an error is about.
func about[ID ~string](kind string, id ID, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", kind, string(id), err)
}
