package discord

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// doTry is what the button of a trial does; to what is a nonce.
const doTry = "try"

// Try writes a message with a button to a person, and says how long it took
// from there until their press arrived on the way of all presses. When ctx ends
// before, its error is returned. The button is taken away in any case. Other
// errors are [chat.ErrTrying], [chat.ErrCut], and those of [Adapter.Post]; none
// holds a secret.
func (a *Adapter) Try(ctx context.Context, to bridge.Address) (took time.Duration, err error) {
	if !a.Connected() {
		return 0, fmt.Errorf("%w: %s", chat.ErrCut, a.Health().Why)
	}
	user := string(to)
	if !snowflake.MatchString(user) {
		return 0, fmt.Errorf("write to somebody: this is no id of a user: %w", bridge.ErrUnreachable)
	}
	return a.trials.Await(ctx, user, chat.TrialOffer(), &offer{adapter: a, user: user})
}

// offer is the message of a trial.
type offer struct {
	adapter *Adapter
	user    string
	at      place
}

// Write implements [chat.Offerer].
func (o *offer) Write(ctx context.Context, says, label, nonce string) error {
	var s sheet
	s.Line(chat.Words(says))
	s.row([]discordgo.Button{{Label: label, Style: discordgo.SecondaryButton, CustomID: customID(doTry, nonce)}})
	o.adapter.known.closed.Drop(o.user)
	ref, err := o.adapter.postDirect(ctx, o.user, s.message().wording())
	if err != nil {
		return err
	}
	o.at, err = placeOf(ref)
	return err
}

// Become implements [chat.Offerer].
func (o *offer) Become(ctx context.Context, words string) {
	_ = o.adapter.calls.do(ctx, call{
		name: "edit a message", method: http.MethodPatch, path: "/channels/" + o.at.channel + "/messages/" + o.at.message,
		bucket: "edit/" + o.at.channel, body: wordMessage(words).wording(), visible: true,
	})
}

// tried answers the press of a trial's button.
func (a *Adapter) tried(in inbound, nonce string) answer {
	if !a.trials.Take(in.user, nonce) {
		return a.word(in, chat.TrialOver)
	}
	return answer{}
}
