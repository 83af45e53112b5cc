package chat

import (
	"fmt"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// byName finds the card that a human means by what they typed: the end of its
// request's id, or the whole. Two that it could be are none.
func byName(all []bridge.Card, typed string) (found bridge.Card, ok bool) {
	for _, c := range all {
		if !strings.EqualFold(typed, c.Request.Short()) && !strings.EqualFold(typed, string(c.Request)) {
			continue
		}
		if ok {
			return bridge.Card{}, false
		}
		found, ok = c, true
	}
	return found, ok
}

// Cut is the first most of a list, and how many it leaves out.
func Cut[T any](all []T, most int) (some []T, more int) {
	if len(all) <= most {
		return all, 0
	}
	return all[:most], len(all) - most
}

// InShort names some scopes in a line of its own.
func InShort(all []bridge.ScopeLine) string {
	if len(all) == 0 {
		return ""
	}
	some, more := Cut(all, 5)
	var names []string
	for _, one := range some {
		name := Clean(one.Words, 60)
		if name == "" {
			name = Clean(one.Scope, 60)
		}
		names = append(names, name)
	}
	if more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return "\n" + strings.Join(names, "; ")
}

// DrawFinding draws whether a code is from here, for this human, of one that
// is. It does not repeat the code.
func DrawFinding(p Pen, found bridge.CodeFinding) {
	p.Line(Bold("This code was made for you."), Words(" "+Clean(found.Agent, MaxTitle)+" has asked. Enter it only at "), Bold(Clean(found.Host, MaxTitle)), Words("."))
	p.Aside(Words(Named(bridge.Card{Request: found.Request})+" · it lapses "), At(found.LapsesAt))
}

// DrawWhoami draws who somebody is here.
func DrawWhoami(p Pen, human string) {
	p.Line(Words("You are "), Bold(Clean(human, MaxTitle)), Words(" here."))
}
