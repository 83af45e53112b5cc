package storetest

import (
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

func (lab Lab) restart(t *testing.T) {
	t.Run("finds everything again", func(t *testing.T) { lab.fresh(t).survives(t, (*bench).restart) })
	t.Run("finds everything again after a kill", func(t *testing.T) { lab.fresh(t).survives(t, (*bench).crash) })
}

// survives tells one small story of each kind of thing around an interruption.
func (b *bench) survives(t *testing.T, interrupt func(*bench)) {
	open, ended, g := asked(noon()), asked(noon().Add(1)), grant(noon(), key())
	denied := then(t, ended, bridge.Event{Kind: bridge.OnDeny}, noon())
	b.do(func(tx bridge.Tx) {
		tx.PutRequest(open, line(bridge.Request{}, open, bridge.OnAsk, noon()))
		tx.PutRequest(ended, line(bridge.Request{}, ended, bridge.OnAsk, noon()))
	})
	b.do(func(tx bridge.Tx) {
		tx.PutRequest(denied, line(ended, denied, bridge.OnDeny, noon()))
		tx.PutGrant(g)
		tx.PutSecret(bridge.GrantSecret(g.ID), bridge.NewSecret("tokens"))
		tx.PutPin("alice", "https://one", "sub1")
		tx.Suspend("helper", "bob", noon())
		tx.PutRevocation(bridge.Revoking{ID: "grt_9", Since: noon()})
		tx.PutNote("web", "k", []byte("v"), time.Time{})
		tx.PutIdempotency("helper", "k", bridge.Idempotency{Request: open.ID})
	})
	_ = b.Update(t.Context(), func(tx bridge.Tx) error {
		tx.PutNote("web", "k", []byte("of a transaction that failed"), time.Time{})
		return errNo
	})
	interrupt(b)
	b.see(func(tx bridge.ReadTx) {
		same(t, "open", all(t, "open", tx.OpenFor("alice")), []bridge.Request{open})
		same(t, "ended", all(t, "ended", tx.EndedFor("alice")), []bridge.Request{denied})
		same(t, "pending", all(t, "pending", tx.Pending()), []bridge.Due{open.Due()})
		same(t, "audit log", len(all(t, "audit", told(tx))), 3)
		same(t, "live grants", all(t, "live", tx.CurrentGrants()), []bridge.Grant{g})
		same(t, "revocations", len(all(t, "revocations", tx.Revocations())), 1)
		tokens, err := tx.Secret(bridge.GrantSecret(g.ID))
		if err != nil || tokens.Reveal() != "tokens" {
			t.Errorf("tokens: error %v, or another text", err)
		}
		note, err := tx.Note("web", "k", noon())
		if err != nil || string(note) != "v" {
			t.Errorf("note: got %q, error %v", note, err)
		}
		if since, err := tx.Suspended("helper", "bob"); err != nil || !since.Equal(noon()) {
			t.Errorf("suspension: got %v, error %v", since, err)
		}
		if i, err := tx.Idempotent("helper", "k"); err != nil || i.Request != open.ID {
			t.Errorf("idempotency key: got %v, error %v", i.Request, err)
		}
	})
	b.pinsAre("https://one", map[string]string{"alice": "sub1"})
	b.do(func(tx bridge.Tx) { tx.PutRequest(asked(noon().Add(2)), nil) }) // and it goes on
}
