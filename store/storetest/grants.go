package storetest

import (
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

func (lab Lab) grants(t *testing.T) {
	t.Run("answer only to their whole key", lab.grantKeys)
	t.Run("a new one takes the place of the old", lab.replaced)
	t.Run("two live ones with one key are refused", lab.twoLive)
	t.Run("live ones oldest first", lab.liveInOrder)
}

func grant(at time.Time, key bridge.GrantKey) bridge.Grant {
	return bridge.Grant{
		ID: bridge.NewGrantID(at), Key: key, State: bridge.GrantLive, Revocation: bridge.RevocationNone,
		Issuer: "https://github.example", Subject: "583231", Account: "octo-alice", Scopes: []string{"repo"},
		CreatedAt: at, LastUsedAt: at, ReuseUntil: at.Add(8 * time.Hour), EndsAt: at.Add(8 * time.Hour),
	}
}

func over(g bridge.Grant, at time.Time, r bridge.Revocation) bridge.Grant {
	g.State, g.EndedAt, g.Revocation = bridge.GrantEnded, at, r
	return g
}

func key() bridge.GrantKey {
	return bridge.GrantKey{Agent: "helper", Session: "s", Human: "alice", Team: "oncall", Provider: "github", ClientID: "c", Resource: "https://r"}
}

func (lab Lab) grantKeys(t *testing.T) {
	b, g := lab.fresh(t), grant(noon(), key())
	b.do(func(tx bridge.Tx) { tx.PutGrant(g) })
	b.restart()
	others := map[string]func(*bridge.GrantKey){
		"agent":    func(k *bridge.GrantKey) { k.Agent = "other" },
		"session":  func(k *bridge.GrantKey) { k.Session = "" },
		"human":    func(k *bridge.GrantKey) { k.Human = "bob" },
		"team":     func(k *bridge.GrantKey) { k.Team = "" },
		"provider": func(k *bridge.GrantKey) { k.Provider = "corp" },
		"client":   func(k *bridge.GrantKey) { k.ClientID = "" },
		"resource": func(k *bridge.GrantKey) { k.Resource = "" },
		"where a name ends": func(k *bridge.GrantKey) {
			k.Agent, k.Session = k.Agent+k.Session, ""
		},
	}
	b.see(func(tx bridge.ReadTx) {
		got, err := tx.CurrentGrant(key())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "grant by key", got, g)
		for what, change := range others {
			k := key()
			change(&k)
			_, err := tx.CurrentGrant(k)
			missing(t, "the grant for another "+what, err)
		}
		got, err = tx.Grant(g.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "grant by id", got, g)
		_, err = tx.Grant(bridge.NewGrantID(noon()))
		missing(t, "another id", err)
	})
}

// replaced ends the old grant before or after the new one is put: in one
// transaction that is the same.
func (lab Lab) replaced(t *testing.T) {
	for name, put := range map[string]func(tx bridge.Tx, old, now bridge.Grant){
		"old first": func(tx bridge.Tx, old, now bridge.Grant) { tx.PutGrant(old); tx.PutGrant(now) },
		"new first": func(tx bridge.Tx, old, now bridge.Grant) { tx.PutGrant(now); tx.PutGrant(old) },
	} {
		t.Run(name, func(t *testing.T) {
			b := lab.fresh(t)
			old, now := grant(noon(), key()), grant(noon().Add(time.Hour), key())
			b.do(func(tx bridge.Tx) { tx.PutGrant(old) })
			old = over(old, noon().Add(time.Hour), bridge.RevocationPending)
			b.do(func(tx bridge.Tx) { put(tx, old, now) })
			b.see(func(tx bridge.ReadTx) {
				got, err := tx.CurrentGrant(key())
				if err != nil {
					t.Fatal(err)
				}
				same(t, "by key", got, now)
				same(t, "live", all(t, "live", tx.CurrentGrants()), []bridge.Grant{now})
			})
			now = over(now, noon().Add(2*time.Hour), bridge.RevocationDone)
			b.do(func(tx bridge.Tx) { tx.PutGrant(now) })
			b.see(func(tx bridge.ReadTx) {
				_, err := tx.CurrentGrant(key())
				missing(t, "by key, after the end", err)
				same(t, "live, after the end", all(t, "live", tx.CurrentGrants()), nil)
				got, err := tx.Grant(now.ID)
				if err != nil {
					t.Fatal(err)
				}
				same(t, "by id, after the end", got, now)
			})
		})
	}
}

func (lab Lab) twoLive(t *testing.T) {
	b := lab.fresh(t)
	first, second := grant(noon(), key()), grant(noon().Add(1), key())
	b.do(func(tx bridge.Tx) { tx.PutGrant(first) })
	err := b.Update(t.Context(), func(tx bridge.Tx) error {
		tx.PutGrant(second)
		return nil
	})
	if err == nil {
		t.Error("two live grants share a key: nobody could say which one answers")
	}
	b.see(func(tx bridge.ReadTx) {
		same(t, "live", all(t, "live", tx.CurrentGrants()), []bridge.Grant{first})
	})
}

func (lab Lab) liveInOrder(t *testing.T) {
	b := lab.fresh(t)
	var want []bridge.Grant
	for i, session := range []string{"z", "a", "m"} {
		k := key()
		k.Session = session
		want = append(want, grant(noon().Add(time.Duration(i)*time.Second), k))
	}
	b.do(func(tx bridge.Tx) {
		for _, i := range []int{2, 0, 1} {
			tx.PutGrant(want[i])
		}
	})
	used := want[1]
	used.LastUsedAt = noon().Add(time.Hour)
	want[1] = used
	b.do(func(tx bridge.Tx) { tx.PutGrant(used) })
	b.see(func(tx bridge.ReadTx) { same(t, "live", all(t, "live", tx.CurrentGrants()), want) })
}
