package chat

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/authbridge/authbridge/bridge"
)

// scopes says in one line for each what the agent wants.
func scopes(c bridge.Card) []string {
	if len(c.Scopes) == 0 {
		return []string{"No scopes are named: " + Host(c) + " decides what it gives."}
	}
	var lines []string
	for _, one := range c.Scopes {
		lines = append(lines, "• "+scopeLine(one))
	}
	return lines
}

// what says what the agent wants: scopes, and below them authorization details.
func what(c bridge.Card) []string {
	lines := scopes(c)
	switch {
	case len(c.Details) == 0:
		return lines
	case c.Ending != "":
		lines = append(lines, "Details, as granted:")
	default:
		lines = append(lines, "Details, as asked for (not checked):")
	}
	for _, one := range c.Details {
		lines = append(lines, "• "+Clean(one, MaxDetail))
	}
	return lines
}

// Fit is as many of some scopes as fit into a length, with a line that says
// how many are left out, if any are.
func Fit(scopes []string, length func(string) int, most int) []string {
	size := 0
	for i, line := range scopes {
		if size += length(line); size > most {
			return append(slices.Clone(scopes[:i]), fmt.Sprintf("… and %d more, too many to show. If you do not know what they are, deny this.", len(scopes)-i))
		}
	}
	return scopes
}

func scopeLine(s bridge.ScopeLine) string {
	line := Clean(s.Scope, MaxScope)
	if said := Clean(s.Words, MaxScope); line == "" {
		line = said
	} else if said != "" {
		line = said + " (" + line + ")"
	} else {
		line += " (no description on file)"
	}
	if s.New {
		line += ", new"
	}
	return line
}

// howLong says for how long the human's yes counts.
func howLong(c bridge.Card) string {
	agent, team := Clean(c.Agent, MaxTitle), Clean(c.Team, MaxTitle)
	switch {
	case c.Reuse > 0 && team != "" && Shared(c):
		return fmt.Sprintf("For %s from the yes of whoever claims it, then it is taken back; until then %s may ask %s again without you. It belongs to whoever gives it.", counted(c.Reuse), agent, team)
	case c.Reuse > 0 && team != "":
		return fmt.Sprintf("For %s from your yes, then it is taken back; until then %s may ask %s again without you. It is yours to take back.", counted(c.Reuse), agent, team)
	case c.Reuse > 0:
		return fmt.Sprintf("For %s from your yes, then it is taken back; until then %s may ask again without you.", counted(c.Reuse), agent)
	case team != "":
		return fmt.Sprintf("One token, for as long as the provider lets it live; %s has to ask %s again every time.", agent, team)
	}
	return fmt.Sprintf("One token, for as long as the provider lets it live; %s has to ask you again every time.", agent)
}

// says are the agent's words, a line each, in quotes.
func (s sheet) says(c bridge.Card) []string {
	const most = 2900
	var lines []string
	size := 0
	for i, one := range c.Says {
		limit := maxMore
		if i == 0 {
			limit = maxReason
		}
		said := Clean(one, limit)
		if said == "" {
			continue
		}
		line := "“" + said + "”"
		if size += s.Length(line) + 1; size > most || len(lines) == maxSays {
			return append(lines, "…")
		}
		lines = append(lines, line)
	}
	return lines
}

// Host is where access is granted, in words.
func Host(c bridge.Card) string {
	if at := Clean(c.Host, MaxTitle); at != "" {
		return at
	}
	return "the provider's own page"
}

// OpenTo says how long the request waits, as small print.
func OpenTo(c bridge.Card) []Span {
	switch {
	case c.OpenTo.IsZero(), c.State == bridge.Held && !Shared(c) && c.Question == "":
		return nil
	case !Shared(c) && !c.Claim.Until.IsZero():
		return []Span{Words("Yours until "), At(c.Claim.Until), Words(", then others of the team can claim it. Open until "), At(c.OpenTo)}
	}
	return []Span{Words("Open until "), At(c.OpenTo)}
}

// Times are those of a request that is over, as small print.
func Times(c bridge.Card) []Span {
	var all []Span
	switch {
	case c.Live && c.UsedAt.IsZero():
		all = append(all, Words("Not used yet"))
	case c.Live:
		all = append(all, Words("Last used "), At(c.UsedAt))
	}
	switch {
	case !c.Until.IsZero() && !c.Live && len(c.Buttons) == 0: // what is over is not revoked, or withheld, until then
		return Also(all, Words("Access until "), At(c.Until))
	case !c.Until.IsZero():
		return Also(all, Words("Until "), At(c.Until))
	case !c.EndedAt.IsZero():
		return Also(all, Words("Ended "), At(c.EndedAt))
	case !c.AskedAt.IsZero():
		return Also(all, Words("Asked "), At(c.AskedAt))
	}
	return all
}

// Also adds small print to small print.
func Also(all []Span, more ...Span) []Span {
	if len(all) > 0 && len(more) > 0 {
		all = append(all, Words(" · "))
	}
	return append(all, more...)
}

// approved reports whether the human gave what was asked, even if this request
// ended otherwise because another one of the agent had it.
func approved(c bridge.Card) bool {
	revocable := slices.ContainsFunc(c.Buttons, func(b bridge.Button) bool { return b.Verb == bridge.VerbRevoke })
	return c.State == bridge.Granted || c.State == bridge.Collected || !c.Until.IsZero() || revocable
}

// Named is how people name a request to each other.
func Named(c bridge.Card) string {
	short := c.Request.Short()
	if strings.ContainsFunc(short, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		return "req ?"
	}
	return "req " + short
}
