package bridge

import "time"

// row is one line of the state table: an event in one of some states, under
// conditions, leads to a state.
type row struct {
	on      Kind
	from    []State
	when    []condition
	to      State
	outcome OutcomeCode // the end it brings; "" = none, or the one the event names
	quiet   bool        // nothing that anybody sees changes
	set     func(*Request, Event)
	why     string // for the reader of docs/state-machine.md

	sameCard bool // the human is told nothing new
}

// condition is a fact about the request, or about the event and the request,
// with the words that name it in the docs.
type condition struct {
	words string
	holds func(Request, Event) bool
}

var (
	free      = condition{"free", func(r Request, _ Event) bool { return r.ClaimedBy == "" }}
	claimed   = condition{"claimed", func(r Request, _ Event) bool { return r.ClaimedBy != "" }}
	idle      = condition{"no code under way", func(r Request, _ Event) bool { return !r.Minting }}
	minting   = condition{"a code under way", func(r Request, _ Event) bool { return r.Minting }}
	thisCode  = condition{"about the current code", func(r Request, e Event) bool { return r.Codes == e.Code }}
	codesLeft = condition{"fewer than 6 codes so far", func(r Request, _ Event) bool { return r.Codes < MaxCodes }}
	inGrace   = condition{"within the grace", func(r Request, _ Event) bool { return !r.DueBy.IsZero() }}
	unasked   = condition{"its human was not asked", func(r Request, _ Event) bool { return !r.Confirming() }}
	confirm   = condition{"its human was asked", func(r Request, _ Event) bool { return r.Confirming() }}
	codesOut  = condition{"6 codes so far", func(r Request, _ Event) bool { return r.Codes >= MaxCodes }}
	ofOne     = condition{"of one human", func(r Request, _ Event) bool { return r.Team == "" }}
	renewal   = condition{"a renewal", func(r Request, _ Event) bool { return r.Renews != "" }}
	ofTeam    = condition{"of a team", func(r Request, _ Event) bool { return r.Team != "" }}
	inHand    = condition{"of one human, or by its claimer", func(r Request, e Event) bool { return r.Team == "" || r.claimedBy(e.By) }}
	loose     = condition{"by its claimer or the operator", func(r Request, e Event) bool { return e.By.Kind != ByHuman || r.claimedBy(e.By) }}
	bound     = condition{"with the right digits, where they are asked for", func(r Request, e Event) bool { return !r.unbound(e.By.Name) || e.Matched }}
	triesLeft = condition{"fewer than 3 wrong tries, with this one", func(r Request, _ Event) bool { return r.WrongDigits+1 < maxWrongDigits }}
	patient   = condition{"by nobody who let two claims lapse", func(r Request, e Event) bool { return !r.bars(e.By.Name) }}
)

func (w row) holds(r Request, e Event) bool {
	for _, c := range w.when {
		if !c.holds(r, e) {
			return false
		}
	}
	return true
}

// none is the state of a request that does not exist yet.
const none State = ""

var (
	waiting = []State{Asked, Coded}
	open    = []State{Asked, Coded, Held}
	alive   = []State{Asked, Coded, Held, Granted}
)

// table is the whole life of a request. The first row that fits decides; an
// event without a row changes nothing.
var table = []row{
	{on: OnAsk, from: []State{none}, to: Asked, why: "stored before anybody is told"},
	{on: OnServed, from: []State{none}, to: Granted, set: granted, why: "a live grant holds what is asked, with a valid token in hand"},

	{on: OnShowCode, from: []State{Asked}, when: []condition{inHand, idle, bound, codesLeft}, to: Asked, set: beginCode, why: "stored, then the provider is asked; a click meanwhile is told it is on its way"},
	{on: OnShowCode, from: []State{Asked}, when: []condition{inHand, idle, bound, codesOut}, to: Failed, outcome: OutcomeTooManyCodes},
	{on: OnClaim, from: []State{Asked}, when: []condition{ofTeam, free, patient, idle, bound, codesLeft}, to: Asked, set: claim, why: "one winner; then as show_code"},
	{on: OnClaim, from: []State{Asked}, when: []condition{ofTeam, free, patient, idle, bound, codesOut}, to: Failed, outcome: OutcomeTooManyCodes},
	{on: OnWrongDigits, from: []State{Asked}, when: []condition{triesLeft}, to: Asked, set: wrongDigits, why: "instead of show_code or claim; counted for good"},
	{on: OnWrongDigits, from: []State{Asked}, to: Denied, outcome: OutcomeDenied, set: wrongDigits, why: "the third wrong try"},

	{on: OnMinted, from: []State{Asked}, when: []condition{minting, thisCode}, to: Coded, set: showCode, why: "in any other state the code is dropped unseen"},
	{on: OnMintFault, from: []State{Asked}, when: []condition{minting, thisCode}, to: Asked, set: codeFault, why: "an honest note; the claim is kept and a click repeats it"},
	{on: OnMintRefused, from: []State{Asked}, when: []condition{minting, thisCode}, to: Failed, why: "device_grant_unsupported, device_grant_blocked or provider_error"},

	{on: OnSlowDown, from: []State{Coded}, when: []condition{thisCode}, to: Coded, quiet: true, set: slower, why: "the only write that a poll can cause while the human has not finished"},
	{on: OnToken, from: []State{Coded}, when: []condition{thisCode}, to: Held, set: hold, why: "one commit with nothing else in it; in any other state the token is revoked"},
	{on: OnCodeLapsed, from: []State{Coded}, when: []condition{thisCode}, to: Asked, set: lapsed, why: "the code is burnt; a claim lives on until it lapses itself"},
	{on: OnRefused, from: []State{Coded}, when: []condition{thisCode}, to: Denied, outcome: OutcomeProviderDenied},
	{on: OnPollFailed, from: []State{Coded}, when: []condition{thisCode}, to: Failed, why: "device_grant_blocked or provider_error"},
	{on: OnTokenLost, from: []State{Coded}, when: []condition{thisCode}, to: Failed, outcome: OutcomeTokenLost, why: "before the lapse the provider knows the code no more"},

	{on: OnRelease, from: waiting, when: []condition{claimed, loose}, to: Asked, set: release, why: "burns the code"},
	{on: OnClaimLapsed, from: waiting, when: []condition{claimed}, to: Asked, set: claimLapsed, why: "burns the code; the second one bars its claimer from this request"},

	{on: OnMatched, from: []State{Held}, when: []condition{renewal}, to: Collected, set: renewed, why: "nobody has to come for it: the new grant answers the agent's next ask"},
	{on: OnMine, from: []State{Held}, when: []condition{renewal, confirm}, to: Collected, set: renewed, why: "as account_matches"},
	{on: OnAnyAccount, from: []State{Held}, when: []condition{renewal, unasked}, to: Collected, set: renewed, why: "as account_matches"},
	{on: OnMatched, from: []State{Held}, to: Granted, set: granted, why: "the pin and the grant are stored in the same commit"},
	{on: OnUnknownAccount, from: []State{Held}, when: []condition{ofOne, unasked}, to: Held, set: signed, why: "the human is asked whether it is theirs; nothing of it is told to the agent"},
	{on: OnMine, from: []State{Held}, when: []condition{confirm}, to: Granted, set: granted, why: "as account_matches"},
	{on: OnNotMine, from: []State{Held}, when: []condition{confirm}, to: Failed, outcome: OutcomeIdentityMismatch, set: mismatch, why: "revoked"},
	{on: OnConfirmTimeout, from: []State{Held}, when: []condition{confirm}, to: Expired, outcome: OutcomeExpired, set: unsaid, why: "nobody said whose account it is; revoked"},
	{on: OnAnyAccount, from: []State{Held}, when: []condition{unasked}, to: Granted, set: granted, why: "`trust: none`: the provider tells no identity and need not; nothing is pinned"},
	{on: OnMismatched, from: []State{Held}, to: Failed, outcome: OutcomeIdentityMismatch, set: mismatch, why: "revoked"},
	{on: OnScopeExceeded, from: []State{Held}, to: Failed, outcome: OutcomeScopeExceeded, why: "revoked"},
	{on: OnNoIdentity, from: []State{Held}, to: Failed, outcome: OutcomeIdentityUnavailable, why: "revoked"},
	{on: OnIdentityRefused, from: []State{Held}, to: Failed, outcome: OutcomeProviderError, why: "revoked"},
	{on: OnIdentityTimeout, from: []State{Held}, to: Failed, outcome: OutcomeProviderError, why: "nobody could be asked whose account it is; revoked"},

	{on: OnDeny, from: open, when: []condition{inHand}, to: Denied, outcome: OutcomeDenied, why: "burns or revokes"},
	{on: OnNotMe, from: open, when: []condition{inHand}, to: Denied, outcome: OutcomeNotMe, why: "burns or revokes; suspends the agent for this human"},
	{on: OnTeamDecline, from: []State{Asked}, when: []condition{ofTeam, free}, to: Denied, outcome: OutcomeDenied, set: declined, why: "ends it for all of the team"},
	{on: OnCancel, from: alive, to: Cancelled, outcome: OutcomeCancelled, why: "burns; revokes only what this request made and nobody collected"},
	{on: OnPolicyChanged, from: alive, to: Cancelled, outcome: OutcomePolicyChanged, why: "as cancel"},
	{on: OnTTLOver, from: []State{Asked}, when: []condition{idle}, to: Expired, outcome: OutcomeExpired, why: "a live code or a code under way postpones it"},
	{on: OnUnreachable, from: []State{Asked}, to: Failed, outcome: OutcomeHumanUnreachable},
	{on: OnNoClient, from: []State{Asked}, to: Failed, why: "device_grant_unsupported or provider_error; known as soon as the agent asks, so that nobody is asked"},

	{on: OnCollect, from: []State{Granted}, to: Collected, set: dueBy, sameCard: true},
	{on: OnCollect, from: []State{Collected}, when: []condition{inGrace}, to: Collected, quiet: true, why: "the same caller gets the same token"},
	{on: OnGraceOver, from: []State{Collected}, when: []condition{inGrace}, to: Collected, quiet: true, set: settle, why: "the request no longer leads to the token"},
	{on: OnCollectOver, from: []State{Granted}, to: Expired, outcome: OutcomeNotCollected, why: "as cancel"},
	{on: OnGrantRevoked, from: []State{Granted}, to: Denied, outcome: OutcomeRevoked},
	{on: OnGrantLost, from: []State{Granted}, to: Failed, outcome: OutcomeTokenLost, set: lost, why: "found out when its token was to be refreshed"},
	{on: OnNoRenewal, from: open, when: []condition{renewal}, to: Cancelled, outcome: OutcomeCancelled, set: needless, why: "its grant was replaced, or is over"},
	{on: OnGrantRevoked, from: []State{Collected}, when: []condition{inGrace}, to: Collected, quiet: true, set: settle, why: "the grace closes"},
}

func beginCode(r *Request, e Event) {
	r.Codes, r.Minting, r.Note = r.Codes+1, true, ""
	if e.Matched {
		r.Matched = e.By.Name
	}
}

func showCode(r *Request, e Event) {
	r.Minting, r.CodeExpiresAt, r.Interval = false, e.Until, e.Interval
	if r.ExpiresAt.Before(e.Until) {
		r.ExpiresAt = e.Until
	}
	if r.ClaimedBy != "" && r.ClaimUntil.Before(e.Until) {
		r.ClaimUntil = e.Until
	}
}

// codeFault gives the number of a code that never was to the next one.
func codeFault(r *Request, e Event) { r.Codes, r.Minting, r.Note = r.Codes-1, false, e.Cause }

func lapsed(r *Request, _ Event) { r.Note = "The code has lapsed; the request is still open." }

func slower(r *Request, e Event) { r.Interval = e.Interval }

func hold(r *Request, e Event) { r.DueBy, r.Granted, r.GrantedDetails = e.Until, e.Scopes, e.Details }

func mismatch(r *Request, e Event) { r.Account, r.Note = e.Account, e.Private }

func signed(r *Request, e Event) { r.Signed, r.DueBy = e.Signed, e.Until }

func unsaid(r *Request, _ Event) { r.Note = "You did not say in time whose account signed in." }

func granted(r *Request, e Event) {
	if r.Team != "" && r.Human == "" { // from now on it is known who gave
		r.Human = r.ClaimedBy
	}
	r.Account, r.Grant, r.DueBy = e.Account, e.Grant, e.Until
	r.Granted, r.GrantedDetails, r.Served = e.Scopes, e.Details, e.Kind == OnServed
}

// renewed is the end of a renewal: there is nothing to collect.
func renewed(r *Request, e Event) {
	granted(r, e)
	settle(r, e)
}

func lost(r *Request, _ Event) {
	r.Outcome = &Outcome{OutcomeTokenLost, "the provider honours no more what was granted; the human has to be asked again", true}
}

func needless(r *Request, _ Event) {
	r.Outcome = &Outcome{OutcomeCancelled, "the access that was to be renewed was replaced, or is over", false}
}

func dueBy(r *Request, e Event) { r.DueBy = e.Until }

func settle(r *Request, _ Event) { r.DueBy = time.Time{} }
