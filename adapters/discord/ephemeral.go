package discord

import (
	"context"
	"crypto/rand"
	"errors"
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
	// closingEvery is how often it is looked what is to be closed, closeFor how
	// long that is tried: then Discord takes no change any more.
	closingEvery = 5 * time.Second
	closeFor     = time.Minute
	// closeWait bounds one try, and lastly what is done about all of them when
	// the bridge stops; closings is how many are under way.
	closeWait = 2 * time.Second
	closings  = 8
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
	team    bool // it is the card of a team's request
	until   time.Time

	turn   chan struct{} // one edits at a time: who has put something in
	over   bool          // it says how it ended, and that is true for good
	closed bool          // nothing more is shown
}

// take waits for the turn to edit it, which done gives on.
func (one *ephemeral) take(ctx context.Context) (done func(), err error) {
	select {
	case one.turn <- struct{}{}:
		return func() { <-one.turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("edit what only one sees: another edit takes long: %w", bridge.ErrNotSent)
	}
}

func newEphemerals(l *line) *ephemerals { return &ephemerals{line: l, all: map[string]*ephemeral{}} }

// showToPresser shows a card where somebody has pressed, to them alone. If it
// is too late for that, the error is [bridge.ErrGone].
func (a *Adapter) showToPresser(ctx context.Context, p pressing, c bridge.Card, w wording) (bridge.MessageRef, error) {
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
	if !snowflake.MatchString(id) {
		return "", fmt.Errorf("show a card to who pressed: Discord does not say which message it is: %w", bridge.ErrGone)
	}
	handle, kept := a.ephemerals.keep(&ephemeral{
		exchange: p.exchange, message: id, team: c.Team != "", until: p.at.Add(exchangeFor), turn: make(chan struct{}, 1),
	})
	if !kept {
		return "", fmt.Errorf("show a card to who pressed: too many are kept true already: %w", bridge.ErrGone)
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

// edit has one of them show something else; over says that it is how the
// request, or this view of it, ended. Gone is [bridge.ErrGone].
func (e *ephemerals) edit(ctx context.Context, handle string, w wording, over bool) error {
	one := e.of(handle)
	if one == nil {
		return errClosed
	}
	done, err := one.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	if one.closed {
		return errClosed
	}
	err = e.line.editFollowUp(ctx, one.exchange, one.message, w)
	one.over = over && err == nil
	return err
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

// closeAll takes all of them away that are left when the bridge stops: the next
// one knows none of them.
func (e *ephemerals) closeAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWait)
	defer cancel()
	e.closeBefore(ctx, time.Now().Add(exchangeFor+closeFor))
}

// closeBefore closes those whose time has come, some at a time. What Discord
// does not take is tried again, as long as it could.
func (e *ephemerals) closeBefore(ctx context.Context, now time.Time) {
	var all sync.WaitGroup
	turns, due := make(chan struct{}, closings), e.due(now)
	left := make(chan error, len(due))
	for handle, one := range due {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if err := e.closeDue(ctx, handle, one, now); err != nil {
				left <- err
			}
		})
	}
	all.Wait()
	if n := len(left); n > 0 {
		e.line.log.WarnContext(ctx, "discord: take away cards that only their humans see", "left_there", n, "err", <-left)
	}
}

// closeDue closes one, unless that is tried again. An error means that it stays
// as it is.
func (e *ephemerals) closeDue(ctx context.Context, handle string, one *ephemeral, now time.Time) error {
	err := e.closeOne(ctx, one)
	switch {
	case err == nil || errors.Is(err, bridge.ErrGone):
		e.drop(handle)
	case !now.Before(one.until.Add(closeFor)):
		e.drop(handle)
		return err
	}
	return nil
}

// closeOne has one say that it is closed, if it does not say how it ended.
func (e *ephemerals) closeOne(ctx context.Context, one *ephemeral) error {
	ctx, cancel := context.WithTimeout(ctx, closeWait)
	defer cancel()
	done, err := one.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	if one.closed = true; one.over {
		return nil
	}
	return e.line.editFollowUp(ctx, one.exchange, one.message, closedMessage(one.team).wording())
}

func (e *ephemerals) due(now time.Time) map[string]*ephemeral {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := map[string]*ephemeral{}
	for handle, one := range e.all {
		if !now.Before(one.until) {
			all[handle] = one
		}
	}
	return all
}
