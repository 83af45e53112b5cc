package bridge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// Challenge is what is read of the challenge by which a resource refused an
// agent (RFC 6750, section 3), as the agent tells it.
type Challenge struct {
	Error  string   // "invalid_token", "insufficient_scope"; "" = none
	Scopes []string // what the call needs, nil = not said
}

// seekWithin is how long an ask waits for a resource and its issuer. What they
// say later counts for the next one.
const seekWithin = 20 * time.Second

// Words of RFC 6750, section 3.1.
const refusedToken = "invalid_token"

// want is what the ask comes to. Where it names a resource, the resource and
// its issuer are asked first, with no transaction open.
func (b *Bridge) want(ctx context.Context, agent Agent, ask Ask, details Details, whom string) (want, error) {
	if ask.Resource == "" {
		return want{target: Target{Provider: ask.Provider}, scopes: ask.Scopes, details: details}, nil
	}
	resource, err := CanonicalResource(ask.Resource)
	if err != nil {
		return want{}, problem(ProblemInvalidRequest, "\"resource\" is not the URL of a resource: %v", err).
			hint("name it as in https://files.example.com/mcp")
	}
	dir := b.dir()
	w := want{target: Target{Resource: resource}, scopes: ask.Scopes, details: details}
	if !dir.maySeek(agent, w, whom) {
		return want{}, notAllowed(agent, w, whom)
	}
	return b.seek(ctx, dir, agent.Name, w, ask.Challenge)
}

// seek finds out who gives tokens for a resource, and as which client they are
// asked for. What it does is bounded by what the operator has listed.
func (b *Bridge) seek(ctx context.Context, dir *Directory, agent string, w want, met Challenge) (want, error) {
	ctx, cancel := context.WithTimeout(ctx, seekWithin)
	defer cancel()
	resource := w.target.Resource
	entry, _ := dir.resource(resource)
	resources := b.setup.Load().resources
	found, err := resources.Look(ctx, resource, entry)
	if err != nil {
		return want{}, notFoundOut(resource, err)
	}
	if found.Deviation != "" {
		b.log.Warn("a resource is not as the specification has it, and let pass", "resource", resource, "why", found.Deviation)
	}
	at := slices.IndexFunc(found.Issuers, func(issuer string) bool { return slices.Contains(entry.Issuers, issuer) })
	if at < 0 {
		b.noteUnlisted(ctx, resource, agent, found.Issuers)
		return want{}, unknownIssuer(resource, "it wants tokens of %s, and the operator has not listed that for it", Clean(strings.Join(found.Issuers, " or "), maxReason))
	}
	w.target = Target{Issuer: found.Issuers[at], Resource: found.Resource}
	if len(w.scopes) == 0 {
		w.scopes, w.cut = wished(met, found), true
	}
	if p, configured := dir.at(w.target.Issuer); configured {
		w.target.Provider, w.target.ClientID = p.Name, p.ClientID
		return w, nil
	}
	if !entry.PerAgent {
		agent = ""
	}
	w.target.ClientID, err = resources.Client(ctx, w.target.Issuer, agent, w.details.Types())
	switch {
	case err == nil, errors.As(err, &w.refused):
		return w, nil
	case errors.Is(err, ErrStoreUnavailable):
		return want{}, err
	}
	return want{}, cannotSay(issuerHost(w.target.Issuer), err)
}

// wished are the scopes to ask for when the agent names none: those of the
// challenge that it met, else of the resource's own, else all that the resource
// knows (MCP 2026-07-28, "Scope Selection Strategy").
func wished(met Challenge, found Protected) []string {
	for _, scopes := range [][]string{met.Scopes, found.Scopes, found.Supported} {
		if len(scopes) > 0 {
			return scopes
		}
	}
	return nil
}

// notFoundOut is the answer where a resource does not say who gives tokens for
// it.
func notFoundOut(resource string, err error) error {
	if no, ok := errors.AsType[*Refusal](err); ok {
		return unknownIssuer(resource, "%s", no.Cause)
	}
	return cannotSay(issuerHost(resource), err)
}

// cannotSay is the answer where somebody is away whom nobody else can stand in
// for.
func cannotSay(who string, err error) *Problem {
	p := problem(ProblemProviderUnavailable, "%s cannot be asked now: %v", who, err).hint("try again later; nobody was asked")
	busy, _ := errors.AsType[*Unavailable](err)
	p.RetryAfter = longestRest
	if busy != nil && busy.RetryAfter > 0 {
		p.RetryAfter = min(busy.RetryAfter, longestRest)
	}
	return p
}

func unknownIssuer(resource, format string, args ...any) *Problem {
	p := problem(ProblemUnknownIssuer, format, args...)
	p.Detail = "nobody is known who may give tokens for " + resource + ": " + p.Detail
	return p.hint("the operator sees with authbridge admin issuers who was named, and lists whom they trust under resources[].issuers")
}

// UnlistedIssuer is an issuer that a resource named and that the operator has
// not listed for it.
type UnlistedIssuer struct {
	Issuer   string
	Resource string
	Agent    string // who last asked
	First    time.Time
	Last     time.Time // to the hour
}

// How many of them are remembered, and how often one is noted anew: agents ask
// in loops.
const (
	unlistedKept  = 100
	unlistedAgain = time.Hour
)

const (
	unlistedRoom = "resources"
	unlistedNote = "unlisted"
)

// UnlistedIssuers returns the issuers that resources named and nobody has
// listed, those that were named last first.
func (b *Bridge) UnlistedIssuers(ctx context.Context) (all []UnlistedIssuer, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		all, err = readUnlisted(tx)
		return err
	})
	dir := b.dir()
	all = slices.DeleteFunc(all, func(u UnlistedIssuer) bool {
		entry, _ := dir.resource(u.Resource)
		return slices.Contains(entry.Issuers, u.Issuer)
	})
	slices.SortStableFunc(all, func(x, y UnlistedIssuer) int { return y.Last.Compare(x.Last) })
	return all, err
}

// noteUnlisted remembers issuers for the operator. That it cannot is no reason
// to answer the agent otherwise.
func (b *Bridge) noteUnlisted(ctx context.Context, resource, agent string, issuers []string) {
	now := time.Now().UTC().Truncate(time.Second)
	err := b.store.Update(ctx, func(tx Tx) error {
		known, err := readUnlisted(tx)
		if err != nil {
			return err
		}
		after := known
		for _, issuer := range issuers {
			after = remarked(after, UnlistedIssuer{Issuer: issuer, Resource: resource, Agent: agent, First: now, Last: now})
		}
		if slices.Equal(known, after) {
			return nil
		}
		return writeUnlisted(tx, after)
	})
	if err != nil {
		b.log.Warn("note that a resource named an issuer that is not listed", "resource", resource, "err", err)
	}
}

// remarked adds one to those that are known, or says of one that it was named
// again.
func remarked(known []UnlistedIssuer, u UnlistedIssuer) []UnlistedIssuer {
	known = slices.Clone(known)
	at := slices.IndexFunc(known, func(k UnlistedIssuer) bool { return k.Issuer == u.Issuer && k.Resource == u.Resource })
	switch {
	case at >= 0 && u.Last.Sub(known[at].Last) < unlistedAgain:
		return known
	case at >= 0:
		u.First = known[at].First
		known = slices.Delete(known, at, at+1)
	case len(known) >= unlistedKept:
		oldest := slices.MinFunc(known, func(x, y UnlistedIssuer) int { return cmp.Compare(x.Last.Unix(), y.Last.Unix()) })
		known = slices.DeleteFunc(known, func(k UnlistedIssuer) bool { return k == oldest })
	}
	return append(known, u)
}

// readUnlisted reads what was noted. What cannot be read is no loss: it is
// named again.
func readUnlisted(tx ReadTx) (all []UnlistedIssuer, err error) {
	note, err := tx.Note(unlistedRoom, unlistedNote, time.Now())
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err == nil && json.Unmarshal(note, &all) != nil {
		all = nil
	}
	return all, err
}

func writeUnlisted(tx Tx, all []UnlistedIssuer) error {
	note, err := json.Marshal(all)
	if err == nil {
		tx.PutNote(unlistedRoom, unlistedNote, note, time.Time{})
	}
	return err
}
