package slack

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

// People, groups and channels of the stand-in's office.
const (
	alice   = "U0ALICE"
	bob     = "U0BOB"
	carol   = "U0CAROL"
	dave    = "U0DAVE" // a guest
	eve     = "U0EVE"  // of another workspace
	oncall  = "S0ONCALL"
	deploys = "C0DEPLOYS"
	random  = "C0RANDOM"
)

// office is an adapter in a stand-in for Slack, with a desk that does what the
// test tells it to.
type office struct {
	t       *testing.T
	slack   *slacktest.Slack
	adapter *Adapter
	desk    *scripted
}

func newOffice(t *testing.T) *office { return officeOf(t, slacktest.Office()) }

func officeOf(t *testing.T, w slacktest.World) *office {
	t.Helper()
	o := &office{t: t, slack: slacktest.Start(t, w), desk: newScripted()}
	web := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	t.Cleanup(web.CloseIdleConnections)
	a, err := New(Options{
		Desk: o.desk, Mode: ModeSocket, APIURL: o.slack.URL(), HTTP: web, Log: slog.New(slog.DiscardHandler),
		BotToken: bridge.NewSecret(o.slack.BotToken()), AppToken: bridge.NewSecret(o.slack.AppToken()),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.adapter = a
	return o
}

// answerOf is a string in the answer to a call.
func answerOf(e slacktest.Exchange, field string) string {
	var fields map[string]any
	_ = json.Unmarshal([]byte(e.Answer), &fields) // no answer has no fields
	text, _ := fields[field].(string)
	return text
}
