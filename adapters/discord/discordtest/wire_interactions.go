package discordtest

import (
	"fmt"
	"slices"
	"strconv"
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

// interaction is something that somebody did with the app.
type interaction struct {
	id, token string
	kind      int
	user      string
	channel   string
	source    *message       // what was pressed on, or what the modal was opened from
	seen      map[string]any // as they saw it
	modal     *modal         // that was sent
	at        time.Time
	data      map[string]any
	payload   map[string]any

	queued   int           // connections that it is on its way to
	reached  []*connection // that it was written to
	called   bool          // it went by a call
	answered time.Time     // zero = not yet
	with     int           // the type of the answer
	failed   bool          // they were told that it failed
	lapse    *time.Timer
	original *message // what @original is
}

// did tells the app what somebody did. It needs the lock.
func (s *Discord) did(i *interaction) {
	i.id, i.token, i.at = s.snowflake(), "aW50ZXJhY3Rpb246"+hexes(40), s.now()
	i.payload = s.payloadOf(i)
	s.wire.interactions = append(s.wire.interactions, i)
	s.wire.tokens[i.token] = i
	i.lapse = time.AfterFunc(answerWithin, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fail(i)
	})
	if s.wire.holding {
		s.wire.held = append(s.wire.held, i)
		return
	}
	s.bring(i)
}

// bring brings an interaction to the app. It needs the lock.
func (s *Discord) bring(i *interaction) {
	if s.wire.requestsTo != "" {
		i.called = true
		s.mail(i.payload, i)
		return
	}
	for _, n := range s.wire.sessions {
		n.tell("INTERACTION_CREATE", i.payload, i)
	}
}

// fail tells somebody that nothing came of what they did, unless something did.
// It needs the lock.
func (s *Discord) fail(i *interaction) {
	if !i.answered.IsZero() || i.failed || s.wire.closed {
		return
	}
	i.failed = true
	if i.modal != nil {
		i.modal.sent = false // it is still open
	}
	s.marks[i.user] = append(s.marks[i.user], failedMark)
	s.touch()
}

// lapseAll fails what was not answered in the time that has passed. It needs
// the lock.
func (s *Discord) lapseAll() {
	for _, i := range s.wire.interactions {
		if s.late(i) {
			s.fail(i)
		}
	}
}

func (s *Discord) late(i *interaction) bool { return s.now().Sub(i.at) > answerWithin }

// payloadOf is the interaction as Discord tells the app of it. It needs the
// lock.
func (s *Discord) payloadOf(i *interaction) map[string]any {
	p := map[string]any{
		"id": i.id, "application_id": s.world.App.ID, "type": i.kind, "token": i.token, "version": 1, "data": i.data,
		"channel_id": i.channel, "channel": s.place(i.channel), "locale": "en-US", "entitlements": []any{},
		"attachment_size_limit": 10 << 20,
	}
	switch {
	case i.seen != nil:
		p["message"] = i.seen
	case i.source != nil:
		p["message"] = s.payload(i.source)
	}
	g := s.world.home(i.channel)
	if g == nil {
		p["user"], p["context"], p["app_permissions"] = s.profile(i.user), 1, strconv.FormatUint(AllPermissions&^Administrator, 10)
		p["authorizing_integration_owners"] = map[string]string{"0": "0"}
		return p
	}
	p["guild_id"], p["guild"], p["context"] = g.ID, map[string]any{"id": g.ID, "locale": "en-US", "features": []any{}}, 0
	p["guild_locale"], p["app_permissions"] = "en-US", strconv.FormatUint(s.world.permissions(s.world.App.Bot, i.channel), 10)
	p["authorizing_integration_owners"] = map[string]string{"0": g.ID}
	if m := g.Member(i.user); m != nil {
		member := s.membership(m)
		member["permissions"] = strconv.FormatUint(s.world.permissions(i.user, i.channel), 10)
		p["member"] = member
	}
	return p
}

func (s *Discord) provideInteractions() {
	s.provide("POST /interactions/{interaction}/{token}/callback", route{open: true, body: true, query: []string{"with_response"}, do: (*call).answerInteraction})
	const all = "/webhooks/{app}/{token}"
	s.provide("POST "+all, route{open: true, body: true, query: []string{"wait"}, do: (*call).followUp})
	s.provide("GET "+all+"/messages/{message}", route{open: true, do: (*call).readAnswer})
	s.provide("PATCH "+all+"/messages/{message}", route{open: true, body: true, do: (*call).editAnswer})
	s.provide("DELETE "+all+"/messages/{message}", route{open: true, do: (*call).deleteAnswer})
}

// exchange is the interaction whose token the path holds, as long as it can be
// answered again.
func (c *call) exchange() (*interaction, error) {
	if err := c.ours(); err != nil {
		return nil, err
	}
	i := c.wire.tokens[c.id("token")]
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

// change is an edit of what an interaction has brought. The first one of what
// was only announced is seen by whom the announcement was.
func (c *call) change(m *message, b *saying) (any, error) {
	if m.flags&loading == 0 {
		return c.edit(m, b, usersOnly())
	}
	if b.Flags != nil {
		*b.Flags &^= ephemeral
	}
	p, err := c.edit(m, b, usersOnly())
	if err == nil {
		m.flags &^= loading
		p = c.payload(m)
	}
	return p, err
}

// answer is a message that an interaction has brought, or what it was pressed
// on.
func (c *call) answer() (*message, error) {
	i, err := c.exchange()
	if err != nil {
		return nil, err
	}
	m := i.original
	if id := c.id("message"); id != "@original" {
		m = c.everyMessage(id)
		if m != nil && m != i.original && (m.interaction == nil || m.interaction["id"] != i.id) {
			m = nil
		}
	}
	if m == nil || m.deleted {
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

// answerOf is a message that answers an interaction.
func (s *Discord) answerOf(i *interaction, flags int) *message {
	m := &message{channel: i.channel, author: s.world.App.Bot, webhook: true, flags: flags & (ephemeral | suppressEmbeds)}
	m.interaction = map[string]any{
		"id": i.id, "type": i.kind, "user": s.profile(i.user), "authorizing_integration_owners": i.payload["authorizing_integration_owners"],
	}
	if i.kind == aPress {
		m.interaction["interacted_message_id"] = i.source.id
	}
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

// taken is what is told of an answer, to whom wants to know.
func (s *Discord) taken(i *interaction) map[string]any {
	told := map[string]any{"id": i.id, "type": i.kind}
	out := map[string]any{"interaction": told, "resource": map[string]any{"type": i.with}}
	if m := i.original; m != nil && i.with != later {
		told["response_message_id"], told["response_message_loading"] = m.id, m.flags&loading != 0
		told["response_message_ephemeral"] = m.flags&ephemeral != 0
		if !slices.Contains([]int{thinking, later}, i.with) {
			out["resource"] = map[string]any{"type": i.with, "message": s.payload(m)}
		}
	}
	return out
}

// unfit says that an answer cannot be given.
func unfit(kind int, i *interaction) error {
	return invalid("type", "BASE_TYPE_CHOICES", fmt.Sprintf("an answer of type %d cannot be given to an interaction of type %d", kind, i.kind))
}
