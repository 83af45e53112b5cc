package discord

import (
	"net/url"
	"strconv"

	"github.com/bwmarrin/discordgo"
)

// permissions are what the bridge needs in a channel: to see it, to write
// there and in its threads, and to answer a message there. It reads no
// message of anybody's.
const permissions = discordgo.PermissionViewChannel | discordgo.PermissionSendMessages |
	discordgo.PermissionSendMessagesInThreads | discordgo.PermissionReadMessageHistory

// InviteURL is where somebody who manages a server lets the bridge's
// application into it, with its bot and its commands. application is its id;
// base is the scheme and host of Discord, "" = DefaultAPIURL.
func InviteURL(base, application string) string {
	if base == "" {
		base = DefaultAPIURL
	}
	q := url.Values{
		"client_id":   {application},
		"scope":       {"bot applications.commands"},
		"permissions": {strconv.FormatInt(permissions, 10)},
	}
	return base + "/oauth2/authorize?" + q.Encode()
}
