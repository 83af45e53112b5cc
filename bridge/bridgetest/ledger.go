package bridgetest

import (
	"cmp"
	"slices"

	"github.com/authbridge/authbridge/bridge"
)

// What a provider knows on its side, for tests that compare it with what the
// bridge says.

// Issue is one token that a provider has handed out.
type Issue struct {
	Access   string
	UserCode string // the code that it was granted for
	Account  bridge.Account
	Judged   bool // the bridge was told whose it is
	Revoked  bool

	Refreshed bool // it came by a refresh
	Replaced  bool // a refresh took its place
}

// Issues returns the tokens that were handed out, in order.
func (p *Provider) Issues() []Issue {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Issue
	for access, c := range p.granted {
		all = append(all, Issue{
			access, c.userCode, c.who, p.judged[access], slices.Contains(p.revoked, access),
			p.refreshed[access], p.replaced[access],
		})
	}
	slices.SortFunc(all, func(a, b Issue) int {
		return cmp.Or(cmp.Compare(len(a.Access), len(b.Access)), cmp.Compare(a.Access, b.Access))
	})
	return all
}

// PolledCodes returns the user codes that were polled at least once.
func (p *Provider) PolledCodes() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, c := range p.order {
		if c.polled {
			all = append(all, c.userCode)
		}
	}
	return all
}

// IsRevoked reports whether an access token was revoked.
func (p *Provider) IsRevoked(access string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.revoked, access)
}

// ApproveCode has a person sign in with an account and allow the code that
// they typed; DenyCode has them refuse it. They report false when the provider
// does not know the code, or it was used.
func (p *Provider) ApproveCode(userCode string, who bridge.Account) bool {
	return p.answerCode(userCode, "approved", who)
}

// DenyCode is described at ApproveCode.
func (p *Provider) DenyCode(userCode string) bool {
	return p.answerCode(userCode, "denied", bridge.Account{})
}

func (p *Provider) answerCode(userCode, state string, who bridge.Account) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.order, func(c *code) bool { return c.userCode == userCode })
	if i < 0 || p.order[i].state != "" {
		return false
	}
	p.settle(p.order[i], state, who)
	return true
}

// Approved reports whether the code stands approved and its token was not
// fetched yet.
func (p *Provider) Approved(userCode string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.order, func(c *code) bool { return c.userCode == userCode && c.state == "approved" })
}
