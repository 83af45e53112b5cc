package bolt

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A copy that the store makes of itself ends in a page of its own that says so:
// bbolt passes over what lies behind its last page, and the store itself stays
// as it is. Whoever opens the copy finds the mark, and notes in the store that
// this very copy was noticed.
const copyMark = "copy of a store of authbridge\n"

// trailer is the length of that page.
const trailer = 4096

// Backup implements [bridge.Store]. The copy is one moment of the store; who
// writes meanwhile is not held up.
func (s *Store) Backup(ctx context.Context, to io.Writer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.closing:
		return errClosed
	default:
	}
	defer faultsPanic()()
	tx, err := begin(s.db, false)
	if err != nil {
		return unavailable("reading "+s.path, err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	if err := s.inPlace(tx.Size()); err != nil {
		return unavailable("reading "+s.path, err)
	}
	out := &copying{ctx: ctx, to: to}
	err = guard(func() error {
		_, err := tx.WriteTo(out)
		return err
	})
	switch {
	case out.err != nil:
		return fmt.Errorf("write the copy: %w", out.err)
	case err != nil:
		return unavailable("copying "+s.path, err)
	}
	_, err = out.Write(newTrailer(time.Now()))
	return err
}

// copying ends with its context, and knows which fault was the writer's.
type copying struct {
	ctx context.Context
	to  io.Writer
	err error
}

// Write passes on to the writer.
func (c *copying) Write(p []byte) (n int, err error) {
	if err = c.ctx.Err(); err == nil {
		n, err = c.to.Write(p)
	}
	if err != nil {
		c.err = err
	}
	return n, err
}

// newTrailer is the mark of a copy: which one it is, and of when.
func newTrailer(at time.Time) []byte {
	page := make([]byte, trailer)
	copy(page, copyMark+rand.Text()+"\n"+at.UTC().Format(time.RFC3339)+"\n")
	return page
}

// markedCopy is what the mark of a copy says.
type markedCopy struct {
	id    string
	taken time.Time
}

// readTrailer looks for the mark of a copy at the end of a file; the zero
// value means that there is none.
func readTrailer(path string) (markedCopy, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return markedCopy{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || info.Size() < trailer {
		return markedCopy{}, err
	}
	page := make([]byte, trailer)
	if _, err := f.ReadAt(page, info.Size()-trailer); err != nil && !errors.Is(err, io.EOF) {
		return markedCopy{}, err
	}
	text, marked := strings.CutPrefix(string(bytes.TrimRight(page, "\x00")), copyMark)
	if !marked {
		return markedCopy{}, nil
	}
	id, at, _ := strings.Cut(strings.TrimSuffix(text, "\n"), "\n")
	taken, _ := time.Parse(time.RFC3339, at)
	return markedCopy{id: id, taken: taken}, nil
}
