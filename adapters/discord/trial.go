package discord

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// doTry is what the button of a trial does; to what is a nonce.
const doTry = "try"

// writtenWithin is how long the message of a trial, and its last edit, may take.
const writtenWithin = 5 * time.Second

// trials are those under way, by the person: one for each.
type trials struct {
	mu  sync.Mutex
	all map[string]*trial
}

type trial struct {
	nonce   string
	pressed chan time.Time // when they did
}

func newTrials() *trials { return &trials{all: map[string]*trial{}} }

func (t *trials) begin(user string) (*trial, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all[user] != nil {
		return nil, false
	}
	one := &trial{nonce: rand.Text(), pressed: make(chan time.Time, 1)}
	t.all[user] = one
	return one, true
}

func (t *trials) end(user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, user)
}

// take notes a press of somebody's button, and reports whether it was one.
func (t *trials) take(user, nonce string) bool {
	t.mu.Lock()
	one := t.all[user]
	t.mu.Unlock()
	if one == nil || subtle.ConstantTimeCompare([]byte(one.nonce), []byte(nonce)) != 1 {
		return false
	}
	select {
	case one.pressed <- time.Now():
	default:
	}
	return true
}

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
	one, first := a.trials.begin(user)
	if !first {
		return 0, chat.ErrTrying
	}
	defer a.trials.end(user)
	ref, err := a.offer(ctx, user, one.nonce)
	if err != nil {
		return 0, err
	}
	written := time.Now()
	select {
	case at := <-one.pressed:
		a.become(ctx, ref, "Thank you. Your press has arrived.")
		return max(0, at.Sub(written)), nil
	case <-ctx.Done():
		a.become(ctx, ref, "This trial is over: no press arrived in time.")
		return 0, ctx.Err()
	}
}

// offer goes on when ctx ends: whether the message is there has to be known.
func (a *Adapter) offer(ctx context.Context, user, nonce string) (bridge.MessageRef, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writtenWithin)
	defer cancel()
	var s sheet
	s.Line(chat.Words("The operator of authbridge tries whether you can be asked here. Press the button, please; nothing is granted by it."))
	s.row([]discordgo.Button{{Label: "It works", Style: discordgo.SecondaryButton, CustomID: customID(doTry, nonce)}})
	a.known.closed.Drop(user)
	return a.postDirect(ctx, user, s.message().wording())
}

// become takes the button away. It is a courtesy: what came of it is known.
func (a *Adapter) become(ctx context.Context, ref bridge.MessageRef, words string) {
	at, err := placeOf(ref)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writtenWithin)
	defer cancel()
	_ = a.calls.do(ctx, call{
		name: "edit a message", method: http.MethodPatch, path: "/channels/" + at.channel + "/messages/" + at.message,
		bucket: "edit/" + at.channel, body: wordMessage(words).wording(), visible: true,
	})
}

// tried answers the press of a trial's button.
func (a *Adapter) tried(in inbound, nonce string) answer {
	if !a.trials.take(in.user, nonce) {
		return a.word(in, "This trial is over, or not yours.")
	}
	return answer{}
}
