package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestInstall: everything lands where shells and man(1) look for it.
func TestInstall(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	prefix, calls := t.TempDir(), t.TempDir()
	binary := filepath.Join(calls, "authbridge") // by that name the test is the program (see TestMain)
	if err := os.Symlink(self, binary); err != nil {
		t.Fatal(err)
	}
	said, err := exec.CommandContext(t.Context(), "../../scripts/install", binary, prefix).CombinedOutput()
	if err != nil || len(said) > 0 {
		t.Fatalf("%v: %s", err, said)
	}
	for path, mode := range map[string]os.FileMode{
		"bin/authbridge":                                  0o755,
		"share/man/man1/authbridge.1":                     0o644,
		"share/man/man1/authbridge-token.1":               0o644,
		"share/bash-completion/completions/authbridge":    0o644,
		"share/zsh/site-functions/_authbridge":            0o644,
		"share/fish/vendor_completions.d/authbridge.fish": 0o644,
	} {
		info, err := os.Stat(filepath.Join(prefix, path))
		if err != nil {
			t.Error(err)
		} else if info.Mode() != mode || info.Size() == 0 {
			t.Errorf("%s: mode %v, %d bytes", path, info.Mode(), info.Size())
		}
	}
}
