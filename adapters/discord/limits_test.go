package discord

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

// TestBehaviour33ManyRefusalsStopTheCalls before Discord bars the address: of
// whatever place they are, and until ten minutes after the first of them.
// People who press are answered all the while.
func TestBehaviour33ManyRefusalsStopTheCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := scriptedCaller(t)
		d.health.SetLine(chat.Ready, "", false)
		s.answer = always(http.StatusForbidden, `{"message":"Missing Access","code":50001}`)
		for n := range mostRefused {
			if err := d.do(t.Context(), postTo(fmt.Sprint(n))); !errors.Is(err, bridge.ErrRoute) {
				t.Fatalf("refusal %d: %v", n, err)
			}
			<-time.After(time.Millisecond)
		}
		s.answer = always(http.StatusOK, "{}")
		sent := len(s.calls)
		passed := mostRefused * time.Millisecond
		if l := limitOf(t, d.do(t.Context(), question())); !l.All || l.After != refusedWithin-passed || len(s.calls) != sent {
			t.Errorf("one more: %+v, after %d calls", l, len(s.calls)-sent)
		}
		if h := d.health.Now(); h.State != chat.Degraded || h.Why != tooManyRefused {
			t.Errorf("the health is %+v", h)
		}
		if err := d.do(t.Context(), lateAnswer()); err != nil {
			t.Errorf("who presses is answered: %v", err)
		}
		<-time.After(refusedWithin - passed)
		if err := d.do(t.Context(), question()); err != nil {
			t.Errorf("when the first is ten minutes old: %v", err)
		}
		if h := d.health.Now(); h.State != chat.Ready {
			t.Errorf("then the health is %+v", h)
		}
	})
}

// What Discord counts are 401, 403 and 429, but not the limits that a place has
// of its own; nothing else stops the calls, however often it comes.
func TestBehaviour33WhatCountsAsARefusal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status  int
		body    string
		headers []string
		counts  bool
	}{
		"closed":          {status: 403, body: `{"code":50001}`, counts: true},
		"a limit":         {status: 429, body: `{"retry_after":0.001}`, headers: []string{"X-RateLimit-Scope", "user"}, counts: true},
		"a place's limit": {status: 429, body: `{"retry_after":0.001}`, headers: []string{"X-RateLimit-Scope", "shared"}},
		"gone":            {status: 404, body: `{"code":10008}`},
		"wrong":           {status: 400, body: `{"code":50035}`},
		"out of order":    {status: 502},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, s := scriptedCaller(t)
				s.answer = always(c.status, c.body, c.headers...)
				for n := range mostRefused {
					_ = d.do(t.Context(), postTo(fmt.Sprint(n)))
				}
				if len(s.calls) != mostRefused {
					t.Fatalf("%d calls were made", len(s.calls))
				}
				_ = d.do(t.Context(), postTo("another"))
				if stopped := len(s.calls) == mostRefused; stopped != c.counts {
					t.Errorf("the calls stopped: %t", stopped)
				}
			})
		})
	}
}

// A lapsed exchange counts as well, and stops no other.
func TestBehaviour33LapsedExchangesCount(t *testing.T) {
	t.Parallel()
	d, s := scriptedCaller(t)
	s.answer = always(http.StatusUnauthorized, `{"code":50027}`)
	for range mostRefused + 1 {
		if err := d.do(t.Context(), lateAnswer()); !errors.Is(err, bridge.ErrGone) {
			t.Fatal(err)
		}
	}
	if l := limitOf(t, d.do(t.Context(), question())); !l.All {
		t.Errorf("a call of the bot's: %+v", l)
	}
}

// An agent that names places at random uses up a small share of that, and what
// is for people comes as before.
func TestAnAgentsPlacesUseUpLittle(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.discord.Tolerate(discordtest.MissingAccess)
	notice := card()
	notice.View, notice.Phrase = bridge.ViewNotice, ""
	for n := range mostStray {
		if _, err := o.adapter.Post(t.Context(), discordtest.Secret+"/", notice, fmt.Sprint(n)); !errors.Is(err, bridge.ErrRoute) {
			t.Fatalf("notice %d: %v", n, err)
		}
	}
	before := o.discord.Invalid()
	for range 3 {
		_, err := o.adapter.Post(t.Context(), discordtest.Secret+"/", notice, "one more")
		if l := limitOf(t, err); l.All || l.After < refusedWithin-time.Minute || l.After > refusedWithin {
			t.Errorf("one more: %+v", l)
		}
	}
	if n := o.discord.Invalid(); n != before || n != mostStray {
		t.Errorf("%d refusals became %d", before, n)
	}
	o.post(discordtest.Deploys, teamCard(claim), "team's")
	o.post(discordtest.Alice, card(showCode), "hers")
}

// Thousands of cards in a channel that the bot was removed from are not
// thousands of refusals: all else would have to wait for ten minutes.
func TestAClosedChannelIsFewRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := scriptedCaller(t)
		a := &Adapter{calls: d, known: newKnown()}
		s.answer = always(http.StatusForbidden, `{"message":"Missing Access","code":50001}`)
		for n := range 3000 {
			if _, err := a.Post(t.Context(), "700", teamCard(claim), fmt.Sprint(n)); !errors.Is(err, bridge.ErrRoute) {
				t.Fatalf("a post: %v", err)
			}
			if err := a.Edit(t.Context(), bridge.MessageRef(fmt.Sprintf("C/700/%d", n)), teamCard(claim)); !errors.Is(err, bridge.ErrRoute) {
				t.Fatalf("an edit: %v", err)
			}
			<-time.After(10 * time.Millisecond)
		}
		if n := len(s.calls); n > 10 {
			t.Errorf("%d calls were made in half a minute", n)
		}
		s.answer = always(http.StatusOK, "{}")
		<-time.After(barredFor)
		if err := a.Edit(t.Context(), "C/700/1", teamCard(claim)); err != nil {
			t.Errorf("when it is open again: %v", err)
		}
	})
}

// What stands between the bridge and Discord refuses in its own words. It knows
// nothing of the token, of people or of channels, and all is tried again. It may
// speak as Discord does, with a code of its own.
func TestARefusalThatIsNotDiscordsClosesNothing(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 405, 407, 418, 451} {
		for _, body := range []string{"<html>blocked</html>", "", "error code: 1020", `{"message":"internal network error","code":40333}`} {
			d, s := scriptedCaller(t)
			for _, q := range []call{postTo("1"), question(), lateAnswer()} {
				s.answer = always(status, body)
				err := d.do(t.Context(), q)
				for _, known := range []error{bridge.ErrAuth, bridge.ErrRoute, bridge.ErrUnreachable, bridge.ErrInvalid, bridge.ErrGone} {
					if errors.Is(err, known) {
						t.Errorf("%d %q: %s says %v", status, body, q.name, err)
					}
				}
				s.answer = always(http.StatusOK, "{}")
				if err := d.do(t.Context(), q); err != nil {
					t.Errorf("%d %q: after that %s says %v", status, body, q.name, err)
				}
			}
		}
	}
}

// TestWhatIsCountedIsBounded: a window and a day's identifications keep no more
// than they have to know.
func TestWhatIsCountedIsBounded(t *testing.T) {
	t.Parallel()
	w, b, now := window{most: 3, within: time.Minute}, budget{}, time.Now()
	for n := range 10 {
		w.add(now.Add(time.Duration(n) * time.Second))
	}
	if wait := w.wait(now.Add(10 * time.Second)); len(w.at) != 3 || wait != 57*time.Second {
		t.Errorf("the window keeps %d, and is full for %s", len(w.at), wait)
	}
	for n := range 2 * maxDaily {
		b.took(now.Add(time.Duration(n) * time.Second))
	}
	if len(b.spent) != maxDaily || !b.spent[0].Equal(now.Add(maxDaily*time.Second)) {
		t.Errorf("the budget keeps %d", len(b.spent))
	}
	r := newRivals()
	for n := range 10_001 {
		r.begin(fmt.Sprint(n))
	}
	if r.once("10000") || !r.once("9999") {
		t.Error("answers are counted without an end")
	}
}

// TestA401OfAnInteractionIsNotTheTokens: its own token has died, and the bot's
// is well.
func TestA401OfAnInteractionIsNotTheTokens(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"code":0}`, `{"message":"Invalid Webhook Token","code":50027}`} {
		d, s := scriptedCaller(t)
		s.answer = always(http.StatusUnauthorized, body)
		if err := d.do(t.Context(), lateAnswer()); !errors.Is(err, bridge.ErrGone) || errors.Is(err, bridge.ErrAuth) {
			t.Errorf("%s: %v", body, err)
		}
		s.answer = always(http.StatusOK, "{}")
		if err := d.do(t.Context(), question()); err != nil {
			t.Errorf("the bot's own calls stop after %s: %v", body, err)
		}
	}
}

// TestWhoPressesIsAnsweredWhateverIsLimited: Discord counts answers apart.
func TestWhoPressesIsAnsweredWhateverIsLimited(t *testing.T) {
	t.Parallel()
	d, s := scriptedCaller(t)
	s.answer = always(http.StatusTooManyRequests, `{"retry_after":60,"global":true}`)
	if l := limitOf(t, d.do(t.Context(), question())); !l.All {
		t.Errorf("a limit of everything: %+v", l)
	}
	s.answer = always(http.StatusOK, "{}")
	if err := d.do(t.Context(), lateAnswer()); err != nil {
		t.Errorf("who presses meanwhile is not answered: %v", err)
	}
	if l := limitOf(t, d.do(t.Context(), question())); !l.All {
		t.Errorf("all else: %+v", l)
	}
}
