package storetest

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

func (lab Lab) prune(t *testing.T) {
	t.Run("forgets what ended before, oldest first, and no more than asked", lab.pruneRequests)
	t.Run("leaves what still has something to come", lab.prunePending)
	t.Run("takes along what a chat was never told", lab.pruneOwing)
	t.Run("forgets grants that owe nothing", lab.pruneGrants)
	t.Run("forgets what has expired", lab.pruneExpired)
	t.Run("forgets all that has expired, however few requests it may forget", lab.pruneAllExpired)
	t.Run("for nobody", lab.pruneCancelled)
}

func (b *bench) forget(before time.Time, limit int) int {
	b.Helper()
	n, err := b.Prune(context.Background(), before, limit)
	if err != nil {
		b.Fatalf("prune: %v", err)
	}
	return n
}

func (lab Lab) pruneRequests(t *testing.T) {
	const n = 300
	b := lab.fresh(t)
	list := b.inTurn(n, func(int, *bridge.Request) {})
	b.do(func(tx bridge.Tx) {
		for i, r := range list { // the last asked ends first
			at := noon().Add(time.Duration(n-i) * time.Minute)
			list[i] = then(t, r, bridge.Event{Kind: bridge.OnDeny}, at)
			tx.PutRequest(list[i], line(r, list[i], bridge.OnDeny, at))
			tx.PutSecret(bridge.CodeSecret(r.ID), bridge.NewSecret("left behind"))
		}
	})
	same(t, "forgotten before the first end", b.forget(noon().Add(time.Minute), n), 0)
	same(t, "forgotten with a limit", b.forget(noon().Add(200*time.Minute), 150), 150)
	b.remain(list[:150], list[150:])
	same(t, "forgotten of the rest", b.forget(noon().Add(200*time.Minute), n), 49)
	b.remain(list[:101], list[101:])
	b.restart()
	b.remain(list[:101], list[101:])
}

func (b *bench) remain(there, gone []bridge.Request) {
	b.Helper()
	b.see(func(tx bridge.ReadTx) {
		same(b, "ended requests", len(all(b, "ended", tx.EndedFor("alice"))), len(there))
		same(b, "the agent's requests", len(all(b, "agent", tx.RequestsOf("helper", ""))), len(there))
		for _, r := range there {
			if _, err := tx.Request(r.ID); err != nil {
				b.Errorf("a request that should remain: %v", err)
			}
		}
		for _, r := range gone {
			_, err := tx.Request(r.ID)
			missing(b, "a request that should be gone", err)
			_, err = tx.Secret(bridge.CodeSecret(r.ID))
			missing(b, "its secret", err)
		}
	})
}

func (lab Lab) prunePending(t *testing.T) {
	b := lab.fresh(t)
	open, granted := asked(noon()), asked(noon().Add(1))
	granted.State, granted.Version = "", 0
	granted = then(t, granted, bridge.Event{Kind: bridge.OnServed, Until: noon().Add(time.Hour)}, noon())
	grace := then(t, granted, bridge.Event{Kind: bridge.OnCollect, Until: noon().Add(time.Minute)}, noon())
	grace.ID = bridge.NewRequestID(noon().Add(2))
	b.do(func(tx bridge.Tx) {
		for _, r := range []bridge.Request{open, granted, grace} {
			tx.PutRequest(r, nil)
		}
	})
	same(t, "forgotten while something is to come", b.forget(noon().Add(1e5*time.Hour), 10), 0)
	b.see(func(tx bridge.ReadTx) { same(t, "pending", len(all(t, "pending", tx.Pending())), 3) })
	grace = then(t, grace, bridge.Event{Kind: bridge.OnGraceOver}, noon().Add(time.Minute))
	b.do(func(tx bridge.Tx) { tx.PutRequest(grace, nil) })
	same(t, "forgotten once the grace is over", b.forget(noon().Add(1e5*time.Hour), 10), 1)
}

// pruneOwing is about a request whose end its chat never heard of: a start
// finds it until it is forgotten, and then nothing is left of it.
func (lab Lab) pruneOwing(t *testing.T) {
	b, r := lab.fresh(t), asked(noon())
	r.Surfaces = []bridge.Surface{{Channel: "slack", State: bridge.DeliveryShown, To: "U0ALICE", Ref: "D1/1", Shown: r.Card}}
	told := r
	told.ID = bridge.NewRequestID(noon().Add(1))
	r = then(t, r, bridge.Event{Kind: bridge.OnDeny}, noon())
	told = then(t, told, bridge.Event{Kind: bridge.OnDeny}, noon())
	told.Surfaces = slices.Clone(told.Surfaces)
	told.Surfaces[0].Shown = told.Card
	b.do(func(tx bridge.Tx) { tx.PutRequest(r, nil); tx.PutRequest(told, nil) })
	b.restart()
	b.see(func(tx bridge.ReadTx) {
		dues := all(t, "pending", tx.Pending())
		same(t, "pending", dues, []bridge.Due{r.Due()})
		same(t, "owing", dues[0].Owes, true)
	})
	same(t, "forgotten", b.forget(noon().Add(time.Hour), 10), 2)
	b.see(func(tx bridge.ReadTx) { same(t, "pending", all(t, "pending", tx.Pending()), nil) })
}

func (lab Lab) pruneGrants(t *testing.T) {
	b := lab.fresh(t)
	session := func(s string) bridge.Grant {
		k := key()
		k.Session = s
		return grant(noon(), k)
	}
	live := session("live")
	owing := over(session("owing"), noon(), bridge.RevocationPending)
	done := over(session("done"), noon(), bridge.RevocationDone)
	late := over(session("late"), noon().Add(time.Hour), bridge.RevocationDone)
	b.do(func(tx bridge.Tx) {
		for _, g := range []bridge.Grant{live, owing, done, late} {
			tx.PutGrant(g)
			tx.PutSecret(bridge.GrantSecret(g.ID), bridge.NewSecret("tokens"))
		}
	})
	same(t, "requests forgotten", b.forget(noon().Add(time.Minute), 10), 0)
	b.grantsAre(done, live, owing, late)
	owing.Revocation = bridge.RevocationDone
	b.do(func(tx bridge.Tx) { tx.PutGrant(owing) })
	b.forget(noon().Add(time.Minute), 10)
	b.grantsAre(owing, live, late)
	b.restart()
	b.see(func(tx bridge.ReadTx) { // no list names what is forgotten
		same(t, "of helper", len(all(t, "of", tx.GrantsOf("helper", ""))), 2)
		same(t, "from alice", all(t, "from", tx.GrantsFrom("alice")), []bridge.Grant{live})
		same(t, "current", all(t, "current", tx.CurrentGrants()), []bridge.Grant{live})
	})
}

func (b *bench) grantsAre(gone bridge.Grant, there ...bridge.Grant) {
	b.Helper()
	b.see(func(tx bridge.ReadTx) {
		_, err := tx.Grant(gone.ID)
		missing(b, "a grant that is over", err)
		_, err = tx.Secret(bridge.GrantSecret(gone.ID))
		missing(b, "its tokens", err)
		for _, g := range there {
			if _, err := tx.Grant(g.ID); err != nil {
				b.Errorf("the grant of session %s: %v", g.Key.Session, err)
			}
		}
	})
}

// pruneExpired is about the clock on the wall: what has expired by now goes,
// whatever the time that Prune is given.
func (lab Lab) pruneExpired(t *testing.T) {
	b, now := lab.fresh(t), time.Now()
	past, future := now.Add(-time.Hour), now.Add(time.Hour)
	b.do(func(tx bridge.Tx) {
		tx.PutIdempotency("helper", "past", bridge.Idempotency{Request: "req_1", Expires: past})
		tx.PutIdempotency("helper", "future", bridge.Idempotency{Request: "req_2", Expires: future})
		tx.PutIdempotency("helper", "renewed", bridge.Idempotency{Request: "req_3", Expires: past})
		tx.PutNote("web", "past", []byte("x"), past)
		tx.PutNote("web", "renewed", []byte("x"), past)
		tx.PutNote("web", "ever", []byte("x"), time.Time{})
	})
	b.do(func(tx bridge.Tx) {
		tx.PutIdempotency("helper", "renewed", bridge.Idempotency{Request: "req_3", Expires: future})
		tx.PutNote("web", "renewed", []byte("y"), future)
	})
	b.forget(now.Add(-1e4*time.Hour), 10)
	b.see(func(tx bridge.ReadTx) {
		_, err := tx.Idempotent("helper", "past")
		missing(t, "an idempotency key that has expired", err)
		_, err = tx.Note("web", "past", past.Add(-time.Minute))
		missing(t, "a note that has expired", err)
		for _, k := range []string{"future", "renewed"} {
			if _, err := tx.Idempotent("helper", k); err != nil {
				t.Errorf("the %s idempotency key: %v", k, err)
			}
		}
		for _, k := range []string{"ever", "renewed"} {
			if _, err := tx.Note("web", k, now); err != nil {
				t.Errorf("the note %s: %v", k, err)
			}
		}
	})
}

// pruneAllExpired: whoever prunes again and again goes by the requests that
// were forgotten. What expires must not pile up behind them.
func (lab Lab) pruneAllExpired(t *testing.T) {
	const n = 1000
	b, past := lab.fresh(t), time.Now().Add(-time.Hour)
	b.do(func(tx bridge.Tx) {
		for i := range n {
			tx.PutIdempotency("helper", strconv.Itoa(i), bridge.Idempotency{Request: "req_1", Expires: past})
			tx.PutNote("web", strconv.Itoa(i), []byte("x"), past)
		}
	})
	same(t, "requests forgotten", b.forget(noon(), 1), 0)
	b.see(func(tx bridge.ReadTx) {
		for i := range n {
			_, err := tx.Idempotent("helper", strconv.Itoa(i))
			missing(t, "an idempotency key that has expired", err)
			_, err = tx.Note("web", strconv.Itoa(i), past.Add(-time.Minute))
			missing(t, "a note that has expired", err)
		}
	})
}

func (lab Lab) pruneCancelled(t *testing.T) {
	b := lab.fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Prune(ctx, noon(), 10); err == nil {
		t.Error("a prune for a caller who is gone: got no error")
	}
	same(t, "forgotten with a limit of 0", b.forget(noon(), 0), 0)
}
