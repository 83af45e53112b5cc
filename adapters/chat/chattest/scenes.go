// Package chattest is what the tests of every chat have in common: the cards
// that are drawn, what agents and providers could have put on them, a [Desk] to
// press against, and the suites that every adapter passes in a [Lab] of its
// platform: [RunCards], [RunPeople] and [RunFailures]. It is for tests alone.
package chattest

import (
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// Noon is when everything in these scenes was asked.
var Noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// Scene is a card, and what it shows.
type Scene struct {
	Name string
	Card bridge.Card
}

// The buttons of cards, as the bridge labels them.
var (
	PressNotMe    = bridge.Button{Verb: bridge.VerbNotMe, Label: "I did not ask for this"}
	PressDeny     = bridge.Button{Verb: bridge.VerbDeny, Label: "Deny"}
	PressShowCode = bridge.Button{Verb: bridge.VerbShowCode, Label: "Show code"}
	PressNewCode  = bridge.Button{Verb: bridge.VerbShowCode, Label: "Get a new code"}
	PressFinished = bridge.Button{Verb: bridge.VerbFinished, Label: "I have finished"}
	PressClaim    = bridge.Button{Verb: bridge.VerbClaim, Label: "Claim"}
	PressDecline  = bridge.Button{Verb: bridge.VerbDecline, Label: "Decline for the team"}
	PressRelease  = bridge.Button{Verb: bridge.VerbRelease, Label: "Release"}
	PressAgain    = bridge.Button{Verb: bridge.VerbShowAgain, Label: "Show again"}
	PressMine     = bridge.Button{Verb: bridge.VerbMine, Label: "Mine"}
	PressNotMine  = bridge.Button{Verb: bridge.VerbNotMine, Label: "Not mine"}
	PressRevoke   = bridge.Button{Verb: bridge.VerbRevoke, Label: "Revoke"}
	PressAllow    = bridge.Button{Verb: bridge.VerbAllowAgain, Label: "Allow again"}
)

// The cards below are laid down as the bridge lays them down: its own golden
// table of cards has the words.

// With is a card after a change.
func With(c bridge.Card, change func(*bridge.Card)) bridge.Card { change(&c); return c }

// RequestNamed is the id of a request that ends in four letters.
func RequestNamed(end string) bridge.RequestID {
	return bridge.RequestID("req_0000000000000000000000" + end)
}

// AskedCard is a request that was just asked.
func AskedCard() bridge.Card {
	return bridge.Card{
		Request: RequestNamed("7f3k"), State: bridge.Asked, Agent: "helper",
		Headline: "Access request", Title: "helper wants corp",
		Who:    "helper, on alice's laptop, local user 1001, yours",
		Scopes: []bridge.ScopeLine{{Words: "read your files", Scope: "files:read"}, {Scope: "calendar:read"}},
		Reuse:  8 * time.Hour, Says: []string{"summarise the Q3 planning folder", "ticket 4127"},
		Phrase: "amber falcon 42", Host: "login.example.com",
		AskedAt: Noon, OpenTo: Noon.Add(24 * time.Hour),
		Buttons: []bridge.Button{PressNotMe, PressDeny, PressShowCode},
	}
}

// MintingCard is one for which a code is on its way.
func MintingCard() bridge.Card {
	return With(AskedCard(), func(c *bridge.Card) {
		c.Minting, c.Buttons = true, []bridge.Button{PressNotMe, PressDeny}
	})
}

// CodedCard is one with its code.
func CodedCard() bridge.Card {
	return With(AskedCard(), func(c *bridge.Card) {
		c.State, c.Buttons = bridge.Coded, []bridge.Button{PressNotMe, PressDeny, PressFinished}
		c.Code = &bridge.ShownCode{
			UserCode: bridge.NewSecret("WDJB-MJHT"), Address: "https://login.example.com/device",
			Open: bridge.NewSecret("https://login.example.com/device?user_code=WDJB-MJHT"),
			Host: "login.example.com", LapsesAt: Noon.Add(15 * time.Minute),
		}
	})
}

// HeldCard is one that was granted; whose account it was is being looked at.
func HeldCard() bridge.Card {
	return With(MintingCard(), func(c *bridge.Card) {
		c.State, c.Minting, c.Headline, c.OpenTo = bridge.Held, false, "Checking the account", Noon.Add(15*time.Minute)
	})
}

// DigitsCard is one whose code is shown only to who types the digits.
func DigitsCard() bridge.Card {
	return With(AskedCard(), func(c *bridge.Card) { c.Phrase, c.Digits = "amber falcon", true })
}

// PrivateScenes are open requests, as the one who can grant them sees them.
func PrivateScenes() []Scene {
	asked := AskedCard()
	return []Scene{
		{"asked", asked},
		{"asked without words or scopes", With(asked, func(c *bridge.Card) { c.Says, c.Scopes, c.Reuse = nil, nil, 0 })},
		{"asked for more than was given", With(asked, func(c *bridge.Card) {
			c.Scopes = []bridge.ScopeLine{{Words: "read your files", Scope: "files:read"}, {Words: "write your files", Scope: "https://login.example.com/auth/files.write", New: true}}
		})},
		{"asked with authorization details", With(asked, func(c *bridge.Card) {
			c.Details = []string{"type: payment_initiation; actions: initiate, status; amount: (currency: EUR, value: 12.50)", "and to: “DE02 1001; Example”"}
		})},
		{"renewal", With(asked, func(c *bridge.Card) {
			c.Headline, c.Title, c.Renewal, c.Says, c.Phrase = "Access has run out", "helper's access to corp has run out; renew it?", true, nil, ""
		})},
		{"the code is on its way", MintingCard()},
		{"no code could be had", With(asked, func(c *bridge.Card) {
			c.Note = "The provider corp could not give a code just now. You can try once more."
		})},
		{"coded", CodedCard()},
		{"coded, and the digits were typed", With(CodedCard(), func(c *bridge.Card) {
			c.Phrase, c.Code.Open = "amber falcon", bridge.NewSecret(c.Code.Address)
		})},
		{"coded, at a provider on this machine", With(CodedCard(), func(c *bridge.Card) {
			c.Host, c.Code.Address, c.Code.Host = "127.0.0.1:41873", "http://127.0.0.1:41873/device", "127.0.0.1:41873"
			c.Code.Open = bridge.NewSecret(c.Code.Address)
		})},
		{"the code has lapsed", With(asked, func(c *bridge.Card) {
			c.Buttons, c.Note = []bridge.Button{PressNotMe, PressDeny, PressNewCode}, "The code has lapsed; the request is still open."
		})},
		{"asked for digits", DigitsCard()},
		{"asked for digits, one try missed", With(DigitsCard(), func(c *bridge.Card) {
			c.Note = "These are not the digits that helper shows. Two tries are left."
		})},
		{"the provider does not tell accounts", With(asked, func(c *bridge.Card) {
			c.Whose = "login.example.com may not tell the bridge whose account signs in: see to it yourself that it is yours."
		})},
		{"granted, being checked", HeldCard()},
		{"whose account is it", With(HeldCard(), func(c *bridge.Card) {
			c.Question, c.OpenTo = "Signed in as Octo Cat (583231) at login.example.com: mine / not mine?", Noon.Add(10*time.Minute)
			c.Buttons = []bridge.Button{PressNotMe, PressDeny, PressNotMine, PressMine}
		})},
		{"claimed for the team, with the code", With(CodedCard(), func(c *bridge.Card) {
			c.Team, c.Reuse, c.Claim = "oncall", 4*time.Hour, bridge.Claim{By: "alice", At: Noon, Until: Noon.Add(15 * time.Minute)}
			c.Buttons = append(c.Buttons, PressRelease)
		})},
	}
}

// EndedCard is a request that is over, for the one who was asked.
func EndedCard(state bridge.State, headline, ending string) bridge.Card {
	c := AskedCard()
	return bridge.Card{
		Request: c.Request, State: state, Agent: c.Agent, Headline: headline, Title: c.Title, Who: c.Who,
		Scopes: c.Scopes, Reuse: c.Reuse, Host: c.Host, AskedAt: c.AskedAt, EndedAt: Noon.Add(5 * time.Minute), Ending: ending,
	}
}

// GivenCard is one that was approved.
func GivenCard() bridge.Card {
	return With(EndedCard(bridge.Collected, "Approved", "helper has access. You signed in as alice@example.com. Revoke ends it sooner."), func(c *bridge.Card) {
		c.UsedAt, c.Until, c.Live, c.Buttons = Noon.Add(time.Hour), Noon.Add(8*time.Hour), true, []bridge.Button{PressRevoke}
	})
}

// EndedScenes are how it ends, for the one who was asked.
func EndedScenes() []Scene {
	given := GivenCard()
	return []Scene{
		{"approved, not collected yet", With(given, func(c *bridge.Card) { c.State, c.EndedAt, c.UsedAt = bridge.Granted, time.Time{}, time.Time{} })},
		{"approved", given},
		{"approved, and withheld", With(given, func(c *bridge.Card) {
			c.Live, c.Ending = false, "What helper has is withheld while it may not ask you. You signed in as alice@example.com. Revoke ends it for good."
		})},
		{"approved, and lost at the provider", With(given, func(c *bridge.Card) {
			c.Ending, c.Live = "helper had access until login.example.com ended it. You signed in as alice@example.com. Revoke takes it off your list.", false
			c.UsedAt, c.Until, c.EndedAt = time.Time{}, time.Time{}, time.Time{}
		})},
		{"revoked", With(EndedCard(bridge.Collected, "Revoked", "You took back what helper had. It gets nothing more here; login.example.com is being told."), func(c *bridge.Card) { c.Until = Noon.Add(2 * time.Hour) })},
		{"denied", EndedCard(bridge.Denied, "Denied", "You denied it. helper got nothing.")},
		{"not me", With(EndedCard(bridge.Denied, "Denied", "You did not ask for this. helper got nothing. It may not ask you before you allow it again."), func(c *bridge.Card) { c.Buttons = []bridge.Button{PressAllow} })},
		{"expired", EndedCard(bridge.Expired, "Expired", "Nobody answered in time. helper got nothing.")},
		{"cancelled after a code", EndedCard(bridge.Cancelled, "Cancelled", "helper withdrew the request. You need do nothing. If you typed the code, what came of it is thrown away.")},
		{"failed", EndedCard(bridge.Failed, "Failed", "The provider offers no device grant: unauthorized_client. helper got nothing.")},
		{"somebody else's account", EndedCard(bridge.Failed, "Not used", "You signed in as bob@example.com; this request expected alice@example.com. What you gave was thrown away.")},
		{"shown again below", ClosedCard("Shown again below.")},
		{"released", ClosedCard("You released this.")},
		{"the claim has lapsed", ClosedCard("Your claim has lapsed. What you typed of the code leads to nothing.")},
		{"claimed, and over by now", With(ClosedCard("This is not yours any more."), func(c *bridge.Card) { c.State, c.Team = bridge.Collected, "oncall" })},
		{"approved, with authorization details", With(given, func(c *bridge.Card) { c.Details = []string{"type: payment_initiation; amount: 12 EUR"} })},
	}
}

// ClosedCard is what is left of a private card that was closed before its
// request was over.
func ClosedCard(why string) bridge.Card {
	return bridge.Card{Request: RequestNamed("7f3k"), State: bridge.Coded, Agent: "helper", Headline: "Closed", Title: "helper wants corp", Ending: why, AskedAt: Noon}
}

// SharedCard is what all of a team see of a request that nobody has claimed.
func SharedCard() bridge.Card {
	return With(AskedCard(), func(c *bridge.Card) {
		c.View, c.Shared, c.Team, c.Reuse, c.Phrase = bridge.ViewTeam, true, "oncall", 4*time.Hour, ""
		c.Headline, c.Agent, c.Title, c.Who = "Waiting for someone to claim", "ci", "ci wants files.mcp.example.com", "ci, known by its key, bob's"
		c.Buttons = []bridge.Button{PressClaim, PressDecline}
	})
}

// ClaimedCard is the same, claimed.
func ClaimedCard() bridge.Card {
	return With(SharedCard(), func(c *bridge.Card) {
		c.Headline, c.OpenTo = "Claimed by alice", time.Time{}
		c.Claim = bridge.Claim{By: "alice", At: Noon.Add(6 * time.Minute), Until: Noon.Add(21 * time.Minute)}
		c.Buttons = []bridge.Button{PressRelease, PressAgain}
	})
}

// TeamEnded is what all of a team see of a request that is over.
func TeamEnded(state bridge.State, headline, ending string) bridge.Card {
	return With(EndedCard(state, headline, ending), func(c *bridge.Card) {
		c.View, c.Shared, c.Team, c.Agent, c.Title = bridge.ViewTeam, true, "oncall", "ci", "ci wants files.mcp.example.com"
	})
}

// TeamScenes are what everybody in a team's channel sees.
func TeamScenes() []Scene {
	return []Scene{
		{"waiting", SharedCard()},
		{"waiting, for one token", With(SharedCard(), func(c *bridge.Card) { c.Reuse = 0 })},
		{"waiting, with authorization details", With(SharedCard(), func(c *bridge.Card) { c.Details = []string{"type: payment_initiation; amount: 12 EUR"} })},
		{"waiting for digits", With(SharedCard(), func(c *bridge.Card) { c.Digits = true })},
		{"released", With(SharedCard(), func(c *bridge.Card) { c.Note = "Released by bob." })},
		{"claimed", ClaimedCard()},
		{"granted, being checked", With(ClaimedCard(), func(c *bridge.Card) {
			c.State, c.Headline, c.Buttons = bridge.Held, "Granted with alice's code, being checked", nil
		})},
		{"approved", With(TeamEnded(bridge.Collected, "Approved", "Approved by alice. ci has access."), func(c *bridge.Card) { c.Live, c.Until = true, Noon.Add(4*time.Hour) })},
		{"declined", TeamEnded(bridge.Denied, "Denied", "Declined for the team by bob. ci got nothing.")},
		{"expired", TeamEnded(bridge.Expired, "Expired", "Nobody finished it in time. ci got nothing.")},
		{"cancelled", TeamEnded(bridge.Cancelled, "Cancelled", "ci withdrew the request.")},
		{"did not pass the check", TeamEnded(bridge.Failed, "Not used", "The account that granted did not pass the check. ci got nothing.")},
	}
}

// LineCard is what stands in the agent's own thread, or below a card that
// nobody has answered.
func LineCard(view bridge.View, headline, title, note, ending string) bridge.Card {
	return bridge.Card{View: view, Request: RequestNamed("7f3k"), State: bridge.Asked, Agent: "helper", Headline: headline, Title: title, Note: note, Ending: ending, AskedAt: Noon}
}

// LineScenes are notices and reminders.
func LineScenes() []Scene {
	const asks = "helper has asked alice for corp."
	return []Scene{
		{"a notice", LineCard(bridge.ViewNotice, "Asked", asks, "", "")},
		{"a notice, and the card is there", LineCard(bridge.ViewNotice, "Asked", asks, "Reached in Slack and the inbox.", "")},
		{"a notice at the end", LineCard(bridge.ViewNotice, "Approved", asks, "", "alice approved.")},
		{"a notice that nobody answered", LineCard(bridge.ViewNotice, "Expired", "helper has asked oncall for corp.", "", "Nobody answered.")},
		{"a reminder", With(LineCard(bridge.ViewReminder, "Still waiting", "helper wants corp", "Nobody has answered yet.", ""), func(c *bridge.Card) { c.OpenTo = Noon.Add(24 * time.Hour) })},
		{"a reminder at the end", LineCard(bridge.ViewReminder, "Taken up", "helper wants corp", "", "The card says how it stands.")},
	}
}
