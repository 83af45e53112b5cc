package slack_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/slack"
	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

// office is a workspace in which everything is as it should be.
func office() slacktest.World {
	return slacktest.World{
		People:   []slacktest.User{{ID: "U0ALICE", Name: "alice", Email: "alice@example.com"}, {ID: "U0GUEST", Name: "guest", Guest: true}},
		Groups:   []slacktest.Group{{ID: "S0NIGHTS", Handle: "nights", Members: []string{"U0ALICE"}}},
		Channels: []slacktest.Channel{{ID: "C0ONCALL", Name: "oncall", Members: []string{"U0ALICE", "U0BRIDGE"}}},
	}
}

// surveyed looks at a workspace and returns what it found, a line each that
// begins with fine, doubt or fault.
func surveyed(t *testing.T, s *slacktest.Slack, bot, app string, p slack.Places) []string {
	t.Helper()
	calls := &http.Client{Timeout: 10 * time.Second}
	t.Cleanup(calls.CloseIdleConnections)
	var lines []string
	for _, f := range slack.Survey(t.Context(), s.URL(), calls, bridge.NewSecret(bot), bridge.NewSecret(app), p) {
		lines = append(lines, []string{"fine: ", "doubt: ", "fault: "}[f.Grade]+f.What+" → "+f.Hint)
		if strings.Contains(f.What+f.Hint, bot) || app != "" && strings.Contains(f.What+f.Hint, app) {
			t.Errorf("a token is told: %s", f.What)
		}
	}
	return lines
}

func places() slack.Places {
	return slack.Places{
		Channels: map[string]string{"C0ONCALL": "oncall"}, People: map[string]string{"U0ALICE": "alice"}, Groups: map[string]string{"S0NIGHTS": "nights"},
	}
}

// What is as it should be is told too, and nobody is written to.
func TestASurveyThatFindsNothing(t *testing.T) {
	t.Parallel()
	s := slacktest.Start(t, office())
	for _, line := range surveyed(t, s, s.BotToken(), "", places()) {
		if !strings.HasPrefix(line, "fine: ") {
			t.Error(line)
		}
	}
	if got := s.Person("U0ALICE").Screen(); strings.Contains(got, "authbridge:") || len(s.Pushes("U0ALICE")) > 0 {
		t.Errorf("alice was written to:\n%s", got)
	}
}

// Each thing that a set-up lacks is found, and told with what to do.
func TestWhatASurveyFinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		world  func(*slacktest.World)
		places func(*slack.Places)
		want   string
		says   []string // Slack's words for it
	}{
		"a scope is missing": {
			world: func(w *slacktest.World) {
				w.App.Scopes = slices.DeleteFunc(slacktest.BotScopes(), func(s string) bool { return s == "im:write" })
			},
			want: "fault: the bot token lacks im:write",
		},
		"the app was removed": {
			world: func(w *slacktest.World) { w.App.Refuse = "token_revoked" },
			want:  "fault: the bot token is not taken: token_revoked → the app was removed from the workspace", says: []string{"token_revoked"},
		},
		"not invited": {
			world: func(w *slacktest.World) { w.Channels[0].Members = []string{"U0ALICE"} },
			want:  "fault: the app is not in the channel C0ONCALL of oncall → in the channel: /invite @authbridge",
		},
		"archived": {
			world: func(w *slacktest.World) { w.Channels[0].Archived = true },
			want:  "fault: the channel C0ONCALL of oncall is archived",
		},
		"shared": {
			world: func(w *slacktest.World) { w.Channels[0].Shared = true },
			want:  "fault: the channel C0ONCALL of oncall is shared with another workspace",
		},
		"shared, as it is meant": {
			world:  func(w *slacktest.World) { w.Channels[0].Shared = true },
			places: func(p *slack.Places) { p.Shared = []string{"C0ONCALL"} },
			want:   "fine: the channel C0ONCALL of oncall is open to the app",
		},
		"no such channel": {
			places: func(p *slack.Places) { p.Channels = map[string]string{"C0NOWHERE": "oncall"} },
			want:   "fault: the channel C0NOWHERE of oncall is not there for the app", says: []string{"channel_not_found"},
		},
		"a guest": {
			places: func(p *slack.Places) { p.People = map[string]string{"U0GUEST": "carol"} },
			want:   "fault: carol (U0GUEST) is a guest of the workspace",
		},
		"somebody who is gone": {
			world: func(w *slacktest.World) { w.People[0].Deleted = true },
			want:  "fault: alice (U0ALICE) is deactivated in Slack",
		},
		"nobody": {
			places: func(p *slack.Places) { p.People = map[string]string{"U0NOBODY": "carol"} },
			want:   "fault: carol (U0NOBODY) cannot be found: user_not_found", says: []string{"user_not_found"},
		},
		"an empty group": {
			world: func(w *slacktest.World) { w.Groups[0].Members = nil },
			want:  "fault: nobody is in the user group S0NIGHTS of nights",
		},
		"a plan without groups": {
			world: func(w *slacktest.World) { w.Team.Free = true },
			want:  "fault: the user group S0NIGHTS of nights cannot be read, so nobody is in it: plan_upgrade_required → this workspace's plan has no user groups: name the members",
			says:  []string{"plan_upgrade_required"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := office(), places()
			if c.world != nil {
				c.world(&w)
			}
			if c.places != nil {
				c.places(&p)
			}
			s := slacktest.Start(t, w)
			s.Tolerate(append(c.says, "missing_scope")...)
			found := surveyed(t, s, s.BotToken(), "", p)
			if !slices.ContainsFunc(found, func(line string) bool { return strings.HasPrefix(line, c.want) }) {
				t.Errorf("found\n%s\nwant %s", strings.Join(found, "\n"), c.want)
			}
		})
	}
}

// Tokens in each other's place are what Slack explains worst.
func TestASurveyWithSwappedTokens(t *testing.T) {
	t.Parallel()
	s := slacktest.Start(t, office())
	s.Tolerate("not_allowed_token_type", "invalid_auth")
	found := surveyed(t, s, s.AppToken(), "", places())
	if len(found) != 1 || !strings.HasPrefix(found[0], "fault: the bot token is not taken: ") || strings.HasSuffix(found[0], "→ ") {
		t.Errorf("found\n%s", strings.Join(found, "\n"))
	}
}
