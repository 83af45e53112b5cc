package slack

import (
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// noon is when everything in these scenes was asked.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// scene is a card, and what it shows.
type scene struct {
	name string
	card bridge.Card
}

var (
	pressNotMe    = bridge.Button{Verb: bridge.VerbNotMe, Label: "I did not ask for this"}
	pressDeny     = bridge.Button{Verb: bridge.VerbDeny, Label: "Deny"}
	pressShowCode = bridge.Button{Verb: bridge.VerbShowCode, Label: "Show code"}
	pressNewCode  = bridge.Button{Verb: bridge.VerbShowCode, Label: "Get a new code"}
	pressFinished = bridge.Button{Verb: bridge.VerbFinished, Label: "I have finished"}
	pressClaim    = bridge.Button{Verb: bridge.VerbClaim, Label: "Claim"}
	pressDecline  = bridge.Button{Verb: bridge.VerbDecline, Label: "Decline for the team"}
	pressRelease  = bridge.Button{Verb: bridge.VerbRelease, Label: "Release"}
	pressAgain    = bridge.Button{Verb: bridge.VerbShowAgain, Label: "Show again"}
	pressMine     = bridge.Button{Verb: bridge.VerbMine, Label: "Mine"}
	pressNotMine  = bridge.Button{Verb: bridge.VerbNotMine, Label: "Not mine"}
	pressRevoke   = bridge.Button{Verb: bridge.VerbRevoke, Label: "Revoke"}
	pressAllow    = bridge.Button{Verb: bridge.VerbAllowAgain, Label: "Allow again"}
)

// The cards below are laid down as the bridge lays them down: its own golden
// table of cards has the words.

// with is a card after a change.
func with(c bridge.Card, change func(*bridge.Card)) bridge.Card { change(&c); return c }

func requestNamed(end string) bridge.RequestID {
	return bridge.RequestID("req_0000000000000000000000" + end)
}

func askedCard() bridge.Card {
	return bridge.Card{
		Request: requestNamed("7f3k"), State: bridge.Asked, Agent: "helper",
		Headline: "Access request", Title: "helper wants corp",
		Who:    "helper, on alice's laptop, local user 1001, yours",
		Scopes: []bridge.ScopeLine{{Words: "read your files", Scope: "files:read"}, {Scope: "calendar:read"}},
		Reuse:  8 * time.Hour, Says: []string{"summarise the Q3 planning folder", "ticket 4127"},
		Phrase: "amber falcon 42", Host: "login.example.com",
		AskedAt: noon, OpenTo: noon.Add(24 * time.Hour),
		Buttons: []bridge.Button{pressNotMe, pressDeny, pressShowCode},
	}
}

func mintingCard() bridge.Card {
	return with(askedCard(), func(c *bridge.Card) {
		c.Minting, c.Buttons = true, []bridge.Button{pressNotMe, pressDeny}
	})
}

func codedCard() bridge.Card {
	return with(askedCard(), func(c *bridge.Card) {
		c.State, c.Buttons = bridge.Coded, []bridge.Button{pressNotMe, pressDeny, pressFinished}
		c.Code = &bridge.ShownCode{
			UserCode: bridge.NewSecret("WDJB-MJHT"), Address: "https://login.example.com/device",
			Open: bridge.NewSecret("https://login.example.com/device?user_code=WDJB-MJHT"),
			Host: "login.example.com", LapsesAt: noon.Add(15 * time.Minute),
		}
	})
}

func heldCard() bridge.Card {
	return with(mintingCard(), func(c *bridge.Card) {
		c.State, c.Minting, c.Headline, c.OpenTo = bridge.Held, false, "Checking the account", noon.Add(15*time.Minute)
	})
}

func digitsCard() bridge.Card {
	return with(askedCard(), func(c *bridge.Card) { c.Phrase, c.Digits = "amber falcon", true })
}

// privateScenes are open requests, as the one who can grant them sees them.
func privateScenes() []scene {
	asked := askedCard()
	return []scene{
		{"asked", asked},
		{"asked without words or scopes", with(asked, func(c *bridge.Card) { c.Says, c.Scopes, c.Reuse = nil, nil, 0 })},
		{"asked for more than was given", with(asked, func(c *bridge.Card) {
			c.Scopes = []bridge.ScopeLine{{Words: "read your files", Scope: "files:read"}, {Words: "write your files", Scope: "https://login.example.com/auth/files.write", New: true}}
		})},
		{"renewal", with(asked, func(c *bridge.Card) {
			c.Headline, c.Title, c.Renewal, c.Says, c.Phrase = "Access has run out", "helper's access to corp has run out; renew it?", true, nil, ""
		})},
		{"the code is on its way", mintingCard()},
		{"no code could be had", with(asked, func(c *bridge.Card) {
			c.Note = "The provider corp could not give a code just now. You can try once more."
		})},
		{"coded", codedCard()},
		{"coded, and the digits were typed", with(codedCard(), func(c *bridge.Card) {
			c.Phrase, c.Code.Open = "amber falcon", bridge.NewSecret(c.Code.Address)
		})},
		{"coded, at a provider on this machine", with(codedCard(), func(c *bridge.Card) {
			c.Host, c.Code.Address, c.Code.Host = "127.0.0.1:41873", "http://127.0.0.1:41873/device", "127.0.0.1:41873"
			c.Code.Open = bridge.NewSecret(c.Code.Address)
		})},
		{"the code has lapsed", with(asked, func(c *bridge.Card) {
			c.Buttons, c.Note = []bridge.Button{pressNotMe, pressDeny, pressNewCode}, "The code has lapsed; the request is still open."
		})},
		{"asked for digits", digitsCard()},
		{"asked for digits, one try missed", with(digitsCard(), func(c *bridge.Card) {
			c.Note = "These are not the digits that helper shows. Two tries are left."
		})},
		{"the provider does not tell accounts", with(asked, func(c *bridge.Card) {
			c.Whose = "login.example.com may not tell the bridge whose account signs in: see to it yourself that it is yours."
		})},
		{"granted, being checked", heldCard()},
		{"whose account is it", with(heldCard(), func(c *bridge.Card) {
			c.Question, c.OpenTo = "Signed in as Octo Cat (583231) at login.example.com: mine / not mine?", noon.Add(10*time.Minute)
			c.Buttons = []bridge.Button{pressNotMe, pressDeny, pressNotMine, pressMine}
		})},
		{"claimed for the team, with the code", with(codedCard(), func(c *bridge.Card) {
			c.Team, c.Reuse, c.Claim = "oncall", 4*time.Hour, bridge.Claim{By: "alice", At: noon, Until: noon.Add(15 * time.Minute)}
			c.Buttons = append(c.Buttons, pressRelease)
		})},
	}
}

func endedCard(state bridge.State, headline, ending string) bridge.Card {
	c := askedCard()
	return bridge.Card{
		Request: c.Request, State: state, Agent: c.Agent, Headline: headline, Title: c.Title, Who: c.Who,
		Scopes: c.Scopes, Reuse: c.Reuse, Host: c.Host, AskedAt: c.AskedAt, EndedAt: noon.Add(5 * time.Minute), Ending: ending,
	}
}

func givenCard() bridge.Card {
	return with(endedCard(bridge.Collected, "Approved", "helper has access. You signed in as alice@example.com. Revoke ends it sooner."), func(c *bridge.Card) {
		c.UsedAt, c.Until, c.Live, c.Buttons = noon.Add(time.Hour), noon.Add(8*time.Hour), true, []bridge.Button{pressRevoke}
	})
}

// endedScenes are how it ends, for the one who was asked.
func endedScenes() []scene {
	given := givenCard()
	return []scene{
		{"approved, not collected yet", with(given, func(c *bridge.Card) { c.State, c.EndedAt, c.UsedAt = bridge.Granted, time.Time{}, time.Time{} })},
		{"approved", given},
		{"approved, and withheld", with(given, func(c *bridge.Card) {
			c.Live, c.Ending = false, "What helper has is withheld while it may not ask you. You signed in as alice@example.com. Revoke ends it for good."
		})},
		{"approved, and lost at the provider", with(given, func(c *bridge.Card) {
			c.Ending, c.Live = "helper had access until login.example.com ended it. You signed in as alice@example.com. Revoke takes it off your list.", false
			c.UsedAt, c.Until, c.EndedAt = time.Time{}, time.Time{}, time.Time{}
		})},
		{"revoked", with(endedCard(bridge.Collected, "Revoked", "You took back what helper had. It gets nothing more here; login.example.com is being told."), func(c *bridge.Card) { c.Until = noon.Add(2 * time.Hour) })},
		{"denied", endedCard(bridge.Denied, "Denied", "You denied it. helper got nothing.")},
		{"not me", with(endedCard(bridge.Denied, "Denied", "You did not ask for this. helper got nothing. It may not ask you before you allow it again."), func(c *bridge.Card) { c.Buttons = []bridge.Button{pressAllow} })},
		{"expired", endedCard(bridge.Expired, "Expired", "Nobody answered in time. helper got nothing.")},
		{"cancelled after a code", endedCard(bridge.Cancelled, "Cancelled", "helper withdrew the request. You need do nothing. If you typed the code, what came of it is thrown away.")},
		{"failed", endedCard(bridge.Failed, "Failed", "The provider offers no device grant: unauthorized_client. helper got nothing.")},
		{"somebody else's account", endedCard(bridge.Failed, "Not used", "You signed in as bob@example.com; this request expected alice@example.com. What you gave was thrown away.")},
		{"shown again below", closedCard("Shown again below.")},
		{"released", closedCard("You released this.")},
		{"the claim has lapsed", closedCard("Your claim has lapsed. What you typed of the code leads to nothing.")},
		{"claimed, and over by now", with(closedCard("This is not yours any more."), func(c *bridge.Card) { c.State, c.Team = bridge.Collected, "oncall" })},
	}
}

// closedCard is what is left of a private card that was closed before its
// request was over.
func closedCard(why string) bridge.Card {
	return bridge.Card{Request: requestNamed("7f3k"), State: bridge.Coded, Agent: "helper", Headline: "Closed", Title: "helper wants corp", Ending: why, AskedAt: noon}
}

func sharedCard() bridge.Card {
	return with(askedCard(), func(c *bridge.Card) {
		c.View, c.Shared, c.Team, c.Reuse, c.Phrase = bridge.ViewTeam, true, "oncall", 4*time.Hour, ""
		c.Headline, c.Agent, c.Title, c.Who = "Waiting for someone to claim", "ci", "ci wants files.mcp.example.com", "ci, known by its key, bob's"
		c.Buttons = []bridge.Button{pressClaim, pressDecline}
	})
}

func claimedCard() bridge.Card {
	return with(sharedCard(), func(c *bridge.Card) {
		c.Headline, c.OpenTo = "Claimed by alice", time.Time{}
		c.Claim = bridge.Claim{By: "alice", At: noon.Add(6 * time.Minute), Until: noon.Add(21 * time.Minute)}
		c.Buttons = []bridge.Button{pressRelease, pressAgain}
	})
}

func teamEnded(state bridge.State, headline, ending string) bridge.Card {
	return with(endedCard(state, headline, ending), func(c *bridge.Card) {
		c.View, c.Shared, c.Team, c.Agent, c.Title = bridge.ViewTeam, true, "oncall", "ci", "ci wants files.mcp.example.com"
	})
}

// teamScenes are what everybody in a team's channel sees.
func teamScenes() []scene {
	return []scene{
		{"waiting", sharedCard()},
		{"waiting, for one token", with(sharedCard(), func(c *bridge.Card) { c.Reuse = 0 })},
		{"waiting for digits", with(sharedCard(), func(c *bridge.Card) { c.Digits = true })},
		{"released", with(sharedCard(), func(c *bridge.Card) { c.Note = "Released by bob." })},
		{"claimed", claimedCard()},
		{"granted, being checked", with(claimedCard(), func(c *bridge.Card) {
			c.State, c.Headline, c.Buttons = bridge.Held, "Granted with alice's code, being checked", nil
		})},
		{"approved", with(teamEnded(bridge.Collected, "Approved", "Approved by alice. ci has access."), func(c *bridge.Card) { c.Live, c.Until = true, noon.Add(4*time.Hour) })},
		{"declined", teamEnded(bridge.Denied, "Denied", "Declined for the team by bob. ci got nothing.")},
		{"expired", teamEnded(bridge.Expired, "Expired", "Nobody finished it in time. ci got nothing.")},
		{"cancelled", teamEnded(bridge.Cancelled, "Cancelled", "ci withdrew the request.")},
		{"did not pass the check", teamEnded(bridge.Failed, "Not used", "The account that granted did not pass the check. ci got nothing.")},
	}
}

// lineCard is what stands in the agent's own thread, or below a card that
// nobody has answered.
func lineCard(view bridge.View, headline, title, note, ending string) bridge.Card {
	return bridge.Card{View: view, Request: requestNamed("7f3k"), State: bridge.Asked, Agent: "helper", Headline: headline, Title: title, Note: note, Ending: ending, AskedAt: noon}
}

func lineScenes() []scene {
	const asks = "helper has asked alice for corp."
	return []scene{
		{"a notice", lineCard(bridge.ViewNotice, "Asked", asks, "", "")},
		{"a notice, and the card is there", lineCard(bridge.ViewNotice, "Asked", asks, "Reached in Slack and the inbox.", "")},
		{"a notice at the end", lineCard(bridge.ViewNotice, "Approved", asks, "", "alice approved.")},
		{"a notice that nobody answered", lineCard(bridge.ViewNotice, "Expired", "helper has asked oncall for corp.", "", "Nobody answered.")},
		{"a reminder", with(lineCard(bridge.ViewReminder, "Still waiting", "helper wants corp", "Nobody has answered yet.", ""), func(c *bridge.Card) { c.OpenTo = noon.Add(24 * time.Hour) })},
		{"a reminder at the end", lineCard(bridge.ViewReminder, "Taken up", "helper wants corp", "", "The card says how it stands.")},
	}
}
