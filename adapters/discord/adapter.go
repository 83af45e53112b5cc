package discord

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// channelName is what Discord is called in requests and ties.
const channelName = "discord"

// How Discord tells the bridge what people do.
const (
	ModeGateway = "gateway" // over a connection that the bridge opens
	ModeHTTP    = "http"    // by signed calls to [Adapter.Handler]
)

// Desk is what the adapter needs of the bridge. [*bridge.Bridge] is one.
type Desk interface {
	chat.Desk

	// UnlinkChat unties a user from the human whom a code has tied them to.
	UnlinkChat(ctx context.Context, channel string, user bridge.Address) (human string, err error)
}

// Options is what an adapter is made of.
type Options struct {
	Desk      Desk
	Token     bridge.Secret // of the application's bot
	PublicKey string        // 64 hexadecimal digits, for ModeHTTP
	Mode      string        // ModeGateway or ModeHTTP
	APIURL    string        // scheme and host, without a slash; "" = DefaultAPIURL
	HTTP      *http.Client  // with a time-out; the gateway goes the way of its transport
	Log       *slog.Logger  // what the operator should know; never a secret
	Version   string        // of the bridge

	// Fallback is the channel in which somebody is told that something waits
	// who takes no direct messages, "" = none; nil = none.
	Fallback func() string
}

// Adapter is the bridge's side of one application in Discord. Its methods are
// safe for concurrent use.
type Adapter struct {
	calls      *caller
	desk       Desk
	log        *slog.Logger
	line       *line
	health     *chat.Sides
	known      known
	ephemerals *ephemerals
	trials     *chat.Trials
	turned     *chat.TurnedAway
	strays     *window // notices for places that are closed to us
	fallback   func() string
}

// What New says of options that cannot work, for errors.Is.
var (
	// ErrToken means that the token is none of a bot.
	ErrToken = errors.New("this is not the token of a bot")
	// ErrPublicKey means that the mode needs a public key, and got none.
	ErrPublicKey = errors.New("mode http needs the application's public key, 64 hexadecimal digits")
	// ErrMode means that the mode is neither gateway nor http.
	ErrMode = errors.New("the mode is gateway or http")
)

// New makes an adapter. It calls nobody.
func New(o Options) (*Adapter, error) {
	if o.APIURL == "" {
		o.APIURL = DefaultAPIURL
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	health := chat.NewSides("Discord")
	a := &Adapter{
		calls: newCaller(o, health), desk: o.Desk, log: o.Log, health: health, known: newKnown(), trials: chat.NewTrials(),
		turned: chat.NewTurnedAway(o.Desk, channelName), strays: &window{most: mostStray, within: refusedWithin}, fallback: o.Fallback,
	}
	if a.fallback == nil {
		a.fallback = func() string { return "" }
	}
	a.line = newLine(wires{
		api: a.calls, token: o.Token, key: o.key(), base: o.APIURL, web: o.HTTP, log: o.Log, health: health,
	}, a.serve)
	a.ephemerals = newEphemerals(a.line)
	return a, nil
}

// key is what Discord's calls are checked with; nil = none come.
func (o Options) key() ed25519.PublicKey {
	key, err := hex.DecodeString(o.PublicKey)
	if err != nil || o.Mode != ModeHTTP {
		return nil
	}
	return key
}

func (o Options) check() error {
	if strings.Count(o.Token.Reveal(), ".") != 2 || strings.ContainsAny(o.Token.Reveal(), " \t\n") {
		return ErrToken
	}
	switch o.Mode {
	case ModeGateway:
	case ModeHTTP:
		if key, err := hex.DecodeString(o.PublicKey); err != nil || len(key) != ed25519.PublicKeySize {
			return ErrPublicKey
		}
	default:
		return fmt.Errorf("%w, not %q", ErrMode, o.Mode)
	}
	return nil
}

// Run keeps the line to Discord until ctx ends, and returns nil then: what
// stops the bridge from working with Discord is told by Health. It is called
// once. When ctx ends it takes nothing more in, gives what is under way two
// seconds, and takes away, within two more, the cards that nobody could after
// it.
func (a *Adapter) Run(ctx context.Context) error {
	var beside sync.WaitGroup
	beside.Go(func() { a.ephemerals.close(ctx) })
	beside.Go(func() { a.registers(ctx) })
	defer beside.Wait()
	a.line.run(ctx)
	a.ephemerals.closeAll(ctx)
	return nil
}

// Handler takes Discord's calls: POST /discord/interactions. In ModeGateway it
// is 404; while Run does not run, 503.
func (a *Adapter) Handler() http.Handler { return a.line.handler() }

// Health says how the adapter is.
func (a *Adapter) Health() chat.Health {
	h := a.health.Now()
	if since := a.line.rivals.since(); !since.IsZero() && h.State == chat.Ready {
		return chat.Health{State: chat.Degraded, Since: since, Why: crowded}
	}
	return h
}

// Connected reports whether what people press reaches the bridge, or did a
// minute ago.
func (a *Adapter) Connected() bool { return a.health.Connected() }

// Disputed reports whether what people press reaches another program, too, which
// answers in our place.
func (a *Adapter) Disputed() bool { return !a.line.rivals.since().IsZero() }
