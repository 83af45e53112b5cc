package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// TestSessionsAreListedAndKilled is the story of somebody who has left a page
// open somewhere else.
func TestSessionsAreListedAndKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		phone := h.signInFrom("alice", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile/15E148 Safari/604.1")
		<-time.After(3 * time.Minute)
		desktop := h.signInFrom("alice", "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0")
		bobs := h.signIn("bob")

		page := h.call("GET", "/inbox", as(desktop))
		page.expect(t, 200, "Firefox on Linux, this page", "Safari on iPhone<", "with a link from the operator", "Sign out everywhere else")
		if n := strings.Count(page.body, `data-at="/sessions/`); n != 2 {
			t.Errorf("%d sessions are listed, want her two", n)
		}
		if strings.Contains(page.body, hashed(bridge.NewSecret(phone))) {
			t.Error("a session's whole hash is on the page")
		}

		id := sessionID(phone)
		h.call("POST", "/sessions/"+id+"/sign_out", as(bobs)).expect(t, 200, "over already") // not his: nothing happens
		h.call("GET", "/inbox", as(phone)).expect(t, 200)
		h.call("POST", "/sessions/"+id+"/sign_out", as(desktop)).expect(t, 200, "1 session is signed out.")
		h.call("GET", "/inbox", as(phone)).expect(t, 401)
		h.call("POST", "/sessions/"+id+"/sign_out", as(desktop)).expect(t, 200, "over already")

		var more []string
		for range 3 {
			more = append(more, h.signIn("alice"))
		}
		for _, other := range []string{more[0], bobs, phone, "nobody's"} { // hers, his, over, none
			h.call("POST", "/sessions/"+sessionID(other)+"/sign_out_others", as(desktop)).expect(t, 404)
			for _, s := range append([]string{desktop}, more...) {
				h.call("GET", "/inbox", as(s)).expect(t, 200)
			}
		}
		h.call("POST", "/sessions/"+sessionID(desktop)+"/sign_out_others", as(desktop)).expect(t, 200, "3 sessions are signed out.")
		for _, s := range more {
			h.call("GET", "/inbox", as(s)).expect(t, 401)
		}
		h.call("GET", "/inbox", as(desktop)).expect(t, 200)
		h.call("GET", "/inbox", as(bobs)).expect(t, 200)
	})
}

// A page that waits for a change hears at once that its session is over, and
// that another one has begun: whoever signs in as you is seen.
func TestPagesHearOfSessionsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		desktop := h.signIn("alice")
		etag := h.call("GET", "/inbox", as(desktop)).header.Get("ETag")
		news := make(chan answer, 1)
		wait := func(session string) {
			go func() { news <- h.call("GET", "/inbox?wait=30&after="+etag, as(session)) }()
			synctest.Wait()
		}
		begun := time.Now()
		wait(desktop)
		phone := h.signInFrom("alice", "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0")
		got := <-news
		got.expect(t, 200, "Edge on Windows")

		etag = h.call("GET", "/inbox", as(phone)).header.Get("ETag")
		wait(phone)
		h.call("POST", "/sessions/"+sessionID(phone)+"/sign_out", as(desktop)).expect(t, 200)
		got = <-news
		got.expect(t, 401, "your session is over")
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("they heard after %v, want at once", waited)
		}
	})
}

func TestSessionsOfOneHumanAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var all []string
		for range maxSessions {
			all = append(all, h.signIn("alice"))
			<-time.After(time.Minute)
		}
		<-time.After(seenEvery)
		h.call("GET", "/inbox", as(all[0])).expect(t, 200) // now the second is unseen for longest
		all = append(all, h.signIn("alice"))
		for i, s := range all {
			want := 200
			if i == 1 {
				want = 401
			}
			h.call("GET", "/inbox", as(s)).expect(t, want)
		}
		if n := h.notes.count(sessionRoom); n != maxSessions {
			t.Errorf("%d sessions are remembered, want %d", n, maxSessions)
		}
	})
}

// When a session was seen is written down now and then, not with each call.
func TestLastSeenCostsFewWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		alice := h.signIn("alice")
		before := h.notes.writes
		for range 60 { // an hour
			h.call("GET", "/inbox", as(alice)).expect(t, 200)
			<-time.After(time.Minute)
		}
		if n := h.notes.writes - before; n != 5 {
			t.Errorf("%d writes in an hour, want one each %v after the first", n, seenEvery)
		}
		<-time.After(11 * time.Hour)
		h.call("GET", "/inbox", as(alice)).expect(t, 401) // to be seen makes it last no longer
	})
}

// On a full disk the inbox is still there to be looked at.
func TestAnInboxIsShownThoughNothingCanBeNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		alice := h.signIn("alice")
		<-time.After(seenEvery)
		h.notes.fill()
		h.call("GET", "/inbox", as(alice)).expect(t, 200)
		h.call("POST", "/sessions/"+sessionID(alice)+"/sign_out", as(alice)).expect(t, 503)
	})
}

// A session that is noted as used while it is ended stays ended.
func TestUseDoesNotBringASessionBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		alice := h.signIn("alice")
		r, err := http.NewRequestWithContext(t.Context(), "GET", base, nil)
		if err != nil {
			t.Fatal(err)
		}
		as(alice)(r)
		s, err := h.inbox.session(r)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(seenEvery)
		h.call("DELETE", "/session", as(alice)).expect(t, 204)
		if _, err := h.inbox.used(t.Context(), s); err == nil {
			t.Error("a session that is over was noted as used")
		}
		if n := h.notes.count("session"); n != 0 {
			t.Errorf("%d notes are left", n)
		}
	})
}

// Somebody else's list is not read by whoever takes the name, nor ended.
func TestAnHeirSeesNoSessionOfTheOther(t *testing.T) {
	h := newHouse(t)
	h.signInFrom("bob", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Firefox/143.0")
	h.desk.inherit("bob")
	heir := h.signIn("bob")
	if page := h.call("GET", "/inbox", as(heir)); strings.Contains(page.body, "macOS") {
		t.Errorf("the heir sees it:\n%s", page.body)
	}
}

// Store trouble while the sessions are listed is said like any other.
func TestSessionsAndStoreTrouble(t *testing.T) {
	h := newHouse(t)
	alice := h.signIn("alice")
	h.notes.fail(bridge.ErrStoreUnavailable)
	h.call("POST", "/sessions/"+sessionID(alice)+"/sign_out", as(alice)).expect(t, 503)
	h.notes.fail(nil)
	h.call("GET", "/inbox", as(alice)).expect(t, 200)
}

func TestBrowserInOurWords(t *testing.T) {
	for agent, want := range map[string]string{
		"": "A browser",
		"<script>alert(1)</script>\x00" + strings.Repeat("x", 4000): "A browser",
		"curl/8.0": "A browser",
		"Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0":                         "Firefox on Linux",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36":     "Chrome on ChromeOS",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.0 Safari/605.1": "Safari on macOS",
		"Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36":       "Chrome on Android",
		"Mozilla/5.0 (iPad; CPU OS 19_0 like Mac OS X) AppleWebKit/605 CriOS/140.0 Mobile Safari/604.1":  "Chrome on iPad",
	} {
		if got := browserOf(agent); got != want {
			t.Errorf("%.60q is %q, want %q", agent, got, want)
		}
	}
}

// signInFrom signs in with a browser that calls itself something.
func (h *house) signInFrom(human, agent string) string {
	h.t.Helper()
	a := h.call("POST", "/session", body(fmt.Sprintf(`{"link":%q}`, h.link(human))), header("User-Agent", agent))
	a.expect(h.t, 200)
	return strings.Split(a.body[slices.Index([]byte(a.body), 's'):], `"`)[2]
}

func sessionID(secret string) string {
	return session{note: sessionNote(bridge.NewSecret(secret))}.ID()
}
