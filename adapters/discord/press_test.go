package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

const (
	request  = bridge.RequestID("req_0000000000000000000000007f3c")
	userCode = "WDJB-MJHT"
)

// card is an open request with some buttons.
func card(buttons ...bridge.Button) bridge.Card {
	return bridge.Card{
		Request: request, State: bridge.Asked, Headline: "Access request", Title: "helper wants corp", Who: "helper, on the test bench",
		Agent: "helper", Host: "login.example.com", Phrase: "amber otter 42", Buttons: buttons,
	}
}

func teamCard(buttons ...bridge.Button) bridge.Card {
	c := card(buttons...)
	c.Team, c.View, c.Headline, c.Phrase = "oncall", bridge.ViewTeam, "Waiting for someone to claim", ""
	return c
}

func coded(c bridge.Card) bridge.Card {
	c.State = bridge.Coded
	c.Code = &bridge.ShownCode{
		UserCode: bridge.NewSecret(userCode), Address: "https://login.example.com/device",
		Open: bridge.NewSecret("https://login.example.com/device"), LapsesAt: time.Now().Add(10 * time.Minute),
	}
	return c
}

func over(c bridge.Card) bridge.Card {
	c.State, c.Headline, c.Ending, c.Buttons, c.Code = bridge.Denied, "Denied", "Denied by you.", nil, nil
	return c
}

var (
	showCode = bridge.Button{Verb: bridge.VerbShowCode, Label: "Show code"}
	claim    = bridge.Button{Verb: bridge.VerbClaim, Label: "Claim"}
	revoke   = bridge.Button{Verb: bridge.VerbRevoke, Label: "Revoke"}
)

func (o *office) post(to bridge.Address, c bridge.Card, key string) bridge.MessageRef {
	o.t.Helper()
	ref, err := o.adapter.Post(o.t.Context(), to, c, key)
	if err != nil {
		o.t.Fatal(err)
	}
	return ref
}

func (o *office) edit(ref bridge.MessageRef, c bridge.Card) {
	o.t.Helper()
	if err := o.adapter.Edit(o.t.Context(), ref, c); err != nil {
		o.t.Fatal(err)
	}
}

// claimed has bob claim a team's request, and the outbox bring him his card.
func claimed(t *testing.T) (o *office, ref bridge.MessageRef) {
	t.Helper()
	o = newOffice(t)
	brought := make(chan bridge.MessageRef, 1)
	private := card(showCode)
	private.Team = "oncall"
	o.desk.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) {
		go func() {
			ref, err := o.adapter.Post(context.WithoutCancel(t.Context()), discordtest.Bob, private, "bob's")
			if err != nil {
				t.Errorf("bring bob his card: %v", err)
			}
			brought <- ref
		}()
		return teamCard(), "", nil
	}
	o.runs()
	o.post(discordtest.Deploys, teamCard(claim), "team's")
	o.discord.Person(discordtest.Bob).Press("Claim")
	select {
	case ref = <-brought:
	case <-time.After(10 * time.Second):
		t.Fatal("bob's card never came")
	}
	return o, ref
}

// Who claims sees the code where they pressed, and nobody else sees it, until
// it is over.
func TestAClaimIsAnsweredToItsClaimerAlone(t *testing.T) {
	t.Parallel()
	o, ref := claimed(t)
	if !strings.HasPrefix(string(ref), toPresser) {
		t.Fatalf("bob's card is %s", ref)
	}
	private := card(showCode)
	private.Team = "oncall"
	o.edit(ref, coded(private))
	o.sees(discordtest.Bob, "only you can see this", userCode)
	for _, other := range []string{discordtest.Alice, discordtest.Carol} {
		o.sees(other, "Waiting for someone to claim", "!"+userCode, "!amber otter")
	}
	o.edit(ref, over(private))
	o.sees(discordtest.Bob, "!"+userCode, "Denied by you")
	if n := len(o.discord.Calls(routeDM)); n != 0 {
		t.Errorf("%d direct channels were opened", n)
	}
}

// What can be changed no longer is taken away before, and a restart remembers
// none of it.
func TestAnEphemeralCardIsTakenAwayInTime(t *testing.T) {
	t.Parallel()
	o, ref := claimed(t)
	private := card()
	private.Team = "oncall"
	o.edit(ref, coded(private))
	if err := o.another().Edit(t.Context(), ref, private); !errors.Is(err, bridge.ErrGone) {
		t.Errorf("after a restart: %v", err)
	}
	now := time.Now()
	o.adapter.ephemerals.closeBefore(t.Context(), now.Add(13*time.Minute))
	o.sees(discordtest.Bob, userCode)
	o.adapter.ephemerals.closeBefore(t.Context(), now.Add(14*time.Minute))
	o.sees(discordtest.Bob, "!"+userCode, "Press Show again")
	if err := o.adapter.Edit(t.Context(), ref, coded(private)); !errors.Is(err, bridge.ErrGone) {
		t.Errorf("after it was taken away: %v", err)
	}
	o.sees(discordtest.Bob, "!"+userCode)
}

// Who takes no direct messages is unreachable: Discord is asked once, and left
// alone then.
func TestBehaviour39ClosedMessagesAreTriedOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.discord.Change(func(w *discordtest.World) { w.Person(discordtest.Alice).Closed = true })
	for n := range 3 {
		if _, err := o.adapter.Post(t.Context(), discordtest.Alice, card(), fmt.Sprint(n)); !errors.Is(err, bridge.ErrUnreachable) {
			t.Errorf("post %d: %v", n, err)
		}
	}
	if n := len(o.discord.Calls(routePost)); n != 1 {
		t.Errorf("Discord was asked %d times", n)
	}
	o.discord.Change(func(w *discordtest.World) { w.Guild(discordtest.Acme).Remove(discordtest.Bob) })
	if _, err := o.adapter.Post(t.Context(), discordtest.Bob, card(), "bob"); !errors.Is(err, bridge.ErrUnreachable) {
		t.Errorf("somebody who shares no server: %v", err)
	}
}

// The fallback says whom it is for and nothing else; a button shows the card to
// them alone.
func TestBehaviour39TheFallbackTellsNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.channel = discordtest.Deploys
	o.discord.Change(func(w *discordtest.World) { w.Person(discordtest.Alice).Closed = true })
	shown := make(chan bridge.MessageRef, 1)
	o.desk.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) {
		go func() {
			ref, err := o.adapter.Post(context.WithoutCancel(t.Context()), discordtest.Alice, card(showCode), "again")
			if err != nil {
				t.Errorf("show it to her: %v", err)
			}
			shown <- ref
		}()
		return card(), "", nil
	}
	o.runs()
	ref := o.post(discordtest.Alice, card(showCode), "first")
	o.sees(discordtest.Bob, "has an access request", "!helper", "!corp", "!Show code")
	if n := len(o.discord.Pushes(discordtest.Bob)); n != 0 {
		t.Errorf("bob's screen lit up %d times", n)
	}
	if push := o.discord.Pushes(discordtest.Alice); len(push) != 1 || strings.Contains(push[0], "corp") {
		t.Errorf("alice's screen showed %q", push)
	}
	o.discord.Person(discordtest.Alice).Press("Show privately")
	again := <-shown
	o.edit(again, coded(card()))
	o.sees(discordtest.Alice, userCode, "only you can see this")
	o.sees(discordtest.Bob, "!"+userCode, "!corp")
	if want := "alice " + string(ref) + " "; !slices.Contains(o.desk.Adopted, want) {
		t.Errorf("adopted are %q, want %q", o.desk.Adopted, want)
	}
	o.edit(ref, over(card()))
	o.sees(discordtest.Bob, "is over", "!Show privately")
}

// A code goes to a direct channel or to who pressed, and nowhere else, whatever
// the adapter remembers.
func TestBehaviour02NoCodeInAChannel(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	shared := o.post(discordtest.Deploys, teamCard(claim), "team's")
	own := o.post(discordtest.Alice, card(showCode), "hers")
	for _, a := range []*Adapter{o.adapter, o.another()} {
		if err := a.Edit(t.Context(), shared, coded(card())); !errors.Is(err, bridge.ErrInvalid) {
			t.Errorf("a code in a channel: %v", err)
		}
		if err := a.Edit(t.Context(), own, coded(card())); err != nil {
			t.Errorf("a code in her direct messages: %v", err)
		}
	}
	o.sees(discordtest.Bob, "!"+userCode)
	o.sees(discordtest.Alice, userCode)
}

// TestBehaviour07NobodyIsPinged looks at everything that was ever sent.
func TestBehaviour07NobodyIsPinged(t *testing.T) {
	t.Parallel()
	o, ref := claimed(t)
	hostile := card(revoke)
	hostile.Says = []string{"@everyone <@" + discordtest.Bob + "> [x](https://evil.example) https://evil.example"}
	hostile.Team = "oncall"
	o.edit(ref, hostile)
	o.edit(o.post(discordtest.Alice, hostile, "hers"), over(hostile))
	o.discord.Person(discordtest.Alice).Command("authbridge whoami")
	o.sees(discordtest.Alice, "You are alice here")
	seen := 0
	for _, e := range o.discord.Exchanges() {
		var body struct {
			Content  *string                          `json:"content"`
			Mentions *struct{ Parse, Users []string } `json:"allowed_mentions"`
			Flags    int                              `json:"flags"`
			Data     *struct {
				Content *string
				Flags   int
			} `json:"data"`
		}
		if json.Unmarshal([]byte(e.Asked), &body) != nil || body.Content == nil {
			continue
		}
		seen++
		if body.Mentions == nil || body.Mentions.Parse == nil || len(body.Mentions.Parse) > 0 || body.Flags&4 == 0 {
			t.Errorf("%s: %s", e.Where, e.Asked)
		}
	}
	if seen < 4 {
		t.Errorf("only %d messages were looked at", seen)
	}
	if push := o.discord.Prefetched(); len(push) != 0 {
		t.Errorf("Discord fetched %q", push)
	}
}

// Discord has an own dialog for nothing: who takes something back is asked by
// us.
func TestRevokingAsksOnceMore(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	given := over(card(revoke))
	given.Headline, given.Ending, given.Buttons = "Approved", "helper has access.", []bridge.Button{revoke}
	o.desk.Shown = bridge.Inbox{Given: []bridge.Card{given}}
	o.desk.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) {
		return bridge.Card{Ending: "Revoked by you."}, "", nil
	}
	o.runs()
	alice := o.discord.Person(discordtest.Alice)
	o.post(discordtest.Alice, given, "hers")
	alice.Press("Revoke", "Keep")
	o.sees(discordtest.Alice, "Nothing happened")
	if did := o.desk.Did(); did != "" {
		t.Fatalf("she did %s", did)
	}
	alice.Press("Revoke", "Revoke now")
	o.sees(discordtest.Alice, "Revoked by you")
	if did := o.desk.Did(); did != "alice revoke" {
		t.Errorf("she did %s", did)
	}
}

// Where the operator wants it, the code comes after the digits.
func TestBehaviour23DigitsAreAskedForInAModal(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	asked := card(showCode)
	asked.Digits = true
	o.desk.OnClick = func(who bridge.Clicker, _ bridge.RequestID, _ bridge.Verb) (bridge.Card, string, error) {
		switch who.Typed {
		case "":
			return asked, "Type the digits.", nil
		case "1234":
			return card(), "", nil
		}
		return asked, "These are not the digits.", nil
	}
	o.runs()
	o.post(discordtest.Alice, asked, "hers")
	alice := o.discord.Person(discordtest.Alice)
	for _, typed := range []struct{ digits, says string }{{"9999", "These are not the digits"}, {"1234", "!modal"}} {
		alice.Press("Show code")
		o.sees(discordtest.Alice, "== modal")
		alice.Type("The four digits that the agent shows", typed.digits)
		alice.Submit()
		o.sees(discordtest.Alice, typed.says, "!== modal")
	}
	until(t, "the right digits have come", func() bool { return strings.Count(o.desk.Did(), "show_code") == 4 })
}

// Who is nobody here, or has no say in the server, changes nothing and is told
// so; the audit log knows, but not without end.
func TestBehaviour17WhoHasNoSay(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.runs()
	o.post(discordtest.Deploys, teamCard(claim), "team's")
	o.discord.Person(discordtest.Carol).Press("Claim")
	o.sees(discordtest.Carol, "You are nobody here yet")
	o.discord.Person(discordtest.Dave).Press("Claim")
	o.sees(discordtest.Dave, "not yet agreed to the rules")
	if did := o.desk.Did(); did != "" {
		t.Errorf("somebody did %s", did)
	}
	if lines := o.desk.Lines; len(lines) != 2 || lines[0].Event != bridge.AuditPressRefused || lines[0].PlatformUser != discordtest.Carol || lines[0].Request != request {
		t.Errorf("audited are %+v", lines)
	}
	for range 3 * chat.MaxTurnedAway {
		o.adapter.serve(t.Context(), inbound{kind: pressed, user: discordtest.Carol, custom: customID("claim", string(request)), at: time.Now()})
	}
	if n := len(o.desk.Lines); n != chat.MaxTurnedAway+1 {
		t.Errorf("%d lines are audited", n)
	}
	bot := inbound{kind: pressed, user: discordtest.Robot, bot: true, custom: customID("claim", string(request)), at: time.Now()}
	if said := o.adapter.serve(t.Context(), bot); said.Body == nil || o.desk.Did() != "" {
		t.Errorf("a bot did %s", o.desk.Did())
	}
}

// TestBehaviour17DigitsOfWhoHasNoSay count for nothing, and the audit log knows.
func TestBehaviour17DigitsOfWhoHasNoSay(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	sent := inbound{kind: submitted, guild: discordtest.Acme, message: "1", custom: customID(doDigits+"claim", string(request)), typed: "4711", at: time.Now()}
	for name, spoil := range map[string]func(*inbound){
		"nobody here": func(in *inbound) { in.user = discordtest.Eve },
		"a bot":       func(in *inbound) { in.user, in.bot = discordtest.Alice, true },
		"not yet in":  func(in *inbound) { in.user, in.pending = discordtest.Bob, true },
	} {
		before, in := len(o.desk.Lines), sent
		spoil(&in)
		if said := o.adapter.serve(t.Context(), in); said.Body == nil || o.desk.Did() != "" {
			t.Errorf("%s is answered with %+v, and did %q", name, said.Body, o.desk.Did())
		}
		if _, kept := o.adapter.known.pressings.Get(pressingKey(in.user, request)); kept {
			t.Errorf("%s: a card may come to them", name)
		}
		if len(o.desk.Lines) != before+1 || o.desk.Lines[before].PlatformUser != in.user {
			t.Errorf("%s: audited are %+v", name, o.desk.Lines[before:])
		}
	}
	for _, custom := range []string{
		"", "digits.claim", "ab2:digits.claim:" + string(request), "ab1:claim:" + string(request), "ab1:digits.deny:" + string(request),
		"ab1:digits.revoke:" + string(request), "ab1:digits.:" + string(request), "ab1:sure.revoke:" + string(request),
	} {
		in := sent
		in.user, in.custom = discordtest.Alice, custom
		if said := o.adapter.serve(t.Context(), in); said.Body != nil || said.Late != nil || o.desk.Did() != "" {
			t.Errorf("%q is answered with %+v, and did %q", custom, said.Body, o.desk.Did())
		}
	}
}

// Somebody else's trial, and one that is over, are told to be none.
func TestATrialIsItsPersons(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	said := o.adapter.serve(t.Context(), inbound{kind: pressed, user: discordtest.Eve, custom: customID(doTry, "guessed"), at: time.Now()})
	if r, ok := said.Body.(response); !ok || !strings.Contains(r.Data.Content, "not yours") {
		t.Errorf("a stranger is answered with %+v", said.Body)
	}
}

// What is no button of ours does nothing.
func TestForeignAndStaleButtons(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, custom := range []string{"", "claim", "ab1:", "ab1:claim", "ab2:claim:" + string(request), "ab1:become_admin:" + string(request), "ab1:sure.claim:" + string(request), "ab1:page:x"} {
		said := o.adapter.serve(t.Context(), inbound{kind: pressed, user: discordtest.Alice, custom: custom, at: time.Now()})
		if said.Body != nil || said.Late != nil || o.desk.Did() != "" {
			t.Errorf("%q is answered with %+v, and did %q", custom, said.Body, o.desk.Did())
		}
	}
	o.runs()
	o.post(discordtest.Alice, card(showCode), "hers")
	o.discord.Person(discordtest.Alice).Press("Show code")
	o.sees(discordtest.Alice, "it is long over. Nothing happened")
}

// TestBehaviour28TheSamePressTwice: Discord may bring it again.
func TestBehaviour28TheSamePressTwice(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.desk.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) {
		return card(), "Done once.", nil
	}
	o.runs()
	ref := o.post(discordtest.Alice, card(showCode), "hers")
	o.discord.Person(discordtest.Alice).Press("Show code")
	o.discord.Repeat()
	o.sees(discordtest.Alice, "Done once")
	o.discord.Person(discordtest.Alice).Command("authbridge help") // comes after the copy
	o.sees(discordtest.Alice, "what waits for you")
	if did := o.desk.Did(); did != "alice show_code" {
		t.Errorf("she did %s", did)
	}
	if o.adapter.Disputed() {
		t.Error("its own second answer is taken for somebody else's")
	}
	if want := "alice " + string(ref) + " "; !slices.Contains(o.desk.Adopted, want) {
		t.Errorf("adopted are %q, want %q", o.desk.Adopted, want)
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.desk.Codes["ABCD-1234"] = "carol"
	o.desk.Live[userCode] = bridge.CodeFinding{Known: true, Agent: "helper", Host: "login.example.com", Request: request, LapsesAt: time.Now().Add(time.Minute)}
	for n := range 7 {
		c := over(card())
		c.Request, c.Headline, c.Ending = bridge.RequestID(fmt.Sprintf("req_00000000000000000000000000%02d", n)), "Approved", fmt.Sprintf("grant number %d", n)
		c.Buttons = []bridge.Button{revoke}
		o.desk.Shown.Given = append(o.desk.Shown.Given, c)
	}
	o.runs()
	alice, carol := o.discord.Person(discordtest.Alice), o.discord.Person(discordtest.Carol)
	for _, c := range []struct {
		who         *discordtest.Person
		line, shows string
	}{
		{alice, "whoami", "You are alice here"},
		{alice, "help", "what waits for you"},
		{alice, "pending", "Nothing is waiting for you"},
		{alice, "verify code:" + userCode, "This code was made for you"},
		{alice, "verify code:XXXX-XXXX", "Not from this bridge"},
		{alice, "revoke name:zzzz", "Nothing that you have given is called that"},
		{alice, "revoke name:0003", "grant number 3"},
		{alice, "unlink", "The operator has written down who you are"},
		{carol, "list", "You are nobody here yet"},
		{carol, "unlink", "You are nobody here yet"},
		{carol, "link code:WRONG", "This code is wrong"},
		{carol, "link code:ABCD-1234", "You are carol here now"},
		{carol, "unlink", "You are not carol here any more"},
	} {
		c.who.Command("authbridge " + c.line)
		o.sees(map[*discordtest.Person]string{alice: discordtest.Alice, carol: discordtest.Carol}[c.who], c.shows)
	}
	alice.CommandIn(discordtest.Deploys, "authbridge list")
	o.sees(discordtest.Alice, "only you can see this", "grant number 4", "!grant number 5")
	o.sees(discordtest.Bob, "!grant number")
	alice.Press("Older")
	o.sees(discordtest.Alice, "grant number 6", "!grant number 4")
}

// What is registered stays: Discord counts how often commands are made.
func TestCommandsAreRegisteredOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for range 3 {
		if err := o.another().register(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(o.discord.Calls("PUT /applications/{app}/commands")); n != 1 {
		t.Errorf("they were registered %d times", n)
	}
}

// A bot whose token is not known is not used: each call would count towards
// barring the address.
func TestBehaviour33ARefusedTokenIsNotUsed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.discord.Change(func(w *discordtest.World) { w.App.Revoked = true })
	for n := range 5 {
		if _, err := o.adapter.Post(t.Context(), discordtest.Alice, card(), fmt.Sprint(n)); !errors.Is(err, bridge.ErrAuth) {
			t.Errorf("post %d: %v", n, err)
		}
	}
	if n := o.discord.Invalid(); n != 1 {
		t.Errorf("%d invalid requests", n)
	}
	if h := o.adapter.Health(); !strings.Contains(h.Why, "does not know the bot token") {
		t.Errorf("the health is %+v", h)
	}
}

// TestBehaviour34LimitsAreKept, each for the place that it is of.
func TestBehaviour34LimitsAreKept(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.post(discordtest.Alice, card(), "opens the channel")
	o.discord.Fail(routePost, 1, discordtest.Fault{Limited: 7 * time.Second})
	for range 3 {
		_, err := o.adapter.Post(t.Context(), discordtest.Alice, card(), "hers")
		if slow, ok := errors.AsType[*bridge.Limited](err); !ok || slow.All || slow.After < 6*time.Second || slow.After > 7*time.Second {
			t.Errorf("alice: %v", err)
		}
	}
	if n := len(o.discord.Calls(routePost)); n != 2 {
		t.Errorf("Discord was called %d times", n)
	}
	o.post(discordtest.Bob, card(), "his")
	o.discord.Fail(routePost, 1, discordtest.Fault{Limited: 5 * time.Second, Global: true})
	_, err := o.adapter.Post(t.Context(), discordtest.Bob, card(), "his too")
	if slow, ok := errors.AsType[*bridge.Limited](err); !ok || !slow.All {
		t.Errorf("all: %v", err)
	}
	if _, err := o.adapter.Post(t.Context(), discordtest.Deploys, teamCard(claim), "team's"); err == nil {
		t.Error("the others are called although all are limited")
	}
}

// TestBehaviour38AnUnsureCreateIsNotDoubled: one call, and the same message
// when it is made again.
func TestBehaviour38AnUnsureCreateIsNotDoubled(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.discord.Fail(routePost, 1, discordtest.Fault{Committed: true, Status: http.StatusBadGateway})
	_, err := o.adapter.Post(t.Context(), discordtest.Alice, card(), "hers")
	if err == nil || errors.Is(err, bridge.ErrNotSent) {
		t.Errorf("what may have happened is %v", err)
	}
	if n := len(o.discord.Calls(routePost)); n != 1 {
		t.Errorf("Discord was called %d times", n)
	}
	o.post(discordtest.Alice, card(), "hers")
	if n := strings.Count(o.discord.Person(discordtest.Alice).Screen(), "helper wants corp"); n != 1 {
		t.Errorf("alice sees %d cards", n)
	}
}

// What Discord says for certain has its name.
func TestWhatDiscordSaysForCertain(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]error{
		discordtest.UnknownChannel: bridge.ErrRoute, discordtest.MissingAccess: bridge.ErrRoute, discordtest.MissingPermissions: bridge.ErrRoute,
		discordtest.ThreadArchived: bridge.ErrRoute, discordtest.UnknownMessage: bridge.ErrGone, discordtest.InvalidForm: bridge.ErrInvalid,
	} {
		o := newOffice(t)
		o.discord.Tolerate(code)
		ref := o.post(discordtest.Deploys, teamCard(claim), "team's")
		o.discord.Fail(routeEdit, 1, discordtest.Fault{Code: code})
		if err := o.adapter.Edit(t.Context(), ref, teamCard(claim)); !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", code, err, want)
		}
	}
	o := newOffice(t)
	ref := o.post(discordtest.Deploys, teamCard(claim), "team's")
	o.discord.Fail(routeEdit, 1, discordtest.Fault{Code: discordtest.OldEdits})
	if _, ok := errors.AsType[*bridge.Limited](o.adapter.Edit(t.Context(), ref, teamCard(claim))); !ok {
		t.Error("too many edits of an old message are no limit")
	}
}

// Roles are read of those who are known here, and by what came with a press.
func TestWhoHasARole(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	all := []bridge.Address{discordtest.Alice, discordtest.Bob, discordtest.Dave, discordtest.Eve}
	o.discord.Change(func(w *discordtest.World) {
		w.Guild(discordtest.Acme).Member(discordtest.Dave).Roles = []string{discordtest.OnCall}
	})
	members := func() []bridge.Address {
		t.Helper()
		got, err := o.adapter.Members(t.Context(), discordtest.OnCall, all)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := members(); !slices.Equal(got, []bridge.Address{discordtest.Bob}) {
		t.Errorf("it is %v: only bob has it and has agreed to the rules", got)
	}
	o.discord.Change(func(w *discordtest.World) { w.Guild(discordtest.Acme).Member(discordtest.Bob).Roles = nil })
	if got := members(); len(got) != 1 {
		t.Errorf("it is %v, and was read a moment ago", got)
	}
	o.adapter.serve(t.Context(), inbound{kind: pressed, at: time.Now(), user: discordtest.Bob, guild: discordtest.Acme})
	if got := members(); len(got) != 0 {
		t.Errorf("it is %v: his press said that he has it no more", got)
	}
	for role, want := range map[string]error{discordtest.Acme: errEveryone, "999999999999999999": errNoRole, "@everyone": errNoRole} {
		if got, err := o.adapter.Members(t.Context(), role, all); !errors.Is(err, want) || len(got) != 0 {
			t.Errorf("%s: %v, %v", role, got, err)
		}
	}
	o.discord.Fail("*", 1, discordtest.Fault{Status: http.StatusServiceUnavailable})
	if got, err := o.another().Members(t.Context(), discordtest.OnCall, all); err == nil || len(got) != 0 {
		t.Errorf("while Discord is away: %v, %v", got, err)
	}
}

// A team of more people than Discord lets be looked up at once is read all the
// same, while its caller waits.
func TestABigTeamIsReadInOneGo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	all := []bridge.Address{discordtest.Alice, discordtest.Bob}
	const route = "GET /guilds/{guild}/members/{user}"
	o.discord.Fail(route, 1, discordtest.Fault{Limited: time.Second})
	got, err := o.adapter.Members(t.Context(), discordtest.OnCall, all)
	if err != nil || !slices.Equal(got, []bridge.Address{discordtest.Bob}) {
		t.Errorf("%v, %v", got, err)
	}
	if n := len(o.discord.Calls(route)); n != 3 {
		t.Errorf("Discord was asked %d times", n)
	}
	for name, f := range map[string]discordtest.Fault{
		"for long": {Limited: time.Minute}, "all of it": {Limited: time.Second, Global: true},
	} {
		o.discord.Fail(route, 1, f)
		if _, err := o.another().Members(t.Context(), discordtest.OnCall, all); err == nil {
			t.Errorf("limited %s, it is read", name)
		}
	}
	o.discord.Fail(route, 1, discordtest.Fault{Limited: time.Second})
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := o.another().Members(short, discordtest.OnCall, all); err == nil {
		t.Error("nobody waits any more, and it is read")
	}
}
