package oauthtest_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// TestStepsOfACallAreTold on a socket: the caller has the whole answer while
// the one who watches it leave still looks.
func TestStepsOfACallAreTold(t *testing.T) {
	i := oauthtest.New(oauthtest.Settings{})
	i.Start(t)
	steps, goOn := make(chan oauthtest.Step, 3), make(chan struct{})
	i.Watch(func(s oauthtest.Step) {
		steps <- s
		if s.Stage == oauthtest.Sent {
			<-goOn
		}
	})
	answer, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.URL()+"/.well-known/oauth-authorization-server", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	said, err := client.Do(answer)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = said.Body.Close() }()
	if body := make([]byte, said.ContentLength); said.ContentLength <= 0 {
		t.Errorf("an answer of %d bytes", said.ContentLength)
	} else if n, err := said.Body.Read(body); n == 0 {
		t.Errorf("nothing has come: %v", err)
	}
	close(goOn)
	for _, want := range []oauthtest.Stage{oauthtest.Arrived, oauthtest.Decided, oauthtest.Sent} {
		s := <-steps
		if s.Stage != want || s.Call.Endpoint != oauthtest.Metadata {
			t.Errorf("step %d of %q, want %d", s.Stage, s.Call.Endpoint, want)
		}
		if known := s.Answer["issuer"] == i.URL() && s.Status == http.StatusOK; known != (want != oauthtest.Arrived) {
			t.Errorf("at step %d the answer is %d %v", s.Stage, s.Status, s.Answer)
		}
	}
}

func TestAFaultInPlaceOfAnAnswerIsSeenArriving(t *testing.T) {
	i := oauthtest.New(oauthtest.Settings{})
	var seen []oauthtest.Stage
	i.Watch(func(s oauthtest.Step) { seen = append(seen, s.Stage) })
	i.Inject(oauthtest.Token, oauthtest.OAuthError(400, "invalid_grant"))
	caller{t, i}.post(oauthtest.Token, url.Values{"client_id": {"client"}})
	if !slices.Equal(seen, []oauthtest.Stage{oauthtest.Arrived}) {
		t.Errorf("seen: %v", seen)
	}
}

func TestSlowDownOnRequest(t *testing.T) {
	inBubble(t, oauthtest.Settings{NameInterval: true}, func(c caller) {
		code := c.code("openid")
		if err := c.issuer.SlowDown(code["user_code"].(string)); err != nil {
			c.Fatal(err)
		}
		after(5 * time.Second)
		status, m := c.poll(code)
		c.wantError(status, m, "slow_down")
		if m["interval"] != 10.0 || m["error_description"] == oauthtest.TooEarly {
			c.Errorf("it was in time and is told %v", m)
		}
		after(9 * time.Second) // 10 are asked for
		status, m = c.poll(code)
		c.wantError(status, m, "slow_down")
		if m["interval"] != 15.0 || m["error_description"] != oauthtest.TooEarly {
			c.Errorf("it was early and is told %v", m)
		}
		after(15 * time.Second)
		status, m = c.poll(code)
		c.wantError(status, m, "authorization_pending")
	})
}
