// Package tokensource makes a bridge the source of tokens of any program that
// takes an [oauth2.TokenSource]. It refreshes by asking the bridge again, which
// answers from what the human has given for as long as that holds.
//
//	src := tokensource.New(ctx, c, api.Ask{Provider: "github", Scopes: []string{"repo"}}, tokensource.Options{})
//	calls := oauth2.NewClient(ctx, src)
package tokensource

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
)

// Options are what a source can be told besides the ask. The zero value is
// fine.
type Options struct {
	// Wait is how long one call of Token waits for the human; 0 = ten minutes.
	// After that the request lives on, and the next call goes on waiting.
	Wait time.Duration

	// Each is called with the request when a human is asked, and whenever it
	// has changed: who is asked where, and with which check phrase.
	Each func(api.Request)
}

const (
	usualWait = 10 * time.Minute
	spare     = time.Minute // how long before its end a token is replaced
	unknown   = time.Minute // how long one is used whose end nobody knows
)

// Source is an [oauth2.TokenSource]. All methods are safe for concurrent use;
// of many that want a token, one asks.
type Source struct {
	ctx  context.Context //nolint:containedctx // Token of oauth2 has none
	wait time.Duration

	turn   chan struct{} // held by who reads and writes the rest
	asking client.Asking
	token  api.Token
	until  time.Time // the token is handed out before then
	no     error     // how the last ask ended without one
	noAt   time.Time
}

var _ oauth2.TokenSource = (*Source)(nil)

// New returns a source. Nobody is asked before its first use. ctx ends all
// that it waits for.
func New(ctx context.Context, c *client.Client, ask api.Ask, o Options) *Source {
	if o.Wait <= 0 {
		o.Wait = usualWait
	}
	return &Source{
		ctx: ctx, wait: o.Wait, turn: make(chan struct{}, 1),
		asking: client.Asking{Client: c, Ask: ask, Each: o.Each},
	}
}

// Token returns a token that is good for a while: the one at hand, or else the
// bridge's, for which a human may have to be asked. While no bridge answers,
// the one at hand is used to its very end. What went wrong is in the error,
// never the token.
func (s *Source) Token() (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.wait)
	defer cancel()
	since := time.Now()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, s.failed(context.Cause(ctx))
	}
	if time.Now().Before(s.until) {
		return oauthOf(s.token), nil
	}
	if s.noAt.After(since) {
		return nil, s.no // whoever waited meanwhile would ask the same human for the same
	}
	token, err := s.asking.Token(ctx)
	if err != nil && errors.Is(err, client.ErrNoBridge) && s.lives() {
		return oauthOf(s.token), nil
	}
	if err != nil {
		err = s.failed(err)
		if ctx.Err() == nil {
			s.no, s.noAt = err, time.Now()
		}
		return nil, err
	}
	s.token, s.until = token, usable(token, time.Now())
	return oauthOf(token), nil
}

// lives reports whether the token at hand, which is to be replaced, is known
// to be good still.
func (s *Source) lives() bool {
	return s.token.ExpiresAt != nil && time.Now().Before(*s.token.ExpiresAt)
}

// usable is until when a token is handed out again: one that lives shortly is
// used for half of what it has left.
func usable(t api.Token, now time.Time) time.Time {
	if t.ExpiresAt == nil {
		return now.Add(unknown)
	}
	left := t.ExpiresAt.Sub(now)
	return t.ExpiresAt.Add(-min(spare, left/2))
}

func (s *Source) failed(err error) error {
	return fmt.Errorf("token of %s: %w", s.asking.Ask.Provider, err)
}

func oauthOf(t api.Token) *oauth2.Token {
	plain := &oauth2.Token{AccessToken: t.AccessToken, TokenType: t.TokenType}
	if t.ExpiresAt != nil {
		plain.Expiry = *t.ExpiresAt
	}
	return plain.WithExtra(map[string]any{"scope": strings.Join(t.Scopes, " ")})
}
