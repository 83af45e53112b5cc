package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// Options say which store to open and where its seal key is.
type Options struct {
	URL      string // "bolt", or "bolt:/path"; "" = "bolt"
	StateDir string // where what has no path of its own lies; made with mode 0700
	SealPath string // the keyset file; "" = seal.key in StateDir

	// SealHandedOver says that the service manager made the keyset file for
	// this service alone. The bits of its group are then the mask of an access
	// list, and do not count as others.
	SealHandedOver bool
}

// Backend is one kind of store.
type Backend struct {
	Name string // how URLs name it
	File string // its file in the state directory, when the URL has no path

	// Open opens the store in a file, and makes it when there is none. It
	// harms nothing that it cannot use. Its errors are as those of [Open].
	Open func(ctx context.Context, path string, sealer *Sealer) (bridge.Store, error)
}

// Open opens the configured store, one of the given kinds. At the very first
// start, when there is neither a store nor a seal key, it makes both; a seal
// key is never made for a store that exists, and never overwritten. Errors
// are one sentence that names the file and says what to do; their kinds are
// this package's sentinels.
func Open(ctx context.Context, o Options, backends ...Backend) (bridge.Store, error) {
	backend, path, err := o.resolve(backends)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w; state_dir in the configuration says where it is", err)
	}
	sealer, err := o.sealer(path)
	if err != nil {
		return nil, err
	}
	return backend.Open(ctx, path, sealer)
}

// resolve finds the backend that the URL names, and its file.
func (o Options) resolve(backends []Backend) (Backend, string, error) {
	url := o.URL
	if url == "" {
		url = "bolt"
	}
	name, path, named := strings.Cut(url, ":")
	for _, b := range backends {
		switch {
		case b.Name != name:
			continue
		case !named:
			return b, filepath.Join(o.StateDir, b.File), nil
		case !filepath.IsAbs(path):
			return Backend{}, "", fmt.Errorf("store: %q: after %s: comes an absolute path", o.URL, name)
		}
		return b, filepath.Clean(path), nil
	}
	return Backend{}, "", fmt.Errorf("store: %q is none of the stores of this version (bolt, bolt:/path)", o.URL)
}

// sealer loads the seal key, or makes one if nothing was ever sealed.
func (o Options) sealer(storePath string) (*Sealer, error) {
	path := o.SealPath
	if path == "" {
		path = filepath.Join(o.StateDir, "seal.key")
	}
	forbidden := fs.FileMode(0o077)
	if o.SealHandedOver {
		forbidden = 0o007
	}
	sealer, err := loadKeyset(path, forbidden)
	if !errors.Is(err, fs.ErrNotExist) {
		return sealer, err
	}
	if exists, err := storeExists(storePath); err != nil {
		return nil, err
	} else if exists {
		return nil, Fault(ErrNoKey, fmt.Sprintf(
			"the seal key %s is missing but the store %s exists: put the key back (without it what is sealed there is lost; to start anew, move the store away)", path, storePath))
	}
	sealer, err = CreateKeyset(path)
	if errors.Is(err, fs.ErrExist) {
		return LoadKeyset(path) // another process was quicker
	}
	return sealer, err
}

// storeExists counts an empty file as no store: a crash at the first start
// leaves one, before anything is sealed.
func storeExists(path string) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the store: %w", err)
	}
	return info.Size() > 0, nil
}
