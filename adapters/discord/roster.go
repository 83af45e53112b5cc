package discord

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// member is what Discord says of somebody in a server.
type member struct {
	at      time.Time // when it said so
	in      bool      // they are in it
	pending bool      // and have not yet agreed to its rules
	roles   []string
}

const (
	// memberFor is how long it is believed at least what Discord said of
	// somebody: not until the next reading, a minute later. Where many are
	// asked about it is a second for each of them.
	memberFor = 50 * time.Second
	// memberFresh is how old that may be of who presses something, and
	// doubtedFor how long that is kept in mind: for longer than anything is
	// believed.
	memberFresh = 5 * time.Second
	doubtedFor  = 24 * time.Hour
	// serverFor is how long it is believed in which server a role is.
	serverFor = 10 * time.Minute
)

var (
	errNoRole   = errors.New("no server that the bot is in has this role")
	errEveryone = errors.New("this is the role of everyone in a server, and a team is some people")
)

// Members says who of some people has a role now: as [bridge.Roster]. Discord
// lists the members of a server to nobody without a privilege, so each of them
// is asked about.
func (a *Adapter) Members(ctx context.Context, role string, among []bridge.Address) ([]bridge.Address, error) {
	server, err := a.serverOf(ctx, role)
	if err != nil {
		return nil, fmt.Errorf("read who has a role: %w", err)
	}
	life := max(memberFor, time.Duration(len(among))*time.Second)
	var all []bridge.Address
	for _, user := range among {
		m, err := a.member(ctx, server, string(user), life)
		if err != nil {
			return nil, fmt.Errorf("read who has a role: %w", err)
		}
		if m.in && !m.pending && slices.Contains(m.roles, role) {
			all = append(all, user)
		}
	}
	return all, nil
}

// member is what Discord says of somebody in a server.
func (a *Adapter) member(ctx context.Context, server, user string, life time.Duration) (member, error) {
	if !snowflake.MatchString(user) {
		return member{}, nil
	}
	key := memberKey(server, user)
	doubted, _ := a.known.doubted.Get(user)
	if m, known := a.known.members.Get(key); known && !m.at.Before(doubted) {
		return m, nil
	}
	now := time.Now()
	var said struct {
		Roles   []string `json:"roles"`
		Pending bool     `json:"pending"`
	}
	err := patiently(ctx, func() error {
		return a.calls.do(ctx, memberCall(server, user, &said))
	})
	if err != nil && !errors.Is(err, errUnknownMember) && !errors.Is(err, bridge.ErrUnreachable) {
		return member{}, err
	}
	m := member{at: now, in: err == nil, pending: said.Pending, roles: said.Roles}
	a.known.members.Put(key, m, life)
	return m, nil
}

// shortWait is the longest wait for a limit in the middle of a look at many.
const shortWait = 2 * time.Second

// patiently makes a call again when Discord wanted it a moment later: a team is
// asked about in one go, and only the whole of it says who may act.
func patiently(ctx context.Context, call func() error) error {
	for {
		err := call()
		slow, limited := errors.AsType[*bridge.Limited](err)
		if !limited || slow.All || slow.After > shortWait {
			return err
		}
		select {
		case <-time.After(slow.After):
		case <-ctx.Done():
			return err
		}
	}
}

// memberCall asks who somebody is in a server; into may be nil.
func memberCall(server, user string, into any) call {
	return call{
		name: "look somebody up in a server", method: http.MethodGet, path: "/guilds/" + server + "/members/" + user,
		bucket: "members/" + server, into: into,
	}
}

func memberKey(server, user string) string { return server + "/" + user }

// noteMember keeps what came with a press in a server, unless something fresher
// is known.
func (a *Adapter) noteMember(in inbound) {
	if in.guild == "" {
		return
	}
	key := memberKey(in.guild, in.user)
	if m, known := a.known.members.Get(key); !known || m.at.Before(in.at) {
		a.known.members.Put(key, member{at: in.at, in: true, pending: in.pending, roles: in.roles}, memberFor)
	}
}

// Reread has nothing believed that Discord said of somebody more than a few
// seconds ago: as [bridge.Rereader].
func (a *Adapter) Reread(user bridge.Address) {
	a.known.doubted.Put(string(user), time.Now().Add(-memberFresh), doubtedFor)
}

// serverOf finds the server that has a role.
func (a *Adapter) serverOf(ctx context.Context, role string) (string, error) {
	if !snowflake.MatchString(role) {
		return "", errNoRole
	}
	if server, known := a.known.servers.Get(role); known {
		return server, nil
	}
	servers, err := a.calls.servers(ctx)
	if err != nil {
		return "", err
	}
	for _, server := range servers {
		if server == role {
			return "", errEveryone
		}
		if _, lacks := a.known.lacking.Get(memberKey(server, role)); lacks {
			continue // a look at many servers that was cut short goes on where it was
		}
		has, err := a.calls.hasRole(ctx, server, role)
		if err != nil {
			return "", err
		}
		if !has {
			a.known.lacking.Put(memberKey(server, role), struct{}{}, serverFor)
		} else {
			a.known.servers.Put(role, server, serverFor)
			return server, nil
		}
	}
	return "", errNoRole
}

type entry struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// servers are the ids of those that the bot is in.
func (c *caller) servers(ctx context.Context) ([]string, error) {
	all, err := c.guilds(ctx)
	ids := make([]string, len(all))
	for i, g := range all {
		ids[i] = g.ID
	}
	return ids, err
}

// How many servers Discord lists in one answer, and how many are read: a bot
// for one house is in a few.
const (
	serversPerPage = 200
	maxServers     = 10 * serversPerPage
)

// guilds are the servers that the bot is in, the oldest first.
func (c *caller) guilds(ctx context.Context) ([]guild, error) {
	var all []guild
	for path := "/users/@me/guilds"; ; {
		var page []guild
		err := c.do(ctx, call{name: "list the bot's servers", method: http.MethodGet, path: path, bucket: "servers", into: &page})
		all = append(all, slices.DeleteFunc(slices.Clone(page), func(g guild) bool { return !snowflake.MatchString(g.ID) })...)
		if err != nil || len(page) < serversPerPage || len(all) >= maxServers || !snowflake.MatchString(page[len(page)-1].ID) {
			return all, err
		}
		path = "/users/@me/guilds?after=" + page[len(page)-1].ID
	}
}

func (c *caller) hasRole(ctx context.Context, server, role string) (bool, error) {
	var all []entry
	err := c.do(ctx, call{name: "list the roles of a server", method: http.MethodGet, path: "/guilds/" + server + "/roles", bucket: "roles/" + server, into: &all})
	return slices.ContainsFunc(all, func(r entry) bool { return r.ID == role }), err
}
