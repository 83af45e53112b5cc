package slacktest

import (
	"slices"
	"strings"
	"time"
)

// World is who and what is at a workspace. What is left out has the default
// that is named beside it. A running world is altered by [Slack.Change].
type World struct {
	Team     Team
	App      App
	People   []User
	Groups   []Group
	Channels []Channel

	Now       func() time.Time // the clock; time.Now
	Unlimited bool             // calls are never limited
}

// Team is the workspace.
type Team struct {
	ID         string // T0ACME
	Name       string // Acme
	Domain     string // acme
	Enterprise string // the id of the organisation above it; none
	Free       bool   // the plan has no user groups: plan_upgrade_required
}

// App is the installed app and its bot user.
type App struct {
	ID        string   // A0BRIDGE
	Name      string   // authbridge
	User      string   // the bot user's id; U0BRIDGE
	Bot       string   // B0BRIDGE
	Scopes    []string // of the bot token; [BotScopes]
	AppScopes []string // of the app-level token; connections:write

	// Refuse is the error that every call of the app gets, as after an
	// uninstallation: "token_revoked", "account_inactive".
	Refuse string

	NoMessagesTab bool // direct messages fail: messages_tab_disabled
	NoHomeTab     bool // views.publish fails: not_enabled
}

// BotScopes is what the app's manifest asks for.
func BotScopes() []string {
	return []string{
		"chat:write", "im:write", "commands", "users:read", "users:read.email",
		"usergroups:read", "channels:read", "groups:read",
	}
}

// User is a person, or a bot.
type User struct {
	ID       string
	Name     string // the handle
	RealName string // the handle, by default
	Team     string // the workspace's own, by default
	Email    string
	TZ       string // UTC

	Unconfirmed bool // the e-mail address was never confirmed
	Deleted     bool // deactivated: user_disabled
	Bot         bool
	Guest       bool // a multi-channel guest: is_restricted
	SingleGuest bool // a single-channel guest: is_ultra_restricted, too
	Stranger    bool // from another workspace, not in a shared channel

	Hidden bool   // the bot cannot see them: user_not_visible
	NoOpen string // the error that opening a direct conversation with them gets
	NoPost string // the error that posting to it gets
}

// Group is a user group.
type Group struct {
	ID       string
	Handle   string
	Members  []string
	Disabled bool // no_such_subteam
}

// Channel is a channel that the bot may be a member of.
type Channel struct {
	ID       string
	Name     string
	Members  []string // users' ids; with the bot's, the bot is in
	Private  bool     // without the bot it does not exist for it
	Archived bool
	Shared   bool     // is_ext_shared: other organisations are in it
	Pending  bool     // is_pending_ext_shared
	NoPost   string   // the error that posting gets: "restricted_action", …
	Threads  []string // the timestamps of messages of others that can be answered
}

// completed fills in the defaults.
func (w World) completed() World {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&w.Team.ID, "T0ACME")
	set(&w.Team.Name, "Acme")
	set(&w.Team.Domain, "acme")
	set(&w.App.ID, "A0BRIDGE")
	set(&w.App.Name, "authbridge")
	set(&w.App.User, "U0BRIDGE")
	set(&w.App.Bot, "B0BRIDGE")
	if w.App.Scopes == nil {
		w.App.Scopes = BotScopes()
	}
	if w.App.AppScopes == nil {
		w.App.AppScopes = []string{"connections:write"}
	}
	if w.Now == nil {
		w.Now = time.Now
	}
	return w
}

// Person returns the user with that id, to be altered, or nil.
func (w *World) Person(id string) *User {
	i := slices.IndexFunc(w.People, func(u User) bool { return u.ID == id })
	if i < 0 {
		return nil
	}
	return &w.People[i]
}

// Channel returns the channel with that id, to be altered, or nil.
func (w *World) Channel(id string) *Channel {
	i := slices.IndexFunc(w.Channels, func(c Channel) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &w.Channels[i]
}

// Group returns the user group with that id, to be altered, or nil.
func (w *World) Group(id string) *Group {
	i := slices.IndexFunc(w.Groups, func(g Group) bool { return g.ID == id })
	if i < 0 {
		return nil
	}
	return &w.Groups[i]
}

// team is the workspace that somebody belongs to.
func (w *World) team(u *User) string {
	if u.Team != "" {
		return u.Team
	}
	return w.Team.ID
}

// dm is the id of somebody's direct conversation with the bot.
func dm(user string) string { return "D" + strings.TrimPrefix(user, "U") }

// partner is who a direct conversation is with, or nil.
func (w *World) partner(channel string) *User {
	i := slices.IndexFunc(w.People, func(u User) bool { return dm(u.ID) == channel })
	if i < 0 {
		return nil
	}
	return &w.People[i]
}

// Office is a world to begin with: alice, bob and carol work at Acme, carol
// in Tokyo, and are in #deploys with the bot; dave is a guest there, eve a
// stranger of another workspace. The user group oncall is bob and carol.
func Office() World {
	return World{
		People: []User{
			{ID: "U0ALICE", Name: "alice", RealName: "Alice Archer", Email: "alice@acme.example"},
			{ID: "U0BOB", Name: "bob", RealName: "Bob Baker", Email: "bob@acme.example"},
			{ID: "U0CAROL", Name: "carol", RealName: "Carol Cook", Email: "carol@acme.example", TZ: "Asia/Tokyo"},
			{ID: "U0DAVE", Name: "dave", RealName: "Dave Dyer", Email: "dave@other.example", Guest: true},
			{ID: "U0EVE", Name: "eve", RealName: "Eve Else", Team: "T0ELSE", Stranger: true},
		},
		Groups: []Group{{ID: "S0ONCALL", Handle: "oncall", Members: []string{"U0BOB", "U0CAROL"}}},
		Channels: []Channel{
			{ID: "C0DEPLOYS", Name: "deploys", Members: []string{"U0BRIDGE", "U0ALICE", "U0BOB", "U0CAROL", "U0DAVE"}},
			{ID: "C0RANDOM", Name: "random", Members: []string{"U0ALICE"}},
		},
	}
}
