package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

const (
	fileName = "authbridge.yaml"
	etcFile  = "/etc/authbridge/" + fileName
	maxBytes = 1 << 20
)

// Find says which file to load. A file named by the flag or by
// $AUTHBRIDGE_CONFIG is the one, there or not: a missing one is then Load's
// fault, never a reason to take another. Otherwise it is the first that is
// there of $XDG_CONFIG_HOME/authbridge/authbridge.yaml (XDG_CONFIG_HOME falls
// back to ~/.config) and /etc/authbridge/authbridge.yaml, and found is false
// when neither is. The working directory is never looked at. tried lists what
// was looked at, for people.
func Find(flag string, env func(string) string) (path string, found bool, tried []string) {
	for _, named := range []string{flag, env("AUTHBRIDGE_CONFIG")} {
		if named != "" {
			return named, true, []string{named}
		}
	}
	home := under(env, "XDG_CONFIG_HOME", "authbridge", fileName)
	if home == "" {
		home = under(env, "HOME", ".config", "authbridge", fileName)
	}
	for _, candidate := range []string{home, etcFile} {
		if candidate == "" {
			continue
		}
		tried = append(tried, candidate)
		// Anything but "not there" is Load's to explain: a file that may not
		// be read must not silently give way to the next.
		if _, err := os.Stat(candidate); !errors.Is(err, fs.ErrNotExist) {
			return candidate, true, tried
		}
	}
	return "", false, tried
}

// Load reads and checks the file at path. Its error is a *Faults, also when
// the file cannot be read.
func Load(path string, env Env) (*Config, error) {
	data, err := readBounded(path, maxBytes)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = "authbridge init writes one"
		}
		return nil, single(path, 0, fmt.Sprintf("cannot be read: %v", cause(err)), hint)
	}
	return Parse(path, data, env)
}

// Empty is the configuration of no file at all.
func Empty(env Env) (*Config, error) {
	return Parse("", nil, env)
}

// readBounded reads at most one byte more than limit, so that the caller sees
// that a file is too large.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// cause leaves out the operation and the path, which the fault says better.
func cause(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}
