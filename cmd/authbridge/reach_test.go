package main

import (
	"os"
	"path/filepath"
	"testing"
)

// Who listens in the system's directory is believed as far as root has made
// that directory for them: nobody who can only write there is.
func TestWhoMayListenInTheSystemsDirectory(t *testing.T) {
	us := uint32(os.Geteuid())
	own := filepath.Join(t.TempDir(), "authbridge")
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	trusts := installedIn(own)
	if us != 0 && (!trusts(us) || trusts(us+1)) {
		t.Errorf("in its own directory %d is trusted: %t, another: %t", us, trusts(us), trusts(us+1))
	}
	for _, mode := range []os.FileMode{0o770, 0o702, 0o777} {
		if err := os.Chmod(own, mode); err != nil {
			t.Fatal(err)
		}
		if trusts(us) || trusts(4321) {
			t.Errorf("with mode %o somebody is trusted where others can put a socket", mode)
		}
	}
	link := own + "-linked"
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	if installedIn(link)(us) || installedIn(own+"-absent")(us) {
		t.Error("somebody is trusted in what is no directory")
	}
	if !installedIn("/usr")(4321) {
		t.Error("whom root has let in is not trusted")
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chmod(own, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(own, 4321, 4321); err != nil {
		t.Fatal(err)
	}
	if !trusts(4321) || trusts(4322) {
		t.Errorf("in the directory of 4321 it is trusted: %t, another: %t", trusts(4321), trusts(4322))
	}
}

// Where a configuration leads, its bridge may run as the user whose directory
// it is, as one that a service manager started does.
func TestWhoMayListenWhereAConfigurationLeads(t *testing.T) {
	us := uint32(os.Geteuid())
	own := filepath.Join(t.TempDir(), "authbridge")
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(own, 0o777); err != nil {
		t.Fatal(err)
	}
	trusts := foundIn(own)
	if !trusts(us) || !trusts(0) || trusts(4321) {
		t.Errorf("we: %t, root: %t, another: %t", trusts(us), trusts(0), trusts(4321))
	}
	if !foundIn("/usr")(4321) {
		t.Error("whom root has let in is not trusted")
	}
}
