package bolt

import (
	"bytes"
	"errors"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// TestADamagedRecordIsNamed spoils single records: reading them says which,
// and everything else goes on.
func TestADamagedRecordIsNamed(t *testing.T) {
	path, sealer := lived(t)
	var bad, good bridge.RequestID
	raw(t, path, func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte("request")).Cursor()
		first, _ := c.First()
		second, _ := c.Next()
		bad, good = bridge.RequestID(first), bridge.RequestID(second)
		for _, name := range []string{"request", "request.pending"} {
			if err := tx.Bucket([]byte(name)).Put([]byte(bad), []byte("\x01{spoilt")); err != nil {
				return err
			}
		}
		return tx.Bucket([]byte("secret")).Put([]byte(bridge.CodeSecret(bad)), []byte("spoilt"))
	})
	s := open(t, path, sealer)
	err := s.View(t.Context(), func(tx bridge.ReadTx) error {
		_, err := tx.Request(bad)
		named(t, "the request", err, bad)
		_, err = tx.Secret(bridge.CodeSecret(bad))
		named(t, "its secret", err, bad)
		_, err = tx.Request(good)
		return err
	})
	if err != nil {
		t.Errorf("another request: %v", err)
	}
	read, faults := 0, []error(nil)
	err = s.View(t.Context(), func(tx bridge.ReadTx) error {
		for _, err := range tx.OpenFor("alice") {
			read++
			if err != nil {
				faults = append(faults, err)
			}
		}
		for _, err := range tx.Pending() {
			if err != nil {
				faults = append(faults, err)
			}
		}
		return nil
	})
	if err != nil || read != 50 || len(faults) != 2 {
		t.Fatalf("error %v, read %d, faults %v; want 50 and one fault in each list", err, read, faults)
	}
	for _, err := range faults {
		named(t, "in a list", err, bad)
	}
	err = s.Update(t.Context(), func(tx bridge.Tx) error {
		tx.PutRequest(bridge.Request{ID: bad, State: bridge.Denied}, nil)
		return nil
	})
	named(t, "a write over it", err, bad)
}

func named(t *testing.T, what string, err error, id bridge.RequestID) {
	t.Helper()
	if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), string(id)) {
		t.Errorf("%s: got %v, want ErrDamaged that names %s", what, err, id)
	}
}

// TestADamagedLineHidesNoOther spoils one line of each index: the sequence
// says so and goes on.
func TestADamagedLineHidesNoOther(t *testing.T) {
	path, sealer := lived(t)
	s := open(t, path, sealer)
	err := s.Update(t.Context(), func(tx bridge.Tx) error {
		for _, id := range []string{"grt_1", "grt_2", "grt_3"} {
			tx.PutGrant(bridge.Grant{ID: bridge.GrantID(id), Key: bridge.GrantKey{Session: id}, State: bridge.GrantLive})
			tx.PutRevocation(bridge.Revoking{ID: id})
		}
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	raw(t, path, func(tx *bbolt.Tx) error {
		first, _ := tx.Bucket(names[pending]).Cursor().First()
		return errors.Join(
			tx.Bucket(names[pending]).Put(bytes.Clone(first), []byte{recordOfTheFuture}),
			tx.Bucket(names[openFor]).Put([]byte(short("alice")+"req_0"), nil),
			tx.Bucket(names[currentByID]).Put([]byte("grt_0"), nil),
			tx.Bucket(names[revocations]).Put([]byte("grt_2"), []byte("\x01{spoilt")),
		)
	})
	s = open(t, path, sealer)
	err = s.View(t.Context(), func(tx bridge.ReadTx) error {
		goesOn(t, "pending", tx.Pending(), 49)
		goesOn(t, "open", tx.OpenFor("alice"), 50)
		goesOn(t, "live grants", tx.CurrentGrants(), 3)
		goesOn(t, "revocations", tx.Revocations(), 2)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// recordOfTheFuture is a version that this program does not know.
const recordOfTheFuture = 9

func goesOn[T any](t *testing.T, what string, seq iter.Seq2[T, error], want int) {
	t.Helper()
	good, bad := 0, 0
	for _, err := range seq {
		switch {
		case err == nil:
			good++
		case errors.Is(err, bridge.ErrUnreadable) && !errors.Is(err, bridge.ErrStoreUnavailable):
			bad++
		default:
			t.Errorf("%s: got %v, want ErrUnreadable alone", what, err)
		}
	}
	if good != want || bad != 1 {
		t.Errorf("%s: %d lines and %d that cannot be read; want %d and 1", what, good, bad, want)
	}
}

// TestADamagedPageEndsASequence overwrites what is in the file of the pending
// requests: that is no fault of a line, and who skips lines must not take the
// rest for empty.
func TestADamagedPageEndsASequence(t *testing.T) {
	path, sealer := lived(t)
	s := open(t, path, sealer)
	var page uint64
	err := s.View(t.Context(), func(tx bridge.ReadTx) error {
		page = uint64(tx.(*view).tx.Bucket(names[pending]).Root())
		return nil
	})
	if err != nil || page == 0 {
		t.Fatalf("error %v, page %d; this test needs a tree with a page of its own", err, page)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	garbage := bytes.Repeat([]byte{0xa5}, os.Getpagesize())
	_, err = file.WriteAt(garbage, int64(page)*int64(os.Getpagesize()))
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	var faults []error
	err = s.View(t.Context(), func(tx bridge.ReadTx) error {
		for _, err := range tx.Pending() {
			faults = append(faults, err)
		}
		return nil
	})
	if err != nil || len(faults) != 1 || !errors.Is(faults[0], bridge.ErrStoreUnavailable) || errors.Is(faults[0], bridge.ErrUnreadable) {
		t.Errorf("error %v, yielded %v; want one ErrStoreUnavailable and the end", err, faults)
	}
	if id, err := ask(t, s); err == nil || errors.Is(err, bridge.ErrUnreadable) {
		t.Errorf("an ask %s whose line would go to that page: got %v, want ErrStoreUnavailable", id, err)
	}
}

// TestDamageDoesNotStopPruning: a line that makes no sense is forgotten, and
// so is all that waits behind it.
func TestDamageDoesNotStopPruning(t *testing.T) {
	s := fresh(t)
	ended := request(time.Now())
	ended, _ = ended.Apply(bridge.Event{Kind: bridge.OnDeny}, time.Now())
	err := s.Update(t.Context(), func(tx bridge.Tx) error {
		tx.PutRequest(ended, nil)
		u := tx.(*update)
		u.set(over, "\x00", []byte("spoilt"))
		u.set(over, timeKey(time.Now().Add(-time.Hour))+"req_0", []byte("spoilt"))
		u.mark(grantsOver, "\x00short")
		u.mark(expiry, timeKey(time.Now().Add(-time.Hour)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prune(t.Context(), time.Now().Add(time.Hour), 10); err != nil {
		t.Fatal(err)
	}
	if holds(t, s, ended.ID) {
		t.Error("the request behind the damage is still there")
	}
	for _, b := range []bucket{over, grantsOver, expiry} {
		if n := keys(t, s, b); n != 0 {
			t.Errorf("%d lines of %s are left", n, names[b])
		}
	}
}

func keys(t *testing.T, s *Store, b bucket) (n int) {
	t.Helper()
	err := s.View(t.Context(), func(tx bridge.ReadTx) error {
		return tx.(*view).tx.Bucket(names[b]).ForEach(func(_, _ []byte) error {
			n++
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
