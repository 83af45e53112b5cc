package bridgetest_test

import (
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// The fake keeps the contract that adapters are held to.
func TestMessenger(t *testing.T) {
	for name, memory := range map[string]time.Duration{"like Slack": bridgetest.NoMemory, "like Discord": bridgetest.ShortMemory} {
		t.Run(name, func(t *testing.T) {
			bridgetest.RunMessenger(t, bridgetest.MessengerLab{
				KnowsKeys: memory > 0,
				Open: func(t *testing.T) (bridge.Messenger, bridgetest.ChatPlatform) {
					m := bridgetest.NewMessenger(quiet{t}, memory)
					m.Block("closed")
					return m, platform{m}
				},
			})
		})
	}
}

// quiet takes the complaints of the fake about what the suite does wrong on
// purpose: there the suite looks itself.
type quiet struct{ testing.TB }

func (quiet) Errorf(string, ...any) {}

// platform is the fake as the suite sees platforms.
type platform struct{ m *bridgetest.Messenger }

func (platform) Somebody() bridge.Address { return "somebody" }
func (platform) Closed() bridge.Address   { return "closed" }
func (platform) Place() bridge.Address    { return "place" }

func (p platform) Screen(to bridge.Address) (all []string) {
	for _, msg := range p.m.Messages(to) {
		if !msg.Removed {
			all = append(all, bridgetest.Text(msg.Now()))
		}
	}
	return all
}

func (p platform) Pushes(to bridge.Address) []string { return p.m.Pushes(to) }

func (p platform) Remove(to bridge.Address) {
	all := p.m.Messages(to)
	p.m.Remove(all[len(all)-1].Ref)
}

func (p platform) Limit(after time.Duration) { p.m.Fail(&bridge.Limited{After: after}) }
func (p platform) Refuse()                   { p.m.Fail(bridge.ErrAuth) }
func (p platform) Break()                    { p.m.Fail(bridge.ErrNotSent) }
func (p platform) Lose()                     { p.m.Lose(1) }

// The fake does complain.
func TestTheFakeIsStrict(t *testing.T) {
	card := bridge.Card{Request: "req_1", Version: 2}
	with := card
	with.Code = &bridge.ShownCode{}
	older, other := card, card
	older.Version, other.Request = 1, "req_2"
	for name, wrong := range map[string]func(*bridgetest.Messenger, bridge.MessageRef){
		"a code is posted":                func(m *bridgetest.Messenger, _ bridge.MessageRef) { _, _ = m.Post(t.Context(), "a", with, "k2") },
		"a post without a key":            func(m *bridgetest.Messenger, _ bridge.MessageRef) { _, _ = m.Post(t.Context(), "a", card, "") },
		"a post to nobody":                func(m *bridgetest.Messenger, _ bridge.MessageRef) { _, _ = m.Post(t.Context(), "", card, "k2") },
		"a key of another message":        func(m *bridgetest.Messenger, _ bridge.MessageRef) { _, _ = m.Post(t.Context(), "a", other, "k1") },
		"an edit of nothing":              func(m *bridgetest.Messenger, _ bridge.MessageRef) { _ = m.Edit(t.Context(), "nothing", card) },
		"an older card":                   func(m *bridgetest.Messenger, ref bridge.MessageRef) { _ = m.Edit(t.Context(), ref, older) },
		"the card of another request":     func(m *bridgetest.Messenger, ref bridge.MessageRef) { _ = m.Edit(t.Context(), ref, other) },
		"the same card, as is (no fault)": func(m *bridgetest.Messenger, ref bridge.MessageRef) { _ = m.Edit(t.Context(), ref, card) },
	} {
		complaints := &counting{TB: t}
		m := bridgetest.NewMessenger(complaints, bridgetest.NoMemory)
		ref, err := m.Post(t.Context(), "a", card, "k1")
		if err != nil {
			t.Fatal(err)
		}
		wrong(m, ref)
		if want := name != "the same card, as is (no fault)"; (complaints.n > 0) != want {
			t.Errorf("%s: %d complaints", name, complaints.n)
		}
	}
}

type counting struct {
	testing.TB
	n int
}

func (c *counting) Errorf(string, ...any) { c.n++ }
