package bridge

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Ask is what an agent wants, as it says it. Nothing in it is believed: it
// is checked against the policy, and its words are cleaned before anybody
// sees them.
type Ask struct {
	Provider    string    // a configured name; never with Resource
	Resource    string    // the URL of a resource
	Challenge   Challenge // what the resource said to the agent; only with Resource
	Scopes      []string
	Details     []byte // authorization details (RFC 9396), a JSON array as it came; nil = none
	Human       string // configured name, e-mail, "slack:U…" or "discord:…"; "" = Team, or the agent's owner
	Team        string // configured name; never with Human
	Reason      string
	Context     []string
	Session     string
	MinValidity time.Duration // 0 = the default
	TTL         time.Duration // 0 = the configured; longer is cut to it
	Fresh       bool          // ask a human even if a live grant would do
	Origin      Origin        // where to say that somebody has been asked; zero = nowhere

	IdempotencyKey string
	Body           [32]byte // hash of the whole ask as it came, with IdempotencyKey
}

// Bounds of an ask.
const (
	maxScopes     = 50
	maxScope      = 200
	maxContexts   = 8
	maxSession    = 128
	maxIdempotent = 255
	idempotentFor = 24 * time.Hour
)

// Reply says how an ask was met.
type Reply int

// How an ask was met.
const (
	Created Reply = iota // a new request; the human is asked
	Joined               // the same ask is already open, or came with the same idempotency key
	Served               // a live grant answers; the token can be collected
)

// Ask takes an agent's ask: it joins an open request, is served from a live
// grant, or becomes a new request. A refusal is a [*Problem].
func (b *Bridge) Ask(ctx context.Context, agent Agent, ask Ask) (Request, Reply, error) {
	began := time.Now()
	defer func() { b.books.Asked(time.Since(began)) }()
	whom, err := ask.whom(agent)
	if err != nil {
		return Request{}, 0, err
	}
	if err := ask.check(); err != nil {
		return Request{}, 0, err
	}
	details, err := ask.details()
	if err != nil {
		return Request{}, 0, err
	}
	w, err := b.want(ctx, agent, ask, details, whom)
	if err != nil {
		return Request{}, 0, err
	}
	r, reply, err := b.decide(ctx, agent, ask, w, whom, false)
	if s, ok := errors.AsType[*stale](err); ok {
		if err := b.freshen(ctx, s.grant); err != nil {
			return Request{}, 0, err
		}
		r, reply, err = b.decide(ctx, agent, ask, w, whom, true)
	}
	if err != nil {
		return Request{}, 0, err
	}
	before := Request{}
	if reply == Joined {
		before = r // nothing has changed; its deadline may still have to be planned
	}
	b.follow(before, r)
	return r, reply, nil
}

// decide meets an ask in one transaction: a configuration that comes meanwhile
// is heeded. A grant that answers the ask, but for its token, is a [*stale];
// asIs takes the token that there is.
func (b *Bridge) decide(ctx context.Context, agent Agent, ask Ask, w want, whom string, asIs bool) (r Request, reply Reply, err error) {
	err = b.store.Update(ctx, func(tx Tx) error {
		agent, err := b.still(agent)
		if err != nil {
			return err
		}
		may, ok := b.dir().permit(agent, w, whom)
		if !ok || may.team.Name != ask.Team {
			return notAllowed(agent, w, whom)
		}
		may.refused = w.refused
		r, reply, err = b.admit(tx, agent, ask, may, asIs)
		return err
	})
	if errors.Is(err, ErrStoreUnavailable) { // it may have been kept all the same: look again
		b.clock.at("", ofRequest(r.ID), time.Now().Add(storeRetry))
	}
	return r, reply, err
}

// whom finds out who is to be asked.
func (a Ask) whom(agent Agent) (string, error) {
	switch {
	case a.Human != "" && a.Team != "":
		return "", problem(ProblemInvalidRequest, "the ask names both a human and a team").
			hint("name one of them: a human to ask that one, or a team to ask whoever of it comes first")
	case a.Human != "" || a.Team != "":
		return cmp.Or(a.Human, a.Team), nil
	case agent.Owner == "":
		return "", problem(ProblemInvalidRequest, "the ask names no human and no team, and agent %q has no owner", agent.Name).
			hint("name one with \"human\" or \"team\"; %s", agent.mayAsk())
	}
	return agent.Owner, nil
}

// check refuses what no policy could allow.
func (a Ask) check() error {
	switch {
	case a.Provider == "" && a.Resource == "":
		return problem(ProblemInvalidRequest, "the ask names no provider and no resource").
			hint("set \"provider\" to a configured name, or \"resource\" to the URL that the token is for")
	case a.Provider != "" && a.Resource != "":
		return problem(ProblemInvalidRequest, "the ask names both a provider and a resource").
			hint("name the resource alone: it says itself who gives tokens for it")
	case a.Resource == "" && (a.Challenge.Error != "" || len(a.Challenge.Scopes) > 0):
		return problem(ProblemInvalidRequest, "the ask has a challenge and no resource").
			hint("set \"resource\" to the URL that answered with it")
	case len(a.Challenge.Scopes) > maxScopes:
		return problem(ProblemInvalidRequest, "the challenge has %d scopes; at most %d are taken", len(a.Challenge.Scopes), maxScopes)
	case len(a.Scopes) > maxScopes:
		return problem(ProblemInvalidRequest, "the ask has %d scopes; at most %d are taken", len(a.Scopes), maxScopes)
	case slices.ContainsFunc(slices.Concat(a.Scopes, a.Challenge.Scopes), func(s string) bool { return !scopeToken(s) }):
		return problem(ProblemInvalidRequest, "a scope is empty, too long, or holds a character that RFC 6749 forbids in scopes").
			hint("give each scope as an element of its own, without spaces")
	case len(a.Context) > maxContexts:
		return problem(ProblemInvalidRequest, "the ask has %d lines of context; at most %d are taken", len(a.Context), maxContexts)
	case len(a.Session) > maxSession:
		return problem(ProblemInvalidRequest, "the session has %d bytes; at most %d are taken", len(a.Session), maxSession)
	case len(a.IdempotencyKey) > maxIdempotent:
		return problem(ProblemInvalidRequest, "the idempotency key has %d bytes; at most %d are taken", len(a.IdempotencyKey), maxIdempotent)
	case a.TTL < 0 || a.MinValidity < 0:
		return problem(ProblemInvalidRequest, "a duration is negative")
	}
	return a.Origin.check()
}

// details reads the authorization details of an ask.
func (a Ask) details() (Details, error) {
	details, err := askedDetails.read(a.Details)
	if err != nil {
		return "", problem(ProblemInvalidRequest, "the authorization details cannot be taken: %v", err).
			hint("give a JSON array of at most %d objects, each with a \"type\" (RFC 9396, section 2)", askedDetails.objects)
	}
	return details, nil
}

// scopeToken reports whether a text is one scope (RFC 6749, section 3.3).
func scopeToken(s string) bool {
	if s == "" || len(s) > maxScope {
		return false
	}
	for _, c := range []byte(s) {
		if c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// admit decides about an allowed ask, within the transaction that stores the
// outcome.
func (b *Bridge) admit(tx Tx, agent Agent, ask Ask, may permit, asIs bool) (Request, Reply, error) {
	now := time.Now().UTC().Round(0)
	if err := barred(tx, agent.Name, may); err != nil {
		return Request{}, 0, err
	}
	if r, known, err := b.repeated(tx, agent.Name, ask, now); err != nil || known {
		return r, Joined, err
	}
	open, err := openFor(tx, may.whom())
	if err != nil {
		return Request{}, 0, err
	}
	open = slices.DeleteFunc(open, b.setup.Load().overtaken) // those are about to end
	r := b.draft(agent, ask, may, now)
	if same := slices.IndexFunc(open, r.sameAsk); same >= 0 {
		remember(tx, agent.Name, ask, open[same].ID, now)
		return open[same], Joined, nil
	}
	if !ask.Fresh {
		if served, ok, err := b.serve(tx, r, may, ask.Challenge, now, asIs); err != nil || ok {
			remember(tx, agent.Name, ask, served.ID, now)
			return served, Served, err
		}
	}
	if err := hushed(tx, r, now); err != nil {
		return Request{}, 0, err
	}
	if err := b.dir().Limits.room(open, agent.Name, may.whom()); err != nil {
		return Request{}, 0, err
	}
	if err := b.cutOff(r, now); err != nil {
		return Request{}, 0, err
	}
	if r, err = b.stepUp(tx, r, may, now); err != nil {
		return Request{}, 0, err
	}
	may.rule.AtOnce = may.rule.AtOnce && b.unprompted.spend(r.Target.Issuer, r.Agent, now)
	r = begin(tx, r, may, now)
	remember(tx, agent.Name, ask, r.ID, now)
	return r, Created, nil
}

// begin stores a new request. One that no human can see, or that nobody can
// give anything for, has ended already. One
// whose rule wants its code at once has it under way in the same commit.
func begin(tx Tx, draft Request, may permit, now time.Time) Request {
	e := Event{Kind: OnAsk, By: Actor{Kind: ByAgent, Name: draft.Agent}}
	if draft.Renews != "" {
		e.By = Actor{Kind: ByBridge}
	}
	asked, _ := draft.Apply(e, now)
	tx.PutRequest(asked, entry(draft, asked, e))
	if may.refused != nil {
		return over(tx, asked, Event{Kind: OnNoClient, By: byProvider(draft), Outcome: may.refused.Outcome, Cause: may.refused.Cause}, now)
	}
	if slices.ContainsFunc(asked.Surfaces, Surface.Way) {
		if !may.rule.AtOnce {
			return asked
		}
		e = Event{Kind: OnShowCode, By: Actor{Kind: ByBridge}}
		begun, taken := asked.Apply(e, now) // not for a team, nor where digits are typed
		if taken {
			tx.PutRequest(begun, entry(asked, begun, e))
		}
		return begun
	}
	return over(tx, asked, Event{Kind: OnUnreachable, By: Actor{Kind: ByBridge}, Cause: "the inbox is off, and there is no other way"}, now)
}

// over ends a request that has just begun.
func over(tx Tx, asked Request, e Event, now time.Time) Request {
	ended, _ := asked.Apply(e, now)
	tx.PutRequest(ended, entry(asked, ended, e))
	return ended
}

// repeated finds the request that an idempotency key already stands for.
func (b *Bridge) repeated(tx ReadTx, agent string, ask Ask, now time.Time) (Request, bool, error) {
	if ask.IdempotencyKey == "" {
		return Request{}, false, nil
	}
	known, err := tx.Idempotent(agent, ask.IdempotencyKey)
	if errors.Is(err, ErrNotFound) || err == nil && now.After(known.Expires) {
		return Request{}, false, nil
	}
	if err != nil {
		return Request{}, false, err
	}
	if known.Body != ask.Body {
		return Request{}, false, problem(ProblemIdempotencyConflict, "this idempotency key came with another ask before").
			hint("use a new key for a new ask")
	}
	r, err := b.mine(tx, agent, known.Request)
	if p, is := errors.AsType[*Problem](err); is && p.Code == ProblemNotFound {
		return Request{}, false, nil
	}
	return r, err == nil, err
}

func remember(tx Tx, agent string, ask Ask, id RequestID, now time.Time) {
	if ask.IdempotencyKey != "" {
		tx.PutIdempotency(agent, ask.IdempotencyKey, Idempotency{id, ask.Body, now.Add(idempotentFor)})
	}
}

// openFor lists what is open for a human.
func openFor(tx ReadTx, whom string) ([]Request, error) {
	var all []Request
	for r, err := range tx.OpenFor(whom) {
		switch {
		case errors.Is(err, ErrUnreadable): // it must not keep others from asking
		case err != nil:
			return nil, err
		default:
			all = append(all, r)
		}
	}
	return all, nil
}

// draft is the request that an ask would become; it has no state yet.
func (b *Bridge) draft(agent Agent, ask Ask, may permit, now time.Time) Request {
	ttl := b.dir().Limits.TTL
	if ask.TTL > 0 {
		ttl = min(ttl, ask.TTL)
	}
	digits := plainDigits
	if may.rule.Digits {
		digits = boundDigits
	}
	var context []string
	for _, line := range ask.Context {
		context = append(context, Clean(line, maxContext))
	}
	return Request{
		ID: NewRequestID(now), Epoch: b.setup.Load().bearers.Epoch, Agent: agent.Name, Session: ask.Session, Human: may.human.Name, Team: may.team.Name,
		Target: may.target,
		Scopes: may.scopes, Details: may.details, Reason: Clean(ask.Reason, maxReason), Context: context,
		CheckPhrase: newPhrase(digits), Digits: may.rule.Digits, MinValidity: ask.MinValidity, Reuse: may.reuse(),
		CreatedAt: now, ExpiresAt: now.Add(ttl),
		Surfaces: b.places(may, ask.Origin, now),
	}
}

// sameAsk reports whether an open request is the same asking as r. One that
// goes beyond a grant asks for more than its agent did: it is the same for
// whoever asks for all that is new in it and for nothing else than it holds.
func (r Request) sameAsk(open Request) bool {
	covers := len(open.Added) > 0 && holds(r.Scopes, open.Added) && holds(open.Scopes, r.Scopes)
	return open.Agent == r.Agent && open.Session == r.Session && open.Whom() == r.Whom() && open.Renews == "" &&
		open.Target == r.Target && open.Details == r.Details && (covers || slices.Equal(open.Scopes, r.Scopes))
}

// room refuses an ask that would crowd a human.
func (l Limits) room(open []Request, agent, whom string) error {
	open = slices.DeleteFunc(slices.Clone(open), func(r Request) bool { return r.Renews != "" }) // no agent asked for those
	mine := 0
	for _, r := range open {
		if r.Agent == agent {
			mine++
		}
	}
	switch {
	case mine >= l.MaxOpenPerAgentAndHuman:
		p := problem(ProblemTooManyOpen, "agent %q already has %d requests open for %s", agent, mine, whom).
			hint("wait for one of them, or cancel it; do not ask again")
		p.RetryAfter = time.Minute
		return p
	case len(open) >= l.MaxOpenPerHuman:
		p := problem(ProblemTooManyOpen, "%s already has %d requests open", whom, len(open)).
			hint("try again when they have answered some of them")
		p.RetryAfter = time.Minute
		return p
	}
	return nil
}

func suspended(agent, human string) *Problem {
	return problem(ProblemSuspended, "%s said that they did not ask for agent %q; it may not ask them before they allow it again", human, agent).
		hint("do not ask %s again; they can allow the agent again in their inbox, and so can the operator, with authbridge admin lift", human)
}
