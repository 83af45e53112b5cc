package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/term"

	"github.com/authbridge/authbridge/internal/setup"
)

// maxAnswer is how long one line of an answer may be.
const maxAnswer = 8 << 10

// talk asks on standard error and reads from standard input, a line an answer.
// It implements [setup.Talk].
type talk struct {
	*stdio
	lines *bufio.Reader
}

func (s *stdio) talk() *talk { return &talk{s, bufio.NewReaderSize(s.in, maxAnswer)} }

// Say tells something.
func (t *talk) Say(lines ...string) {
	for _, line := range lines {
		fmt.Fprintln(t.err, t.plain(line))
	}
}

// Ask returns one line.
func (t *talk) Ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(t.err, t.plain(question))
	text, err := t.answer(ctx, t.line)
	if f, is := t.in.(*os.File); err != nil || !is || !term.IsTerminal(int(f.Fd())) {
		fmt.Fprintln(t.err) // nobody has pressed Enter here
	}
	return text, err
}

// AskSecret is Ask without an echo, where there is one.
func (t *talk) AskSecret(ctx context.Context, question string) (setup.Secret, error) {
	fmt.Fprint(t.err, t.plain(question))
	defer fmt.Fprintln(t.err) // nobody has seen an Enter either
	read := t.line
	if f, is := t.in.(*os.File); is && t.lines.Buffered() == 0 && term.IsTerminal(int(f.Fd())) {
		fd := int(f.Fd())
		before, err := term.GetState(fd)
		if err != nil {
			return setup.Secret{}, err
		}
		// Ctrl-C must not leave a terminal that shows nothing.
		defer func() { _ = term.Restore(fd, before) }()
		read = func() (string, error) {
			text, err := term.ReadPassword(fd)
			runtime.KeepAlive(f) // or its number could be another file's by now
			return string(text), err
		}
	}
	text, err := t.answer(ctx, read)
	return setup.NewSecret(text), err
}

// answer reads in the background, so that Ctrl-C is heard meanwhile. What
// reads then is left behind: the program is about to end.
func (t *talk) answer(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := read()
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		if errors.Is(a.err, io.EOF) {
			a.err = setup.ErrSilent
		}
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (t *talk) line() (string, error) {
	line, err := t.lines.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", &setup.Refusal{What: "an answer is too long; nothing was written"}
	case err != nil && len(line) == 0:
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}
