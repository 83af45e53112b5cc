package admin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// hand is a bridge with so many requests, grants and suspensions.
type hand struct {
	t        *testing.T
	requests []bridge.Request
	grants   []bridge.Grant
	barred   []bridge.Suspension
	unlisted []bridge.UnlistedIssuer
	fault    error
	acts     []string // what was done, and by whom
}

func newHand(t *testing.T, n int) *hand {
	h := &hand{t: t}
	for i := range n {
		at := until.Add(time.Duration(i) * time.Second)
		h.requests = append(h.requests, bridge.Request{
			ID: bridge.NewRequestID(at), State: bridge.Coded, Agent: "helper", Human: "alice", Team: "oncall", ClaimedBy: "alice",
			Target: bridge.Target{Provider: "corp", Issuer: "https://login.example.com"}, Scopes: []string{"files:read"}, CreatedAt: at, ExpiresAt: at.Add(time.Hour),
		})
		h.grants = append(h.grants, bridge.Grant{
			ID: bridge.NewGrantID(at), State: bridge.GrantLive, Key: bridge.GrantKey{Agent: "helper", Session: "s1", Human: "alice", Provider: "corp"},
			Human: "alice", Request: h.requests[i].ID, Issuer: "https://login.example.com", Account: "alice@example.com", Scopes: []string{"files:read"},
			CreatedAt: at, ReuseUntil: at.Add(time.Hour), Revocation: bridge.RevocationNone,
		})
		h.unlisted = append(h.unlisted, bridge.UnlistedIssuer{
			Issuer: "https://other.example.com", Resource: "https://files.example.com/mcp", Agent: "helper", First: at.Add(-time.Hour), Last: at,
		})
		h.barred = append(h.barred, bridge.Suspension{Agent: "helper", Human: fmt.Sprint("human", i), Since: at})
	}
	return h
}

func (h *hand) limited(limit int) {
	if limit < 1 || limit > 1000 {
		h.t.Errorf("a page of %d was asked for", limit)
	}
}

func (h *hand) OpenRequests(_ context.Context, after bridge.RequestID, limit int) (page []bridge.Request, next bridge.RequestID, err error) {
	h.limited(limit)
	for _, r := range h.requests {
		switch {
		case r.ID <= after:
		case len(page) == limit:
			return page, page[limit-1].ID, h.fault
		default:
			page = append(page, r)
		}
	}
	return page, "", h.fault
}

func (h *hand) CurrentGrants(_ context.Context, after bridge.GrantID, limit int) (page []bridge.Grant, next bridge.GrantID, err error) {
	h.limited(limit)
	for _, g := range h.grants {
		switch {
		case g.ID <= after:
		case len(page) == limit:
			return page, page[limit-1].ID, h.fault
		default:
			page = append(page, g)
		}
	}
	return page, "", h.fault
}

func (h *hand) Suspensions(_ context.Context, without, limit int) ([]bridge.Suspension, bool, error) {
	h.limited(limit)
	rest := h.barred[min(without, len(h.barred)):]
	if len(rest) > limit {
		return rest[:limit], true, h.fault
	}
	return rest, false, h.fault
}

func (h *hand) UnlistedIssuers(context.Context) ([]bridge.UnlistedIssuer, error) {
	return h.unlisted, h.fault
}

func (h *hand) act(what string, by bridge.Actor, of string) {
	h.acts = append(h.acts, fmt.Sprintf("%s %s by %s %s", what, of, by.Kind, by.Name))
}

func (h *hand) TakeGrant(_ context.Context, by bridge.Actor, id bridge.GrantID) (bridge.Taken, error) {
	h.act("take", by, string(id))
	for _, g := range h.grants {
		if g.ID == id {
			g.State, g.Revocation = bridge.GrantRevoked, bridge.RevocationPending
			return bridge.Taken{Grant: &g, Changed: true}, h.fault
		}
	}
	return bridge.Taken{}, bridge.ErrNotFound
}

func (h *hand) TakeRequest(_ context.Context, by bridge.Actor, id bridge.RequestID) (bridge.Taken, error) {
	h.act("take", by, string(id))
	for _, r := range h.requests {
		if r.ID == id {
			r.State, r.Outcome = bridge.Cancelled, &bridge.Outcome{Code: bridge.OutcomePolicyChanged}
			return bridge.Taken{Request: &r, Changed: true}, h.fault
		}
	}
	return bridge.Taken{}, bridge.ErrNotFound
}

func (h *hand) Release(_ context.Context, by bridge.Actor, id bridge.RequestID) (bridge.Request, error) {
	h.act("release", by, string(id))
	for _, r := range h.requests {
		if r.ID == id && r.ClaimedBy == "" {
			return r, &bridge.Problem{Code: bridge.ProblemInvalidRequest, Detail: "there is no claim to release"}
		}
		if r.ID == id {
			r.ClaimedBy = ""
			return r, h.fault
		}
	}
	return bridge.Request{}, bridge.ErrNotFound
}

func (h *hand) Lift(_ context.Context, by bridge.Actor, agent, human string) (bool, error) {
	h.act("lift", by, agent+" "+human)
	if human == "nobody" {
		return false, bridge.ErrNotFound
	}
	return human == "human0", h.fault
}

var _ admin.Hand = (*bridge.Bridge)(nil)

// served puts a hand behind a socket.
func served(t *testing.T, h *hand) admin.Client {
	t.Helper()
	c := admin.Client{Socket: filepath.Join(t.TempDir(), "admin.sock")}
	l, err := localhttp.Listen(t.Context(), c.Socket, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: admin.New(admin.Options{Hand: h}), ConnContext: localhttp.ConnContext}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return c
}

// Lists of any length come whole, each thing once.
func TestTheOperatorsListsArePaged(t *testing.T) {
	h := newHand(t, 450)
	c := served(t, h)
	n := 0
	for r, err := range c.Requests(t.Context()) {
		if err != nil || r.ID != string(h.requests[n].ID) {
			t.Fatalf("request %d: %s, %v", n, r.ID, err)
		}
		n++
	}
	m := 0
	for g, err := range c.Grants(t.Context()) {
		if err != nil || g.ID != string(h.grants[m].ID) {
			t.Fatalf("grant %d: %s, %v", m, g.ID, err)
		}
		m++
	}
	k := 0
	for s, err := range c.Suspensions(t.Context()) {
		if err != nil || s.Human != h.barred[k].Human {
			t.Fatalf("suspension %d: %s, %v", k, s.Human, err)
		}
		k++
	}
	if n != 450 || m != 450 || k != 450 {
		t.Errorf("%d requests, %d grants, %d suspensions", n, m, k)
	}
}

func TestWhatTheOperatorIsShown(t *testing.T) {
	h := newHand(t, 1)
	me := uint32(os.Geteuid())
	for path, want := range map[string]string{
		admin.RequestsPath: `{"items":[{"id":"` + string(h.requests[0].ID) + `","state":"coded","agent":"helper","session":null,"human":"alice","team":"oncall","claimed_by":"alice",` +
			`"provider":"corp","issuer":"https://login.example.com","resource":null,"scopes":["files:read"],"created_at":"2026-01-02T02:04:05Z","expires_at":"2026-01-02T03:04:05Z","outcome":null,"grant":null}],"next_cursor":null}`,
		admin.GrantsPath: `{"items":[{"id":"` + string(h.grants[0].ID) + `","state":"live","agent":"helper","session":"s1","human":"alice","team":null,"provider":"corp","issuer":"https://login.example.com",` +
			`"resource":null,"scopes":["files:read"],"account":"alice@example.com","request":"` + string(h.requests[0].ID) + `","created_at":"2026-01-02T02:04:05Z","last_used_at":null,"reuse_until":"2026-01-02T03:04:05Z","revocation":"none"}],"next_cursor":null}`,
		admin.SuspensionsPath: `{"items":[{"agent":"helper","human":"human0","since":"2026-01-02T02:04:05Z"}],"next_cursor":null}`,
		admin.IssuersPath:     `{"items":[{"issuer":"https://other.example.com","resource":"https://files.example.com/mcp","agent":"helper","first":"2026-01-02T01:04:05Z","last":"2026-01-02T02:04:05Z"}],"next_cursor":null}`,
	} {
		w := do(t, admin.New(admin.Options{Hand: h}), call{method: http.MethodGet, path: path, uid: me})
		if w.Code != http.StatusOK || w.Body.String() != want+"\n" {
			t.Errorf("%s: status %d, %s\nwant %s", path, w.Code, w.Body, want)
		}
	}
}

func TestWhatTheOperatorDoesIsDoneInTheirName(t *testing.T) {
	h := newHand(t, 1)
	c := served(t, h)
	request, grant := string(h.requests[0].ID), string(h.grants[0].ID)
	if done, err := c.Revoke(t.Context(), grant); err != nil || !done.Changed || done.Grant.State != "revoked" || done.Request != nil {
		t.Errorf("revoke a grant: %+v, %v", done, err)
	}
	if done, err := c.Revoke(t.Context(), request); err != nil || done.Request.Outcome != "policy_changed" || done.Grant != nil {
		t.Errorf("revoke a request: %+v, %v", done, err)
	}
	if r, err := c.Release(t.Context(), request); err != nil || r.ClaimedBy != "" {
		t.Errorf("release: %+v, %v", r, err)
	}
	if done, err := c.Lift(t.Context(), "helper", "human0"); err != nil || !done.Lifted {
		t.Errorf("lift: %+v, %v", done, err)
	}
	if done, err := c.Lift(t.Context(), "helper", "alice"); err != nil || done.Lifted {
		t.Errorf("lift what is not there: %+v, %v", done, err)
	}
	me := fmt.Sprintf(" by operator uid %d", os.Geteuid())
	want := []string{"take " + grant, "take " + request, "release " + request, "lift helper human0", "lift helper alice"}
	for i, act := range h.acts {
		if act != want[i]+me {
			t.Errorf("act %d: %q, want %q", i, act, want[i]+me)
		}
	}
}

func TestWhatTheOperatorCannotDo(t *testing.T) {
	h := newHand(t, 1)
	h.requests[0].ClaimedBy = ""
	c := served(t, h)
	for name, do := range map[string]struct {
		act  func() error
		code api.ProblemCode
		says string
	}{
		"a grant that never was":    {func() error { _, err := c.Revoke(t.Context(), "grt_x"); return err }, api.ProblemNotFound, "there is no grt_x"},
		"a request that never was":  {func() error { _, err := c.Revoke(t.Context(), "req_x"); return err }, api.ProblemNotFound, "there is no req_x"},
		"no id at all":              {func() error { _, err := c.Revoke(t.Context(), ""); return err }, api.ProblemInvalidRequest, "id of no grant"},
		"the id of something else":  {func() error { _, err := c.Revoke(t.Context(), "alice"); return err }, api.ProblemInvalidRequest, "id of no grant"},
		"a claim that nobody holds": {func() error { _, err := c.Release(t.Context(), string(h.requests[0].ID)); return err }, api.ProblemInvalidRequest, "no claim"},
		"a claim of nothing":        {func() error { _, err := c.Release(t.Context(), "req_x"); return err }, api.ProblemNotFound, "there is no req_x"},
		"a grant is never claimed":  {func() error { _, err := c.Release(t.Context(), "grt_x"); return err }, api.ProblemInvalidRequest, "id of no request"},
		"nobody to be asked again":  {func() error { _, err := c.Lift(t.Context(), "helper", ""); return err }, api.ProblemInvalidRequest, "to be named"},
		"somebody who is not there": {func() error { _, err := c.Lift(t.Context(), "helper", "nobody"); return err }, api.ProblemNotFound, "no such agent"},
		"an agent without any name": {func() error { _, err := c.Lift(t.Context(), "", "alice"); return err }, api.ProblemInvalidRequest, "to be named"},
	} {
		err := do.act()
		if client.CodeOf(err) != do.code || !strings.Contains(fmt.Sprint(err), do.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.fault = errors.New("disk full")
	if _, err := c.Revoke(t.Context(), string(h.grants[0].ID)); client.CodeOf(err) != api.ProblemInternal || strings.Contains(fmt.Sprint(err), "disk") {
		t.Errorf("a fault: %v", err)
	}
	for _, err := range c.Requests(t.Context()) {
		if client.CodeOf(err) != api.ProblemInternal {
			t.Errorf("a list that fails: %v", err)
		}
	}
}

func TestBadCallsOfTheHand(t *testing.T) {
	h := newHand(t, 1)
	me := uint32(os.Geteuid())
	for name, c := range map[string]call{
		"a limit of none":        {method: "GET", path: admin.RequestsPath + "?limit=0"},
		"a limit of too much":    {method: "GET", path: admin.GrantsPath + "?limit=1001"},
		"a limit of no number":   {method: "GET", path: admin.GrantsPath + "?limit=x"},
		"an empty cursor":        {method: "GET", path: admin.RequestsPath + "?cursor="},
		"a long cursor":          {method: "GET", path: admin.RequestsPath + "?cursor=" + strings.Repeat("x", 65)},
		"a cursor of no number":  {method: "GET", path: admin.SuspensionsPath + "?cursor=req_1"},
		"a cursor below nothing": {method: "GET", path: admin.SuspensionsPath + "?cursor=-1"},
		"another parameter":      {method: "GET", path: admin.RequestsPath + "?state=asked"},
		"a parameter twice":      {method: "GET", path: admin.RequestsPath + "?limit=1&limit=2"},
		"a query of no form":     {method: "GET", path: admin.RequestsPath + "?limit=%zz"},
		"a parameter of an act":  {method: "POST", path: admin.RevokePath + "?id=grt_1", body: `{"id":"grt_1"}`},
		"an unknown member":      {method: "POST", path: admin.RevokePath, body: `{"grant":"grt_1"}`},
		"no body":                {method: "POST", path: admin.LiftPath},
	} {
		c.uid = me
		problem(t, do(t, admin.New(admin.Options{Hand: h}), c), api.ProblemInvalidRequest, 400)
		if len(h.acts) != 0 {
			t.Errorf("%s: %v", name, h.acts)
		}
	}
	for _, path := range []string{admin.RequestsPath, admin.RevokePath, admin.ReleasePath, admin.LiftPath, admin.GrantsPath, admin.SuspensionsPath, admin.IssuersPath} {
		problem(t, do(t, admin.New(admin.Options{Hand: h}), call{method: "PUT", path: path, uid: me}), api.ProblemInvalidRequest, 405)
		problem(t, do(t, admin.New(admin.Options{Hand: h}), call{method: "POST", path: path, uid: me + 1, body: `{"id":"grt_1"}`}), api.ProblemNotAllowed, 403)
	}
	if len(h.acts) != 0 {
		t.Errorf("acts: %v", h.acts)
	}
}
