package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
)

// chats let bob type a code in Slack; the file says who alice is there.
type chats struct {
	fault error
	asked []string // "human by"
}

var typedUntil = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func (*chats) Chats(human string) ([]string, error) {
	switch human {
	case "bob":
		return []string{"slack"}, nil
	case "alice":
		return nil, nil
	}
	return nil, bridge.ErrNotFound
}

func (c *chats) NewLinkCode(_ context.Context, human string, by bridge.Actor) (bridge.LinkCode, error) {
	c.asked = append(c.asked, fmt.Sprintf("%s %s %s", human, by.Kind, by.Name))
	return bridge.LinkCode{Human: human, Code: bridge.NewSecret("7K3M-9QPX"), Expires: typedUntil}, c.fault
}

func TestACodeForAChat(t *testing.T) {
	c := new(chats)
	w := do(t, admin.New(admin.Options{Chats: c}), call{method: http.MethodPost, path: admin.ChatLinksPath, uid: uint32(os.Geteuid()), body: `{"human":"bob"}`})
	var got admin.ChatLink
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d, %v", w.Code, err)
	}
	if got.Human != "bob" || got.Code != "7K3M-9QPX" || got.Type != "/authbridge link 7K3M-9QPX" || !slices.Equal(got.Chats, []string{"slack"}) || !got.ExpiresAt.Equal(typedUntil) {
		t.Errorf("it is for %s until %s", got.Human, got.ExpiresAt)
	}
	if said := fmt.Sprintf("bob operator uid %d", os.Geteuid()); len(c.asked) != 1 || c.asked[0] != said {
		t.Errorf("the bridge was told %q, want %q", c.asked, said)
	}
}

func TestNoCodeForAChat(t *testing.T) {
	for name, c := range map[string]struct {
		call
		fault  error
		code   api.ProblemCode
		status int
		says   string
	}{
		"nobody known":           {call: call{body: `{"human":"carol"}`}, code: api.ProblemNotFound, status: 404, says: `no human "carol"`},
		"whom the file names":    {call: call{body: `{"human":"alice"}`}, code: api.ProblemInvalidRequest, status: 400, says: "no chat in which alice"},
		"no human":               {call: call{body: `{}`}, code: api.ProblemInvalidRequest, status: 400, says: "no human is named"},
		"an unknown member":      {call: call{body: `{"human":"bob","code":"1"}`}, code: api.ProblemInvalidRequest, status: 400, says: `"code"`},
		"a parameter":            {call: call{path: "?human=bob", body: `{"human":"bob"}`}, code: api.ProblemInvalidRequest, status: 400, says: "no parameters"},
		"another user":           {call: call{body: `{"human":"bob"}`, uid: uint32(os.Geteuid()) + 1}, code: api.ProblemNotAllowed, status: 403, says: "may not administer"},
		"another method":         {call: call{method: http.MethodGet}, code: api.ProblemInvalidRequest, status: 405, says: "GET"},
		"gone while it was made": {call: call{body: `{"human":"bob"}`}, fault: bridge.ErrNotFound, code: api.ProblemNotFound, status: 404, says: `no human "bob"`},
		"a store that is away":   {call: call{body: `{"human":"bob"}`}, fault: bridge.ErrStoreUnavailable, code: api.ProblemStoreUnavailable, status: 503, says: "cannot reach its store"},
	} {
		t.Run(name, func(t *testing.T) {
			l := &chats{fault: c.fault}
			if c.method == "" {
				c.method = http.MethodPost
			}
			if c.uid == 0 {
				c.uid = uint32(os.Geteuid())
			}
			c.path = admin.ChatLinksPath + c.path
			w := do(t, admin.New(admin.Options{Chats: l}), c.call)
			if got := problem(t, w, c.code, c.status); !strings.Contains(got.Detail, c.says) || strings.Contains(w.Body.String(), "7K3M") {
				t.Errorf("says %q", got.Detail)
			}
			if c.fault == nil && len(l.asked) != 0 {
				t.Errorf("the bridge was told %q", l.asked)
			}
		})
	}
}

func TestACodeForAChatIsNotPrinted(t *testing.T) {
	link := admin.ChatLink{Human: "bob", Code: "7K3M-9QPX", Type: "/authbridge link 7K3M-9QPX"}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "link", link)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "link", link)
	seen := log.String() + fmt.Sprintf("%v %+v %#v %s %q %x %d", link, link, link, link, link, link, link) + fmt.Sprint(link, []admin.ChatLink{link})
	if strings.Contains(seen, "7K3M") || strings.Contains(seen, fmt.Sprintf("%x", "7K3M")) || !strings.Contains(seen, "of bob") {
		t.Errorf("it shows: %s", seen)
	}
}
