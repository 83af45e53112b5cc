package slack

import (
	"context"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// Where the operator wants it, a code is shown only to who types the digits
// that the agent shows: Show code and Claim ask for them in a modal.

// originFor is how long it is remembered where somebody was who was asked for
// digits.
const originFor = 30 * time.Minute

// askDigits opens the modal that asks for the digits. It reports whether that
// worked.
func (a *Adapter) askDigits(ctx context.Context, in inbound, d deed, c bridge.Card) bool {
	trigger, fresh := a.known.triggers.Take(triggerKey(in.user, d.request))
	if !fresh {
		return false
	}
	id, err := a.openView(ctx, trigger, digitsModal(c, d.verb))
	if err != nil {
		a.log.WarnContext(ctx, "slack: ask for the digits", "err", err)
		return false
	}
	a.known.origins.Put(id, in, originFor)
	return true
}

// submit takes the digits. Wrong ones are told at the input; whatever else is
// to be said, where they came from.
func (a *Adapter) submit(ctx context.Context, in inbound) answer {
	verb, ok := digitsVerb(in.view.callback)
	if !ok {
		return answer{}
	}
	d := deed{verb: verb, request: bridge.RequestID(in.view.private)}
	who, word := a.clicker(ctx, in, true)
	if word != "" {
		a.turnedAway(ctx, in, d, word)
		return a.atInput(in, word)
	}
	a.keepTrigger(in, d.request)
	who.Typed = in.view.typed
	_, word, err := a.desk.Click(ctx, who, d.request, d.verb)
	if word = a.excuse(ctx, word, err); word != "" {
		return a.atInput(in, word)
	}
	return answer{}
}

// atInput leaves the modal open with a word at its input. If it had to be
// closed before, the word goes to where they came from.
func (a *Adapter) atInput(in inbound, word string) answer {
	return answer{Body: wrongDigits(word), Late: func(ctx context.Context) {
		origin, known := a.known.origins.Take(in.view.id)
		if !known {
			origin = inbound{user: in.user}
		}
		a.tell(ctx, origin, word, bridge.Card{})
	}}
}
