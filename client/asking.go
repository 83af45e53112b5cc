package client

import (
	"context"
	"fmt"

	"github.com/authbridge/authbridge/api"
)

// Asking is one ask that can be waited for in several goes. Whoever was asked
// stays asked when a wait is given up: the next one goes on with the same
// request. It is used by one goroutine at a time, and not copied after its
// first use.
type Asking struct {
	Client *Client
	Ask    api.Ask

	// Each, unless it is nil, is called with the request when a human is asked,
	// and whenever it has changed.
	Each func(api.Request)

	begun bool
	now   api.Request // while it is begun
}

// Token asks, waits until the human has decided or ctx ends, and collects. A
// live grant answers at once. After any end the next call asks anew; an ask
// that ended without a token is a [*Problem] with [api.ProblemGone]. When ctx
// ends first, the error says who has not decided, and wraps that of ctx.
func (a *Asking) Token(ctx context.Context) (api.Token, error) {
	token, err := a.obtain(ctx)
	switch {
	case err == nil, ctx.Err() == nil && absenceOf(err) == none:
		a.begun = false
	case a.begun && ctx.Err() != nil:
		err = fmt.Errorf("%s has not decided; request %s lives on, and the next call goes on waiting: %w", whom(a.now), a.now.ID, err)
	}
	return token, err
}

// whom is who was asked; of a team it is not told who that is.
func whom(r api.Request) string {
	if r.Human != "" {
		return string(r.Human)
	}
	return "somebody of " + string(r.Team)
}

// Open is the request that is waited for; ok is false when there is none.
func (a *Asking) Open() (r api.Request, ok bool) { return a.now, a.begun }

func (a *Asking) obtain(ctx context.Context) (api.Token, error) {
	if !a.begun {
		r, err := a.Client.Ask(ctx, a.Ask, AskOptions{})
		if err != nil {
			return api.Token{}, err
		}
		a.begun, a.now = true, r
		if r.State == api.Granted {
			return a.Client.Collect(ctx, r.ID)
		}
		a.tell(r)
	}
	return a.Client.WaitToken(ctx, a.now.ID, a.now.Version, a.tell)
}

func (a *Asking) tell(r api.Request) {
	a.now = r
	if a.Each != nil {
		a.Each(r)
	}
}
