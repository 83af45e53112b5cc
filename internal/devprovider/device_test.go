package devprovider

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnEarlyPollCostsFiveSecondsForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t, standard())
		d := bridgeDevice(t, p)
		code := d.ask("openid").wantOK(t)
		steps := []struct {
			wait  time.Duration
			fault string
		}{
			{0, "authorization_pending"},
			{4999 * time.Millisecond, "slow_down"},
			{9999 * time.Millisecond, "slow_down"},
			{15 * time.Second, "authorization_pending"},
			{14 * time.Second, "slow_down"},
			{20 * time.Second, "authorization_pending"},
			{20 * time.Second, "authorization_pending"},
		}
		for _, step := range steps {
			<-time.After(step.wait)
			d.poll(code).wantFault(t, http.StatusBadRequest, step.fault)
		}
		if count(p, KindEarlyPoll) != 3 || count(p, KindPoll) != 4 {
			t.Errorf("%d early polls and %d others", count(p, KindEarlyPoll), count(p, KindPoll))
		}

		other := d.ask("openid").wantOK(t)
		d.poll(other).wantFault(t, 400, "authorization_pending")
		<-time.After(5 * time.Second)
		d.poll(other).wantFault(t, 400, "authorization_pending")

		newPerson(t, p).allow(code, "alice")
		<-time.After(14 * time.Second)
		d.poll(code).wantFault(t, 400, "slow_down")
		<-time.After(25 * time.Second)
		d.poll(code).wantOK(t)
	})
}

func TestADeviceCodeGivesOneToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t, standard())
		d := bridgeDevice(t, p)
		code := d.ask("openid").wantOK(t)
		newPerson(t, p).allow(code, "alice")
		token := d.poll(code).wantOK(t).text("access_token")
		<-time.After(time.Minute)
		d.poll(code).wantFault(t, 400, "invalid_grant")
		if !p.Live(token) || count(p, KindTokenIssued) != 1 {
			t.Error("the second use did more than fail")
		}
	})
}

func TestTwentyPollsAtOnceGiveOneToken(t *testing.T) {
	p := newProvider(t, standard())
	d := bridgeDevice(t, p)
	code := d.ask("openid").wantOK(t)
	newPerson(t, p).allow(code, "alice")

	const polls = 20
	answers := make([]answer, polls)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range polls {
		group.Go(func() {
			<-start
			answers[i] = d.poll(code)
		})
	}
	close(start)
	group.Wait()

	granted := 0
	for _, a := range answers {
		if a.status == http.StatusOK {
			granted++
			continue
		}
		a.wantFault(t, 400, "invalid_grant")
	}
	if granted != 1 || count(p, KindTokenIssued) != 1 || len(p.Grants()) != 1 {
		t.Errorf("%d tokens were given out, %d in the journal", granted, count(p, KindTokenIssued))
	}
}

func TestALapsedCodeGivesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := standard()
		o.CodeLifetime = time.Minute
		p := newProvider(t, o)
		d, alice := bridgeDevice(t, p), newPerson(t, p)
		allowed, waiting := d.ask("openid").wantOK(t), d.ask("openid").wantOK(t)
		alice.allow(allowed, "alice")
		consent := alice.consentPage(waiting, "alice")

		<-time.After(time.Minute)
		d.poll(allowed).wantFault(t, 400, "expired_token")
		d.poll(waiting).wantFault(t, 400, "expired_token")
		alice.press(consent, "Allow", nil).wants(t, http.StatusGone, "has lapsed")
		s := alice.open(waiting.text("verification_uri_complete"))
		alice.press(s, "Continue", nil).wants(t, http.StatusGone, "has lapsed")

		<-time.After(2 * time.Hour)
		d.ask("openid").wantOK(t)
		d.poll(waiting).wantFault(t, 400, "invalid_grant")
		if count(p, KindConsent) != 1 || count(p, KindTokenIssued) != 0 {
			t.Errorf("journal: %v", p.Journal())
		}
	})
}

func TestACodeIsGoodForItsOwnClientOnly(t *testing.T) {
	p := newProvider(t, standard())
	code := bridgeDevice(t, p).ask("openid").wantOK(t)
	newPerson(t, p).allow(code, "alice")
	thief := device{t: t, p: p, id: "basic", secret: "s3cret&=", basic: true}
	thief.poll(code).wantFault(t, 400, "invalid_grant")
	bridgeDevice(t, p).poll(code).wantOK(t)
}

func TestAClientMustAuthenticateAsRegistered(t *testing.T) {
	p := newProvider(t, standard())
	for _, good := range []device{
		{t: t, p: p, id: "bridge"},
		{t: t, p: p, id: "basic", secret: "s3cret&=", basic: true},
		{t: t, p: p, id: "post", secret: "s3cret"},
	} {
		good.poll(good.ask("openid").wantOK(t)).wantFault(t, 400, "authorization_pending")
	}
	asked := count(p, KindDeviceAuthorization)
	for name, bad := range map[string]device{
		"wrong secret, basic":   {id: "basic", secret: "wrong", basic: true},
		"wrong secret, post":    {id: "post", secret: "wrong"},
		"no secret":             {id: "basic"},
		"empty secret":          {id: "basic", basic: true},
		"basic instead of post": {id: "post", secret: "s3cret", basic: true},
		"post instead of basic": {id: "basic", secret: "s3cret&="},
		"public with a secret":  {id: "bridge", secret: "x"},
		"public with basic":     {id: "bridge", basic: true},
		"unknown":               {id: "nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			bad.t, bad.p = t, p
			a := bad.ask("openid")
			a.wantFault(t, http.StatusUnauthorized, "invalid_client")
			if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("WWW-Authenticate %q", a.header.Get("WWW-Authenticate"))
			}
			bad.poll(a).wantFault(t, http.StatusUnauthorized, "invalid_client")
			bad.revoke("x", "").wantFault(t, http.StatusUnauthorized, "invalid_client")
		})
	}
	if count(p, KindDeviceAuthorization) != asked {
		t.Error("a code was given to a client that did not authenticate")
	}
}

func TestARequestThatBendsTheRulesIsRefused(t *testing.T) {
	p := newProvider(t, standard())
	d := bridgeDevice(t, p)
	d.ask("openid admin").wantFault(t, 400, "invalid_scope")
	d.post("/device_authorization?scope=openid", url.Values{}).wantFault(t, 400, "invalid_request")
	d.post("/device_authorization", url.Values{"scope": {"openid", "email"}}).wantFault(t, 400, "invalid_request")
	d.post("/device_authorization", url.Values{"scope": {strings.Repeat("x", maxBody)}}).wantFault(t, 400, "invalid_request")
	d.post("/token", url.Values{"grant_type": {"client_credentials"}}).wantFault(t, 400, "unsupported_grant_type")
	d.post("/token", url.Values{"grant_type": {"password"}}).wantFault(t, 400, "unsupported_grant_type")
	d.post("/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}}).wantFault(t, 400, "invalid_request")
	if len(p.Journal()) != 0 {
		t.Errorf("journal: %v", p.Journal())
	}
	d.post("/device_authorization", url.Values{"resource": {"https://a.example", "https://b.example"}}).wantOK(t)
}

func TestUserCodesAreDrawnAgainWhileTaken(t *testing.T) {
	o := standard()
	o.UserCode = UserCodeFormat{Charset: "AB", Length: 1}
	p := newProvider(t, o)
	d := bridgeDevice(t, p)
	first, second := d.ask("openid").wantOK(t), d.ask("openid").wantOK(t)
	if first.text("user_code") == second.text("user_code") {
		t.Fatal("two devices have the same user code")
	}
	d.ask("openid").wantFault(t, http.StatusInternalServerError, "server_error")
}
