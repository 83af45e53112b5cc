package slack

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// verbTry is the action of a trial's button.
const verbTry = actionPrefix + "try"

// Try writes a message with a button to a person, and says how long it took
// from there until their press arrived on the way of all presses. When ctx ends
// before, its error is returned. The button is taken away in any case. Other
// errors are [chat.ErrTrying], [chat.ErrCut], and those of [Adapter.Post]; none holds a
// secret.
func (a *Adapter) Try(ctx context.Context, to bridge.Address) (took time.Duration, err error) {
	if !a.Connected() {
		return 0, fmt.Errorf("%w: %s", chat.ErrCut, a.Health().Why)
	}
	user, err := a.person(ctx, string(to))
	if err != nil {
		return 0, err
	}
	return a.trials.Await(ctx, user, chat.TrialOffer(), &offer{adapter: a, user: user, verb: verbTry})
}

// tried reports whether a press was about no request, but about a trial or a
// hello; then it is answered.
func (a *Adapter) tried(ctx context.Context, in inbound) bool {
	if len(in.actions) != 1 {
		return false
	}
	switch in.actions[0].id {
	case verbTry:
		if !a.taken(in, verbTry) {
			a.tell(ctx, in, chat.TrialOver, bridge.Card{})
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
