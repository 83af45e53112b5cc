package httpapi

import (
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
)

// requestOf shows an agent one of its requests.
func requestOf(r bridge.Request) api.Request {
	return api.Request{
		ID: string(r.ID), State: api.State(r.State), Version: r.Version,
		Agent: r.Agent, Session: api.Optional(r.Session),
		Human: api.Optional(r.Human), Team: api.Optional(r.Team), Claimed: r.ClaimedBy != "",
		Provider: api.Optional(r.Target.Provider), Issuer: api.Optional(r.Target.Issuer), Resource: api.Optional(r.Target.Resource),
		Scopes: list(r.Scopes), AuthorizationDetails: detailsOf(r.Details), Reason: r.Reason, CheckPhrase: r.CheckPhrase,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		CodeExpiresAt: codeExpiresAt(r), Delivery: deliveryOf(r.Surfaces),
		Outcome: outcomeOf(r.Outcome), Grant: api.Optional(r.Grant), Renews: api.Optional(r.Renews),
	}
}

func codeExpiresAt(r bridge.Request) *time.Time {
	if r.State != bridge.Coded {
		return nil
	}
	return known(r.CodeExpiresAt)
}

func deliveryOf(surfaces []bridge.Surface) []api.Delivery {
	all := make([]api.Delivery, 0, len(surfaces))
	for _, s := range surfaces {
		if !s.Way() {
			continue
		}
		all = append(all, api.Delivery{Channel: s.Channel, State: api.DeliveryState(s.State), Detail: api.Optional(s.Detail)})
	}
	return all
}

func outcomeOf(o *bridge.Outcome) *api.Outcome {
	if o == nil {
		return nil
	}
	return &api.Outcome{Code: api.OutcomeCode(o.Code), Message: o.Message, Retryable: o.Retryable}
}

// grantOf shows an agent one of its grants.
func grantOf(g bridge.Grant) api.Grant {
	return api.Grant{
		ID: string(g.ID), State: api.GrantState(g.State), Session: api.Optional(g.Key.Session),
		Human: api.Optional(g.Human), Team: api.Optional(g.Key.Team), Provider: api.Optional(g.Key.Provider),
		Issuer: api.Optional(g.Issuer), Resource: api.Optional(g.Key.Resource),
		Scopes: list(g.Scopes), AuthorizationDetails: detailsOf(g.Details), Account: api.Optional(g.Account),
		CreatedAt: g.CreatedAt.UTC(), LastUsedAt: known(g.LastUsedAt), AccessExpiresAt: known(g.AccessExpiresAt), ReuseUntil: g.ReuseUntil.UTC(),
		Revocation: api.Revocation(g.Revocation),
	}
}

// tokenOf is the one place where an access token is written in plain.
func tokenOf(t bridge.Token) api.Token {
	return api.Token{
		AccessToken: t.Access.Reveal(), TokenType: t.Type, ExpiresAt: known(t.ExpiresAt), Scopes: list(t.Scopes), AuthorizationDetails: detailsOf(t.Details),
		Issuer: t.Issuer, Resource: api.Optional(t.Resource), Account: api.Optional(t.Account),
		Human: api.Optional(t.Human), Grant: string(t.Grant),
	}
}

func whoamiOf(s bridge.Standing) api.Whoami {
	may := make([]api.May, 0, len(s.Agent.May))
	for _, rule := range s.Agent.May {
		may = append(may, api.May{
			Provider: api.Optional(rule.Provider), Resource: api.Optional(rule.Resource), Scopes: list(rule.Scopes), DefaultScopes: list(rule.DefaultScopes),
			AuthorizationDetails: list(rule.Details),
			Ask:                  list(rule.Ask), Reuse: api.Duration(rule.Reuse), Code: codeOf(rule), Binding: bindingOf(rule),
		})
	}
	return api.Whoami{
		Agent: s.Agent.Name, UID: s.Agent.UID, By: api.ByUID, Owner: api.Optional(s.Agent.Owner), Where: api.Optional(s.Agent.Where),
		May: may, Teams: list(s.Teams), Providers: list(s.Providers),
	}
}

func codeOf(rule bridge.Rule) api.Code {
	if rule.AtOnce {
		return api.CodeAtOnce
	}
	return api.CodeOnClick
}

func bindingOf(rule bridge.Rule) api.Binding {
	if rule.Digits {
		return api.BindingRequire
	}
	return api.BindingShow
}

// known is nil for a time that is not known, or that RFC 3339 cannot write.
func known(t time.Time) *time.Time {
	if t = t.UTC(); t.IsZero() || t.Year() > 9999 {
		return nil
	}
	return &t
}

// detailsOf is null where there are none.
func detailsOf(d bridge.Details) api.Details {
	if d == "" {
		return nil
	}
	return api.Details(d)
}

// list is never null on the wire.
func list(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}
