package bolt

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// ofFormat1 is a closed store as the first format had it, with a live grant
// and one that is over, both of alice.
func ofFormat1(t *testing.T) (path string, sealer *store.Sealer, live, past bridge.Grant) {
	t.Helper()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	given := func(session string, at time.Time) bridge.Grant {
		return bridge.Grant{
			ID: bridge.NewGrantID(at), Key: bridge.GrantKey{Agent: "helper", Session: session, Human: "alice"},
			State: bridge.GrantLive, CreatedAt: at, EndsAt: at.Add(time.Hour),
		}
	}
	live, past = given("a", at), given("b", at.Add(time.Second))
	past.State, past.EndedAt, past.Revocation = bridge.GrantEnded, at.Add(time.Hour), bridge.RevocationDone
	path, sealer = lived(t)
	s := open(t, path, sealer)
	err := s.Update(t.Context(), func(tx bridge.Tx) error {
		tx.PutGrant(live)
		tx.PutGrant(past)
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	raw(t, path, func(tx *bbolt.Tx) error { return backTo1(tx, live, past) })
	return path, sealer, live, past
}

func backTo1(tx *bbolt.Tx, live, past bridge.Grant) error {
	var errs []error
	for _, b := range newIn2 {
		errs = append(errs, tx.DeleteBucket(names[b]))
	}
	for _, name := range oldIn1 {
		b, err := tx.CreateBucketIfNotExists(name)
		errs = append(errs, err, b.Put([]byte(live.ID), nil))
	}
	for _, g := range []bridge.Grant{live, past} { // their records had no Human
		record, err := store.Encode(g)
		record = bytes.Replace(record, []byte(`"Human":"",`), nil, 1)
		errs = append(errs, err, tx.Bucket(names[grants]).Put([]byte(g.ID), record))
	}
	for _, key := range []string{keyLife, string(sealedHead), string(sealedStart)} {
		errs = append(errs, tx.Bucket(names[meta]).Delete([]byte(key)))
	}
	overAt := timeKey(past.EndedAt) + string(past.ID)
	errs = append(errs,
		tx.Bucket(names[grantsOver]).Put([]byte(overAt), nil), // did not say whose it was
		tx.Bucket(names[meta]).Put([]byte(keyFormat), []byte("1")))
	return errors.Join(errs...)
}

// TestAStoreOfTheFirstFormat: everything that was given is found in all ways
// that there are now, and is forgotten without a trace.
func TestAStoreOfTheFirstFormat(t *testing.T) {
	path, sealer, live, past := ofFormat1(t)
	live.Human, past.Human = "alice", "alice"
	for range 2 { // the second time there is nothing left to do
		s := open(t, path, sealer)
		err := s.View(t.Context(), func(tx bridge.ReadTx) error {
			listed(t, "of helper", tx.GrantsOf("helper", ""), past, live)
			listed(t, "from alice", tx.GrantsFrom("alice"), live)
			listed(t, "current", tx.CurrentGrants(), live)
			g, err := tx.CurrentGrant(live.Key)
			if diff := cmp.Diff(live, g); diff != "" {
				t.Errorf("by key (-want +got):\n%s", diff)
			}
			return err
		})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, path, sealer)
	if _, err := s.Prune(t.Context(), past.EndedAt.Add(time.Second), 0); err != nil {
		t.Fatal(err)
	}
	err := s.View(t.Context(), func(tx bridge.ReadTx) error {
		listed(t, "of helper, pruned", tx.GrantsOf("helper", ""), live)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func listed(t *testing.T, what string, seq func(func(bridge.Grant, error) bool), want ...bridge.Grant) {
	t.Helper()
	var got []bridge.Grant
	for g, err := range seq {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		got = append(got, g)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("grants %s (-want +got):\n%s", what, diff)
	}
}

// TestAnUpgradeLeavesDamageAlone: a grant that cannot be read is no reason not
// to start, and it is not changed.
func TestAnUpgradeLeavesDamageAlone(t *testing.T) {
	path, sealer, live, past := ofFormat1(t)
	spoilt := []byte("\x01{spoilt")
	raw(t, path, func(tx *bbolt.Tx) error { return tx.Bucket(names[grants]).Put([]byte(past.ID), spoilt) })
	s := open(t, path, sealer)
	err := s.View(t.Context(), func(tx bridge.ReadTx) error {
		listed(t, "of helper", tx.GrantsOf("helper", ""), func() bridge.Grant { live.Human = "alice"; return live }())
		if got := tx.(*view).tx.Bucket(names[grants]).Get([]byte(past.ID)); !bytes.Equal(got, spoilt) {
			t.Errorf("it was changed to %q", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestAnOldStoreThatIsRefusedIsNotUpgraded: with a wrong key, or a part gone
// that the first format had, the file stays as it was.
func TestAnOldStoreThatIsRefusedIsNotUpgraded(t *testing.T) {
	path, sealer, _, _ := ofFormat1(t)
	refused(t, path, newKey(t, filepath.Join(t.TempDir(), "other.key")), store.ErrWrongKey)
	for _, b := range []bucket{pins, currentByKey} {
		if slices.Contains(newIn2, b) {
			t.Fatalf("%s was in the first format", names[b])
		}
		raw(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket(names[b]) })
		refused(t, path, sealer, store.ErrDamaged, string(names[b]))
		raw(t, path, func(tx *bbolt.Tx) error { _, err := tx.CreateBucket(names[b]); return err })
	}
}
