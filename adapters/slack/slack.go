// Package slack reaches people in Slack: it brings the cards of requests to
// them, and takes what they press to the bridge. It knows the platform and the
// domain, and no other room.
package slack

import (
	"errors"
	"net/http"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/bridge"
)

// DefaultAPIURL is the base of Slack's Web API methods.
const DefaultAPIURL = "https://slack.com/api/"

// Options is what an adapter is made of.
type Options struct {
	BotToken bridge.Secret // xoxb-…
	APIURL   string        // the base of the methods, with its last slash
	HTTP     *http.Client  // with a time-out
}

// Adapter is the bridge's side of one Slack workspace. Its methods are safe
// for concurrent use.
type Adapter struct {
	api *slackgo.Client
}

// ErrTokenKind means that a token is of another kind than its place needs.
var ErrTokenKind = errors.New("not a bot token; it begins with xoxb-")

// New makes an adapter. It calls nobody.
func New(o Options) (*Adapter, error) {
	if !strings.HasPrefix(o.BotToken.Reveal(), "xoxb-") {
		return nil, ErrTokenKind
	}
	return &Adapter{api: slackgo.New(o.BotToken.Reveal(), slackgo.OptionAPIURL(o.APIURL), slackgo.OptionHTTPClient(o.HTTP))}, nil
}
