package discordtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// How long the first answer to an interaction may take, and how long it can be
// answered after that.
const (
	answerWithin = 3 * time.Second
	tokenFor     = 15 * time.Minute
)

// The kinds of interactions.
const (
	aPing    = 1
	aCommand = 2
	aPress   = 3
	aModal   = 5
)

// The kinds of first answers.
const (
	pong       = 1
	newMessage = 4
	thinking   = 5
	later      = 6
	changed    = 7
	openModal  = 9
)

// interaction is something that somebody did with the app.
type interaction struct {
	id, token string
	kind      int
	user      string
	channel   string
	source    *message // what was pressed on, or what the modal was opened from
	at        time.Time
	data      map[string]any

	written  int       // to how many live sessions it was written; in HTTP mode 1 when it was sent
	answered time.Time // zero = not yet
	failed   bool      // they were told that it failed
	original *message  // what @original is
}

func (s *Discord) provideInteractions() {
	s.provide("POST /interactions/{interaction}/{token}/callback", route{open: true, body: true, query: []string{"with_response"}, do: (*call).answerInteraction})
	const all = "/webhooks/{app}/{token}"
	s.provide("POST "+all, route{open: true, body: true, query: []string{"wait"}, do: (*call).followUp})
	s.provide("GET "+all+"/messages/{message}", route{open: true, do: (*call).readAnswer})
	s.provide("PATCH "+all+"/messages/{message}", route{open: true, body: true, do: (*call).editAnswer})
	s.provide("DELETE "+all+"/messages/{message}", route{open: true, do: (*call).deleteAnswer})
}

// answerInteraction is the first answer.
func (c *call) answerInteraction() (any, error) {
	i := c.byToken(c.id("token"))
	if i == nil || i.id != c.id("interaction") {
		return nil, wrong(UnknownInteraction, "there is no such interaction")
	}
	return nil, c.firstAnswer(i, c.body)
}

func (s *Discord) byToken(token string) *interaction {
	at := slices.IndexFunc(s.wire.interactions, func(i *interaction) bool { return i.token == token })
	if at < 0 {
		return nil
	}
	return s.wire.interactions[at]
}

// firstAnswer does what the first answer to an interaction says. It needs the
// lock.
func (s *Discord) firstAnswer(i *interaction, raw []byte) error {
	var b struct {
		Type int             `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	switch err := strictly(raw, &b); {
	case err != nil:
		return err
	case !i.answered.IsZero():
		return refuse(AlreadyAcknowledged)
	case s.now().Sub(i.at) > answerWithin || i.failed:
		return refuse(UnknownInteraction)
	}
	if err := s.judge(i, b.Type); err != nil {
		return err
	}
	if err := s.reply(i, b.Type, b.Data); err != nil {
		return err
	}
	i.answered = s.now()
	return nil
}

// judge says whether an answer of a kind can be given to an interaction.
func (s *Discord) judge(i *interaction, kind int) error {
	fits := false
	switch kind {
	case newMessage, thinking:
		fits = true
	case later, changed:
		fits = i.source != nil
	case openModal:
		fits = i.kind != aModal
	}
	if !fits {
		return invalid("type", "BASE_TYPE_CHOICES", fmt.Sprintf("an answer of type %d cannot be given to an interaction of type %d", kind, i.kind))
	}
	return nil
}

// reply shows what the first answer says.
func (s *Discord) reply(i *interaction, kind int, data json.RawMessage) error {
	switch kind {
	case later:
		i.original = i.source
		return nil
	case openModal:
		m, err := readModal(data)
		if err != nil {
			return err
		}
		m.user, m.source, m.channel = i.user, i.source, i.channel
		s.show(m)
		return nil
	case thinking:
		var b struct {
			Flags int `json:"flags"`
		}
		if len(data) > 0 {
			if err := strictly(data, &b); err != nil {
				return err
			}
		}
		m := s.answerOf(i, b.Flags)
		m.flags |= loading
		s.add(m)
		i.original = m
		return nil
	}
	var b saying
	if err := strictly(data, &b); err != nil {
		return err
	}
	if kind == changed {
		i.original = i.source
		_, err := s.edit(i.source, &b, usersOnly())
		return err
	}
	m, err := s.written(i, &b)
	i.original = m
	return err
}

// answerOf is a message that answers an interaction.
func (s *Discord) answerOf(i *interaction, flags int) *message {
	m := &message{channel: i.channel, author: s.world.App.Bot, webhook: true, flags: flags & (ephemeral | suppressEmbeds)}
	m.interaction = map[string]any{"id": i.id, "type": i.kind, "user": s.profile(i.user)}
	if flags&ephemeral != 0 {
		m.to = i.user
	}
	return m
}

// written is a new message by way of an interaction.
func (s *Discord) written(i *interaction, b *saying) (*message, error) {
	if err := b.check(suppressEmbeds | silent | ephemeral); err != nil {
		return nil, err
	}
	flags := 0
	if b.Flags != nil {
		flags = *b.Flags
	}
	m := s.answerOf(i, flags)
	if err := b.apply(m, usersOnly()); err != nil {
		return nil, err
	}
	s.add(m)
	return m, nil
}

// exchange is the interaction whose token the path holds, as long as it can be
// answered again.
func (c *call) exchange() (*interaction, error) {
	if err := c.ours(); err != nil {
		return nil, err
	}
	i := c.byToken(c.id("token"))
	switch {
	case i == nil:
		return nil, wrong(BadWebhookToken, "there is no such interaction")
	case i.answered.IsZero():
		return nil, refuse(UnknownWebhook)
	case c.now().Sub(i.at) > tokenFor:
		return nil, refuse(BadWebhookToken)
	}
	return i, nil
}

// followUp is one more message.
func (c *call) followUp() (any, error) {
	i, err := c.exchange()
	if err != nil {
		return nil, err
	}
	var b saying
	if err := c.into(&b); err != nil {
		return nil, err
	}
	if o := i.original; o != nil && o.flags&loading != 0 { // the first one takes its place
		return c.change(o, &b)
	}
	m, err := c.written(i, &b)
	if err != nil {
		return nil, err
	}
	return c.payload(m), nil
}

// change is an edit of what an interaction has brought.
func (c *call) change(m *message, b *saying) (any, error) {
	if m.flags&loading != 0 {
		m.flags &^= loading
		if b.Flags != nil {
			*b.Flags &^= ephemeral
		}
	}
	return c.edit(m, b, usersOnly())
}

// answer is a message that an interaction has brought.
func (c *call) answer() (*message, error) {
	i, err := c.exchange()
	if err != nil {
		return nil, err
	}
	if c.id("message") == "@original" {
		if i.original == nil {
			return nil, refuse(UnknownMessage)
		}
		return i.original, nil
	}
	m := c.everyMessage(c.id("message"))
	if m == nil || m.interaction == nil || m.channel != i.channel {
		return nil, refuse(UnknownMessage)
	}
	return m, nil
}

func (c *call) readAnswer() (any, error) {
	m, err := c.answer()
	if err != nil {
		return nil, err
	}
	return c.payload(m), nil
}

func (c *call) editAnswer() (any, error) {
	m, err := c.answer()
	if err != nil {
		return nil, err
	}
	var b saying
	if err := c.into(&b); err != nil {
		return nil, err
	}
	return c.change(m, &b)
}

func (c *call) deleteAnswer() (any, error) {
	m, err := c.answer()
	if err != nil {
		return nil, err
	}
	m.deleted = true
	return nil, nil
}

// payloadOf is the interaction as Discord tells the app of it. It needs the
// lock.
func (s *Discord) payloadOf(i *interaction) map[string]any {
	p := map[string]any{
		"id": i.id, "application_id": s.world.App.ID, "type": i.kind, "token": i.token, "version": 1, "data": i.data,
		"channel_id": i.channel, "channel": s.place(i.channel), "locale": "en-US", "entitlements": []any{}, "app_permissions": "2147483647",
		"attachment_size_limit": 10 << 20,
	}
	if i.source != nil {
		p["message"] = s.payload(i.source)
	}
	g := s.world.home(i.channel)
	if g == nil {
		p["user"], p["context"] = s.profile(i.user), 1
		p["authorizing_integration_owners"] = map[string]string{"0": "0"}
		return p
	}
	p["guild_id"], p["guild"], p["context"] = g.ID, map[string]any{"id": g.ID, "locale": "en-US", "features": []any{}}, 0
	p["authorizing_integration_owners"] = map[string]string{"0": g.ID}
	if m := g.Member(i.user); m != nil {
		member := s.membership(m)
		member["permissions"] = fmt.Sprint(s.world.permissions(i.user, i.channel))
		p["member"] = member
	}
	return p
}

// Interactions returns how what people have done was brought and answered.
func (s *Discord) Interactions() []Interaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Interaction, len(s.wire.interactions))
	for n, i := range s.wire.interactions {
		all[n] = Interaction{ID: i.id, User: i.user, Written: i.written > 0, Answered: !i.answered.IsZero(), Failed: i.failed}
	}
	return all
}

// Interaction is something that somebody did, and what became of it.
type Interaction struct {
	ID       string
	User     string
	Written  bool // it was brought to a live connection, or by a call
	Answered bool // in time
	Failed   bool // they were told that it failed
}
