// Package mcpauth gives an MCP client of the official Go SDK its tokens from a
// bridge: one line makes it ask a human when a server wants a token.
//
//	transport := &mcp.StreamableClientTransport{
//		Endpoint:     "https://files.mcp.example.com/mcp",
//		OAuthHandler: mcpauth.New(c, api.Ask{}, mcpauth.Options{}),
//	}
package mcpauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"golang.org/x/oauth2"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
)

// Options are what a handler can be told besides the ask. The zero value is
// fine.
type Options struct {
	// Wait is how long one call to the server waits for the human; 0 = ten
	// minutes, or as long as the call's context lasts. The request lives on.
	Wait time.Duration

	// Each is called with the request when a human is asked, and whenever it
	// has changed: who is asked where, and with which check phrase.
	Each func(api.Request)
}

// What a server refuses is asked for again, but not as often as it refuses.
const (
	usualWait = 10 * time.Minute
	calm      = 10 * time.Minute // within this a human answers for one refused token, and says no once
	echo      = 10 * time.Second // how long an ask that failed otherwise answers for others
	spare     = 10 * time.Second // how long a token must still be good for
)

var (
	// ErrRefused means that the server refuses what a human has just granted.
	// Nobody is asked again for a while.
	ErrRefused = errors.New("the server refuses the token that was granted for it")

	// ErrNoScope means that the server refuses what no other token would get:
	// it names no scope that has not been asked for.
	ErrNoScope = errors.New("the server refuses, and names no scope that was not asked for")

	errPlain = errors.New("the server is called over http, where a token could be read on the way (RFC 6750, section 5.3); nobody was asked: use https")
)

// Handler is an [auth.OAuthHandler]. It is for one server: its tokens go to
// whatever the transport calls. All methods are safe for concurrent use; of
// many calls that want a token, one asks.
type Handler struct {
	client *client.Client
	ask    api.Ask
	o      Options

	turn   chan struct{} // held by who asks, and so reads and writes these
	met    api.Challenge // the challenge that is being answered
	asking *client.Asking
	scopes []string  // to ask for: the ask's, and what the server wanted besides
	asked  time.Time // a human last answered for a refused token
	shut   time.Time // nobody is asked before then
	last   failure

	mu   sync.Mutex
	held held
}

// held is the token in use; the zero value is none.
type held struct {
	token api.Token
	given bool // by a human, for this very ask
}

// failure is an ask that ended without a token. Calls that waited meanwhile
// share it, and those that come right after: they would ask the same human for
// the same. A client of the SDK that is refused tries another call at once.
// Where a human has said no, a server is not to have them asked again by naming
// another scope each time.
type failure struct {
	at  time.Time
	err error
}

// echoes is how long it answers for others.
func (f failure) echoes() time.Duration {
	p, ok := errors.AsType[*client.Problem](f.err)
	if ok && p.Code == api.ProblemGone && p.Request != nil && p.Request.State == api.Denied {
		return calm
	}
	return echo
}

var _ auth.OAuthHandler = (*Handler)(nil)

// New returns a handler that asks the bridge for this: as it is, and with the
// scopes that the server wants besides. An ask that names neither a provider nor
// a resource is for the server itself, by the URL that is called: the bridge
// finds out who gives tokens for it. Nobody is asked before the server refuses a
// call.
func New(c *client.Client, ask api.Ask, o Options) *Handler {
	if o.Wait <= 0 {
		o.Wait = usualWait
	}
	return &Handler{client: c, ask: ask, o: o, turn: make(chan struct{}, 1), asking: new(client.Asking), scopes: slices.Clone(ask.Scopes)}
}

// TokenSource returns the token at hand, and nil when there is none that is
// still good: the server then refuses the call, and Authorize finds one. It
// never waits.
func (h *Handler) TokenSource(context.Context) (oauth2.TokenSource, error) {
	if token := h.current(); token.AccessToken != "" {
		return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token.AccessToken, TokenType: token.TokenType}), nil
	}
	return nil, nil //nolint:nilnil // what the SDK takes for "no token"
}

// Authorize finds a token for a call that was refused: from what a human has
// given the agent, else by asking. Of the server's challenge (RFC 6750,
// section 3) only error and scope are read. It returns nil when the call is to
// be made again. When ctx ends first, the request lives on, and the next call
// goes on waiting for it. A server that is called over http gets no token,
// unless it is on this machine. No error holds a token.
func (h *Handler) Authorize(ctx context.Context, req *http.Request, resp *http.Response) error {
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection serves the next call
	if !isSafe(req.URL) {
		return errPlain
	}
	c, err := challengeOf(resp)
	if err != nil {
		return err
	}
	refused, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	waiting, cancel := context.WithTimeout(ctx, h.o.Wait)
	defer cancel()
	since := time.Now()
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-waiting.Done():
		return fmt.Errorf("ask the bridge for a token: %w", context.Cause(waiting))
	}
	h.meet(req.URL, resp)
	token := h.current()
	another := token.AccessToken != "" && token.AccessToken != refused
	switch {
	case another && (!c.stepUp || contains(union(h.scopes, token.Scopes), c.scopes)):
		return nil // another call has found it meanwhile
	case h.last.at.Add(h.last.echoes()).After(since):
		return h.last.err
	case time.Now().Before(h.shut):
		return h.enough()
	case c.stepUp:
		return h.widen(waiting, c.scopes)
	}
	return h.replace(waiting, refused, c.scopes)
}

// meet notes who refuses, and how.
func (h *Handler) meet(at *url.URL, resp *http.Response) {
	if h.ask.Provider != "" {
		return
	}
	if h.ask.Resource == "" {
		h.ask.Resource = (&url.URL{Scheme: at.Scheme, Host: at.Host, Path: at.Path, RawPath: at.RawPath}).String()
	}
	h.met = ""
	if said := strings.Join(resp.Header.Values("WWW-Authenticate"), ", "); len(said) <= maxChallenge {
		h.met = api.Challenge(said)
	}
}

// isSafe reports whether a token may be sent there: encrypted, or without
// leaving this machine.
func isSafe(at *url.URL) bool {
	addr, err := netip.ParseAddr(at.Hostname())
	return at.Scheme == "https" || at.Hostname() == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// widen asks for the scopes that a server wants besides (a step-up).
func (h *Handler) widen(ctx context.Context, wanted []string) error {
	had := union(h.scopes, h.current().Scopes)
	if contains(had, wanted) {
		return fmt.Errorf("%w: %s", ErrNoScope, strings.Join(wanted, " "))
	}
	return h.obtain(ctx, h.wanting(wanted), h.ask.Fresh)
}

// replace finds a token in place of one that the server does not take, or of
// none.
func (h *Handler) replace(ctx context.Context, refused string, wanted []string) error {
	given, scopes := h.drop(refused), h.wanting(wanted)
	if given && time.Since(h.asked) < calm {
		return h.enough()
	}
	if err := h.obtain(ctx, scopes, h.ask.Fresh); err != nil {
		return err
	}
	h.note(refused)
	if refused == "" || h.current().AccessToken != refused {
		return nil
	}
	// The bridge does not know that it is worth nothing: only a human can give
	// another.
	h.drop(refused)
	if time.Since(h.asked) < calm {
		return h.enough()
	}
	if err := h.obtain(ctx, scopes, true); err != nil {
		return err
	}
	h.note(refused)
	return nil
}

// wanting are the scopes to ask for where the server wants some: those, and what
// was asked for before; the bridge adds what was granted. For a resource, unless
// the ask names scopes, the bridge reads the challenge itself, and cuts it to
// what may be asked.
func (h *Handler) wanting(wanted []string) []string {
	if h.ask.Provider == "" && len(h.ask.Scopes) == 0 {
		return nil
	}
	return union(h.scopes, wanted)
}

// note keeps in mind that a human has answered on account of a refused token.
func (h *Handler) note(refused string) {
	if refused != "" && h.given() {
		h.asked = time.Now()
	}
}

// enough is the end of asking for a while.
func (h *Handler) enough() error {
	h.shut = h.asked.Add(calm)
	return fmt.Errorf("%w; nobody is asked again before %s", ErrRefused, h.shut.Local().Format("15:04"))
}

// obtain asks, waits and keeps the token.
func (h *Handler) obtain(ctx context.Context, scopes []string, fresh bool) error {
	a := h.asking
	_, resumed := a.Open()
	if !slices.Equal(a.Ask.Scopes, scopes) || !resumed && (a.Ask.Fresh != fresh || a.Ask.Challenge != h.met) {
		ask := h.ask
		ask.Scopes, ask.Fresh, ask.Challenge = scopes, fresh, h.met
		a, resumed = &client.Asking{Client: h.client, Ask: ask}, false
		h.asking = a
	}
	given := resumed
	a.Each = func(r api.Request) {
		given = true
		if h.o.Each != nil {
			h.o.Each(r)
		}
	}
	token, err := a.Token(ctx)
	if err != nil {
		return h.failed(ctx, err)
	}
	if token.TokenType != "" && !strings.EqualFold(token.TokenType, "Bearer") {
		return fmt.Errorf("the token is of type %q, and an MCP server takes bearer tokens", token.TokenType)
	}
	h.scopes = scopes
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = held{token, given}
	return nil
}

// failed explains an ask that brought no token.
func (h *Handler) failed(ctx context.Context, err error) error {
	err = fmt.Errorf("ask the bridge for a token: %w", err)
	if ctx.Err() == nil {
		h.last = failure{time.Now(), err}
	}
	return err
}

// current is the token in use, if it is still good.
func (h *Handler) current() api.Token {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.held.token; t.ExpiresAt == nil || time.Until(*t.ExpiresAt) > spare {
		return t
	}
	return api.Token{}
}

// given reports whether a human gave the token in use for this.
func (h *Handler) given() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.held.given
}

// drop forgets a token that was refused, and reports whether a human gave it
// for this.
func (h *Handler) drop(refused string) (given bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if refused == "" || h.held.token.AccessToken != refused {
		return false
	}
	given = h.held.given
	h.held = held{}
	return given
}
