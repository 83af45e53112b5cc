package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
)

// finger presses, for alice alone.
type finger struct {
	fault error
	asked []string
}

func (f *finger) Press(_ context.Context, human string) ([]admin.Finding, error) {
	f.asked = append(f.asked, human)
	if human != "alice" {
		return nil, bridge.ErrNotFound
	}
	return []admin.Finding{{Level: admin.OK, About: "slack", What: "alice's press arrived after 7 ms"}}, f.fault
}

func TestAPress(t *testing.T) {
	f := new(finger)
	w := do(t, admin.New(admin.Options{Presser: f}), call{method: http.MethodPost, path: admin.PressesPath + "?human=alice", uid: uint32(os.Geteuid())})
	var got []admin.Finding
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || len(got) != 1 || got[0].Level != admin.OK || !strings.Contains(got[0].What, "7 ms") {
		t.Errorf("status %d, %s, %v", w.Code, w.Body, err)
	}
}

func TestPressesThatAreNotTried(t *testing.T) {
	for name, c := range map[string]struct {
		call
		fault  error
		nobody bool
		asked  int
		code   api.ProblemCode
		status int
		says   string
	}{
		"nobody there":        {call: call{path: "?human=zoe"}, asked: 1, code: api.ProblemNotFound, status: 404, says: `no human "zoe"`},
		"nobody named":        {call: call{path: ""}, code: api.ProblemInvalidRequest, status: 400, says: "parameter human"},
		"an empty name":       {call: call{path: "?human="}, code: api.ProblemInvalidRequest, status: 400, says: "parameter human"},
		"two":                 {call: call{path: "?human=alice&human=bob"}, code: api.ProblemInvalidRequest, status: 400, says: "once"},
		"another parameter":   {call: call{path: "?human=alice&to=C0"}, code: api.ProblemInvalidRequest, status: 400, says: "no other"},
		"half a parameter":    {call: call{path: "?human=%zz"}, code: api.ProblemInvalidRequest, status: 400, says: "parameter human"},
		"another user":        {call: call{path: "?human=alice", uid: uint32(os.Geteuid()) + 1}, code: api.ProblemNotAllowed, status: 403, says: "may not administer"},
		"another method":      {call: call{method: http.MethodGet, path: "?human=alice"}, code: api.ProblemInvalidRequest, status: 405, says: "GET"},
		"a bridge that can't": {call: call{path: "?human=alice"}, nobody: true, code: api.ProblemNotFound, status: 404, says: "nobody's press"},
		"a fault":             {call: call{path: "?human=alice"}, fault: errors.New("disk full"), asked: 1, code: api.ProblemInternal, status: 500, says: "log says why"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &finger{fault: c.fault}
			o := admin.Options{Presser: f}
			if c.nobody {
				o.Presser = nil
			}
			if c.method == "" {
				c.method = http.MethodPost
			}
			if c.uid == 0 {
				c.uid = uint32(os.Geteuid())
			}
			c.path = admin.PressesPath + c.path
			if p := problem(t, do(t, admin.New(o), c.call), c.code, c.status); !strings.Contains(p.Detail, c.says) || len(f.asked) != c.asked {
				t.Errorf("says %q, and asked for %q", p.Detail, f.asked)
			}
		})
	}
}
