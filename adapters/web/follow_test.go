package web

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// pending is a call that has not been answered yet.
type pending struct {
	h    *house
	done chan answer
}

// wait begins a long-poll in the background; use it inside a bubble.
func (h *house) wait(ctx context.Context, session, after string) pending {
	p := pending{h, make(chan answer, 1)}
	path := "/inbox?wait=25&after=" + url.QueryEscape(after)
	go func() { p.done <- h.callIn(ctx, "GET", path, as(session)) }()
	synctest.Wait()
	return p
}

// open reports whether the call still waits.
func (p pending) open() bool {
	synctest.Wait()
	return len(p.done) == 0
}

func (p pending) answer() answer {
	p.h.t.Helper()
	synctest.Wait()
	select {
	case a := <-p.done:
		return a
	default:
		p.h.t.Fatal("the call still waits")
		return answer{}
	}
}

func TestPageIsWokenByAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		alice := h.signIn("alice")
		first := h.call("GET", "/inbox", as(alice))
		first.expect(t, 200, "Nothing is waiting for you.")

		p := h.wait(t.Context(), alice, first.header.Get("ETag"))
		<-time.After(20 * time.Second)
		h.desk.put("bob", asked())
		if !p.open() {
			t.Fatal("woken by what somebody else is asked")
		}
		h.desk.put("alice", asked())
		a := p.answer()
		a.expect(t, 200, "helper wants corp", "amber falcon 42")
		if a.header.Get("ETag") == first.header.Get("ETag") {
			t.Error("the ETag stayed")
		}
		if n := h.desk.watching(); n != 0 {
			t.Errorf("%d watches are left over", n)
		}
	})
}

func TestNothingNewEndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		alice := h.signIn("alice")
		h.desk.put("alice", asked())
		etag := h.call("GET", "/inbox", as(alice)).header.Get("ETag")

		start := time.Now()
		p := h.wait(t.Context(), alice, etag)
		<-time.After(10 * time.Second)
		h.desk.wake("alice") // a hint, and nothing behind it
		if !p.open() {
			t.Fatal("a wake-up without a change was answered")
		}
		a := <-p.done
		a.expect(t, 304)
		if a.body != "" || a.header.Get("ETag") != etag {
			t.Errorf("304 with body %q and ETag %q", a.body, a.header.Get("ETag"))
		}
		if waited := time.Since(start); waited != 25*time.Second {
			t.Errorf("waited %v, want 25 s", waited)
		}
	})
}

func TestChangeBeforeTheCallIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		alice := h.signIn("alice")
		etag := h.call("GET", "/inbox", as(alice)).header.Get("ETag")
		h.desk.put("alice", asked())
		start := time.Now()
		h.wait(t.Context(), alice, etag).answer().expect(t, 200, "helper wants corp")
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v", waited)
		}
		if calls := strings.Join(h.desk.calls, " "); strings.Contains(calls, "read watch read watch") || !strings.HasSuffix(calls, "watch read") {
			t.Errorf("a change between reading and watching would be missed: %s", calls)
		}
	})
}

func TestWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		alice := h.signIn("alice")
		etag := url.QueryEscape(h.call("GET", "/inbox", as(alice)).header.Get("ETag"))
		start := time.Now()
		h.call("GET", "/inbox?wait=60000&after="+etag, as(alice)).expect(t, 304)
		if waited := time.Since(start); waited != maxWait {
			t.Errorf("waited %v, want %v", waited, maxWait)
		}
		for _, wait := range []string{"-1", "1.5", "99999999999999999999", "soon"} {
			h.call("GET", "/inbox?wait="+wait+"&after="+etag, as(alice)).expect(t, 400, "wait is a number of seconds")
		}
	})
}

func TestSignedOutPageSeesNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		alice := h.signIn("alice")
		etag := h.call("GET", "/inbox", as(alice)).header.Get("ETag")
		p := h.wait(t.Context(), alice, etag)
		h.call("DELETE", "/session", as(alice)).expect(t, 204)
		h.desk.put("alice", coded())
		a := p.answer()
		a.expect(t, 401)
		if strings.Contains(a.body, "helper") {
			t.Errorf("a card for nobody: %s", a.body)
		}
	})
}

func TestClosedPageIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		alice := h.signIn("alice")
		etag := h.call("GET", "/inbox", as(alice)).header.Get("ETag")
		ctx, closePage := context.WithCancel(t.Context())
		p := h.wait(ctx, alice, etag)
		closePage()
		p.answer()
		if n := h.desk.watching(); n != 0 {
			t.Errorf("%d watches are left over", n)
		}
		if len(h.inbox.seats.taken) != 0 {
			t.Errorf("seats are left over: %v", h.inbox.seats.taken)
		}
	})
}

func TestOneSessionCannotHoldManyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		alice, elsewhere := h.signIn("alice"), h.signIn("alice")
		etag := h.call("GET", "/inbox", as(alice)).header.Get("ETag")
		var waiting []pending
		for range maxSeats {
			waiting = append(waiting, h.wait(t.Context(), alice, etag))
		}
		h.wait(t.Context(), alice, etag).answer().expect(t, 429, "Too many pages")
		other := h.wait(t.Context(), elsewhere, h.call("GET", "/inbox", as(elsewhere)).header.Get("ETag"))
		if !other.open() {
			t.Error("another session is kept out, too")
		}
		h.desk.put("alice", asked())
		for _, p := range append(waiting, other) {
			p.answer().expect(t, 200)
		}
		h.call("GET", "/inbox", as(alice)).expect(t, 200)
	})
}

func TestDeliveredCardsAreSeen(t *testing.T) {
	h := newHouse(t)
	alice := h.signIn("alice")
	h.call("GET", "/inbox", as(alice))
	if got := h.desk.sawCards(); len(got) != 0 {
		t.Errorf("an empty inbox was noted as seen: %v", got)
	}
	h.desk.change("alice", bridge.Inbox{Waiting: []bridge.Card{coded(), asked()}, Earlier: []bridge.Card{denied()}})
	a := h.call("GET", "/inbox", as(alice))
	got := h.desk.sawCards()
	if len(got) != 1 || len(got[0]) != 2 || got[0][0].Request != coded().Request || got[0][1].Request != asked().Request {
		t.Errorf("seen: %v, want the two waiting cards", got)
	}
	h.call("GET", "/inbox?after="+url.QueryEscape(a.header.Get("ETag")), as(alice)).expect(t, 304)
	if got := h.desk.sawCards(); len(got) != 1 {
		t.Error("a 304 delivers nothing, and was noted as seen")
	}
}

// Noting that a card was seen wakes the page. That alone must not come back as
// a change, or every card would be sent twice.
func TestSeenIsNoChange(t *testing.T) {
	h := newHouse(t)
	alice := h.signIn("alice")
	h.desk.put("alice", asked())
	a := h.call("GET", "/inbox", as(alice))
	h.desk.put("alice", asked())
	h.call("GET", "/inbox?after="+url.QueryEscape(a.header.Get("ETag")), as(alice)).expect(t, 304)
}

func TestFaultOfTheDeskIsSaid(t *testing.T) {
	h := newHouse(t)
	alice := h.signIn("alice")
	h.desk.fail(bridge.ErrStoreUnavailable)
	h.call("GET", "/inbox", as(alice)).expect(t, 503, "ry again")
	h.desk.fail(errors.New("seal: the key does not open this"))
	a := h.call("GET", "/inbox", as(alice))
	a.expect(t, 500, "its log says what")
	if strings.Contains(a.body, "seal") {
		t.Error("the page shows the inside of a fault")
	}
	if !strings.Contains(h.log.String(), "the key does not open this") {
		t.Errorf("the log lacks the fault:\n%s", h.log.String())
	}
}
