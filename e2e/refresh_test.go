package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/internal/devprovider"
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
