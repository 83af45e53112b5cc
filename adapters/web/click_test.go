package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
)

func TestClickReachesTheBridgeAndIsAnswered(t *testing.T) {
	h := newHouse(t)
	alice := h.signIn("alice")
	id := asked().Request
	h.desk.press = func(clicked) (bridge.Card, string, error) { return denied(), "", nil }
	for _, verb := range []bridge.Verb{bridge.VerbShowCode, bridge.VerbDeny, bridge.VerbNotMe} {
		a := h.call("POST", "/requests/"+string(id)+"/"+string(verb), as(alice))
		a.expect(t, 200)
		var got struct{ Remark, Card string }
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatal(err)
		}
		if got.Remark != "" || !strings.Contains(got.Card, "You denied it. helper got nothing.") {
			t.Errorf("answer to %s: %+v", verb, got)
		}
	}
	who := bridge.Clicker{Human: "alice", Channel: "web"}
	want := []clicked{{who, id, "show_code"}, {who, id, "deny"}, {who, id, "not_me"}}
	if diff := cmp.Diff(want, h.desk.clicks, cmp.AllowUnexported(clicked{})); diff != "" {
		t.Errorf("clicks (-want +got):\n%s", diff)
	}
}

func TestDoubleClickGetsARemark(t *testing.T) {
	h := newHouse(t)
	alice := h.signIn("alice")
	h.desk.press = func(clicked) (bridge.Card, string, error) { return minting(), "The code is on its way.", nil }
	a := h.call("POST", "/requests/req_1/show_code", as(alice))
	a.expect(t, 200, `"remark":"The code is on its way."`)
	if seen := h.desk.sawCards(); len(seen) != 1 || seen[0][0].Request != minting().Request {
		t.Errorf("seen: %v, want the card of the answer", seen)
	}
}

func TestClickThatCannotBe(t *testing.T) {
	h := newHouse(t)
	bob := h.signIn("bob")
	for _, c := range []struct {
		what   string
		err    error
		status int
		words  string
	}{
		{"somebody else's request", bridge.ErrNotFound, 404, "no such request for you"},
		{"somebody else's, wrapped", fmt.Errorf("fold: %w", bridge.ErrNotFound), 404, "no such request for you"},
		{"an unknown verb", &bridge.Problem{Code: bridge.ProblemInvalidRequest, Detail: `there is no button "grant"`}, 400, `there is no button "grant"`},
		{"a store that is away", fmt.Errorf("put: %w", bridge.ErrStoreUnavailable), 503, "ry again"},
	} {
		t.Run(c.what, func(t *testing.T) {
			h.desk.press = func(clicked) (bridge.Card, string, error) { return coded(), "", c.err }
			a := h.call("POST", "/requests/req_1/deny", as(bob))
			a.expect(t, c.status, c.words)
			if got := a.header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
				t.Errorf("a fault is %s, want plain text", got)
			}
			if strings.Contains(a.body, "WDJB") {
				t.Error("a card came with the fault")
			}
		})
	}
	if seen := h.desk.sawCards(); len(seen) != 0 {
		t.Errorf("noted as seen: %v", seen)
	}
}

// The words of a path reach the bridge as they are and nothing else.
func TestPathsAreNotGuessedAt(t *testing.T) {
	h := newHouse(t)
	alice := h.signIn("alice")
	for _, path := range []string{"/requests/req_1", "/requests/req_1/", "/requests//deny", "/requests/a/b/deny"} {
		if a := h.call("POST", path, as(alice)); a.status != 404 && a.status != 405 && a.status != 307 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	h.desk.press = func(c clicked) (bridge.Card, string, error) {
		if c.id != "../req_1" {
			t.Errorf("the bridge was asked for %q", c.id)
		}
		return bridge.Card{}, "", bridge.ErrNotFound
	}
	h.call("POST", "/requests/..%2Freq_1/deny", as(alice)).expect(t, 404)
}
