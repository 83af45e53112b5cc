package discord

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/bridge"
)

// Only what the bridge reads of a payload is decoded here, by its own few
// structs: the library's refuse a modal over a component that they do not
// know.

// errIgnored means that a payload is well formed and nothing to us.
var errIgnored = errors.New("nothing that the bridge takes")

// errPing means that Discord only looks whether somebody is here.
var errPing = errors.New("a ping")

const (
	maxToken  = 1024 // of an interaction
	maxCustom = 100  // of a custom_id, in characters
	maxNested = 40   // components of a modal
)

// snowflake is how Discord writes all its ids.
var snowflake = regexp.MustCompile(`^[0-9]{1,20}$`)

// tokenShape is what of a token may stand in a path.
var tokenShape = regexp.MustCompile(`^[A-Za-z0-9._~=+-]+$`)

type userPart struct {
	ID     string `json:"id"`
	Bot    bool   `json:"bot"`
	System bool   `json:"system"`
}

// interaction is the payload of whatever somebody does.
type interaction struct {
	ID      string                            `json:"id"`
	App     string                            `json:"application_id"`
	Type    discordgo.InteractionType         `json:"type"`
	Token   string                            `json:"token"`
	Context *discordgo.InteractionContextType `json:"context"`
	Guild   string                            `json:"guild_id"`
	Place   string                            `json:"channel_id"`
	Channel *struct {
		ID   string                `json:"id"`
		Type discordgo.ChannelType `json:"type"`
	} `json:"channel"`
	Member *struct {
		User    userPart `json:"user"`
		Roles   []string `json:"roles"`
		Pending bool     `json:"pending"`
	} `json:"member"`
	User    *userPart `json:"user"`
	Message *struct {
		ID    string                 `json:"id"`
		Flags discordgo.MessageFlags `json:"flags"`
	} `json:"message"`
	Data json.RawMessage `json:"data"`
}

// parse reads the payload of an interaction, whichever way it came.
func parse(payload []byte) (inbound, error) {
	var p interaction
	if err := json.Unmarshal(payload, &p); err != nil {
		return inbound{}, unreadable("interaction", err)
	}
	if p.Type == discordgo.InteractionPing {
		return inbound{}, errPing
	}
	in := inbound{
		id: p.ID, at: time.Now(), app: p.App, token: bridge.NewSecret(p.Token),
		guild: p.Guild, channel: p.Place, direct: p.direct(),
	}
	if err := p.actor(&in); err != nil {
		return inbound{}, err
	}
	if p.Message != nil {
		in.message, in.ephemeral = p.Message.ID, p.Message.Flags&discordgo.MessageFlagsEphemeral != 0
	}
	if err := p.deed(&in); err != nil {
		return inbound{}, err
	}
	return in, sound(in)
}

// direct reports whether it happened in our own conversation with a user: not
// in a guild, and not in a group of people.
func (p *interaction) direct() bool {
	switch {
	case p.Guild != "":
		return false
	case p.Context != nil:
		return *p.Context == discordgo.InteractionContextBotDM
	default:
		return p.Channel == nil || p.Channel.Type == discordgo.ChannelTypeDM
	}
}

// actor fills in who did it. In a guild that is a member, elsewhere a user.
func (p *interaction) actor(in *inbound) error {
	who := p.User
	if p.Guild != "" {
		if p.Member == nil {
			return errors.New("an interaction in a guild without a member")
		}
		who = &p.Member.User
		in.roles, in.pending = p.Member.Roles, p.Member.Pending
	}
	if who == nil {
		return errors.New("an interaction of nobody")
	}
	if p.Channel != nil && p.Channel.ID != "" && p.Channel.ID != p.Place {
		return errors.New("an interaction in two channels")
	}
	in.user, in.bot = who.ID, who.Bot || who.System
	return nil
}

// deed fills in what was done.
func (p *interaction) deed(in *inbound) error {
	if p.Guild == "" && !in.direct {
		return errIgnored // a group of people: we write nothing there
	}
	switch p.Type {
	case discordgo.InteractionMessageComponent:
		in.kind = pressed
		return p.press(in)
	case discordgo.InteractionModalSubmit:
		in.kind = submitted
		return p.submission(in)
	case discordgo.InteractionApplicationCommand:
		in.kind = commanded
		return p.command(in)
	case discordgo.InteractionPing, discordgo.InteractionApplicationCommandAutocomplete:
	}
	return errIgnored
}

func (p *interaction) press(in *inbound) error {
	var d struct {
		CustomID string                  `json:"custom_id"`
		Type     discordgo.ComponentType `json:"component_type"`
	}
	if err := json.Unmarshal(p.Data, &d); err != nil {
		return unreadable("press", err)
	}
	if d.Type != discordgo.ButtonComponent {
		return errIgnored
	}
	if in.message == "" {
		return errors.New("a press on a message that it does not name")
	}
	in.custom = d.CustomID
	return nil
}

// component is a part of a modal: a row of others, a label of one, or an input.
type component struct {
	Type  discordgo.ComponentType `json:"type"`
	Value json.RawMessage         `json:"value"`
	Row   []component             `json:"components"`
	Label *component              `json:"component"`
}

func (p *interaction) submission(in *inbound) error {
	var d struct {
		CustomID   string      `json:"custom_id"`
		Components []component `json:"components"`
	}
	if err := json.Unmarshal(p.Data, &d); err != nil {
		return unreadable("submission", err)
	}
	in.custom = d.CustomID
	if typed := inputs(d.Components, nil); len(typed) == 1 {
		in.typed = typed[0]
	}
	return nil
}

// inputs adds what was typed into the inputs among parts, as many as matter.
func inputs(parts []component, typed []string) []string {
	for _, c := range parts {
		if len(typed) > maxNested {
			return typed
		}
		if c.Type == discordgo.TextInputComponent {
			typed = append(typed, text(c.Value))
		}
		typed = inputs(c.Row, typed)
		if c.Label != nil {
			typed = inputs([]component{*c.Label}, typed)
		}
	}
	return typed
}

// option is a word of a command: a subcommand with its own, or a value.
type option struct {
	Name    string                                 `json:"name"`
	Type    discordgo.ApplicationCommandOptionType `json:"type"`
	Value   json.RawMessage                        `json:"value"`
	Options []option                               `json:"options"`
}

// command reads which subcommand was given, and what with it. Other commands
// than the bridge's own one are nothing to us.
func (p *interaction) command(in *inbound) error {
	var d struct {
		Name    string                           `json:"name"`
		Type    discordgo.ApplicationCommandType `json:"type"`
		Options []option                         `json:"options"`
	}
	if err := json.Unmarshal(p.Data, &d); err != nil {
		return unreadable("command", err)
	}
	if d.Type != discordgo.ChatApplicationCommand || d.Name != commandName {
		return errIgnored
	}
	in.options = map[string]string{}
	for _, sub := range d.Options {
		if sub.Type != discordgo.ApplicationCommandOptionSubCommand {
			continue
		}
		in.command = sub.Name
		for _, o := range sub.Options {
			in.options[o.Name] = text(o.Value)
		}
	}
	return nil
}

// commandName is the bridge's one command.
const commandName = "authbridge"

// text is a JSON string, or "" for any other value.
func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s) // whatever else it is, nobody typed it
	return s
}

// sound refuses an inbound with names that none of Discord's are.
func sound(in inbound) error {
	for _, id := range []string{in.id, in.app, in.user, in.channel} {
		if !snowflake.MatchString(id) {
			return errors.New("it does not say by an id what it is, or who did it where")
		}
	}
	for _, id := range append([]string{in.guild, in.message}, in.roles...) {
		if id != "" && !snowflake.MatchString(id) {
			return errors.New("it names something by no id")
		}
	}
	if token := in.token.Reveal(); len(token) > maxToken || !tokenShape.MatchString(token) {
		return errors.New("it cannot be answered: it has no token, or none of Discord's")
	}
	if len([]rune(in.custom)) > maxCustom {
		return errors.New("its custom_id is too long")
	}
	return nil
}

// unreadable says what could not be decoded, without a word of it.
func unreadable(what string, err error) error {
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s: its parts are not of the kinds that Discord documents", what)
	}
	return fmt.Errorf("%s: not JSON", what)
}
