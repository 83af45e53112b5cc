package discord

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/bridge"
)

const (
	// exchangeFor is how long an interaction is answered: Discord takes it for
	// fifteen minutes, and what stands there has to be taken away before.
	exchangeFor = 14 * time.Minute
	// answerWait is how long a card waits for the first answer of the press
	// that it follows.
	answerWait = 2500 * time.Millisecond
	// closingEvery is how often it is looked what is to be closed.
	closingEvery = 5 * time.Second
	// ephemeralsMost bounds how many messages are kept true.
	ephemeralsMost = 10_000
)

// pressing is what somebody has just pressed about a request.
type pressing struct {
	exchange
	direct   bool            // in their direct messages
	answered <-chan struct{} // closed when follow-ups can be made
}

// pressingKey names what somebody does about a request.
func pressingKey(user string, id bridge.RequestID) string { return user + "/" + string(id) }

// ephemerals are the messages that only their human sees. What they are
// changed by lives in memory alone: after a restart they are gone, and Show
// again makes new ones.
type ephemerals struct {
	line *line

	mu  sync.Mutex
	all map[string]*ephemeral // by handle
}

// ephemeral is one of them.
type ephemeral struct {
	exchange
	message string
	until   time.Time

	turn   sync.Mutex // one edits at a time
	closed bool       // nothing more is shown
}

func newEphemerals(l *line) *ephemerals { return &ephemerals{line: l, all: map[string]*ephemeral{}} }

// showToPresser shows a card where somebody has pressed, to them alone. If it
// is too late for that, the error is [bridge.ErrGone].
func (a *Adapter) showToPresser(ctx context.Context, p pressing, w wording) (bridge.MessageRef, error) {
	select {
	case <-p.answered:
	case <-time.After(answerWait):
		return "", fmt.Errorf("show a card to who pressed: their press was not answered in time: %w", bridge.ErrGone)
	case <-ctx.Done():
		return "", ctx.Err()
	}
	w.Nonce, w.Enforce = "", false
	w.Flags |= discordgo.MessageFlagsEphemeral
	id, err := a.line.followUp(ctx, p.exchange, w)
	if err != nil {
		return "", err
	}
	handle, kept := a.ephemerals.keep(&ephemeral{exchange: p.exchange, message: id, until: p.at.Add(exchangeFor)})
	if !kept || !snowflake.MatchString(id) {
		return "", fmt.Errorf("show a card to who pressed: it could not be kept true: %w", bridge.ErrGone)
	}
	return bridge.MessageRef(toPresser + handle), nil
}

func (e *ephemerals) keep(one *ephemeral) (handle string, kept bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.all) >= ephemeralsMost {
		return "", false
	}
	handle = rand.Text()
	e.all[handle] = one
	return handle, true
}

func (e *ephemerals) of(handle string) *ephemeral {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.all[handle]
}

func (e *ephemerals) drop(handle string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.all, handle)
}

var errClosed = fmt.Errorf("edit what only one sees: %w", bridge.ErrGone)

// edit has one of them show something else. Gone is [bridge.ErrGone].
func (e *ephemerals) edit(ctx context.Context, handle string, w wording) error {
	one := e.of(handle)
	if one == nil {
		return errClosed
	}
	one.turn.Lock()
	defer one.turn.Unlock()
	if one.closed {
		return errClosed
	}
	return e.line.editFollowUp(ctx, one.exchange, one.message, w)
}

// close takes away what can be changed no longer, until ctx ends: a code must
// not stay where nobody can take it away.
func (e *ephemerals) close(ctx context.Context) {
	tick := time.NewTicker(closingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			e.closeBefore(ctx, now)
		}
	}
}

func (e *ephemerals) closeBefore(ctx context.Context, now time.Time) {
	for _, handle := range e.due(now) {
		one := e.of(handle)
		one.turn.Lock()
		one.closed = true
		_ = e.line.editFollowUp(ctx, one.exchange, one.message, closedMessage().wording()) // there is a minute left, and no other way
		one.turn.Unlock()
		e.drop(handle)
	}
}

func (e *ephemerals) due(now time.Time) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for handle, one := range e.all {
		if !now.Before(one.until) {
			all = append(all, handle)
		}
	}
	return all
}
