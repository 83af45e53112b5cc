package devprovider

import (
	"net/http"
	"sync"
	"testing"
)

// granted is a device with alice's yes, and what it was given.
func granted(t *testing.T, p *Provider, scope string) (device, answer) {
	t.Helper()
	d := bridgeDevice(t, p)
	code := d.ask(scope).wantOK(t)
	newPerson(t, p).allow(code, "alice")
	return d, d.poll(code).wantOK(t)
}

func TestARevokedAccessTokenIsDead(t *testing.T) {
	for _, hint := range []string{"", "access_token", "refresh_token"} {
		t.Run("hint "+hint, func(t *testing.T) {
			p := newProvider(t, standard())
			d, token := granted(t, p, "openid offline_access")
			access := token.text("access_token")
			userinfo(t, p, access).wantOK(t)

			d.revoke(access, hint).wantOK(t)
			a := userinfo(t, p, access)
			a.wantFault(t, http.StatusUnauthorized, "invalid_token")
			if a.header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
				t.Errorf("WWW-Authenticate %q", a.header.Get("WWW-Authenticate"))
			}
			if p.Live(access) {
				t.Error("the token is live")
			}
			d.revoke(access, hint).wantOK(t)
			if next := d.refresh(token.text("refresh_token")).wantOK(t); !p.Live(next.text("access_token")) {
				t.Error("the revocation went further than its token")
			}
			if count(p, KindRevocation) != 2 {
				t.Errorf("journal: %v", p.Journal())
			}
		})
	}
}

func TestARevokedRefreshTokenEndsItsGrant(t *testing.T) {
	for _, hint := range []string{"", "access_token", "refresh_token"} {
		t.Run("hint "+hint, func(t *testing.T) {
			p := newProvider(t, standard())
			d, token := granted(t, p, "openid offline_access")
			_, bystander := granted(t, p, "openid")
			d.revoke(token.text("refresh_token"), hint).wantOK(t)
			d.refresh(token.text("refresh_token")).wantFault(t, 400, "invalid_grant")
			if p.Live(token.text("access_token")) || !p.Live(bystander.text("access_token")) {
				t.Error("not this grant, or not this grant alone, has ended")
			}
		})
	}
}

func TestNobodyRevokesWhatIsNotTheirs(t *testing.T) {
	p := newProvider(t, standard())
	_, token := granted(t, p, "openid offline_access")
	stranger := device{t: t, p: p, id: "post", secret: "s3cret"}
	stranger.revoke(token.text("access_token"), "").wantFault(t, 400, "invalid_grant")
	stranger.revoke(token.text("refresh_token"), "").wantFault(t, 400, "invalid_grant")
	stranger.revoke("never issued", "").wantOK(t)
	stranger.refresh(token.text("refresh_token")).wantFault(t, 400, "invalid_grant")
	if !p.Live(token.text("access_token")) {
		t.Error("a stranger has revoked the token")
	}
	bridgeDevice(t, p).refresh(token.text("refresh_token")).wantOK(t)
}

func TestRefreshTokensRotate(t *testing.T) {
	p := newProvider(t, standard())
	d, first := granted(t, p, "openid email offline_access")
	second := d.refresh(first.text("refresh_token")).wantOK(t)
	if second.text("refresh_token") == first.text("refresh_token") || second.text("access_token") == first.text("access_token") {
		t.Fatal("a token came back a second time")
	}
	if second.text("scope") != "openid email offline_access" || !p.Live(first.text("access_token")) {
		t.Errorf("scope %q after refresh", second.text("scope"))
	}

	d.refresh(first.text("refresh_token")).wantFault(t, 400, "invalid_grant")
	d.refresh(second.text("refresh_token")).wantFault(t, 400, "invalid_grant")
	if p.Live(second.text("access_token")) {
		t.Error("the grant lives on after a spent refresh token came back")
	}
	if count(p, KindRefresh) != 3 || count(p, KindTokenIssued) != 1 {
		t.Errorf("journal: %v", p.Journal())
	}
}

func TestTwentyRefreshesAtOnceGiveOneToken(t *testing.T) {
	p := newProvider(t, standard())
	d, token := granted(t, p, "offline_access")
	const uses = 20
	answers := make([]answer, uses)
	var group sync.WaitGroup
	for i := range uses {
		group.Go(func() { answers[i] = d.refresh(token.text("refresh_token")) })
	}
	group.Wait()
	won := 0
	for _, a := range answers {
		if a.status == http.StatusOK {
			won++
			continue
		}
		a.wantFault(t, 400, "invalid_grant")
	}
	if won != 1 {
		t.Errorf("%d refreshes won", won)
	}
}

func TestWithoutOpenIDThereIsNoIdentity(t *testing.T) {
	p := newProvider(t, standard())
	d, token := granted(t, p, "documents.read offline_access")
	next := d.refresh(token.text("refresh_token")).wantOK(t)
	for _, a := range []answer{token, next} {
		if a.text("id_token") != "" {
			t.Error("an ID token was issued")
		}
		userinfo(t, p, a.text("access_token")).wantFault(t, http.StatusForbidden, "insufficient_scope")
	}
}

func TestForeignTokensAreNotLive(t *testing.T) {
	p, other := newProvider(t, standard()), newProvider(t, standard())
	_, foreign := granted(t, other, "openid")
	_, own := granted(t, p, "openid")
	for name, token := range map[string]string{
		"empty": "", "garbage": "a.b.c", "another key": foreign.text("access_token"), "an ID token": own.text("id_token"),
	} {
		if p.Live(token) {
			t.Errorf("%s: live", name)
		}
		if got := userinfo(t, p, token).status; got != http.StatusUnauthorized {
			t.Errorf("%s: userinfo answers %d", name, got)
		}
	}
}
