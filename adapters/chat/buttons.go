package chat

import (
	"slices"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// Spoken is what a button does, for who hears it after what is written on it;
// "" = nothing more.
func Spoken(v bridge.Verb) string { return spoken[v] }

// spoken is read only.
var spoken = map[bridge.Verb]string{
	bridge.VerbShowCode:   "to you alone",
	bridge.VerbDeny:       "this request; it ends",
	bridge.VerbNotMe:      "the agent may not ask you again",
	bridge.VerbClaim:      "this request for yourself, and show the code",
	bridge.VerbRelease:    "the request for the others of the team",
	bridge.VerbDecline:    "the request ends for everybody",
	bridge.VerbShowAgain:  "the card, below what came since",
	bridge.VerbMine:       "the account that signed in is mine",
	bridge.VerbNotMine:    "the account that signed in is not mine",
	bridge.VerbRevoke:     "what you gave this agent",
	bridge.VerbAllowAgain: "this agent may ask you",
	bridge.VerbFinished:   "at the provider's page",
}

// verbs are those that a button can have.
var verbs = []bridge.Verb{
	bridge.VerbShowCode, bridge.VerbDeny, bridge.VerbNotMe, bridge.VerbClaim, bridge.VerbRelease, bridge.VerbDecline,
	bridge.VerbShowAgain, bridge.VerbMine, bridge.VerbNotMine, bridge.VerbRevoke, bridge.VerbAllowAgain,
	bridge.VerbOpened, bridge.VerbFinished,
}

// IsVerb reports whether a button can have a verb.
func IsVerb(v bridge.Verb) bool { return slices.Contains(verbs, v) }

// Weighty reports whether somebody's standing at the platform is to be looked
// at once more before a verb is done: it shows a code, or takes something away.
func Weighty(v bridge.Verb) bool {
	return v == bridge.VerbShowCode || v == bridge.VerbClaim || v == bridge.VerbRevoke
}

// waysOut are the verbs that stand first where a code is to be seen. Refusing
// comes before going on.
var waysOut = []bridge.Verb{bridge.VerbNotMe, bridge.VerbDeny}

// InOrder are the buttons of a card in the order to show, Open among them.
func InOrder(c bridge.Card) []bridge.Button {
	all := slices.Clone(c.Buttons)
	if c.Code == nil {
		return all
	}
	at := slices.IndexFunc(all, func(b bridge.Button) bool { return b.Verb == bridge.VerbFinished })
	if at < 0 {
		at = len(all)
	}
	all = slices.Insert(all, at, bridge.Button{Verb: bridge.VerbOpened, Label: openLabel(c.Code.Open.Reveal())})
	slices.SortStableFunc(all, func(a, b bridge.Button) int { return rank(a) - rank(b) })
	return all
}

func rank(b bridge.Button) int {
	if i := slices.Index(waysOut, b.Verb); i >= 0 {
		return i
	}
	return len(waysOut)
}

// maxOpen bounds the label that names where a button leads.
const maxOpen = 75

// openLabel names where the button leads: the end of a name too long for it,
// which says whose it is.
func openLabel(address string) string {
	at, _ := AtPath(strings.TrimPrefix(address, "http://"))
	if most := maxOpen - len("Open "); len(at) > most {
		at = "…" + at[len(at)-most+1:] // an address is ASCII
	}
	return "Open " + at
}

// Sure is what is asked once more before a verb is done, and what is written on
// the buttons that say so, or leave it; all "" for one that is done at once.
func Sure(v bridge.Verb) (title, body, yes, no string) {
	switch v { //nolint:exhaustive // the others are done at once
	case bridge.VerbDecline:
		return "Decline for the team?", "The request ends for everybody in the team.", "Decline", "Keep"
	case bridge.VerbRevoke:
		return "Revoke?", "The agent loses this access now.", "Revoke", "Keep"
	}
	return "", "", "", ""
}
