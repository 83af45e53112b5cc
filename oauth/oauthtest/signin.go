package oauthtest

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// signIn is a sign-in under way: a human has signed in, and the client has not
// fetched what came of it.
type signIn struct {
	account   Account
	scopes    []string
	challenge string
	nonce     string
	expires   time.Time
	spent     bool
}

// SignIn is a browser that comes to the authorization endpoint with an
// address, and a human who signs in there. It returns the query with which the
// browser goes back to the client. What an address may not be is an error (RFC
// 6749, section 4.1.2.1; PKCE with S256 and a nonce are demanded).
func (i *Issuer) SignIn(address string, account Account) (back url.Values, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	at, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	given := at.Query()
	if before, _, _ := strings.Cut(address, "?"); before != i.origin+"/authorize" {
		return nil, fmt.Errorf("%s is not the authorization endpoint", before)
	}
	for name, want := range map[string]string{
		"client_id": i.settings.ClientID, "redirect_uri": i.settings.Callback, "response_type": "code", "code_challenge_method": "S256",
	} {
		if len(given[name]) != 1 || given.Get(name) != want {
			return nil, fmt.Errorf("%s is %q, want %q", name, given[name], want)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge", "scope"} {
		if len(given[name]) != 1 || given.Get(name) == "" {
			return nil, fmt.Errorf("%s is %q", name, given[name])
		}
	}
	scopes := strings.Fields(given.Get("scope"))
	if scopes[0] != "openid" {
		return nil, errors.New("openid is not asked for")
	}
	code := "code." + random()
	i.signIns[code] = &signIn{
		account: account, scopes: scopes, challenge: given.Get("code_challenge"), nonce: given.Get("nonce"),
		expires: time.Now().Add(time.Minute),
	}
	back = url.Values{"code": {code}, "state": {given.Get("state")}}
	if i.settings.TellIssuer {
		back.Set("iss", i.origin+i.settings.Path)
	}
	return back, nil
}

// redeem makes the tokens of a code that a sign-in brought (RFC 6749, section
// 4.1.3; RFC 7636, section 4.6), and needs the lock.
func (i *Issuer) redeem(r *http.Request) answer {
	s := i.signIns[r.PostForm.Get("code")]
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	switch {
	case s == nil || s.spent || !time.Now().Before(s.expires):
		return wrong(http.StatusBadRequest, "invalid_grant", "no such code")
	case r.PostForm.Get("redirect_uri") != i.settings.Callback:
		return wrong(http.StatusBadRequest, "invalid_grant", "another redirect_uri")
	case base64.RawURLEncoding.EncodeToString(sum[:]) != s.challenge:
		return wrong(http.StatusBadRequest, "invalid_grant", "not the verifier of this code")
	}
	s.spent = true
	f := &family{client: i.settings.ClientID, account: s.account, scopes: s.scopes}
	i.families = append(i.families, f)
	i.nonce = s.nonce
	given := i.pair(f, s.account, s.scopes)
	i.nonce = ""
	return answer{status: http.StatusOK, members: given}
}
