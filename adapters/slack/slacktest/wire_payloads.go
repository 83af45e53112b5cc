package slacktest

import (
	"fmt"
	"strconv"
	"strings"
)

// verification is the token that older apps knew Slack by. It proves nothing.
const verification = "Xxxxxxxxxxxxxxxxxxxxxxxx"

// timestamp is now, as Slack writes times. It needs the lock.
func (s *Slack) timestamp() string {
	at := s.now().UnixMicro()
	return fmt.Sprintf("%d.%06d", at/1e6, at%1e6)
}

// common is what all interactive payloads have. It needs the lock.
func (s *Slack) common(kind, user string) map[string]any {
	u, w := s.world.Person(user), &s.world
	team := map[string]any{"id": w.Team.ID, "domain": w.Team.Domain}
	enterprise := any(nil)
	if w.Team.Enterprise != "" {
		enterprise = map[string]any{"id": w.Team.Enterprise, "name": w.Team.Name}
		team["enterprise_id"], team["enterprise_name"] = w.Team.Enterprise, w.Team.Name
	}
	return map[string]any{
		"type": kind, "team": team, "enterprise": enterprise, "is_enterprise_install": false,
		"user":       map[string]any{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": w.team(u)},
		"api_app_id": w.App.ID, "token": verification,
	}
}

// actionPayload is a press of a control, in a message or a view that was as
// shown. It needs the lock.
func (s *Slack) actionPayload(user string, c control, shown map[string]any) map[string]any {
	p := also(s.common("block_actions", user), map[string]any{
		"trigger_id": s.newTrigger(user), "actions": []any{s.action(c)},
	})
	if c.view != nil {
		p["container"] = map[string]any{"type": "view", "view_id": c.view.id}
		p["view"] = shown
		return p
	}
	m := c.message
	container := map[string]any{
		"type": "message", "message_ts": m.ts, "channel_id": m.channel, "is_ephemeral": m.to != "",
	}
	if m.thread != "" {
		container["thread_ts"] = m.thread
	}
	p["container"] = container
	p["channel"] = map[string]any{"id": m.channel, "name": s.channelName(m.channel)}
	p["state"] = map[string]any{"values": map[string]any{}}
	p["response_url"] = s.newResponseURL(user, m.channel, m)
	if m.to == "" {
		p["message"] = shown
	}
	return p
}

// action is the press itself. It needs the lock.
func (s *Slack) action(c control) map[string]any {
	a := map[string]any{
		"type": "button", "action_id": c.element.str("action_id"), "block_id": c.blockID,
		"text": c.element["text"], "action_ts": s.timestamp(),
	}
	for _, field := range []string{"value", "style", "url", "confirm", "accessibility_label"} {
		if c.element[field] != nil {
			a[field] = c.element[field]
		}
	}
	return a
}

// submissionPayload is a modal that is sent. It needs the lock.
func (s *Slack) submissionPayload(v *view) map[string]any {
	return also(s.common("view_submission", v.user), map[string]any{
		"trigger_id": s.newTrigger(v.user), "view": v.payload(&s.world), "response_urls": []any{},
	})
}

// closedPayload is a modal that is closed. It needs the lock.
func (s *Slack) closedPayload(v *view) map[string]any {
	return also(s.common("view_closed", v.user), map[string]any{
		"view": v.payload(&s.world), "is_cleared": false,
	})
}

// commandPayload is a command that is typed. It needs the lock.
func (s *Slack) commandPayload(user, channel, command, text string) map[string]any {
	w := &s.world
	p := map[string]any{
		"token": verification, "team_id": w.Team.ID, "team_domain": w.Team.Domain,
		"channel_id": channel, "channel_name": s.channelName(channel),
		"user_id": user, "user_name": w.Person(user).Name,
		"command": command, "text": s.escaped(text), "api_app_id": w.App.ID, "is_enterprise_install": "false",
		"response_url": s.newResponseURL(user, channel, nil), "trigger_id": s.newTrigger(user),
	}
	if w.Team.Enterprise != "" {
		p["enterprise_id"], p["enterprise_name"] = w.Team.Enterprise, w.Team.Name
	}
	return p
}

// escaped is what is typed after a command whose manifest has should_escape:
// people and channels are known by their ids. It needs the lock.
func (s *Slack) escaped(text string) string {
	words := strings.Split(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text), " ")
	for i, word := range words {
		for _, u := range s.world.People {
			if word == "@"+u.Name {
				words[i] = "<@" + u.ID + "|" + u.Name + ">"
			}
		}
		for _, c := range s.world.Channels {
			if word == "#"+c.Name {
				words[i] = "<#" + c.ID + "|" + c.Name + ">"
			}
		}
	}
	return strings.Join(words, " ")
}

// channelName is what payloads call a conversation. It needs the lock.
func (s *Slack) channelName(id string) string {
	c := s.world.Channel(id)
	switch {
	case c == nil:
		return "directmessage"
	case c.Private:
		return "privategroup"
	default:
		return c.Name
	}
}

// eventPayload is something that happened. It needs the lock.
func (s *Slack) eventPayload(event map[string]any) map[string]any {
	w := &s.world
	enterprise := any(nil)
	if w.Team.Enterprise != "" {
		enterprise = w.Team.Enterprise
	}
	return map[string]any{
		"type": "event_callback", "token": verification, "team_id": w.Team.ID, "api_app_id": w.App.ID,
		"context_team_id": w.Team.ID, "context_enterprise_id": enterprise,
		"event": event, "event_id": "Ev0" + strings.ToUpper(strconv.FormatInt(int64(s.next()), 36)) + strings.ToUpper(hexes(4)),
		"event_time": s.now().Unix(), "is_ext_shared_channel": false,
		"authorizations": []any{map[string]any{
			"enterprise_id": enterprise, "team_id": w.Team.ID, "user_id": w.App.User,
			"is_bot": true, "is_enterprise_install": false,
		}},
	}
}

// tell tells the app that something happened. It needs the lock.
func (s *Slack) tell(event map[string]any) *Delivery {
	d := s.newDelivery(Event, s.eventPayload(event))
	d.what = fmt.Sprint("the event ", event["type"])
	s.bring(d)
	return d
}
