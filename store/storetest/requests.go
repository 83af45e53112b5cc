package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

func (lab Lab) requests(t *testing.T) {
	t.Run("come back as they were", lab.roundTrip)
	t.Run("what is handed out is the caller's own", lab.ownCopy)
	t.Run("newest first for their agent, in pages", lab.pages)
	t.Run("open ones oldest first, ended ones newest first", lab.openAndEnded)
	t.Run("a team's go to the team", lab.team)
	t.Run("served by a grant: put to nobody", lab.served)
	t.Run("names that look alike are kept apart", lab.namesApart)
	t.Run("many names beside each other", lab.manyNames)
	t.Run("an id that cannot be one is refused", lab.badID)
}

func (lab Lab) roundTrip(t *testing.T) {
	b, r := lab.fresh(t), asked(noon())
	r = then(t, r, bridge.Event{Kind: bridge.OnShowCode}, noon())
	r = then(t, r, bridge.Event{Kind: bridge.OnMinted, Code: 1, Until: noon().Add(time.Hour), Interval: 5 * time.Second}, noon())
	b.do(func(tx bridge.Tx) { tx.PutRequest(r, nil) })
	b.restart()
	b.see(func(tx bridge.ReadTx) {
		got, err := tx.Request(r.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "request", got, r)
		same(t, "due", all(t, "pending", tx.Pending()), []bridge.Due{r.Due()})
		_, err = tx.Request(bridge.NewRequestID(noon()))
		missing(t, "another id", err)
		_, err = tx.Request("")
		missing(t, "no id", err)
	})
}

func (lab Lab) ownCopy(t *testing.T) {
	b, r := lab.fresh(t), asked(noon())
	r.Scopes = []string{"a", "b"}
	b.do(func(tx bridge.Tx) { tx.PutRequest(r, nil) })
	b.see(func(tx bridge.ReadTx) {
		mine, _ := tx.Request(r.ID)
		mine.Scopes[0], mine.Surfaces[0].Channel = "changed", "changed"
		again, err := tx.Request(r.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "request after a reader changed its copy", again, r)
	})
}

func ids(list []bridge.Request) []bridge.RequestID {
	out := make([]bridge.RequestID, 0, len(list))
	for _, r := range list {
		out = append(out, r.ID)
	}
	return out
}

// inTurn puts requests that were asked one after the other.
func (b *bench) inTurn(n int, change func(i int, r *bridge.Request)) []bridge.Request {
	b.Helper()
	var list []bridge.Request
	for i := range n {
		r := asked(noon().Add(time.Duration(i) * time.Second))
		change(i, &r)
		list = append(list, r)
	}
	b.do(func(tx bridge.Tx) {
		for _, r := range list {
			tx.PutRequest(r, nil)
		}
	})
	return list
}

func (lab Lab) pages(t *testing.T) {
	b := lab.fresh(t)
	list := b.inTurn(10, func(i int, r *bridge.Request) {
		if i%2 == 1 {
			r.Agent = "other"
		}
	})
	want := []bridge.RequestID{list[8].ID, list[6].ID, list[4].ID, list[2].ID, list[0].ID}
	b.see(func(tx bridge.ReadTx) {
		same(t, "all", ids(all(t, "all", tx.RequestsOf("helper", ""))), want)
		same(t, "below the third", ids(all(t, "page", tx.RequestsOf("helper", want[2]))), want[3:])
		same(t, "below one that is another's", ids(all(t, "page", tx.RequestsOf("helper", list[5].ID))), want[2:])
		same(t, "below the oldest", ids(all(t, "page", tx.RequestsOf("helper", list[0].ID))), nil)
		same(t, "of an unknown agent", ids(all(t, "page", tx.RequestsOf("nobody", ""))), nil)
		for _, err := range tx.RequestsOf("helper", "") {
			if err != nil {
				t.Error(err)
			}
			break // a reader may stop early
		}
	})
}

func (lab Lab) openAndEnded(t *testing.T) {
	b := lab.fresh(t)
	list := b.inTurn(5, func(int, *bridge.Request) {})
	for _, i := range []int{3, 1} {
		list[i] = then(t, list[i], bridge.Event{Kind: bridge.OnDeny}, noon().Add(time.Minute))
		b.do(func(tx bridge.Tx) { tx.PutRequest(list[i], nil) })
	}
	b.see(func(tx bridge.ReadTx) {
		same(t, "open", all(t, "open", tx.OpenFor("alice")), []bridge.Request{list[0], list[2], list[4]})
		same(t, "ended", all(t, "ended", tx.EndedFor("alice")), []bridge.Request{list[3], list[1]})
		same(t, "open for another", all(t, "open", tx.OpenFor("bob")), nil)
		same(t, "pending", len(all(t, "pending", tx.Pending())), 3)
	})
}

func (lab Lab) team(t *testing.T) {
	b := lab.fresh(t)
	list := b.inTurn(2, func(i int, r *bridge.Request) {
		if i == 1 {
			r.Team, r.Human = "oncall", ""
		}
	})
	claimed := then(t, list[1], bridge.Event{
		Kind: bridge.OnClaim, By: bridge.Actor{Kind: bridge.ByHuman, Name: "alice"}, Until: noon().Add(time.Hour),
	}, noon())
	b.do(func(tx bridge.Tx) { tx.PutRequest(claimed, nil) })
	b.see(func(tx bridge.ReadTx) {
		same(t, "alice's", ids(all(t, "open", tx.OpenFor("alice"))), ids(list[:1]))
		same(t, "the team's", ids(all(t, "open", tx.OpenFor("oncall"))), ids(list[1:]))
	})
}

func (lab Lab) served(t *testing.T) {
	b := lab.fresh(t)
	r := asked(noon())
	r.State, r.Version = "", 0
	r = then(t, r, bridge.Event{Kind: bridge.OnServed, Grant: bridge.NewGrantID(noon()), Until: noon().Add(time.Hour)}, noon())
	b.do(func(tx bridge.Tx) { tx.PutRequest(r, nil) })
	b.see(func(tx bridge.ReadTx) {
		same(t, "open", all(t, "open", tx.OpenFor("alice")), nil)
		same(t, "ended", all(t, "ended", tx.EndedFor("alice")), nil)
		same(t, "the agent's", all(t, "agent", tx.RequestsOf("helper", "")), []bridge.Request{r})
		same(t, "pending", all(t, "pending", tx.Pending()), []bridge.Due{r.Due()})
	})
}

// namesApart: names come from outside, so they may hold anything that a key
// is made of.
func (lab Lab) namesApart(t *testing.T) {
	b := lab.fresh(t)
	names := []string{"a", "a\x00", "a\x00req_", "ab", "a/", "", "\xff", "A", "a "}
	list := b.inTurn(len(names), func(i int, r *bridge.Request) { r.Agent, r.Human = names[i], names[i] })
	b.see(func(tx bridge.ReadTx) {
		for i, name := range names {
			if name == "\xff" {
				continue // not text: a store may write it down as the replacement character
			}
			same(t, "of "+name, ids(all(t, name, tx.RequestsOf(name, ""))), ids(list[i:i+1]))
			same(t, "for "+name, ids(all(t, name, tx.OpenFor(name))), ids(list[i:i+1]))
		}
	})
}

func (lab Lab) manyNames(t *testing.T) {
	const n = 300
	b := lab.fresh(t)
	list := b.inTurn(2*n, func(i int, r *bridge.Request) {
		r.Agent, r.Human = fmt.Sprintf("agent-%d", i%n), fmt.Sprintf("human-%d", i%n)
		if i >= n {
			r.State = bridge.Denied
		}
	})
	b.see(func(tx bridge.ReadTx) {
		for i := range n {
			older, newer := list[i], list[i+n]
			same(t, "of "+older.Agent, ids(all(t, "agent", tx.RequestsOf(older.Agent, ""))), []bridge.RequestID{newer.ID, older.ID})
			same(t, "open for "+older.Human, ids(all(t, "open", tx.OpenFor(older.Human))), []bridge.RequestID{older.ID})
			same(t, "ended for "+older.Human, ids(all(t, "ended", tx.EndedFor(older.Human))), []bridge.RequestID{newer.ID})
		}
	})
}

func (lab Lab) badID(t *testing.T) {
	b := lab.fresh(t)
	for _, id := range []bridge.RequestID{"", "req_\x00", "req_ 1", bridge.RequestID(slices.Repeat([]byte("x"), 1<<16))} {
		r := asked(noon())
		r.ID = id
		err := b.Update(t.Context(), func(tx bridge.Tx) error {
			tx.PutRequest(r, nil)
			return nil
		})
		if err == nil {
			t.Errorf("a request with the id %.10q was stored", id)
		}
	}
	b.inTurn(1, func(int, *bridge.Request) {}) // and the store works on
}
