package admin

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/authbridge/authbridge/api"
)

// The routes of the operator's hand. The first four answer GET with a page that
// holds up to "limit" after "cursor", oldest first, but for issuers: all of
// those, and the last first. The others take what they are about by POST.
const (
	RequestsPath    = "/v1/requests"    // that are open
	GrantsPath      = "/v1/grants"      // that are not over
	SuspensionsPath = "/v1/suspensions" // of agents, by humans
	IssuersPath     = "/v1/issuers"     // that resources named and nobody has listed
	RevokePath      = "/v1/revoke"      // a request or a grant; answers with [Taken]
	ReleasePath     = "/v1/release"     // a request from its claim; answers with the [Request]
	LiftPath        = "/v1/lift"        // a suspension; answers with [Lifted]
)

// Request is somebody's request, as the operator sees it.
type Request struct {
	ID        string       `json:"id"`
	State     string       `json:"state"`
	Agent     string       `json:"agent"`
	Session   api.Optional `json:"session"`
	Human     api.Optional `json:"human"`
	Team      api.Optional `json:"team"`
	ClaimedBy api.Optional `json:"claimed_by"`
	Provider  api.Optional `json:"provider"`
	Issuer    api.Optional `json:"issuer"`
	Resource  api.Optional `json:"resource"`
	Scopes    []string     `json:"scopes"`
	CreatedAt time.Time    `json:"created_at"`
	ExpiresAt time.Time    `json:"expires_at"`
	Outcome   api.Optional `json:"outcome"` // null while it is open
	Grant     api.Optional `json:"grant"`
}

// Grant is what some human gave some agent, as the operator sees it.
type Grant struct {
	ID         string       `json:"id"`
	State      string       `json:"state"`
	Agent      string       `json:"agent"`
	Session    api.Optional `json:"session"`
	Human      api.Optional `json:"human"`
	Team       api.Optional `json:"team"`
	Provider   api.Optional `json:"provider"`
	Issuer     api.Optional `json:"issuer"`
	Resource   api.Optional `json:"resource"`
	Scopes     []string     `json:"scopes"`
	Account    api.Optional `json:"account"`
	Request    api.Optional `json:"request"` // the one that led to it; it may be forgotten
	CreatedAt  time.Time    `json:"created_at"`
	LastUsedAt *time.Time   `json:"last_used_at"`
	ReuseUntil time.Time    `json:"reuse_until"`
	Revocation string       `json:"revocation"`
}

// Suspension is an agent that may not ask a human.
type Suspension struct {
	Agent string    `json:"agent"`
	Human string    `json:"human"`
	Since time.Time `json:"since"`
}

// Issuer is one that a resource named and that the operator has not listed for
// it, so that it was refused.
type Issuer struct {
	Issuer   string    `json:"issuer"`
	Resource string    `json:"resource"`
	Agent    string    `json:"agent"` // who asked
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"` // to the hour
}

// Page is one page of a list.
type Page[T any] struct {
	Items      []T          `json:"items"`
	NextCursor api.Optional `json:"next_cursor"` // null on the last page
}

// Taken is what was revoked, as it is then. One of the two may be null.
type Taken struct {
	Request *Request `json:"request"`
	Grant   *Grant   `json:"grant"`
	Changed bool     `json:"changed"` // else it was over already
}

// Lifted says whether an agent was barred from a human until now.
type Lifted struct {
	Agent  string `json:"agent"`
	Human  string `json:"human"`
	Lifted bool   `json:"lifted"`
}

// handAsk names what an act is about.
type handAsk struct {
	ID    string `json:"id,omitempty"`
	Agent string `json:"agent,omitempty"`
	Human string `json:"human,omitempty"`
}

// Requests yields everybody's open requests, oldest first, and ends at the
// first error.
func (c Client) Requests(ctx context.Context) iter.Seq2[Request, error] {
	return paged[Request](ctx, c, RequestsPath)
}

// Grants yields everybody's grants that are not over, likewise.
func (c Client) Grants(ctx context.Context) iter.Seq2[Grant, error] {
	return paged[Grant](ctx, c, GrantsPath)
}

// Issuers yields the issuers that resources named and nobody has listed, those
// that were named last first.
func (c Client) Issuers(ctx context.Context) iter.Seq2[Issuer, error] {
	return paged[Issuer](ctx, c, IssuersPath)
}

// Suspensions yields which agents may not ask which humans, in no order.
func (c Client) Suspensions(ctx context.Context) iter.Seq2[Suspension, error] {
	return paged[Suspension](ctx, c, SuspensionsPath)
}

func paged[T any](ctx context.Context, c Client, path string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := ""; ; {
			q := url.Values{"limit": {strconv.Itoa(pageOfClient)}}
			if cursor != "" {
				q.Set("cursor", cursor)
			}
			var page Page[T]
			if err := c.call(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &page); err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, v := range page.Items {
				if !yield(v, nil) {
					return
				}
			}
			if cursor = string(page.NextCursor); cursor == "" {
				return
			}
		}
	}
}

// pageOfClient is how many the client asks for at once.
const pageOfClient = 200

// Revoke ends a grant, or a request and what it has led to, by its id. The
// errors are those of package client: a [*client.Problem], with not_found for
// an id that never was, or a [*client.NoBridge].
func (c Client) Revoke(ctx context.Context, id string) (done Taken, err error) {
	return done, c.call(ctx, http.MethodPost, RevokePath, handAsk{ID: id}, &done)
}

// Release ends the claim of a team's request.
func (c Client) Release(ctx context.Context, id string) (r Request, err error) {
	return r, c.call(ctx, http.MethodPost, ReleasePath, handAsk{ID: id}, &r)
}

// Lift lets an agent ask a human again.
func (c Client) Lift(ctx context.Context, agent, human string) (done Lifted, err error) {
	return done, c.call(ctx, http.MethodPost, LiftPath, handAsk{Agent: agent, Human: human}, &done)
}
