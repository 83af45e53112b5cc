package storetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

func (lab Lab) grants(t *testing.T) {
	t.Run("answer only to their whole key", lab.grantKeys)
	t.Run("a new one takes the place of the old", lab.replaced)
	t.Run("two live ones with one key are refused", lab.twoLive)
	t.Run("those that are not over, oldest first", lab.liveInOrder)
	t.Run("one that needs its human again keeps its place", lab.needsReauth)
	t.Run("of an agent, newest first, over or not", lab.grantsOf)
	t.Run("from a human, while they are not over", lab.grantsFrom)
	t.Run("names of agents and humans are kept apart", lab.grantNames)
}

func grant(at time.Time, key bridge.GrantKey) bridge.Grant {
	return bridge.Grant{
		ID: bridge.NewGrantID(at), Key: key, State: bridge.GrantLive, Revocation: bridge.RevocationNone,
		Human: key.Human, Issuer: "https://github.example", Subject: "583231", Account: "octo-alice", Scopes: []string{"repo"},
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
		"details":  func(k *bridge.GrantKey) { k.Details = `[{"type":"payment"}]` },
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

// needsReauth: what the provider knows no more answers nobody, but it is still
// the grant of its key until another takes its place.
func (lab Lab) needsReauth(t *testing.T) {
	b, g := lab.fresh(t), grant(noon(), key())
	b.do(func(tx bridge.Tx) { tx.PutGrant(g) })
	g.State = bridge.GrantNeedsReauth
	b.do(func(tx bridge.Tx) { tx.PutGrant(g) })
	b.restart()
	b.see(func(tx bridge.ReadTx) {
		got, err := tx.CurrentGrant(key())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "by key", got, g)
		same(t, "current", all(t, "current", tx.CurrentGrants()), []bridge.Grant{g})
		same(t, "from alice", all(t, "from", tx.GrantsFrom("alice")), []bridge.Grant{g})
	})
	renewed := grant(noon().Add(time.Hour), key())
	err := b.Update(t.Context(), func(tx bridge.Tx) error {
		tx.PutGrant(renewed)
		return nil
	})
	if err == nil {
		t.Error("a new grant took the key of one that is not over")
	}
	g = over(g, noon().Add(time.Hour), bridge.RevocationPending)
	b.do(func(tx bridge.Tx) { tx.PutGrant(g); tx.PutGrant(renewed) })
	b.see(func(tx bridge.ReadTx) {
		same(t, "current", all(t, "current", tx.CurrentGrants()), []bridge.Grant{renewed})
		same(t, "of helper", all(t, "of", tx.GrantsOf("helper", "")), []bridge.Grant{renewed, g})
		same(t, "from alice", all(t, "from", tx.GrantsFrom("alice")), []bridge.Grant{renewed})
	})
}

// given puts grants that differ in what change does to each, a second apart.
func (b *bench) given(n int, change func(i int, g *bridge.Grant)) []bridge.Grant {
	b.Helper()
	list := make([]bridge.Grant, n)
	b.do(func(tx bridge.Tx) {
		for i := range list {
			k := key()
			k.Session = strconv.Itoa(i)
			list[i] = grant(noon().Add(time.Duration(i)*time.Second), k)
			change(i, &list[i])
			tx.PutGrant(list[i])
		}
	})
	return list
}

func (lab Lab) grantsOf(t *testing.T) {
	b := lab.fresh(t)
	list := b.given(6, func(i int, g *bridge.Grant) {
		switch i {
		case 1:
			g.Key.Agent = "other"
		case 2:
			*g = over(*g, noon().Add(time.Hour), bridge.RevocationPending)
		case 3:
			*g = over(*g, noon().Add(time.Hour), bridge.RevocationDone)
		case 4:
			g.State = bridge.GrantNeedsReauth
		}
	})
	b.restart()
	b.see(func(tx bridge.ReadTx) {
		same(t, "of helper", all(t, "of", tx.GrantsOf("helper", "")), []bridge.Grant{list[5], list[4], list[3], list[2], list[0]})
		same(t, "of helper, before one", all(t, "of", tx.GrantsOf("helper", list[3].ID)), []bridge.Grant{list[2], list[0]})
		same(t, "of helper, before the first", all(t, "of", tx.GrantsOf("helper", list[0].ID)), nil)
		same(t, "of other", all(t, "of", tx.GrantsOf("other", "")), list[1:2])
		same(t, "of nobody", all(t, "of", tx.GrantsOf("", "")), nil)
		for g, err := range tx.GrantsOf("helper", "") { // who needs one reads one
			if err != nil {
				t.Fatal(err)
			}
			same(t, "the newest", g, list[5])
			break
		}
	})
}

// grantsFrom goes by who gave: a grant through a team has nobody in its key.
func (lab Lab) grantsFrom(t *testing.T) {
	b := lab.fresh(t)
	list := b.given(5, func(i int, g *bridge.Grant) {
		switch i {
		case 1:
			g.Key.Human = "" // through the team
		case 2:
			g.Human = "bob"
		case 3:
			*g = over(*g, noon().Add(time.Hour), bridge.RevocationPending)
		case 4:
			g.State = bridge.GrantNeedsReauth
		}
	})
	b.restart()
	b.see(func(tx bridge.ReadTx) {
		same(t, "from alice", all(t, "from", tx.GrantsFrom("alice")), []bridge.Grant{list[0], list[1], list[4]})
		same(t, "from bob", all(t, "from", tx.GrantsFrom("bob")), list[2:3])
		same(t, "from nobody", all(t, "from", tx.GrantsFrom("")), nil)
	})
	for _, i := range []int{0, 4, 1} {
		list[i] = over(list[i], noon().Add(time.Hour), bridge.RevocationDone)
		b.do(func(tx bridge.Tx) { tx.PutGrant(list[i]) })
	}
	b.see(func(tx bridge.ReadTx) { same(t, "from alice, all over", all(t, "from", tx.GrantsFrom("alice")), nil) })
}

func (lab Lab) grantNames(t *testing.T) {
	b := lab.fresh(t)
	names := []string{"a", "a\x00", "a\x00grt_", "ab", "", "A", "a "}
	list := b.given(len(names), func(i int, g *bridge.Grant) { g.Key.Agent, g.Human = names[i], names[i] })
	b.see(func(tx bridge.ReadTx) {
		for i, name := range names {
			same(t, "of "+name, all(t, name, tx.GrantsOf(name, "")), list[i:i+1])
			same(t, "from "+name, all(t, name, tx.GrantsFrom(name)), list[i:i+1])
		}
	})
}
