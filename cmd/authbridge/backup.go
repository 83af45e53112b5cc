package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
)

func (a *app) backupCommand() *cobra.Command {
	return uses(&cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the store of the running bridge to a file (operator)",
		Long: `Copies the store as it is at one moment, while the bridge goes on. The file is
for the caller's eyes only, is there whole or not at all, and never takes the
place of another. The seal key is not in it: keep that somewhere else.

To put it back, stop the bridge, copy the file to where the store was, and
start it. The bridge notices, and asks the humans again for every grant whose
refresh token may have been replaced since. What was revoked, denied or
suspended after the backup is as it was before: look at it.`,
		Example: "  authbridge backup /var/backups/authbridge-2026-11-22.db",
		Args:    oneArg("file"),
		RunE: func(c *cobra.Command, args []string) error {
			size, err := a.backup(c.Context(), args[0])
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.json(map[string]any{"file": args[0], "bytes": size})
			}
			_, err = fmt.Fprintf(a.err, "copied the store to %s (%d bytes)\n", a.plain(args[0]), size)
			return err
		},
	}, "admin-socket", "json")
}

// backup writes the copy beside the file first, so that there is never half of
// one under its name.
func (a *app) backup(ctx context.Context, path string) (size int64, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return 0, notInTheWay(path, err)
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".authbridge-backup-*") // with mode 0600
	if err != nil {
		return 0, &failure{exit: exitUsage, err: fmt.Errorf("make a file for the copy: %w", err), hint: "name a file in a directory that you may write to"}
	}
	defer func() { _ = os.Remove(part.Name()) }()
	err = a.operator().Backup(ctx, part)
	if err == nil {
		err = part.Sync()
	}
	if err == nil {
		size, err = part.Seek(0, io.SeekEnd)
	}
	if err := errors.Join(err, part.Close()); err != nil {
		return 0, err
	}
	return size, putInPlace(part.Name(), path)
}

// putInPlace gives the copy its name, unless somebody has taken that meanwhile.
func putInPlace(part, path string) error {
	err := os.Link(part, path)
	if errors.Is(err, fs.ErrExist) {
		return notInTheWay(path, nil)
	}
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.ENOSYS) { // a file system without links
		err = os.Rename(part, path)
	}
	if err != nil {
		return fmt.Errorf("give the copy its name: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("make the copy durable: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// notInTheWay refuses a name that is taken, or that cannot be looked at.
func notInTheWay(path string, err error) error {
	if err == nil {
		err = fmt.Errorf("%s is there already", path)
	}
	return &failure{exit: exitUsage, err: err, hint: "name a file that is not there yet; a backup never takes the place of another file"}
}
