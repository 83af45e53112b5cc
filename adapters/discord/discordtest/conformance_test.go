package discordtest

import (
	"encoding/json"
	"reflect"
	"testing"
)

// The objects as the documentation has them: the fields that are always
// there, and of what kind each is. A kind that ends in ? may be null.
func documented() map[string]map[string]string {
	return map[string]map[string]string{
		"message": {
			"id": "id", "channel_id": "id", "author": "object", "content": "text", "timestamp": "text", "edited_timestamp": "text?",
			"tts": "truth", "mention_everyone": "truth", "mentions": "list", "mention_roles": "list", "attachments": "list",
			"embeds": "list", "pinned": "truth", "type": "number", "flags": "number", "components": "list",
		},
		"user":   {"id": "id", "username": "text", "discriminator": "text", "global_name": "text?", "avatar": "text?"},
		"member": {"user": "object", "nick": "text?", "roles": "list", "joined_at": "text", "deaf": "truth", "mute": "truth", "flags": "number", "pending": "truth"},
		"guild":  {"id": "id", "name": "text", "icon": "text?", "owner": "truth", "permissions": "text", "features": "list"},
		"role": {
			"id": "id", "name": "text", "color": "number", "hoist": "truth", "position": "number", "permissions": "text",
			"managed": "truth", "mentionable": "truth", "flags": "number",
		},
		"channel":      {"id": "id", "type": "number", "guild_id": "id", "name": "text", "permission_overwrites": "list", "parent_id": "text?"},
		"conversation": {"id": "id", "type": "number", "recipients": "list", "last_message_id": "text?"},
		"application": {
			"id": "id", "name": "text", "icon": "text?", "description": "text", "bot_public": "truth", "bot_require_code_grant": "truth",
			"verify_key": "text", "team": "object?",
		},
		"command": {
			"id": "id", "application_id": "id", "name": "text", "description": "text", "default_member_permissions": "text?",
			"version": "id", "type": "number", "options": "list",
		},
	}
}

func kind(v any) string {
	switch v := v.(type) {
	case string:
		if isSnowflake(v) {
			return "id"
		}
		return "text"
	case float64:
		return "number"
	case bool:
		return "truth"
	case []any:
		return "list"
	case map[string]any:
		return "object"
	default:
		return "null"
	}
}

func fits(v any, want string) bool {
	got := kind(v)
	return got == want || got+"?" == want || want == "text" && got == "id" || got == "null" && want[len(want)-1] == '?'
}

func TestObjectsAreAsDocumented(t *testing.T) {
	t.Parallel()
	c := office(t)
	app := c.s.world.App.ID
	c.granted(c.call("PUT", "/applications/"+app+"/commands", []fields{{
		"name": "a", "description": "x", "options": []fields{{"type": 1, "name": "b", "description": "x"}},
	}}))
	conversation := c.direct(Alice)
	message := c.post(Deploys, fields{"content": "x", "components": []fields{row(button(nil))}})
	for name, path := range map[string]string{
		"message":      "/channels/" + Deploys + "/messages/" + message,
		"user":         "/users/" + Alice,
		"member":       "/guilds/" + Acme + "/members/" + Bob,
		"guild":        "/users/@me/guilds",
		"role":         "/guilds/" + Acme + "/roles",
		"channel":      "/channels/" + Deploys,
		"conversation": "/channels/" + conversation,
		"application":  "/applications/@me",
		"command":      "/applications/" + app + "/commands",
	} {
		var read any
		if err := json.Unmarshal([]byte(c.granted(c.call("GET", path, nil)).raw), &read); err != nil {
			t.Fatal(err)
		}
		if list, ok := read.([]any); ok {
			read = list[0]
		}
		object, _ := read.(map[string]any)
		for field, want := range documented()[name] {
			if v, there := object[field]; !there || !fits(v, want) {
				t.Errorf("the field %s of a %s is %v (there: %v), and not %s", field, name, v, there, want)
			}
		}
	}
}

func TestComponentsAreToldAsSent(t *testing.T) {
	t.Parallel()
	c := office(t)
	sent := []any{map[string]any{"type": 1.0, "id": 1.0, "components": []any{
		map[string]any{"type": 2.0, "id": 2.0, "style": 4.0, "label": "Decline", "custom_id": "ab1:decline:7"},
		map[string]any{"type": 2.0, "id": 3.0, "style": 5.0, "label": "Open", "url": "https://example.org/device"},
	}}}
	a := c.granted(c.call("POST", "/channels/"+Deploys+"/messages", fields{"content": "x", "components": []fields{row(
		button(fields{"style": 4, "label": "Decline", "custom_id": "ab1:decline:7"}),
		button(fields{"style": 5, "label": "Open", "custom_id": nil, "url": "https://example.org/device"}),
	)}}))
	if !reflect.DeepEqual(a.body["components"], any(sent)) {
		t.Errorf("they are told as %v", a.body["components"])
	}
}
