package oauthtest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// code is a device code under way.
type code struct {
	client       string
	proof        string // the challenge that a poll's verifier has to fit; "" = none
	device, user string
	scopes       []string
	resource     string
	details      string // as they were asked for, "" = none
	expires      time.Time
	interval     time.Duration
	mayPoll      time.Time // earlier polls are too early
	slow         bool      // the next poll is told to slow down, early or not
	denied       bool
	account      *Account // set once approved
	spent        bool
}

// token is one that the issuer gave out.
type token struct {
	kind    string // access_token or refresh_token
	scopes  []string
	family  *family
	account Account
	expires time.Time
	revoked bool // by the client, with its family or alone
	ended   bool // by the issuer

	uses    int            // of a refresh token: how often it was presented
	rotated time.Time      // when the next one took its place; zero = not yet
	answer  map[string]any // what its first use was answered
}

// Approve is the human who enters a user code and consents.
func (i *Issuer) Approve(userCode string, account Account) error {
	return i.decide(userCode, func(c *code) { c.account = &account })
}

// Deny is the human who enters a user code and refuses.
func (i *Issuer) Deny(userCode string) error {
	return i.decide(userCode, func(c *code) { c.denied = true })
}

// decide finds a live code. Codes are compared as RFC 8628, section 6.1,
// advises: without case and punctuation.
func (i *Issuer) decide(userCode string, verdict func(*code)) error {
	plain := strings.NewReplacer("-", "", " ", "")
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, c := range i.codes {
		if !strings.EqualFold(plain.Replace(c.user), plain.Replace(userCode)) {
			continue
		}
		switch {
		case !time.Now().Before(c.expires):
			return errors.New("this code is over")
		case c.denied || c.account != nil:
			return errors.New("this code was used")
		}
		verdict(c)
		return nil
	}
	return fmt.Errorf("no code %q", userCode)
}

func (i *Issuer) serveDevice(r *http.Request) answer {
	client, bad := i.checkClient(r)
	if bad != nil {
		return *bad
	}
	challenge := r.PostForm.Get("code_challenge")
	if i.settings.PKCE && (challenge == "" || r.PostForm.Get("code_challenge_method") != "S256") {
		return wrong(http.StatusBadRequest, "invalid_request", "a code_challenge by S256 is needed")
	}
	details := r.PostForm.Get("authorization_details")
	if bad := i.checkDetails(details); bad != nil {
		return *bad
	}
	c := &code{
		client:   client,
		details:  details,
		proof:    challenge,
		device:   random(),
		user:     newUserCode(),
		scopes:   strings.Fields(r.PostForm.Get("scope")),
		resource: r.PostForm.Get("resource"),
		expires:  time.Now().Add(i.settings.Lifetime),
		interval: i.settings.Interval,
		mayPoll:  time.Now().Add(i.settings.Interval),
	}
	page := i.base() + "/device"
	i.mu.Lock()
	defer i.mu.Unlock()
	i.codes[c.device] = c
	return answer{status: http.StatusOK, members: map[string]any{
		"device_code":               c.device,
		"user_code":                 c.user,
		"verification_uri":          page,
		"verification_uri_complete": page + "?user_code=" + url.QueryEscape(c.user),
		"expires_in":                i.settings.Lifetime.Seconds(),
		"interval":                  c.interval.Seconds(),
	}}
}

// newUserCode uses the letters of RFC 8628, section 6.1.
func newUserCode() string {
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	raw := make([]byte, 8)
	_, _ = rand.Read(raw)
	for n := range raw {
		raw[n] = letters[int(raw[n])%len(letters)]
	}
	return string(raw[:4]) + "-" + string(raw[4:])
}

func (i *Issuer) serveToken(r *http.Request) answer {
	client, bad := i.checkClient(r)
	if bad != nil {
		return *bad
	}
	if r.PostForm.Get("grant_type") == "authorization_code" && i.settings.Callback != "" {
		i.mu.Lock()
		defer i.mu.Unlock()
		return i.redeem(r)
	}
	if r.PostForm.Get("grant_type") != deviceGrant {
		return wrong(http.StatusBadRequest, "unsupported_grant_type", "only the device grant and refresh tokens")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	c := i.codes[r.PostForm.Get("device_code")]
	if c != nil && c.proof != "" && oauth2.S256ChallengeFromVerifier(r.PostForm.Get("code_verifier")) != c.proof {
		return wrong(http.StatusBadRequest, "invalid_grant", "not the verifier of this code")
	}
	if r.PostForm.Has("authorization_details") {
		return wrong(http.StatusBadRequest, "invalid_request", "the authorization details belong to the device request")
	}
	if bad := i.check(c, client, r.PostForm.Get("resource")); bad != nil {
		return *bad
	}
	c.spent = true
	return i.hand(c)
}

// check says whether a code can be redeemed now (RFC 8628, section 3.5). A
// poll before its time makes the wait longer for good.
func (i *Issuer) check(c *code, client, resource string) *answer {
	bad := func(code, description string) *answer {
		a := wrong(http.StatusBadRequest, code, description)
		return &a
	}
	now := time.Now()
	switch {
	case c == nil || c.client != client:
		return bad("invalid_grant", "no such device code")
	case c.spent:
		return bad("invalid_grant", "this device code was used")
	case resource != c.resource:
		return bad("invalid_target", "not the resource that the code was asked for")
	case !now.Before(c.expires):
		return bad("expired_token", "this device code is over")
	}
	if early := now.Before(c.mayPoll); early || c.slow {
		return i.slowDown(c, early)
	}
	c.mayPoll = now.Add(c.interval)
	switch {
	case c.denied:
		return bad("access_denied", "the human said no")
	case c.account == nil:
		return bad("authorization_pending", "the human has not finished")
	}
	return nil
}

// slowDown makes the wait between the polls of a code five seconds longer for
// good.
func (i *Issuer) slowDown(c *code, early bool) *answer {
	c.slow = false
	c.interval += 5 * time.Second
	c.mayPoll = time.Now().Add(c.interval)
	a := wrong(http.StatusBadRequest, "slow_down", "the server is busy")
	if early {
		a.members["error_description"] = TooEarly
	}
	if i.settings.NameInterval {
		a.members["interval"] = c.interval.Seconds()
	}
	return &a
}

// hand makes the tokens of an approved code, and begins their family.
func (i *Issuer) hand(c *code) answer {
	f := &family{client: c.client, account: *c.account, scopes: c.scopes, resource: c.resource, details: c.details}
	i.families = append(i.families, f)
	given := i.pair(f, f.account, c.scopes)
	if slices.Contains(c.scopes, "offline_access") && i.settings.Rotation != Never {
		given["refresh_token"] = i.issue(refreshToken(f, f.account, c.scopes), i.settings.RefreshLifetime)
	}
	return answer{status: http.StatusOK, members: given}
}

// pair makes an access token, and an id_token where that was asked for.
func (i *Issuer) pair(f *family, account Account, scopes []string) map[string]any {
	access := token{kind: "access_token", family: f, account: account, scopes: scopes}
	given := map[string]any{
		"access_token": i.issue(access, i.settings.TokenLifetime),
		"token_type":   "Bearer",
		"expires_in":   i.settings.TokenLifetime.Seconds(),
		"scope":        strings.Join(scopes, " "),
	}
	if details := i.decided(f.details); details != nil {
		given["authorization_details"] = details
	}
	if slices.Contains(scopes, "openid") {
		given["id_token"] = i.idToken(f.client, account, scopes)
	}
	return given
}

func refreshToken(f *family, account Account, scopes []string) token {
	return token{kind: "refresh_token", family: f, account: account, scopes: scopes}
}

func (i *Issuer) issue(t token, life time.Duration) string {
	text := t.kind + "." + random()
	t.expires = time.Now().Add(life)
	i.tokens[text] = &t
	t.family.issued = append(t.family.issued, text)
	return text
}

// Live reports whether a token is one of the issuer's that is honoured now:
// not over, not revoked, and not rotated longer ago than the grace.
func (i *Issuer) Live(text string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.live(text) != nil
}

func (i *Issuer) live(text string) *token {
	t := i.tokens[text]
	if t == nil || t.revoked || t.ended || !time.Now().Before(t.expires) || i.spent(t) {
		return nil
	}
	return t
}

// serveRevocation is RFC 7009. An unknown token is as good as revoked.
func (i *Issuer) serveRevocation(r *http.Request) answer {
	client, bad := i.checkClient(r)
	if bad != nil {
		return *bad
	}
	text := r.PostForm.Get("token")
	if text == "" {
		return wrong(http.StatusBadRequest, "invalid_request", "no token")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if t := i.tokens[text]; t != nil && t.family.client == client {
		i.revoke(text, t)
	}
	return answer{status: http.StatusOK}
}

// checkClient demands a proper form and the client authentication that the
// client is registered with, and no other beside it (RFC 6749, section 2.3). It
// returns the client's id.
func (i *Issuer) checkClient(r *http.Request) (string, *answer) {
	bad := func(status int, code, description string) (string, *answer) {
		a := wrong(status, code, description)
		return "", &a
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || kind != "application/x-www-form-urlencoded" {
		return bad(http.StatusBadRequest, "invalid_request", "a POST form is needed")
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return bad(http.StatusBadRequest, "invalid_request", "repeated: "+name)
		}
		if values[0] == "" {
			return bad(http.StatusBadRequest, "invalid_request", "empty: "+name)
		}
	}
	client, err := i.proven(r)
	if err != nil {
		_, a := bad(http.StatusUnauthorized, "invalid_client", "not the client, or not its way to prove itself")
		a.header = http.Header{"Www-Authenticate": {`Basic realm="issuer"`}}
		return "", a
	}
	return client.ID, nil
}

// presented reads the client authentication: method, id, secret.
func (i *Issuer) presented(r *http.Request) [3]string {
	form := r.PostForm
	id, secret, basic := r.BasicAuth()
	switch {
	case basic && !form.Has("client_secret") && !form.Has("client_id"):
		id, badID := url.QueryUnescape(id)
		secret, badSecret := url.QueryUnescape(secret)
		if badID != nil || badSecret != nil {
			return [3]string{}
		}
		return [3]string{"client_secret_basic", id, secret}
	case r.Header.Get("Authorization") != "":
		return [3]string{}
	case form.Has("client_assertion") && form.Get("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" && !form.Has("client_secret"):
		return [3]string{keyMethod, form.Get("client_id"), form.Get("client_assertion")}
	case form.Has("client_secret"):
		return [3]string{"client_secret_post", form.Get("client_id"), form.Get("client_secret")}
	}
	return [3]string{"none", form.Get("client_id"), ""}
}

// Holds is what a live access token is good for: what a resource would learn of
// it from the issuer (RFC 7662).
func (i *Issuer) Holds(text string) (scopes []string, resource string, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	t := i.live(text)
	if t == nil || t.kind != "access_token" {
		return nil, "", false
	}
	return slices.Clone(t.scopes), t.family.resource, true
}
