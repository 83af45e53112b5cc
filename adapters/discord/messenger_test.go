package discord

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// The routes of messages, as the stand-in names them.
const (
	routePost  = "POST /channels/{channel}/messages"
	routeEdit  = "PATCH /channels/{channel}/messages/{message}"
	routeDM    = "POST /users/@me/channels"
	routeAgain = "POST /webhooks/{app}/{token}"
)

// TestMessenger runs the adapter against the stand-in for Discord.
func TestMessenger(t *testing.T) {
	t.Parallel()
	bridgetest.RunMessenger(t, bridgetest.MessengerLab{
		KnowsKeys: true,
		Open: func(t *testing.T) (bridge.Messenger, bridgetest.ChatPlatform) {
			o := newOffice(t)
			return o.adapter, platform{o}
		},
	})
}

// platform is the stand-in as the suite sees it.
type platform struct{ *office }

func (p platform) Somebody() bridge.Address { return discordtest.Alice }

// Closed is asked for after a refusal, and as if its minute were over.
func (p platform) Closed() bridge.Address {
	p.adapter.calls.waits.Drop(everything)
	p.discord.Change(func(w *discordtest.World) { w.App.Revoked, w.Person(discordtest.Carol).Closed = false, true })
	return discordtest.Carol
}

func (p platform) Place() bridge.Address { return discordtest.Deploys }

func (p platform) Screen(of bridge.Address) []string {
	if strings.HasPrefix(string(of), discordtest.Deploys) { // which alice sees, too
		of = discordtest.Alice
	}
	return strings.Split("\n"+p.discord.Person(string(of)).Screen(), "\n@authbridge")[1:]
}

func (p platform) Pushes(of bridge.Address) []string { return p.discord.Pushes(string(of)) }

// Remove takes away the message that was posted last.
func (p platform) Remove(bridge.Address) {
	all := p.discord.Calls(routePost)
	var made struct {
		ID      string `json:"id"`
		Channel string `json:"channel_id"`
	}
	if err := json.Unmarshal([]byte(all[len(all)-1].Answer), &made); err != nil {
		p.t.Fatal(err)
	}
	if err := p.adapter.calls.call(p.t.Context(), http.MethodDelete, "/channels/"+made.Channel+"/messages/"+made.ID, nil, nil); err != nil {
		p.t.Fatal(err)
	}
}

func (p platform) Limit(after time.Duration) {
	p.discord.Fail(routePost, 1, discordtest.Fault{Limited: after})
}

func (p platform) Refuse() {
	p.discord.Change(func(w *discordtest.World) { w.App.Revoked = true })
}

func (p platform) Break() {
	p.discord.Fail("*", 1, discordtest.Fault{Status: http.StatusServiceUnavailable})
}

func (p platform) Lose() {
	p.discord.Fail(routePost, 1, discordtest.Fault{Committed: true, Reset: true})
}
