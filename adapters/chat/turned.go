package chat

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

const (
	// MaxTurnedAway is of how many refused presses of one person the audit log
	// is told in turnedAwayFor. Whoever presses on does not fill it.
	MaxTurnedAway = 20
	turnedAwayFor = 10 * time.Minute
)

// TurnedAway tells the audit log of presses by people who have no say. It is
// safe for concurrent use; a press or two more may be told of then.
type TurnedAway struct {
	desk    Desk
	channel string
	times   *Recall[int] // by user
}

// NewTurnedAway tells of presses in a chat, by the name that the bridge has for
// it.
func NewTurnedAway(desk Desk, channel string) *TurnedAway {
	return &TurnedAway{desk: desk, channel: channel, times: NewRecall[int]()}
}

// Tell tells of one press. why is what who pressed was told. An error means
// that the audit log does not have it; the press came to nothing all the same.
func (t *TurnedAway) Tell(ctx context.Context, user string, verb bridge.Verb, id bridge.RequestID, why string) error {
	times, _ := t.times.Get(user)
	if times >= MaxTurnedAway {
		return nil
	}
	t.times.Put(user, times+1, turnedAwayFor)
	err := t.desk.Audit(ctx, bridge.AuditLine{
		Event: bridge.AuditPressRefused, Request: id, By: bridge.ByHuman,
		Channel: t.channel, PlatformUser: user, Detail: string(verb) + ": " + why,
	})
	if err != nil {
		return fmt.Errorf("tell the audit log of a refused press: %w", err)
	}
	return nil
}

// WantsDigits reports whether a press did nothing because the digits that the
// agent shows were not there; word is what [Desk.Click] remarked.
func WantsDigits(verb bridge.Verb, c bridge.Card, word string) bool {
	return TakesDigits(verb) && c.Digits && word != "" &&
		slices.ContainsFunc(c.Buttons, func(b bridge.Button) bool { return b.Verb == verb })
}

// TakesDigits reports whether digits can go with a verb: it shows a code.
func TakesDigits(verb bridge.Verb) bool {
	return verb == bridge.VerbShowCode || verb == bridge.VerbClaim
}
