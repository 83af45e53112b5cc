package discordtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Command types a slash command in the direct messages with the bot:
// "authbridge link code:ABCD", as it was registered. A value with spaces stands
// in double quotes.
func (p *Person) Command(line string) {
	p.s.t.Helper()
	p.s.mu.Lock()
	channel := p.s.conversationWith(p.id)
	p.s.mu.Unlock()
	p.CommandIn(channel, line)
}

// CommandIn types a slash command in a channel. The test ends here if Discord
// would not let them: what is not registered, or not for there, or not typed as
// it is wanted.
func (p *Person) CommandIn(channel, line string) {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	defer p.s.touch()
	data, err := p.s.typed(p.id, channel, strings.TrimPrefix(line, "/"))
	if err != nil {
		p.s.t.Fatalf("discord: %s types /%s: %v", p.id, strings.TrimPrefix(line, "/"), err)
	}
	p.s.did(&interaction{kind: aCommand, user: p.id, channel: channel, data: data})
}

// typed is a command line as Discord tells of it. It needs the lock.
func (s *Discord) typed(user, channel, line string) (map[string]any, error) {
	words := split(line)
	k := s.command(words[0])
	if k == nil {
		return nil, fmt.Errorf("the command %s is not registered", words[0])
	}
	if err := s.allowed(k, user, channel); err != nil {
		return nil, err
	}
	data := map[string]any{"id": k.ID, "name": k.Name, "type": 1}
	if len(k.Options) == 0 || k.Options[0].Type != subcommand {
		given, err := fill(k.Options, words[1:])
		if len(given) > 0 {
			data["options"] = given
		}
		return data, err
	}
	if len(words) < 2 {
		return nil, fmt.Errorf("/%s wants a subcommand", k.Name)
	}
	sub := find(k.Options, func(o *option) bool { return o.Name == words[1] })
	if sub == nil {
		return nil, fmt.Errorf("/%s has no %s", k.Name, words[1])
	}
	given, err := fill(sub.Options, words[2:])
	data["options"] = []any{map[string]any{"type": subcommand, "name": sub.Name, "options": given}}
	return data, err
}

// allowed says why a command is not offered to somebody in a channel.
func (s *Discord) allowed(k *command, user, channel string) error {
	context := 0
	if s.partner(channel) != "" {
		context = 1
	}
	switch {
	case !s.isIn(user, channel):
		return fmt.Errorf("they cannot see the channel %s", channel)
	case k.Contexts != nil && !slices.Contains(k.Contexts, context):
		return fmt.Errorf("/%s is not for such a place (%d)", k.Name, context)
	case context == 0 && s.world.permissions(user, channel)&UseCommands == 0:
		return fmt.Errorf("they may not use commands in %s", channel)
	}
	return nil
}

// split parts a line at its spaces, but for those in double quotes.
func split(line string) []string {
	words, quoted := []string{""}, false
	for _, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ' ' && !quoted:
			words = append(words, "")
		default:
			words[len(words)-1] += string(r)
		}
	}
	return words
}

// fill is what was typed for the options.
func fill(options []option, words []string) ([]any, error) {
	given, named := []any{}, map[string]bool{}
	for _, word := range words {
		name, text, _ := strings.Cut(word, ":")
		o := find(options, func(o *option) bool { return o.Name == name })
		if o == nil || named[name] {
			return nil, fmt.Errorf("there is no option %q, or it was given", name)
		}
		value, err := o.value(text)
		if err != nil {
			return nil, err
		}
		named[name] = true
		given = append(given, map[string]any{"type": o.Type, "name": name, "value": value})
	}
	for _, o := range options {
		if o.Required && !named[o.Name] {
			return nil, fmt.Errorf("the option %s is wanted", o.Name)
		}
	}
	return given, nil
}

// value is what was typed for an option, if it takes that.
func (o *option) value(text string) (any, error) {
	length := utf8.RuneCountInString(text)
	switch {
	case o.Type == integerOption:
		n, err := strconv.Atoi(text)
		if err != nil || o.MinValue != nil && float64(n) < *o.MinValue || o.MaxValue != nil && float64(n) > *o.MaxValue {
			return nil, fmt.Errorf("the option %s does not take the number %q", o.Name, text)
		}
		return n, nil
	case o.Type == booleanOption:
		return text == "true" || text == "True", nil
	case o.MinLength != nil && length < *o.MinLength, o.MaxLength != nil && length > *o.MaxLength, length > 6000:
		return nil, fmt.Errorf("the option %s does not take %d characters", o.Name, length)
	}
	return text, nil
}
