package oauth_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

var alice = oauthtest.Account{Subject: "sub-alice", Email: "alice@example.com", EmailVerified: true, Name: "Alice"}

const (
	clientID     = "our client/1" // needs encoding under HTTP Basic
	clientSecret = "s:e&c r+e%t/ü"
)

// story is a provider, the issuer behind it, and the test they appear in.
type story struct {
	*testing.T
	issuer   *oauthtest.Issuer
	provider *oauth.Provider
}

// tell runs a story on fake time.
func tell(t *testing.T, s oauthtest.Settings, plot func(*testing.T, story)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { plot(t, meet(t, s)) })
}

func meet(t *testing.T, s oauthtest.Settings) story {
	t.Helper()
	s.ClientID = clientID
	issuer := oauthtest.New(s)
	provider, err := oauth.New(configFor(issuer, s), issuer.Client())
	if err != nil {
		t.Fatal(err)
	}
	return story{t, issuer, provider}
}

func configFor(issuer *oauthtest.Issuer, s oauthtest.Settings) oauth.Config {
	return oauth.Config{
		Issuer:       issuer.URL(),
		ClientID:     clientID,
		ClientSecret: bridge.NewSecret(s.ClientSecret),
		AuthMethod:   s.AuthMethod,
	}
}

var everything = []string{"openid", "email", "offline_access"}

func (s story) begin() bridge.Code {
	s.Helper()
	code, err := s.provider.Begin(s.Context(), bridge.CodeRequest{Scopes: everything})
	if err != nil {
		s.Fatalf("begin: %v", err)
	}
	return code
}

func (s story) approve(code bridge.Code) {
	s.Helper()
	if err := s.issuer.Approve(code.UserCode.Reveal(), alice); err != nil {
		s.Fatal(err)
	}
}

func (s story) poll(code bridge.Code) bridge.Answer {
	s.Helper()
	answer, err := s.provider.Poll(s.Context(), code)
	if err != nil {
		s.Fatalf("poll: %v", err)
	}
	return answer
}

// granted goes all the way to the tokens.
func (s story) granted() bridge.Tokens {
	s.Helper()
	code := s.begin()
	s.approve(code)
	after(code.Interval)
	answer := s.poll(code)
	if answer.Verdict != bridge.PollGranted {
		s.Fatalf("poll: %v %s", answer.Verdict, answer.Cause)
	}
	return answer.Tokens
}

func after(d time.Duration) { <-time.After(d) }

// wantRefusal checks a hard no and returns its cause.
func (s story) wantRefusal(err error, outcome bridge.OutcomeCode, words string) {
	s.Helper()
	wantRefusal(s.T, err, outcome, words)
}

func wantRefusal(t *testing.T, err error, outcome bridge.OutcomeCode, words string) {
	t.Helper()
	var no *bridge.Refusal
	if !errors.As(err, &no) {
		t.Fatalf("got %v, want a refusal", err)
	}
	if no.Outcome != outcome || !strings.Contains(no.Cause, words) {
		t.Errorf("refusal %s %q, want %s with %q", no.Outcome, no.Cause, outcome, words)
	}
	tellsNothing(t, err)
}

// wantFault checks an error that means "we do not know".
func wantFault(t *testing.T, err error, retryAfter time.Duration, words string) {
	t.Helper()
	if no := (*bridge.Refusal)(nil); errors.As(err, &no) {
		t.Fatalf("refusal %q, want a fault", no.Cause)
	}
	var busy *bridge.Unavailable
	if !errors.As(err, &busy) {
		t.Fatalf("got %v, want *bridge.Unavailable", err)
	}
	if busy.RetryAfter != retryAfter || !strings.Contains(err.Error(), words) {
		t.Errorf("fault %q after %v, want %q after %v", err, busy.RetryAfter, words, retryAfter)
	}
	tellsNothing(t, err)
}

// tellsNothing walks a whole chain of errors.
func tellsNothing(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, secret := range []string{"secret", clientSecret, "access_token.", "refresh_token.", "<!doctype", "eyJ"} {
			if strings.Contains(strings.ReplaceAll(err.Error(), "[secret]", ""), secret) {
				t.Errorf("the error tells %q: %q", secret, err)
			}
		}
	}
}
