package devprovider

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
)

// TestTheBridgesOwnClientRefreshes: what one side makes the other side reads,
// id_token and lost answers included.
func TestTheBridgesOwnClientRefreshes(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	o := standard()
	o.Issuer = "http://" + server.Listener.Addr().String()
	o.RefreshGrace = time.Minute
	p := newProvider(t, o)
	server.Config.Handler = p
	server.Start()
	t.Cleanup(server.Close)
	network := oauth.NetworkPolicy{AllowHTTPLoopback: true}
	client := oauth.NewHTTPClient(network)
	t.Cleanup(client.CloseIdleConnections)
	ours, err := oauth.New(oauth.Config{Issuer: p.Issuer(), ClientID: "bridge", Network: network}, client)
	if err != nil {
		t.Fatal(err)
	}

	_, token := granted(t, p, "openid email offline_access")
	old := bridge.Tokens{
		Access: bridge.NewSecret(token.text("access_token")), Refresh: bridge.NewSecret(token.text("refresh_token")),
		Type: "Bearer", Scopes: []string{"openid", "email", "offline_access"},
	}
	ask := bridge.RefreshRequest{Subject: "a-1"}
	fresh, err := ours.Refresh(t.Context(), old, ask)
	if err != nil || fresh.ID.IsZero() || !p.Live(fresh.Access.Reveal()) || !p.Honours(fresh.Refresh.Reveal()) {
		t.Fatalf("refresh: %v", err)
	}
	p.LoseRefreshAnswers(1)
	if _, err := ours.Refresh(t.Context(), fresh, ask); err == nil || isOutage(err) {
		t.Errorf("a lost answer: %v", err)
	}
	p.SetOutage(true)
	if _, err := ours.Refresh(t.Context(), fresh, ask); !isOutage(err) {
		t.Errorf("an outage: %v", err)
	}
	p.SetOutage(false)
	if _, err := ours.Refresh(t.Context(), fresh, bridge.RefreshRequest{Subject: "b-2"}); !errors.Is(err, bridge.ErrOtherAccount) {
		t.Errorf("another's account: %v", err)
	}
	if err := ours.Revoke(t.Context(), fresh, bridge.RevokeRequest{}); err != nil || p.Grants()[0].Honoured != 0 || !p.Grants()[0].Revoked {
		t.Errorf("revoke: %v, %+v", err, p.Grants()[0])
	}
	if _, err := ours.Refresh(t.Context(), fresh, ask); !errors.Is(err, bridge.ErrGrantLost) {
		t.Errorf("after the end: %v", err)
	}
	if got := p.Grants()[0].Refreshes; got != 3 {
		t.Errorf("%d refreshes were carried out", got)
	}
}

func isOutage(err error) bool {
	busy, ok := errors.AsType[*bridge.Unavailable](err)
	return ok && busy.RetryAfter == time.Second
}
