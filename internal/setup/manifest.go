package setup

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/goccy/go-yaml"

	"github.com/authbridge/authbridge/adapters/slack"
)

// Manifest is what an app in Slack is made from: pasted into Slack's console,
// it gives the app what the bridge needs of it and nothing else.
type Manifest struct {
	Metadata metadata `json:"_metadata" yaml:"_metadata"`
	Display  display  `json:"display_information" yaml:"display_information"`
	Features features `json:"features" yaml:"features"`
	OAuth    scopes   `json:"oauth_config" yaml:"oauth_config"`
	Settings settings `json:"settings" yaml:"settings"`
}

type metadata struct {
	Major int `json:"major_version" yaml:"major_version"`
	Minor int `json:"minor_version" yaml:"minor_version"`
}

type display struct {
	Name        string `json:"name" yaml:"name"`
	Description string `json:"description" yaml:"description"`
	Background  string `json:"background_color" yaml:"background_color"`
}

type features struct {
	Home     home      `json:"app_home" yaml:"app_home"`
	Bot      bot       `json:"bot_user" yaml:"bot_user"`
	Commands []command `json:"slash_commands" yaml:"slash_commands"`
}

// home has the tab for messages open, or nobody could be written to, and
// people write nothing there.
type home struct {
	Home     bool `json:"home_tab_enabled" yaml:"home_tab_enabled"`
	Messages bool `json:"messages_tab_enabled" yaml:"messages_tab_enabled"`
	ReadOnly bool `json:"messages_tab_read_only_enabled" yaml:"messages_tab_read_only_enabled"`
}

type bot struct {
	Name   string `json:"display_name" yaml:"display_name"`
	Online bool   `json:"always_online" yaml:"always_online"`
}

type command struct {
	Command     string `json:"command" yaml:"command"`
	URL         string `json:"url,omitempty" yaml:"url,omitempty"`
	Description string `json:"description" yaml:"description"`
	Hint        string `json:"usage_hint" yaml:"usage_hint"`
	Escape      bool   `json:"should_escape" yaml:"should_escape"`
}

type scopes struct {
	Scopes struct {
		Bot []string `json:"bot" yaml:"bot"`
	} `json:"scopes" yaml:"scopes"`
}

type settings struct {
	Events struct {
		URL string   `json:"request_url,omitempty" yaml:"request_url,omitempty"`
		Bot []string `json:"bot_events" yaml:"bot_events"`
	} `json:"event_subscriptions" yaml:"event_subscriptions"`
	Interactivity struct {
		On  bool   `json:"is_enabled" yaml:"is_enabled"`
		URL string `json:"request_url,omitempty" yaml:"request_url,omitempty"`
	} `json:"interactivity" yaml:"interactivity"`
	WholeOrg bool `json:"org_deploy_enabled" yaml:"org_deploy_enabled"`
	Socket   bool `json:"socket_mode_enabled" yaml:"socket_mode_enabled"`
	Rotation bool `json:"token_rotation_enabled" yaml:"token_rotation_enabled"`
}

// NewManifest makes the manifest of an app in Socket Mode or, with the public
// address of the bridge, of one that Slack calls over HTTP.
func NewManifest(public string) (Manifest, error) {
	if public != "" {
		u, err := url.Parse(public)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/" {
			return Manifest{}, errors.New("the address for Slack to call is an https URL without a path, such as https://authbridge.example.com")
		}
		public = "https://" + u.Host
	}
	at := func(path string) string {
		if public == "" {
			return ""
		}
		return public + path
	}
	m := Manifest{
		Metadata: metadata{1, 1},
		Display:  display{"authbridge", "Asks the right person before an agent gets access", "#1f2937"},
		Features: features{
			Home: home{true, true, true}, Bot: bot{"authbridge", true},
			Commands: []command{{"/authbridge", at("/slack/commands"), "What agents have of you and want from you", "list | pending | revoke REQ | verify CODE | whoami | link CODE | help", true}},
		},
	}
	m.OAuth.Scopes.Bot = slack.Scopes()
	m.Settings.Events.URL, m.Settings.Events.Bot = at("/slack/events"), []string{"app_home_opened", "app_uninstalled", "tokens_revoked"}
	m.Settings.Interactivity.On, m.Settings.Interactivity.URL = true, at("/slack/interactions")
	m.Settings.Socket = public == ""
	return m, nil
}

// YAML is the manifest as it is pasted.
func (m Manifest) YAML() (string, error) {
	text, err := yaml.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("write the manifest: %w", err)
	}
	return string(text), nil
}
