package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/internal/devprovider"
)

// diagnosis is what `doctor --json` prints.
type diagnosis struct {
	Findings []struct{ Level, About, What, Hint string }

	OK, Warnings, Failures int
}

func (w *world) doctor(exit int) diagnosis {
	w.t.Helper()
	var d diagnosis
	if err := json.Unmarshal([]byte(w.cli("doctor", "--json").wants(w.t, exit).stdout), &d); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// says returns what is said of something, a line for each finding.
func (d diagnosis) says(about string) string {
	var all strings.Builder
	for _, f := range d.Findings {
		if f.About == about {
			all.WriteString(f.Level + " " + f.What + " → " + f.Hint + "\n")
		}
	}
	return all.String()
}

// TestTheDoctorSees a bridge that is well, one that is not, and none.
func TestTheDoctorSees(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.grant(w.human("alice"), w.ask("").ID)
	before := w.provider.count(devprovider.KindDeviceAuthorization)
	d := w.doctor(0)
	for about, words := range map[string]string{
		"bridge": "ok answers at", "config": "ok " + w.config, "store": "ok bolt, 0 requests open, 1 grant", "audit": "ok chain whole",
		"inbox": "ok answers at http", "corp": "ok issuer matches, device grant offered, client known", "clock": "ok ",
		"agents.helper": "warn runs as the bridge's own user", "seal": "warn the seal key lies beside the store",
	} {
		if !strings.HasPrefix(d.says(about), words) {
			t.Errorf("of %s it says %q, want %q", about, d.says(about), words)
		}
	}
	if d.Failures > 0 || d.OK+d.Warnings != len(d.Findings) {
		t.Errorf("findings: %+v", d)
	}
	// One code was made and dropped: the usual check at the end of a test looks
	// for it in all that was said.
	w.provider.wants(t, map[devprovider.Kind]int{devprovider.KindDeviceAuthorization: before + 1})
	codes := w.provider.said("user_code")
	if dropped := codes[len(codes)-1]; w.provider.polls(dropped) != 0 {
		t.Error("the code that was only tried is polled")
	}

	if err := os.Chmod(w.config, 0o666); err != nil {
		t.Fatal(err)
	}
	if said := w.doctor(8).says("config"); !strings.Contains(said, "others can change it → chmod 644") {
		t.Errorf("of a file that others can change: %s", said)
	}
	if err := os.Chmod(w.config, 0o600); err != nil {
		t.Fatal(err)
	}
	w.stop()
	if d := w.doctor(5); !strings.HasPrefix(d.says("bridge"), "fail no bridge") || d.Failures != 1 {
		t.Errorf("without a bridge: %+v", d)
	}
	w.edit("client_id: authbridge", "client_id: somebody-else")
	if said := w.doctor(8).says("corp"); !strings.Contains(said, "invalid_client") || strings.Contains(said, corpSecret) {
		t.Errorf("of a client that the provider does not know: %s", said)
	}
	w.edit("client_id: somebody-else", "client_id: authbridge")
	w.restart()
}
