package client

import (
	"context"
	"errors"
	"time"

	"github.com/authbridge/authbridge/api"
)

// Wait follows a request until the human has decided: until it is granted or
// has ended. each, unless it is nil, is called with it whenever it has changed
// since version after; with 0 at once, too.
//
// A bridge that restarts is waited for: only when it has been away for 30 s is
// that the error. The same holds for the first call if after is above 0;
// otherwise there has to be a bridge. One that is there and has no room, or
// whose provider is away, is waited for as long as ctx lasts.
func (c *Client) Wait(ctx context.Context, id string, after uint64, each func(api.Request)) (api.Request, error) {
	p := patience{known: after > 0, comeBack: true, away: c.Away}
	for wait := time.Duration(0); ; wait = nap {
		r, err := try(ctx, &p, func() (api.Request, error) {
			if p.absent == away {
				wait = 0 // hear first that it is back
			}
			return c.look(ctx, id, after, wait)
		})
		if err != nil {
			return r, err
		}
		if r.Version != after && each != nil {
			each(r)
		}
		if after = r.Version; !r.State.Open() {
			return r, nil
		}
	}
}

// look is Request. Where there is no room for those who wait, there may be
// some for a short look, and then only what is new counts.
func (c *Client) look(ctx context.Context, id string, after uint64, wait time.Duration) (api.Request, error) {
	r, err := c.Request(ctx, id, after, wait)
	if wait > 0 && CodeOf(err) == api.ProblemTooManyOpen {
		if now, failed := c.Request(ctx, id, after, 0); failed == nil && now.Version != after {
			return now, nil
		}
	}
	return r, err
}

// WaitToken is Wait, and then Collect. A request that ends without a token is
// [api.ProblemGone], with the request.
func (c *Client) WaitToken(ctx context.Context, id string, after uint64, each func(api.Request)) (api.Token, error) {
	if _, err := c.Wait(ctx, id, after, each); err != nil {
		return api.Token{}, err
	}
	p := patience{known: true, comeBack: true, away: c.Away}
	return try(ctx, &p, func() (api.Token, error) { return c.Collect(ctx, id) })
}

// nap is how long one call waits for a change.
const nap = 50 * time.Second

// Bounds of patience with a bridge that is away.
const (
	patient    = 30 * time.Second
	firstPause = 100 * time.Millisecond
	maxPause   = 2 * time.Second
	maxTold    = time.Minute // what a bridge may make us pause
)

// patience is for a bridge that is known to have been there.
type patience struct {
	known    bool
	comeBack bool                   // what is told to come back, does so as long as it takes
	away     func(error, time.Time) // see [Client.Away]

	absent absence
	since  time.Time // it is absent in that way
	pause  time.Duration
}

// try repeats a call that may be repeated, as long as patience lasts.
func try[T any](ctx context.Context, p *patience, do func() (T, error)) (T, error) {
	for {
		v, err := do()
		if ctx.Err() != nil || !p.bears(err) {
			p.back(err)
			return v, err
		}
		if err := pause(ctx, p.pause); err != nil {
			return v, err
		}
	}
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// bears reports whether to go on after an error, and sets the pause.
func (p *patience) bears(err error) bool {
	switch why := absenceOf(err); {
	case why == busy && p.comeBack:
		p.leaves(busy, err, time.Time{})
		p.pause = min(max(2*p.pause, maxPause, toldPause(err)), maxTold)
		return true
	case why == away && p.known:
		p.leaves(away, err, time.Now().Add(patient))
		left := patient - time.Since(p.since)
		p.pause = min(max(min(2*p.pause, maxPause), firstPause, toldPause(err)), left)
		return left > 0
	}
	return false
}

// leaves notes that the bridge is absent, and until when it is waited for.
func (p *patience) leaves(how absence, why error, until time.Time) {
	if p.absent == how {
		return
	}
	p.absent, p.since, p.pause = how, time.Now(), 0
	if p.away != nil {
		p.away(why, until)
	}
}

// back notes that the bridge has answered, or will not be waited for.
func (p *patience) back(err error) {
	if p.absent != none && absenceOf(err) == none && p.away != nil {
		p.away(nil, time.Time{})
	}
	p.known, p.absent, p.pause = true, none, 0
}

// absence is why the same call may succeed later.
type absence int

const (
	none absence = iota // it will not
	away                // there is no bridge, and may be one soon
	busy                // the bridge is there, and says to come back
)

func absenceOf(err error) absence {
	switch CodeOf(err) { //nolint:exhaustive // the others are answers
	case api.ProblemShuttingDown, api.ProblemStoreUnavailable:
		return away
	case api.ProblemTooManyOpen, api.ProblemProviderUnavailable, api.ProblemChatUnavailable:
		return busy
	}
	if errors.Is(err, ErrNoBridge) && !isFinal(err) {
		return away
	}
	return none
}

// toldPause is how long the bridge says to pause.
func toldPause(err error) time.Duration {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.RetryAfter
	}
	return 0
}
