package devprovider

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

func TestOnlyTheBrowserThatSignedInCanConsent(t *testing.T) {
	p := newProvider(t, standard())
	d, alice, mallory := bridgeDevice(t, p), newPerson(t, p), newPerson(t, p)
	code := d.ask("openid").wantOK(t)
	consent := alice.consentPage(code, "alice")
	own := mallory.consentPage(code, "bob")

	attack := func(name string, v person, form url.Values) {
		t.Helper()
		v.send("/device/consent", form).wants(t, http.StatusForbidden, "no longer good")
		if count(p, KindConsent)+count(p, KindRefusal) != 0 {
			t.Fatalf("%s: a decision was made", name)
		}
	}
	allow := func(flow string) url.Values { return url.Values{"flow": {flow}, "decision": {"allow"}} }
	attack("no cookie", newPerson(t, p), allow(consent.fields.Get("flow")))
	attack("foreign cookie", mallory, allow(consent.fields.Get("flow")))
	attack("foreign flow", alice, allow(own.fields.Get("flow")))
	attack("no flow", alice, url.Values{"decision": {"allow"}})
	attack("made-up flow", alice, allow("AAAAAAAAAAAAAAAAAAAAAAAAAA"))
	d.poll(code).wantFault(t, 400, "authorization_pending")

	alice.press(consent, "Allow", nil).wants(t, http.StatusOK, "You can close this page")
	alice.press(consent, "Allow", nil).wants(t, http.StatusForbidden, "no longer good")
	mallory.press(own, "Allow", nil).wants(t, http.StatusConflict, "has been used")
	if got := p.Journal(); count(p, KindConsent) != 1 || got[len(got)-1].Subject != "a-1" {
		t.Errorf("journal: %v", got)
	}
}

func TestNoStepCanBeSkipped(t *testing.T) {
	p := newProvider(t, standard())
	d, alice := bridgeDevice(t, p), newPerson(t, p)
	code := d.ask("openid").wantOK(t)
	address := code.text("verification_uri_complete")
	signIn := alice.press(alice.open(address), "Continue", nil)

	for path, flow := range map[string]string{
		"/device/sign-in": alice.open(address).fields.Get("flow"),
		"/device/consent": signIn.fields.Get("flow"),
		"/device":         signIn.fields.Get("flow"),
	} {
		alice.send(path, url.Values{
			"flow": {flow}, "user_code": {code.text("user_code")}, "account": {"alice"}, "decision": {"allow"},
		}).wants(t, http.StatusForbidden, "no longer good")
	}
	consent := alice.press(signIn, "Sign in", map[string]string{"Account": "alice"})
	alice.send("/device/consent", url.Values{"flow": consent.fields["flow"]}).wants(t, http.StatusBadRequest, "Nothing was given")
	d.poll(code).wantFault(t, 400, "authorization_pending")
}

func TestAPostFromAnotherSiteIsRefused(t *testing.T) {
	p := newProvider(t, standard())
	d, alice := bridgeDevice(t, p), newPerson(t, p)
	code := d.ask("openid").wantOK(t)
	consent := alice.consentPage(code, "alice")
	form := url.Values{"flow": consent.fields["flow"], "decision": {"allow"}}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, issuer+"/device/consent", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	home, _ := url.Parse(issuer + "/device")
	for _, cookie := range alice.client.Jar.Cookies(home) {
		r.AddCookie(cookie)
	}
	if got := serve(t, p, r).status; got != http.StatusForbidden || count(p, KindConsent) != 0 {
		t.Errorf("answered with %d", got)
	}
	alice.press(consent, "Allow", nil).wants(t, http.StatusOK, "Access was given")
}

func TestTheCookieIsOurs(t *testing.T) {
	p := newProvider(t, standard())
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, issuer+"/device", nil)
	ours, err := http.ParseSetCookie(get(t, p, "/device").header.Get("Set-Cookie"))
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: ours.Name, Value: "PLANTED"})
	header, err := http.ParseSetCookie(serve(t, p, r).header.Get("Set-Cookie"))
	if err != nil {
		t.Fatal(err)
	}
	if header.Value == "PLANTED" || len(header.Value) < 20 || !header.HttpOnly || header.SameSite != http.SameSiteLaxMode || header.Path != "/device" {
		t.Errorf("cookie %+v", header)
	}
}

func TestTwoTabsOfOneBrowserDoNotDisturbEachOther(t *testing.T) {
	p := newProvider(t, standard())
	d, alice := bridgeDevice(t, p), newPerson(t, p)
	first, second := d.ask("openid").wantOK(t), d.ask("openid").wantOK(t)
	one, two := alice.consentPage(first, "alice"), alice.consentPage(second, "bob")
	alice.press(one, "Allow", nil).wants(t, http.StatusOK, "Access was given")
	alice.press(two, "Refuse", nil).wants(t, http.StatusOK, "You refused")
	d.poll(first).wantOK(t)
	d.poll(second).wantFault(t, 400, "access_denied")
}

func TestAFormGoesStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := standard()
		o.CodeLifetime = time.Hour
		p := newProvider(t, o)
		d, alice := bridgeDevice(t, p), newPerson(t, p)
		consent := alice.consentPage(d.ask("openid").wantOK(t), "alice")
		<-time.After(15 * time.Minute)
		alice.press(consent, "Allow", nil).wants(t, http.StatusForbidden, "no longer good")
	})
}

func TestACodeCanBeTypedInOnesOwnWay(t *testing.T) {
	p := newProvider(t, standard())
	d, alice := bridgeDevice(t, p), newPerson(t, p)
	code := d.ask("openid").wantOK(t).text("user_code")
	s := alice.open(issuer + "/device")
	s = alice.press(s, "Continue", map[string]string{"Code": "WRNG-CODE"})
	s.wants(t, http.StatusUnprocessableEntity, "no such code")
	typed := " " + strings.ToLower(strings.ReplaceAll(code, "-", " "))
	alice.press(s, "Continue", map[string]string{"Code": typed}).wants(t, http.StatusOK, code)
}

func TestWhatOthersWroteIsOnlyEverText(t *testing.T) {
	const hostile = `<script>alert(1)</script>"><img src=x onerror=alert(2)>`
	o := standard()
	o.Clients[0].Name = hostile
	o.Clients[0].Scopes = append(o.Clients[0].Scopes, "<b>bold</b>")
	p := newProvider(t, o)
	d, alice := bridgeDevice(t, p), newPerson(t, p)
	consent := alice.consentPage(d.ask("openid <b>bold</b>").wantOK(t), "alice")
	consent.wants(t, http.StatusOK, hostile)
	prefilled := alice.open(issuer + "/device?user_code=" + url.QueryEscape(hostile))
	if prefilled.fields.Get("user_code") != hostile {
		t.Errorf("the code is filled in as %q", prefilled.fields.Get("user_code"))
	}
	wrong := alice.press(prefilled, "Continue", nil)
	for _, s := range []screen{consent, prefilled, wrong} {
		if strings.Contains(s.raw, "<script") || strings.Contains(s.raw, "<img") || strings.Contains(s.raw, "<b>") {
			t.Errorf("markup got through: %s", s.raw)
		}
	}
}

func TestPagesAreFencedIn(t *testing.T) {
	p := newProvider(t, standard())
	d, alice := bridgeDevice(t, p), newPerson(t, p)
	code := d.ask("openid").wantOK(t)
	pages := []screen{alice.open(issuer + "/device")}
	pages = append(pages, alice.press(pages[0], "Continue", map[string]string{"Code": code.text("user_code")}))
	pages = append(pages, alice.press(pages[1], "Sign in", map[string]string{"Account": "alice"}))
	pages = append(pages, alice.press(pages[2], "Allow", nil))
	pages = append(pages, alice.press(pages[2], "Allow", nil))
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff",
		"X-Frame-Options":         "DENY",
		"Cache-Control":           "no-store",
		"Referrer-Policy":         "same-origin",
	}
	for _, s := range pages {
		got := map[string]string{}
		for name := range want {
			got[name] = s.header.Get(name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
		checkReadable(t, s)
	}
	if a := get(t, p, "/device/style.css"); a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/css") {
		t.Errorf("style sheet: %d %s", a.status, a.header.Get("Content-Type"))
	}
}

// checkReadable looks for what a screen reader needs: a language, a title, one
// heading, a label for each field to fill in; and for no script or inline style.
func checkReadable(t *testing.T, s screen) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(s.raw))
	if err != nil {
		t.Fatal(err)
	}
	seen, labelled := map[string]int{}, map[string]bool{}
	for _, id := range s.labels {
		labelled[id] = true
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		seen[n.Data]++
		if n.Data == "html" && attribute(n, "lang") == "" {
			t.Error("no language")
		}
		if n.Data == "input" && attribute(n, "type") != "hidden" && !labelled[attribute(n, "id")] {
			t.Errorf("the field %q has no label", attribute(n, "name"))
		}
		if attribute(n, "style") != "" {
			t.Error("inline style")
		}
	}
	if seen["h1"] != 1 || seen["title"] != 1 || seen["main"] != 1 || seen["script"]+seen["style"] != 0 {
		t.Errorf("elements: %v", seen)
	}
}
