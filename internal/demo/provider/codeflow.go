package provider

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The authorization code flow (RFC 6749, section 4.1), for clients with
// redirect URIs. It is for signing people in: there is no page of consent, and
// PKCE with S256 (RFC 7636) is demanded.

// The addresses of the flow. The page is among those that have the cookie.
const (
	pathAuthorization = "/authorize"
	pathGoOn          = "/authorize/callback"
	pathAuthorize     = "/device/authorize"
)

// signInLifetime is how long a sign-in may take, to the fetching of its tokens.
const signInLifetime = 10 * time.Minute

// signIn is a client's wish to have somebody signed in. What package op sees
// of it is a copy.
type signIn struct {
	id      string
	asked   oidc.AuthRequest
	subject string // "" = nobody yet
	at      time.Time
	code    string
	expires time.Time
}

var _ op.AuthRequest = signIn{}

func (s signIn) GetID() string          { return s.id }
func (s signIn) GetACR() string         { return "" }
func (s signIn) GetAMR() []string       { return []string{"pwd"} }
func (s signIn) GetAudience() []string  { return []string{s.asked.ClientID} }
func (s signIn) GetAuthTime() time.Time { return s.at }
func (s signIn) GetClientID() string    { return s.asked.ClientID }
func (s signIn) GetNonce() string       { return s.asked.Nonce }
func (s signIn) GetRedirectURI() string { return s.asked.RedirectURI }
func (s signIn) GetScopes() []string    { return slices.Clone(s.asked.Scopes) }
func (s signIn) GetState() string       { return s.asked.State }
func (s signIn) GetSubject() string     { return s.subject }
func (s signIn) Done() bool             { return s.subject != "" }
func (s signIn) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: s.asked.CodeChallenge, Method: s.asked.CodeChallengeMethod}
}
func (s signIn) GetResponseType() oidc.ResponseType { return s.asked.ResponseType }
func (s signIn) GetResponseMode() oidc.ResponseMode { return s.asked.ResponseMode }

// signIns holds those that are under way. A code is good once: whoever asks
// for it first takes all of the sign-in away.
type signIns struct {
	mu  sync.Mutex
	all map[string]*signIn
}

func (s *signIns) begin(asked oidc.AuthRequest) signIn {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for id, old := range s.all {
		if !now.Before(old.expires) {
			delete(s.all, id)
		}
	}
	one := &signIn{id: rand.Text(), asked: asked, expires: now.Add(signInLifetime)}
	s.all[one.id] = one
	return *one
}

// change returns a sign-in after a change, if it is still under way.
func (s *signIns) change(id string, change func(*signIn)) (signIn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.all[id]
	if !ok || !time.Now().Before(one.expires) {
		return signIn{}, false
	}
	change(one)
	return *one, true
}

func (s *signIns) takeByCode(code string) (signIn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, one := range s.all {
		if code != "" && one.code == code {
			delete(s.all, id)
			return *one, time.Now().Before(one.expires)
		}
	}
	return signIn{}, false
}

func (s *storage) CreateAuthRequest(_ context.Context, asked *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if asked.CodeChallenge == "" || asked.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("a code_challenge with S256 is wanted")
	}
	return s.signIns.begin(*asked), nil
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	one, ok := s.signIns.change(id, func(*signIn) {})
	if !ok {
		return nil, oidc.ErrInvalidRequest().WithDescription("no such sign-in is under way")
	}
	return one, nil
}

func (s *storage) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	one, ok := s.signIns.takeByCode(code)
	if !ok {
		return nil, oidc.ErrInvalidGrant().WithDescription("no such code")
	}
	return one, nil
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.signIns.change(id, func(one *signIn) { one.code = code })
	return nil
}

// DeleteAuthRequest has nothing left to do: the code took it away.
func (s *storage) DeleteAuthRequest(context.Context, string) error { return nil }

// authorize shows the page on which somebody signs in for a client.
func (b *browser) authorize(w http.ResponseWriter, r *http.Request) {
	one, ok := b.storage.signIns.change(r.URL.Query().Get("id"), func(*signIn) {})
	if !ok {
		b.pages.message(w, http.StatusForbidden, messageLost)
		return
	}
	b.showAuthorize(w, http.StatusOK, flow{step: authorizing, browser: b.identify(w, r), request: one}, page{})
}

// authorized takes the account, and lets the person go on. That is a link and
// no redirect: a form of ours leads to nobody else.
func (b *browser) authorized(w http.ResponseWriter, r *http.Request, f flow) {
	login := r.PostFormValue("account")
	account, ok := b.storage.accountByLogin(login)
	if !ok {
		b.showAuthorize(w, http.StatusUnprocessableEntity, f, page{Login: login, Fault: "There is no such account here."})
		return
	}
	one, ok := b.storage.signIns.change(f.request.id, func(one *signIn) { one.subject, one.at = account.Subject, time.Now() })
	if !ok {
		b.pages.message(w, http.StatusForbidden, messageLost)
		return
	}
	b.watch.see(Entry{Kind: KindSignIn, Client: one.GetClientID(), Subject: account.Subject})
	b.pages.render(w, http.StatusOK, "go-on", page{
		Client: b.storage.clients[one.GetClientID()].client.Name, Account: account, GoOn: pathGoOn + "?id=" + one.id,
	})
}

func (b *browser) showAuthorize(w http.ResponseWriter, status int, f flow, p page) {
	p.Flow = b.flows.keep(f)
	p.Client = b.storage.clients[f.request.GetClientID()].client.Name
	b.pages.render(w, status, "authorize", p)
}
