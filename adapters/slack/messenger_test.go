package slack

import (
	"strings"
	"testing"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// TestMessenger runs the adapter against the stand-in for Slack.
func TestMessenger(t *testing.T) {
	t.Parallel()
	bridgetest.RunMessenger(t, bridgetest.MessengerLab{
		Open: func(t *testing.T) (bridge.Messenger, bridgetest.ChatPlatform) {
			o := newOffice(t)
			return o.adapter, platform{o}
		},
	})
}

// platform is the stand-in as the suite sees it.
type platform struct{ *office }

func (p platform) Somebody() bridge.Address { return alice }

func (p platform) Closed() bridge.Address {
	p.slack.Change(func(w *slacktest.World) { w.Person(carol).NoOpen = "user_disabled" })
	return carol
}

func (p platform) Place() bridge.Address { return deploys }

func (p platform) Screen(of bridge.Address) []string {
	if strings.HasPrefix(string(of), deploys) { // which alice sees, too
		of = alice
	}
	return messagesOn(p.slack.Person(string(of)).Screen())
}

func (p platform) Pushes(of bridge.Address) []string { return p.slack.Pushes(string(of)) }

// Remove takes away the message that was posted last.
func (p platform) Remove(bridge.Address) {
	all := p.slack.Calls(methodPost)
	at, err := placeOf(bridge.MessageRef(answerOf(all[len(all)-1], "channel") + "/" + answerOf(all[len(all)-1], "ts")))
	if err != nil {
		p.t.Fatal(err)
	}
	api := slackgo.New(p.slack.BotToken(), slackgo.OptionAPIURL(p.slack.URL()))
	if _, _, err := api.DeleteMessageContext(p.t.Context(), at.channel, at.thread); err != nil {
		p.t.Fatal(err)
	}
}

func (p platform) Limit(after time.Duration) {
	p.slack.Fail(methodPost, 1, slacktest.Fault{Limited: int(after.Seconds())})
}

func (p platform) Refuse() { p.slack.Fail("*", 1, slacktest.Fault{Error: "invalid_auth"}) }
func (p platform) Break()  { p.slack.Fail("*", 1, slacktest.Fault{Status: 503}) }
func (p platform) Lose()   { p.slack.Fail(methodPost, 1, slacktest.Fault{Committed: true, Reset: true}) }

// messagesOn are the messages of a screen.
func messagesOn(screen string) []string { return strings.Split("\n"+screen, "\n@authbridge")[1:] }
