package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
)

// held is a grant of an agent, with all that is told of one.
func held(agent string, at time.Time) bridge.Grant {
	at = at.UTC().Round(0)
	return bridge.Grant{
		ID: bridge.NewGrantID(at), State: bridge.GrantLive, Human: "alice", Request: someID,
		Key:    bridge.GrantKey{Agent: agent, Session: "s1", Human: "alice", Provider: "corp", ClientID: "authbridge"},
		Issuer: "https://login.example.com", Subject: "s-alice", Account: "alice@example.com", Scopes: []string{"files:read"},
		CreatedAt: at, LastUsedAt: at, AccessIssuedAt: at, AccessExpiresAt: at.Add(time.Hour), ReuseUntil: at.Add(8 * time.Hour), EndsAt: at.Add(8 * time.Hour),
		Revocation: bridge.RevocationNone, Refreshable: true,
	}
}

var newYear = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestAnAgentSeesItsGrantsAndGivesOneUp(t *testing.T) {
	s := newStage(t)
	g := held("helper", newYear)
	g.Details = `[{"type":"payment"}]`
	s.desk.PutGrant(g)
	a := s.do(get(api.GrantsPath)).want(http.StatusOK)
	want := `{"items":[{"id":"` + string(g.ID) + `","state":"live","session":"s1","human":"alice","team":null,"provider":"corp","issuer":"https://login.example.com",` +
		`"resource":null,"scopes":["files:read"],"authorization_details":[{"type":"payment"}],"account":"alice@example.com","created_at":"2026-01-01T00:00:00Z","last_used_at":"2026-01-01T00:00:00Z",` +
		`"access_expires_at":"2026-01-01T01:00:00Z","reuse_until":"2026-01-01T08:00:00Z","revocation":"none"}],"next_cursor":null}` + "\n"
	if string(a.body) != want {
		t.Errorf("got %s\nwant %s", a.body, want)
	}
	for range 2 { // the second time nothing changes
		var over api.Grant
		s.do(del(api.GrantPath(string(g.ID)))).want(http.StatusOK).into(&over)
		if over.ID != string(g.ID) || over.State != api.GrantRevoked || over.Revocation != api.RevocationPending {
			t.Errorf("given up it is %+v", over)
		}
	}
}

func TestNoGrantsAreAnEmptyList(t *testing.T) {
	if a := newStage(t).do(get(api.GrantsPath)).want(http.StatusOK); string(a.body) != `{"items":[],"next_cursor":null}`+"\n" {
		t.Errorf("got %s", a.body)
	}
}

func TestGrantsInPages(t *testing.T) {
	s := newStage(t)
	var newest []string
	for i := range 5 {
		g := held("helper", newYear.Add(time.Duration(i)*time.Second))
		s.desk.PutGrant(g)
		newest = append([]string{string(g.ID)}, newest...)
	}
	s.desk.PutGrant(held("other", newYear.Add(time.Hour)))
	var got []string
	for path, pages := api.GrantsPath+"?limit=2", 1; path != ""; pages++ {
		var page api.GrantPage
		s.do(get(path)).want(http.StatusOK).into(&page)
		for _, g := range page.Items {
			got = append(got, g.ID)
		}
		path = ""
		if page.NextCursor != "" {
			path = api.GrantsPath + "?limit=2&cursor=" + string(page.NextCursor)
		}
		if pages > 3 {
			t.Fatal("the pages do not end")
		}
	}
	if strings.Join(got, " ") != strings.Join(newest, " ") {
		t.Errorf("got %v\nwant %v", got, newest)
	}
}

func TestAnotherAgentsGrantDoesNotExist(t *testing.T) {
	s := newStage(t)
	g := held("helper", newYear)
	s.desk.PutGrant(g)
	mine := s.do(del(api.GrantPath(string(g.ID))).as(otherUID)).problem(api.ProblemNotFound)
	if none := s.do(del(api.GrantPath(someGrant)).as(otherUID)).problem(api.ProblemNotFound); none.Detail != mine.Detail {
		t.Errorf("one can tell %q from %q", mine.Detail, none.Detail)
	}
	var page api.GrantPage
	if s.do(get(api.GrantsPath).as(otherUID)).want(http.StatusOK).into(&page); len(page.Items) != 0 {
		t.Errorf("the other agent sees %v", page.Items)
	}
	if s.do(get(api.GrantsPath)).want(http.StatusOK).into(&page); page.Items[0].State != api.GrantLive {
		t.Errorf("it is %s now", page.Items[0].State)
	}
}
