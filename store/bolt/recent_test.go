package bolt

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

func readRequest(t testing.TB, s *Store, id bridge.RequestID) (r bridge.Request) {
	t.Helper()
	err := s.View(context.Background(), func(tx bridge.ReadTx) (err error) {
		r, err = tx.Request(id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestWhatAReaderGetsIsItsOwn has a reader overwrite whatever can be reached
// from a request. A new field that can be shared is noticed here.
func TestWhatAReaderGetsIsItsOwn(t *testing.T) {
	s := fresh(t)
	want := request(time.Now().UTC().Round(0))
	rewrite(t, reflect.ValueOf(&want).Elem(), "kept")
	if err := putRequest(s, want); err != nil {
		t.Fatal(err)
	}
	for round := range 3 { // decoded, remembered, remembered
		got := readRequest(t, s, want.ID)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("reader %d (-stored +read):\n%s", round, diff)
		}
		rewrite(t, reflect.ValueOf(&got).Elem(), "spoilt")
	}
	err := s.Update(t.Context(), func(tx bridge.Tx) error {
		got, err := tx.Request(want.ID)
		rewrite(t, reflect.ValueOf(&got).Elem(), "spoilt")
		return err
	})
	if got := readRequest(t, s, want.ID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("after an update that read it: error %v, got %+v", err, got)
	}
}

func putRequest(s *Store, r bridge.Request) error {
	return s.Update(context.Background(), func(tx bridge.Tx) error {
		tx.PutRequest(r, nil)
		return nil
	})
}

// rewrite changes in place what slices and pointers lead to, and makes those
// that lead nowhere.
func rewrite(t *testing.T, v reflect.Value, word string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for _, field := range v.Fields() {
			if k := field.Kind(); k == reflect.Slice || k == reflect.Pointer || k == reflect.Struct {
				rewrite(t, field, word)
			} else if k == reflect.Map || k == reflect.Interface {
				t.Fatalf("a request holds a %s: copy it, and say here how to change it", field.Type())
			}
		}
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		rewrite(t, v.Index(0), word)
		if e := v.Index(0); e.Kind() == reflect.Struct {
			e.Field(0).SetString(word)
		}
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v.Elem().Field(0).SetString(word)
		rewrite(t, v.Elem(), word)
	case reflect.String:
		v.SetString(word)
	default:
		t.Fatalf("a slice of %s: say here how to change it", v.Type())
	}
}

// TestWhatIsReadIsWhatIsStored changes requests, fails to change them, and
// spoils them, in any order; readers, who remember, agree with a map.
func TestWhatIsReadIsWhatIsStored(t *testing.T) {
	s := fresh(t)
	s.db.NoSync = true // what a crash leaves is told elsewhere
	errOff := errors.New("called off")
	rapid.Check(t, func(rt *rapid.T) {
		var ids []bridge.RequestID
		kept := map[bridge.RequestID]bridge.Request{}
		for range 3 {
			r := request(time.Now().UTC().Round(0))
			ids, kept[r.ID] = append(ids, r.ID), r
			if err := putRequest(s, r); err != nil {
				rt.Fatal(err)
			}
		}
		agree := func(what string, tx bridge.ReadTx) {
			for id, want := range kept {
				if got, err := tx.Request(id); err != nil || !reflect.DeepEqual(got, want) {
					rt.Fatalf("%s: error %v, got %+v, want %+v", what, err, got, want)
				}
			}
		}
		for range rapid.IntRange(1, 12).Draw(rt, "transactions") {
			r := kept[rapid.SampledFrom(ids).Draw(rt, "request")]
			r.Reason = rapid.SampledFrom([]string{"one", "another", "a third"}).Draw(rt, "reason")
			r.Scopes = slices.Repeat([]string{"repo"}, rapid.IntRange(1, 3).Draw(rt, "scopes"))
			off := rapid.Bool().Draw(rt, "called off")
			err := s.Update(t.Context(), func(tx bridge.Tx) error {
				tx.PutRequest(r, nil)
				if agree("within the transaction", tx); off {
					return errOff
				}
				return nil
			})
			if off != errors.Is(err, errOff) || !off && err != nil {
				rt.Fatal(err)
			}
			if !off {
				kept[r.ID] = r
			}
			_ = s.View(t.Context(), func(tx bridge.ReadTx) error { agree("after it", tx); return nil })
		}
	})
}

// TestRememberedIsAsDecoded spoils, cuts and lengthens stored forms that are
// remembered: each is what decoding it says, an error too.
func TestRememberedIsAsDecoded(t *testing.T) {
	var m recent
	rapid.Check(t, func(rt *rapid.T) {
		r, _ := realistic(rapid.Int64Range(0, 3*recentMost).Draw(rt, "which"))
		stored, err := store.Encode(r)
		if err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 3).Draw(rt, "readers before") {
			sameAsDecoded(rt, &m, stored)
		}
		spoilt := slices.Clone(stored)
		spoilt[rapid.IntRange(0, len(stored)-1).Draw(rt, "place")] ^= rapid.Byte().Draw(rt, "bits")
		sameAsDecoded(rt, &m, spoilt)
		sameAsDecoded(rt, &m, stored[:rapid.IntRange(0, len(stored)).Draw(rt, "length")])
		sameAsDecoded(rt, &m, append(slices.Clone(stored), ' '))
		sameAsDecoded(rt, &m, stored)
	})
}

func sameAsDecoded(t *rapid.T, m *recent, stored []byte) {
	got, err := m.decode(stored)
	want, wantErr := store.Decode[bridge.Request](stored)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) || !reflect.DeepEqual(got, want) {
		t.Fatalf("%q:\ngot %+v, %v,\nwant %+v, %v", stored, got, err, want, wantErr)
	}
}

// TestLittleIsRemembered reads far more than is remembered, with what is too
// long among it.
func TestLittleIsRemembered(t *testing.T) {
	var m recent
	for i := range int64(10 * recentMost) {
		r, _ := realistic(i)
		if i%4 == 0 {
			r.Reason = strings.Repeat("x", recentSize)
		}
		stored, err := store.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := m.decode(stored); err != nil {
				t.Fatal(err)
			}
		}
		if len(m.young) > recentMost || len(m.old) > recentMost {
			t.Fatalf("after %d requests %d and %d are remembered", i+1, len(m.young), len(m.old))
		}
		if known := m.young[string(stored)] != nil; known != (len(stored) <= recentSize) {
			t.Fatalf("one of %d bytes: remembered %v", len(stored), known)
		}
	}
	if len(m.old) != recentMost {
		t.Errorf("the old generation has %d, want %d", len(m.old), recentMost)
	}
}

// TestReadersNeverSeeTheOldOne has readers spoil what they get while a writer
// changes it.
func TestReadersNeverSeeTheOldOne(t *testing.T) {
	s := fresh(t)
	s.db.NoSync = true
	r := request(time.Now())
	var last atomic.Uint64 // the version that was committed last
	var readers sync.WaitGroup
	if err := putRequest(s, r); err != nil {
		t.Fatal(err)
	}
	const versions = 300
	for range 4 {
		readers.Go(func() {
			for seen := last.Load(); seen < versions; seen = last.Load() {
				var got bridge.Request
				err := s.View(t.Context(), func(tx bridge.ReadTx) (err error) {
					got, err = tx.Request(r.ID)
					return err
				})
				if err != nil || got.Version < seen || got.Scopes[0] != "repo" {
					t.Errorf("error %v, version %d after %d was committed, scopes %v", err, got.Version, seen, got.Scopes)
					return
				}
				got.Scopes[0] = "admin:org"
			}
		})
	}
	for v := uint64(2); v <= versions; v++ {
		r.Version = v
		if err := putRequest(s, r); err != nil {
			t.Error(err)
		}
		last.Store(v)
	}
	readers.Wait()
}

// TestAFaultWhileRecalling compares what is remembered with memory that
// cannot be read: that is an error, and others are not kept waiting for ever.
func TestAFaultWhileRecalling(t *testing.T) {
	defer faultsPanic()()
	page, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(page) }()
	for _, others := range []int64{1, 100} {
		var m recent
		var stored []byte
		for i := range others {
			r, _ := realistic(i)
			if stored, err = store.Encode(r); err != nil {
				t.Fatal(err)
			}
			if _, err := m.decode(stored); err != nil {
				t.Fatal(err)
			}
		}
		mapped := page[:copy(page, stored)]
		if _, err := m.decode(mapped); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mprotect(page, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
		err := guard(func() error { _, err := m.decode(mapped); return err })
		if !errors.Is(err, errPart) {
			t.Errorf("with %d remembered: got %v, want that a part cannot be read", others, err)
		}
		if _, err := m.decode(stored); err != nil {
			t.Errorf("with %d remembered, the next reader: %v", others, err)
		}
		if err := unix.Mprotect(page, unix.PROT_READ|unix.PROT_WRITE); err != nil {
			t.Fatal(err)
		}
	}
}
