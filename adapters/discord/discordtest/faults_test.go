package discordtest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

const posts = "POST /channels/{channel}/messages"

func TestFaultsBeforeAndAfter(t *testing.T) {
	t.Parallel()
	for name, trial := range map[string]struct {
		how    Fault
		status int // 0: the connection is reset
		stands bool
	}{
		"5xx before":     {Fault{Status: 502}, 502, false},
		"5xx after":      {Fault{Status: 502, Committed: true}, 502, true},
		"reset before":   {Fault{Reset: true}, 0, false},
		"reset after":    {Fault{Reset: true, Committed: true}, 0, true},
		"garbage":        {Fault{Garbage: true}, 200, false},
		"an error code":  {Fault{Code: CannotMessage}, http.StatusForbidden, false},
		"a limit":        {Fault{Limited: time.Second}, http.StatusTooManyRequests, false},
		"a global limit": {Fault{Limited: time.Second, Global: true}, http.StatusTooManyRequests, false},
		"delay":          {Fault{Delay: time.Millisecond}, 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := office(t)
			c.s.Fail(posts, 1, trial.how)
			a, err := c.try("POST", "/channels/"+Deploys+"/messages", fields{"content": "x"}, nil)
			if (err != nil) != (trial.status == 0) || a.status != trial.status {
				t.Errorf("got %v, status %d: %s", err, a.status, a.raw)
			}
			if stands := c.s.Person(Alice).Screen() != ""; stands != trial.stands {
				t.Errorf("the message stands: %v", stands)
			}
			c.post(Deploys, fields{"content": "the fault is over"})
		})
	}
}

func TestFaultsAreTakenBack(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Fail("*", 5, Fault{Status: 500})
	if a := c.call("GET", "/users/@me", nil); a.status != 500 {
		t.Errorf("got %d", a.status)
	}
	c.s.Recover()
	c.granted(c.call("GET", "/users/@me", nil))
}

func TestACallIsHeld(t *testing.T) {
	t.Parallel()
	c := office(t)
	hold := make(chan struct{})
	c.s.Fail(posts, 1, Fault{Hold: hold, Committed: true})
	answered := make(chan error, 1)
	go func() {
		_, err := c.try("POST", "/channels/"+Deploys+"/messages", fields{"content": "x"}, nil)
		answered <- err
	}()
	c.s.Until("it had its effect", func() bool { return c.s.Person(Alice).Screen() != "" })
	select {
	case err := <-answered:
		t.Fatalf("answered while it was held: %v", err)
	default:
	}
	close(hold)
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
}

func TestWhoGivesUpOnAHeldCallGetsNoAnswer(t *testing.T) {
	t.Parallel()
	gone, giveUp := context.WithCancel(t.Context())
	giveUp()
	held := Fault{Hold: make(chan struct{})}
	if held.before(gone) || !held.after(gone) {
		t.Error("a call that is held before it is looked at is looked at, or held again")
	}
	held.Committed = true
	if !held.before(gone) || held.after(gone) {
		t.Error("a call that is held before it is answered is held before, or answered")
	}
}

func TestARouteWithItsOwnCredential(t *testing.T) {
	t.Parallel()
	w := Office()
	stopped := time.Now()
	w.Now = func() time.Time { return stopped }
	c := caller{t: t, s: Start(t, w)}
	c.s.provide("GET /test/{token}", route{open: true, do: func(*call) (any, error) { return fields{}, nil }})
	for range globally + 1 { // it is outside of the limit of all routes together
		a, err := c.try("GET", "/test/s3cret", nil, func(r *http.Request) { r.Header.Del("Authorization") })
		if err != nil {
			t.Fatal(err)
		}
		c.granted(a)
	}
	for _, e := range c.s.Exchanges() {
		if len(e.Path) != 0 || strings.Contains(e.Where, "s3cret") {
			t.Fatalf("the token is in the traffic: %+v", e)
		}
	}
}

func TestTrafficIsKeptAndSearched(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.post(Deploys, fields{"content": "say s3cr\t\""})
	calls := c.s.Calls(posts)
	if len(calls) != 1 || calls[0].Path["channel"] != Deploys || calls[0].Status != 200 {
		t.Fatalf("the traffic is %+v", calls)
	}
	if found := c.s.Leaks("s3cr\t\"", c.s.Token()); len(found) == 0 {
		t.Error("a secret that went is not found")
	}
	if found := c.s.Leaks(c.s.Token(), "Bot "); len(found) != 0 {
		t.Errorf("the credential of the call is in the traffic: %v", found)
	}
}
