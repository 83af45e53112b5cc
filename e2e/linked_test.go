package e2e

import (
	"debug/elf"
	"strings"
	"testing"
)

// TestNothingInTheProgramMakesAProviderFail: the demo's provider is in it, and
// what tests do to that is not.
func TestNothingInTheProgramMakesAProviderFail(t *testing.T) {
	t.Parallel()
	f, err := elf.Open(binary)
	if err != nil {
		t.Skipf("only ELF is looked into: %v", err)
	}
	defer func() { _ = f.Close() }()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	const room = "github.com/authbridge/authbridge/internal/"
	there := false
	for _, s := range symbols {
		there = there || s.Name == room+"demo/provider.New"
		function, inside := strings.CutPrefix(s.Name, room+"demo/provider.")
		switch {
		case strings.HasPrefix(s.Name, room+"devprovider"):
			t.Errorf("the program has %s in it", s.Name)
		case !inside:
		case function == "ForgetRefreshTokens", function == "Live", function == "Honours", function == "GrantOf", function == "Grants":
			t.Errorf("the program has %s in it, which is for tests", function)
		}
	}
	if !there {
		t.Error("there is no provider in the program, so nothing was looked at")
	}
}
