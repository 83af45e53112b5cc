package discordtest

import (
	"encoding/json"
	"fmt"
	"slices"
)

// The flags of messages that an app may set, and one that it may not.
const (
	suppressEmbeds = 1 << 2
	ephemeral      = 1 << 6
	silent         = 1 << 12

	loading = 1 << 7 // Discord's own: the app is thinking
)

// maxContent is the longest content, in characters.
const maxContent = 2000

// saying is what an app says in a message: the body of a create, of an edit,
// or the data of an answer to an interaction. What has no field here is not
// stood in for; lists that libraries send empty may be there.
type saying struct {
	Content         *string           `json:"content"`
	Components      *[]component      `json:"components"`
	AllowedMentions *allowed          `json:"allowed_mentions"`
	Flags           *int              `json:"flags"`
	TTS             bool              `json:"tts"`
	Embeds          []json.RawMessage `json:"embeds"`
	Attachments     []json.RawMessage `json:"attachments"`
}

// creation is the body of a new message in a channel.
type creation struct {
	saying
	Nonce            json.RawMessage `json:"nonce"`
	EnforceNonce     bool            `json:"enforce_nonce"`
	MessageReference *reference      `json:"message_reference"`
	StickerIDs       []string        `json:"sticker_ids"`
}

// reference is the message that is answered.
type reference struct {
	Type            int    `json:"type"`
	MessageID       string `json:"message_id"`
	ChannelID       string `json:"channel_id"`
	GuildID         string `json:"guild_id"`
	FailIfNotExists *bool  `json:"fail_if_not_exists"`
}

// allowed is who may be notified by what is said.
type allowed struct {
	Parse       []string `json:"parse"`
	Roles       []string `json:"roles"`
	Users       []string `json:"users"`
	RepliedUser bool     `json:"replied_user"`
}

// UnmarshalJSON keeps apart what Discord keeps apart: no list, and an empty
// one. It is strict like all reading here.
func (a *allowed) UnmarshalJSON(raw []byte) error {
	type fields allowed
	var f struct {
		fields
		Parse json.RawMessage `json:"parse"`
	}
	if err := strictly(raw, &f); err != nil {
		return err
	}
	*a = allowed(f.fields)
	if f.Parse == nil {
		return nil
	}
	if string(f.Parse) == "null" {
		return invalid("allowed_mentions.parse", "BASE_TYPE_REQUIRED", "null is no list; an empty one is []")
	}
	if err := json.Unmarshal(f.Parse, &a.Parse); err != nil {
		return fmt.Errorf("allowed_mentions.parse: %w", err)
	}
	return nil
}

// check looks at what is said. may are the flags that can be set so.
func (b *saying) check(may int) error {
	switch {
	case len(b.Embeds) > 0:
		return invalid("embeds", "UNKNOWN", "embeds are not stood in for here")
	case len(b.Attachments) > 0:
		return invalid("attachments", "UNKNOWN", "attachments are not stood in for here")
	case b.TTS:
		return invalid("tts", "UNKNOWN", "speech is not stood in for here")
	case b.Content != nil && units(*b.Content) > maxContent:
		return tooLong("content", maxContent)
	case b.Flags != nil && *b.Flags&^may != 0:
		return invalid("flags", "UNKNOWN", fmt.Sprintf("of the flags %d only %d can be set so, or are stood in for here", *b.Flags, may))
	}
	if err := b.AllowedMentions.check(); err != nil {
		return err
	}
	if b.Components == nil {
		return nil
	}
	return checkRows(*b.Components)
}

// check looks at who may be notified.
func (a *allowed) check() error {
	if a == nil {
		return nil
	}
	for _, kind := range a.Parse {
		if !slices.Contains([]string{"users", "roles", "everyone"}, kind) {
			return invalid("allowed_mentions.parse", "BASE_TYPE_CHOICES", "Value must be one of {'users', 'roles', 'everyone'}.")
		}
	}
	for kind, ids := range map[string][]string{"users": a.Users, "roles": a.Roles} {
		if len(ids) > 0 && slices.Contains(a.Parse, kind) {
			return invalid("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", "parse:["+kind+"] and "+kind+" are mutually exclusive.")
		}
		if len(ids) > 100 {
			return invalid("allowed_mentions."+kind, "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.")
		}
		if i := slices.IndexFunc(ids, func(id string) bool { return !isSnowflake(id) }); i >= 0 {
			return invalid("allowed_mentions."+kind, "NUMBER_TYPE_COERCE", `Value "`+ids[i]+`" is not snowflake.`)
		}
	}
	return nil
}

// apply sets what is said in a message, and leaves what is not spoken of. by
// is what is notified where nothing is said of it.
func (b *saying) apply(m *message, by *allowed) error {
	if b.Content != nil {
		m.content = *b.Content
	}
	if b.Components != nil {
		m.components = *b.Components
	}
	if b.Flags != nil {
		m.flags = m.flags&^(suppressEmbeds|silent) | *b.Flags
	}
	if b.AllowedMentions != nil {
		by = b.AllowedMentions
	}
	m.allowed = *by
	if m.content == "" && len(m.components) == 0 {
		return wrong(EmptyMessage, "neither content nor components")
	}
	return nil
}

// everything is notified by a message of a channel, and users by an answer to
// an interaction, where the app says nothing of it.
func everything() *allowed { return &allowed{Parse: []string{"users", "roles", "everyone"}} }

func usersOnly() *allowed { return &allowed{Parse: []string{"users"}} }

// nonce reads the nonce of a new message: a text or a number.
func (b *creation) nonce() (string, error) {
	raw := string(b.Nonce)
	if raw == "" || raw == "null" {
		if b.EnforceNonce {
			return "", invalid("enforce_nonce", "UNKNOWN", "there is no nonce to be enforced")
		}
		return "", nil
	}
	var text string
	if json.Unmarshal(b.Nonce, &text) != nil {
		var n json.Number
		if json.Unmarshal(b.Nonce, &n) != nil {
			return "", invalid("nonce", "BASE_TYPE_CHOICES", "a nonce is a text or a number")
		}
		text = n.String()
	}
	if units(text) > 25 {
		return "", tooLong("nonce", 25)
	}
	return text, nil
}
