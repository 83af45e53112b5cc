package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// result is what a command left behind.
type result struct {
	exit     int
	out, err string
}

// command runs the program in this process, with nothing but these variables
// ("NAME=value") in its environment.
func command(env []string, args ...string) result {
	var out, err bytes.Buffer
	s := &stdio{in: strings.NewReader(""), out: &out, err: &err, env: func(name string) string {
		for _, v := range env {
			if value, is := strings.CutPrefix(v, name+"="); is {
				return value
			}
		}
		return ""
	}}
	return result{run(args, s), out.String(), err.String()}
}

// call runs an agent's command at the desk.
func (d *desk) call(args ...string) result {
	return command([]string{"AUTHBRIDGE_SOCKET=" + d.socket}, args...)
}

// expect fails the test unless a command ended with this exit and said these
// words on standard error.
func (r result) expect(t *testing.T, exit int, said ...string) result {
	t.Helper()
	if r.exit != exit {
		t.Errorf("exit %d, want %d; it said: %s", r.exit, exit, r.err)
	}
	for _, words := range said {
		if !strings.Contains(r.err, words) {
			t.Errorf("%q is missing in what it said: %s", words, r.err)
		}
	}
	return r
}

// object reads standard output, which has to be one line of JSON and nothing
// else.
func (r result) object(t *testing.T, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(r.out))
	if err := d.Decode(into); err != nil {
		t.Fatalf("standard output is no JSON (%v): %q", err, r.out)
	}
	if _, err := d.Token(); err != io.EOF || strings.Count(r.out, "\n") != 1 {
		t.Errorf("standard output is not one line of JSON: %q", r.out)
	}
}
