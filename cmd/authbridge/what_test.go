package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDetailsOnTheCommandLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "details.json")
	if err := os.WriteFile(file, []byte("[{\"type\":\"payment\"}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{"": "", ` [{"type":"payment"}]`: ` [{"type":"payment"}]`, file: "[{\"type\":\"payment\"}]\n"} {
		ask, err := (&what{provider: "corp", details: given}).ask()
		if err != nil || string(ask.AuthorizationDetails) != want {
			t.Errorf("%q is asked as %q, %v", given, ask.AuthorizationDetails, err)
		}
	}
}
