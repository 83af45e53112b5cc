package oauthtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// keyRing holds the key that signs and what is published.
type keyRing struct {
	signing   jose.JSONWebKey
	published []jose.JSONWebKey
}

func newKeyRing(algorithm string) keyRing {
	if algorithm == "" {
		algorithm = string(jose.ES256)
	}
	key := newKey(algorithm, random())
	return keyRing{signing: key, published: []jose.JSONWebKey{key.Public()}}
}

func newKey(algorithm, id string) jose.JSONWebKey {
	key := jose.JSONWebKey{KeyID: id, Algorithm: algorithm, Use: "sig"}
	var err error
	if algorithm == string(jose.RS256) {
		key.Key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key.Key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		panic(err) // the machine has no randomness: no test makes sense
	}
	return key
}

func (k keyRing) algorithm() string { return k.signing.Algorithm }

func (k keyRing) sign(claims map[string]any) string {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.algorithm()), Key: k.signing}, nil)
	if err != nil {
		panic(err) // a key of our own making fits its algorithm
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err) // a test put something into the claims that JSON lacks
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err) // as above
	}
	text, _ := signed.CompactSerialize()
	return text
}

// RotateKeys signs with a fresh key from now on; the old one is no longer
// published.
func (i *Issuer) RotateKeys() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = newKeyRing(i.keys.algorithm())
}

// ForgeSignatures signs with a stranger's key from now on, under the name of
// the published one.
func (i *Issuer) ForgeSignatures() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys.signing = newKey(i.keys.algorithm(), i.keys.signing.KeyID)
}

// EditClaims has every later id_token's claims changed before it is signed.
func (i *Issuer) EditClaims(edit func(claims map[string]any)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.claims = edit
}

// idToken needs the lock.
func (i *Issuer) idToken(client string, account Account, scopes []string) string {
	claims := claimsOf(account, scopes)
	claims["iss"] = i.origin + i.settings.Path
	claims["aud"] = client
	claims["iat"] = time.Now().Unix()
	claims["exp"] = time.Now().Add(10 * time.Minute).Unix()
	if i.nonce != "" {
		claims["nonce"] = i.nonce
	}
	if i.claims != nil {
		i.claims(claims)
	}
	return i.keys.sign(claims)
}

func claimsOf(account Account, scopes []string) map[string]any {
	claims := map[string]any{"sub": account.Subject}
	if account.Name != "" {
		claims["name"] = account.Name
	}
	if account.Email != "" && slices.Contains(scopes, "email") {
		claims["email"], claims["email_verified"] = account.Email, account.EmailVerified
	}
	return claims
}

func (i *Issuer) serveKeys() answer {
	i.mu.Lock()
	defer i.mu.Unlock()
	return answer{status: http.StatusOK, members: map[string]any{"keys": i.keys.published}}
}

// serveUserinfo tells whose access token is presented, if it has the openid
// scope.
func (i *Issuer) serveUserinfo(r *http.Request) answer {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	i.mu.Lock()
	defer i.mu.Unlock()
	i.noteUse(text)
	t := i.live(text)
	switch {
	case !ok || t == nil || t.kind != "access_token":
		return wrong(http.StatusUnauthorized, "invalid_token", "no live access token")
	case !slices.Contains(t.scopes, "openid"):
		return wrong(http.StatusForbidden, "insufficient_scope", "openid is needed")
	}
	return answer{status: http.StatusOK, members: claimsOf(t.account, t.scopes)}
}
