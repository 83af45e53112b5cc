package slacktest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPostingIsLimitedPerChannel(t *testing.T) {
	t.Parallel()
	c := office(t)
	for range postBurst {
		c.post("channel", "C0DEPLOYS", "text", "x")
	}
	c.s.Change(func(w *World) { at := c.s.now(); w.Now = func() time.Time { return at } })
	a := c.form("chat.postMessage", "channel", "C0DEPLOYS", "text", "x")
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "1" || a.body != nil {
		t.Errorf("one too many: status %d, headers %v, %s", a.status, a.header, a.raw)
	}
	for _, id := range []string{"U0ALICE", "D0ALICE", "U0ALICE", "D0ALICE", "U0ALICE"} {
		c.post("channel", id, "text", "another channel")
	}
	if a := c.form("chat.postMessage", "channel", "D0ALICE", "text", "x"); a.status != http.StatusTooManyRequests {
		t.Errorf("one too many, under two names: status %d", a.status)
	}
	c.s.Advance(time.Second)
	c.post("channel", "C0DEPLOYS", "text", "x")
}

func TestMethodsAreLimitedPerMinute(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) { at := time.Now(); w.Now = func() time.Time { return at } })
	for range int(tier2) {
		c.granted(c.form("usergroups.users.list", "usergroup", "S0ONCALL"))
	}
	c.s.Advance(500 * time.Millisecond)
	a := c.form("usergroups.users.list", "usergroup", "S0ONCALL")
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "60" {
		t.Errorf("one too many: status %d, headers %v", a.status, a.header)
	}
	c.granted(c.form("users.info", "user", "U0BOB"))
	c.s.Advance(time.Minute)
	c.granted(c.form("usergroups.users.list", "usergroup", "S0ONCALL"))
	c.s.Change(func(w *World) { w.Unlimited = true })
	for range int(tier2) + 1 {
		c.granted(c.form("usergroups.users.list", "usergroup", "S0ONCALL"))
	}
}

// naive believes every answer, and posts once more when it got none.
type naive struct {
	caller
	sure bool // what it would tell its user
}

func (n *naive) post(text string) {
	const kind = "application/json"
	body := `{"channel":"C0DEPLOYS","text":"` + text + `"}`
	for range 2 {
		a, err := n.try("chat.postMessage", kind, n.s.BotToken(), body)
		if n.sure = err == nil && a.status == http.StatusOK; n.sure {
			return
		}
	}
}

// TestWhatEachFaultDoesToWhoIsNaive tells for each fault how often the message
// is there in the end and what a naive app believes.
func TestWhatEachFaultDoesToWhoIsNaive(t *testing.T) {
	t.Parallel()
	for _, f := range []struct {
		name  string
		how   Fault
		shown int
		sure  bool
	}{
		{"nothing", Fault{}, 1, true},
		{"a 503 before it is posted", Fault{Status: 503}, 1, true},
		{"a 503 after it was posted", Fault{Status: 503, Committed: true}, 2, true},
		{"a reset before it is posted", Fault{Reset: true}, 1, true},
		{"a reset after it was posted", Fault{Reset: true, Committed: true}, 2, true},
		{"an error under status 200", Fault{Error: "fatal_error"}, 0, true},
		{"an error, and yet it is posted", Fault{Error: "internal_error", Committed: true}, 1, true},
		{"no JSON under status 200", Fault{Garbage: true}, 0, true},
		{"a limit that is not waited for", Fault{Limited: 7}, 1, true},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			c := office(t)
			c.s.Fail("chat.postMessage", 1, f.how)
			n := naive{caller: c}
			n.post("deploy now")
			if got := strings.Count(c.s.Person("U0ALICE").Screen(), "deploy now"); got != f.shown || n.sure != f.sure {
				t.Errorf("it is there %d times, want %d; sure: %v", got, f.shown, n.sure)
			}
		})
	}
}

func TestALimitIsToldInSeconds(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Fail("*", 1, Fault{Limited: 7})
	if a := c.form("auth.test"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "7" {
		t.Errorf("status %d, headers %v", a.status, a.header)
	}
	c.granted(c.form("auth.test"))
}

func TestACallCanBeHeld(t *testing.T) {
	t.Parallel()
	for _, committed := range []bool{false, true} {
		c := office(t)
		hold := make(chan struct{})
		c.s.Fail("chat.postMessage", 1, Fault{Hold: hold, Committed: committed})
		answered := make(chan said, 1)
		go func() {
			a, _ := c.try("chat.postMessage", "application/json", c.s.BotToken(), `{"channel":"C0DEPLOYS","text":"slow"}`)
			answered <- a
		}()
		if committed {
			c.s.Until("the message is there", func() bool { return c.s.Person("U0ALICE").Screen() != "" })
		}
		select {
		case a := <-answered:
			t.Fatalf("answered while it was held: %s", a.raw)
		default:
		}
		if seen := c.s.Person("U0ALICE").Screen() != ""; seen != committed {
			t.Errorf("committed %v, and seen %v", committed, seen)
		}
		close(hold)
		c.granted(<-answered)
	}
}

func TestWhoDoesNotWaitHasPostedOrNot(t *testing.T) {
	t.Parallel()
	for _, committed := range []bool{false, true} {
		c := office(t)
		c.s.Fail("chat.postMessage", 1, Fault{Delay: time.Hour, Committed: committed})
		ctx, giveUp := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { gone <- c.postUntil(ctx) }()
		if committed {
			c.s.Until("the message is there", func() bool { return c.s.Person("U0ALICE").Screen() != "" })
		}
		giveUp()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("it was answered, or failed with %v", err)
		}
		if seen := c.s.Person("U0ALICE").Screen() != ""; seen != committed {
			t.Errorf("committed %v, and seen %v", committed, seen)
		}
	}
}

// postUntil posts, and waits for the answer no longer than it is told.
func (c caller) postUntil(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.s.URL()+"chat.postMessage", strings.NewReader(`{"channel":"C0DEPLOYS","text":"slow"}`))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.s.BotToken())
	resp, err := new(http.Client).Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func TestFaultsComeInOrderAndCanBeTakenBack(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Fail("auth.test", 1, Fault{Error: "internal_error"})
	c.s.Fail("auth.test", 2, Fault{Status: 502})
	c.refused(c.form("auth.test"), "internal_error")
	if a := c.form("auth.test"); a.status != http.StatusBadGateway || strings.Contains(a.raw, "ok") {
		t.Errorf("status %d: %s", a.status, a.raw)
	}
	c.s.Recover()
	c.granted(c.form("auth.test"))
}
