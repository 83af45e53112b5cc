package oauthtest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Rotation is what a refresh does with the refresh token that it used.
type Rotation int

// The ways to go on.
const (
	// Rotate gives a new one, and the old one is spent. Who uses a spent one
	// has stolen it, or was stolen from: its whole family ends, access
	// tokens too (RFC 9700, section 4.14.2).
	Rotate Rotation = iota
	// Keep gives none: the old one stays good.
	Keep
	// Repeat gives the same one again.
	Repeat
	// Never gives no refresh token to begin with.
	Never
)

// Impersonate has every later refresh answered with the tokens of another
// account, for as long as it is not nil.
func (i *Issuer) Impersonate(account *Account) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.impostor = account
}

// serveRefresh is RFC 6749, section 6.
func (i *Issuer) serveRefresh(r *http.Request) answer {
	client, bad := i.checkClient(r)
	if bad != nil {
		return *bad
	}
	text := r.PostForm.Get("refresh_token")
	if text == "" {
		return wrong(http.StatusBadRequest, "invalid_request", "no refresh_token")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.noteUse(text)
	t := i.tokens[text]
	if t != nil && t.family.client != client {
		t = nil
	}
	if bad := i.checkRefresh(t, r.PostForm); bad != nil {
		return *bad
	}
	if !t.rotated.IsZero() && i.settings.GraceRepeats {
		return answer{status: http.StatusOK, members: maps.Clone(t.answer)}
	}
	return answer{status: http.StatusOK, members: i.refresh(text, t, r.PostForm.Get("scope"))}
}

// checkRefresh says whether a refresh token is honoured now. The use of a
// spent one is found here, and ends its family.
func (i *Issuer) checkRefresh(t *token, form url.Values) *answer {
	bad := func(code, description string) *answer {
		a := wrong(http.StatusBadRequest, code, description)
		return &a
	}
	switch {
	case t == nil || t.kind != "refresh_token":
		return bad("invalid_grant", "no such refresh token")
	case t.revoked || t.ended:
		return bad("invalid_grant", "this refresh token was revoked")
	case !time.Now().Before(t.expires):
		return bad("invalid_grant", "this refresh token is over")
	case i.spent(t):
		i.reused(t.family)
		return bad("invalid_grant", "this refresh token was used before")
	case form.Get("resource") != t.family.resource:
		return bad("invalid_target", "not the resource that the grant is for")
	}
	for scope := range strings.FieldsSeq(form.Get("scope")) {
		if !slices.Contains(t.scopes, scope) {
			return bad("invalid_scope", "more than was granted: "+scope)
		}
	}
	return nil
}

// spent reports whether the use of a refresh token is a theft.
func (i *Issuer) spent(t *token) bool {
	return !t.rotated.IsZero() && !time.Now().Before(t.rotated.Add(i.settings.Grace))
}

// refresh makes the next tokens. The access token has the scopes that were
// asked for, a new refresh token those of the old one.
func (i *Issuer) refresh(text string, t *token, scope string) map[string]any {
	scopes := strings.Fields(scope)
	if len(scopes) == 0 {
		scopes = t.scopes
	}
	f, account := t.family, t.account
	if i.impostor != nil {
		account = *i.impostor
	}
	if i.settings.OneAccessToken {
		i.end(f, "access_token")
	}
	f.refreshes++
	given := i.pair(f, account, scopes)
	switch i.settings.Rotation {
	case Rotate:
		given["refresh_token"] = i.issue(refreshToken(f, account, t.scopes), i.settings.RefreshLifetime)
		if t.rotated.IsZero() {
			t.rotated, t.answer = time.Now(), maps.Clone(given)
		}
	case Repeat:
		given["refresh_token"] = text
	case Keep, Never:
	}
	return given
}

func (i *Issuer) reused(f *family) {
	f.reused = true
	i.end(f, "access_token", "refresh_token")
}

// end takes back all tokens of some kinds.
func (i *Issuer) end(f *family, kinds ...string) {
	for _, text := range f.issued {
		if t := i.tokens[text]; slices.Contains(kinds, t.kind) {
			t.ended = true
		}
	}
}

// ForgetRefreshTokens has the issuer honour none of the refresh tokens that
// it has given out, as after a loss of its data. Those that it gives out from
// now on are good.
func (i *Issuer) ForgetRefreshTokens() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, f := range i.families {
		i.end(f, "refresh_token")
	}
}
