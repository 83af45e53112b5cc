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
// otherwise there has to be a bridge.
func (c *Client) Wait(ctx context.Context, id string, after uint64, each func(api.Request)) (api.Request, error) {
	p := patience{known: after > 0}
	for wait := time.Duration(0); ; wait = nap {
		r, err := try(ctx, &p, func() (api.Request, error) {
			if !p.since.IsZero() {
				wait = 0 // hear first that it is back
			}
			return c.Request(ctx, id, after, wait)
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

// WaitToken is Wait, and then Collect. A request that ends without a token is
// [api.ProblemGone], with the request.
func (c *Client) WaitToken(ctx context.Context, id string, after uint64, each func(api.Request)) (api.Token, error) {
	if _, err := c.Wait(ctx, id, after, each); err != nil {
		return api.Token{}, err
	}
	return try(ctx, &patience{known: true}, func() (api.Token, error) { return c.Collect(ctx, id) })
}

// nap is how long one call waits for a change.
const nap = 50 * time.Second

// Bounds of patience with a bridge that is away.
const (
	patient    = 30 * time.Second
	firstPause = 100 * time.Millisecond
	maxPause   = 2 * time.Second
)

// patience is for a bridge that is known to have been there.
type patience struct {
	known bool
	since time.Time // it is away; zero while it is there
	pause time.Duration
}

// try repeats a call that may be repeated, as long as patience lasts.
func try[T any](ctx context.Context, p *patience, do func() (T, error)) (T, error) {
	for {
		v, err := do()
		if !away(err) {
			p.known, p.since, p.pause = true, time.Time{}, 0
			return v, err
		}
		if p.isOver() {
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

// isOver reports whether there is no patience left, and else sets the pause.
func (p *patience) isOver() bool {
	if !p.known {
		return true
	}
	if p.since.IsZero() {
		p.since = time.Now()
	}
	left := patient - time.Since(p.since)
	p.pause = min(max(2*p.pause, firstPause), maxPause, left)
	return left <= 0
}

// away reports whether an error means that the bridge will be back, perhaps.
func away(err error) bool {
	code := CodeOf(err)
	return code == api.ProblemShuttingDown || code == api.ProblemStoreUnavailable || errors.Is(err, ErrNoBridge)
}
