package discordtest

import "encoding/json"

// The kinds of first answers.
const (
	pong       = 1
	newMessage = 4
	thinking   = 5
	later      = 6
	changed    = 7
	openModal  = 9
)

// answerInteraction is the first answer, by a call of the app's.
func (c *call) answerInteraction() (any, error) {
	i := c.wire.tokens[c.id("token")]
	if i == nil || i.id != c.id("interaction") {
		return nil, wrong(UnknownInteraction, "there is no such interaction")
	}
	if err := c.firstAnswer(i, c.body); err != nil {
		return nil, err
	}
	if c.query.Get("with_response") == "true" {
		return c.taken(i), nil
	}
	return nil, nil
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
	case s.late(i) || i.failed:
		return refuse(UnknownInteraction)
	}
	if !suits(b.Type, i) {
		return unfit(b.Type, i)
	}
	if err := s.reply(i, b.Type, b.Data); err != nil {
		return err
	}
	i.answered, i.with = s.now(), b.Type
	i.lapse.Stop()
	if i.modal != nil {
		i.modal.closed = true
	}
	return nil
}

// suits says whether an answer of a kind can be given to an interaction.
func suits(kind int, i *interaction) bool {
	switch kind {
	case newMessage, thinking:
		return true
	case later, changed:
		return i.source != nil
	case openModal:
		return i.kind != aModal
	}
	return false
}

// reply shows what the first answer says.
func (s *Discord) reply(i *interaction, kind int, data json.RawMessage) error {
	switch kind {
	case later:
		i.original = i.source
		return nil
	case openModal:
		return s.openFor(i, data)
	case thinking:
		return s.announce(i, data)
	}
	var b saying
	if err := strictly(data, &b); err != nil {
		return err
	}
	if kind == changed {
		return s.replace(i, &b)
	}
	m, err := s.written(i, &b)
	i.original = m
	return err
}

// replace changes what was pressed on.
func (s *Discord) replace(i *interaction, b *saying) error {
	if i.source.deleted {
		return refuse(UnknownMessage)
	}
	i.original = i.source
	_, err := s.edit(i.source, b, usersOnly())
	return err
}

func (s *Discord) openFor(i *interaction, data json.RawMessage) error {
	m, err := readModal(data)
	if err != nil {
		return err
	}
	m.user, m.source, m.channel = i.user, i.source, i.channel
	s.show(m)
	return nil
}

// announce shows that an answer will come.
func (s *Discord) announce(i *interaction, data json.RawMessage) error {
	var b saying
	if len(data) > 0 {
		if err := strictly(data, &b); err != nil {
			return err
		}
	}
	flags := 0
	if b.Flags != nil {
		flags = *b.Flags
	}
	if flags&^(ephemeral|suppressEmbeds) != 0 || !b.empty() {
		return invalid("data", "UNKNOWN", "only that it is ephemeral, or without embeds, can be said of an answer to come")
	}
	m := s.answerOf(i, flags)
	m.flags |= loading
	s.add(m)
	i.original = m
	return nil
}

// empty says whether nothing is said. Libraries send what is empty, too.
func (b *saying) empty() bool {
	return (b.Content == nil || *b.Content == "") && (b.Components == nil || len(*b.Components) == 0) &&
		len(b.Embeds)+len(b.Attachments) == 0 && !b.TTS && b.AllowedMentions == nil
}
