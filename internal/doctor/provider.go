package doctor

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/oauth"
)

// How long a look at providers may take: each of the two calls, of which the
// first may be a search at several addresses; and all together.
const (
	callWithin = 10 * time.Second
	allWithin  = 20 * time.Second
)

// maxSkew is how far two clocks may differ before somebody should see to them.
// An id_token is refused from five minutes on.
const maxSkew = 30 * time.Second

// Providers looks at all configured providers at once, in the order of their
// names, and then says whether the clocks agree. It takes at most 20 seconds.
// The client may be nil; it is best the one that calls providers otherwise.
func Providers(ctx context.Context, cfg *config.Config, client *http.Client) []admin.Finding {
	ctx, cancel := context.WithTimeout(ctx, allWithin)
	defer cancel()
	names := slices.Sorted(maps.Keys(cfg.Providers))
	looks := make([]look, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			looks[i] = lookAt(ctx, cfg, name, client)
			looks[i].found = append(looks[i].found, unmatched(cfg, name)...)
		})
	}
	all.Wait()
	var found []admin.Finding
	for i, l := range looks {
		found = append(found, l.orFine(names[i])...)
	}
	return append(found, clocks(names, looks)...)
}

// look is what was seen of one provider.
type look struct {
	found  []admin.Finding // what is not well
	dated  bool
	skew   time.Duration
	remark string // for those who read that all is well
}

// orFine is what was found, or that all is well.
func (l look) orFine(name string) []admin.Finding {
	if len(l.found) > 0 {
		return l.found
	}
	return []admin.Finding{OK(name, "issuer matches, device grant offered, client known, accounts can be told apart%s", l.remark)}
}

// lookAt looks at one provider: what it says of itself, and then what it says
// to our client.
func lookAt(ctx context.Context, cfg *config.Config, name string, client *http.Client) look {
	p := cfg.Providers[name]
	ours, err := Client(p)
	if err != nil {
		return look{found: []admin.Finding{Fail(name, "name the file that the provider knows the public half of", "%v", err)}}
	}
	ours.Network = oauth.NetworkPolicy(cfg.Network)
	at, err := oauth.New(ours, client)
	if err != nil {
		return look{found: []admin.Finding{Fail(name, cmp.Or(oauth.Advice(err), "authbridge config check"), "%v", err)}}
	}
	says, err := survey(ctx, at)
	if err != nil {
		return look{found: []admin.Finding{told(name, err)}}
	}
	l := look{dated: says.Dated, skew: says.Skew, remark: taking(says)}
	l.found = append(l.found, metadata(name, p, says)...)
	if says.Device == nil {
		if no := begin(ctx, at, scopesToTry(cfg, name)); no != nil {
			l.found = append(l.found, told(name, no))
		}
	}
	l.found = append(l.found, identity(cfg, name, says)...)
	return l
}

// taking tells of a provider that cannot take back what it gave; nobody here
// can change that.
func taking(says oauth.Survey) string {
	if says.Revocation {
		return ""
	}
	return "; it revokes nothing, so a token that is out lives until it expires"
}

func survey(ctx context.Context, at *oauth.Provider) (oauth.Survey, error) {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	return at.Survey(ctx)
}

// begin makes a device authorization request and forgets the answer.
func begin(ctx context.Context, at *oauth.Provider, scopes []string) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	_, err := at.Begin(ctx, bridge.CodeRequest{Scopes: scopes})
	return err
}

// scopesToTry are those that a request could have: the bridge's own, and what
// rules ask for by default or, where nothing does, all that they name.
func scopesToTry(cfg *config.Config, name string) []string {
	var byDefault, named []string
	for _, agent := range cfg.Directory.Agents {
		for _, rule := range agent.May {
			if rule.Provider != name {
				continue
			}
			byDefault = append(byDefault, rule.DefaultScopes...)
			for _, scope := range rule.Scopes {
				if !strings.HasSuffix(scope, "*") {
					named = append(named, scope)
				}
			}
		}
	}
	scopes := slices.Concat(cfg.Providers[name].Scopes, byDefault)
	if len(scopes) == 0 {
		scopes = named
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

// told is what an error at a provider comes to. What may be over by itself is
// a warning; what keeps every request from being granted is a failure.
func told(name string, err error) admin.Finding {
	hint := oauth.Advice(err)
	no, refused := errors.AsType[*bridge.Refusal](err)
	if !refused {
		return Fail(name, cmp.Or(hint, "try again; if it stays so, ask the provider"), "cannot be asked now: %v", err)
	}
	return Fail(name, cmp.Or(hint, "tell whoever runs the provider: the bridge shows no human what it cannot trust"), "%s: a request would end in %s", strings.TrimSuffix(no.Cause, "."), no.Outcome)
}

// metadata is about what the provider says of itself.
func metadata(name string, p config.Provider, says oauth.Survey) []admin.Finding {
	var found []admin.Finding
	if says.Device != nil {
		found = append(found, told(name, says.Device))
	}
	if p.AuthMethod != config.AuthNone && len(says.Methods) > 0 && !slices.Contains(says.Methods, string(p.AuthMethod)) {
		found = append(found, Warn(name, "set token_endpoint_auth_method to one of those, as the client is registered there",
			"lists %s as ways for a client to prove itself, and the bridge uses %s", few(says.Methods), p.AuthMethod))
	}
	if unknown := without(p.Scopes, says.Scopes); len(says.Scopes) > 0 && len(unknown) > 0 {
		found = append(found, Warn(name, "compare providers."+name+".scopes with the provider's documentation",
			"does not list among its scopes: %s", few(unknown)))
	}
	return found
}

// identity is about whose account it is that grants.
func identity(cfg *config.Config, name string, says oauth.Survey) []admin.Finding {
	key := "providers." + name
	if cfg.Directory.Providers[name].Trust == bridge.TrustNone || says.Identifies(cfg.Providers[name].Scopes) {
		return nil
	}
	return []admin.Finding{Fail(name, "add openid and email to "+key+".scopes, or set "+key+".trust: none if it may be anybody's account",
		"does not tell whose account grants: a request would end in identity_unavailable")}
}

// unmatched is about humans of whom nobody could say which account is theirs.
func unmatched(cfg *config.Config, name string) []admin.Finding {
	p, info := cfg.Providers[name], cfg.Directory.Providers[name]
	key := "providers." + name
	if info.Trust == bridge.TrustNone || info.Trust == bridge.TrustFirstUse {
		return nil
	}
	var unknown []string
	for _, human := range slices.Sorted(maps.Keys(cfg.Directory.Humans)) {
		h := cfg.Directory.Humans[human]
		if h.Email == "" && !hasAccount(h, name, p.Issuer) && askedAt(cfg, name, human) {
			unknown = append(unknown, human)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return []admin.Finding{Warn(name, "give them an email, or accounts: {"+name+": …}, under humans; or set "+key+".trust: first_use",
		"cannot tell whether an account is that of %s: unless it is known from before, a request ends in identity_mismatch", few(unknown))}
}

func hasAccount(h bridge.Human, provider, issuer string) bool {
	return h.Accounts[provider] != "" || h.Accounts[issuer] != ""
}

// askedAt reports whether a rule lets somebody ask a human at a provider.
func askedAt(cfg *config.Config, provider, human string) bool {
	for _, agent := range cfg.Directory.Agents {
		for _, rule := range agent.May {
			if at(rule, provider) && slices.ContainsFunc(rule.Ask, func(whom string) bool {
				return whom == human || cfg.Directory.Teams[whom].MayHave(human)
			}) {
				return true
			}
		}
	}
	return false
}

func at(rule bridge.Rule, provider string) bool {
	return rule.Provider == provider || rule.Provider == "*"
}

// clocks says whether ours and the providers' agree.
func clocks(names []string, looks []look) []admin.Finding {
	var found []admin.Finding
	dated := 0
	for i, l := range looks {
		if !l.dated {
			continue
		}
		dated++
		if l.skew.Abs() > maxSkew {
			found = append(found, Warn("clock", "set this machine's clock by NTP; from five minutes on, proofs of identity are refused",
				"%s says that it is %s %s than here", names[i], l.skew.Abs().Round(time.Second), word(l.skew > 0, "later", "earlier")))
		}
	}
	if dated > 0 && len(found) == 0 {
		found = append(found, OK("clock", "agrees with the providers'"))
	}
	return found
}

func word(yes bool, this, that string) string {
	if yes {
		return this
	}
	return that
}

// without returns those of some words that are not among others.
func without(words, others []string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return slices.Contains(others, w) })
}

// few lists words, and not all if they are many.
func few(words []string) string {
	if len(words) > 8 {
		return strings.Join(words[:8], ", ") + " and others"
	}
	return strings.Join(words, ", ")
}
