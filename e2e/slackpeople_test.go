package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWhoIsWhoInSlack: a configuration with every key about Slack starts a
// bridge, which makes a code for whoever is to type it there. Nobody answers at
// api_url.
func TestWhoIsWhoInSlack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{edit: func(text string) string {
		dir := filepath.Dir(regexp.MustCompile(`state_dir: (.*)`).FindStringSubmatch(text)[1])
		for name, token := range map[string]string{"bot": "xoxb-1-e2e", "app": "xapp-1-e2e", "signing": "8f742231b10e8888abcd99yyyzzz85a5"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(token), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		text = strings.Replace(text, "email: alice@example.com", "email: alice@example.com, slack: U024BE7LH, via: [slack, web]", 1)
		return text + strings.ReplaceAll(`teams:
  listed: {members: [alice, bob], slack: C0123456}
  oncall: {slack_group: S0123456}
slack: {bot_token: "file:DIR/bot", app_token: "file:DIR/app", signing_secret: "file:DIR/signing", mode: http, api_url: "http://127.0.0.1:1/api/",
        allow_shared: [C0123456], allow_guests: false}
`, "DIR", dir)
	}})
	got := w.cli("human", "link", "bob").wants(t, 0)
	if !regexp.MustCompile(`^/authbridge link [0-9A-Z]{4}-[0-9A-Z]{4}\n$`).MatchString(got.stdout) || !strings.Contains(got.stderr, "to be typed in Slack by bob, once") {
		t.Errorf("a code for bob: %q, %q", got.stdout, got.stderr)
	}
	w.cli("human", "link", "alice").wants(t, 2, "no chat in which alice")
	if log := w.cli("audit").wants(t, 0).stdout; !strings.Contains(log, `"chat_link_made"`) || strings.Contains(log, strings.Fields(got.stdout)[2]) {
		t.Error("the audit log does not tell of the code, or tells the code")
	}
}

// TestWhoIsWhoInDiscord: a configuration with every key about Discord starts a
// bridge, which makes a code for whoever is to type it there. Nobody answers at
// api_url.
func TestWhoIsWhoInDiscord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{edit: func(text string) string {
		dir := filepath.Dir(regexp.MustCompile(`state_dir: (.*)`).FindStringSubmatch(text)[1])
		if err := os.WriteFile(filepath.Join(dir, "bot"), []byte("MTEy.e2e.abc"), 0o600); err != nil {
			t.Fatal(err)
		}
		text = strings.Replace(text, "email: alice@example.com", `email: alice@example.com, discord: "80351110224678912", via: [discord, web]`, 1)
		return text + strings.ReplaceAll(`teams:
  listed: {members: [alice, bob], discord: "112233445566778899"}
  oncall: {discord_role: "223344556677889900"}
discord: {bot_token: "file:DIR/bot", mode: http, public_key: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef,
          api_url: "http://127.0.0.1:1", fallback_channel: "112233445566778899"}
`, "DIR", dir)
	}})
	got := w.cli("human", "link", "bob").wants(t, 0)
	if !regexp.MustCompile(`^/authbridge link [0-9A-Z]{4}-[0-9A-Z]{4}\n$`).MatchString(got.stdout) || !strings.Contains(got.stderr, "to be typed in Discord by bob, once") {
		t.Errorf("a code for bob: %q, %q", got.stdout, got.stderr)
	}
	w.cli("human", "link", "alice").wants(t, 2, "no chat in which alice")
}
