package storetest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/authbridge/authbridge/bridge"
)

// model is what a store of requests should hold: a map.
type model struct {
	*bench
	requests map[bridge.RequestID]bridge.Request
	at       time.Time
}

// model lets requests live random lives, several in one transaction and now
// and then with a restart or a prune between, and compares every list.
func (lab Lab) model(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{bench: lab.fresh(t), requests: map[bridge.RequestID]bridge.Request{}, at: noon()}
		defer m.end(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"events":  m.step,
			"restart": func(rt *rapid.T) { m.sometimes(rt, m.restart) },
			"crash":   func(rt *rapid.T) { m.sometimes(rt, m.crash) },
			"prune":   m.pruneSome,
			"":        m.check,
		})
	})
}

func (m *model) end(rt *rapid.T) {
	if err := m.Close(); err != nil {
		rt.Errorf("close: %v", err)
	}
}

// sometimes keeps what is slow rare.
func (m *model) sometimes(rt *rapid.T, do func()) {
	if rapid.IntRange(0, 4).Draw(rt, "dice") == 0 {
		do()
	}
}

// step applies a few events in one transaction, some to the same request.
func (m *model) step(rt *rapid.T) {
	n := rapid.IntRange(1, 6).Draw(rt, "events in one transaction")
	m.do(func(tx bridge.Tx) {
		for range n {
			if rapid.IntRange(0, 3).Draw(rt, "dice") == 0 {
				m.deliver(rt, tx)
				continue
			}
			m.at = m.at.Add(time.Duration(rapid.IntRange(0, 600).Draw(rt, "seconds")) * time.Second)
			before := m.pick(rt)
			after, ok := before.Apply(m.event(rt, before), m.at)
			if ok {
				m.requests[after.ID] = after
				tx.PutRequest(after, line(before, after, "", m.at))
			}
		}
	})
}

// deliver brings a request's card to its chat.
func (m *model) deliver(rt *rapid.T, tx bridge.Tx) {
	owing := m.list(bridge.Request.Owes)
	if len(owing) == 0 {
		return
	}
	r := rapid.SampledFrom(owing).Draw(rt, "owing request")
	r.Surfaces = slices.Clone(r.Surfaces)
	r.Surfaces[0].Ref, r.Surfaces[0].Shown = "D1/1", r.Card
	m.requests[r.ID] = r
	tx.PutRequest(r, nil)
}

// pick is a request that is there, or a new one.
func (m *model) pick(rt *rapid.T) bridge.Request {
	known := slices.Sorted(maps.Keys(m.requests))
	i := rapid.IntRange(-1, len(known)-1).Draw(rt, "request")
	if i >= 0 {
		return m.requests[known[i]]
	}
	r := asked(m.at)
	r.State, r.Version = "", 0
	r.Surfaces = []bridge.Surface{{Channel: "slack", State: bridge.DeliveryWaiting, To: "U0ALICE"}}
	r.Agent = rapid.SampledFrom([]string{"helper", "ci"}).Draw(rt, "agent")
	if rapid.Bool().Draw(rt, "to a team") {
		r.Human, r.Team = "", "oncall"
	} else {
		r.Human = rapid.SampledFrom([]string{"alice", "bob"}).Draw(rt, "human")
	}
	return r
}

func (m *model) event(rt *rapid.T, r bridge.Request) bridge.Event {
	kind := rapid.SampledFrom(kinds()).Draw(rt, "event")
	if r.State == "" {
		kind = rapid.SampledFrom([]bridge.Kind{bridge.OnAsk, bridge.OnServed}).Draw(rt, "beginning")
	}
	return bridge.Event{
		Kind: kind, By: bridge.Actor{Kind: bridge.ByHuman, Name: "alice"}, Code: r.Codes,
		Until:    m.at.Add(time.Duration(rapid.IntRange(1, 3600).Draw(rt, "until")) * time.Second),
		Interval: time.Duration(rapid.IntRange(1, 60).Draw(rt, "interval")) * time.Second,
		Account:  "octo-alice", Grant: "grt_1", Outcome: bridge.OutcomeProviderError,
	}
}

// kinds are the events that lead on; those that end a request stand once.
func kinds() []bridge.Kind {
	return []bridge.Kind{
		bridge.OnShowCode, bridge.OnShowCode, bridge.OnShowCode, bridge.OnClaim, bridge.OnClaim, bridge.OnRelease,
		bridge.OnMinted, bridge.OnMinted, bridge.OnMinted, bridge.OnMintFault, bridge.OnSlowDown, bridge.OnCodeLapsed,
		bridge.OnToken, bridge.OnToken, bridge.OnMatched, bridge.OnMatched, bridge.OnCollect, bridge.OnCollect,
		bridge.OnGraceOver, bridge.OnClaimLapsed, bridge.OnCancel, bridge.OnDeny, bridge.OnNotMe, bridge.OnTTLOver,
		bridge.OnMintRefused, bridge.OnRefused, bridge.OnTokenLost, bridge.OnMismatched, bridge.OnCollectOver,
		bridge.OnGrantRevoked, bridge.OnPolicyChanged,
	}
}

// pruneSome forgets what the map forgets: the longest ended first.
func (m *model) pruneSome(rt *rapid.T) {
	before := m.at.Add(-time.Duration(rapid.IntRange(0, 3600).Draw(rt, "seconds ago")) * time.Second)
	n, err := m.Prune(rt.Context(), before, 1000)
	if err != nil {
		rt.Fatalf("prune: %v", err)
	}
	had := len(m.requests)
	maps.DeleteFunc(m.requests, func(_ bridge.RequestID, r bridge.Request) bool {
		return !r.Pending() && r.EndedAt.Before(before)
	})
	if n != had-len(m.requests) {
		rt.Errorf("prune forgot %d, the map %d", n, had-len(m.requests))
	}
}

// list is what the map holds of a kind, oldest first.
func (m *model) list(want func(bridge.Request) bool) []bridge.Request {
	var list []bridge.Request
	for _, id := range slices.Sorted(maps.Keys(m.requests)) {
		if r := m.requests[id]; want(r) {
			list = append(list, r)
		}
	}
	return list
}

func (m *model) newest(want func(bridge.Request) bool) []bridge.Request {
	list := m.list(want)
	slices.Reverse(list)
	return list
}

func (m *model) check(rt *rapid.T) {
	m.see(func(tx bridge.ReadTx) {
		for _, whom := range []string{"alice", "bob", "oncall"} {
			agree(rt, "open for "+whom, all(m, whom, tx.OpenFor(whom)),
				m.list(func(r bridge.Request) bool { return r.Whom() == whom && r.State.Open() }))
			agree(rt, "ended for "+whom, all(m, whom, tx.EndedFor(whom)),
				m.newest(func(r bridge.Request) bool { return r.Whom() == whom && !r.State.Open() && !r.Served }))
		}
		for _, agent := range []string{"helper", "ci"} {
			agree(rt, "requests of "+agent, all(m, agent, tx.RequestsOf(agent, "")),
				m.newest(func(r bridge.Request) bool { return r.Agent == agent }))
		}
		var dues []bridge.Due
		for _, r := range m.list(func(r bridge.Request) bool { return r.Pending() || r.Owes() }) {
			dues = append(dues, r.Due())
		}
		agree(rt, "pending", all(m, "pending", tx.Pending()), dues)
	})
}

func agree[T any](rt *rapid.T, what string, got, want []T) {
	rt.Helper()
	if diff := difference(got, want); diff != "" {
		rt.Fatalf("%s (-map +store):\n%s", what, diff)
	}
}
