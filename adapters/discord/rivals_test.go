package discord

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

// runsBeside has one more adapter work until the test ends.
func (o *office) runsBeside(a *Adapter) {
	o.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var over sync.WaitGroup
	over.Go(func() { _ = a.Run(ctx) })
	o.t.Cleanup(func() { stop(); over.Wait() })
}

// Two bridges with one token are both told everything: whichever answers second
// says so, and is not ready.
func TestAnotherBridgeWithTheSameTokenIsNoticed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.desk.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) {
		return card(), "Done.", nil
	}
	o.runs()
	other := o.another()
	o.runsBeside(other)
	until(t, "both are connected", func() bool { return o.discord.Connected() == 2 && other.Connected() })
	o.post(discordtest.Alice, card(showCode), "hers")
	o.discord.Person(discordtest.Alice).Press("Show code")
	until(t, "one of them notices", func() bool { return o.adapter.Disputed() != other.Disputed() })
	late := other
	if o.adapter.Disputed() {
		late = o.adapter
	}
	if h := late.Health(); h.State != chat.Degraded || !strings.Contains(h.Why, "another program uses this bot's token") {
		t.Errorf("the health is %+v", h)
	}
}

// Who was met is forgotten after a while, and what one has answered oneself is
// nobody's else.
func TestWhoIsARival(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRivals()
		for range 2 {
			r.begin("1")
		}
		if r.begin("2"); r.once("1") || !r.once("2") || r.once("3") {
			t.Error("it is not known how often an answer was tried")
		}
		if !r.since().IsZero() {
			t.Error("there is one before any was met")
		}
		began := time.Now()
		if !r.meet(began) {
			t.Error("the first one is no news")
		}
		<-time.After(contestedFor - time.Second)
		if r.meet(time.Now()) || !r.since().Equal(began) {
			t.Error("the second time is news")
		}
		<-time.After(contestedFor)
		if !r.since().IsZero() || !r.meet(time.Now()) {
			t.Error("one that was met long ago is reckoned with")
		}
	})
}

// What Discord has refused is asked about again by itself, in each mode: what
// was mended is found without a restart.
func TestWhatIsMendedIsFoundByItself(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{ModeGateway, ModeHTTP} {
		for name, later := range map[string]bool{"at the start": false, "later": true} {
			t.Run(mode+" "+name, func(t *testing.T) {
				t.Parallel()
				o := newOffice(t)
				o.adapter = o.anotherIn(mode)
				o.adapter.line.timing.closed = 5 * time.Millisecond
				revoke := func(revoked bool) { o.discord.Change(func(w *discordtest.World) { w.App.Revoked = revoked }) }
				is := func(s chat.State) func() bool {
					return func() bool {
						o.adapter.calls.waits.Drop(everything) // as if its minute were over
						return o.adapter.Health().State == s
					}
				}
				revoke(!later)
				o.runsBeside(o.adapter)
				if later {
					until(t, "it is ready", is(chat.Ready))
					revoke(true)
					_, _ = o.adapter.Post(t.Context(), discordtest.Alice, card(), "refused")
				}
				until(t, "the refusal shows", is(chat.Refused))
				revoke(false)
				until(t, "it is ready again", is(chat.Ready))
			})
		}
	}
}

// A bridge that has stopped calling because too much was refused calls again by
// itself: while it does not, nobody is asked anything, so that no card brings a
// call about.
func TestWhoHasStoppedCallingBeginsAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.discord.Tolerate(discordtest.MissingAccess)
	o.adapter.line.timing.closed = 5 * time.Millisecond
	o.runs()
	o.adapter.calls.strikes.mu.Lock()
	o.adapter.calls.strikes.most, o.adapter.calls.strikes.within = 1, time.Second
	o.adapter.calls.strikes.mu.Unlock()
	if _, err := o.adapter.Post(t.Context(), discordtest.Secret, teamCard(claim), "refused"); !errors.Is(err, bridge.ErrRoute) {
		t.Fatal(err)
	}
	if h := o.adapter.Health(); h.State != chat.Degraded || o.adapter.Connected() {
		t.Fatalf("after too many refusals it is %+v", h)
	}
	until(t, "it is ready again", func() bool { return o.adapter.Health().State == chat.Ready && o.adapter.Connected() })
}
