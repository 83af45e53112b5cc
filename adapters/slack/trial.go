package slack

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// verbTry is the action of a trial's button.
const verbTry = actionPrefix + "try"

// trials are those under way, by the person: one for each.
type trials struct {
	mu  sync.Mutex
	all map[string]*offer
}

func newTrials() *trials { return &trials{all: map[string]*offer{}} }

func (t *trials) begin(o *offer) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all[o.user()] != nil {
		return false
	}
	t.all[o.user()] = o
	return true
}

func (t *trials) end(o *offer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, o.user())
}

func (t *trials) of(user string) *offer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[user]
}

// Try writes a message with a button to a person, and says how long it took
// from there until their press arrived on the way of all presses. When ctx ends
// before, its error is returned. The button is taken away in any case. Other
// errors are [chat.ErrTrying], [chat.ErrCut], and those of [Adapter.Post]; none holds a
// secret.
func (a *Adapter) Try(ctx context.Context, to bridge.Address) (took time.Duration, err error) {
	if !a.Connected() {
		return 0, fmt.Errorf("%w: %s", chat.ErrCut, a.Health().Why)
	}
	o := a.newOffer(verbTry)
	user, err := a.person(ctx, string(to))
	if err != nil {
		return 0, err
	}
	o.to(user)
	if !a.trials.begin(o) {
		return 0, chat.ErrTrying
	}
	defer a.trials.end(o)
	if err := o.write(ctx, "The operator of authbridge tries whether you can be asked here. Press the button, please; nothing is granted by it.", "It works"); err != nil {
		a.known.dms.Drop(user)
		return 0, err
	}
	written := time.Now()
	select {
	case at := <-o.pressed:
		o.become(ctx, "Thank you. Your press has arrived.")
		return max(0, at.Sub(written)), nil
	case <-ctx.Done():
		o.become(ctx, "This trial is over: no press arrived in time.")
		return 0, ctx.Err()
	}
}

// tried reports whether a press was about no request, but about a trial or a
// hello; then it is answered.
func (a *Adapter) tried(ctx context.Context, in inbound) bool {
	if len(in.actions) != 1 {
		return false
	}
	switch in.actions[0].id {
	case verbTry:
		if o := a.trials.of(in.user); o == nil || !o.take(in) {
			a.tell(ctx, in, "This trial is over, or not yours.", bridge.Card{})
		}
	case verbHello: // Slack brings it to whichever connection of the app it likes
		a.tell(ctx, in, "This press came to the bridge that runs already, and did nothing. If authbridge is being set up just now, press once more.", bridge.Card{})
	default:
		return false
	}
	return true
}

// person is the id of whoever an address is of, who may be asked.
func (a *Adapter) person(ctx context.Context, address string) (id string, err error) {
	id = address
	if email, ok := strings.CutPrefix(address, "mailto:"); ok {
		if id, err = a.byEmail(ctx, email); err != nil {
			return "", err
		}
	}
	return id, a.reach(ctx, id)
}
