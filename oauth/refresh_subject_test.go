package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// jwt is an id_token as it stands, signed by nobody.
func jwt(t *testing.T, claims any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"ES256"}`)) + "." + encode(payload) + "." + encode([]byte("signature"))
}

type claims map[string]any

// TestTheAccountBehindARefresh is compared with the one that granted. The
// tokens of another are returned all the same, for they have to be revoked.
func TestTheAccountBehindARefresh(t *testing.T) {
	right := func(change claims) claims {
		all := claims{"iss": oauthtest.Origin, "aud": clientID, "sub": alice.Subject, "exp": 1}
		maps.Copy(all, change)
		return all
	}
	for _, at := range []struct {
		name   string
		claims any
		ours   bool
	}{
		{"the same", right(nil), true},
		{"the same, among others", right(claims{"aud": []string{"them", clientID}, "azp": clientID}), true},
		{"another subject", right(claims{"sub": "sub-mallory"}), false},
		{"in another spelling", right(claims{"sub": "SUB-ALICE"}), false},
		{"a longer subject", right(claims{"sub": alice.Subject + " "}), false},
		{"no subject", right(claims{"sub": nil}), false},
		{"a subject that is none", right(claims{"sub": []string{alice.Subject}}), false},
		{"another issuer", right(claims{"iss": "https://evil.example"}), false},
		{"another spelling of the issuer", right(claims{"iss": oauthtest.Origin + "/"}), false},
		{"Google", right(claims{"iss": "accounts.google.com"}), false},
		{"the issuer without its scheme", right(claims{"iss": "login.issuer.test"}), false},
		{"another client", right(claims{"aud": "them"}), false},
		{"other clients", right(claims{"aud": []any{"them", 1, map[string]any{}}}), false},
		{"nobody's client", right(claims{"aud": nil}), false},
		{"made for another client", right(claims{"azp": "them"}), false},
		{"not an object", []string{"sub"}, false},
	} {
		t.Run(at.name, func(t *testing.T) { comesWith(t, jwt(t, at.claims), at.ours) })
	}
	for name, token := range map[string]string{
		"garbage":         "garbage",
		"two parts":       "e30.e30",
		"not base64":      "e30.!!.e30",
		"encrypted":       "e30.e30.e30.e30.e30",
		"text for claims": "e30." + base64.RawURLEncoding.EncodeToString([]byte("sub")) + ".e30",
	} {
		t.Run(name, func(t *testing.T) { comesWith(t, token, false) })
	}
}

// comesWith refreshes and is answered with an id_token.
func comesWith(t *testing.T, idToken string, ours bool) {
	t.Helper()
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		body := oauthtest.JSON(200, `{"access_token":"a","refresh_token":"r","id_token":"`+idToken+`"}`)
		fresh, err := s.refreshWith(body, bridge.RefreshRequest{Subject: alice.Subject})
		if ours && err != nil || !ours && !errors.Is(err, bridge.ErrOtherAccount) {
			t.Errorf("got %v", err)
		}
		if fresh.Access.Reveal() != "a" || fresh.Refresh.Reveal() != "r" || fresh.ID.Reveal() != idToken {
			t.Error("not all tokens are told")
		}
		if n := len(s.issuer.Calls(oauthtest.Keys)); n != 0 {
			t.Errorf("the keys were asked for %d times", n)
		}
		// Where nobody knows who granted, there is nobody to compare with.
		if _, err := s.refreshWith(body, bridge.RefreshRequest{}); err != nil {
			t.Errorf("with no subject known: %v", err)
		}
	})
}

// TestGoogleNamesItselfWithoutAScheme at times, and nobody else may.
func TestGoogleNamesItselfWithoutAScheme(t *testing.T) {
	const google = "https://accounts.google.com"
	for iss, ours := range map[string]bool{google: true, "accounts.google.com": true, "evil.example": false} {
		answer := answering{
			"/.well-known/oauth-authorization-server": `{"issuer":"` + google + `","token_endpoint":"` + google + `/token"}`,
			"/token": `{"access_token":"a","id_token":"` + jwt(t, claims{"iss": iss, "aud": clientID, "sub": alice.Subject}) + `"}`,
		}
		provider, err := oauth.New(oauth.Config{Issuer: google, ClientID: clientID}, answer.client())
		if err != nil {
			t.Fatal(err)
		}
		_, err = provider.Refresh(t.Context(), held, bridge.RefreshRequest{Subject: alice.Subject})
		if errors.Is(err, bridge.ErrOtherAccount) == ours || ours && err != nil {
			t.Errorf("%s: %v", iss, err)
		}
	}
}

// answering is a server that says one thing under each path.
type answering map[string]string

func (a answering) client() *http.Client { return &http.Client{Transport: a} }

// RoundTrip implements [http.RoundTripper].
func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(a[r.URL.Path])), Request: r,
	}, nil
}
