package discord

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/bwmarrin/discordgo"
)

// guild is a server that the bot is in.
type guild struct {
	ID  string `json:"id"`
	May int64  `json:"permissions,string"` // what the bot may do there, but for what its channels say
}

// room is a channel or a thread.
type room struct {
	Name    string                           `json:"name"`
	Type    discordgo.ChannelType            `json:"type"`
	Guild   string                           `json:"guild_id"`
	Parent  string                           `json:"parent_id"`
	Changes []*discordgo.PermissionOverwrite `json:"permission_overwrites"`
}

func (c *caller) room(ctx context.Context, id string) (r room, err error) {
	err = c.do(ctx, call{name: "read a channel", method: http.MethodGet, path: "/channels/" + id, bucket: "channel/" + id, into: &r})
	return r, err
}

func (r room) isThread() bool {
	return slices.Contains([]discordgo.ChannelType{
		discordgo.ChannelTypeGuildNewsThread, discordgo.ChannelTypeGuildPublicThread, discordgo.ChannelTypeGuildPrivateThread,
	}, r.Type)
}

// isDirect reports whether it is somebody's direct messages.
func (r room) isDirect() bool {
	return r.Type == discordgo.ChannelTypeDM || r.Type == discordgo.ChannelTypeGroupDM
}

// holdsMessages reports whether anybody can write there at all.
func (r room) holdsMessages() bool {
	return !slices.Contains([]discordgo.ChannelType{
		discordgo.ChannelTypeGuildCategory, discordgo.ChannelTypeGuildDirectory, discordgo.ChannelTypeGuildForum, discordgo.ChannelTypeGuildMedia,
	}, r.Type)
}

// right is one thing that the bridge needs in a channel, as Discord calls it.
type right struct {
	bit  int64
	name string
}

// rightToRead lets a reminder answer the message that it is about.
var rightToRead = right{discordgo.PermissionReadMessageHistory, "Read Message History"}

// needs are the rights without which nothing is brought to a place.
func (r room) needs() []right {
	write := right{discordgo.PermissionSendMessages, "Send Messages"}
	if r.isThread() {
		write = right{discordgo.PermissionSendMessagesInThreads, "Send Messages in Threads"}
	}
	return []right{{discordgo.PermissionViewChannel, "View Channel"}, write}
}

// errNoGuild means that it is not known what the bot may do in a server.
var errNoGuild = errors.New("the bot's servers do not have it")

// rights are what the bot may do in a place. Those of a thread are those of the
// channel that it is in.
func (s *survey) rights(r room) (int64, error) {
	in := slices.IndexFunc(s.guilds, func(g guild) bool { return g.ID == r.Guild })
	if in < 0 {
		return 0, errNoGuild
	}
	if r.isThread() {
		var err error
		if r, err = s.calls.room(s.ctx, r.Parent); err != nil {
			return 0, err
		}
	}
	var roles []string
	if slices.ContainsFunc(r.Changes, func(o *discordgo.PermissionOverwrite) bool { return isRole(o) && o.ID != r.Guild }) {
		var me struct {
			Roles []string `json:"roles"`
		}
		if err := s.calls.do(s.ctx, memberCall(r.Guild, s.app.Bot.ID, &me)); err != nil {
			return 0, err
		}
		roles = me.Roles
	}
	return r.rightsOf(s.app.Bot.ID, roles, s.guilds[in].May), nil
}

func isRole(o *discordgo.PermissionOverwrite) bool {
	return o.Type == discordgo.PermissionOverwriteTypeRole
}

// rightsOf is what a channel leaves of what somebody may do in its server:
// what it says of everyone, then of their roles together, then of them.
func (r room) rightsOf(user string, roles []string, may int64) int64 {
	if may&discordgo.PermissionAdministrator != 0 {
		return ^0
	}
	for _, meant := range []func(o *discordgo.PermissionOverwrite) bool{
		func(o *discordgo.PermissionOverwrite) bool { return isRole(o) && o.ID == r.Guild },
		func(o *discordgo.PermissionOverwrite) bool { return isRole(o) && slices.Contains(roles, o.ID) },
		func(o *discordgo.PermissionOverwrite) bool { return !isRole(o) && o.ID == user },
	} {
		var allow, deny int64
		for _, o := range r.Changes {
			if meant(o) {
				allow, deny = allow|o.Allow, deny|o.Deny
			}
		}
		may = may&^deny | allow
	}
	return may
}
