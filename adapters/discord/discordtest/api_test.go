package discordtest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestWhoCallsMustSayWhoItIs(t *testing.T) {
	t.Parallel()
	for name, bend := range map[string]func(*http.Request){
		"no token":          func(r *http.Request) { r.Header.Del("Authorization") },
		"another's token":   func(r *http.Request) { r.Header.Set("Authorization", "Bot abc.def.ghi") },
		"not called a bot":  func(r *http.Request) { r.Header.Set("Authorization", r.Header.Get("Authorization")[4:]) },
		"a bearer's":        func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+r.Header.Get("Authorization")[4:]) },
		"token in the path": func(r *http.Request) { r.URL.RawQuery = "token=x"; r.Header.Del("Authorization") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := office(t)
			c.s.Tolerate(General)
			a, err := c.try("GET", "/users/@me", nil, bend)
			if err != nil {
				t.Fatal(err)
			}
			c.refused(a, http.StatusUnauthorized, General)
			if c.s.Invalid() != 1 {
				t.Errorf("%d invalid requests are held against the address", c.s.Invalid())
			}
		})
	}
}

func TestABotSaysItsName(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Tolerate(General)
	for _, agent := range []string{"", "curl/8", "Go-http-client/1.1"} {
		a, err := c.try("GET", "/users/@me", nil, func(r *http.Request) { r.Header.Set("User-Agent", agent) })
		if err != nil {
			t.Fatal(err)
		}
		c.refused(a, http.StatusForbidden, General)
	}
}

func TestARevokedTokenIsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) { w.App.Revoked = true })
	for range 3 {
		c.refused(c.call("GET", "/users/@me", nil), http.StatusUnauthorized, General)
	}
	if c.s.Invalid() != 3 {
		t.Errorf("%d invalid requests are held against the address", c.s.Invalid())
	}
}

func TestBothVersionsAreServed(t *testing.T) {
	t.Parallel()
	c := office(t)
	for _, version := range []string{"v9", "v10"} {
		a, err := c.try("GET", "/users/@me", nil, func(r *http.Request) { r.URL.Path = "/api/" + version + "/users/@me" })
		if err != nil {
			t.Fatal(err)
		}
		if c.granted(a); a.text("id") != Office().completed().App.Bot {
			t.Errorf("%s says %s", version, a.raw)
		}
	}
}

func TestWhatIsNotKnownIsRefused(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Tolerate(General, InvalidForm, InvalidJSON)
	c.refused(c.call("GET", "/users/@me/billing", nil), http.StatusNotFound, General)
	c.refused(c.call("GET", "/users/@me?token=x", nil), http.StatusBadRequest, InvalidForm)
	c.refused(c.call("GET", "/users/alice", nil), http.StatusBadRequest, InvalidForm)
	c.refused(c.call("GET", "/users/@me", fields{"a": 1}), http.StatusBadRequest, InvalidForm)
	c.refused(c.call("POST", "/users/@me/channels", fields{"recipient_id": Alice, "extra": 1}), http.StatusBadRequest, InvalidForm)
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded"} {
		a, err := c.try("POST", "/users/@me/channels", url.Values{}, func(r *http.Request) { r.Header.Set("Content-Type", kind) })
		if err != nil {
			t.Fatal(err)
		}
		c.refused(a, http.StatusBadRequest, InvalidJSON)
	}
}

func TestBucketsTellWhatIsLeft(t *testing.T) {
	t.Parallel()
	c := office(t)
	for left := 4; left >= 0; left-- {
		a := c.granted(c.call("POST", "/channels/"+Deploys+"/messages", fields{"content": "x"}))
		if got := a.header.Get("X-RateLimit-Remaining"); got != strconv.Itoa(left) {
			t.Fatalf("want %d left, got %q", left, got)
		}
		if after := a.header.Get("X-RateLimit-Reset-After"); !strings.Contains(after, ".") {
			t.Errorf("the time until the reset has no decimals: %q", after)
		}
	}
	over := c.call("POST", "/channels/"+Deploys+"/messages", fields{"content": "x"})
	if over.status != http.StatusTooManyRequests || over.header.Get("X-RateLimit-Scope") != "user" || over.body["global"] != false {
		t.Fatalf("a post too many gets %d %v %s", over.status, over.header, over.raw)
	}
	if wait, _ := over.body["retry_after"].(float64); wait <= 0 || wait > 5 {
		t.Errorf("it is told to wait %v s", wait)
	}
	c.post(Rollout, fields{"content": "another channel is another bucket"})
	c.s.Advance(5 * time.Second)
	c.post(Deploys, fields{"content": "x"})
	if c.s.Invalid() != 1 {
		t.Errorf("%d invalid requests are held against the address", c.s.Invalid())
	}
}

func TestAllRoutesTogetherAreLimited(t *testing.T) {
	t.Parallel()
	w := Office()
	stopped := time.Now()
	w.Now = func() time.Time { return stopped }
	c := caller{t: t, s: Start(t, w)}
	for i := range globally {
		c.granted(c.call("GET", "/users/"+[]string{Alice, Bob}[i%2], nil))
	}
	over := c.call("GET", "/guilds/"+Acme+"/roles", nil)
	if over.status != http.StatusTooManyRequests || over.header.Get("X-RateLimit-Global") != "true" || over.body["global"] != true {
		t.Fatalf("a call too many gets %d %s", over.status, over.raw)
	}
	c.s.Advance(time.Second)
	c.granted(c.call("GET", "/guilds/"+Acme+"/roles", nil))
}

func TestTooManyInvalidRequestsAreBanned(t *testing.T) {
	t.Parallel()
	w := Office()
	w.Ban = 3
	c := caller{t: t, s: Start(t, w)}
	for range 3 {
		c.refused(c.call("GET", "/channels/"+Secret, nil), http.StatusForbidden, MissingAccess)
	}
	a := c.call("GET", "/users/@me", nil)
	if a.status != http.StatusTooManyRequests || !strings.Contains(a.raw, "1015") {
		t.Fatalf("after too many, a right call gets %d %s", a.status, a.raw)
	}
	c.s.Advance(10 * time.Minute)
	c.granted(c.call("GET", "/users/@me", nil))
}

func TestLimitsOfPlacesAreNotHeldAgainstTheApp(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Fail("GET /users/@me", 1, Fault{Limited: 1500 * time.Millisecond, Shared: true})
	a := c.call("GET", "/users/@me", nil)
	if a.status != http.StatusTooManyRequests || a.header.Get("X-RateLimit-Scope") != "shared" || a.header.Get("Retry-After") != "2" || a.body["retry_after"] != 1.5 {
		t.Errorf("a shared limit is told as %d %v %s", a.status, a.header, a.raw)
	}
	if c.s.Invalid() != 0 {
		t.Errorf("%d invalid requests are held against the address", c.s.Invalid())
	}
}
