package bolt

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// pruneBatch is how many things of a kind one transaction forgets, so that
// asks do not wait long behind it.
const pruneBatch = 128

// Prune implements [bridge.Store]. It walks indexes by time, oldest first,
// and so costs what it removes. All idempotency keys and notes that have
// expired by now go too, and sealed secrets that a forgotten request or grant
// left; the limit is not about them, since whoever prunes again and again
// counts requests, and they would pile up.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	forgotten := 0
	for more := true; more; {
		var p pruned
		err := s.Update(ctx, func(tx bridge.Tx) error {
			p = prune(tx.(*update), before, time.Now(), min(pruneBatch, limit-forgotten)) // our own Update made it
			return nil
		})
		if err != nil {
			return forgotten, fmt.Errorf("prune: %w", err)
		}
		forgotten += p.requests
		more = p.requests == pruneBatch && forgotten < limit || p.others == pruneBatch
	}
	return forgotten, nil
}

// pruned is how much one transaction forgot: requests, and the most of any
// other kind.
type pruned struct{ requests, others int }

func prune(u *update, before, now time.Time, limit int) pruned {
	requests := u.pruneIndex(over, before, limit, u.forgetRequest)
	grants := u.pruneIndex(grantsOver, before, pruneBatch, u.forgetGrant)
	expired := u.pruneIndex(expiry, now, pruneBatch, u.forgetExpired)
	return pruned{requests: requests, others: max(grants, expired)}
}

// expired is a line of an index by time.
type expired struct {
	when, what, value string
}

// pruneIndex forgets what an index lists before a time, line by line. A line
// that makes no sense goes too: in the way, it would keep all behind it.
func (u *update) pruneIndex(b bucket, before time.Time, limit int, forget func(expired)) int {
	n := 0
	for l, err := range u.oldest(b) {
		if err != nil {
			u.fail(err)
			break
		}
		if n == limit || l.when >= timeKey(before) {
			break
		}
		if l.what != "" {
			forget(l)
		}
		u.delete(b, l.when+l.what)
		n++
	}
	return n
}

func (u *update) oldest(b bucket) iter.Seq2[expired, error] {
	return scan(u.tx, span{bucket: b}, func(key string, value []byte) (expired, error) {
		at := min(timeLen, len(key))
		return expired{when: key[:at], what: key[at:], value: string(value)}, nil
	})
}

// forgetRequest knows from the index line alone which keys to delete. If that
// is damaged, lines of other indexes stay behind and say so when they are read.
func (u *update) forgetRequest(l expired) {
	u.delete(requests, l.what)
	if len(l.value) == 2*nameLen {
		agent, whom := l.value[:nameLen], l.value[nameLen:]
		u.delete(byAgent, agent+l.what)
		u.delete(closedFor, whom+l.what)
	}
	u.delete(pending, l.what) // its end may never have been brought to a chat
	u.DeleteSecret(bridge.CodeSecret(bridge.RequestID(l.what)))
	u.DeleteSecret(bridge.HeldSecret(bridge.RequestID(l.what)))
}

func (u *update) forgetGrant(l expired) {
	u.delete(grants, l.what)
	u.delete(grantsOf, l.value+l.what)
	u.DeleteSecret(bridge.GrantSecret(bridge.GrantID(l.what)))
}

func (u *update) forgetExpired(l expired) {
	b := notes
	if l.what[0] == names[idempotency][0] {
		b = idempotency
	}
	u.delete(b, l.what[1:])
}
