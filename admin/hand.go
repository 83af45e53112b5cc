package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// Hand is the operator's hand on everybody's requests, grants and suspensions.
// [*bridge.Bridge] is one. Pages are oldest first; what an act needs and is not
// there is [bridge.ErrNotFound].
type Hand interface {
	OpenRequests(ctx context.Context, after bridge.RequestID, limit int) (page []bridge.Request, next bridge.RequestID, err error)
	CurrentGrants(ctx context.Context, after bridge.GrantID, limit int) (page []bridge.Grant, next bridge.GrantID, err error)
	Suspensions(ctx context.Context, without, limit int) (page []bridge.Suspension, more bool, err error)
	// UnlistedIssuers are a few, those that were named last first.
	UnlistedIssuers(ctx context.Context) ([]bridge.UnlistedIssuer, error)

	// TakeGrant revokes a grant, and TakeRequest ends a request and what it
	// has led to.
	TakeGrant(ctx context.Context, by bridge.Actor, id bridge.GrantID) (bridge.Taken, error)
	TakeRequest(ctx context.Context, by bridge.Actor, id bridge.RequestID) (bridge.Taken, error)
	// Release ends a claim; without one it is a [*bridge.Problem].
	Release(ctx context.Context, by bridge.Actor, id bridge.RequestID) (bridge.Request, error)
	// Lift lets an agent ask a human again. It reports whether it was barred.
	Lift(ctx context.Context, by bridge.Actor, agent, human string) (bool, error)
}

// maxPage is how many one page may hold.
const maxPage = 1000

// requests serves GET /v1/requests.
func (h *handler) requests(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := readPage(r)
	if err != nil {
		return err
	}
	found, next, err := h.hand.OpenRequests(r.Context(), bridge.RequestID(cursor), limit)
	return answerPage(w, found, requestOf, string(next), err)
}

// grants serves GET /v1/grants.
func (h *handler) grants(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := readPage(r)
	if err != nil {
		return err
	}
	found, next, err := h.hand.CurrentGrants(r.Context(), bridge.GrantID(cursor), limit)
	return answerPage(w, found, grantOf, string(next), err)
}

// suspensions serves GET /v1/suspensions. Its cursor is how many came before.
func (h *handler) suspensions(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := readPage(r)
	if err != nil {
		return err
	}
	without := 0
	if cursor != "" {
		if without, err = strconv.Atoi(cursor); err != nil || without < 0 {
			return badCursor()
		}
	}
	found, more, err := h.hand.Suspensions(r.Context(), without, limit)
	next := ""
	if more {
		next = strconv.Itoa(without + len(found))
	}
	return answerPage(w, found, func(s bridge.Suspension) Suspension { return Suspension{s.Agent, s.Human, s.Since.UTC()} }, next, err)
}

// issuers serves GET /v1/issuers: one page holds them all.
func (h *handler) issuers(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := readPage(r); err != nil {
		return err
	}
	found, err := h.hand.UnlistedIssuers(r.Context())
	return answerPage(w, found, func(u bridge.UnlistedIssuer) Issuer {
		return Issuer{u.Issuer, u.Resource, u.Agent, u.First.UTC(), u.Last.UTC()}
	}, "", err)
}

// readPage reads which page is wanted.
func readPage(r *http.Request) (cursor string, limit int, err error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", 0, localhttp.Refuse(api.ProblemInvalidRequest, "the query cannot be read")
	}
	for name, values := range q {
		if name != "cursor" && name != "limit" || len(values) > 1 {
			return "", 0, localhttp.Refuse(api.ProblemInvalidRequest, "this route has no parameter %q, or has it once", name[:min(len(name), 100)])
		}
	}
	limit = maxPage
	if q.Has("limit") {
		if limit, err = strconv.Atoi(q.Get("limit")); err != nil || limit < 1 || limit > maxPage {
			return "", 0, localhttp.Refuse(api.ProblemInvalidRequest, "the limit has to be a number from 1 to %d", maxPage)
		}
	}
	if cursor = q.Get("cursor"); len(cursor) > 64 || q.Has("cursor") && cursor == "" {
		return "", 0, badCursor()
	}
	return cursor, limit, nil
}

func badCursor() error {
	return localhttp.Refuse(api.ProblemInvalidRequest, "this is no cursor").
		WithHint("take it from next_cursor of the page before, or leave it out")
}

func answerPage[From, To any](w http.ResponseWriter, found []From, shown func(From) To, next string, err error) error {
	if err != nil {
		return err
	}
	page := Page[To]{Items: make([]To, 0, len(found)), NextCursor: api.Optional(next)}
	for _, v := range found {
		page.Items = append(page.Items, shown(v))
	}
	return localhttp.WriteJSON(w, http.StatusOK, page)
}

// revoke serves POST /v1/revoke.
func (h *handler) revoke(w http.ResponseWriter, r *http.Request) error {
	ask, err := readHand(w, r)
	if err != nil {
		return err
	}
	var done bridge.Taken
	switch {
	case strings.HasPrefix(ask.ID, "grt_"):
		done, err = h.hand.TakeGrant(r.Context(), operatorOf(r), bridge.GrantID(ask.ID))
	case strings.HasPrefix(ask.ID, "req_"):
		done, err = h.hand.TakeRequest(r.Context(), operatorOf(r), bridge.RequestID(ask.ID))
	default:
		return localhttp.Refuse(api.ProblemInvalidRequest, "this is the id of no grant and of no request").WithHint("the ids begin with grt_ and req_")
	}
	if err != nil {
		return named(err, ask.ID)
	}
	answer := Taken{Changed: done.Changed}
	if done.Request != nil {
		one := requestOf(*done.Request)
		answer.Request = &one
	}
	if done.Grant != nil {
		one := grantOf(*done.Grant)
		answer.Grant = &one
	}
	return localhttp.WriteJSON(w, http.StatusOK, answer)
}

// release serves POST /v1/release.
func (h *handler) release(w http.ResponseWriter, r *http.Request) error {
	ask, err := readHand(w, r)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(ask.ID, "req_") {
		return localhttp.Refuse(api.ProblemInvalidRequest, "this is the id of no request").WithHint("the ids begin with req_")
	}
	released, err := h.hand.Release(r.Context(), operatorOf(r), bridge.RequestID(ask.ID))
	if err != nil {
		return named(err, ask.ID)
	}
	return localhttp.WriteJSON(w, http.StatusOK, requestOf(released))
}

// lift serves POST /v1/lift.
func (h *handler) lift(w http.ResponseWriter, r *http.Request) error {
	ask, err := readHand(w, r)
	if err != nil {
		return err
	}
	if ask.Agent == "" || ask.Human == "" {
		return localhttp.Refuse(api.ProblemInvalidRequest, "an agent and a human are to be named").WithHint(`send {"agent": NAME, "human": NAME}`)
	}
	lifted, err := h.hand.Lift(r.Context(), operatorOf(r), ask.Agent, ask.Human)
	if errors.Is(err, bridge.ErrNotFound) {
		return localhttp.Refuse(api.ProblemNotFound, "there is no such agent, or no such human").
			WithHint("the names are those of the configuration; authbridge admin list shows who may not ask whom")
	}
	if err != nil {
		return err
	}
	return localhttp.WriteJSON(w, http.StatusOK, Lifted{ask.Agent, ask.Human, lifted})
}

// readHand reads what an act is about.
func readHand(w http.ResponseWriter, r *http.Request) (ask handAsk, err error) {
	if r.URL.RawQuery != "" {
		return ask, localhttp.Refuse(api.ProblemInvalidRequest, "this route has no parameters")
	}
	return ask, localhttp.ReadJSON(w, r, &ask)
}

// named says of what is not there which it was.
func named(err error, id string) error {
	if errors.Is(err, bridge.ErrNotFound) {
		return localhttp.Refuse(api.ProblemNotFound, "there is no %s, or it is forgotten", id[:min(len(id), 40)]).
			WithHint("authbridge admin list shows what there is")
	}
	return err
}

func requestOf(r bridge.Request) Request {
	shown := Request{
		ID: string(r.ID), State: string(r.State), Agent: r.Agent, Session: api.Optional(r.Session),
		Human: api.Optional(r.Human), Team: api.Optional(r.Team), ClaimedBy: api.Optional(r.ClaimedBy),
		Provider: api.Optional(r.Target.Provider), Issuer: api.Optional(r.Target.Issuer), Resource: api.Optional(r.Target.Resource),
		Scopes: list(r.Scopes), CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), Grant: api.Optional(r.Grant),
	}
	if r.Outcome != nil {
		shown.Outcome = api.Optional(r.Outcome.Code)
	}
	return shown
}

func grantOf(g bridge.Grant) Grant {
	shown := Grant{
		ID: string(g.ID), State: string(g.State), Agent: g.Key.Agent, Session: api.Optional(g.Key.Session),
		Human: api.Optional(g.Human), Team: api.Optional(g.Key.Team), Provider: api.Optional(g.Key.Provider),
		Issuer: api.Optional(g.Issuer), Resource: api.Optional(g.Key.Resource), Scopes: list(g.Scopes), Account: api.Optional(g.Account),
		Request: api.Optional(g.Request), CreatedAt: g.CreatedAt.UTC(), ReuseUntil: g.ReuseUntil.UTC(), Revocation: string(g.Revocation),
	}
	if !g.LastUsedAt.IsZero() {
		used := g.LastUsedAt.UTC()
		shown.LastUsedAt = &used
	}
	return shown
}

// list is never null on the wire.
func list(all []string) []string { return slices.Concat([]string{}, all) }
