package bridge

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

const cardsPage = "testdata/cards.golden"

// Every card that a human can be shown, in the words that they are shown.
// Read the golden file as that human: does a card lie, linger or go silent?
func TestCards(t *testing.T) {
	uid := uint32(1001)
	b := New(Options{Directory: &Directory{
		Agents: map[string]Agent{
			"helper": {Name: "helper", UID: &uid, Owner: "alice", Where: "alice's laptop"},
			"ci":     {Name: "ci", Owner: "bob"},
		},
		Providers: map[string]ProviderInfo{
			"corp": {Name: "corp", Scopes: []string{"openid"}, ScopeWords: map[string]string{"files:read": "read your files"}},
			"mute": {Name: "mute", Trust: TrustNone},
			"wide": {Name: "wide", Widens: "everything app Example Bridge may do"},
		},
	}})
	var page strings.Builder
	for _, c := range cardCases() {
		fmt.Fprintf(&page, "== %s\n%s\n", c.name, laidOut(b.card(c.request, c.code, c.grant).asking(c.request)))
	}
	golden(t, cardsPage, page.String())
}

func golden(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what is shown now (see it with -update and a diff):\n%s", path, want)
	}
}

type cardCase struct {
	name    string
	request Request
	code    *Code
	grant   *Grant
}

func cardCases() []cardCase {
	asked := Request{
		ID: "req_00000000000000000000007f3k", State: Asked, Version: 1, Agent: "helper", Human: "alice",
		Target: Target{Provider: "corp", Issuer: "https://login.example.com/t1"}, Scopes: []string{"files:read", "mail"},
		Reason: "summarise Q3", Context: []string{"ticket 7", ""}, CheckPhrase: "amber falcon 42", Reuse: 8 * time.Hour,
		CreatedAt: noon, ExpiresAt: noon.Add(24 * time.Hour),
	}
	fold := func(r Request, events ...Event) Request {
		for _, e := range events {
			var taken bool
			if r, taken = r.Apply(e, noon.Add(5*time.Minute)); !taken {
				panic("the case " + string(e.Kind) + " is not taken")
			}
		}
		return r
	}
	// then folds events from the asked request, renewal from one of the
	// bridge's own.
	then := func(events ...Event) Request { return fold(asked, events...) }
	renewal := func(events ...Event) Request {
		r := asked
		r.Renews, r.CheckPhrase, r.Reason, r.Context = "grt_0", "", "", nil
		return fold(r, events...)
	}
	more := asked
	more.Added = []string{"mail"}
	paying := asked
	paying.Details = `[{"amount":"12 EUR","type":"payment"}]`
	show := Event{Kind: OnShowCode}
	minted := Event{Kind: OnMinted, Code: 1, Until: noon.Add(15 * time.Minute), Interval: 5 * time.Second}
	token := Event{Kind: OnToken, Code: 1, Until: noon.Add(15 * time.Minute)}
	matched := Event{Kind: OnMatched, Account: "alice@example.com", Scopes: []string{"openid", "files:read"}, Grant: "grt_1", Until: noon.Add(time.Hour)}
	code := &Code{UserCode: NewSecret("WDJB-MJHT"), VerificationURI: "https://login.example.com/device", VerificationURIComplete: NewSecret("https://login.example.com/device?c=WDJB-MJHT")}
	plain := &Code{UserCode: NewSecret("WDJB-MJHT"), VerificationURI: "https://login.example.com/device"}
	live := &Grant{State: GrantLive, EndsAt: noon.Add(8 * time.Hour)}
	over := &Grant{State: GrantEnded, EndsAt: noon.Add(8 * time.Hour), EndedAt: noon.Add(7 * time.Hour)}
	used := noon.Add(time.Hour)
	ended := func(state GrantState, by ActorKind, how Revocation, change ...func(*Grant)) *Grant {
		g := *over
		g.State, g.EndedBy, g.Revocation, g.LastUsedAt, g.AccessExpiresAt = state, by, how, used, noon.Add(450*time.Minute)
		for _, c := range change {
			c(&g)
		}
		return &g
	}
	unused := func(g *Grant) { g.LastUsedAt = time.Time{} }
	endless := func(g *Grant) { g.AccessExpiresAt = time.Time{} }
	short := func(g *Grant) { g.AccessExpiresAt = used }
	has := then(show, minted, token, matched, Event{Kind: OnCollect})
	stranger, gone, mute := asked, asked, asked
	stranger.Agent, gone.Agent = "ci", "nobody"
	mute.Reason, mute.Context, mute.Scopes, mute.Reuse = "", nil, nil, 0
	wide := asked
	wide.Target.Provider = "wide"
	unknown := Event{Kind: OnUnknownAccount, Signed: Account{Subject: "583231", Name: "Octo Cat"}, Until: noon.Add(20 * time.Minute)}
	byDigits := func(r Request) Request {
		r.Digits, r.CheckPhrase, r.Matched = true, "amber falcon 4207", map[bool]string{true: "alice"}[r.State == Coded]
		return r
	}
	toldNobody := func(r Request) Request {
		r.Target.Provider, r.Target.Issuer = "mute", "https://mute.example.com"
		return r
	}
	failed := func(code OutcomeCode) Request {
		return then(show, Event{Kind: OnMintRefused, Code: 1, Outcome: code, Cause: "unauthorized_client"})
	}
	return []cardCase{
		{"asked", asked, nil, nil},
		{"asked by somebody else's agent", stranger, nil, nil},
		{"asked by an agent that is gone", gone, nil, nil},
		{"asked without words or scopes", mute, nil, nil},
		{"asked where scopes bound nothing", wide, nil, nil},
		{"a code is on its way", then(show), nil, nil},
		{"no code could be had", then(show, Event{Kind: OnMintFault, Code: 1, Cause: "The provider corp could not give a code just now."}), nil, nil},
		{"coded", then(show, minted), code, nil},
		{"coded, where the digits were typed", byDigits(then(show, minted)), code, nil},
		{"asked for the digits", byDigits(asked), nil, nil},
		{"coded, without a complete link", then(show, minted), plain, nil},
		{"coded, for a surface that others see", then(show, minted), nil, nil},
		{"lapsed", then(show, minted, Event{Kind: OnCodeLapsed, Code: 1}), code, nil},
		{"held", then(show, minted, token), code, nil},
		{"granted", then(show, minted, token, matched), nil, live},
		{"collected", then(show, minted, token, matched, Event{Kind: OnCollect}), nil, live},
		{"collected, and over", then(show, minted, token, matched, Event{Kind: OnCollect}), nil, over},
		{"collected, and lost at the provider", has, nil, &Grant{State: GrantNeedsReauth, EndsAt: noon.Add(8 * time.Hour)}},
		{"over, and the provider is being told", has, nil, ended(GrantEnded, ByBridge, RevocationPending)},
		{"over, and the provider cannot", has, nil, ended(GrantEnded, ByBridge, RevocationUnsupported)},
		{"over, and its token lives on elsewhere", has, nil, ended(GrantEnded, ByBridge, RevocationNone)},
		{"over, and another took its place", has, nil, ended(GrantEnded, ByProvider, RevocationDone)},
		{"taken back by the human", has, nil, ended(GrantRevoked, ByHuman, RevocationPending)},
		{"taken back by the human, and done", has, nil, ended(GrantRevoked, ByHuman, RevocationDone)},
		{"taken back, and the provider cannot", has, nil, ended(GrantRevoked, ByHuman, RevocationUnsupported)},
		{"taken back, and the provider cannot, and it lives for ever", has, nil, ended(GrantRevoked, ByHuman, RevocationUnsupported, endless)},
		{"taken back, and the provider cannot, and it has lapsed", has, nil, ended(GrantRevoked, ByHuman, RevocationUnsupported, short)},
		{"taken back, and the provider cannot, and nobody has it", has, nil, ended(GrantRevoked, ByHuman, RevocationUnsupported, unused)},
		{"taken back, and its token lives on elsewhere", has, nil, ended(GrantRevoked, ByHuman, RevocationNone)},
		{"given up by the agent", has, nil, ended(GrantRevoked, ByAgent, RevocationDone)},
		{"taken back by the operator", has, nil, ended(GrantRevoked, ByOperator, RevocationDone)},
		{"taken back by the rules", has, nil, ended(GrantRevoked, ByBridge, RevocationDone)},
		{"taken back before this one was collected, and after another", then(show, minted, token, matched, Event{Kind: OnGrantRevoked}), nil, ended(GrantRevoked, ByHuman, RevocationDone)},
		{"collected, the grant forgotten", then(show, minted, token, matched, Event{Kind: OnCollect}), nil, nil},
		{"cancelled after another request collected", then(show, minted, token, matched, Event{Kind: OnCancel}), nil, live},
		{"not collected", then(show, minted, token, matched, Event{Kind: OnCollectOver}), nil, over},
		{"taken back before it was collected", then(show, minted, token, matched, Event{Kind: OnGrantRevoked}), nil, over},
		{"denied", then(Event{Kind: OnDeny}), nil, nil},
		{"not me", then(Event{Kind: OnNotMe}), nil, nil},
		{"refused at the provider", then(show, minted, Event{Kind: OnRefused, Code: 1}), nil, nil},
		{"expired unseen", then(Event{Kind: OnTTLOver}), nil, nil},
		{"expired after a code", then(show, minted, Event{Kind: OnCodeLapsed, Code: 1}, Event{Kind: OnTTLOver}), nil, nil},
		{"cancelled", then(Event{Kind: OnCancel}), nil, nil},
		{"cancelled after a code", then(show, minted, Event{Kind: OnCancel}), nil, nil},
		{"no longer allowed", then(Event{Kind: OnPolicyChanged}), nil, nil},
		{"another account", then(show, minted, token, Event{Kind: OnMismatched, Private: "You signed in as bob@example.com; this request expected alice@example.com."}), nil, nil},
		{"whose account is it", then(show, minted, token, unknown), nil, nil},
		{"not mine", then(show, minted, token, unknown, Event{Kind: OnNotMine, Private: "You signed in as Octo Cat (583231), and said that it is not yours."}), nil, nil},
		{"nobody said whose it is", then(show, minted, token, unknown, Event{Kind: OnConfirmTimeout}), nil, nil},
		{"a provider that tells nobody's account", toldNobody(asked), nil, nil},
		{"given by nobody knows whom", toldNobody(then(show, minted, token, Event{Kind: OnAnyAccount, Grant: "grt_1"})), nil, live},
		{"that, over", toldNobody(then(show, minted, token, Event{Kind: OnAnyAccount, Grant: "grt_1"}, Event{Kind: OnCollect})), nil, over},
		{"no identity", then(show, minted, token, Event{Kind: OnNoIdentity}), nil, nil},
		{"too many scopes", then(show, minted, token, Event{Kind: OnScopeExceeded, Cause: "admin"}), nil, nil},
		{"the account could not be asked for", then(show, minted, token, Event{Kind: OnIdentityTimeout, Cause: tooLate[OnIdentityTimeout]}), nil, nil},
		{"the token is lost", then(show, minted, Event{Kind: OnTokenLost, Code: 1}), nil, nil},
		{"the poll failed", then(show, minted, Event{Kind: OnPollFailed, Code: 1, Cause: "invalid_client", Outcome: OutcomeProviderError}), nil, nil},
		{"blocked", failed(OutcomeDeviceGrantBlocked), nil, nil},
		{"unsupported", failed(OutcomeDeviceGrantUnsupported), nil, nil},
		{"beyond the grant", more, nil, nil},
		{"with authorization details", paying, nil, nil},
		{"with authorization details, and others were granted", fold(paying, show, minted, token, Event{Kind: OnMatched, Scopes: []string{"mail"}, Details: `[{"amount":"5 EUR","type":"payment"}]`, Grant: "grt_1"}), nil, live},
		{"with authorization details, and none were granted", fold(paying, show, minted, token, Event{Kind: OnMatched, Scopes: []string{"mail"}, Grant: "grt_1"}), nil, live},
		{"lost at the provider before it was collected", then(show, minted, token, matched, Event{Kind: OnGrantLost}), nil, ended(GrantRevoked, ByProvider, RevocationDone, unused)},
		{"revoked since its refresh brought something else", has, nil, ended(GrantRevoked, ByProvider, RevocationDone)},
		{"a renewal", renewal(), nil, nil},
		{"a renewal, with its code", renewal(show, minted), code, nil},
		{"a renewal, granted", renewal(show, minted, token, matched), nil, live},
		{"a renewal, denied", renewal(Event{Kind: OnDeny}), nil, nil},
		{"a renewal, not answered", renewal(Event{Kind: OnTTLOver}), nil, nil},
		{"a renewal, withdrawn", renewal(Event{Kind: OnNoRenewal}), nil, nil},
		{"a renewal, withdrawn after a code", renewal(show, minted, Event{Kind: OnNoRenewal}), nil, nil},
		{"nowhere to be seen", then(Event{Kind: OnUnreachable, Cause: "the inbox is off"}), nil, nil},
	}
}

// laidOut writes a card line by line, as a surface would.
func laidOut(c Card) string {
	var out strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	line("%s: %s", c.Headline, c.Title)
	line("who    %s", c.Who)
	for _, s := range c.Scopes {
		line("what   %q %s%s", s.Words, s.Scope, map[bool]string{true: ", new"}[s.New])
	}
	for _, s := range c.Details {
		line("with   %s", s)
	}
	for _, s := range c.Says {
		line("says   %s", s)
	}
	if c.Renewal && c.Ending == "" {
		line("asked by the bridge")
	}
	if c.Phrase != "" {
		line("phrase %s", c.Phrase)
	}
	if c.Digits {
		line("phrase and the digits that the agent shows: ____")
	}
	if c.Note != "" {
		line("note   %s", c.Note)
	}
	if c.Whose != "" {
		line("whose  %s", c.Whose)
	}
	if c.Question != "" {
		line("asks   %s", c.Question)
	}
	if c.Minting {
		line("the code is on its way")
	}
	if c.Code != nil {
		line("code   %s at %s, open %s on %s, lapses %s", c.Code.UserCode.Reveal(), c.Code.Address, c.Code.Open.Reveal(), c.Code.Host, c.Code.LapsesAt.Format(time.TimeOnly))
	}
	if c.Ending != "" {
		line("ending %s", c.Ending)
	}
	for _, at := range []struct {
		name string
		time time.Time
	}{{"open to", c.OpenTo}, {"until", c.Until}, {"ended", c.EndedAt}} {
		if !at.time.IsZero() {
			line("%s %s", at.name, at.time.Format(time.DateTime))
		}
	}
	for _, b := range c.Buttons {
		line("[%s] %s", b.Label, b.Verb)
	}
	return out.String()
}
