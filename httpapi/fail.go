package httpapi

import (
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// fail answers a call that failed. Refusals are told as they are; of faults
// the caller learns only where the operator finds them.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var no *localhttp.Refusal
	var p *bridge.Problem
	switch {
	case errors.As(err, &no):
	case errors.As(err, &p):
		no = refusalOf(p)
	case r.Context().Err() != nil:
		return // nobody is there any more
	case errors.Is(err, bridge.ErrStoreUnavailable):
		h.storeIsAway(r, err)
		no = localhttp.Refuse(api.ProblemStoreUnavailable, "the bridge cannot reach its store now; %s", kept(err)).
			WithHint("send the same call again in a moment")
	default:
		no = h.internal(r, err)
	}
	no.Write(w)
}

// storeIsAway notes a call that the store has failed. Only the first on its
// route is logged.
func (h *handler) storeIsAway(r *http.Request, err error) {
	if h.outages.failed(r.Pattern) {
		h.log.WarnContext(r.Context(), "calls are refused: the store is away", "route", r.Pattern, "err", err)
	}
}

// answer answers a call for which the store was there.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, status int, v any) error {
	h.well(r)
	return localhttp.WriteJSON(w, status, v)
}

// well notes that the store is there: an outage of the route is over.
func (h *handler) well(r *http.Request) {
	if was, ok := h.outages.over(r.Pattern); ok {
		h.log.InfoContext(r.Context(), "calls are served again: the store is back", "route", r.Pattern, "refused", was.calls, "since", was.since)
	}
}

// internal logs a fault and refers to it.
func (h *handler) internal(r *http.Request, err error) *localhttp.Refusal {
	reference := rand.Text()[:8]
	h.log.ErrorContext(r.Context(), "a call failed", "reference", reference, "route", r.Pattern, "err", err)
	no := localhttp.Refuse(api.ProblemInternal, "the bridge failed; its log says why under %s", reference).
		WithHint("tell the operator %s", reference)
	no.Problem.Reference = reference
	return no
}

// refusalOf translates a refusal of the domain.
func refusalOf(p *bridge.Problem) *localhttp.Refusal {
	no := localhttp.Refuse(api.ProblemCode(p.Code), "%s", p.Detail)
	no.Problem.Hint = api.Optional(p.Hint)
	if p.RetryAfter > 0 {
		no.RetryAfter = p.RetryAfter
	}
	if p.Request != nil {
		now := requestOf(*p.Request)
		no.Problem.Request = &now
		if p.Code == bridge.ProblemGone {
			no.Problem.Retryable = p.Request.Outcome == nil || p.Request.Outcome.Retryable
		}
	}
	return no
}

// kept says what a store that is away has made of a call.
func kept(err error) string {
	if errors.Is(err, bridge.ErrInDoubt) {
		return "it is not known whether anything was changed"
	}
	return "nothing was changed"
}
