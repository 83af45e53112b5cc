package slacktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shape is what is where in a payload: "user.id string". Of a list the first
// item stands for all.
func shape(v any) []string {
	kinds := map[string]string{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			kinds[at] = "object"
			for field, inner := range v {
				walk(strings.TrimPrefix(at+"."+field, "."), inner)
			}
		case []any:
			kinds[at] = "list"
			if len(v) > 0 {
				walk(at+"[]", v[0])
			}
		default:
			kinds[at] = fmt.Sprintf("%T", v)
		}
	}
	walk("", v)
	var all []string
	for _, at := range slices.Sorted(maps.Keys(kinds)) {
		all = append(all, at+" "+kinds[at])
	}
	return all
}

// TestPayloadsHaveTheShapeThatIsDocumented compares what comes with payloads
// that were written by hand after Slack's reference.
func TestPayloadsHaveTheShapeThatIsDocumented(t *testing.T) {
	t.Parallel()
	card := []any{fields{"type": "section", "block_id": "b0", "text": fields{"type": "plain_text", "text": "x", "emoji": false}}, actions(button(fields{
		"style": "danger", "confirm": confirm(fields{"style": nil}), "accessibility_label": "Press it",
	}))}
	card[1].(fields)["block_id"] = "b1"
	for name, do := range map[string]func(c caller) *Delivery{
		"block_actions_message": func(c caller) *Delivery {
			c.post("channel", "C0DEPLOYS", "text", "x", "blocks", string(encoded(c.t, card)),
				"metadata", `{"event_type":"card","event_payload":{"rid":"r1"}}`)
			return c.s.Person("U0BOB").Press("Press", "Yes")
		},
		"block_actions_thread": func(c caller) *Delivery {
			_, ts := c.post("channel", "C0DEPLOYS", "text", "x")
			c.post("channel", "C0DEPLOYS", "text", "x", "thread_ts", ts, "blocks", string(encoded(c.t, []any{actions(button(nil))})))
			return c.s.Person("U0BOB").Press("Press")
		},
		"block_actions_ephemeral": func(c caller) *Delivery {
			c.granted(c.form("chat.postEphemeral", "channel", "C0DEPLOYS", "user", "U0BOB", "text", "x",
				"blocks", string(encoded(c.t, []any{actions(button(nil))}))))
			return c.s.Person("U0BOB").Press("Press")
		},
		"block_actions_link": func(c caller) *Delivery {
			c.card("U0BOB", fields{"url": "https://id.example", "value": nil})
			return c.s.Person("U0BOB").Press("Press")
		},
		"block_actions_home": func(c caller) *Delivery {
			c.granted(c.json("views.publish", fields{"user_id": "U0BOB", "view": fields{"type": "home", "blocks": []any{actions(button(nil))}}}))
			return c.s.Person("U0BOB").Press("Press")
		},
		"view_submission": func(c caller) *Delivery {
			c.granted(c.open("U0BOB", modal(nil)))
			c.s.Person("U0BOB").Type("Digits", "1234")
			return c.s.Person("U0BOB").Submit()
		},
		"view_closed": func(c caller) *Delivery {
			c.granted(c.open("U0BOB", modal(nil)))
			return c.s.Person("U0BOB").Close()
		},
		"slash_command": func(c caller) *Delivery {
			return c.s.Person("U0BOB").CommandIn("C0DEPLOYS", "/authbridge list")
		},
		"block_actions_organisation": func(c caller) *Delivery {
			organised(c)
			c.granted(c.json("views.publish", fields{"user_id": "U0BOB", "view": fields{"type": "home", "blocks": []any{actions(button(nil))}}}))
			return c.s.Person("U0BOB").Press("Press")
		},
		"slash_command_organisation": func(c caller) *Delivery {
			organised(c)
			return c.s.Person("U0BOB").CommandIn("C0DEPLOYS", "/authbridge list")
		},
		"app_home_opened_organisation": func(c caller) *Delivery {
			organised(c)
			return c.s.Person("U0BOB").OpenHome()
		},
		"app_home_opened": func(c caller) *Delivery { return c.s.Person("U0BOB").OpenHome() },
		"tokens_revoked":  func(c caller) *Delivery { return c.s.RevokeTokens() },
		"app_uninstalled": func(c caller) *Delivery { return c.s.Uninstall() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("testdata", "payloads", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var documented map[string]any
			if err := json.Unmarshal(text, &documented); err != nil {
				t.Fatal(err)
			}
			d := do(attended(t))
			d.Acked()
			if diff := cmp.Diff(shape(documented), shape(d.Payload())); diff != "" {
				t.Errorf("the documented shape is -, what comes +:\n%s", diff)
			}
		})
	}
}

// organised puts the workspace below an organisation.
func organised(c caller) {
	c.s.Change(func(w *World) { w.Team.Enterprise = "E0ACME" })
}

func TestAPayloadNamesWhereItHappened(t *testing.T) {
	t.Parallel()
	c := attended(t)
	c.s.Change(func(w *World) { w.Channel("C0RANDOM").Private = true })
	for channel, name := range map[string]string{"C0DEPLOYS": "deploys", "C0RANDOM": "privategroup", "D0ALICE": "directmessage"} {
		if got := c.s.Person("U0ALICE").CommandIn(channel, "/authbridge").Payload()["channel_name"]; got != name {
			t.Errorf("%s is called %v", channel, got)
		}
	}
}
