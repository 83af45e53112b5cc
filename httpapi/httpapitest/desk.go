package httpapitest

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// Desk keeps requests in memory, and fails the test when it is called in a
// way that the bridge may rely on not to happen. All methods are safe for
// concurrent use.
type Desk struct {
	t testing.TB

	mu       sync.Mutex
	agents   []bridge.Agent
	requests []bridge.Request // oldest first
	grants   []bridge.Grant   // oldest first
	tokens   map[bridge.RequestID]bridge.Token
	keys     map[string]key
	asks     []bridge.Ask
	fault    error
	live     *bridge.Token
	calls    int
	changed  chan struct{}   // closed at the next change
	changes  []bridge.Change // all of them, as things were then
	life     int             // of the cursors
}

type key struct {
	body [32]byte
	id   bridge.RequestID
}

// NewDesk returns a desk that knows these agents.
func NewDesk(t testing.TB, agents ...bridge.Agent) *Desk {
	d := &Desk{
		t: t, agents: agents, tokens: make(map[bridge.RequestID]bridge.Token),
		keys: make(map[string]key), changed: make(chan struct{}),
	}
	return d
}

// Fail makes every call from now on end with this error; nil repairs it.
func (d *Desk) Fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = err
}

// Serve makes the next new ask be served from a live grant.
func (d *Desk) Serve(token bridge.Token) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.live = &token
}

// Asks returns what was asked so far, also when it was refused.
func (d *Desk) Asks() []bridge.Ask {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asks)
}

// Calls counts the calls about requests so far.
func (d *Desk) Calls() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// Put adds a request as it is.
func (d *Desk) Put(r bridge.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests = append(d.requests, r)
	d.tell(bridge.Change{Request: &r})
	slices.SortFunc(d.requests, func(a, b bridge.Request) int { return cmp.Compare(a.ID, b.ID) })
}

// Change changes a request, and wakes who waits for it.
func (d *Desk) Change(id bridge.RequestID, change func(*bridge.Request)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.change(id, change)
}

func (d *Desk) change(id bridge.RequestID, change func(*bridge.Request)) {
	i := slices.IndexFunc(d.requests, func(r bridge.Request) bool { return r.ID == id })
	if i < 0 {
		d.t.Errorf("change a request that is not there: %s", id)
		return
	}
	change(&d.requests[i])
	d.requests[i].Version++
	d.requests[i].UpdatedAt = time.Now().UTC()
	now := d.requests[i]
	d.tell(bridge.Change{Request: &now})
}

// PutGrant adds a grant as it is, or changes it.
func (d *Desk) PutGrant(g bridge.Grant) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.putGrant(g)
}

func (d *Desk) putGrant(g bridge.Grant) {
	d.grants = slices.DeleteFunc(d.grants, func(old bridge.Grant) bool { return old.ID == g.ID })
	d.grants = append(d.grants, g)
	slices.SortFunc(d.grants, func(a, b bridge.Grant) int { return cmp.Compare(a.ID, b.ID) })
	d.tell(bridge.Change{Grant: &g})
}

// Grants reads a page.
func (d *Desk) Grants(_ context.Context, agent string, before bridge.GrantID, limit int) (page []bridge.Grant, next bridge.GrantID, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	d.known(agent)
	if limit < 1 || limit > 200 {
		d.t.Errorf("a page of %d was asked for", limit)
	}
	if d.fault != nil {
		return nil, "", d.fault
	}
	for _, g := range slices.Backward(d.grants) {
		switch {
		case g.Key.Agent != agent || before != "" && g.ID >= before:
		case len(page) == limit:
			return page, page[limit-1].ID, nil
		default:
			page = append(page, g)
		}
	}
	return page, "", nil
}

// GiveUp ends a grant that is not over, and the provider is told at once.
func (d *Desk) GiveUp(_ context.Context, agent string, id bridge.GrantID) (bridge.Grant, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	d.known(agent)
	if d.fault != nil {
		return bridge.Grant{}, d.fault
	}
	for _, g := range d.grants {
		if g.ID != id || g.Key.Agent != agent {
			continue
		}
		if !g.State.Over() {
			g.State, g.Revocation = bridge.GrantRevoked, bridge.RevocationPending
			d.putGrant(g)
		}
		return g, nil
	}
	return bridge.Grant{}, &bridge.Problem{Code: bridge.ProblemNotFound, Detail: "there is no such grant, or it is not yours"}
}

// tell wakes who waits.
func (d *Desk) tell(c bridge.Change) {
	d.changes = append(d.changes, c)
	close(d.changed)
	d.changed = make(chan struct{})
}

// Rename makes a user another agent, and the one before unknown.
func (d *Desk) Rename(uid uint32, name string) {
	d.edit(func(a *bridge.Agent) {
		if a.UID != nil && *a.UID == uid {
			a.Name = name
		}
	})
}

// edit changes agents.
func (d *Desk) edit(change func(*bridge.Agent)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agents = slices.Clone(d.agents)
	for i := range d.agents {
		change(&d.agents[i])
	}
}

// Forget makes every cursor so far one that nobody knows.
func (d *Desk) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.life++
}

// Grant grants a request, with its token.
func (d *Desk) Grant(id bridge.RequestID, token bridge.Token) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tokens[id] = token
	d.change(id, func(r *bridge.Request) { r.State, r.Grant, r.CodeExpiresAt = bridge.Granted, token.Grant, time.Time{} })
}

// End ends a request.
func (d *Desk) End(id bridge.RequestID, state bridge.State, outcome bridge.Outcome) {
	d.Change(id, func(r *bridge.Request) { r.State, r.Outcome = state, &outcome })
}

// AgentByUID finds an agent.
func (d *Desk) AgentByUID(uid uint32) (bridge.Agent, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.agents {
		if a.UID != nil && *a.UID == uid {
			return a, true
		}
	}
	return bridge.Agent{}, false
}

// AgentByKey finds an agent.
func (d *Desk) AgentByKey(key bridge.Secret) (bridge.Agent, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.agents {
		if !a.KeyHash.IsZero() && a.KeyHash == bridge.HashKey(key) {
			return a, true
		}
	}
	return bridge.Agent{}, false
}

// Rekey replaces the key of an agent.
func (d *Desk) Rekey(name string, hash bridge.KeyHash) {
	d.edit(func(a *bridge.Agent) {
		if a.Name == name {
			a.KeyHash = hash
		}
	})
}

// Whoami says that there are two providers, and one team.
func (d *Desk) Whoami(agent bridge.Agent) bridge.Standing {
	return bridge.Standing{Agent: agent, Teams: []string{"oncall"}, Providers: []string{"corp", "github"}}
}

// Ask makes a request of every ask, unless it came with a key before, is the
// same as an open one, or a grant serves it.
func (d *Desk) Ask(_ context.Context, agent bridge.Agent, ask bridge.Ask) (bridge.Request, bridge.Reply, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	d.asks = append(d.asks, ask)
	d.known(agent.Name)
	if (ask.IdempotencyKey == "") != (ask.Body == [32]byte{}) {
		d.t.Error("an idempotency key comes with the hash of its body, and no key with none")
	}
	if d.fault != nil {
		return bridge.Request{}, 0, d.fault
	}
	if before, ok := d.keys[ask.IdempotencyKey]; ok {
		if before.body != ask.Body {
			return bridge.Request{}, 0, &bridge.Problem{Code: bridge.ProblemIdempotencyConflict, Detail: "other body"}
		}
		r, err := d.find(agent.Name, before.id)
		return r, bridge.Joined, err
	}
	for _, r := range d.requests {
		if r.Agent == agent.Name && r.State.Open() && r.Target.Provider == ask.Provider && r.Session == ask.Session {
			return r, bridge.Joined, nil
		}
	}
	r := Request(agent.Name, time.Now())
	r.Target.Provider, r.Session, r.Scopes, r.Reason = ask.Provider, ask.Session, ask.Scopes, ask.Reason
	if ask.IdempotencyKey != "" {
		d.keys[ask.IdempotencyKey] = key{ask.Body, r.ID}
	}
	reply := bridge.Created
	if d.live != nil {
		r.State, r.Grant, r.Served, reply = bridge.Granted, d.live.Grant, true, bridge.Served
		d.tokens[r.ID], d.live = *d.live, nil
	}
	d.requests = append(d.requests, r)
	d.tell(bridge.Change{Request: &r})
	return r, reply, nil
}

// Request is an open request to alice, with everything set that an agent may
// see of one.
func Request(agent string, at time.Time) bridge.Request {
	at = at.UTC().Round(0)
	return bridge.Request{
		ID: bridge.NewRequestID(at), State: bridge.Asked, Version: 1, Agent: agent, Human: "alice",
		Target: bridge.Target{Provider: "corp", Issuer: "https://login.example.com", ClientID: "authbridge"},
		Scopes: []string{"files:read"}, Reason: "tidy up", CheckPhrase: "amber falcon 42",
		CreatedAt: at, UpdatedAt: at, ExpiresAt: at.Add(24 * time.Hour),
		Surfaces: []bridge.Surface{{Channel: "web", State: bridge.DeliveryWaiting}},
	}
}

// Get reads a request.
func (d *Desk) Get(_ context.Context, agent string, id bridge.RequestID) (bridge.Request, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	return d.find(agent, id)
}

var shape = regexp.MustCompile(`^req_[0-9a-v]{26}$`)

func (d *Desk) find(agent string, id bridge.RequestID) (bridge.Request, error) {
	d.known(agent)
	if !shape.MatchString(string(id)) {
		d.t.Errorf("%q was looked up, and cannot be an id", id)
	}
	if d.fault != nil {
		return bridge.Request{}, d.fault
	}
	for _, r := range d.requests {
		if r.ID == id && r.Agent == agent {
			return r, nil
		}
	}
	return bridge.Request{}, &bridge.Problem{Code: bridge.ProblemNotFound, Detail: "there is no such request, or it is not yours"}
}

func (d *Desk) known(agent string) {
	for _, a := range d.agents {
		if a.Name == agent {
			return
		}
	}
	d.t.Errorf("agent %q is served and not known", agent)
}

// Await reads a request when enough says so or ctx ends.
func (d *Desk) Await(ctx context.Context, agent string, id bridge.RequestID, enough func(bridge.Request) bool) (bridge.Request, error) {
	if _, limited := ctx.Deadline(); !limited {
		d.t.Error("somebody waits without a limit")
	}
	for {
		d.mu.Lock()
		r, err := d.find(agent, id)
		changed := d.changed
		d.mu.Unlock()
		if err != nil || enough(r) {
			return r, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return r, nil
		}
	}
}

// Changes returns the next change after a cursor, one at a time.
func (d *Desk) Changes(ctx context.Context, agent string, after bridge.Cursor) (bridge.Changes, error) {
	if _, limited := ctx.Deadline(); !limited {
		d.t.Error("somebody waits for changes without a limit")
	}
	d.mu.Lock()
	d.known(agent)
	d.mu.Unlock()
	for {
		d.mu.Lock()
		found, err := d.after(agent, after), d.fault
		changed := d.changed
		d.mu.Unlock()
		if err != nil || found.Missed || len(found.All) > 0 {
			return found, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return bridge.Changes{Next: after}, nil
		}
	}
}

func (d *Desk) after(agent string, after bridge.Cursor) bridge.Changes {
	var n int
	_, err := fmt.Sscanf(string(after), fmt.Sprintf("%d-%%d", d.life), &n)
	if err != nil || n > len(d.changes) {
		return bridge.Changes{Missed: true, Next: d.cursor(len(d.changes))}
	}
	for i, c := range d.changes[n:] {
		if c.Request != nil && c.Request.Agent == agent || c.Grant != nil && c.Grant.Key.Agent == agent {
			c.Cursor = d.cursor(n + i + 1)
			return bridge.Changes{All: []bridge.Change{c}, Next: c.Cursor}
		}
	}
	return bridge.Changes{Next: after}
}

func (d *Desk) cursor(n int) bridge.Cursor { return bridge.Cursor(fmt.Sprintf("%d-%d", d.life, n)) }

// List reads a page.
func (d *Desk) List(_ context.Context, agent string, states []bridge.State, before bridge.RequestID, limit int) (page []bridge.Request, next bridge.RequestID, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	d.known(agent)
	if limit < 1 || limit > 200 {
		d.t.Errorf("a page of %d was asked for", limit)
	}
	if d.fault != nil {
		return nil, "", d.fault
	}
	for _, r := range slices.Backward(d.requests) {
		switch {
		case r.Agent != agent || before != "" && r.ID >= before:
		case len(states) > 0 && !slices.Contains(states, r.State):
		case len(page) == limit:
			return page, page[limit-1].ID, nil
		default:
			page = append(page, r)
		}
	}
	return page, "", nil
}

// Cancel ends an open request.
func (d *Desk) Cancel(_ context.Context, agent string, id bridge.RequestID) (bridge.Request, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	r, err := d.find(agent, id)
	if err != nil || r.State.Ended() {
		return r, err
	}
	d.change(id, func(r *bridge.Request) {
		r.State, r.Outcome = bridge.Cancelled, &bridge.Outcome{Code: bridge.OutcomeCancelled, Message: "withdrawn", Retryable: true}
	})
	return d.find(agent, id)
}

// Collect hands out the token of a granted request, as often as it is asked.
func (d *Desk) Collect(_ context.Context, agent bridge.Agent, id bridge.RequestID) (bridge.Token, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	r, err := d.find(agent.Name, id)
	if err != nil {
		return bridge.Token{}, err
	}
	switch {
	case r.State.Open():
		return bridge.Token{}, &bridge.Problem{Code: bridge.ProblemNotReady, Detail: fmt.Sprintf("the request is %s", r.State), Request: &r}
	case r.State == bridge.Granted:
		d.change(id, func(r *bridge.Request) { r.State = bridge.Collected })
		return d.tokens[id], nil
	case r.State == bridge.Collected:
		return d.tokens[id], nil
	}
	return bridge.Token{}, &bridge.Problem{Code: bridge.ProblemGone, Detail: "the request is over", Request: &r}
}
