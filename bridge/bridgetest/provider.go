// Package bridgetest has what tests of the domain need: a provider whose
// human, network and mistakes are played by the test.
package bridgetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// Provider is a scripted [bridge.Provider]. It is as strict as a real one: a
// code works once, lapses in its time, and an early poll is slowed down and
// counted. The zero Provider is not ready: use New.
type Provider struct {
	mu      sync.Mutex
	issuer  string
	codes   map[string]*code
	order   []*code
	asked   []bridge.CodeRequest
	tokens  int
	early   int
	polls   int
	revoked []string
	wider   []bool // whether more than those tokens might have ended
	faults  map[string][]error
	granted map[string]*code // by access token
	judged  map[string]bool  // access tokens whose account was asked for
	gates   map[string]chan struct{}
	renew   map[string]*code // by refresh token that is good for one more time

	refreshes int
	reused    int
	refreshed map[string]bool // access tokens that came by a refresh
	replaced  map[string]bool // whose place another took by a refresh

	// Lifetime and Interval are what new codes get, TokenLifetime what new
	// tokens get (0 = unknown). Scopes, if not nil, are granted instead of
	// what was asked. Same names the token ("access" or "refresh") that is
	// the same every time. Set them before use, or with Change.
	Lifetime      time.Duration
	Interval      time.Duration
	TokenLifetime time.Duration
	RetryAfter    time.Duration // in answers that the human has not finished
	Scopes        []string

	// Details, if not nil, are granted instead of the authorization details
	// that were asked for.
	Details *bridge.Details

	// Failing, if not nil, is what polls are answered.
	Failing *bridge.Answer
	Same    string

	// Page is where codes are entered; "" = a page of the issuer's host.
	Page string

	// KeepRefresh leaves the refresh token as it is when it is used, instead
	// of replacing it; NoRefresh hands out none.
	KeepRefresh bool
	NoRefresh   bool
}

type code struct {
	userCode string
	device   string
	lapses   time.Time
	interval time.Duration
	last     time.Time
	scopes   []string
	details  bridge.Details
	polled   bool
	slow     bool   // the next poll is told to slow down
	state    string // "", "approved", "denied", "used"
	who      bridge.Account
}

// New returns a provider at an issuer, with codes of ten minutes.
func New(issuer string) *Provider {
	return &Provider{
		issuer: issuer, codes: map[string]*code{}, faults: map[string][]error{}, gates: map[string]chan struct{}{},
		granted: map[string]*code{}, renew: map[string]*code{}, judged: map[string]bool{},
		refreshed: map[string]bool{}, replaced: map[string]bool{},
		Lifetime: 10 * time.Minute, Interval: 5 * time.Second, TokenLifetime: time.Hour,
	}
}

// Change sets fields of a provider that is in use.
func (p *Provider) Change(set func(p *Provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set(p)
}

// Fail makes the next calls of a method ("Begin", "Poll", "Identify",
// "Refresh", "Revoke") answer with these errors, one after the other.
func (p *Provider) Fail(method string, errs ...error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[method] = append(p.faults[method], errs...)
}

// Recover forgets the errors that a method was to answer with.
func (p *Provider) Recover(method string) { p.mu.Lock(); defer p.mu.Unlock(); delete(p.faults, method) }

// Hold makes the polls of approved codes wait, after the code is used up,
// until the returned function is called: an answer in flight.
func (p *Provider) Hold() (release func()) { return p.hold("Poll") }

// HoldBegin makes requests for a code wait before they are answered.
func (p *Provider) HoldBegin() (release func()) { return p.hold("Begin") }

// HoldIdentify makes the question whose account granted wait.
func (p *Provider) HoldIdentify() (release func()) { return p.hold("Identify") }

// HoldRefresh makes refreshes wait before they are answered.
func (p *Provider) HoldRefresh() (release func()) { return p.hold("Refresh") }

// HoldRevoke makes revocations hang.
func (p *Provider) HoldRevoke() (release func()) { return p.hold("Revoke") }

func (p *Provider) hold(method string) (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	gate := make(chan struct{})
	p.gates[method] = gate
	return func() {
		p.mu.Lock()
		delete(p.gates, method)
		p.mu.Unlock()
		close(gate)
	}
}

// pass waits at a gate, if there is one.
func pass(ctx context.Context, gate chan struct{}) error {
	if gate == nil {
		return nil
	}
	select {
	case <-gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Provider) gate(method string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gates[method]
}

// Approve has a person sign in with an account and allow the newest code.
func (p *Provider) Approve(who bridge.Account) { p.answer("approved", who) }

// Deny has a person refuse the newest code.
func (p *Provider) Deny() { p.answer("denied", bridge.Account{}) }

func (p *Provider) answer(state string, who bridge.Account) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(p.order[len(p.order)-1], state, who)
}

func (p *Provider) settle(c *code, state string, who bridge.Account) {
	if who.Issuer == "" {
		who.Issuer = p.issuer
	}
	c.state, c.who = state, who
}

// Codes returns how many codes were asked for; Polls how many polls came, and
// Early how many of them before their time.
func (p *Provider) Codes() int { p.mu.Lock(); defer p.mu.Unlock(); return len(p.order) }

// Asked returns what the codes were asked for, in order.
func (p *Provider) Asked() []bridge.CodeRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// Polls returns how many polls came.
func (p *Provider) Polls() int { p.mu.Lock(); defer p.mu.Unlock(); return p.polls }

// Early returns how many polls came before their time.
func (p *Provider) Early() int { p.mu.Lock(); defer p.mu.Unlock(); return p.early }

// Issued returns how many tokens were handed out.
func (p *Provider) Issued() int { p.mu.Lock(); defer p.mu.Unlock(); return p.tokens }

// Wider reports, of each of the tokens that were revoked, whether more might
// have ended with it.
func (p *Provider) Wider() []bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.wider)
}

// Revoked returns the access tokens that were revoked, in order.
func (p *Provider) Revoked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.revoked...)
}

// fault takes the next scripted fault of a method.
func (p *Provider) fault(method string) error {
	all := p.faults[method]
	if len(all) == 0 {
		return nil
	}
	p.faults[method] = all[1:]
	return all[0]
}

// Begin hands out a fresh code.
func (p *Provider) Begin(ctx context.Context, ask bridge.CodeRequest) (bridge.Code, error) {
	if err := pass(ctx, p.gate("Begin")); err != nil {
		return bridge.Code{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.fault("Begin"); err != nil {
		return bridge.Code{}, err
	}
	n := len(p.order) + 1
	c := &code{
		userCode: fmt.Sprintf("CODE-%04d", n), device: fmt.Sprintf("device-%d", n),
		lapses: time.Now().Add(p.Lifetime), interval: p.Interval, scopes: slices.Concat(ask.Own, ask.Scopes), details: ask.Details,
	}
	p.asked = append(p.asked, ask)
	p.codes[c.device] = c
	p.order = append(p.order, c)
	return bridge.Code{
		DeviceCode: bridge.NewSecret(c.device), UserCode: bridge.NewSecret(c.userCode),
		VerificationURI: cmp.Or(p.Page, p.issuer+"/device"), Lifetime: p.Lifetime, Interval: p.Interval,
		TokenEndpoint: p.issuer + "/token", Scopes: c.scopes, Details: ask.Details, Resource: ask.Resource,
	}, nil
}

// Poll answers for a code as RFC 8628, section 3.5, says.
func (p *Provider) Poll(ctx context.Context, shown bridge.Code) (bridge.Answer, error) {
	answer, gate, err := p.polled(shown)
	if late := pass(ctx, gate); late != nil {
		return bridge.Answer{}, late
	}
	return answer, err
}

func (p *Provider) polled(shown bridge.Code) (bridge.Answer, chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.polls++
	now := time.Now()
	c := p.codes[shown.DeviceCode.Reveal()]
	if c == nil || c.state == "used" {
		return bridge.Answer{Verdict: bridge.PollLost}, nil, nil
	}
	c.polled = true
	early := !c.last.IsZero() && now.Sub(c.last) < c.interval
	c.last = now
	if err := p.fault("Poll"); err != nil {
		return bridge.Answer{}, nil, err
	}
	switch {
	case p.Failing != nil:
		return *p.Failing, nil, nil
	case now.After(c.lapses):
		return bridge.Answer{Verdict: bridge.PollLapsed}, nil, nil
	case early || c.slow:
		if early {
			p.early++
		}
		c.slow = false
		c.interval += 5 * time.Second
		return bridge.Answer{Verdict: bridge.PollSlowDown}, nil, nil
	case c.state == "denied":
		return bridge.Answer{Verdict: bridge.PollDenied}, nil, nil
	case c.state == "approved":
		c.state = "used"
		return bridge.Answer{Verdict: bridge.PollGranted, Tokens: p.issue(c, now)}, p.gates["Poll"], nil
	}
	return bridge.Answer{Verdict: bridge.PollPending, RetryAfter: p.RetryAfter}, nil, nil
}

func (p *Provider) issue(c *code, now time.Time) bridge.Tokens {
	p.tokens++
	t := bridge.Tokens{
		Access:  bridge.NewSecret(p.numbered("access")),
		Refresh: bridge.NewSecret(p.numbered("refresh")),
		Type:    "Bearer", Scopes: c.scopes, Details: c.details,
	}
	if p.Scopes != nil {
		t.Scopes = p.Scopes
	}
	if p.Details != nil {
		t.Details = *p.Details
	}
	if p.NoRefresh {
		t.Refresh = bridge.Secret{}
	} else {
		p.renew[t.Refresh.Reveal()] = c
	}
	if p.TokenLifetime > 0 {
		t.ExpiresAt = now.Add(p.TokenLifetime)
	}
	p.granted[t.Access.Reveal()] = c
	return t
}

func (p *Provider) numbered(kind string) string {
	if p.Same == kind {
		return kind + "-1"
	}
	return fmt.Sprintf("%s-%d", kind, p.tokens)
}

// SlowDown makes the next poll be told to slow down.
func (p *Provider) SlowDown() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order[len(p.order)-1].slow = true
}

// Identify tells who approved the code that the token was granted for. A
// token that is not from here, or is revoked, is refused.
func (p *Provider) Identify(ctx context.Context, t bridge.Tokens, _ time.Time) (bridge.Account, error) {
	if err := pass(ctx, p.gate("Identify")); err != nil {
		return bridge.Account{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.fault("Identify"); err != nil {
		return bridge.Account{}, err
	}
	access := t.Access.Reveal()
	c := p.granted[access]
	if c == nil || p.Same != "access" && slices.Contains(p.revoked, access) {
		return bridge.Account{}, &bridge.Refusal{Outcome: bridge.OutcomeProviderError, Cause: "the provider does not know this token"}
	}
	p.judged[access] = true
	return c.who, nil
}

// Refreshes returns how many refreshes came.
func (p *Provider) Refreshes() int { p.mu.Lock(); defer p.mu.Unlock(); return p.refreshes }

// Reused returns how many refreshes came with a refresh token that was not good
// any more: used before, revoked or forgotten.
func (p *Provider) Reused() int { p.mu.Lock(); defer p.mu.Unlock(); return p.reused }

// Forget makes the provider honour no refresh token any more that it has
// handed out so far, as if the account's owner had removed our client.
func (p *Provider) Forget() { p.mu.Lock(); defer p.mu.Unlock(); clear(p.renew) }

// Refresh hands out a new token for a refresh token that is still good.
func (p *Provider) Refresh(ctx context.Context, old bridge.Tokens, _ bridge.RefreshRequest) (bridge.Tokens, error) {
	if err := pass(ctx, p.gate("Refresh")); err != nil {
		return bridge.Tokens{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refreshes++
	if err := p.fault("Refresh"); err != nil {
		return bridge.Tokens{}, err
	}
	used := old.Refresh.Reveal()
	c := p.renew[used]
	if c == nil {
		p.reused++
		return bridge.Tokens{}, fmt.Errorf("%w: invalid_grant", bridge.ErrGrantLost)
	}
	t := p.issue(c, time.Now())
	p.refreshed[t.Access.Reveal()], p.replaced[old.Access.Reveal()] = true, true
	p.judged[t.Access.Reveal()] = p.judged[old.Access.Reveal()]
	if p.KeepRefresh {
		delete(p.renew, t.Refresh.Reveal())
		t.Refresh = old.Refresh
	} else {
		delete(p.renew, used)
	}
	return t, nil
}

// Revoke notes the access token.
func (p *Provider) Revoke(ctx context.Context, t bridge.Tokens, ask bridge.RevokeRequest) error {
	if err := pass(ctx, p.gate("Revoke")); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.fault("Revoke"); err != nil {
		return err
	}
	p.revoked, p.wider = append(p.revoked, t.Access.Reveal()), append(p.wider, ask.Wider)
	delete(p.renew, t.Refresh.Reveal())
	return nil
}
