package discord

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

// The bridge asks for it by what it can do.
var _ bridge.Rereader = (*Adapter)(nil)

// everybody is who is in the office, and one who is not.
func everybody() []bridge.Address {
	return []bridge.Address{discordtest.Alice, discordtest.Bob, discordtest.Carol, discordtest.Dave, discordtest.Eve}
}

const routeMember = "GET /guilds/{guild}/members/{user}"

// TestBehaviour16WhatCannotBeReadIsNobody: an answer that is none, a limit and
// a server that the bot has left make nobody a member, and it is an error.
func TestBehaviour16WhatCannotBeReadIsNobody(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]discordtest.Fault{
		"out of order": {Status: http.StatusBadGateway}, "garbage": {Garbage: true},
		"limited": {Limited: 3 * time.Second}, "closed to the bot": {Code: discordtest.MissingAccess}, "no such server": {Code: discordtest.UnknownGuild},
		"refused": {Status: http.StatusUnauthorized},
	} {
		for _, route := range []string{routeMember, "GET /guilds/{guild}/roles", "GET /users/@me/guilds"} {
			t.Run(name+" "+route, func(t *testing.T) {
				t.Parallel()
				o := newOffice(t)
				o.discord.Fail(route, 1, fault)
				got, err := o.adapter.Members(t.Context(), discordtest.OnCall, everybody())
				if err == nil || len(got) != 0 {
					t.Errorf("%v, %v", got, err)
				}
				o.adapter.calls.waits.Drop(everything)
				o.adapter.calls.waits.Drop("members/" + discordtest.Acme)
				o.adapter.calls.waits.Drop("roles/" + discordtest.Acme)
				o.adapter.calls.waits.Drop("servers")
				if got, err := o.adapter.Members(t.Context(), discordtest.OnCall, everybody()); err != nil || !slices.Equal(got, []bridge.Address{discordtest.Bob, discordtest.Carol}) {
					t.Errorf("when Discord is well again: %v, %v", got, err)
				}
			})
		}
	}
}

// A server that the bot has left says nothing any more, though its roles are
// remembered.
func TestBehaviour16AServerThatTheBotHasLeft(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ask := func(who bridge.Address) ([]bridge.Address, error) {
		return o.adapter.Members(t.Context(), discordtest.OnCall, []bridge.Address{who})
	}
	if got, err := ask(discordtest.Bob); err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	o.discord.Change(func(w *discordtest.World) { w.Guild(discordtest.Acme).Remove(w.App.Bot) })
	if got, err := ask(discordtest.Carol); !errors.Is(err, bridge.ErrRoute) || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestBehaviour15RolesOfOneServerCountThere: who presses in another server, with
// whatever roles, is no member for that.
func TestBehaviour15RolesOfOneServerCountThere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, in := range []inbound{
		{kind: pressed, user: discordtest.Eve, guild: discordtest.Else, roles: []string{discordtest.OnCall}},
		{kind: pressed, user: discordtest.Eve, direct: true, roles: []string{discordtest.OnCall}},
		{kind: pressed, user: discordtest.Dave, guild: discordtest.Acme, pending: true, roles: []string{discordtest.OnCall}},
		{kind: pressed, user: discordtest.Bob, guild: discordtest.Acme, roles: []string{"400000000000000009"}},
	} {
		o.adapter.serve(t.Context(), in)
	}
	got, err := o.adapter.Members(t.Context(), discordtest.OnCall, append(everybody(), "", "@me", "../../users/@me"))
	if err != nil || !slices.Equal(got, []bridge.Address{discordtest.Carol}) {
		t.Errorf("%v, %v: only carol is in the server, has the role, and has not just shown that she has it no more", got, err)
	}
}

// TestAStrangersServersHoldNobodyUp: whoever adds the bot to many of theirs. A
// look for a role that was cut short goes on where it was.
func TestAStrangersServersHoldNobodyUp(t *testing.T) {
	t.Parallel()
	const many, each = 60, 10
	asked, left := map[string]int{}, 0
	a := scripted(t, func(r *http.Request) reply {
		path := strings.TrimPrefix(r.URL.Path, apiPath)
		switch {
		case path == "/users/@me/guilds":
			var all []string
			for n := range many {
				all = append(all, fmt.Sprintf(`{"id":"%d"}`, 9000+n))
			}
			return reply{status: http.StatusOK, body: "[" + strings.Join(all, ",") + "]"}
		case strings.HasSuffix(path, "/roles"):
			if left--; left < 0 {
				return reply{err: context.DeadlineExceeded}
			}
			if asked[path]++; path == fmt.Sprintf("/guilds/%d/roles", 9000+many-1) {
				return reply{status: http.StatusOK, body: `[{"id":"` + discordtest.OnCall + `"}]`}
			}
			return reply{status: http.StatusOK, body: `[]`}
		}
		return reply{status: http.StatusOK, body: `{"roles":["` + discordtest.OnCall + `"]}`}
	})
	var got []bridge.Address
	for range many / each {
		left = each
		got, _ = a.Members(t.Context(), discordtest.OnCall, []bridge.Address{discordtest.Bob})
	}
	if !slices.Equal(got, []bridge.Address{discordtest.Bob}) || len(asked) != many {
		t.Errorf("it is %v after %d servers", got, len(asked))
	}
	for path, n := range asked {
		if n != 1 {
			t.Errorf("%s was asked for %d times", path, n)
		}
	}
}

// TestABotInManyServers: Discord lists two hundred at a time, and the role may
// be in the last one.
func TestABotInManyServers(t *testing.T) {
	t.Parallel()
	const last = 9000 + 450
	var pages []string
	a := scripted(t, func(r *http.Request) reply {
		path := strings.TrimPrefix(r.URL.Path, apiPath)
		switch {
		case path == "/users/@me/guilds":
			pages = append(pages, r.URL.RawQuery)
			after, _ := strconv.Atoi(r.URL.Query().Get("after"))
			var all []string
			for n := max(9000, after+1); n <= last && len(all) < 200; n++ {
				all = append(all, fmt.Sprintf(`{"id":"%d"}`, n))
			}
			return reply{status: http.StatusOK, body: "[" + strings.Join(all, ",") + "]"}
		case path == fmt.Sprintf("/guilds/%d/roles", last):
			return reply{status: http.StatusOK, body: `[{"id":"` + discordtest.OnCall + `"}]`}
		case strings.HasSuffix(path, "/roles"):
			return reply{status: http.StatusOK, body: `[]`}
		}
		return reply{status: http.StatusOK, body: `{"roles":["` + discordtest.OnCall + `"]}`}
	})
	got, err := a.Members(t.Context(), discordtest.OnCall, []bridge.Address{discordtest.Bob})
	if err != nil || !slices.Equal(got, []bridge.Address{discordtest.Bob}) || !slices.Equal(pages, []string{"", "after=9199", "after=9399"}) {
		t.Errorf("it is %v, %v; the pages that were read: %q", got, err, pages)
	}
}

// Who is asked about together is read once, and what is known is not read anew.
func TestARolesMembersAreReadOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for range 3 {
		if _, err := o.adapter.Members(t.Context(), discordtest.OnCall, everybody()); err != nil {
			t.Fatal(err)
		}
	}
	for route, want := range map[string]int{routeMember: len(everybody()), "GET /guilds/{guild}/roles": 1, "GET /users/@me/guilds": 1} {
		if n := len(o.discord.Calls(route)); n != want {
			t.Errorf("%s was called %d times, want %d", route, n, want)
		}
	}
}

// TestBehaviour15WhoPressesIsLookedAtAnew: wherever they do. What is known of
// all others, and of them for a few seconds, is not asked for again.
func TestBehaviour15WhoPressesIsLookedAtAnew(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	members := func() []bridge.Address {
		t.Helper()
		got, err := o.adapter.Members(t.Context(), discordtest.OnCall, everybody())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	ages := func(user string, by time.Duration) {
		key := memberKey(discordtest.Acme, user)
		m, _ := o.adapter.known.members.Get(key)
		m.at = m.at.Add(-by)
		o.adapter.known.members.Put(key, m, memberFor)
	}
	members()
	asked := len(o.discord.Calls(routeMember))
	o.discord.Change(func(w *discordtest.World) {
		w.Guild(discordtest.Acme).Member(discordtest.Bob).Roles = nil
		w.Guild(discordtest.Acme).Member(discordtest.Carol).Roles = nil
	})
	ages(discordtest.Bob, memberFresh+time.Second)
	ages(discordtest.Carol, memberFresh-2*time.Second)
	o.adapter.Reread(discordtest.Bob)
	o.adapter.Reread(discordtest.Carol)
	if got := members(); !slices.Equal(got, []bridge.Address{discordtest.Carol}) {
		t.Errorf("%v: bob has the role no more", got)
	}
	if got := members(); !slices.Equal(got, []bridge.Address{discordtest.Carol}) {
		t.Errorf("%v: a second later", got)
	}
	if n := len(o.discord.Calls(routeMember)) - asked; n != 1 {
		t.Errorf("%d were asked about again, not bob alone", n)
	}
}

// A press that had to wait says what was so when it came.
func TestBehaviour15AnOldPressGivesNoRoleBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.discord.Change(func(w *discordtest.World) { w.Guild(discordtest.Acme).Member(discordtest.Bob).Roles = nil })
	came := time.Now()
	if _, err := o.adapter.Members(t.Context(), discordtest.OnCall, everybody()); err != nil {
		t.Fatal(err)
	}
	o.adapter.serve(t.Context(), inbound{kind: pressed, at: came, user: discordtest.Bob, guild: discordtest.Acme, roles: []string{discordtest.OnCall}})
	got, err := o.adapter.Members(t.Context(), discordtest.OnCall, everybody())
	if err != nil || !slices.Equal(got, []bridge.Address{discordtest.Carol}) {
		t.Errorf("%v, %v", got, err)
	}
}
