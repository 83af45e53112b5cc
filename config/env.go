package config

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// Env is what a configuration takes from the process around it. Files are
// read from the file system itself.
type Env struct {
	Getenv  func(name string) string                   // "" = not set; nil = no variables at all
	UID     uint32                                     // whom the daemon runs as
	GroupID func(group string) (gid uint32, err error) // nil = there are no groups
}

// SystemEnv is the environment of this process.
func SystemEnv() Env {
	return Env{
		Getenv:  os.Getenv,
		UID:     uint32(os.Geteuid()), //nolint:gosec // G115: a uid has 32 bits
		GroupID: systemGroup,
	}
}

func systemGroup(group string) (uint32, error) {
	g, err := user.LookupGroup(group)
	if err != nil {
		return 0, fmt.Errorf("look up group: %w", err)
	}
	gid, err := strconv.ParseUint(g.Gid, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("look up group: its id %q is not a number: %w", g.Gid, err)
	}
	return uint32(gid), nil
}

func (e Env) get(name string) string {
	if e.Getenv == nil {
		return ""
	}
	return e.Getenv(name)
}

// dir returns the directory that a variable names, "" for none. A service
// manager may name several, by colons; the first is meant. A relative one is
// not believed: it would be below the working directory.
func dir(env func(string) string, variable string) string {
	first, _, _ := strings.Cut(env(variable), ":")
	if !filepath.IsAbs(first) {
		return ""
	}
	return filepath.Clean(first)
}

// under is dir with elements below it, "" if there is no such directory.
func under(env func(string) string, variable string, elements ...string) string {
	base := dir(env, variable)
	if base == "" {
		return ""
	}
	return filepath.Join(append([]string{base}, elements...)...)
}
