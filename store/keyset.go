package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// The keyset is kept in clear text, in a file that only its owner can read:
// the bridge must start without anybody typing a passphrase, and whatever
// would wrap the keyset (a key service, a secret manager) hands this file out
// instead. Keep it apart from the store's backups.

// maxKeyset is far more than a keyset of a hundred keys takes.
const maxKeyset = 64 << 10

// LoadKeyset reads a keyset in Tink's JSON form. Its primary key seals, its
// other enabled keys still open. A file that others can read is ErrUnsafe;
// one that is missing or garbled is ErrNoKey, and a missing one also
// [fs.ErrNotExist].
func LoadKeyset(path string) (*Sealer, error) { return loadKeyset(path, 0o077) }

// loadKeyset refuses a file whose mode has any of the forbidden bits.
func loadKeyset(path string, forbidden fs.FileMode) (*Sealer, error) {
	text, err := readPrivate(path, forbidden)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Fault(errors.Join(ErrNoKey, fs.ErrNotExist), fmt.Sprintf(
			"the seal key %s does not exist: put the key file back, or let seal name it", path))
	}
	if err != nil {
		return nil, err
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, garbled(path)
	}
	sealer, err := newSealer(handle)
	if err != nil {
		return nil, garbled(path)
	}
	return sealer, nil
}

// garbled leaves the cause out: it may quote the key.
func garbled(path string) error {
	return Fault(ErrNoKey, fmt.Sprintf("the seal key %s is not a keyset of AEAD keys in Tink's JSON: put the original file back", path))
}

// CreateKeyset makes a keyset with one fresh AES-256-GCM key and writes it to
// a file of mode 0600, durably and all at once. It never overwrites: where
// there is something already, it returns [fs.ErrExist].
func CreateKeyset(path string) (*Sealer, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a seal key: %w", err)
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		return nil, fmt.Errorf("make a seal key: %w", err)
	}
	if err := writePrivate(path, text.Bytes()); err != nil {
		return nil, fmt.Errorf("write the seal key %s: %w", path, err)
	}
	return newSealer(handle)
}

// readPrivate reads a file that only its owner can read. It looks at the open
// file, so that nobody can exchange it between the look and the reading.
func readPrivate(path string, forbidden fs.FileMode) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, Fault(ErrUnsafe, fmt.Sprintf("the seal key %s is not a plain file", path))
	case info.Mode().Perm()&forbidden != 0:
		return nil, Fault(ErrUnsafe, fmt.Sprintf(
			"others can read the seal key %s (mode %04o): run chmod 600 on it, and make a new key if somebody may have read it", path, info.Mode().Perm()))
	case info.Size() > maxKeyset:
		return nil, garbled(path)
	}
	return io.ReadAll(io.LimitReader(f, maxKeyset))
}

// writePrivate writes a new file beside its place and links it there: a link,
// unlike a rename, fails when somebody else was quicker.
func writePrivate(path string, text []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(dir)
}

// SyncDir makes the names of a directory's files durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator names the directory
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
