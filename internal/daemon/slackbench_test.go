package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// slowCorp takes its time to make a code.
type slowCorp struct {
	*bridgetest.Provider
	takes time.Duration
}

// Begin implements [bridge.Provider].
func (p slowCorp) Begin(ctx context.Context, ask bridge.CodeRequest) (bridge.Code, error) {
	select {
	case <-time.After(p.takes):
		return p.Provider.Begin(ctx, ask)
	case <-ctx.Done():
		return bridge.Code{}, ctx.Err()
	}
}

// BenchmarkClickToCode is how long a human in Slack waits from the press of
// Show code until the code stands in their message, at a provider that takes
// 300 ms to make one and a Slack that takes 100 ms for each change of a
// message. beyond-ms is what the bridge, its store and the line to Slack add to
// those two.
func BenchmarkClickToCode(b *testing.B) {
	const provider, message = 300 * time.Millisecond, 100 * time.Millisecond
	s := slacktest.Start(b, slacktest.World{People: []slacktest.User{{ID: "U0ALICE", Name: "alice"}}, Unlimited: true})
	s.Fail("chat.update", 10_000, slacktest.Fault{Delay: message})
	alice := s.Person("U0ALICE")
	dir := home(b)
	text := strings.Replace(helper, "{email: alice@example.com}", "{email: alice@example.com, slack: U0ALICE, via: [slack]}", 1)
	text += fmt.Sprintf("slack: {bot_token: %q, app_token: %q, api_url: %q}\n", secretFile(b, dir, "bot", s.BotToken()), secretFile(b, dir, "app", s.AppToken()), s.URL())
	h := open(b, configured(b, dir, text), slowCorp{corp(), provider})
	s.Until("the bridge is connected", func() bool { return s.Connected() > 0 })
	var took []float64
	for b.Loop() {
		r := h.ask(fmt.Sprint(len(took)))
		s.Until("the card is there", func() bool { return strings.Contains(alice.Screen(), r.CheckPhrase) })
		button := alice.ButtonIn(r.CheckPhrase, "Show code")
		began := time.Now()
		button.Press()
		s.Until("the code is there", func() bool { return strings.Contains(alice.Screen(), "\n| ") })
		took = append(took, float64(time.Since(began))/float64(time.Millisecond))
		h.end(r.ID)
		s.Until("the code is gone", func() bool { return !strings.Contains(alice.Screen(), "\n| ") })
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(rank(took, 50), "p50-ms")
	b.ReportMetric(rank(took, 95), "p95-ms")
	b.ReportMetric(rank(took, 95)-float64((provider+message)/time.Millisecond), "p95-beyond-ms")
}

// end has the agent withdraw a request.
func (h *house) end(id string) {
	h.t.Helper()
	if _, err := h.agent.Cancel(h.t.Context(), id); err != nil {
		h.t.Fatal(err)
	}
}

func secretFile(t testing.TB, dir, name, secret string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return "file:" + path
}
