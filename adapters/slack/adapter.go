// Package slack reaches people in Slack: it brings the cards of requests to
// them, and takes what they press to the bridge. It knows the platform and the
// domain, and no other room.
package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// DefaultAPIURL is the base of Slack's Web API methods.
const DefaultAPIURL = "https://slack.com/api/"

// How Slack tells the bridge what people do.
const (
	ModeSocket = "socket" // over connections that the bridge opens
	ModeHTTP   = "http"   // by signed calls to [Adapter.Handler]
)

// Options is what an adapter is made of.
type Options struct {
	Desk          Desk
	BotToken      bridge.Secret // xoxb-…
	AppToken      bridge.Secret // xapp-…, for ModeSocket
	SigningSecret bridge.Secret // for ModeHTTP
	Mode          string        // ModeSocket or ModeHTTP
	APIURL        string        // the base of the methods, with its last slash; "" = DefaultAPIURL
	HTTP          *http.Client  // with a time-out; sockets go the way of its transport
	Log           *slog.Logger  // what the operator should know; never a secret

	// AllowShared reports whether cards may go into a channel that is shared
	// with another organisation; nil = into none.
	AllowShared func(channel string) bool
	// AllowGuests reports whether guests of the workspace may be asked and act;
	// nil = no.
	AllowGuests func() bool
}

// Adapter is the bridge's side of one Slack workspace. Its methods are safe
// for concurrent use.
type Adapter struct {
	api    *slackgo.Client
	desk   Desk
	log    *slog.Logger
	line   *line
	health *chat.Sides
	known  known
	homes  *homes
	trials *chat.Trials
	turned *chat.TurnedAway
	web    *http.Client
	base   string // scheme and host of Slack's methods

	refusing    atomic.Pointer[string] // the method whose call Slack refused for our sake
	allowShared func(channel string) bool
	allowGuests func() bool
}

// What New says of options that cannot work, for errors.Is.
var (
	// ErrTokenKind means that a token is of another kind than its place needs.
	ErrTokenKind = errors.New("a token of another kind belongs here")
	// ErrNoSecret means that the mode needs a secret that was not given.
	ErrNoSecret = errors.New("the mode needs a secret that is missing")
	// ErrMode means that the mode is neither socket nor http.
	ErrMode = errors.New("the mode is socket or http")
)

// New makes an adapter. It calls nobody.
func New(o Options) (*Adapter, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.APIURL == "" {
		o.APIURL = DefaultAPIURL
	}
	a := &Adapter{
		api: slackgo.New(o.BotToken.Reveal(), slackgo.OptionAppLevelToken(o.AppToken.Reveal()),
			slackgo.OptionAPIURL(o.APIURL), slackgo.OptionHTTPClient(o.HTTP)),
		desk: o.Desk, log: o.Log, health: chat.NewSides("Slack"), known: newKnown(), homes: newHomes(), trials: chat.NewTrials(),
		turned: chat.NewTurnedAway(o.Desk, channelName),
		web:    o.HTTP, base: originOf(o.APIURL), allowShared: o.AllowShared, allowGuests: o.AllowGuests,
	}
	if a.allowShared == nil {
		a.allowShared = func(string) bool { return false }
	}
	if a.allowGuests == nil {
		a.allowGuests = func() bool { return false }
	}
	a.line = newLine(o, a.api, a.health, a.serve)
	return a, nil
}

func (o Options) check() error {
	if !strings.HasPrefix(o.BotToken.Reveal(), "xoxb-") {
		return fmt.Errorf("bot token: %w: it begins with xoxb-", ErrTokenKind)
	}
	switch o.Mode {
	case ModeSocket:
		if !strings.HasPrefix(o.AppToken.Reveal(), "xapp-") {
			return fmt.Errorf("app token: %w: it begins with xapp-", ErrTokenKind)
		}
	case ModeHTTP:
		if o.SigningSecret.IsZero() {
			return fmt.Errorf("signing secret: %w", ErrNoSecret)
		}
	default:
		return fmt.Errorf("%w, not %q", ErrMode, o.Mode)
	}
	return nil
}

// Run keeps the line to Slack until ctx ends, and returns nil then: what stops
// the bridge from working with Slack is told by Health. It is called once.
// When ctx ends it takes nothing more in, and gives what is under way two
// seconds.
func (a *Adapter) Run(ctx context.Context) error {
	a.homes.begin(ctx)
	defer a.homes.end()
	return a.line.run(ctx)
}

// originOf is the scheme and host of an address; "" = it has none.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Handler takes Slack's calls: POST /slack/interactions, /slack/commands and
// /slack/events. In ModeSocket everything is 404; while Run does not run, 503.
func (a *Adapter) Handler() http.Handler { return a.line.handler() }

// Health says how the adapter is.
func (a *Adapter) Health() chat.Health { return a.health.Now() }

// Connected reports whether what people press reaches the bridge, or did a
// minute ago.
func (a *Adapter) Connected() bool { return a.health.Connected() }
