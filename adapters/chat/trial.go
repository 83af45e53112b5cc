package chat

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"sync"
	"time"
)

// Offer is what a message with one button says to one person. It is about no
// request, and nothing can be granted with it.
type Offer struct {
	Says, Label string
	Thanks      string // stands there once they have pressed
	Over        string // stands there when nobody did in time
}

// TrialOffer is that by which the operator tries whether somebody can be asked.
func TrialOffer() Offer {
	return Offer{
		Says:  "The operator of authbridge tries whether you can be asked here. Press the button, please; nothing is granted by it.",
		Label: "It works", Thanks: "Thank you. Your press has arrived.", Over: "This trial is over: no press arrived in time.",
	}
}

// TrialOver is said to who presses the button of a trial that is not theirs.
const TrialOver = "This trial is over, or not yours."

// Offerer brings one offer to one person in a platform's way.
type Offerer interface {
	// Write writes the message. Its button carries nonce, which nobody else is
	// sent.
	Write(ctx context.Context, says, label, nonce string) error
	// Become puts words in the place of the message and its button. It is a
	// courtesy, so it has no error.
	Become(ctx context.Context, words string)
}

// Trials are the offers whose press is waited for: one for each person. They
// are safe for concurrent use.
type Trials struct {
	mu  sync.Mutex
	all map[string]*trial
}

type trial struct {
	nonce   string
	pressed chan time.Time // when they did
}

// NewTrials waits for nobody yet.
func NewTrials() *Trials { return &Trials{all: map[string]*trial{}} }

// writtenWithin is how long the message of an offer, and its last edit, may
// take.
const writtenWithin = 5 * time.Second

// Await makes somebody an offer, and says how long it took from there until
// [Trials.Take] was told of their press. When ctx ends before, its error is
// returned. In both cases the button is taken away. Other errors are
// [ErrTrying], and those of by.
func (t *Trials) Await(ctx context.Context, user string, o Offer, by Offerer) (took time.Duration, err error) {
	one, first := t.begin(user)
	if !first {
		return 0, ErrTrying
	}
	defer t.end(user)
	if err := whole(ctx, func(ctx context.Context) error { return by.Write(ctx, o.Says, o.Label, one.nonce) }); err != nil {
		return 0, err
	}
	written, words := time.Now(), o.Thanks
	select {
	case at := <-one.pressed:
		took = max(0, at.Sub(written))
	case <-ctx.Done():
		words, err = o.Over, ctx.Err()
	}
	_ = whole(ctx, func(ctx context.Context) error { by.Become(ctx, words); return nil })
	return took, err
}

// whole does something that goes on when ctx ends: whether a message is there
// has to be known.
func whole(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writtenWithin)
	defer cancel()
	return do(ctx)
}

func (t *Trials) begin(user string) (one *trial, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all[user] != nil {
		return nil, false
	}
	one = &trial{nonce: rand.Text(), pressed: make(chan time.Time, 1)}
	t.all[user] = one
	return one, true
}

func (t *Trials) end(user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, user)
}

// Take notes a press of the button that somebody was offered, and reports
// whether it was one: by them, with the nonce that they were sent.
func (t *Trials) Take(user, nonce string) bool {
	t.mu.Lock()
	one := t.all[user]
	t.mu.Unlock()
	if one == nil || subtle.ConstantTimeCompare([]byte(one.nonce), []byte(nonce)) != 1 {
		return false
	}
	select {
	case one.pressed <- time.Now():
	default: // twice is once
	}
	return true
}
