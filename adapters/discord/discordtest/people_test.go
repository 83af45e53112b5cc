package discordtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestDirectMessages(t *testing.T) {
	t.Parallel()
	c := office(t)
	if a, again := c.direct(Alice), c.direct(Alice); a != again {
		t.Errorf("two conversations with alice: %s and %s", a, again)
	}
	c.s.Change(func(w *World) { w.Person(Bob).Closed = true })
	for user, code := range map[string]int{Bob: CannotMessage, Robot: CannotMessage, Eve: NoMutualGuild} {
		channel := c.direct(user) // it opens all the same
		c.refused(c.call("POST", "/channels/"+channel+"/messages", fields{"content": "x"}), http.StatusForbidden, code)
	}
	c.s.Tolerate(CannotMessage, InvalidForm)
	c.refused(c.call("POST", "/users/@me/channels", fields{"recipient_id": Office().completed().App.Bot}), http.StatusForbidden, CannotMessage)
	c.refused(c.call("POST", "/users/@me/channels", fields{"recipient_id": "1"}), http.StatusNotFound, UnknownUser)
	c.refused(c.call("POST", "/users/@me/channels", fields{}), http.StatusBadRequest, InvalidForm)
}

func TestAConversationThatWasOpenCloses(t *testing.T) {
	t.Parallel()
	c := office(t)
	channel := c.direct(Alice)
	id := c.post(channel, fields{"content": "x"})
	c.s.Change(func(w *World) { w.Person(Alice).Closed = true })
	c.refused(c.call("POST", "/channels/"+channel+"/messages", fields{"content": "y"}), http.StatusForbidden, CannotMessage)
	c.granted(c.call("PATCH", "/channels/"+channel+"/messages/"+id, fields{"content": "what stands there is edited"}))
	c.s.Change(func(w *World) {
		w.Person(Alice).Closed = false
		w.Guild(Acme).Remove(Alice)
	})
	c.refused(c.call("POST", "/channels/"+channel+"/messages", fields{"content": "y"}), http.StatusForbidden, NoMutualGuild)
}

func TestMembers(t *testing.T) {
	t.Parallel()
	c := office(t)
	member := func(id string) said { return c.call("GET", "/guilds/"+Acme+"/members/"+id, nil) }
	bob := c.granted(member(Bob))
	if roles, _ := bob.body["roles"].([]any); len(roles) != 1 || roles[0] != OnCall || bob.body["pending"] != false {
		t.Errorf("bob is told of as %s", bob.raw)
	}
	if dave := c.granted(member(Dave)); dave.body["pending"] != true {
		t.Errorf("dave is told of as %s", dave.raw)
	}
	robot, _ := c.granted(member(Robot)).body["user"].(map[string]any)
	if robot["bot"] != true {
		t.Errorf("robot is told of as %v", robot)
	}
	c.refused(member(Eve), http.StatusNotFound, UnknownMember)
	c.refused(member("1"), http.StatusNotFound, UnknownUser)
	c.refused(c.call("GET", "/guilds/"+Else+"/members/"+Eve, nil), http.StatusForbidden, MissingAccess)
	c.refused(c.call("GET", "/guilds/1/members/"+Eve, nil), http.StatusNotFound, UnknownGuild)
	c.s.Change(func(w *World) { w.Guild(Acme).Member(Bob).Roles = nil })
	if roles, _ := member(Bob).body["roles"].([]any); len(roles) != 0 {
		t.Errorf("bob, without his role, has %v", roles)
	}
}

func TestGuildsAndRoles(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) {
		w.Guilds = append(w.Guilds, Guild{ID: "200000000000000003", Name: "Third", Members: []Member{{User: w.App.Bot}}})
	})
	ids := func(query string) []string {
		var all []struct{ ID string }
		if err := json.Unmarshal([]byte(c.granted(c.call("GET", "/users/@me/guilds"+query, nil)).raw), &all); err != nil {
			t.Fatal(err)
		}
		var of []string
		for _, g := range all {
			of = append(of, g.ID)
		}
		return of
	}
	for query, want := range map[string][]string{
		"": {Acme, "200000000000000003"}, "?limit=1": {Acme}, "?after=" + Acme: {"200000000000000003"}, "?before=" + "200000000000000003": {Acme},
	} {
		if got := ids(query); !slices.Equal(got, want) {
			t.Errorf("the guilds of %q are %v", query, got)
		}
	}
	if third := c.granted(c.call("GET", "/guilds/200000000000000003/roles", nil)).raw; !strings.Contains(third, "@everyone") {
		t.Errorf("a guild that was added has the roles %s", third)
	}
	roles := c.granted(c.call("GET", "/guilds/"+Acme+"/roles", nil)).raw
	for _, want := range []string{`"id":"` + Acme + `"`, `"name":"@everyone"`, `"id":"` + OnCall + `"`} {
		if !strings.Contains(roles, want) {
			t.Errorf("%s is not among the roles %s", want, roles)
		}
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	c := office(t)
	thread := c.granted(c.call("GET", "/channels/"+Rollout, nil))
	if thread.body["type"] != float64(PublicThread) || thread.text("parent_id") != Deploys || thread.text("guild_id") != Acme {
		t.Errorf("the thread is told of as %s", thread.raw)
	}
	if conversation := c.granted(c.call("GET", "/channels/"+c.direct(Alice), nil)); conversation.body["type"] != float64(Direct) {
		t.Errorf("a conversation is told of as %s", conversation.raw)
	}
	say := func(channel string) said {
		return c.call("POST", "/channels/"+channel+"/messages", fields{"content": "x"})
	}
	c.refused(say("1"), http.StatusNotFound, UnknownChannel)
	c.refused(say(Secret), http.StatusForbidden, MissingAccess)
	c.refused(say(Random), http.StatusForbidden, MissingPermissions)
	c.refused(c.call("GET", "/channels/"+Secret, nil), http.StatusForbidden, MissingAccess)
	c.granted(c.call("GET", "/channels/"+Random, nil))
	c.s.Change(func(w *World) { w.Channel(Rollout).Archived, w.Channel(Rollout).Locked = true, true })
	c.refused(say(Rollout), http.StatusBadRequest, ThreadArchived)
	c.s.Change(func(w *World) { w.Channel(Rollout).Locked = false })
	c.granted(say(Rollout)) // which opens it again
	if thread := c.call("GET", "/channels/"+Rollout, nil); !strings.Contains(thread.raw, `"archived":false`) {
		t.Errorf("after a message the thread is %s", thread.raw)
	}
	c.s.Change(func(w *World) { w.Guild(Acme).Role(Acme).Permissions &^= SendInThreads })
	c.refused(say(Rollout), http.StatusForbidden, MissingPermissions)
	c.granted(say(Deploys))
	c.s.Change(func(w *World) { w.Guild(Acme).Remove(w.App.Bot) })
	c.refused(say(Deploys), http.StatusForbidden, MissingAccess)
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	const send = SendMessages
	for name, trial := range map[string]struct {
		everyone, role uint64
		overwrites     []Overwrite
		view, post     bool
	}{
		"as usual":                      {Usual, 0, nil, true, true},
		"nothing":                       {0, 0, nil, false, false},
		"by the role":                   {0, Usual, nil, true, true},
		"denied to everyone":            {Usual, 0, []Overwrite{{ID: Acme, Deny: send}}, true, false},
		"denied, and allowed the role":  {Usual, 0, []Overwrite{{ID: Acme, Deny: send}, {ID: OnCall, Allow: send}}, true, true},
		"the role denied, the member":   {Usual, 0, []Overwrite{{ID: OnCall, Deny: send}, {ID: Bob, Member: true, Allow: send}}, true, true},
		"the member denied":             {Usual, Usual, []Overwrite{{ID: Bob, Member: true, Deny: ViewChannel}}, false, false},
		"a role denied, another not":    {Usual, 0, []Overwrite{{ID: OnCall, Deny: send}, {ID: "7", Allow: send}}, true, true},
		"another member denied":         {Usual, 0, []Overwrite{{ID: Alice, Member: true, Deny: ViewChannel}}, true, true},
		"an administrator, denied":      {Usual, Administrator, []Overwrite{{ID: Bob, Member: true, Deny: ViewChannel}}, true, true},
		"no view, and all else allowed": {Usual, 0, []Overwrite{{ID: Acme, Deny: ViewChannel, Allow: send}}, false, false},
	} {
		w := Office().completed()
		w.Guild(Acme).Role(Acme).Permissions, w.Guild(Acme).Role(OnCall).Permissions = trial.everyone, trial.role
		w.Channel(Deploys).Overwrites = trial.overwrites
		w.Guild(Acme).Member(Bob).Roles = []string{OnCall, "7"}
		for _, channel := range []string{Deploys, Rollout} {
			may := w.permissions(Bob, channel)
			if view, post := may&ViewChannel != 0, may&send != 0; view != trial.view || post != trial.post {
				t.Errorf("%s: in %s bob may view %v, post %v", name, channel, view, post)
			}
		}
	}
	w := Office().completed()
	if w.permissions(Eve, Deploys) != 0 || w.permissions(Bob, "1") != 0 {
		t.Error("who is no member may do something")
	}
}

func TestPrivateThreadsAreTheirMembers(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) {
		th := w.Channel(Rollout)
		th.Type, th.Members = PrivateThread, []string{w.App.Bot, Alice}
	})
	c.post(Rollout, fields{"content": "between us"})
	if c.s.Person(Alice).Screen() == "" || c.s.Person(Bob).Screen() != "" {
		t.Error("a private thread is seen by others than its members")
	}
}

func TestCommandsAreRegistered(t *testing.T) {
	t.Parallel()
	c := office(t)
	app := Office().completed().App.ID
	path := "/applications/" + app + "/commands"
	authbridge := fields{
		"name": "authbridge", "description": "Access of agents", "contexts": []int{0, 1}, "integration_types": []int{0},
		"options": []fields{
			{"type": 1, "name": "list", "description": "What was given"},
			{"type": 1, "name": "revoke", "description": "End it", "options": []fields{{
				"type": 3, "name": "name", "description": "Which", "required": true, "choices": nil, "channel_types": nil, "options": nil, "autocomplete": false,
			}}},
		},
	}
	if a := c.granted(c.call("GET", path, nil)); a.raw != "[]" {
		t.Errorf("before, there are %s", a.raw)
	}
	read := func(a said) []command {
		var all []struct {
			command
			App     string `json:"application_id"`
			Version string `json:"version"`
		}
		if err := json.Unmarshal([]byte(c.granted(a).raw), &all); err != nil {
			t.Fatal(err)
		}
		var of []command
		for _, k := range all {
			of = append(of, k.command)
		}
		return of
	}
	first := read(c.call("PUT", path, []fields{authbridge}))
	again := read(c.call("PUT", path, []fields{authbridge}))
	if len(first) != 1 || len(again) != 1 || first[0].ID != again[0].ID || len(again[0].Options) != 2 || !again[0].Options[1].Options[0].Required {
		t.Errorf("they are told of as %+v, and then as %+v", first, again)
	}
	if there := read(c.call("GET", path, nil)); len(there) != 1 || there[0].ID != first[0].ID {
		t.Errorf("there are %+v", there)
	}
	c.s.Tolerate(UnknownApplication)
	c.refused(c.call("GET", "/applications/"+Office().completed().App.Bot+"/commands", nil), http.StatusNotFound, UnknownApplication)
}

func TestWrongCommandsAreRefused(t *testing.T) {
	t.Parallel()
	ok := fields{"name": "a", "description": "x"}
	sub := fields{"type": 1, "name": "a", "description": "x"}
	with := func(options ...fields) []fields {
		return []fields{{"name": "a", "description": "x", "options": options}}
	}
	many := make([]fields, 26)
	for i := range many {
		many[i] = fields{"type": 1, "name": "a" + strconv.Itoa(i), "description": "x"}
	}
	for name, body := range map[string][]fields{
		"a capital letter":       {{"name": "Authbridge", "description": "x"}},
		"a space":                {{"name": "auth bridge", "description": "x"}},
		"no description":         {{"name": "a"}},
		"a long description":     {{"name": "a", "description": strings.Repeat("x", 101)}},
		"the same twice":         {ok, ok},
		"another kind":           {{"name": "a", "description": "x", "type": 2}},
		"an unknown context":     {{"name": "a", "description": "x", "contexts": []int{7}}},
		"an unknown field":       {{"name": "a", "description": "x", "hidden": true}},
		"too many options":       with(many...),
		"the same option twice":  with(sub, sub),
		"mixed options":          with(sub, fields{"type": 3, "name": "b", "description": "x"}),
		"required after not":     with(fields{"type": 3, "name": "b", "description": "x"}, fields{"type": 3, "name": "c", "description": "x", "required": true}),
		"a subcommand in one":    with(fields{"type": 1, "name": "b", "description": "x", "options": []fields{sub}}),
		"options of an option":   with(fields{"type": 3, "name": "b", "description": "x", "options": []fields{sub}}),
		"choices":                with(fields{"type": 3, "name": "b", "description": "x", "choices": []fields{{"name": "a", "value": "b"}}}),
		"an unknown option type": with(fields{"type": 11, "name": "b", "description": "x"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := office(t)
			c.s.Tolerate(InvalidForm)
			c.refused(c.call("PUT", "/applications/"+Office().completed().App.ID+"/commands", body), http.StatusBadRequest, InvalidForm)
		})
	}
}

func TestCommandsADayAreCounted(t *testing.T) {
	t.Parallel()
	w := Office()
	w.Unlimited = true
	c := caller{t: t, s: Start(t, w)}
	path := "/applications/" + c.s.world.App.ID + "/commands"
	one := func(n int) []fields { return []fields{{"name": "c" + strconv.Itoa(n), "description": "x"}} }
	for n := range maxCommandsADay {
		c.granted(c.call("PUT", path, one(n)))
	}
	c.granted(c.call("PUT", path, one(maxCommandsADay-1))) // it is there already
	c.refused(c.call("PUT", path, one(maxCommandsADay)), http.StatusBadRequest, CommandsADay)
}

func TestTheApplicationTellsItsKey(t *testing.T) {
	t.Parallel()
	c := office(t)
	for _, path := range []string{"/applications/@me", "/oauth2/applications/@me"} {
		if a := c.granted(c.call("GET", path, nil)); a.text("verify_key") != c.s.PublicKey() || a.text("id") != c.s.world.App.ID {
			t.Errorf("%s says %s", path, a.raw)
		}
	}
}
