package discord

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

// lineOf is a notice or a reminder of the request.
func lineOf(view bridge.View, under bridge.MessageRef) bridge.Card {
	return bridge.Card{
		Request: request, State: bridge.Asked, View: view, Under: under, Agent: "helper",
		Headline: "Still waiting", Title: "helper wants corp", AskedAt: time.Now(),
	}
}

// TestBehaviour39OneTryForWhoTakesNothing: whichever way Discord says that somebody
// takes nothing, one message is tried, and none within the next minutes.
func TestBehaviour39OneTryForWhoTakesNothing(t *testing.T) {
	t.Parallel()
	for _, code := range []int{discordtest.CannotMessage, discordtest.NoMutualGuild, discordtest.MissingAccess} {
		o := newOffice(t)
		o.discord.Fail(routePost, 1, discordtest.Fault{Code: code})
		for _, key := range []string{"first", "second"} {
			if _, err := o.adapter.Post(t.Context(), discordtest.Alice, card(), key); !errors.Is(err, bridge.ErrUnreachable) {
				t.Errorf("%d: %v", code, err)
			}
		}
		if n := len(o.discord.Calls(routePost)); n != 1 {
			t.Errorf("%d: %d messages were tried", code, n)
		}
		o.post(discordtest.Bob, card(), "his")
		o.discord.Fail(routeDM, 1, discordtest.Fault{Code: code})
		for _, key := range []string{"third", "fourth"} {
			if _, err := o.adapter.Post(t.Context(), discordtest.Carol, card(), key); !errors.Is(err, bridge.ErrUnreachable) {
				t.Errorf("%d, when the channel is opened: %v", code, err)
			}
		}
		if n := len(o.discord.Calls(routeDM)); n != 3 {
			t.Errorf("%d: %d channels were opened", code, n)
		}
	}
}

// TestBehaviour39TheFallbackStaysSilent: whatever the card becomes, and after a
// restart, the channel sees one line and hears one ping.
func TestBehaviour39TheFallbackStaysSilent(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.channel = discordtest.Deploys
	o.discord.Change(func(w *discordtest.World) { w.Person(discordtest.Alice).Closed = true })
	ref := o.post(discordtest.Alice, card(showCode), "first")
	if !strings.HasPrefix(string(ref), inFallback) {
		t.Fatalf("it is %s", ref)
	}
	hostile := card(showCode)
	hostile.Title, hostile.Says, hostile.Agent = "@everyone wants corp", []string{"<@" + discordtest.Bob + ">"}, "@here"
	for _, a := range []*Adapter{o.adapter, o.another()} {
		for _, c := range []bridge.Card{coded(card(showCode)), hostile} {
			if err := a.Edit(t.Context(), ref, c); err != nil {
				t.Fatal(err)
			}
			o.sees(discordtest.Bob, "@alice has an access request", "!"+userCode, "!corp", "!helper", "!amber")
		}
	}
	if _, err := o.adapter.Post(t.Context(), discordtest.Alice, lineOf(bridge.ViewReminder, ref), "reminder"); !errors.Is(err, bridge.ErrUnreachable) {
		t.Errorf("a reminder, which says what it is about, goes to the channel: %v", err)
	}
	o.sees(discordtest.Bob, "!corp")
	if alice, bob := o.discord.Pushes(discordtest.Alice), o.discord.Pushes(discordtest.Bob); len(alice) != 1 || len(bob) != 0 {
		t.Errorf("alice's screen showed %q, bob's %q", alice, bob)
	}
	for _, e := range slices.Concat(o.discord.Calls(routePost), o.discord.Calls(routeEdit)) {
		if e.Path["channel"] == discordtest.Deploys && regexp.MustCompile(`WDJB|helper|corp|amber|"parse":\["`).MatchString(e.Asked) {
			t.Errorf("%s: the channel is told %s", e.Where, e.Asked)
		}
	}
}

// A fallback that is closed, or is none, is the operator's to open, and no card
// goes elsewhere instead.
func TestAFallbackThatIsClosedReachesNobody(t *testing.T) {
	t.Parallel()
	for _, channel := range []string{discordtest.Secret, discordtest.Random, "599999999999999999", "#deploys"} {
		o := newOffice(t)
		o.channel = channel
		o.discord.Change(func(w *discordtest.World) { w.Person(discordtest.Alice).Closed = true })
		if ref, err := o.adapter.Post(t.Context(), discordtest.Alice, card(showCode), "first"); !errors.Is(err, bridge.ErrRoute) || ref != "" {
			t.Errorf("the fallback %s: %q, %v", channel, ref, err)
		}
	}
}

// TestWhereNothingCanBePosted, each place by its own fault.
func TestWhereNothingCanBePosted(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.discord.Tolerate(discordtest.NotInThisChannel)
	o.discord.Change(func(w *discordtest.World) {
		g := w.Guild(discordtest.Acme)
		g.Channels = append(g.Channels,
			discordtest.Channel{ID: "510000000000000001", Name: "voice", Type: discordtest.Voice},
			discordtest.Channel{ID: "510000000000000002", Name: "old", Type: discordtest.PublicThread, Parent: discordtest.Deploys, Archived: true, Locked: true})
	})
	o.post(discordtest.Alice, card(), "opens her channel")
	hers, _ := o.adapter.known.dms.Get(discordtest.Alice)
	for what, place := range map[string]string{
		"one that the bot is not in": discordtest.Secret, "one that it may only read": discordtest.Random, "none": "599999999999999999",
		"no id": "deploys", "nothing": "", "a path": "1/../2", "a voice channel": "510000000000000001", "a locked thread": "510000000000000002",
		"somebody's direct messages": hers, "a person": discordtest.Alice,
	} {
		for _, to := range []string{place, place + "/", discordtest.Deploys + "/" + place} {
			if to == discordtest.Deploys+"/" { // the channel itself
				continue
			}
			for _, c := range []bridge.Card{teamCard(claim), lineOf(bridge.ViewNotice, "")} {
				if _, err := o.adapter.Post(t.Context(), bridge.Address(to), c, what); !errors.Is(err, bridge.ErrRoute) {
					t.Errorf("%s (%s): %v", what, to, err)
				}
			}
		}
	}
	if seen := o.discord.Person(discordtest.Alice).Screen(); strings.Contains(seen, "waiting") || strings.Contains(seen, "Waiting") {
		t.Errorf("alice sees:\n%s", seen)
	}
}

// Whoever is not there takes nothing, and no message is tried.
func TestNobodyCanBeWrittenTo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, who := range []bridge.Address{"399999999999999999", "alice", "", "@me", "1/2"} {
		if _, err := o.adapter.Post(t.Context(), who, card(), "key"); !errors.Is(err, bridge.ErrUnreachable) {
			t.Errorf("%q: %v", who, err)
		}
	}
	if n := len(o.discord.Calls(routePost)); n != 0 {
		t.Errorf("%d messages were tried", n)
	}
}

// TestBehaviour34DirectChannelsAreOpenedSlowly where Discord says so: it is no
// fault of the person's.
func TestBehaviour34DirectChannelsAreOpenedSlowly(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.discord.Fail(routeDM, 1, discordtest.Fault{Code: discordtest.OpeningTooFast})
	_, err := o.adapter.Post(t.Context(), discordtest.Alice, card(), "key")
	if l := limitOf(t, err); l.After < time.Second || l.All || errors.Is(err, bridge.ErrUnreachable) {
		t.Errorf("channels are opened too fast: %v", err)
	}
	o.post(discordtest.Alice, card(), "key")
}

// TestBehaviour34OldMessagesAreEditedSlowly: Discord takes few edits of those
// that are older than an hour, and is then asked no more.
func TestBehaviour34OldMessagesAreEditedSlowly(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.post(discordtest.Alice, card(), "key")
	o.discord.Advance(2 * time.Hour)
	var err error
	for n := 0; n < 20 && err == nil; n++ {
		err = o.adapter.Edit(t.Context(), ref, card())
	}
	if l := limitOf(t, err); l.After < 10*time.Second || l.After > time.Minute {
		t.Errorf("too many edits: %+v", l)
	}
	calls := len(o.discord.Calls(routeEdit))
	if l := limitOf(t, o.adapter.Edit(t.Context(), ref, card())); l.After < time.Second || len(o.discord.Calls(routeEdit)) != calls {
		t.Errorf("one more was tried: %+v", l)
	}
}

// TestBehaviour35ALostPostIsNotRepeated: nobody knows whether the card is
// there, and the adapter does not try again by itself.
func TestBehaviour35ALostPostIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]discordtest.Fault{
		"cut off":   {Committed: true, Reset: true},
		"500":       {Committed: true, Status: 500},
		"garbage":   {Committed: true, Garbage: true},
		"timed out": {Committed: true, Delay: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			if _, err := o.adapter.dm(t.Context(), discordtest.Alice); err != nil {
				t.Fatal(err)
			}
			o.discord.Fail(routePost, 1, fault)
			ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
			defer cancel()
			if _, err := o.adapter.Post(ctx, discordtest.Alice, card(), "key"); err == nil || certain(err) {
				t.Errorf("the post says %v, want nothing certain", err)
			}
			if n := len(o.discord.Calls(routePost)); n != 1 {
				t.Errorf("%d messages were tried", n)
			}
			o.post(discordtest.Alice, card(), "key")
			if n := strings.Count(o.discord.Person(discordtest.Alice).Screen(), "helper wants corp"); n != 1 {
				t.Errorf("alice sees %d cards after the second try, want the first one", n)
			}
		})
	}
}

// What Discord knows a post by is of its key alone, and takes the room that
// there is.
func TestANonceIsOfItsKey(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, key := range []string{"", "1", "2", "req_1/0/1", "req_1/1/0", strings.Repeat("k", 64)} {
		nonce := nonceOf(key)
		if other, twice := seen[nonce]; twice || len(nonce) != 25 || nonce != nonceOf(key) {
			t.Errorf("the nonce of %q is %q, that of %q", key, nonce, other)
		}
		seen[nonce] = key
	}
}

// TestAReminderAnswersItsMessage, and is there without it when that is gone.
func TestAReminderAnswersItsMessage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	hers, teams := o.post(discordtest.Alice, card(), "hers"), o.post(discordtest.Deploys, teamCard(claim), "team's")
	o.post(discordtest.Alice, lineOf(bridge.ViewReminder, hers), "of hers")
	o.sees(discordtest.Alice, `@authbridge, in reply to "Access request`, "Still waiting")
	o.post(discordtest.Deploys, lineOf(bridge.ViewReminder, teams), "of the team's")
	o.sees(discordtest.Bob, `@authbridge, in reply to "Waiting for someone to claim`)
	if n := len(o.discord.Pushes(discordtest.Bob)); n != 0 {
		t.Errorf("bob's screen lit up %d times", n)
	}
	platform{o}.Remove(discordtest.Deploys) // the reminder itself; then one of what never was
	at, _ := placeOf(teams)
	o.post(discordtest.Deploys, lineOf(bridge.ViewReminder, bridge.MessageRef(inChannel+at.channel+"/1")), "of nothing")
	o.sees(discordtest.Bob, "Still waiting")
	for _, under := range []bridge.MessageRef{"", "e/handle", "C/1", "C/x/y", "C/1/2/3/4", "C/../1", "view/V1"} {
		if _, err := o.adapter.Post(t.Context(), discordtest.Alice, lineOf(bridge.ViewReminder, under), "odd"); !errors.Is(err, bridge.ErrUnreachable) {
			t.Errorf("a reminder of %q: %v", under, err)
		}
	}
}

// A thread is a place of its own: a notice stands where the agent works.
func TestANoticeStandsInItsThread(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.post(discordtest.Deploys+"/"+discordtest.Rollout, lineOf(bridge.ViewNotice, ""), "notice")
	o.sees(discordtest.Bob, "== #deploys > rollout", "helper wants corp")
	if strings.Contains(o.discord.Person(discordtest.Bob).Screen(), "== #deploys\n") {
		t.Error("it stands in the channel, too")
	}
	if at, err := placeOf(ref); err != nil || at.channel != discordtest.Rollout {
		t.Errorf("it is %s, %v", ref, err)
	}
}

// TestBehaviour02ACodeStaysPrivateWhateverIsRemembered: a reference is stored
// elsewhere and comes back after a restart; what kind of channel it names only
// Discord knows.
func TestBehaviour02ACodeStaysPrivateWhateverIsRemembered(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	team := o.post(discordtest.Deploys, teamCard(claim), "team's")
	thread := o.post(discordtest.Deploys+"/"+discordtest.Rollout, lineOf(bridge.ViewNotice, ""), "notice")
	fresh := o.another()
	o.discord.Fail("GET /channels/{channel}", 1, discordtest.Fault{Status: 503})
	if err := fresh.Edit(t.Context(), team, coded(card())); !errors.Is(err, bridge.ErrNotSent) {
		t.Errorf("while it cannot be known what channel it is: %v", err)
	}
	for what, ref := range map[string]bridge.MessageRef{
		"a channel": team, "a thread": thread, "a channel that is hidden": inChannel + discordtest.Secret + "/1", "none": inChannel + "1/1",
	} {
		for _, a := range []*Adapter{o.adapter, fresh, o.another()} {
			err := a.Edit(t.Context(), ref, coded(card()))
			if !errors.Is(err, bridge.ErrInvalid) && !errors.Is(err, bridge.ErrRoute) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	if _, err := o.adapter.Post(t.Context(), discordtest.Alice, coded(card()), "new"); !errors.Is(err, bridge.ErrInvalid) {
		t.Errorf("a new message takes a code: %v", err)
	}
	if leaks := o.discord.Leaks(userCode); len(leaks) > 0 {
		t.Errorf("the code got to Discord: %q", leaks)
	}
}

// pressedOnce has the adapter remember a press of somebody's that was answered.
func (o *office) pressedOnce(who string, direct bool) {
	answered := make(chan struct{})
	close(answered)
	o.adapter.keepPressing(inbound{
		kind: pressed, app: o.discord.App(), token: bridge.NewSecret("a-token-that-lapsed"), at: time.Now(), user: who, direct: direct, answered: answered,
	}, request)
}

// Where somebody pressed is no place any more when Discord says so: their card
// comes by message then, and nobody else's press brings it elsewhere.
func TestAPressThatCannotBeAnsweredGivesWayToAMessage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.discord.Tolerate(discordtest.BadWebhookToken)
	o.pressedOnce(discordtest.Bob, false)
	if ref := o.post(discordtest.Alice, card(), "hers"); !strings.HasPrefix(string(ref), inChannel) || len(o.discord.Calls(routeAgain)) != 0 {
		t.Errorf("alice's card is %s", ref)
	}
	if ref := o.post(discordtest.Bob, card(), "his"); !strings.HasPrefix(string(ref), inChannel) || len(o.discord.Calls(routeAgain)) != 1 {
		t.Errorf("bob's card is %s", ref)
	}
	o.pressedOnce(discordtest.Bob, true)
	o.post(discordtest.Bob, card(), "in his direct messages")
	if n := len(o.discord.Calls(routeAgain)); n != 1 {
		t.Errorf("a press in direct messages was answered by a message that is gone tomorrow, %d", n)
	}
	o.sees(discordtest.Bob, "helper wants corp")
}

// scripted is an adapter at a scripted Discord.
func scripted(t *testing.T, answer func(*http.Request) reply) *Adapter {
	t.Helper()
	a, err := New(Options{
		Desk: newDesk(), Mode: ModeGateway, Token: bridge.NewSecret(botToken), Log: slog.New(slog.DiscardHandler),
		HTTP: &http.Client{Transport: &script{t: t, answer: answer}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAMessageIsWhereItWasPosted: an answer that names none, or one elsewhere,
// is no message of ours, and whether there is one nobody knows.
func TestAMessageIsWhereItWasPosted(t *testing.T) {
	t.Parallel()
	for _, said := range []string{
		`{}`, `{"id":"1"}`, `{"id":"","channel_id":"4001"}`, `{"id":"1/../2","channel_id":"4001"}`, `{"id":"1","channel_id":"4002"}`,
	} {
		a := scripted(t, func(r *http.Request) reply {
			if strings.HasSuffix(r.URL.Path, "/messages") {
				return reply{status: http.StatusOK, body: said}
			}
			return reply{status: http.StatusOK, body: `{"id":"4001","type":0}`}
		})
		ref, err := a.Post(t.Context(), "4001", teamCard(claim), "key")
		if err == nil || ref != "" || errors.Is(err, bridge.ErrNotSent) || errors.Is(err, bridge.ErrRoute) {
			t.Errorf("%s: %q, %v", said, ref, err)
		}
	}
	for _, said := range []string{`{}`, `{"id":"../../users/@me"}`} {
		a := scripted(t, func(*http.Request) reply { return reply{status: http.StatusOK, body: said} })
		if ref, err := a.Post(t.Context(), discordtest.Alice, card(showCode), "key"); !errors.Is(err, bridge.ErrNotSent) || ref != "" {
			t.Errorf("a direct channel %s: %q, %v", said, ref, err)
		}
		p := pressing{exchange: exchange{app: "1", token: bridge.NewSecret("x"), at: time.Now()}, answered: closedNow()}
		if ref, err := a.showToPresser(t.Context(), p, card(showCode), wording{}); !errors.Is(err, bridge.ErrGone) || ref != "" {
			t.Errorf("a follow-up %s: %q, %v", said, ref, err)
		}
	}
}

func closedNow() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// TestNoOtherNameIsAMessage, and nothing of it gets into an address, or into
// what the fallback channel reads.
func TestNoOtherNameIsAMessage(t *testing.T) {
	t.Parallel()
	a := scripted(t, func(r *http.Request) reply {
		t.Errorf("Discord was called: %s", r.URL.Path)
		return reply{status: http.StatusOK, body: "{}"}
	})
	for _, ref := range []bridge.MessageRef{
		"", "C/", "C/1", "C//1", "C/1/", "C/1/2/3/4", "C/1/x", "C/../2", "x/1/2", "F/1/2/@everyone", "F/1/2/x", "F/1", "e/", "e/guessed", "D1/2",
	} {
		if err := a.Edit(t.Context(), ref, card(showCode)); !errors.Is(err, bridge.ErrGone) {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

// A group of people is no direct message of anybody's, and no channel of ours.
func TestAGroupOfPeopleIsNoPlace(t *testing.T) {
	t.Parallel()
	a := scripted(t, always(http.StatusOK, `{"id":"4001","type":3}`))
	if _, err := a.Post(t.Context(), "4001", teamCard(claim), "key"); !errors.Is(err, bridge.ErrRoute) {
		t.Errorf("a team's card: %v", err)
	}
	if err := a.Edit(t.Context(), "C/4001/1", coded(card(showCode))); !errors.Is(err, bridge.ErrInvalid) {
		t.Errorf("a code: %v", err)
	}
}

// TestAPressBringsOneCard: what comes later is brought as ever, so that nobody
// reads it where they pressed long ago.
func TestAPressBringsOneCard(t *testing.T) {
	t.Parallel()
	o, first := claimed(t)
	second := o.post(discordtest.Bob, card(showCode), "another")
	if !strings.HasPrefix(string(first), toPresser) || !strings.HasPrefix(string(second), inChannel) {
		t.Errorf("the first is %s, the second %s", first, second)
	}
}

// TestViewsAreBounded: no more are kept true than there is room for.
func TestViewsAreBounded(t *testing.T) {
	t.Parallel()
	e := newEphemerals(nil)
	for n := range ephemeralsMost + 1 {
		if _, kept := e.keep(&ephemeral{}); kept != (n < ephemeralsMost) {
			t.Fatalf("view %d is kept: %t", n, kept)
		}
	}
}

// TestBehaviour38TheFallbackIsToldOnce, whatever becomes of the answer.
func TestBehaviour38TheFallbackIsToldOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.channel = discordtest.Deploys
	o.discord.Change(func(w *discordtest.World) { w.Person(discordtest.Alice).Closed = true })
	first, again := o.post(discordtest.Alice, card(showCode), "key"), o.post(discordtest.Alice, card(showCode), "key")
	if first != again || len(o.discord.Pushes(discordtest.Alice)) != 1 {
		t.Errorf("%s and %s: she was pinged %d times", first, again, len(o.discord.Pushes(discordtest.Alice)))
	}
}
