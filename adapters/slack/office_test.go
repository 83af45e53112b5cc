package slack

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat/chattest"
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
)

// office is an adapter in a stand-in for Slack, with a desk that does what the
// test tells it to.
type office struct {
	t       *testing.T
	slack   *slacktest.Slack
	adapter *Adapter
	desk    *chattest.Desk
}

func newDesk() *chattest.Desk {
	return chattest.NewDesk(channelName, map[bridge.Address]string{alice: "alice", bob: "bob", carol: "carol", dave: "dave", eve: "eve"})
}

func newOffice(t *testing.T) *office { return officeOf(t, slacktest.Office()) }

func officeOf(t *testing.T, w slacktest.World) *office {
	t.Helper()
	o := &office{t: t, slack: slacktest.Start(t, w), desk: newDesk()}
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

// press has somebody press a button that they see.
func (o *office) press(who, label string) {
	o.t.Helper()
	in, err := parseInteraction(o.slack.Person(who).Pressing(label))
	if err != nil {
		o.t.Fatal(err)
	}
	if said := o.adapter.serve(o.t.Context(), in); said.Body != nil || said.Late != nil {
		o.t.Errorf("the press of %q is answered in its acknowledgement", label)
	}
}

// submit has somebody send the modal that they have open. It returns what is
// wrong with what they typed; "" = nothing, and the modal is closed.
func (o *office) submit(who, typed string) string {
	o.t.Helper()
	in, err := parseInteraction(o.slack.Person(who).Submitting(typed))
	if err != nil {
		o.t.Fatal(err)
	}
	said := o.adapter.serve(o.t.Context(), in)
	if said.Body == nil {
		o.slack.Person(who).CloseModal()
		return ""
	}
	body, ok := said.Body.(*slackgo.ViewSubmissionResponse)
	if !ok || body.ResponseAction != slackgo.RAErrors || len(body.Errors) != 1 {
		o.t.Fatalf("what was sent is answered by %#v", said.Body)
	}
	return body.Errors[digitsBlock]
}

// types has somebody type a command. It returns what they are answered.
func (o *office) types(who, line string) string {
	o.t.Helper()
	in, err := parseCommandForm(o.slack.Person(who).Commanding(deploys, line))
	if err != nil {
		o.t.Fatal(err)
	}
	body, err := json.Marshal(o.adapter.serve(o.t.Context(), in).Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return string(body)
}

// opensHome has somebody look at the Home tab.
func (o *office) opensHome(who string) {
	o.t.Helper()
	in, err := parseEvent(o.slack.Person(who).OpeningHome())
	if err != nil {
		o.t.Fatal(err)
	}
	o.adapter.serve(o.t.Context(), in)
}
