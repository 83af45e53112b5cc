package setup_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/internal/setup"
)

// slackReads is the manifest as another program understands it, which knows
// Slack's own words for things.
func slackReads(t *testing.T, m setup.Manifest) slackgo.Manifest {
	t.Helper()
	text, err := m.YAML()
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var read slackgo.Manifest
	known := json.NewDecoder(strings.NewReader(string(asJSON)))
	known.DisallowUnknownFields()
	if err := known.Decode(&read); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return read
}

func TestManifestForSockets(t *testing.T) {
	m, err := setup.NewManifest("")
	if err != nil {
		t.Fatal(err)
	}
	read := slackReads(t, m)
	if !read.Settings.SocketModeEnabled || !read.Settings.Interactivity.IsEnabled || read.Settings.Interactivity.RequestUrl != "" || read.Features.SlashCommands[0].Url != "" {
		t.Errorf("settings %+v", read.Settings)
	}
	if !read.Features.AppHome.MessagesTabEnabled || !read.Features.AppHome.HomeTabEnabled {
		t.Errorf("nobody could be written to: %+v", read.Features.AppHome)
	}
	for _, scope := range read.OAuthConfig.Scopes.Bot {
		if strings.HasSuffix(scope, ":history") || scope == "chat:write.public" || scope == "chat:write.customize" {
			t.Errorf("the bridge has no use for %s", scope)
		}
	}
	if !slices.Contains(read.Settings.EventSubscriptions.BotEvents, "app_home_opened") {
		t.Errorf("events %v", read.Settings.EventSubscriptions.BotEvents)
	}
}

func TestManifestForCalls(t *testing.T) {
	m, err := setup.NewManifest("https://bridge.example.com/")
	if err != nil {
		t.Fatal(err)
	}
	read := slackReads(t, m)
	for got, want := range map[string]string{
		read.Settings.Interactivity.RequestUrl:      "https://bridge.example.com/slack/interactions",
		read.Settings.EventSubscriptions.RequestUrl: "https://bridge.example.com/slack/events",
		read.Features.SlashCommands[0].Url:          "https://bridge.example.com/slack/commands",
	} {
		if got != want {
			t.Errorf("Slack would call %q, not %q", got, want)
		}
	}
	if read.Settings.SocketModeEnabled {
		t.Error("Socket Mode is on, and Slack would call nobody")
	}
}

func TestManifestKnowsWhereToCall(t *testing.T) {
	for _, public := range []string{"http://bridge.example.com", "bridge.example.com", "https://", "https://u:p@bridge.example.com", "https://bridge.example.com/x", "https://bridge.example.com?x=1"} {
		if _, err := setup.NewManifest(public); err == nil {
			t.Errorf("Slack is told to call %q", public)
		}
	}
}
