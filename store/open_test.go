package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// opened is a store that only remembers how it was opened.
type opened struct {
	bridge.Store
	path   string
	sealer *store.Sealer
}

func bolt() store.Backend {
	return store.Backend{Name: "bolt", File: "authbridge.db", Open: func(_ context.Context, path string, s *store.Sealer) (bridge.Store, error) {
		return opened{path: path, sealer: s}, nil
	}}
}

func TestOpenFindsTheFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	for url, want := range map[string]string{
		"":                    filepath.Join(dir, "authbridge.db"),
		"bolt":                filepath.Join(dir, "authbridge.db"),
		"bolt:/elsewhere/b.x": "/elsewhere/b.x",
	} {
		s, err := store.Open(t.Context(), store.Options{URL: url, StateDir: dir}, bolt())
		if err != nil {
			t.Errorf("%q: %v", url, err)
			continue
		}
		if got := s.(opened).path; got != want {
			t.Errorf("%q opens %s, want %s", url, got, want)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the state directory: mode %v, error %v; want 0700", info.Mode(), err)
	}
	for _, url := range []string{"postgres://x", "bolt:", "bolt:relative", "bolt:../up", "BOLT", ":"} {
		if _, err := store.Open(t.Context(), store.Options{URL: url, StateDir: dir}, bolt()); err == nil {
			t.Errorf("%q was opened", url)
		}
	}
}

func TestASealKeyIsMadeOnlyAtTheVeryFirstStart(t *testing.T) {
	dir := t.TempDir()
	o := store.Options{StateDir: dir}
	key, db := filepath.Join(dir, "seal.key"), filepath.Join(dir, "authbridge.db")
	if err := os.WriteFile(db, nil, 0o600); err != nil { // a crash left it
		t.Fatal(err)
	}
	first, err := store.Open(t.Context(), o, bolt())
	if err != nil {
		t.Fatal(err)
	}
	sealed := seal(t, first.(opened).sealer, "a/b", "token")
	if err := os.WriteFile(db, []byte("a store"), 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := store.Open(t.Context(), o, bolt())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.(opened).sealer.Open("a/b", sealed); err != nil {
		t.Errorf("at the second start: %v", err)
	}
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), o, bolt())
	sentence(t, err, store.ErrNoKey, key, db, "put the key back")
	if _, err := os.Stat(key); err == nil {
		t.Error("a key was made for a store that has another")
	}
	if err := os.WriteFile(key, []byte("garbled"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), o, bolt())
	sentence(t, err, store.ErrNoKey, key)
	if text, _ := os.ReadFile(key); string(text) != "garbled" {
		t.Error("the garbled key was overwritten")
	}
}

func TestASealKeyOfItsOwnPlace(t *testing.T) {
	dir, key := t.TempDir(), filepath.Join(t.TempDir(), "k")
	if _, err := store.Open(t.Context(), store.Options{StateDir: dir, SealPath: key}, bolt()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(key); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "seal.key")); err == nil {
		t.Error("there is a key in the state directory, too")
	}
}

// TestTwoFirstStartsAgreeOnOneKey: what one of them seals, the other opens.
func TestTwoFirstStartsAgreeOnOneKey(t *testing.T) {
	o := store.Options{StateDir: t.TempDir()}
	sealers := make([]*store.Sealer, 8)
	var wg sync.WaitGroup
	for i := range sealers {
		wg.Go(func() {
			s, err := store.Open(t.Context(), o, bolt())
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			sealers[i] = s.(opened).sealer
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	sealed := seal(t, sealers[0], "a/b", "token")
	for _, s := range sealers {
		if _, err := s.Open("a/b", sealed); errors.Is(err, store.ErrDamaged) {
			t.Error("two starts made two keys")
		}
	}
}
