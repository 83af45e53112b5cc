package store_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

func create(t *testing.T, path string) *store.Sealer {
	t.Helper()
	sealer, err := store.CreateKeyset(path)
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

func seal(t *testing.T, s *store.Sealer, ref bridge.SecretRef, plain string) []byte {
	t.Helper()
	sealed, err := s.Seal(ref, bridge.NewSecret(plain))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedOpensOnlyUnderItsNameAndKey(t *testing.T) {
	dir := t.TempDir()
	mine, other := create(t, filepath.Join(dir, "mine")), create(t, filepath.Join(dir, "other"))
	ref := bridge.GrantSecret("grt_1")
	sealed := seal(t, mine, ref, "token")
	if bytes.Contains(sealed, []byte("token")) {
		t.Fatal("it is not sealed at all")
	}
	if got, err := mine.Open(ref, sealed); err != nil || got.Reveal() != "token" {
		t.Errorf("under its own name: error %v, or another text", err)
	}
	if bytes.Equal(sealed, seal(t, mine, ref, "token")) {
		t.Error("the same text is sealed the same way twice")
	}
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	for what, open := range map[string]func() (bridge.Secret, error){
		"under another name": func() (bridge.Secret, error) { return mine.Open(bridge.GrantSecret("grt_2"), sealed) },
		"with another key":   func() (bridge.Secret, error) { return other.Open(ref, sealed) },
		"with a bit flipped": func() (bridge.Secret, error) { return mine.Open(ref, flipped) },
		"cut short":          func() (bridge.Secret, error) { return mine.Open(ref, sealed[:7]) },
		"out of nothing":     func() (bridge.Secret, error) { return mine.Open(ref, nil) },
	} {
		if got, err := open(); !errors.Is(err, store.ErrDamaged) || !got.IsZero() || !strings.Contains(err.Error(), string(ref[:4])) {
			t.Errorf("%s: got error %v, want ErrDamaged that names it", what, err)
		}
	}
	if !mine.Current(sealed) || other.Current(sealed) {
		t.Error("it is not told whose key sealed it")
	}
}

func TestAKeysetFileIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal.key")
	sealed := seal(t, create(t, path), "a/b", "token")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, error %v; want 0600", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("%d files in the directory, want the keyset alone", len(entries))
	}
	loaded, err := store.LoadKeyset(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := loaded.Open("a/b", sealed); err != nil || got.Reveal() != "token" {
		t.Errorf("with the key read from the file: error %v, or another text", err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o622} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := store.LoadKeyset(path)
		sentence(t, err, store.ErrUnsafe, path, "chmod 600")
	}
	if err := os.Chmod(path, 0o400); err != nil { // as a credential is handed out
		t.Fatal(err)
	}
	if _, err := store.LoadKeyset(path); err != nil {
		t.Errorf("a keyset that not even its owner can change: %v", err)
	}
}

// sentence checks an error for its kind, its words, and that it is one line.
func sentence(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got %v, want: %v", err, kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is more than a sentence", err)
	}
}

func TestAKeysetIsNeverOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal.key")
	create(t, path)
	before, _ := os.ReadFile(path)
	_, err := store.CreateKeyset(path)
	sentence(t, err, fs.ErrExist, path)
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("it was overwritten")
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Error("the attempt left a file behind, with a key in it")
	}
}

func TestAKeysetThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "seal.key")
	create(t, path)
	good, _ := os.ReadFile(path)
	for what, text := range map[string][]byte{
		"empty":       nil,
		"garbled":     append([]byte("x"), good...),
		"cut short":   good[:len(good)/2],
		"no keys":     []byte(`{"primaryKeyId":1,"key":[]}`),
		"far too big": bytes.Repeat([]byte(" "), 1<<20),
		"for a MAC":   macKeyset(t),
	} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := store.LoadKeyset(path)
		sentence(t, err, store.ErrNoKey, path, "put the original file back")
		if key := bytes.TrimSpace(text); len(key) > 40 && strings.Contains(err.Error(), string(key[20:40])) {
			t.Errorf("%s: the error quotes the file", what)
		}
	}
	_, err := store.LoadKeyset(filepath.Join(dir, "none"))
	sentence(t, err, store.ErrNoKey, "none", "does not exist")
	sentence(t, err, fs.ErrNotExist)
	_, err = store.LoadKeyset(dir)
	sentence(t, err, store.ErrUnsafe, dir, "not a plain file")
}

func macKeyset(t *testing.T) []byte {
	t.Helper()
	handle, err := keyset.NewHandle(mac.HMACSHA256Tag256KeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func BenchmarkSeal2KiB(b *testing.B) {
	sealer, err := store.CreateKeyset(filepath.Join(b.TempDir(), "seal.key"))
	if err != nil {
		b.Fatal(err)
	}
	secret := bridge.NewSecret(strings.Repeat("t", 2048))
	for b.Loop() {
		if _, err := sealer.Seal("grt_1/tokens", secret); err != nil {
			b.Fatal(err)
		}
	}
}
