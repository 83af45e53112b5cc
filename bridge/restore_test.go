package bridge_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
	"github.com/authbridge/authbridge/store"
	"github.com/authbridge/authbridge/store/bolt"
)

// place is a store whose files can be looked at and put elsewhere.
type place struct {
	t   *testing.T
	dir string
}

func (p place) open() bridge.Store {
	p.t.Helper()
	s, err := store.Open(ctx, store.Options{StateDir: p.dir}, bolt.Backend())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = s.Close() })
	return s
}

// restore puts a copy in the place of the store, which is closed.
func (p place) restore(copied []byte) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "authbridge.db"), copied, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// events are the events of the audit log, in order, each with what it is
// about.
func events(t *testing.T, s bridge.Store, want ...bridge.Kind) (lines []bridge.AuditLine) {
	t.Helper()
	err := s.View(ctx, func(tx bridge.ReadTx) error {
		for line, err := range bridgetest.Audit(tx) {
			if err != nil {
				return err
			}
			for _, kind := range want {
				if line.Event == kind {
					lines = append(lines, line)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestAStoreThatWasPutBack: a refresh token that the provider has replaced
// since the backup is never presented again; the human is asked.
func TestAStoreThatWasPutBack(t *testing.T) {
	for name, noticed := range map[string]bool{"with its mark": true, "and nobody notices": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { putBack(t, noticed) })
		})
	}
}

func putBack(t *testing.T, noticed bool) {
	at := place{t, filepath.Join(t.TempDir(), "state")}
	kept, corp := at.open(), bridgetest.New("https://login.example.com")
	corp.TokenLifetime = time.Hour
	w := bridgetest.Start(t, bridgetest.Directory(), kept, corp)
	first := granted(t, w, bridge.Ask{})
	if _, err := w.Collect(ctx, w.Agent("helper"), first.ID); err != nil {
		t.Fatal(err)
	}
	before, _ := w.Bearer("alice")
	tied(t, w, "bob@example.com", bobs, "bob")
	var copied bytes.Buffer
	if err := w.Backup(ctx, bridge.Actor{Kind: bridge.ByOperator, Name: "uid 0"}, &copied); err != nil {
		t.Fatal(err)
	}
	bridgetest.Pass(2 * time.Hour)
	if corp.Refreshes() == 0 || corp.Reused() != 0 {
		t.Fatalf("%d refreshes before the store is put back", corp.Refreshes())
	}
	w.Stop()
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	at.restore(copied.Bytes())
	kept = at.open()
	if !noticed { // what this test would see without the notice
		if err := kept.Update(ctx, func(tx bridge.Tx) error { tx.SettleRestore(); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	w = bridgetest.Start(t, bridgetest.Directory(), kept, corp)
	since, _ := w.Bearer("alice")
	if (since != before) != noticed {
		t.Errorf("who was signed in before is still: %v; noticed: %v", since == before, noticed)
	}
	if noticed { // he may have been unlinked since
		isAt(t, w, bobs, "")
	}
	again := w.MustAsk(bridge.Ask{})
	if again.State != bridge.Asked {
		t.Errorf("the next ask is %s", again.State)
	}
	bridgetest.Pass(10 * time.Hour)
	if reused := corp.Reused() > 0; reused == noticed {
		t.Errorf("%d refresh tokens were presented that had been used before; noticed: %v", corp.Reused(), noticed)
	}
	lines := events(t, kept, bridge.AuditBackup, bridge.AuditNeedsReauth, bridge.AuditRestored)
	if !noticed {
		return
	}
	if len(lines) != 3 || lines[0].Actor != "uid 0" || lines[1].Grant != first.Grant && lines[1].Human != "alice" || !strings.Contains(lines[2].Detail, "authbridge backup") {
		t.Errorf("the audit log tells %+v", lines)
	}
	w.Restart()
	if n := len(events(t, kept, bridge.AuditRestored)); n != 1 {
		t.Errorf("noticed %d times", n)
	}
	if later, _ := w.Bearer("alice"); later != since {
		t.Error("a restart signs everybody out")
	}
}

// TestWhichGrantsAskTheirHumanAgain: those whose refresh token may be another
// by now.
func TestWhichGrantsAskTheirHumanAgain(t *testing.T) {
	at := place{t, filepath.Join(t.TempDir(), "state")}
	now := time.Now().UTC().Round(0)
	s := at.open()
	var copied bytes.Buffer
	grants := map[string]bridge.Grant{}
	err := s.Update(ctx, func(tx bridge.Tx) error {
		for i, what := range []string{"no refresh token", "never refreshed", "rotates", "does not rotate", "was over", "needs it already"} {
			g := bridge.Grant{
				ID: bridge.NewGrantID(now.Add(time.Duration(i))), State: bridge.GrantLive, Human: "alice",
				Key:       bridge.GrantKey{Agent: "helper", Session: what, Human: "alice", Provider: "corp"},
				CreatedAt: now, AccessIssuedAt: now.Add(-time.Second), EndsAt: now.Add(time.Hour), ReuseUntil: now.Add(time.Hour),
				Refreshable: what != "no refresh token",
			}
			switch what {
			case "rotates":
				g.AccessIssuedAt, g.Rotates = now.Add(time.Minute), true
			case "does not rotate":
				g.AccessIssuedAt = now.Add(time.Minute)
			case "was over":
				g.State, g.EndedAt, g.Revocation = bridge.GrantRevoked, now, bridge.RevocationDone
			case "needs it already":
				g.State = bridge.GrantNeedsReauth
			}
			grants[what] = g
			tx.PutGrant(g)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(ctx, &copied); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	at.restore(copied.Bytes())
	s = at.open()
	b := bridge.New(bridge.Options{Directory: bridgetest.Directory(), Store: s, Log: slog.New(slog.DiscardHandler)})
	for range 2 {
		if err := b.TakeUp(ctx); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]bridge.GrantState{"never refreshed": bridge.GrantNeedsReauth, "rotates": bridge.GrantNeedsReauth}
	err = s.View(ctx, func(tx bridge.ReadTx) error {
		for what, before := range grants {
			g, err := tx.Grant(before.ID)
			if err != nil {
				return err
			}
			if state, changed := want[what]; changed && g.State != state || !changed && g.State != before.State {
				t.Errorf("%s: it was %s and is %s", what, before.State, g.State)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if n := len(events(t, s, bridge.AuditNeedsReauth)); n != len(want) {
		t.Errorf("%d lines of audit for %d grants", n, len(want))
	}
}

// TestAStoreThatWasPutBackBuriesNobody: all that it asks for comes in one
// transaction, which does not read what it writes.
func TestAStoreThatWasPutBackBuriesNobody(t *testing.T) {
	at := place{t, filepath.Join(t.TempDir(), "state")}
	now := time.Now().UTC().Round(0)
	s := at.open()
	err := s.Update(ctx, func(tx bridge.Tx) error {
		for i := range 12 {
			tx.PutGrant(bridge.Grant{
				ID: bridge.NewGrantID(now.Add(time.Duration(i))), State: bridge.GrantLive, Human: "alice", Subject: "s-alice", Issuer: "https://login.example.com", Scopes: []string{"files:read"},
				Key:       bridge.GrantKey{Agent: "helper", Session: strconv.Itoa(i), Human: "alice", Provider: "corp", ClientID: "authbridge"},
				CreatedAt: now, AccessIssuedAt: now, LastUsedAt: now, EndsAt: now.Add(time.Hour), ReuseUntil: now.Add(time.Hour), Refreshable: true,
			})
		}
		return nil
	})
	var copied bytes.Buffer
	if err := errors.Join(err, s.Backup(ctx, &copied), s.Close()); err != nil {
		t.Fatal(err)
	}
	at.restore(copied.Bytes())
	s = at.open()
	dir := bridgetest.Directory()
	if err := bridge.New(bridge.Options{Directory: dir, Store: s, Log: slog.New(slog.DiscardHandler)}).TakeUp(ctx); err != nil {
		t.Fatal(err)
	}
	if lost, most := len(events(t, s, bridge.AuditNeedsReauth)), dir.Limits.MaxOpenPerHuman; lost != 12 || len(events(t, s, bridge.OnAsk)) != most {
		t.Errorf("%d grants need their human again, who is asked %d times, want %d", lost, len(events(t, s, bridge.OnAsk)), most)
	}
}
