package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/authbridge/authbridge/api"
)

// AskOptions is what goes with an ask. The zero value is fine.
type AskOptions struct {
	// IdempotencyKey makes the same ask safe to send again: for a day it
	// stands for the request that it made. At most 255 bytes; "" = none.
	IdempotencyKey string

	// Wait is how long the bridge waits for the human before it answers, in
	// whole seconds, at most 60. 0 leaves it to the bridge: Ask does not
	// wait, and Token 55 s. Below 0 it does not wait.
	Wait time.Duration
}

// Ask asks, and returns the request: a new one, an open one that the ask
// joins, or one that a live grant has granted at once.
func (c *Client) Ask(ctx context.Context, ask api.Ask, o AskOptions) (r api.Request, err error) {
	_, err = c.do(ctx, o.call(api.RequestsPath, ask, &r, 0))
	return r, err
}

// Token asks, waits and collects in one call. When the human has not decided
// by then, the error is a [*Parked] with the request.
func (c *Client) Token(ctx context.Context, ask api.Ask, o AskOptions) (api.Token, error) {
	var token api.Token
	var parked Parked
	what := o.call(api.TokenPath, ask, &token, api.DefaultTokenWait*time.Second)
	what.accepted = &parked.Parked
	status, err := c.do(ctx, what)
	if err == nil && status == http.StatusAccepted {
		return api.Token{}, &parked
	}
	return token, err
}

// call is an ask at a route that waits for so long by itself.
func (o AskOptions) call(path string, ask api.Ask, out any, wait time.Duration) call {
	header := http.Header{}
	if o.IdempotencyKey != "" {
		header.Set(api.IdempotencyKeyHeader, o.IdempotencyKey)
	}
	if o.Wait != 0 {
		wait = whole(o.Wait)
		header.Set("Prefer", "wait="+inSeconds(wait))
	}
	return call{method: http.MethodPost, path: path, header: header, in: ask, out: out, wait: wait}
}

// whole cuts a wait to what the bridge takes.
func whole(wait time.Duration) time.Duration {
	return min(max(wait.Round(time.Second), 0), api.MaxWait*time.Second)
}

func inSeconds(wait time.Duration) string { return strconv.Itoa(int(wait / time.Second)) }

// Request returns a request: with a wait (in whole seconds, at most 60) as
// soon as its version is above after or it has ended, or as it is when the
// time is over. With after 0 it waits for the next change, unless the request
// is granted or has ended.
func (c *Client) Request(ctx context.Context, id string, after uint64, wait time.Duration) (r api.Request, err error) {
	q := url.Values{}
	if wait = whole(wait); wait > 0 {
		q.Set("wait", inSeconds(wait))
	}
	if after > 0 {
		q.Set("after", strconv.FormatUint(after, 10))
	}
	path := api.RequestPath(id)
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	_, err = c.do(ctx, call{method: http.MethodGet, path: path, out: &r, wait: wait})
	return r, err
}

// Cancel withdraws a request, for everyone who joined it, and returns it as
// it is then: one that had ended before stays as it ended.
func (c *Client) Cancel(ctx context.Context, id string) (r api.Request, err error) {
	_, err = c.do(ctx, call{method: http.MethodDelete, path: api.RequestPath(id), out: &r})
	return r, err
}

// Collect returns the token of a granted request. Within the bridge's grace
// it may be called again. A request that is open is [api.ProblemNotReady],
// and one that ended otherwise [api.ProblemGone], both with the request.
func (c *Client) Collect(ctx context.Context, id string) (token api.Token, err error) {
	_, err = c.do(ctx, call{method: http.MethodPost, path: api.CollectPath(id), out: &token})
	return token, err
}

// GiveUp ends a grant, because the agent wants it no more: the bridge hands
// out nothing from it from then on, and tells the provider. It returns the
// grant as it is then; one that was over before stays as it ended.
func (c *Client) GiveUp(ctx context.Context, id string) (g api.Grant, err error) {
	_, err = c.do(ctx, call{method: http.MethodDelete, path: api.GrantPath(id), out: &g})
	return g, err
}

// Whoami returns the agent as the bridge sees it, and what it may ask.
func (c *Client) Whoami(ctx context.Context) (who api.Whoami, err error) {
	_, err = c.do(ctx, call{method: http.MethodGet, path: api.WhoamiPath, out: &who})
	return who, err
}

// Grants yields the agent's grants, those that are over too, newest first: all
// of them, or with limit above 0 so many at most. It ends at the first error.
func (c *Client) Grants(ctx context.Context, limit int) iter.Seq2[api.Grant, error] {
	return func(yield func(api.Grant, error) bool) {
		for cursor, left := "", limit; ; {
			var page api.GrantPage
			path := api.GrantsPath + "?" + Filter{}.query(cursor, left).Encode()
			if _, err := c.do(ctx, call{method: http.MethodGet, path: path, out: &page}); err != nil {
				yield(api.Grant{}, err)
				return
			}
			for _, g := range page.Items {
				if left--; !yield(g, nil) || left == 0 {
					return
				}
			}
			if cursor = string(page.NextCursor); cursor == "" {
				return
			}
		}
	}
}

// Filter picks requests. The zero value picks all.
type Filter struct {
	States []api.State // none = any
	Max    int         // how many at most, 0 = all
}

// Requests yields the agent's requests, newest first. It ends at the first
// error.
func (c *Client) Requests(ctx context.Context, f Filter) iter.Seq2[api.Request, error] {
	return func(yield func(api.Request, error) bool) {
		for cursor, left := "", f.Max; ; {
			page, err := c.page(ctx, f.query(cursor, left))
			if err != nil {
				yield(api.Request{}, err)
				return
			}
			for _, r := range page.Items {
				if left--; !yield(r, nil) || left == 0 {
					return
				}
			}
			if cursor = string(page.NextCursor); cursor == "" {
				return
			}
		}
	}
}

func (f Filter) query(cursor string, left int) url.Values {
	q := url.Values{"limit": {strconv.Itoa(api.MaxLimit)}}
	if left > 0 {
		q.Set("limit", strconv.Itoa(min(left, api.MaxLimit)))
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	var states []string
	for _, s := range f.States {
		states = append(states, string(s))
	}
	if len(states) > 0 {
		q.Set("state", strings.Join(states, ","))
	}
	return q
}

func (c *Client) page(ctx context.Context, q url.Values) (p api.RequestPage, err error) {
	_, err = c.do(ctx, call{method: http.MethodGet, path: api.RequestsPath + "?" + q.Encode(), out: &p})
	return p, err
}
