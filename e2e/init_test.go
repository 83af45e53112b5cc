package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
)

// TestFromNothingToAToken: init writes the configuration, serve runs with it,
// doctor finds no failure, alice grants, and the agent has its token.
func TestFromNothingToAToken(t *testing.T) {
	t.Parallel()
	w := prepareWorld(t, options{})
	if err := os.Remove(w.config); err != nil {
		t.Fatal(err)
	}
	call := []string{
		"init", "--yes", "--json", "--issuer", w.provider.Issuer(), "--allow-http-loopback", "--provider", "corp", "--client-id", "authbridge",
		"--client-secret", "env:CORP_SECRET", "--own-scope", "openid", "--own-scope", "email",
		"--human", "alice", "--email", "alice@example.com", "--agent", "helper", "--uid", strconv.Itoa(os.Getuid()), "--scope", "files.*",
	}
	var done struct {
		File     string
		Changed  bool
		Findings []struct{ Level, About string }
	}
	if err := json.Unmarshal([]byte(w.cli(call...).wants(t, 0).stdout), &done); err != nil || !done.Changed || done.File != w.config || len(done.Findings) == 0 {
		t.Fatalf("it wrote %+v, %v", done, err)
	}
	if got := w.cli(call...).wants(t, 0).stdout; !strings.Contains(got, `"changed":false`) {
		t.Errorf("the same once more: %s", got)
	}
	w.cli("init", "--yes", "--offline", "--human", "alice", "--email", "other@example.com").wants(t, 2, "--change changes it")
	w.cli("init", "--yes", "--offline", "--change", "--human", "alice", "--email", "alice@example.com").wants(t, 0)
	w.cli("init", "--yes", "--offline", "--key", "--agent", "ci", "--provider", "corp", "--human", "alice", "--scope", "files.read").wants(t, 0, "authbridge agent add ci")

	// Where the sockets are is the test's to say, and its ports are any.
	text, err := os.ReadFile(w.config)
	if err != nil {
		t.Fatal(err)
	}
	w.configure(string(text) + "\nstate_dir: " + filepath.Join(w.dir, "state") +
		"\nlisten: {socket: " + w.agentSocket() + ", admin: " + w.adminSocket() + ", web: \"127.0.0.1:0\", ops: \"127.0.0.1:0\"}\n")
	w.serve()
	if d := w.doctor(0); !strings.HasPrefix(d.says("corp"), "ok ") || !strings.HasPrefix(d.says("bridge"), "ok ") {
		t.Errorf("the doctor finds %+v", d.Findings)
	}
	id := w.ask("").ID
	w.grant(w.human("alice"), id)
	if token := w.collect(id); token.Account != "alice@example.com" {
		t.Errorf("it is %s's", token.Account)
	}
	if r := w.request(id); r.State != api.Collected {
		t.Errorf("the request is %s", r.State)
	}
}
