package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
)

// keys draws them, and keeps who wanted one.
type keys struct {
	fault error
	asked []string // "agent by"
	drawn bridge.DrawnKey
}

func (k *keys) NewAgentKey(_ context.Context, agent string, by bridge.Actor) (bridge.DrawnKey, error) {
	k.asked = append(k.asked, fmt.Sprintf("%s %s %s", agent, by.Kind, by.Name))
	key, hash := bridge.NewKey()
	k.drawn = bridge.DrawnKey{Key: key, Hash: hash, Known: agent == "ci", Renewed: agent == "ci"}
	return k.drawn, k.fault
}

func keyFor(t *testing.T, k *keys, c call) (status int, body string) {
	t.Helper()
	c.method, c.uid, c.path = http.MethodPost, uint32(os.Geteuid()), admin.AgentKeysPath
	w := do(t, admin.New(admin.Options{Keymaker: k, File: "/etc/authbridge.yaml"}), c)
	return w.Code, w.Body.String()
}

func TestAKeyIsMade(t *testing.T) {
	for agent, known := range map[string]bool{"ci": true, "new-one": false} {
		k := new(keys)
		status, body := keyFor(t, k, call{body: fmt.Sprintf(`{"agent":%q}`, agent)})
		var got admin.AgentKey
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
			t.Fatalf("status %d, %v", status, err)
		}
		want := admin.AgentKey{
			Agent: agent, Key: k.drawn.Key.Reveal(), KeyHash: k.drawn.Hash.String(), Known: known, Renewed: known, File: "/etc/authbridge.yaml", PID: os.Getpid(),
		}
		if got != want {
			t.Errorf("it is %s of %s, in %s of %d", got, got.Agent, got.File, got.PID)
		}
		if said := fmt.Sprintf("%s operator uid %d", agent, os.Geteuid()); len(k.asked) != 1 || k.asked[0] != said {
			t.Errorf("the bridge was told %q, want %q", k.asked, said)
		}
	}
}

func TestAKeyIsNotPrinted(t *testing.T) {
	key := admin.AgentKey{Agent: "ci", Key: "abk_12345678", KeyHash: "abh1$x"}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", key)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key)
	seen := log.String() + fmt.Sprintf("%v %+v %#v %s %q %x %d", key, key, key, key, key, key, key) + fmt.Sprint(key, []admin.AgentKey{key})
	if strings.Contains(seen, "12345678") || strings.Contains(seen, fmt.Sprintf("%x", "12345678")) {
		t.Errorf("it shows: %s", seen)
	}
	if !strings.Contains(seen, "abh1$x") {
		t.Error("it does not tell which key it is")
	}
}

func TestKeysThatAreNotMade(t *testing.T) {
	for name, c := range map[string]struct {
		call
		code   api.ProblemCode
		status int
		asked  bool
		fault  error
	}{
		"no agent":          {call{body: `{}`}, api.ProblemInvalidRequest, 400, false, nil},
		"no name":           {call{body: `{"agent":"ci\ntwo"}`}, api.ProblemInvalidRequest, 400, false, nil},
		"a long name":       {call{body: `{"agent":"` + strings.Repeat("a", 65) + `"}`}, api.ProblemInvalidRequest, 400, false, nil},
		"an unknown member": {call{body: `{"agent":"ci","key":"abk_mine"}`}, api.ProblemInvalidRequest, 400, false, nil},
		"a parameter":       {call{path: "?agent=ci", body: `{"agent":"ci"}`}, api.ProblemInvalidRequest, 400, false, nil},
		"another user":      {call{uid: uint32(os.Geteuid()) + 1, body: `{"agent":"ci"}`}, api.ProblemNotAllowed, 403, false, nil},
		"another method":    {call{method: http.MethodGet}, api.ProblemInvalidRequest, 405, false, nil},
		"no store":          {call{body: `{"agent":"ci"}`}, api.ProblemStoreUnavailable, 503, true, bridge.ErrStoreUnavailable},
		"a fault":           {call{body: `{"agent":"ci"}`}, api.ProblemInternal, 500, true, errors.New("no")},
	} {
		t.Run(name, func(t *testing.T) {
			k := &keys{fault: c.fault}
			c.path = admin.AgentKeysPath + c.path
			if c.method == "" {
				c.method = http.MethodPost
			}
			if c.uid == 0 {
				c.uid = uint32(os.Geteuid())
			}
			w := do(t, admin.New(admin.Options{Keymaker: k}), c.call)
			problem(t, w, c.code, c.status)
			if (len(k.asked) > 0) != c.asked {
				t.Errorf("the bridge was told %q", k.asked)
			}
			if c.asked && strings.Contains(w.Body.String(), k.drawn.Key.Reveal()) {
				t.Error("a key without its line in the audit log")
			}
		})
	}
}
