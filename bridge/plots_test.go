package bridge_test

import (
	"errors"
	"slices"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// plots are the stories that the crash tests tell.
func plots() []plot {
	return slices.Concat(goodPlots(), refreshPlots(), endingPlots(), identityPlots(), faultPlots(), chatPlots(), teamPlots())
}

func one() []bridge.Ask { return []bridge.Ask{{}} }

// wide is an ask for more than the first grant of a saga holds.
var wide = bridge.Ask{Scopes: []string{"files:read", "files:write"}}

// goodPlots end with a token.
func goodPlots() []plot {
	return []plot{
		{name: "from ask to token", asks: one(), again: true, ends: []string{"collected"}},
		{name: "the code lapses and a second one is shown", asks: one(), lets: 1, corp: brief, ends: []string{"collected"}},
		{name: "slow_down", asks: one(), slow: true, ends: []string{"collected"}},
		{
			name: "a live grant serves", asks: []bridge.Ask{{}, {}},
			ends: []string{"collected", "collected"},
		},
		{
			name: "a grant takes the place of another", asks: []bridge.Ask{{}, wide},
			ends: []string{"collected", "collected"},
		},
		{
			name: "what must not be reused", asks: []bridge.Ask{{}, {}},
			rules: func(d *bridge.Directory) { d.Agents["helper"].May[0].Reuse = 0 },
			ends:  []string{"collected", "collected"},
		},
	}
}

// refreshPlots have tokens that live shorter than their grant.
func refreshPlots() []plot {
	twice := []string{"collected", "collected"}
	lives := func(token time.Duration, more ...func(*bridgetest.Provider)) func(*bridgetest.Provider) {
		return func(p *bridgetest.Provider) {
			p.TokenLifetime = token
			for _, m := range more {
				m(p)
			}
		}
	}
	keeps := func(p *bridgetest.Provider) { p.KeepRefresh = true }
	busy := func(p *bridgetest.Provider) {
		p.Fail("Refresh", &bridge.Unavailable{Err: errors.New("too many requests")}, &bridge.Unavailable{Err: errors.New("bad gateway")})
	}
	return []plot{
		{name: "refreshed ahead", asks: []bridge.Ask{{}, {}}, pause: 7 * time.Minute, corp: lives(6 * time.Minute), ends: twice},
		{name: "refreshed when asked", asks: []bridge.Ask{{}, {MinValidity: time.Hour}}, pause: 200 * time.Second, corp: lives(6 * time.Minute), ends: twice},
		{name: "refreshed without rotation", asks: []bridge.Ask{{}, {}}, pause: 7 * time.Minute, corp: lives(6*time.Minute, keeps), ends: twice},
		{name: "refreshes that fail", asks: []bridge.Ask{{}, {}}, pause: 7 * time.Minute, corp: lives(6*time.Minute, busy), ends: twice},
		{name: "a refresh that says nothing", asks: []bridge.Ask{{}, {}}, pause: 7 * time.Minute, corp: lives(6*time.Minute, failing("Refresh", 1)), doubts: true, ends: twice},
		{name: "a grant is forgotten and renewed", asks: []bridge.Ask{{}, {}}, pause: 7 * time.Minute, forgets: true, corp: lives(6 * time.Minute), ends: twice},
	}
}

// endingPlots end because somebody ends them, or nobody does anything.
func endingPlots() []plot {
	late := []string{"collected"} // the account was known before the press came through
	return []plot{
		{name: "deny while asked", asks: one(), deny: bridge.Asked, ends: []string{"denied/denied"}},
		{name: "deny while coded", asks: one(), deny: bridge.Coded, ends: []string{"denied/denied"}},
		{name: "deny while held", asks: one(), deny: bridge.Held, corp: failing("Identify", 5), ends: []string{"denied/denied"}, also: late},
		{name: "not me while asked", asks: one(), notMe: bridge.Asked, ends: []string{"denied/not_me"}},
		{name: "not me while coded", asks: one(), notMe: bridge.Coded, ends: []string{"denied/not_me"}},
		{name: "not me while held", asks: one(), notMe: bridge.Held, corp: failing("Identify", 5), ends: []string{"denied/not_me"}, also: late},
		{name: "cancel while asked", asks: one(), cancel: bridge.Asked, away: true, ends: []string{"cancelled/cancelled"}},
		{name: "cancel while coded", asks: one(), cancel: bridge.Coded, ends: []string{"cancelled/cancelled"}},
		{name: "cancel while held", asks: one(), cancel: bridge.Held, corp: failing("Identify", 5), ends: []string{"cancelled/cancelled"}, also: late},
		{name: "cancel while granted", asks: one(), cancel: bridge.Granted, ends: []string{"cancelled/cancelled"}},
		{name: "cancel what a grant served", asks: []bridge.Ask{{}, {}}, cancel: bridge.Granted, ends: []string{"collected", "cancelled/cancelled"}},
		{name: "taken back before it is collected", asks: one(), leaves: true, revokes: bridge.Granted, ends: []string{"denied/revoked"}},
		{name: "taken back, and asked again", asks: []bridge.Ask{{}, {}}, revokes: bridge.Collected, ends: []string{"collected", "collected"}, also: []string{"denied/revoked"}},
		{name: "given up, and asked again", asks: []bridge.Ask{{}, {}}, gives: true, ends: []string{"collected", "collected"}},
		{name: "no at the provider", asks: one(), refuses: true, ends: []string{"denied/provider_denied"}},
		{name: "nobody answers", asks: []bridge.Ask{{TTL: 5 * time.Minute}}, away: true, ends: []string{"expired/expired"}},
		{
			name: "nobody collects", asks: one(), leaves: true,
			rules: func(d *bridge.Directory) { d.Limits.CollectWithin = 10 * time.Minute },
			ends:  []string{"expired/not_collected"},
		},
	}
}

// identityPlots ask the human more than to sign in.
func identityPlots() []plot {
	unknown := func(d *bridge.Directory) {
		trusting(bridge.TrustFirstUse)(d)
		account("", nil)(d)
	}
	late := []string{"expired/expired"} // the bridge was away while the question stood
	return []plot{
		{name: "it is mine", rules: unknown, asks: one(), says: bridge.VerbMine, ends: []string{"collected"}, also: late},
		{name: "it is not mine", rules: unknown, asks: one(), says: bridge.VerbNotMine, ends: []string{"failed/identity_mismatch"}, also: late},
		{name: "nobody says whose it is", rules: unknown, asks: one(), ends: []string{"expired/expired"}},
		{name: "a code at once", rules: codeAtOnce, asks: one(), ends: []string{"collected"}},
		{name: "digits, at the third try", rules: withDigits, asks: one(), misses: 2, ends: []string{"collected"}},
		{name: "wrong digits", rules: withDigits, asks: one(), misses: 3, ends: []string{"denied/denied"}},
	}
}

// faultPlots meet faults at the provider.
func faultPlots() []plot {
	return []plot{
		{name: "somebody else signs in", asks: one(), who: bridgetest.Bob, ends: []string{"failed/identity_mismatch"}},
		{name: "no code at first", asks: one(), corp: failing("Begin", 1), ends: []string{"collected"}},
		{name: "polls that fail", asks: one(), corp: failing("Poll", 2), ends: []string{"collected"}},
		{name: "nobody can say whose it is", asks: one(), corp: mute, ends: []string{"failed/provider_error"}},
		{name: "revocations that fail", asks: one(), cancel: bridge.Granted, corp: failing("Revoke", 2), ends: []string{"cancelled/cancelled"}},
	}
}

// chatPlots are told in a chat too.
func chatPlots() []plot {
	return []plot{
		{name: "in a chat", chat: true, asks: one(), lets: 1, corp: brief, ends: []string{"collected"}},
		{name: "in a forgetful chat", chat: true, forgetful: true, asks: one(), ends: []string{"collected"}},
		{name: "deny in a chat", chat: true, asks: one(), deny: bridge.Coded, ends: []string{"denied/denied"}},
		{name: "a claim is released in a chat", rules: oncallInSlack, chat: true, there: true, asks: []bridge.Ask{{Team: "oncall", Origin: atWork}}, lets: 1, frees: true, corp: brief, ends: []string{"collected"}},
		{name: "deny by the claimer in a chat", rules: oncallInSlack, chat: true, there: true, forgetful: true, asks: []bridge.Ask{{Team: "oncall"}}, deny: bridge.Coded, ends: []string{"denied/denied"}},
		{name: "a reminder in a chat", rules: remindedSoon, chat: true, asks: []bridge.Ask{{TTL: 5 * time.Minute, Origin: atWork}}, away: true, ends: []string{"expired/expired"}},
		{name: "nobody answers in a chat", chat: true, asks: []bridge.Ask{{TTL: 5 * time.Minute}}, away: true, ends: []string{"expired/expired"}},
	}
}

// oncallInSlack has the team asked in a channel.
func oncallInSlack(d *bridge.Directory) {
	oncall(d)
	team := d.Teams["oncall"]
	team.Slack = teamPlace
	d.Teams["oncall"] = team
}

// remindedSoon has alice reminded after a minute.
func remindedSoon(d *bridge.Directory) {
	alice := d.Humans["alice"]
	alice.Timezone = dayThere
	d.Humans["alice"] = alice
	d.Limits.Remind = time.Minute
}

// teamPlots are asked of a team.
func teamPlots() []plot {
	team := []bridge.Ask{{Team: "oncall"}}
	dozing := func(d *bridge.Directory) {
		oncall(d)
		d.Limits.Claim = 3 * time.Minute
	}
	return []plot{
		{name: "a team", rules: oncall, asks: []bridge.Ask{{Team: "oncall"}, {Team: "oncall"}}, ends: []string{"collected", "collected"}},
		{name: "a claim lapses", rules: dozing, asks: team, lets: 1, dozes: true, corp: brief, ends: []string{"collected"}},
		{name: "a claim is released", rules: oncall, asks: team, lets: 1, frees: true, corp: brief, ends: []string{"collected"}},
		{name: "decline for the team", rules: oncall, asks: team, declines: true, ends: []string{"denied/denied"}},
		{name: "deny by the claimer", rules: oncall, asks: team, deny: bridge.Coded, ends: []string{"denied/denied"}},
		{name: "not me by the claimer", rules: oncall, asks: team, notMe: bridge.Coded, ends: []string{"denied/not_me"}},
	}
}

// failing makes the first calls of a method fail.
func failing(method string, times int) func(*bridgetest.Provider) {
	return func(p *bridgetest.Provider) {
		for range times {
			p.Fail(method, errors.New("bad gateway"))
		}
	}
}

// brief codes live for a minute.
func brief(p *bridgetest.Provider) { p.Lifetime = time.Minute }

// mute lets all who ask for an account wait.
func mute(p *bridgetest.Provider) { p.HoldIdentify() }
