package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// Only what the bridge reads of a payload is decoded here, by its own few
// structs: the library's decode whole cards, and refuse a press over a block
// that they do not know.

// errIgnored means that a payload is well formed and nothing to us.
var errIgnored = errors.New("nothing that the bridge takes")

const (
	maxActions = 16  // of one press; Slack sends one
	maxID      = 255 // of what Slack names things by
)

type userPart struct {
	ID     string `json:"id"`
	TeamID string `json:"team_id"`
}

type identified struct {
	ID string `json:"id"`
}

// interaction is the payload of a press, a submission or a closing.
type interaction struct {
	Type        string      `json:"type"`
	AppID       string      `json:"api_app_id"`
	User        userPart    `json:"user"`
	Team        *identified `json:"team"`
	OrgWide     bool        `json:"is_enterprise_install"`
	Channel     *identified `json:"channel"`
	Trigger     string      `json:"trigger_id"`
	ResponseURL string      `json:"response_url"`
	Container   struct {
		Type      string `json:"type"`
		MessageTS string `json:"message_ts"`
		ThreadTS  string `json:"thread_ts"`
		ChannelID string `json:"channel_id"`
		ViewID    string `json:"view_id"`
		Ephemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	Actions []struct {
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
		TS       string `json:"action_ts"`
	} `json:"actions"`
	View *viewPart `json:"view"`
}

type viewPart struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	CallbackID string `json:"callback_id"`
	Private    string `json:"private_metadata"`
	Hash       string `json:"hash"`
	State      struct {
		Values map[string]map[string]struct {
			Type  string `json:"type"`
			Value string `json:"value"`
		} `json:"values"`
	} `json:"state"`
}

// parseInteraction reads the payload of an interaction.
func parseInteraction(payload []byte) (inbound, error) {
	var p interaction
	if err := json.Unmarshal(payload, &p); err != nil {
		return inbound{}, unreadable("interaction", err)
	}
	in := p.common()
	switch p.Type {
	case "block_actions":
		in.kind = pressed
		return in, p.press(&in)
	case "view_submission":
		in.kind = submitted
	case "view_closed":
		in.kind = closed
	default:
		return inbound{}, errIgnored
	}
	if in.view.id == "" {
		return inbound{}, fmt.Errorf("%s: it has no view", p.Type)
	}
	if in.id == "" { // a closing has no trigger
		in.id = p.Type + " " + in.view.id + " " + in.view.hash
	}
	return in, sound(in)
}

func (p *interaction) common() inbound {
	in := inbound{
		at: time.Now(), id: p.Trigger, app: p.AppID, orgWide: p.OrgWide,
		team: p.Team.id(), user: p.User.ID, userTeam: p.User.TeamID,
		container: p.Container.Type, channel: p.Container.ChannelID, message: p.Container.MessageTS,
		thread: p.Container.ThreadTS, ephemeral: p.Container.Ephemeral,
		trigger: bridge.NewSecret(p.Trigger), responseURL: bridge.NewSecret(p.ResponseURL),
	}
	if p.View != nil {
		in.view = p.View.view()
	}
	return in
}

// press completes the inbound of a press. Where it was made on is what its
// container says; what else of the payload names a place must agree.
func (p *interaction) press(in *inbound) error {
	if len(p.Actions) == 0 || len(p.Actions) > maxActions {
		return fmt.Errorf("a press of %d buttons", len(p.Actions))
	}
	for _, a := range p.Actions {
		in.actions = append(in.actions, action{id: a.ActionID, value: a.Value})
	}
	switch in.container {
	case "message":
		if in.channel == "" || in.message == "" || p.Channel != nil && p.Channel.ID != in.channel {
			return errors.New("a press on a message that it does not name")
		}
	case "view":
		if in.view.id == "" || p.Container.ViewID != "" && p.Container.ViewID != in.view.id {
			return errors.New("a press on a view that it does not name")
		}
	default:
		return errIgnored // an attachment, a link's preview: none of ours
	}
	if in.id == "" {
		in.id = p.Actions[0].TS + " " + in.user + " " + p.Actions[0].ActionID
	}
	return sound(*in)
}

func (n *identified) id() string {
	if n == nil {
		return ""
	}
	return n.ID
}

func (v *viewPart) view() view {
	seen := view{id: v.ID, kind: v.Type, callback: v.CallbackID, private: v.Private, hash: v.Hash}
	inputs := 0
	for _, block := range v.State.Values {
		for _, input := range block {
			seen.typed = input.Value
			inputs++
		}
	}
	if inputs != 1 {
		seen.typed = ""
	}
	return seen
}

// slashCommand is what a slash command says of itself, in a form's fields or
// in a JSON object of the same names.
type slashCommand struct {
	AppID       string `json:"api_app_id"`
	Team        string `json:"team_id"`
	OrgWide     flag   `json:"is_enterprise_install"`
	User        string `json:"user_id"`
	Channel     string `json:"channel_id"`
	Command     string `json:"command"`
	Text        string `json:"text"`
	Trigger     string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`
}

// flag is a boolean that Slack writes as one, or as a word.
type flag bool

// UnmarshalJSON takes true, "true" and their opposites.
func (f *flag) UnmarshalJSON(b []byte) error {
	word := string(b)
	if unquoted, err := strconv.Unquote(word); err == nil {
		word = unquoted
	}
	switch word {
	case "true":
		*f = true
	case "false", "null", "":
		*f = false
	default:
		return errors.New("neither true nor false")
	}
	return nil
}

// parseCommand reads the payload of a slash command that came over a socket.
func parseCommand(payload []byte) (inbound, error) {
	var c slashCommand
	if err := json.Unmarshal(payload, &c); err != nil {
		return inbound{}, unreadable("slash command", err)
	}
	return c.inbound()
}

// parseCommandForm reads a slash command that came by a call.
func parseCommandForm(form url.Values) (inbound, error) {
	return slashCommand{
		AppID: form.Get("api_app_id"), Team: form.Get("team_id"),
		OrgWide: form.Get("is_enterprise_install") == "true", User: form.Get("user_id"), Channel: form.Get("channel_id"),
		Command: form.Get("command"), Text: form.Get("text"), Trigger: form.Get("trigger_id"), ResponseURL: form.Get("response_url"),
	}.inbound()
}

func (c slashCommand) inbound() (inbound, error) {
	in := inbound{
		kind: commanded, id: c.Trigger, at: time.Now(), app: c.AppID, team: c.Team, orgWide: bool(c.OrgWide),
		user: c.User, channel: c.Channel, text: c.Text,
		trigger: bridge.NewSecret(c.Trigger), responseURL: bridge.NewSecret(c.ResponseURL),
	}
	if c.Command == "" {
		return inbound{}, errors.New("a slash command without a name")
	}
	return in, sound(in)
}

// callback is an event of the Events API.
type callback struct {
	Type      string `json:"type"`
	Challenge string `json:"challenge"` // of url_verification
	AppID     string `json:"api_app_id"`
	Team      string `json:"team_id"`
	Event     struct {
		Type    string `json:"type"`
		User    string `json:"user"`
		Channel string `json:"channel"`
		Tab     string `json:"tab"`
		Tokens  struct {
			Bot []string `json:"bot"`
		} `json:"tokens"`
	} `json:"event"`
	EventID        string `json:"event_id"`
	Authorizations []struct {
		OrgWide bool `json:"is_enterprise_install"`
	} `json:"authorizations"`
}

// parseEvent reads the payload of an event.
func parseEvent(payload []byte) (inbound, error) {
	var c callback
	if err := json.Unmarshal(payload, &c); err != nil {
		return inbound{}, unreadable("event", err)
	}
	return c.inbound()
}

func (c callback) inbound() (inbound, error) {
	in := inbound{id: c.EventID, at: time.Now(), app: c.AppID, team: c.Team}
	if len(c.Authorizations) > 0 {
		in.orgWide = c.Authorizations[0].OrgWide
	}
	if c.Type != "event_callback" || c.EventID == "" {
		return inbound{}, errIgnored
	}
	switch c.Event.Type {
	case "app_home_opened":
		in.kind, in.user, in.channel, in.tab = homeOpened, c.Event.User, c.Event.Channel, c.Event.Tab
		return in, sound(in)
	case "app_uninstalled":
		in.kind = uninstalled
	case "tokens_revoked":
		in.kind = revoked
		if len(c.Event.Tokens.Bot) == 0 { // somebody's own tokens: we have none
			return inbound{}, errIgnored
		}
	default:
		return inbound{}, errIgnored
	}
	return in, nil
}

// sound refuses an inbound of nobody, or with names that none of Slack's are.
func sound(in inbound) error {
	if in.user == "" || in.id == "" {
		return errors.New("it names nobody who did it, or has no id")
	}
	for _, name := range []string{in.id, in.app, in.team, in.user, in.userTeam, in.channel, in.message, in.thread, in.view.id, in.view.hash} {
		if len(name) > maxID {
			return errors.New("it names something by more than an id")
		}
	}
	return nil
}

// unreadable says what could not be decoded, without a word of it.
func unreadable(what string, err error) error {
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s: its parts are not of the kinds that Slack documents", what)
	}
	return fmt.Errorf("%s: not JSON", what)
}
