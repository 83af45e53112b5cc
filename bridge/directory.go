package bridge

import (
	"slices"
	"time"
)

// Directory is what the operator configured: who is there, what agents may
// ask, and the limits. It is never changed once the bridge has it. Names of
// humans and teams share one name space.
type Directory struct {
	Humans    map[string]Human
	Teams     map[string]Team
	Agents    map[string]Agent
	Providers map[string]ProviderInfo
	Resources []Resource // what agents may name by URL; none = nothing
	Channels  []string   // where humans are asked: "web"; none = nowhere
	Limits    Limits
}

// Human is a person who can be asked.
type Human struct {
	Name     string
	Email    string            // "" = none
	Slack    string            // Slack user id, "" = none
	Discord  string            // Discord user id, "" = none
	Via      []string          // channels by which they are asked, the first that works first; none = each chat that they have an id in, then "web"
	Timezone *time.Location    // theirs; nil = the bridge's
	Accounts map[string]string // by provider name or issuer: "sub:…", "id:…" or an e-mail
}

// Team is several humans who can be asked together: one of them claims the
// request, and gives.
type Team struct {
	Name    string
	Members []string          // humans
	Groups  map[string]string // by channel: the group there whose people are the members; then Members is empty
	Slack   string            // Slack channel id, "" = none
	Discord string            // Discord channel id, "" = none

	unread bool // who is in its groups has never been learnt
}

// MayHave reports whether a human can be in the team by what is configured:
// they are listed, or whoever is in a group is the team.
func (t Team) MayHave(human string) bool {
	return len(t.Groups) > 0 || slices.Contains(t.Members, human)
}

// Agent is a program that may ask.
type Agent struct {
	Name    string
	UID     *uint32 // the local user it runs as; nil = not by uid
	KeyHash KeyHash // of the key that it calls with; zero = not by key
	Owner   string  // a human; "" = none
	Where   string  // in the operator's words, "" = none
	May     []Rule
}

// Rule lets an agent ask. The first rule that allows the whole of an ask
// decides.
type Rule struct {
	Provider      string // a configured name or "*", "" = Resource
	Resource      string // a pattern for URLs, as [ResourceFits] reads it; "" = Provider
	Scopes        []string
	DefaultScopes []string
	Details       []string      // types of authorization details (RFC 9396); none = an ask has none
	Ask           []string      // humans and teams
	Reuse         time.Duration // at most MaxTeamReuse if a team is in Ask
	AtOnce        bool          // "code: at_once": a code is made when it is asked, for a human and not for a team
	Digits        bool          // "binding: require": the human types the digits that the agent shows
}

// ProviderInfo is what the domain knows of a configured provider.
type ProviderInfo struct {
	Name       string
	Issuer     string
	ClientID   string
	Scopes     []string          // the bridge's own, added to every ask
	ScopeWords map[string]string // what scopes mean, for humans
	Trust      Trust

	// Widens says what a token may do, whatever its scopes, at a provider whose
	// tokens go by other than scopes: an end of "the agent wants to". What is
	// granted there is not measured by "may". "" = scopes count.
	Widens string
}

// Trust is what is done about an account that nothing is known of.
type Trust string

// The kinds of trust. The zero value counts as TrustConfigured.
const (
	TrustConfigured Trust = "configured" // it is a mismatch
	TrustFirstUse   Trust = "first_use"  // the human says whether it is theirs
	TrustNone       Trust = "none"       // also a provider that tells no identity will do
)

// Limits are the durations and numbers of the configuration's "request" and
// "retain".
type Limits struct {
	TTL                     time.Duration
	Claim                   time.Duration // how long a claim lasts
	CollectWithin           time.Duration
	CollectGrace            time.Duration
	MaxOpenPerHuman         int
	MaxOpenPerAgentAndHuman int
	QuietAfterDenied        time.Duration // how long the same ask is refused after a no
	Remind                  time.Duration // after which a card that nobody answers is followed by one reminder; 0 = none
	Retain                  time.Duration // of ended requests
	AuditRetain             time.Duration
}

// DefaultLimits are the limits of an empty configuration.
func DefaultLimits() Limits {
	const day = 24 * time.Hour
	return Limits{
		TTL:                     day,
		Claim:                   15 * time.Minute,
		CollectWithin:           time.Hour,
		CollectGrace:            time.Minute,
		MaxOpenPerHuman:         5,
		MaxOpenPerAgentAndHuman: 3,
		QuietAfterDenied:        10 * time.Minute,
		Remind:                  15 * time.Minute,
		Retain:                  90 * day,
		AuditRetain:             400 * day,
	}
}

// DefaultReuse is how long a grant answers further asks unless its rule says
// otherwise.
const DefaultReuse = 8 * time.Hour

// MaxTeamReuse is the longest time that what somebody gave through a team
// answers further asks, and so the longest reuse of a rule with a team.
const MaxTeamReuse = 4 * time.Hour

// AgentByUID finds the agent that runs as a local user.
func (d *Directory) AgentByUID(uid uint32) (Agent, bool) {
	for _, a := range d.Agents {
		if a.UID != nil && *a.UID == uid {
			return a, true
		}
	}
	return Agent{}, false
}

// human finds a human by configured name, e-mail, "slack:U…" or "discord:…".
func (d *Directory) human(called string) (Human, bool) {
	if h, ok := d.Humans[called]; ok {
		return h, true
	}
	for _, h := range d.Humans {
		if slices.Contains(h.aliases(), called) {
			return h, true
		}
	}
	return Human{}, false
}

func (h Human) aliases() []string {
	var all []string
	if h.Email != "" {
		all = append(all, h.Email)
	}
	if h.Slack != "" {
		all = append(all, "slack:"+h.Slack)
	}
	if h.Discord != "" {
		all = append(all, "discord:"+h.Discord)
	}
	return all
}
