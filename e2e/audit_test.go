package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/internal/devprovider"
)

// audited is the audit log as the operator prints it.
func (w *world) audited(args ...string) (all []map[string]any) {
	w.t.Helper()
	for line := range strings.Lines(w.cli(append([]string{"audit"}, args...)...).wants(w.t, 0).stdout) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			w.t.Fatalf("not an object a line: %q, %v", line, err)
		}
		all = append(all, entry)
	}
	return all
}

// TestTheAuditLogTellsAStory from the ask to the end of the grant, to the
// operator, over a crash, and notices who changes it.
func TestTheAuditLogTellsAStory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	id := w.ask("").ID
	w.grant(w.human("alice"), id)
	token := w.collect(id)
	w.kill()
	w.restart()
	w.cli("revoke", token.Grant).wants(t, 0)
	eventually(t, "the token is revoked", func() bool { return !w.provider.Live(token.AccessToken) })

	var events []string
	for _, entry := range w.audited("--about", id, "--since", "1h") {
		for _, name := range []string{"time", "event", "prev"} {
			if text, _ := entry[name].(string); text == "" {
				t.Errorf("an entry has no %s: %v", name, entry)
			}
		}
		if entry["request"] != id || entry["agent"] != "helper" || entry["human"] != "alice" {
			t.Errorf("an entry about something else: %v", entry)
		}
		name, _ := entry["event"].(string)
		events = append(events, name)
	}
	if len(events) < 5 {
		t.Errorf("the story of a request is told as %q", events)
	}
	if about := w.audited("--about", token.Grant); len(about) < 2 {
		t.Errorf("the story of a grant is told as %v", about)
	}
	w.cli("audit", "--verify").wants(t, 0)
	w.cli("audit", "--verify", "--json").wants(t, 0)

	w.stop()
	w.changeAudit("helper", "helpel")
	w.restart()
	if got := w.cli("audit", "--verify"); got.exit != 8 {
		t.Errorf("a changed line: exit %d: %s%s", got.exit, got.stdout, got.stderr)
	}
}

// changeAudit changes one word in the oldest entry of the audit log.
func (w *world) changeAudit(old, now string) {
	w.t.Helper()
	db, err := bbolt.Open(filepath.Join(w.dir, "state", "authbridge.db"), 0o600, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	err = db.Update(func(tx *bbolt.Tx) error {
		log := tx.Bucket([]byte("audit"))
		for k, v := log.Cursor().First(); k != nil; k, v = log.Cursor().Seek(append(bytes.Clone(k), 0)) {
			if bytes.Contains(v, []byte(old)) {
				return log.Put(bytes.Clone(k), bytes.Replace(v, []byte(old), []byte(now), 1))
			}
		}
		return fmt.Errorf("no entry has %q", old)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestABackupIsPutBack: of a grant that the bridge has refreshed since, the
// old store has a spent refresh token, and does not use it.
func TestABackupIsPutBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{edit: offline, tokenLife: 6 * time.Second})
	alice := w.human("alice")
	id := w.ask("").ID
	w.grant(alice, id)
	first := w.collect(id)
	w.refreshed(first) // so that the bridge knows that the provider rotates
	copied := filepath.Join(w.dir, "backup.db")
	w.cli("backup", copied).wants(t, 0)
	w.cli("backup", copied).wants(t, 2) // it takes the place of nothing
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the backup: %v, %v", info, err)
	}
	second := w.refreshed(w.token())
	w.stop()
	text, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "state", "authbridge.db"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	w.restart()
	if g := w.onlyGrant(); g.State != api.GrantNeedsReauth {
		t.Errorf("after the backup was put back the grant is %s", g.State)
	}
	w.http("POST", "/v1/token", ask, "Prefer", "wait=0").wants(t, 202)
	w.cli("audit", "--verify").wants(t, 0)
	if !w.provider.Live(second.AccessToken) {
		t.Error("a spent refresh token was presented, and the provider ended the grant")
	}
	if refused := slices.ContainsFunc(w.provider.Journal(), func(e devprovider.Entry) bool {
		return e.Kind == devprovider.KindRefresh && e.Fault != ""
	}); refused {
		t.Error("the provider refused a refresh")
	}
}

// token asks for a token of the grant that there is.
func (w *world) token() api.Token {
	w.t.Helper()
	return decode[api.Token](w.t, w.http("POST", "/v1/token", ask, "Prefer", "wait=0").wants(w.t, 200))
}

// refreshed waits until the agent gets another token.
func (w *world) refreshed(before api.Token) (now api.Token) {
	w.t.Helper()
	eventually(w.t, "there is a new token", func() bool {
		now = w.token()
		return now.AccessToken != before.AccessToken
	})
	return now
}

// TestUnlinked: the human's account is forgotten, and asked for as at first.
func TestUnlinked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{edit: firstUse})
	bob := w.human("bob")
	for n, session := range []string{"first", "known", "unlinked"} {
		if session == "unlinked" {
			got := w.cli("human", "unlink", "bob", "--issuer", w.provider.Issuer()).wants(t, 0)
			if !strings.Contains(got.stdout, "b-2") {
				t.Errorf("unlinked: %s", got.stdout)
			}
			w.cli("human", "unlink", "nobody").wants(t, 8)
		}
		id := w.ask(`"human":"bob","session":"` + session + `"`).ID
		newPerson(t).allow(bob.showCode(id), "bob")
		if n == 1 {
			w.becomes(id, api.Granted)
			continue
		}
		bob.sees(id, "the question", func(c card) bool { return c.buttons["Mine"] != "" })
		bob.press(id, "Mine")
		w.becomes(id, api.Granted)
	}
}
