package bridge

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Verb is what a button on a card does.
type Verb string

// The verbs of a card.
const (
	VerbShowCode Verb = "show_code"
	VerbDeny     Verb = "deny"
	VerbNotMe    Verb = "not_me"

	// of a team's request
	VerbClaim   Verb = "claim" // and show code, in one press
	VerbRelease Verb = "release"
	VerbDecline Verb = "decline"

	// VerbShowAgain brings the private card anew, below what came since.
	VerbShowAgain Verb = "show_again"

	// whose account it is
	VerbMine    Verb = "mine"
	VerbNotMine Verb = "not_mine"

	// of what is over
	VerbRevoke     Verb = "revoke"
	VerbAllowAgain Verb = "allow_again"

	// These two change nothing that is stored: they say what the human does
	// at the provider, so that it is asked sooner. Opening is no button of
	// ours: a surface may report that its link was followed.
	VerbOpened   Verb = "opened"
	VerbFinished Verb = "finished"
)

// Card is what a human is shown of a request: the same for every surface,
// which only lays it out. Its words are the bridge's own, but for Says,
// which stand under "The agent says (not checked)".
//
// The card of a notice or a reminder is a line: it has the first block of
// fields, Agent, Headline and Title, the times, and, when there is no more to
// wait for, Ending.
type Card struct {
	Request RequestID
	Version uint64 // counts what the card says: a lower one must not replace a higher one
	State   State
	View    View       // who will see it
	Under   MessageRef // reminder: the message that it is about

	Agent    string
	Headline string // begins with the state, in words
	Title    string // "helper wants corp"
	Who      string // what the bridge knows of the agent
	Scopes   []ScopeLine
	Details  []string      // what is asked for besides, or was granted: from the agent or the issuer, cleaned, not checked
	Reuse    time.Duration // how long the agent may ask again without the human; 0 = never
	Says     []string      // the agent's words: cleaned, not checked
	Renewal  bool          // the bridge asks by itself: the provider honours what was given no more
	Phrase   string        // "" once it has no use
	Digits   bool          // Show code and Claim take the digits that the agent shows, as [Clicker.Typed]
	Team     string        // the team that is asked, "" = one human
	Claim    Claim         // who of the team has taken it
	Shared   bool          // the card that all of the team see: never a code, an address, the phrase
	Minting  bool          // a code has been asked for and is not there yet
	Note     string        // an honest word about what just failed, "" = none
	Whose    string        // what the bridge will not know about the account, "" = nothing
	Question string        // whether an account is theirs, for the human's private surface; "" = not asked
	Ending   string        // how it ended, "" while it has not

	Host string // where access is granted, and nowhere else
	Code *ShownCode

	AskedAt time.Time
	OpenTo  time.Time // how long it waits; zero when it has ended
	EndedAt time.Time
	UsedAt  time.Time // approved: when the agent last fetched its token; zero = never
	Until   time.Time // approved: when what was given ends, or ended, or lapses at a provider that cannot take it back
	Live    bool      // approved, and the agent gets tokens for it

	Buttons []Button // in the order to show
}

// Claim is who of a team has taken a request; the zero value is nobody.
type Claim struct {
	By    string
	At    time.Time
	Until time.Time // if nothing comes of it, the others can claim it again
}

// ScopeLine is one scope in words.
type ScopeLine struct {
	Words string // "" = no description on file
	Scope string // "" = tokens go by other than scopes there; the words say by what
	New   bool   // of an ask beyond what the agent has already
}

// ShownCode is the code that the human types at the provider. It goes to
// that human's private surface alone.
type ShownCode struct {
	UserCode Secret
	Address  string // where to type it; vetted
	Open     Secret // what the Open button leads to; may carry the code
	Host     string
	LapsesAt time.Time
}

// Button is one button of a card.
type Button struct {
	Verb  Verb
	Label string
}

// The labels are part of the contract with people who cannot see the page.
var (
	buttonShowCode  = Button{VerbShowCode, "Show code"}
	buttonNewCode   = Button{VerbShowCode, "Get a new code"}
	buttonDeny      = Button{VerbDeny, "Deny"}
	buttonNotMe     = Button{VerbNotMe, "I did not ask for this"}
	buttonFinished  = Button{VerbFinished, "I have finished"}
	buttonClaim     = Button{VerbClaim, "Claim"}
	buttonRelease   = Button{VerbRelease, "Release"}
	buttonDecline   = Button{VerbDecline, "Decline for the team"}
	buttonShowAgain = Button{VerbShowAgain, "Show again"}
	buttonMine      = Button{VerbMine, "Mine"}
	buttonNotMine   = Button{VerbNotMine, "Not mine"}
	buttonRevoke    = Button{VerbRevoke, "Revoke"}
	buttonAgain     = Button{VerbAllowAgain, "Allow again"}
)

// card lays down what a human is shown of a request. code is nil unless the
// card is for that human's private surface and a code is live; given is the
// grant that the request led to, if any.
func (b *Bridge) card(r Request, code *Code, given *Grant) Card {
	c := b.outline(r)
	if !r.State.Open() {
		c.Ending = endingFor(r)
		if given != nil && given.had(r) {
			c.approved(r, *given)
		}
		return c
	}
	c.Says = says(r)
	c.Phrase, c.Note, c.OpenTo, c.Minting = r.phrase(), r.Note, r.ExpiresAt, r.Minting
	c.Buttons = buttons(r)
	c.Digits = r.State == Asked && !r.Minting && r.unbound(r.giver())
	if r.Team != "" && r.State != Held {
		c.Buttons = append(c.Buttons, buttonRelease)
	}
	if r.State == Held {
		c.OpenTo = r.DueBy
	}
	if code != nil && r.State == Coded {
		c.Code = shownCode(*code, r)
		c.Host = c.Code.Host
	}
	return c
}

// outline is what every card of a request has.
func (b *Bridge) outline(r Request) Card {
	c := Card{
		Request: r.ID, Version: r.Card, State: r.State, Agent: r.Agent,
		Headline: headline(r), Title: r.title(),
		Who: b.who(r), Scopes: b.scopeLines(r), Details: r.detailLines(), Reuse: r.Reuse, Renewal: r.Renews != "", Team: r.Team,
		Host: issuerHost(r.Target.Issuer), AskedAt: r.CreatedAt, EndedAt: r.EndedAt,
	}
	if info, _ := b.dir().info(r.Target); r.State.Open() && info.Trust == TrustNone {
		c.Whose = c.Host + " may not tell the bridge whose account signs in: see to it yourself that it is yours."
	}
	if r.ClaimedBy != "" && r.State.Open() {
		c.Claim = Claim{r.ClaimedBy, r.ClaimedAt, r.ClaimUntil}
	}
	return c
}

// title says in one line what the card is about.
func (r Request) title() string {
	switch {
	case r.Renews != "" && r.State.Open():
		return r.Agent + "'s access to " + r.wanted() + " has run out; renew it?"
	case r.Renews != "":
		return r.Agent + " wants " + r.wanted() + " again"
	}
	return r.Agent + " wants " + r.wanted()
}

// signedIn says whose account granted, or that nobody knows.
func signedIn(r Request) string {
	if r.Account == "" {
		return issuerHost(r.Target.Issuer) + " does not tell whose account that is, and the bridge cannot."
	}
	return "You signed in as " + r.Account + "."
}

func shownCode(code Code, r Request) *ShownCode {
	open := code.VerificationURIComplete
	if open.IsZero() || r.Digits { // who opened the complete address would need to compare nothing
		open = NewSecret(code.VerificationURI)
	}
	return &ShownCode{
		UserCode: code.UserCode, Address: code.VerificationURI, Open: open,
		Host: issuerHost(open.Reveal()), LapsesAt: r.CodeExpiresAt,
	}
}

// wanted names what the token is for.
func (r Request) wanted() string {
	if r.Target.Resource != "" {
		return issuerHost(r.Target.Resource)
	}
	return r.Target.Provider
}

// who tells what the bridge itself knows of the agent.
func (b *Bridge) who(r Request) string {
	agent, known := b.dir().Agents[r.Agent]
	words := []string{r.Agent}
	if !known {
		return r.Agent + ", no longer in the configuration"
	}
	if agent.Where != "" {
		words = append(words, "on "+agent.Where)
	}
	if agent.UID != nil {
		words = append(words, fmt.Sprintf("local user %d", *agent.UID))
	}
	if !agent.KeyHash.IsZero() {
		words = append(words, "known by its key")
	}
	switch agent.Owner {
	case "":
	case r.Human:
		words = append(words, "yours")
	default:
		words = append(words, agent.Owner+"'s")
	}
	return strings.Join(words, ", ")
}

// scopeLines leaves out what the bridge asked for on its own account, to learn
// who granted.
func (b *Bridge) scopeLines(r Request) []ScopeLine {
	p, _ := b.dir().info(r.Target)
	if p.Widens != "" { // to name scopes would promise bounds that are none
		return []ScopeLine{{Words: p.Widens}}
	}
	scopes := r.Scopes
	if r.Grant != "" {
		scopes = r.Granted
	}
	var lines []ScopeLine
	for _, s := range scopes {
		if !slices.Contains(p.Scopes, s) || slices.Contains(r.Scopes, s) {
			lines = append(lines, ScopeLine{Words: p.ScopeWords[s], Scope: s, New: slices.Contains(r.Added, s)})
		}
	}
	return lines
}

// says are the agent's words, the reason first.
func says(r Request) []string {
	lines := slices.DeleteFunc(append([]string{r.Reason}, r.Context...), func(s string) bool { return s == "" })
	return lines
}

func buttons(r Request) []Button {
	all := []Button{buttonNotMe, buttonDeny}
	switch {
	case r.State == Asked && r.Minting, r.State == Held:
		return all
	case r.State == Coded:
		return append(all, buttonFinished)
	case r.Codes > 0:
		return append(all, buttonNewCode)
	default:
		return append(all, buttonShowCode)
	}
}

func headline(r Request) string {
	switch r.State {
	case Asked, Coded:
		if r.Renews != "" {
			return "Access has run out"
		}
		return "Access request"
	case Held:
		return "Checking the account"
	case Granted, Collected:
		return "Approved"
	case Denied:
		return "Denied"
	case Expired:
		return "Expired"
	case Cancelled:
		return "Cancelled"
	case Failed:
		if r.Outcome != nil && r.Outcome.Code == OutcomeIdentityMismatch {
			return "Not used"
		}
		return "Failed"
	case none:
	}
	return string(r.State)
}

// endingFor tells the human how a request ended, what that means, and what they
// need not do any more.
func endingFor(r Request) string {
	switch r.State {
	case Granted, Collected:
		return fmt.Sprintf("You gave %s access. %s", r.Agent, signedIn(r))
	case Denied:
		return deniedFor(r)
	case Expired:
		return expiredFor(r)
	case Cancelled:
		return cancelledFor(r)
	case Failed:
		return failedFor(r)
	case none, Asked, Coded, Held:
	}
	return ""
}

func expiredFor(r Request) string {
	switch {
	case r.Note != "":
		return fmt.Sprintf("%s What you gave was thrown away; %s got nothing.", r.Note, r.Agent)
	case r.Outcome.Code == OutcomeNotCollected:
		return fmt.Sprintf("%s did not come for what you gave. It was thrown away.", r.Agent)
	case r.Codes > 0:
		return fmt.Sprintf("It was not finished in time. %s got nothing.", r.Agent)
	}
	return fmt.Sprintf("Nobody answered in time. %s got nothing.", r.Agent)
}

func cancelledFor(r Request) string {
	text := fmt.Sprintf("%s withdrew the request. You need do nothing.", r.Agent)
	switch {
	case r.Outcome.Code == OutcomePolicyChanged:
		text = "The operator no longer allows this request. You need do nothing."
	case r.Renews != "":
		text = "There is nothing to renew any more. You need do nothing."
	}
	if r.Codes > 0 {
		text += " If you typed the code, what came of it is thrown away."
	}
	return text
}

// failedFor says what failed in the human's terms: they may well have
// granted, and then have to know what became of that.
func failedFor(r Request) string {
	thrown := "What you gave was thrown away."
	switch r.Outcome.Code {
	case OutcomeIdentityMismatch:
		return r.Note + " " + thrown
	case OutcomeScopeExceeded:
		return fmt.Sprintf("The provider gave more than %s may have. %s", r.Agent, thrown)
	case OutcomeIdentityUnavailable:
		return "The provider does not tell whose account granted. " + thrown
	case OutcomeTokenLost:
		if r.Grant != "" {
			return fmt.Sprintf("What you gave is not honoured at %s any more. %s got nothing.", issuerHost(r.Target.Issuer), r.Agent)
		}
		return fmt.Sprintf("What you gave was lost on its way here. %s got nothing; you can remove it at %s.", r.Agent, issuerHost(r.Target.Issuer))
	default:
		return fmt.Sprintf("%s. %s got nothing.", capital(r.Outcome.Message), r.Agent)
	}
}

func deniedFor(r Request) string {
	switch r.Outcome.Code {
	case OutcomeNotMe:
		return fmt.Sprintf("You did not ask for this. %s got nothing.", r.Agent)
	case OutcomeProviderDenied:
		return fmt.Sprintf("You refused at the provider. %s got nothing.", r.Agent)
	case OutcomeDenied:
		if r.WrongDigits >= maxWrongDigits {
			return fmt.Sprintf("%s %s got nothing. If it has shown you no digits, somebody else may have asked.", r.Note, r.Agent)
		}
		return fmt.Sprintf("You denied it. %s got nothing.", r.Agent)
	case OutcomeRevoked:
		return fmt.Sprintf("What you gave was taken back before %s had it.", r.Agent)
	default:
		return fmt.Sprintf("You denied it. %s got nothing.", r.Agent)
	}
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// issuerHost is the host of an address, in the form people compare.
func issuerHost(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}
