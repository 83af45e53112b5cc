package web

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

func TestLinkSignsInOnce(t *testing.T) {
	h := newHouse(t)
	url, err := h.inbox.NewLink(t.Context(), "alice", base+"/")
	if err != nil {
		t.Fatal(err)
	}
	link, ok := strings.CutPrefix(url.Reveal(), base+"/#")
	if !ok || len(link) < 26 { // 26 letters of base32 are 130 bits
		t.Fatalf("the link is %q", url.Reveal())
	}
	a := h.open(link)
	a.expect(t, 200, `"human":"alice"`, `"session":"`)
	if strings.Contains(a.body, link) {
		t.Error("the session's secret is the link's: who saw the link could use the session")
	}
	h.open(link).expect(t, 403, "works once")
}

func TestLinkOfTwentyAtOnceOneWins(t *testing.T) {
	h := newHouse(t)
	link := h.link("alice")
	var all sync.WaitGroup
	got := make(chan int, 20)
	for range cap(got) {
		all.Go(func() { got <- h.open(link).status })
	}
	all.Wait()
	close(got)
	count := map[int]int{}
	for status := range got {
		count[status]++
	}
	if count[200] != 1 || count[403] != 19 {
		t.Errorf("answers: %v, want one 200 and nineteen 403", count)
	}
}

func TestLateLinkIsNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		intime, late := h.link("alice"), h.link("alice")
		<-time.After(LinkLife - time.Second)
		h.open(intime).expect(t, 200)
		<-time.After(time.Second)
		h.open(late).expect(t, 403, "two minutes")
	})
}

func TestWrongLinksSignNobodyIn(t *testing.T) {
	h := newHouse(t)
	session := h.signIn("alice")
	for what, edits := range map[string][]edit{
		"made up":             {body(`{"link":"AAAAAAAAAAAAAAAAAAAAAAAAAA"}`)},
		"a session's secret":  {body(`{"link":"` + session + `"}`)},
		"a name in the store": {body(`{"link":"../session/` + hashed(bridge.NewSecret(session)) + `"}`)},
	} {
		t.Run(what, func(t *testing.T) {
			h.call("POST", "/session", edits...).expect(t, 403, spent)
		})
	}
	for what, c := range map[string]struct {
		edits  []edit
		status int
	}{
		"nothing":         {nil, 415},
		"a form":          {[]edit{body("link=x"), header("Content-Type", "application/x-www-form-urlencoded")}, 415},
		"plain text":      {[]edit{body(`{"link":"x"}`), header("Content-Type", "text/plain")}, 415},
		"no JSON":         {[]edit{body("x")}, 400},
		"an empty link":   {[]edit{body(`{"link":""}`)}, 400},
		"a list":          {[]edit{body(`["x"]`)}, 400},
		"something added": {[]edit{body(`{"link":"x","human":"alice"}`)}, 400},
	} {
		t.Run(what, func(t *testing.T) { h.call("POST", "/session", c.edits...).expect(t, c.status) })
	}
	if h.notes.writes != 1 {
		t.Errorf("%d transactions that write; guesses must cost none", h.notes.writes)
	}
}

func TestLinkForNobody(t *testing.T) {
	h := newHouse(t)
	if _, err := h.inbox.NewLink(t.Context(), "mallory", base); !errors.Is(err, bridge.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if len(h.notes.all) != 0 {
		t.Error("a link was remembered")
	}
	link := h.link("bob")
	h.desk.dismiss("bob")
	h.open(link).expect(t, 403)
}

func TestOnlyHashesAreKept(t *testing.T) {
	h := newHouse(t)
	link := h.link("alice")
	session := h.signIn("alice")
	for key, k := range h.notes.all {
		if text := key + string(k.value); strings.Contains(text, link) || strings.Contains(text, session) {
			t.Errorf("a secret stands in the note %s", key)
		}
	}
	if len(h.notes.all) != 3 {
		t.Errorf("%d notes, want the link's, the session's and the list of sessions", len(h.notes.all))
	}
}

func TestNoSessionNoInbox(t *testing.T) {
	h := newHouse(t)
	session := h.signIn("alice")
	link := h.link("alice")
	for what, e := range map[string]edit{
		"nothing":               header("Authorization", ""),
		"a made-up secret":      as("AAAAAAAAAAAAAAAAAAAAAAAAAA"),
		"an empty secret":       as(""),
		"the secret, cut short": as(session[:20]),
		"a link's secret":       as(link),
		"the name of the note":  as(hashed(bridge.NewSecret(session))),
		"the name of the human": as("alice"),
		"another scheme":        header("Authorization", "Basic "+session),
		"a cookie instead":      header("Cookie", "session="+session),
	} {
		t.Run(what, func(t *testing.T) {
			h.call("GET", "/inbox", e).expect(t, 401, "not signed in")
			h.call("POST", "/requests/req_1/deny", e).expect(t, 401)
			h.call("DELETE", "/session", e).expect(t, 401)
		})
	}
	h.call("GET", "/inbox?session="+session).expect(t, 401)
	h.call("GET", "/inbox", as(session)).expect(t, 200)
}

func TestSessionLastsTwelveHoursAndARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		alice := h.signIn("alice")
		<-time.After(sessionLife - time.Second)
		h.restart()
		h.call("GET", "/inbox", as(alice)).expect(t, 200)
		<-time.After(time.Second)
		h.call("GET", "/inbox", as(alice)).expect(t, 401)
	})
}

func TestSignOutEndsThisSessionAlone(t *testing.T) {
	h := newHouse(t)
	here, there := h.signIn("alice"), h.signIn("alice")
	h.call("DELETE", "/session", as(here)).expect(t, http.StatusNoContent)
	h.call("GET", "/inbox", as(here)).expect(t, 401)
	h.call("GET", "/inbox", as(there)).expect(t, 200)
	h.call("DELETE", "/session", as(here)).expect(t, 401)
}

func TestHumanTakenFromTheConfigurationIsOut(t *testing.T) {
	h := newHouse(t)
	bob := h.signIn("bob")
	h.desk.dismiss("bob")
	h.call("GET", "/inbox", as(bob)).expect(t, 401)
	h.call("POST", "/requests/req_1/deny", as(bob)).expect(t, 401)
}

// TestWhoeverTakesANameTakesNoSession: neither a session nor a link of the one
// who had the name before is good any more, not even when the name was gone
// meanwhile.
func TestWhoeverTakesANameTakesNoSession(t *testing.T) {
	h := newHouse(t)
	bob, link := h.signIn("bob"), h.link("bob")
	h.desk.inherit("bob")
	h.call("GET", "/inbox", as(bob)).expect(t, 401)
	h.open(link).expect(t, 403)
	h.call("GET", "/inbox", as(h.signIn("bob"))).expect(t, 200)
}

func TestStoreTroubleIsSaidAndLoggedWithoutSecrets(t *testing.T) {
	h := newHouse(t)
	alice, link := h.signIn("alice"), h.link("alice")
	h.notes.fail(bridge.ErrStoreUnavailable)
	for _, a := range []answer{
		h.call("GET", "/inbox", as(alice)),
		h.call("POST", "/requests/req_1/deny", as(alice)),
		h.open(link),
	} {
		a.expect(t, 503, "ry again")
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	if _, err := h.inbox.NewLink(t.Context(), "alice", base); !errors.Is(err, bridge.ErrStoreUnavailable) {
		t.Errorf("NewLink: %v", err)
	}
	if log := h.log.String(); !strings.Contains(log, "look up a session") || strings.Contains(log, alice) || strings.Contains(log, link) {
		t.Errorf("the log:\n%s", log)
	}
	h.notes.fail(nil)
	h.open(link).expect(t, 200)
}

func FuzzLinkBody(f *testing.F) {
	for _, seed := range []string{`{"link":"x"}`, `{"link":null}`, `{}`, `{"link":"x"}}`, "\x00", `{"link":"\ud800"}`, `{"link":"x","link":"y"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h := newHouse(t)
		a := h.call("POST", "/session", body(text))
		if a.status < 400 || a.status >= 500 || strings.Contains(a.body, "session\":") {
			t.Errorf("%q was answered %d %s", text, a.status, a.body)
		}
	})
}
