package setup

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/config"
)

// inDiscord is a configuration with Discord, and with its writer's own ways.
const inDiscord = `# kept by zoe
network: {allow_http_loopback: true}   # for tests
discord:
    bot_token:   "file:<DIR>/bot" # since May
    api_url: "<URL>"

humans:
  alice:
    email: alice@example.com # her own
  bob: {}
`

func atDiscord(t *testing.T, given Given, alone bool, answers ...string) (file string, talk *script, result Result, err error) {
	t.Helper()
	d := discordtest.Start(t, discordtest.Office())
	dir := t.TempDir()
	for name, text := range map[string]string{"bot": d.Token() + "\n", "authbridge.yaml": strings.NewReplacer("<DIR>", dir, "<URL>", d.URL()).Replace(inDiscord)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	talk = &script{t: t, answers: answers}
	file = filepath.Join(dir, "authbridge.yaml")
	result, err = Run(context.WithoutCancel(t.Context()), Options{File: file, Env: environment(t), Talk: talk, Given: given, Unattended: alone})
	for _, said := range talk.said {
		if strings.Contains(said, d.Token()) {
			t.Error("the token was told")
		}
	}
	return file, talk, result, err
}

// TestSomebodyMoreInDiscord: the application is looked at, and the file stays
// as it was but for the id.
func TestSomebodyMoreInDiscord(t *testing.T) {
	t.Parallel()
	file, talk, _, err := atDiscord(t, Given{}, false, "discord", "alice", "alice#1234", discordtest.Alice, "done")
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(talk.said, "\n")
	for _, want := range []string{"the application is authbridge", "authbridge discord invite", "is not an id; a Discord user id has 17 to 20 digits"} {
		if !strings.Contains(said, want) {
			t.Errorf("nobody said %q:\n%s", want, said)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, environment(t))
	if err != nil || cfg.Directory.Humans["alice"].Discord != discordtest.Alice || !strings.Contains(string(text), "# since May") {
		t.Errorf("alice is %q there, %v:\n%s", cfg.Directory.Humans["alice"].Discord, err, text)
	}
}

// TestNobodysIdInDiscord: then a code says who they are.
func TestNobodysIdInDiscord(t *testing.T) {
	t.Parallel()
	_, _, done, err := atDiscord(t, Given{}, false, "discord", "bob", "", "keep")
	if err != nil || !strings.Contains(strings.Join(done.Next, "\n"), "authbridge human link bob") {
		t.Errorf("%v, and next is %q", err, done.Next)
	}
}
