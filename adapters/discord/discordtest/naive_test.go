package discordtest

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// naive is an app that makes a mistake which works as long as all goes well.
// Each test has a fault in it that shows the mistake.
type naive struct{ caller }

// postUntil posts again until it is told that it worked.
func (n naive) postUntil(body fields) {
	for range 3 {
		a, err := n.try("POST", "/channels/"+Deploys+"/messages", body, nil)
		if err == nil && a.status == http.StatusOK {
			return
		}
	}
	n.t.Fatal("it never worked")
}

func (n naive) copies() int {
	return strings.Count(n.s.Person(Alice).Screen(), "the card")
}

func TestWhoRepeatsWithoutANonceDoubles(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]Fault{"an error": {Status: 502, Committed: true}, "a reset": {Reset: true, Committed: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			careless, careful := naive{office(t)}, naive{office(t)}
			careless.s.Fail(posts, 1, how)
			careless.postUntil(fields{"content": "the card"})
			careful.s.Fail(posts, 1, how)
			careful.postUntil(fields{"content": "the card", "nonce": "card-1", "enforce_nonce": true})
			if careless.copies() != 2 || careful.copies() != 1 {
				t.Errorf("without a nonce there are %d cards, with one %d", careless.copies(), careful.copies())
			}
		})
	}
}

func TestWhoDoesNotWaitIsBanned(t *testing.T) {
	t.Parallel()
	w := Office()
	w.Ban = 20
	careless := naive{caller{t: t, s: Start(t, w)}}
	banned := false
	for range 40 {
		a := careless.call("POST", "/channels/"+Deploys+"/messages", fields{"content": "x"})
		banned = banned || strings.Contains(a.raw, "1015")
	}
	if !banned {
		t.Error("who calls on through every limit is never banned")
	}
	careful := naive{caller{t: t, s: Start(t, w)}}
	for range 40 {
		a := careful.call("POST", "/channels/"+Deploys+"/messages", fields{"content": "x"})
		if a.header.Get("X-RateLimit-Remaining") == "0" {
			careful.s.Advance(5 * time.Second)
		}
	}
	if careful.s.Invalid() != 0 {
		t.Errorf("who heeds the headers has %d invalid requests", careful.s.Invalid())
	}
}

func TestWhoGoesOnAfterARevocationIsBanned(t *testing.T) {
	t.Parallel()
	w := Office()
	w.Ban, w.App.Revoked = 5, true
	careless := naive{caller{t: t, s: Start(t, w)}}
	for range 5 {
		careless.call("GET", "/users/@me", nil)
	}
	if a := careless.call("GET", "/users/@me", nil); a.status != http.StatusTooManyRequests {
		t.Errorf("who goes on after 401 gets %d", a.status)
	}
}

func TestWhoTrustsTheOpeningMissesAClosedDoor(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) { w.Person(Alice).Closed = true })
	channel := c.direct(Alice) // a naive app now believes that it reaches alice
	if a := c.call("POST", "/channels/"+channel+"/messages", fields{"content": "x"}); a.code() != CannotMessage {
		t.Errorf("a closed door says %s", a.raw)
	}
	if c.s.Person(Alice).Screen() != "" {
		t.Error("alice got it all the same")
	}
}

func TestWhoDoesNotCloseMentionsNotifiesAll(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) { w.Guild(Acme).Role(Acme).Permissions |= MentionAll })
	c.post(Deploys, fields{"content": "helper says: @everyone look"})
	if len(c.s.Pushes(Bob)) != 1 {
		t.Error("an open mention of everyone notifies nobody")
	}
}

func TestWhoDoesNotEscapeHidesALink(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.post(Deploys, fields{"content": "open [github.com](https://evil.example)"})
	links := c.s.Person(Bob).Reading().Links
	if len(links) != 1 || links[0].URL != "https://evil.example" || links[0].Label != "github.com" {
		t.Errorf("the hidden link is read as %+v", links)
	}
	if len(c.s.Prefetched()) != 1 {
		t.Errorf("fetched are %q", c.s.Prefetched())
	}
}

func TestAMistakeFailsTheTest(t *testing.T) {
	t.Parallel()
	c := office(t)
	if !fails(t, c.s, func() { c.call("POST", "/channels/"+Deploys+"/messages", fields{"content": "x", "parse": "none"}) }) {
		t.Error("an unknown field does not fail the test")
	}
	if fails(t, c.s, func() { c.call("POST", "/channels/"+Secret+"/messages", fields{"content": "x"}) }) {
		t.Error("what any app may meet fails the test")
	}
	c.s.Tolerate(InvalidForm)
	if fails(t, c.s, func() { c.call("POST", "/channels/"+Deploys+"/messages", fields{"content": "x", "parse": "none"}) }) {
		t.Error("a mistake that was announced fails the test")
	}
}
