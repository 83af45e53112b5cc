package daemon

import (
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// TestFromTheFileToTheToken runs what Start makes of a configuration against
// an authorization server on a socket: issuer, client, secret, and the scopes
// that the bridge asks for itself.
func TestFromTheFileToTheToken(t *testing.T) {
	issuer := oauthtest.New(oauthtest.Settings{ClientID: "authbridge", ClientSecret: "s3cret", AuthMethod: "client_secret_post", Interval: time.Second})
	url := issuer.Start(t)
	cfg := configured(t, home(t), strings.Replace(helper, "https://login.example.com", url, 1))
	p := cfg.Providers["corp"]
	p.ClientSecret, p.AuthMethod = bridge.NewSecret("s3cret"), "client_secret_post"
	cfg.Providers["corp"] = p
	d, err := Start(t.Context(), cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	h := run(t, d)

	r := h.ask("")
	if n := len(issuer.Journal()); n != 0 {
		t.Errorf("the provider got %d calls before alice pressed a button", n)
	}
	h.press(r.ID, bridge.VerbShowCode)
	h.until(r.ID, api.Coded)
	inbox, err := h.bridge.Inbox(t.Context(), "alice")
	if err != nil || len(inbox.Waiting) != 1 {
		t.Fatalf("alice sees %d cards, %v", len(inbox.Waiting), err)
	}
	err = issuer.Approve(inbox.Waiting[0].Code.UserCode.Reveal(), oauthtest.Account{Subject: "s-alice", Email: "alice@example.com", EmailVerified: true})
	if err != nil {
		t.Fatal(err)
	}
	token, err := h.agent.WaitToken(t.Context(), r.ID, 0, nil)
	if err != nil || !issuer.Live(token.AccessToken) || token.Account != "alice@example.com" || token.Issuer != url {
		t.Errorf("the agent gets %v of %s (%v)", token, token.Account, err)
	}
	h.endsSoon()
	if calls := issuer.Calls(oauthtest.Device); len(calls) != 1 || calls[0].Form.Get("scope") != "openid email files.read" {
		t.Errorf("codes were asked for %d times, with %v", len(calls), calls)
	}
}
