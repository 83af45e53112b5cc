package bolt

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

func TestNoSecretIsInTheFile(t *testing.T) {
	const marked, shown = "gho_MARKED-0123456789", "a reason that is no secret"
	dir := t.TempDir()
	path := file(dir)
	s := open(t, path, newKey(t, filepath.Join(dir, "seal.key")))
	r := request(time.Now())
	r.Reason = shown
	for range 2 { // the second time it overwrites and deletes
		err := s.Update(t.Context(), func(tx bridge.Tx) error {
			tx.PutRequest(r, nil)
			tx.PutSecret(bridge.CodeSecret(r.ID), bridge.NewSecret(marked))
			tx.PutSecret(bridge.HeldSecret(r.ID), bridge.NewSecret("before "+marked+" after"))
			tx.DeleteSecret(bridge.HeldSecret(r.ID))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(stored, []byte(shown)) {
		t.Error("what is no secret is not in the file either: this test would see nothing")
	}
	if bytes.Contains(stored, []byte(marked)) || bytes.Contains(stored, []byte("MARKED")) {
		t.Error("a secret is in the file in clear text")
	}
}

// addPrimary makes a new key the primary one of a keyset file; dropOld leaves
// it alone there.
func addPrimary(t *testing.T, path string, dropOld bool) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	manager := keyset.NewManagerFromHandle(handle)
	if dropOld {
		primary, err := handle.Primary()
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range handle.KeysetInfo().GetKeyInfo() {
			if k.GetKeyId() != primary.KeyID() {
				err = manager.Delete(k.GetKeyId())
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	} else {
		id, err := manager.Add(aead.XChaCha20Poly1305KeyTemplate())
		if err == nil {
			err = manager.SetPrimary(id)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if handle, err = manager.Handle(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func loadKey(t *testing.T, path string) *store.Sealer {
	t.Helper()
	sealer, err := store.LoadKeyset(path)
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

// TestRotation adds a key, starts once, and takes the old key out.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	path, keyPath := file(dir), filepath.Join(dir, "seal.key")
	old := newKey(t, keyPath)
	refs := make([]bridge.SecretRef, rotateBatch+7) // more than one commit seals again
	for i := range refs {
		refs[i] = bridge.CodeSecret(bridge.NewRequestID(time.UnixMilli(int64(i))))
	}
	s := open(t, path, old)
	err := s.Update(t.Context(), func(tx bridge.Tx) error {
		for _, ref := range refs {
			tx.PutSecret(ref, bridge.NewSecret("code of "+string(ref)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	addPrimary(t, keyPath, false)
	for _, dropOld := range []bool{false, true} {
		if dropOld {
			addPrimary(t, keyPath, true)
		}
		s := open(t, path, loadKey(t, keyPath))
		err := s.View(t.Context(), func(tx bridge.ReadTx) error {
			for _, ref := range refs {
				if got, err := tx.Secret(ref); err != nil || got.Reveal() != "code of "+string(ref) {
					t.Fatalf("old key dropped: %v: %s: error %v, or another text", dropOld, ref, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, path, old, store.ErrWrongKey) // the old key alone opens nothing any more
}
