package storetest

import (
	"strings"
	"testing"

	"github.com/authbridge/authbridge/bridge"
)

func (lab Lab) secrets(t *testing.T) {
	t.Run("come back, and go when told to", lab.secretRoundTrip)
	t.Run("do not open under another name", lab.movedSecret)
}

func (lab Lab) secretRoundTrip(t *testing.T) {
	b, id := lab.fresh(t), bridge.NewRequestID(noon())
	want := map[bridge.SecretRef]string{
		bridge.CodeSecret(id): "device code", bridge.HeldSecret(id): strings.Repeat("token", 10_000), bridge.GrantSecret("grt_1"): "",
	}
	b.do(func(tx bridge.Tx) {
		for ref, plain := range want {
			tx.PutSecret(ref, bridge.NewSecret("older"))
			tx.PutSecret(ref, bridge.NewSecret(plain))
		}
	})
	b.restart()
	b.see(func(tx bridge.ReadTx) {
		for ref, plain := range want {
			if got, err := tx.Secret(ref); err != nil || got.Reveal() != plain {
				t.Errorf("secret %s: error %v, or another text", ref, err)
			}
		}
		_, err := tx.Secret(bridge.RevocationSecret("grt_1"))
		missing(t, "a secret that was never put", err)
	})
	b.do(func(tx bridge.Tx) {
		tx.DeleteSecret(bridge.CodeSecret(id))
		tx.DeleteSecret(bridge.CodeSecret(id))
		tx.PutSecret(bridge.HeldSecret(id), bridge.NewSecret("put and deleted at once"))
		tx.DeleteSecret(bridge.HeldSecret(id))
	})
	b.see(func(tx bridge.ReadTx) {
		for _, ref := range []bridge.SecretRef{bridge.CodeSecret(id), bridge.HeldSecret(id)} {
			_, err := tx.Secret(ref)
			missing(t, "a deleted secret", err)
		}
	})
}

// movedSecret: who can write the file but has no key must not be able to hand
// one agent the token of another.
func (lab Lab) movedSecret(t *testing.T) {
	b := lab.fresh(t)
	mine, theirs := bridge.GrantSecret("grt_mine"), bridge.GrantSecret("grt_theirs")
	b.do(func(tx bridge.Tx) { tx.PutSecret(theirs, bridge.NewSecret("their-token")) })
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	lab.Move(t, b.dir, theirs, mine)
	b.open()
	b.see(func(tx bridge.ReadTx) {
		got, err := tx.Secret(mine)
		if err == nil || !got.IsZero() {
			t.Error("a secret opened under a name that it was not sealed for")
		}
		if err != nil && strings.Contains(err.Error(), "their-token") {
			t.Error("the error tells the secret")
		}
		if got, err := tx.Secret(theirs); err != nil || got.Reveal() != "their-token" {
			t.Errorf("under its own name it does not open: %v", err)
		}
	})
}
