package oauthtest

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Origin is where an issuer lives that was not started on a socket.
const Origin = "https://login.issuer.test"

// Settings shape an issuer. The zero value is a public client called
// "client" at an issuer without a path.
type Settings struct {
	Path         string // of the issuer, such as "/t1"
	ClientID     string // default "client"
	ClientSecret string
	AuthMethod   string             // as registered; default none without a secret, else client_secret_basic
	ClientKeys   jose.JSONWebKeySet // with private_key_jwt

	Lifetime      time.Duration // of a device code, default 10 min
	Interval      time.Duration // between polls, default 5 s
	TokenLifetime time.Duration // default 1 h
	Algorithm     string        // of id_tokens: ES256 (default) or RS256
	NameInterval  bool          // a slow_down names the new interval, as GitHub's does

	RefreshLifetime time.Duration // of each refresh token, default 24 h
	Rotation        Rotation      // what a refresh does with the refresh token
	Grace           time.Duration // how long a rotated refresh token is honoured again
	GraceRepeats    bool          // it then brings the same tokens again, and not new ones
	OneAccessToken  bool          // a refresh ends the access tokens from before, as GitHub's and GitLab's does

	Callback   string // where sign-ins come back to; "" = there are none
	TellIssuer bool   // and say whose answer it is (RFC 9207)

	PKCE           bool                             // a device request without a challenge is refused, and a poll without its verifier
	Registration   bool                             // clients may register themselves
	SecretLifetime time.Duration                    // of the secrets that they get; 0 = for ever
	Documents      func(url string) ([]byte, error) // reads clients' own documents; nil = they are not taken
	Methods        []string                         // how clients may prove themselves; nil = as AuthMethod says

	// DetailTypes are the types of authorization details (RFC 9396) that it
	// lists and takes; nil = it lists none and takes all. Decide, if not nil,
	// says what is granted for what was asked, "" each for none; else that is
	// the same. A nil answer says nothing of them.
	DetailTypes []string
	Decide      func(asked string) (granted any)

	// WellKnown lists the paths that serve the metadata; nil = every one
	// that RFC 8414 and OpenID Connect know for this issuer.
	WellKnown []string
}

// Endpoint names a part of the issuer.
type Endpoint string

// The endpoints.
const (
	Metadata   Endpoint = "metadata"
	Device     Endpoint = "device_authorization"
	Token      Endpoint = "token"
	Userinfo   Endpoint = "userinfo"
	Revocation Endpoint = "revocation"
	Keys       Endpoint = "keys"
	Register   Endpoint = "registration"

	// Refresh is the token endpoint again, when a refresh token is
	// presented there: neither the calls nor the faults of Token are its.
	Refresh Endpoint = "refresh"
)

// Call is one request as the issuer saw it.
type Call struct {
	At       time.Time
	Endpoint Endpoint // "" = none of ours
	Method   string
	Path     string
	Header   http.Header
	Form     url.Values
}

// Account is a human who has an account at the issuer.
type Account struct {
	Subject       string
	Email         string // in the id_token and in userinfo, if the scope has email
	EmailVerified bool
	Name          string
}

// Issuer is the fake. It is safe for concurrent use.
type Issuer struct {
	settings Settings

	mu       sync.Mutex // guards what follows
	origin   string
	journal  []Call
	codes    map[string]*code   // by device code
	tokens   map[string]*token  // by text
	families []*family          // oldest first
	signIns  map[string]*signIn // by code
	clients  map[string]*registered
	proofs   map[string]bool // the ids of those that were used
	nonce    string          // for the id_token that is being made
	impostor *Account
	queued   map[Endpoint][]Fault
	always   map[Endpoint]Fault
	claims   func(map[string]any)
	keys     keyRing
	watch    func(Step)
}

// New makes an issuer.
func New(s Settings) *Issuer {
	if s.ClientID == "" {
		s.ClientID = "client"
	}
	if s.AuthMethod == "" {
		s.AuthMethod = "none"
		if s.ClientSecret != "" {
			s.AuthMethod = "client_secret_basic"
		}
	}
	s.Lifetime = orElse(s.Lifetime, 10*time.Minute)
	s.Interval = orElse(s.Interval, 5*time.Second)
	s.TokenLifetime = orElse(s.TokenLifetime, time.Hour)
	s.RefreshLifetime = orElse(s.RefreshLifetime, 24*time.Hour)
	return &Issuer{
		settings: s,
		origin:   Origin,
		codes:    map[string]*code{},
		tokens:   map[string]*token{},
		signIns:  map[string]*signIn{},
		proofs:   map[string]bool{},
		clients: map[string]*registered{
			s.ClientID: {ClientMetadata: ClientMetadata{ID: s.ClientID, Secret: s.ClientSecret, Method: s.AuthMethod, Keys: s.ClientKeys}},
		},
		queued: map[Endpoint][]Fault{},
		always: map[Endpoint]Fault{},
		keys:   newKeyRing(s.Algorithm),
	}
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// Start makes the issuer listen on a free port of 127.0.0.1 until the test
// ends, and returns its URL, which is plain http. Start it before its first
// use: the URL changes. Shape, if given, sets up the server before it starts.
func (i *Issuer) Start(tb testing.TB, shape ...func(*http.Server)) string {
	tb.Helper()
	server := httptest.NewUnstartedServer(i)
	for _, set := range shape {
		set(server.Config)
	}
	server.Start()
	tb.Cleanup(server.Close)
	i.mu.Lock()
	i.origin = server.URL
	i.mu.Unlock()
	return i.URL()
}

// URL is the issuer identifier.
func (i *Issuer) URL() string { return i.base() + i.settings.Path }

// EndpointURL is where an endpoint is.
func (i *Issuer) EndpointURL(e Endpoint) string {
	if e == Refresh {
		e = Token
	}
	return i.base() + "/" + string(e)
}

func (i *Issuer) base() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.origin
}

// Journal returns the requests so far, oldest first.
func (i *Issuer) Journal() []Call {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.journal)
}

// Calls returns the requests to one endpoint so far, oldest first.
func (i *Issuer) Calls(e Endpoint) []Call {
	return slices.DeleteFunc(i.Journal(), func(c Call) bool { return c.Endpoint != e })
}

// ServeHTTP implements [http.Handler].
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := keepBody(r)
	_ = r.ParseForm() // a form that cannot be read is as good as none
	e := i.endpoint(r)
	call := i.note(e, r)
	i.tell(Step{Stage: Arrived, Call: call})
	fault, faulty := i.nextFault(e)
	if faulty && fault.instead() {
		fault.play(w, r)
		return
	}
	answer := i.serve(e, r, body)
	if faulty {
		answer = fault.bend(answer)
	}
	i.tell(Step{Decided, call, answer.status, answer.members})
	answer.write(w, r)
	i.tell(Step{Sent, call, answer.status, answer.members})
}

// keepBody reads a body that is no form, of at most 64 KiB.
func keepBody(r *http.Request) []byte {
	if r.Header.Get("Content-Type") != "application/json" {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	return body
}

func (i *Issuer) serve(e Endpoint, r *http.Request, body []byte) answer {
	switch e {
	case Register:
		return i.serveRegistration(r, body)
	case Metadata:
		return i.serveMetadata()
	case Device:
		return i.serveDevice(r)
	case Token:
		return i.serveToken(r)
	case Refresh:
		return i.serveRefresh(r)
	case Userinfo:
		return i.serveUserinfo(r)
	case Revocation:
		return i.serveRevocation(r)
	case Keys:
		return i.serveKeys()
	}
	return answer{status: http.StatusNotFound, page: "<!doctype html><title>Not here</title>"}
}

func (i *Issuer) endpoint(r *http.Request) Endpoint {
	path := r.URL.Path
	if slices.Contains(i.wellKnown(), path) {
		return Metadata
	}
	for _, e := range []Endpoint{Device, Token, Userinfo, Revocation, Keys, Register} {
		if path != "/"+string(e) || e == Register && !i.settings.Registration {
			continue
		}
		if e == Token && r.PostForm.Get("grant_type") == "refresh_token" {
			return Refresh
		}
		return e
	}
	return ""
}

func (i *Issuer) wellKnown() []string {
	if i.settings.WellKnown != nil {
		return i.settings.WellKnown
	}
	path := i.settings.Path
	return []string{
		"/.well-known/oauth-authorization-server" + path,
		"/.well-known/openid-configuration" + path,
		path + "/.well-known/openid-configuration",
	}
}

// note writes a request down.
func (i *Issuer) note(e Endpoint, r *http.Request) Call {
	call := Call{
		At: time.Now(), Endpoint: e, Method: r.Method, Path: r.URL.Path,
		Header: r.Header.Clone(), Form: maps.Clone(r.PostForm),
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.journal = append(i.journal, call)
	return call
}

func (i *Issuer) serveMetadata() answer {
	members := map[string]any{
		"issuer":                                i.URL(),
		"device_authorization_endpoint":         i.EndpointURL(Device),
		"token_endpoint":                        i.EndpointURL(Token),
		"userinfo_endpoint":                     i.EndpointURL(Userinfo),
		"revocation_endpoint":                   i.EndpointURL(Revocation),
		"jwks_uri":                              i.EndpointURL(Keys),
		"grant_types_supported":                 []string{deviceGrant, "refresh_token"},
		"response_types_supported":              []string{},
		"token_endpoint_auth_methods_supported": i.methods(),
		"id_token_signing_alg_values_supported": []string{i.keys.algorithm()},
		"scopes_supported":                      []string{"openid", "email", "offline_access"},
	}
	if i.settings.DetailTypes != nil {
		members["authorization_details_types_supported"] = i.settings.DetailTypes
	}
	if i.settings.Registration {
		members["registration_endpoint"] = i.EndpointURL(Register)
	}
	if i.settings.Documents != nil {
		members["client_id_metadata_document_supported"] = true
	}
	if i.settings.Callback != "" {
		members["authorization_endpoint"] = i.base() + "/authorize"
		members["response_types_supported"] = []string{"code"}
		members["grant_types_supported"] = []string{deviceGrant, "refresh_token", "authorization_code"}
		members["code_challenge_methods_supported"] = []string{"S256"}
		members["authorization_response_iss_parameter_supported"] = i.settings.TellIssuer
	}
	return answer{status: http.StatusOK, members: members}
}

// answer is what an endpoint says: members, or a page.
type answer struct {
	status  int
	header  http.Header
	members map[string]any
	page    string
	form    bool
	fault   Fault // whose say it is how the answer is sent
}

func (a answer) write(w http.ResponseWriter, r *http.Request) {
	switch {
	case a.fault.Lose:
		panic(http.ErrAbortHandler)
	case a.fault.Stall:
		Fault{Hang: true}.play(w, r)
	}
	kind, body := "application/json", []byte(nil)
	switch {
	case a.page != "":
		kind, body = "text/html; charset=utf-8", []byte(a.page)
	case a.form:
		kind, body = "application/x-www-form-urlencoded", encodeForm(a.members)
	case a.members != nil:
		body, _ = json.Marshal(a.members)
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	if a.fault.Cut {
		body = body[:len(body)/2]
	}
	_, _ = w.Write(body)
	_ = http.NewResponseController(w).Flush() // with the length given, nothing more has to follow
	if a.fault.Cut {
		panic(http.ErrAbortHandler)
	}
}

func encodeForm(members map[string]any) []byte {
	form := url.Values{}
	for name, value := range members {
		if text, ok := value.(string); ok {
			form.Set(name, text)
			continue
		}
		text, _ := json.Marshal(value)
		form.Set(name, string(text))
	}
	return []byte(form.Encode())
}

// wrong is an OAuth error (RFC 6749, section 5.2).
func wrong(status int, code, description string) answer {
	return answer{status: status, members: map[string]any{"error": code, "error_description": description}}
}

func random() string { return strings.ToLower(rand.Text()) }
