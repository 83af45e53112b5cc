package discord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

// The routes of what is said through an interaction.
const (
	routeRespond  = "POST /interactions/{interaction}/{token}/callback"
	routeFollowUp = "PATCH /webhooks/{app}/{token}/messages/{message}"
)

// bobs is the private card of bob, who has claimed a team's request.
func bobs(buttons ...bridge.Button) bridge.Card {
	c := card(buttons...)
	c.Team = "oncall"
	return c
}

// carrier brings somebody's card when the desk says so, as the outbox does.
type carrier struct {
	*office
	brought chan bridge.MessageRef
}

func (o *office) carrier() carrier { return carrier{o, make(chan bridge.MessageRef, 100)} }

// bring begins to bring a card to somebody.
func (c carrier) bring(to bridge.Address, what bridge.Card, key string) {
	ctx := context.WithoutCancel(c.t.Context())
	go func() {
		ref, err := c.adapter.Post(ctx, to, what, key)
		if err != nil {
			c.t.Errorf("bring %s: %v", key, err)
		}
		c.brought <- ref
	}()
}

// next is the next card that was brought.
func (c carrier) next() bridge.MessageRef {
	c.t.Helper()
	return soon(c.t, "a card to be brought", c.brought)
}

// TestBehaviour13LosersAreTold who has it, each to themselves, and have nothing
// of what the winner sees.
func TestBehaviour13LosersAreTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	all := o.carrier()
	var mu sync.Mutex
	winner := ""
	o.desk.OnClick = func(who bridge.Clicker, _ bridge.RequestID, _ bridge.Verb) (bridge.Card, string, error) {
		mu.Lock()
		defer mu.Unlock()
		if winner != "" {
			return teamCard(), winner + " has claimed it.", nil
		}
		winner = who.Human
		all.bring(bridge.Address(who.User), bobs(showCode), "the winner's")
		return teamCard(), "", nil
	}
	o.runs()
	o.post(discordtest.Deploys, teamCard(claim), "team's")
	both := []string{discordtest.Alice, discordtest.Bob}
	var presses sync.WaitGroup
	for _, who := range both {
		button := o.discord.Person(who).Button("Claim")
		for range 25 {
			presses.Go(button.Press)
		}
	}
	presses.Wait()
	all.edit(all.next(), coded(bobs()))
	until(t, "all presses are done", func() bool { return strings.Count(o.desk.Did(), "claim") == 50 })
	won := both[slices.Index([]string{"alice", "bob"}, winner)]
	o.sees(won, userCode, winner+" has claimed it.")
	for _, lost := range both {
		if lost != won {
			o.sees(lost, winner+" has claimed it.", "!"+userCode, "!amber otter")
		}
	}
	o.sees(discordtest.Carol, "!has claimed it", "!"+userCode)
	if n := len(o.discord.Calls(routeAgain)); n > 50 || len(all.brought) != 0 {
		t.Errorf("%d follow-ups, and %d more cards", n, len(all.brought))
	}
}

// TestBehaviour14OthersAreToldPrivately: the desk says no, and only who pressed
// sees why.
func TestBehaviour14OthersAreToldPrivately(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.desk.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) {
		return bridge.Card{}, "", fmt.Errorf("press: %w", bridge.ErrNotFound)
	}
	o.runs()
	o.post(discordtest.Deploys, teamCard(claim), "team's")
	o.discord.Person(discordtest.Alice).Press("Claim")
	o.sees(discordtest.Alice, "only you can see this", "This is not for you to answer", "Waiting for someone to claim")
	o.sees(discordtest.Bob, "Waiting for someone to claim", "!not for you to answer")
	if len(o.desk.Adopted) != 0 {
		t.Errorf("her press made the message known: %q", o.desk.Adopted)
	}
}

// TestBehaviour23DigitsBeforeTheClaim: the code of who claims comes where they
// typed the right digits, and nothing comes before.
func TestBehaviour23DigitsBeforeTheClaim(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	all := o.carrier()
	asked := teamCard(claim)
	asked.Digits = true
	o.desk.OnClick = func(who bridge.Clicker, _ bridge.RequestID, _ bridge.Verb) (bridge.Card, string, error) {
		switch who.Typed {
		case "":
			return asked, "Type the digits.", nil
		case "1234":
			all.bring(bridge.Address(who.User), bobs(), "bob's")
			return teamCard(), "", nil
		}
		return asked, "These are not the digits.", nil
	}
	o.runs()
	o.post(discordtest.Deploys, asked, "team's")
	bob := o.discord.Person(discordtest.Bob)
	for _, typed := range []string{"9999", "1234"} {
		bob.Press("Claim")
		o.sees(discordtest.Bob, "Digits before you claim it", "!amber otter")
		bob.Type("The four digits that the agent shows", typed)
		o.adapter.known.pressings.Drop(pressingKey(discordtest.Bob, request)) // he takes his time
		bob.Submit()
		o.sees(discordtest.Bob, "These are not the digits")
	}
	ref := all.next()
	o.edit(ref, coded(bobs()))
	o.sees(discordtest.Bob, userCode)
	o.sees(discordtest.Alice, "!"+userCode, "!not the digits")
	if !strings.HasPrefix(string(ref), toPresser) {
		t.Errorf("his card is %s", ref)
	}
}

// TestASlowPressOpensNoModal: Discord takes one as the first answer alone, and
// that had to go.
func TestASlowPressOpensNoModal(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	asked, answered := card(showCode), make(chan struct{})
	asked.Digits = true
	o.desk.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) {
		<-answered
		return asked, "Type the digits.", nil
	}
	o.runs()
	o.post(discordtest.Alice, asked, "hers")
	o.discord.Person(discordtest.Alice).Press("Show code")
	o.discord.Until("the press is answered", func() bool { return len(o.discord.Calls(routeRespond)) == 1 })
	close(answered)
	o.sees(discordtest.Alice, "That took too long. Press again", "!== modal")
}

// Who takes no direct messages claims like the others: none is needed.
func TestAClaimNeedsNoDirectMessages(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	all := o.carrier()
	o.discord.Change(func(w *discordtest.World) { w.Person(discordtest.Bob).Closed = true })
	o.desk.OnClick = func(who bridge.Clicker, _ bridge.RequestID, _ bridge.Verb) (bridge.Card, string, error) {
		all.bring(bridge.Address(who.User), bobs(), "bob's")
		return teamCard(), "", nil
	}
	o.runs()
	o.post(discordtest.Deploys, teamCard(claim), "team's")
	o.discord.Person(discordtest.Bob).Press("Claim")
	o.edit(all.next(), coded(bobs()))
	o.sees(discordtest.Bob, "only you can see this", userCode)
	if n := len(o.discord.Calls(routeDM)); n != 0 {
		t.Errorf("%d direct channels were opened", n)
	}
}

// A press that Discord took no answer of, as it came too late, brings the card
// by direct message: the claim is theirs all the same.
func TestAClaimThatDiscordTookNoAnswerOf(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	all := o.carrier()
	o.desk.OnClick = func(who bridge.Clicker, _ bridge.RequestID, _ bridge.Verb) (bridge.Card, string, error) {
		all.bring(bridge.Address(who.User), bobs(), "bob's")
		return teamCard(), "", nil
	}
	o.runs()
	o.post(discordtest.Deploys, teamCard(claim), "team's")
	o.discord.Fail(routeRespond, 2, discordtest.Fault{Code: discordtest.UnknownInteraction})
	o.discord.Person(discordtest.Bob).Press("Claim")
	ref := all.next()
	o.edit(ref, coded(bobs()))
	o.sees(discordtest.Bob, userCode)
	if !strings.HasPrefix(string(ref), inChannel) {
		t.Errorf("his card is %s", ref)
	}
}

// After 14 minutes the view is closed, and the team's card has the way to a new
// one; the old one stays closed.
func TestAClosedViewIsShownAgain(t *testing.T) {
	t.Parallel()
	o, ref := claimed(t)
	all := o.carrier()
	o.edit(ref, coded(bobs()))
	o.adapter.ephemerals.closeBefore(t.Context(), time.Now().Add(exchangeFor))
	o.sees(discordtest.Bob, "!"+userCode, "Press Show again on the team's card")

	again := bridge.Button{Verb: bridge.VerbShowAgain, Label: "Show again"}
	o.desk.OnClick = func(who bridge.Clicker, _ bridge.RequestID, _ bridge.Verb) (bridge.Card, string, error) {
		all.bring(bridge.Address(who.User), bobs(), "bob's again")
		return bobs(), "", nil
	}
	o.post(discordtest.Deploys, teamCard(again), "claimed")
	o.discord.Person(discordtest.Bob).Press("Show again")
	second := all.next()
	o.edit(second, coded(bobs()))
	o.sees(discordtest.Bob, userCode, "Your card comes anew", "This view is closed")
	o.sees(discordtest.Alice, "!"+userCode, "!comes anew")
	if err := o.adapter.Edit(t.Context(), ref, coded(bobs())); !errors.Is(err, bridge.ErrGone) {
		t.Errorf("the closed one: %v", err)
	}
}

// A code does not stay because Discord was away for a moment when it was to be
// taken away; when it takes no change any more, that is given up.
func TestClosingAViewIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]discordtest.Fault{
		"broken": {Status: 502}, "cut off": {Reset: true}, "limited": {Limited: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, ref := claimed(t)
			o.edit(ref, coded(bobs()))
			lapse := time.Now().Add(exchangeFor)
			o.discord.Fail(routeFollowUp, 1, fault)
			o.adapter.ephemerals.closeBefore(t.Context(), lapse)
			o.sees(discordtest.Bob, userCode)
			if err := o.adapter.Edit(t.Context(), ref, coded(bobs())); !errors.Is(err, bridge.ErrGone) {
				t.Errorf("meanwhile it is edited: %v", err)
			}
			o.adapter.ephemerals.closeBefore(t.Context(), lapse.Add(closingEvery))
			o.sees(discordtest.Bob, "!"+userCode, "This view is closed")
			o.adapter.ephemerals.closeBefore(t.Context(), lapse.Add(2*closingEvery))
			if n := len(o.discord.Calls(routeFollowUp)); n != 3 {
				t.Errorf("it was edited %d times: with the code, and twice to close it", n)
			}
		})
	}
	o, ref := claimed(t)
	o.edit(ref, coded(bobs()))
	o.discord.Fail(routeFollowUp, 3, discordtest.Fault{Status: 502})
	for _, after := range []time.Duration{exchangeFor, exchangeFor + closeFor, exchangeFor + 2*closeFor} {
		o.adapter.ephemerals.closeBefore(t.Context(), time.Now().Add(after))
	}
	if n := len(o.discord.Calls(routeFollowUp)); n != 3 || len(o.adapter.ephemerals.all) != 0 {
		t.Errorf("it was tried %d times, and %d are kept", n-1, len(o.adapter.ephemerals.all))
	}
}

// However many cards Discord does not let the bridge take away, the log has one
// line about them.
func TestCardsThatStayAreOneLineInTheLog(t *testing.T) {
	t.Parallel()
	log := &lines{}
	e := newEphemerals(newLine(wires{api: away{}, log: slog.New(slog.NewTextHandler(log, nil)), health: chat.NewSides("Discord")}, nil))
	for range 100 {
		e.keep(&ephemeral{message: "1", turn: make(chan struct{}, 1)})
	}
	e.closeAll(t.Context())
	if said := log.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "left_there=100") || len(e.all) > 0 {
		t.Errorf("%d are kept, and the log says:\n%s", len(e.all), said)
	}
}

// away is a Discord that is not there.
type away struct{}

func (away) call(context.Context, string, string, any, any) error { return bridge.ErrNotSent }

// What says how it ended stays: nothing is left that could be shown again.
func TestAViewOfWhatIsOverIsNotClosed(t *testing.T) {
	t.Parallel()
	o, ref := claimed(t)
	o.edit(ref, coded(bobs()))
	o.edit(ref, over(bobs()))
	o.adapter.ephemerals.closeBefore(t.Context(), time.Now().Add(exchangeFor))
	o.sees(discordtest.Bob, "Denied by you", "!This view is closed", "!"+userCode)
	if err := o.adapter.Edit(t.Context(), ref, over(bobs())); !errors.Is(err, bridge.ErrGone) || len(o.adapter.ephemerals.all) != 0 {
		t.Errorf("it is still known: %v", err)
	}
}

// An end that Discord may not have taken is none: the code may be there still.
func TestAnEndThatMayNotHaveArrivedIsClosed(t *testing.T) {
	t.Parallel()
	o, ref := claimed(t)
	o.edit(ref, coded(bobs()))
	o.discord.Fail(routeFollowUp, 1, discordtest.Fault{Status: 502})
	if err := o.adapter.Edit(t.Context(), ref, over(bobs())); err == nil {
		t.Fatal("Discord took it")
	}
	o.adapter.ephemerals.closeBefore(t.Context(), time.Now().Add(exchangeFor))
	o.sees(discordtest.Bob, "This view is closed", "!"+userCode)
}

// The bridge takes the codes along when it stops: the next one cannot.
func TestTheLastThingIsToTakeCodesAway(t *testing.T) {
	t.Parallel()
	o, ref := claimed(t)
	o.edit(ref, coded(bobs()))
	o.sees(discordtest.Bob, userCode)
	o.stop()
	o.sees(discordtest.Bob, "!"+userCode, "This view is closed")
	if err := o.adapter.Edit(t.Context(), ref, coded(bobs())); !errors.Is(err, bridge.ErrGone) {
		t.Errorf("after the end: %v", err)
	}
}

// TestBehaviour29ATeamsCardIsItsTeams, although its channel is the fallback's:
// what is there for one person is known by its button.
func TestBehaviour29ATeamsCardIsItsTeams(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.channel = discordtest.Deploys
	o.desk.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) {
		return teamCard(), "Noted.", nil
	}
	o.runs()
	ref := o.post(discordtest.Deploys, teamCard(claim), "team's")
	o.discord.Person(discordtest.Bob).Press("Claim")
	o.sees(discordtest.Bob, "Noted.")
	if want := []string{"bob " + string(ref) + " " + discordtest.Deploys}; !slices.Equal(o.desk.Adopted, want) {
		t.Errorf("adopted are %q, want %q", o.desk.Adopted, want)
	}
}

// What tells alice that something waits for her is not bob's to end: his press
// says no more than that it is not his.
func TestAColleaguePressesShowPrivately(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.channel = discordtest.Deploys
	o.discord.Change(func(w *discordtest.World) { w.Person(discordtest.Alice).Closed = true })
	o.desk.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) {
		return teamCard(), "alice has claimed it.", nil
	}
	o.runs()
	o.post(discordtest.Alice, bobs(showCode), "hers")
	o.discord.Person(discordtest.Bob).Press("Show privately")
	o.sees(discordtest.Bob, "alice has claimed it", "Show privately", "!amber otter")
	if did := o.desk.Did(); did != "bob show_again" || len(o.desk.Adopted) != 0 {
		t.Errorf("he did %s, and adopted are %q", did, o.desk.Adopted)
	}
}

// A view of what somebody alone is asked has no card of a team's beside it.
func TestAClosedViewOfOnesOwnSaysWhereItIs(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	all := o.carrier()
	o.channel = discordtest.Deploys
	o.discord.Change(func(w *discordtest.World) { w.Person(discordtest.Alice).Closed = true })
	own := card(showCode)
	o.desk.Shown.Waiting = []bridge.Card{own}
	n := 0
	o.desk.OnClick = func(who bridge.Clicker, _ bridge.RequestID, _ bridge.Verb) (bridge.Card, string, error) {
		n++
		all.bring(bridge.Address(who.User), own, fmt.Sprint(n))
		return own, "", nil
	}
	o.runs()
	alice := o.discord.Person(discordtest.Alice)
	first := o.post(discordtest.Alice, own, "hers")
	alice.Press("Show privately")
	o.edit(all.next(), coded(card()))
	shown := over(own)
	shown.State, shown.Ending = bridge.Coded, "Shown again below."
	o.edit(first, shown)
	o.sees(discordtest.Alice, "has been shown privately", userCode, "!is over")
	o.adapter.ephemerals.closeBefore(t.Context(), time.Now().Add(exchangeFor))
	o.sees(discordtest.Alice, "!"+userCode, "Type /authbridge pending to see it anew")
	alice.CommandIn(discordtest.Deploys, "authbridge pending")
	alice.PressIn("helper wants corp", "Show again req 7F3C")
	o.edit(all.next(), coded(card()))
	o.sees(discordtest.Alice, userCode)
	o.sees(discordtest.Bob, "!"+userCode, "!corp")
}
