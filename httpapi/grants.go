package httpapi

import (
	"net/http"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// grants serves GET /v1/grants.
func (h *handler) grants(w http.ResponseWriter, r *http.Request, agent bridge.Agent) error {
	q, err := readQuery(r, "limit", "cursor")
	if err != nil {
		return err
	}
	limit, err := readLimit(q)
	if err != nil {
		return err
	}
	before, err := readCursor[bridge.GrantID](q, grantWord)
	if err != nil {
		return err
	}
	grants, next, err := h.desk.Grants(r.Context(), agent.Name, before, limit)
	if err != nil {
		return err
	}
	page := api.GrantPage{Items: make([]api.Grant, 0, len(grants)), NextCursor: cursor(next)}
	for _, g := range grants {
		page.Items = append(page.Items, grantOf(g))
	}
	return h.answer(w, r, http.StatusOK, page)
}

// giveUp serves DELETE /v1/grants/{id}.
func (h *handler) giveUp(w http.ResponseWriter, r *http.Request, agent bridge.Agent) error {
	id := bridge.GrantID(r.PathValue("id"))
	if !looksLike(grantWord, id) {
		return localhttp.Refuse(api.ProblemNotFound, "there is no such grant, or it is not yours").
			WithHint("the id of a grant begins with grt_; GET %s lists yours", api.GrantsPath)
	}
	if err := nothingMore(w, r); err != nil {
		return err
	}
	g, err := h.desk.GiveUp(r.Context(), agent.Name, id)
	if err != nil {
		return err
	}
	return h.answer(w, r, http.StatusOK, grantOf(g))
}
