package admin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
)

// pins are alice's, and who she is in Slack, until they are forgotten.
type pins struct {
	fault error
	asked []string // "human issuer by"
}

func (p *pins) Unlink(_ context.Context, human, issuer string, by bridge.Actor) (gone bridge.Unlinked, err error) {
	p.asked = append(p.asked, fmt.Sprintf("%s %q %s %s", human, issuer, by.Kind, by.Name))
	if human != "alice" {
		return gone, bridge.ErrNotFound
	}
	gone.Pins = []bridge.Pin{{Human: "alice", Issuer: "https://login.example.com", Subject: "s-alice"}}
	if issuer == "" {
		gone.Ties = []bridge.Tie{{Channel: "slack", User: "U024BE7LH", Human: "alice", How: bridge.TiedByEmail}}
	}
	return gone, p.fault
}

func unlink(t *testing.T, p *pins, c call) (status int, body string) {
	t.Helper()
	c.method, c.uid = http.MethodPost, uint32(os.Geteuid())
	c.path = admin.UnlinkPath + c.path
	w := do(t, admin.New(admin.Options{Unlinker: p}), c)
	return w.Code, w.Body.String()
}

func TestAccountsAreForgotten(t *testing.T) {
	p := new(pins)
	status, body := unlink(t, p, call{body: `{"human":"alice","issuer":"https://login.example.com"}`})
	const want = `{"human":"alice","accounts":[{"issuer":"https://login.example.com","subject":"s-alice"}],"chats":[]}` + "\n"
	if status != http.StatusOK || body != want {
		t.Errorf("status %d, %s", status, body)
	}
	said := fmt.Sprintf(`alice "https://login.example.com" operator uid %d`, os.Geteuid())
	if len(p.asked) != 1 || p.asked[0] != said {
		t.Errorf("the bridge was told %q, want %q", p.asked, said)
	}
}

func TestWhoTheyAreOnChatsIsForgottenWithAll(t *testing.T) {
	const want = `{"human":"alice","accounts":[{"issuer":"https://login.example.com","subject":"s-alice"}],"chats":[{"channel":"slack","user":"U024BE7LH"}]}` + "\n"
	if status, body := unlink(t, new(pins), call{body: `{"human":"alice"}`}); status != http.StatusOK || body != want {
		t.Errorf("status %d, %s", status, body)
	}
}

func TestWhatCannotBeForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		call
		code   api.ProblemCode
		status int
		says   string
	}{
		"nobody known":      {call{body: `{"human":"carol"}`}, api.ProblemNotFound, 404, `no human "carol"`},
		"no human":          {call{body: `{}`}, api.ProblemInvalidRequest, 400, "no human is named"},
		"an unknown member": {call{body: `{"human":"alice","provider":"corp"}`}, api.ProblemInvalidRequest, 400, `"provider"`},
		"a parameter":       {call{path: "?" + url.Values{"human": {"alice"}}.Encode(), body: `{"human":"alice"}`}, api.ProblemInvalidRequest, 400, "no parameters"},
		"another user":      {call{body: `{"human":"alice"}`, uid: uint32(os.Geteuid()) + 1}, api.ProblemNotAllowed, 403, "may not administer"},
		"another method":    {call{method: http.MethodGet, path: admin.UnlinkPath}, api.ProblemInvalidRequest, 405, "GET"},
	} {
		t.Run(name, func(t *testing.T) {
			p := new(pins)
			if c.method == "" {
				c.method, c.path = http.MethodPost, admin.UnlinkPath+c.path
			}
			if c.uid == 0 {
				c.uid = uint32(os.Geteuid())
			}
			got := problem(t, do(t, admin.New(admin.Options{Unlinker: p}), c.call), c.code, c.status)
			if !strings.Contains(got.Detail, c.says) {
				t.Errorf("says %q", got.Detail)
			}
			if name != "nobody known" && len(p.asked) != 0 {
				t.Errorf("the bridge was told %q", p.asked)
			}
		})
	}
}

func TestAStoreThatCannotForget(t *testing.T) {
	p := &pins{fault: fmt.Errorf("put: %w", bridge.ErrStoreUnavailable)}
	if status, body := unlink(t, p, call{body: `{"human":"alice"}`}); status != 503 || strings.Contains(body, "s-alice") {
		t.Errorf("status %d, %s", status, body)
	}
}
