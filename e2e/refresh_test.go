package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/internal/devprovider"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// offline makes the provider give refresh tokens.
func offline(text string) string {
	return strings.Replace(text, "scopes: [openid, email]", "scopes: [openid, email, offline_access]", 1)
}

// TestFiftyCallersOneRefresh: the token that all of them hold is soon over,
// and the provider is asked for one new one.
func TestFiftyCallersOneRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{tokenLife: 8 * time.Second, edit: offline})
	id := w.ask("").ID
	w.grant(w.human("alice"), id)
	first := w.collect(id)
	refreshes := func() int { return w.provider.count(devprovider.KindRefresh) }
	// The provider says seven seconds, since it counts whole ones.
	eventually(t, "less than half of the token's life is left", func() bool { return time.Until(*first.ExpiresAt) < 3300*time.Millisecond })
	before := refreshes()

	answers := make(chan answer, 50)
	var callers sync.WaitGroup
	for range cap(answers) {
		callers.Go(func() {
			a, err := w.try("POST", "/v1/token", `{"provider":"corp","scopes":["files.read"],"min_validity":"1h"}`, "Prefer", "wait=0")
			if err != nil {
				t.Error(err)
			}
			answers <- a
		})
	}
	callers.Wait()
	close(answers)
	got := map[string]bool{}
	for a := range answers {
		got[decode[api.Token](t, a.wants(t, http.StatusOK)).AccessToken] = true
	}
	if len(got) != 1 || got[first.AccessToken] {
		t.Errorf("they got %d tokens, the old one among them: %v", len(got), got[first.AccessToken])
	}
	if n := refreshes() - before; n != 1 {
		t.Errorf("the provider was asked to refresh %d times", n)
	}
	w.provider.wants(t, counts{devprovider.KindSignIn: 1, devprovider.KindTokenIssued: 1})
}

// shortLived is a scripted issuer whose tokens have to be refreshed soon.
func shortLived() oauthtest.Settings {
	s := settings()
	s.TokenLifetime = 4 * time.Second
	return s
}

// TestAnOutageAsksNobody: while the provider cannot refresh, the agent is told
// to come back, and the human is left alone.
func TestAnOutageAsksNobody(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, shortLived(), options{edit: offline})
	s.issuer.Always(oauthtest.Refresh, oauthtest.Busy(503, "1"))
	id := s.approve()
	s.becomes(id, api.Granted)
	first := s.collect(id)
	eventually(t, "the token is over", func() bool { return time.Now().After(*first.ExpiresAt) })
	p := s.http("POST", "/v1/token", ask).problem(t, api.ProblemProviderUnavailable)
	if !p.Retryable {
		t.Errorf("%+v", p)
	}
	s.cli("token", "--provider", "corp", "--scope", "files.read", "--timeout", "1s").wants(t, 8)
	if open := s.listed("?state=asked"); len(open) > 0 {
		t.Errorf("the human was asked: %v", open)
	}
	s.issuer.Always(oauthtest.Refresh, oauthtest.Fault{})
	var a answer
	eventually(t, "the provider is back", func() bool {
		a = s.http("POST", "/v1/token", ask)
		return a.status == http.StatusOK
	})
	if token := decode[api.Token](t, a); token.AccessToken == first.AccessToken || !s.issuer.Live(token.AccessToken) {
		t.Error("not a new token that lives")
	}
}

// TestAGrantIsRenewed: what the provider honours no more is seen before
// anybody needs it, and one request to its human gives it new life.
func TestAGrantIsRenewed(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, shortLived(), options{edit: offline})
	id := s.approve()
	s.becomes(id, api.Granted)
	first := s.collect(id)
	events := s.follow("")
	events.next("", "", nil)
	s.issuer.ForgetRefreshTokens()
	var told api.Grant
	eventually(t, "the agent is told", func() bool {
		events.next(api.EventGrant, grantMembers, &told)
		return told.State == api.GrantNeedsReauth
	})
	if told.ID != first.Grant {
		t.Errorf("told of %+v", told)
	}
	var renewal card
	eventually(t, "alice is asked to renew it", func() bool {
		for _, c := range s.alice.cards() {
			if c.buttons["Show code"] != "" {
				renewal = c
			}
		}
		return renewal.request != ""
	})
	if err := s.issuer.Approve(s.alice.showCode(renewal.request).code, aliceThere); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is a live grant", func() bool { return s.grants()[0].State == api.GrantLive })
	again := decode[api.Token](t, s.http("POST", "/v1/token", ask).wants(t, http.StatusOK))
	if again.AccessToken == first.AccessToken || !s.issuer.Live(again.AccessToken) {
		t.Error("not a token of the new grant")
	}
}
