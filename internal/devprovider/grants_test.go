package devprovider

import (
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func wantHonoured(t *testing.T, p *Provider, tokens map[string]bool) {
	t.Helper()
	for token, want := range tokens {
		if got := p.Honours(token); got != want {
			t.Errorf("refresh token %.4s… is honoured: %v, want %v", token, got, want)
		}
	}
}

// TestTheBooksOfAGrant are right through a life of rotations, and through its
// end by theft; and to look at them changes nothing.
func TestTheBooksOfAGrant(t *testing.T) {
	p := newProvider(t, standard())
	d, first := granted(t, p, "openid offline_access")
	_, bystander := granted(t, p, "openid")
	want := []Grant{
		{Client: "bridge", Subject: "a-1", Scopes: []string{"openid", "offline_access"}, Honoured: 1},
		{Client: "bridge", Subject: "a-1", Scopes: []string{"openid"}},
	}
	entries := len(p.Journal())
	check := func() {
		t.Helper()
		if diff := cmp.Diff(want, p.Grants()); diff != "" {
			t.Errorf("grants (-want +got):\n%s", diff)
		}
		for _, token := range []string{first.text("access_token"), first.text("refresh_token")} {
			if got, ok := p.GrantOf(token); !ok || !cmp.Equal(got, want[0]) {
				t.Errorf("the token is of %+v", got)
			}
		}
	}
	check()
	second := d.refresh(first.text("refresh_token")).wantOK(t)
	third := d.refresh(second.text("refresh_token")).wantOK(t)
	want[0].Refreshes = 2
	check()
	wantHonoured(t, p, map[string]bool{
		first.text("refresh_token"): false, second.text("refresh_token"): false, third.text("refresh_token"): true,
		"": false, "unknown": false, third.text("access_token"): false,
	})
	d.refresh(first.text("refresh_token")).wantFault(t, 400, "invalid_grant")
	want[0].Honoured, want[0].Reused = 0, true
	check()
	wantHonoured(t, p, map[string]bool{third.text("refresh_token"): false})
	if got, ok := p.GrantOf(bystander.text("access_token")); !ok || !cmp.Equal(got, want[1]) {
		t.Errorf("the bystander's token is of %+v", got)
	}
	if _, ok := p.GrantOf("unknown"); ok {
		t.Error("an unknown token is of a grant")
	}
	if got := len(p.Journal()) - entries; got != 3 {
		t.Errorf("three refreshes left %d entries: %v", got, p.Journal()[entries:])
	}
}

func TestARevokedGrantIsHonouredNoMore(t *testing.T) {
	p := newProvider(t, standard())
	d, token := granted(t, p, "openid offline_access")
	d.revoke(token.text("access_token"), "").wantOK(t)
	if got := p.Grants()[0]; got.Honoured != 1 || got.Revoked {
		t.Errorf("an access token took its grant along: %+v", got)
	}
	d.revoke(token.text("refresh_token"), "").wantOK(t)
	if got := p.Grants()[0]; got.Honoured != 0 || !got.Revoked || got.Reused {
		t.Errorf("grant %+v", got)
	}
}

func TestASpentTokenHasItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := standard()
		o.RefreshGrace = 10 * time.Second
		p := newProvider(t, o)
		d, first := granted(t, p, "offline_access")
		second := d.refresh(first.text("refresh_token")).wantOK(t)
		<-time.After(9 * time.Second)
		again := d.refresh(first.text("refresh_token")).wantOK(t)
		if again.text("refresh_token") == second.text("refresh_token") {
			t.Error("the same tokens came again")
		}
		if got := p.Grants()[0]; got.Honoured != 3 || got.Refreshes != 2 {
			t.Errorf("grant %+v", got)
		}
		<-time.After(time.Second) // the grace counts from the first use
		wantHonoured(t, p, map[string]bool{
			first.text("refresh_token"): false, second.text("refresh_token"): true, again.text("refresh_token"): true,
		})
		d.refresh(first.text("refresh_token")).wantFault(t, 400, "invalid_grant")
		if got := p.Grants()[0]; got.Honoured != 0 || !got.Reused {
			t.Errorf("grant %+v", got)
		}
	})
}

func TestEachClientHasItsOwnTokenLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := standard()
		o.AccessTokenLifetime = time.Hour
		o.Clients[0].AccessTokenLifetime = 2 * time.Second
		p := newProvider(t, o)
		d, token := granted(t, p, "openid offline_access")
		other := device{t: t, p: p, id: "post", secret: "s3cret"}
		code := other.ask("openid").wantOK(t)
		newPerson(t, p).allow(code, "alice")
		if life := other.poll(code).wantOK(t).body["expires_in"]; life != 3600.0 {
			t.Errorf("the other client's token lives for %v", life)
		}
		for range 3 {
			access := token.text("access_token")
			if token.body["expires_in"] != 2.0 || !p.Live(access) {
				t.Errorf("expires_in %v", token.body["expires_in"])
			}
			<-time.After(2 * time.Second)
			if p.Live(access) {
				t.Error("a token outlives its expires_in")
			}
			token = d.refresh(token.text("refresh_token")).wantOK(t)
		}
	})
}

func TestForgottenRefreshTokens(t *testing.T) {
	p := newProvider(t, standard())
	d, token := granted(t, p, "openid offline_access")
	p.ForgetRefreshTokens()
	wantHonoured(t, p, map[string]bool{token.text("refresh_token"): false})
	if got, ok := p.GrantOf(token.text("access_token")); !ok || got.Honoured != 0 || got.Reused || got.Revoked {
		t.Errorf("grant %+v", got)
	}
	d.refresh(token.text("refresh_token")).wantFault(t, 400, "invalid_grant")
	d.revoke(token.text("refresh_token"), "").wantOK(t)
	if !p.Live(token.text("access_token")) {
		t.Error("the access token was forgotten, too")
	}
	_, fresh := granted(t, p, "offline_access")
	wantHonoured(t, p, map[string]bool{fresh.text("refresh_token"): true})
}

func TestAnOutageOfTheTokenEndpoint(t *testing.T) {
	p := newProvider(t, standard())
	d, token := granted(t, p, "openid offline_access")
	waiting := d.ask("openid").wantOK(t)
	newPerson(t, p).allow(waiting, "alice")
	p.SetOutage(true)
	for name, a := range map[string]answer{"a refresh": d.refresh(token.text("refresh_token")), "a poll": d.poll(waiting)} {
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "1" {
			t.Errorf("%s is answered with %d", name, a.status)
		}
	}
	userinfo(t, p, token.text("access_token")).wantOK(t) // the other endpoints are up
	d.ask("openid").wantOK(t)
	if count(p, KindTurnedAway) != 2 || count(p, KindRefresh) != 0 || count(p, KindPoll) != 1 {
		t.Errorf("journal: %v", p.Journal())
	}
	p.SetOutage(false)
	d.refresh(token.text("refresh_token")).wantOK(t)
	d.poll(waiting).wantOK(t)
}

// TestAnswersThatAreLost: the work is done, and the connection dies.
func TestAnswersThatAreLost(t *testing.T) {
	o := standard()
	o.RefreshGrace = time.Minute
	p := newProvider(t, o)
	d, token := granted(t, p, "openid offline_access")
	spent := token.text("refresh_token")
	p.LoseRefreshAnswers(2)
	_, other := granted(t, p, "openid") // polls are answered
	if other.text("access_token") == "" {
		t.Error("a poll was not answered")
	}
	for n := range 2 {
		if !dies(func() { d.refresh(spent) }) {
			t.Error("an answer came")
		}
		if got := p.Grants()[0]; got.Refreshes != n+1 || got.Honoured != n+2 {
			t.Errorf("grant %+v", got)
		}
	}
	d.refresh(spent).wantOK(t)
	if count(p, KindRefresh) != 3 {
		t.Errorf("journal: %v", p.Journal())
	}
	p.LoseRefreshAnswers(5)
	p.LoseRefreshAnswers(0)
	d.refresh(spent).wantOK(t)
}

// dies reports whether a handler breaks its connection off, as net/http has
// it done.
func dies(call func()) (died bool) {
	defer func() {
		switch broken := recover(); broken {
		case nil:
		case http.ErrAbortHandler:
			died = true
		default:
			panic(broken)
		}
	}()
	call()
	return false
}

// TestARefreshIsStrict: nobody gets more than was granted.
func TestARefreshIsStrict(t *testing.T) {
	p := newProvider(t, standard())
	d, token := granted(t, p, "openid email offline_access")
	refresh := token.text("refresh_token")
	d.refresh("unknown").wantFault(t, 400, "invalid_grant")
	d.post("/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "scope": {"openid documents.read"},
	}).wantFault(t, 400, "invalid_scope")
	wantHonoured(t, p, map[string]bool{refresh: true})
	less := d.post("/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "scope": {"openid"},
	}).wantOK(t)
	if less.text("scope") != "openid" {
		t.Errorf("scope %q", less.text("scope"))
	}
	if next := d.refresh(less.text("refresh_token")).wantOK(t); next.text("scope") != "openid email offline_access" {
		t.Errorf("scope %q", next.text("scope"))
	}
}
