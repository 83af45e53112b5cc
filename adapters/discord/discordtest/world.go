package discordtest

import (
	"slices"
	"time"
)

// World is who and what is at Discord. What is left out has the default that
// is named beside it. A running world is altered by [Discord.Change].
type World struct {
	App    App
	People []User
	Guilds []Guild

	Now       func() time.Time // the clock; time.Now
	Unlimited bool             // calls are never limited
	Ban       int              // how many invalid requests in ten minutes get the address banned; 10,000
}

// App is the application and its bot user, which have ids of their own: those
// of an old application differ, and those of a new one are the same.
type App struct {
	ID   string // 150000000000000001
	Name string // authbridge
	Bot  string // the bot user's id; 150000000000000002

	// Endpoint is the address that interactions are sent to, instead of over
	// the gateway; none.
	Endpoint string

	// Public: anybody may add the bot to a server of theirs.
	Public bool

	// Revoked: every call with the token gets 401, as after a new token was
	// made.
	Revoked bool
}

// User is a person, or a bot.
type User struct {
	ID     string
	Name   string         // the unique name
	Global string         // the name that is shown; the unique name
	Bot    bool           // an application's
	System bool           // Discord's own
	Closed bool           // takes no direct messages from the bot: 50007
	Zone   *time.Location // what times are shown in; UTC
}

// Guild is a server that the bot may be a member of.
type Guild struct {
	ID       string
	Name     string
	Roles    []Role // the one with the guild's id is @everyone; it is added if it is not there
	Members  []Member
	Channels []Channel
}

// Role is a role of a guild.
type Role struct {
	ID          string
	Name        string
	Permissions uint64
	Mentionable bool // anybody may notify it
}

// Member is somebody in a guild: one of the people, or the bot.
type Member struct {
	User    string
	Nick    string
	Roles   []string // without @everyone
	Pending bool     // has not passed the guild's screening
}

// The kinds of channels.
const (
	Text          = 0
	Direct        = 1
	Voice         = 2
	Category      = 4
	PublicThread  = 11
	PrivateThread = 12
)

// Channel is a channel of a guild, or a thread in one.
type Channel struct {
	ID         string
	Name       string
	Type       int    // Text
	Parent     string // of a thread: the channel that it is in, whose overwrites hold for it
	Overwrites []Overwrite
	Archived   bool     // of a thread
	Locked     bool     // of a thread: a message does not open it again
	Members    []string // of a private thread: who is in it
}

// Overwrite allows or denies something in one channel to a role or a member.
type Overwrite struct {
	ID     string // of the role or the user
	Member bool   // it is a user's
	Allow  uint64
	Deny   uint64
}

// The permissions that are known here.
const (
	Administrator  uint64 = 1 << 3
	ViewChannel    uint64 = 1 << 10
	SendMessages   uint64 = 1 << 11
	EmbedLinks     uint64 = 1 << 14
	ReadHistory    uint64 = 1 << 16
	MentionAll     uint64 = 1 << 17 // @everyone, @here and every role
	UseCommands    uint64 = 1 << 31
	SendInThreads  uint64 = 1 << 38
	AllPermissions        = Administrator | ViewChannel | SendMessages | EmbedLinks | ReadHistory | MentionAll | UseCommands | SendInThreads
)

// Usual is what @everyone may do in a new guild.
const Usual = ViewChannel | SendMessages | EmbedLinks | ReadHistory | UseCommands | SendInThreads

// completed fills in the defaults.
func (w World) completed() World {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&w.App.ID, "150000000000000001")
	set(&w.App.Name, "authbridge")
	set(&w.App.Bot, "150000000000000002")
	if w.Now == nil {
		w.Now = time.Now
	}
	if w.Ban == 0 {
		w.Ban = 10_000
	}
	for i := range w.Guilds {
		g := &w.Guilds[i]
		if g.Role(g.ID) == nil {
			g.Roles = append([]Role{{ID: g.ID, Name: "@everyone", Permissions: Usual}}, g.Roles...)
		}
	}
	return w
}

// Person returns the user with that id, to be altered, or nil.
func (w *World) Person(id string) *User {
	return find(w.People, func(u *User) bool { return u.ID == id })
}

// Guild returns the guild with that id, to be altered, or nil.
func (w *World) Guild(id string) *Guild {
	return find(w.Guilds, func(g *Guild) bool { return g.ID == id })
}

// Channel returns the channel of a guild with that id, to be altered, or nil.
func (w *World) Channel(id string) *Channel {
	for i := range w.Guilds {
		if c := w.Guilds[i].Channel(id); c != nil {
			return c
		}
	}
	return nil
}

// Role returns the role with that id, to be altered, or nil.
func (g *Guild) Role(id string) *Role { return find(g.Roles, func(r *Role) bool { return r.ID == id }) }

// Member returns the membership of somebody, to be altered, or nil.
func (g *Guild) Member(user string) *Member {
	return find(g.Members, func(m *Member) bool { return m.User == user })
}

// Channel returns the channel with that id, to be altered, or nil.
func (g *Guild) Channel(id string) *Channel {
	return find(g.Channels, func(c *Channel) bool { return c.ID == id })
}

// Remove takes somebody out of the guild.
func (g *Guild) Remove(user string) {
	g.Members = slices.DeleteFunc(g.Members, func(m Member) bool { return m.User == user })
}

// find returns a pointer to the first one that is meant, or nil.
func find[T any](all []T, meant func(*T) bool) *T {
	for i := range all {
		if meant(&all[i]) {
			return &all[i]
		}
	}
	return nil
}

// home is the guild that a channel is in, or nil.
func (w *World) home(channel string) *Guild {
	return find(w.Guilds, func(g *Guild) bool { return g.Channel(channel) != nil })
}

// The ids of [Office].
const (
	Acme  = "200000000000000001" // the guild
	Else  = "200000000000000002" // a guild without the bot
	Alice = "300000000000000001"
	Bob   = "300000000000000002"
	Carol = "300000000000000003"
	Dave  = "300000000000000004"
	Eve   = "300000000000000005"
	Robot = "300000000000000006"

	OnCall = "400000000000000001" // the role

	Deploys = "500000000000000001" // a channel of everybody
	Secret  = "500000000000000002" // one of the role only, and the bot is not in
	Rollout = "500000000000000003" // a thread in deploys
	Random  = "500000000000000004" // one that the bot may read and not write
)

// Office is a world to begin with: alice, bob and carol are in the guild Acme
// with the bot, carol in Tokyo; dave has not passed its screening, robot is
// another application's bot, and eve is in no guild with the bot. The role
// oncall is bob's and carol's.
func Office() World {
	bot := "150000000000000002"
	return World{
		People: []User{
			{ID: Alice, Name: "alice", Global: "Alice Archer"},
			{ID: Bob, Name: "bob", Global: "Bob Baker"},
			{ID: Carol, Name: "carol", Global: "Carol Cook", Zone: time.FixedZone("JST", 9*3600)},
			{ID: Dave, Name: "dave", Global: "Dave Dyer"},
			{ID: Eve, Name: "eve", Global: "Eve Else"},
			{ID: Robot, Name: "robot", Bot: true},
		},
		Guilds: []Guild{{
			ID: Acme, Name: "Acme",
			Roles: []Role{{ID: OnCall, Name: "oncall"}},
			Members: []Member{
				{User: bot},
				{User: Alice},
				{User: Bob, Roles: []string{OnCall}},
				{User: Carol, Roles: []string{OnCall}},
				{User: Dave, Pending: true},
				{User: Robot},
			},
			Channels: []Channel{
				{ID: Deploys, Name: "deploys"},
				{ID: Secret, Name: "secret", Overwrites: []Overwrite{
					{ID: Acme, Deny: ViewChannel}, {ID: OnCall, Allow: ViewChannel},
				}},
				{ID: Rollout, Name: "rollout", Type: PublicThread, Parent: Deploys},
				{ID: Random, Name: "random", Overwrites: []Overwrite{{ID: bot, Member: true, Deny: SendMessages}}},
			},
		}, {
			ID: Else, Name: "Else", Members: []Member{{User: Eve}},
		}},
	}
}
