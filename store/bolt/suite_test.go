package bolt

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
	"github.com/authbridge/authbridge/store/storetest"
)

func TestStore(t *testing.T) {
	sealer := newKey(t, filepath.Join(t.TempDir(), "seal.key"))
	storetest.Run(t, storetest.Lab{
		Open: func(t testing.TB, dir string) bridge.Store { return open(t, file(dir), sealer) },
		// A commit is in the file before Update returns, so what a killed
		// process leaves is the file.
		Crash: func(t testing.TB, from, to string) { copyFile(t, file(from), file(to)) },
		Place: func(t testing.TB, dir string, copied []byte) {
			if err := os.WriteFile(file(dir), copied, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		Move: func(t testing.TB, dir string, from, to bridge.SecretRef) {
			raw(t, file(dir), func(tx *bbolt.Tx) error {
				b := tx.Bucket([]byte("secret"))
				return b.Put([]byte(to), b.Get([]byte(from)))
			})
		},
	})
}

func file(dir string) string { return filepath.Join(dir, "authbridge.db") }

func newKey(t testing.TB, path string) *store.Sealer {
	t.Helper()
	sealer, err := store.CreateKeyset(path)
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

func open(t testing.TB, path string, sealer *store.Sealer) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, sealer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// raw changes a file behind the store's back.
func raw(t testing.TB, path string, fn func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(fn); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
