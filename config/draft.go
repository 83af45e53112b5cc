package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Draft is the text of a configuration that is being written. What it says
// already stays as it is, byte for byte; things are added, or a single value
// is replaced. Nothing in a file changes by it.
type Draft struct {
	name string
	env  Env
	text []byte
}

// NewDraft begins with a text, "" for a new file. The name is for faults.
func NewDraft(name, text string, env Env) *Draft {
	if text == "" {
		text = draftHead
	}
	return &Draft{name: name, env: env, text: []byte(text)}
}

const draftHead = `# The configuration of authbridge. To find what is wrong with it: authbridge config check
# A running bridge takes a change over at SIGHUP; authbridge doctor says how, and looks at all the rest.
`

// Text is the configuration as it is now.
func (d *Draft) Text() string { return string(d.text) }

// Check reads the draft as a bridge would. Its error is a [*Faults].
func (d *Draft) Check() (*Config, error) { return Parse(d.name, d.text, d.env) }

// DraftProvider is a provider to be written.
type DraftProvider struct {
	Name, Issuer, ClientID string
	Secret                 string // "env:NAME" or "file:/path"; "" = none
	Scopes                 []string
}

// DraftHuman is a human to be written.
type DraftHuman struct {
	Name  string
	Email string // "" = none
}

// DraftAgent is an agent to be written.
type DraftAgent struct {
	Name  string
	UID   uint32
	Owner string // a human; "" = none
	May   []DraftRule
}

// DraftRule lets an agent ask.
type DraftRule struct {
	Provider string
	Scopes   []string
	Ask      []string
}

// The words above a section that is new.
var sectionWords = map[string]string{
	"network":   "Where calls to providers may go, besides https at public addresses.",
	"providers": "Where people sign in and tokens come from, and the client that is registered there for the bridge.\nA secret never stands here: env:NAME or file:/path, a file that nobody else can read.\nThe scopes here are the bridge's own, asked for every time: they tell whose account it is.",
	"humans":    "Who can be asked. Whoever grants has to be them: by e-mail address, or by an account named here.",
	"slack":     "The bridge's app in Slack; authbridge slack manifest prints what it is made from.",
	"discord":   "The bridge's application in Discord; authbridge discord invite prints the link that lets it into a server.",
	"agents":    "Who may ask whom for what, and nobody else for nothing else. The first rule that fits decides.",
}

// AddProvider adds a provider.
func (d *Draft) AddProvider(p DraftProvider) error {
	fields := []pair{{key: "issuer", value: textOf(p.Issuer)}, {key: "client_id", value: textOf(p.ClientID)}}
	if p.Secret != "" {
		fields = append(fields, pair{key: "client_secret", value: textOf(p.Secret)})
	}
	if len(p.Scopes) > 0 {
		fields = append(fields, pair{key: "scopes", value: textsOf(p.Scopes)})
	}
	return d.add("providers", p.Name, fields)
}

// AddHuman adds a human.
func (d *Draft) AddHuman(h DraftHuman) error {
	var fields []pair
	if h.Email != "" {
		fields = append(fields, pair{key: "email", value: textOf(h.Email)})
	}
	return d.add("humans", h.Name, fields)
}

// AddAgent adds an agent.
func (d *Draft) AddAgent(a DraftAgent) error {
	fields := []pair{{key: "uid", value: numberOf(a.UID)}}
	if a.Owner != "" {
		fields = append(fields, pair{key: "owner", value: textOf(a.Owner)})
	}
	rules := value{kind: list}
	for _, r := range a.May {
		rules.items = append(rules.items, r.value())
	}
	if len(rules.items) > 0 {
		fields = append(fields, pair{key: "may", value: rules})
	}
	return d.add("agents", a.Name, fields)
}

// AddRule gives an agent that is there one more rule, before its others.
func (d *Draft) AddRule(agent string, r DraftRule) error {
	err := d.edit(edit{path: []string{"agents", agent, "may"}, value: r.value()})
	if errors.Is(err, errByHand) {
		err = d.edit(edit{path: []string{"agents", agent}, key: "may", value: value{kind: list, items: []value{r.value()}}})
	}
	return err
}

func (r DraftRule) value() value {
	return mappingOf([]pair{
		{key: "provider", value: textOf(r.Provider)},
		{key: "scopes", value: textsOf(r.Scopes)},
		{key: "ask", value: textsOf(r.Ask)},
	})
}

// SetText replaces a text below an entry, such as providers, corp, issuer; it
// adds what is not there.
func (d *Draft) SetText(section, name, key, text string) error {
	return d.set(section, name, key, textOf(text))
}

// SetChat says something of a chat's section, slack or discord, such as where
// its bot_token is; it adds what is not there.
func (d *Draft) SetChat(section, key, text string) error {
	e := edit{path: []string{section}, key: key, value: textOf(text)}
	for _, e.replace = range []bool{true, false} {
		if err := d.edit(e); !errors.Is(err, errByHand) {
			return err
		}
	}
	return d.edit(edit{key: section, value: mappingOf([]pair{{key: key, value: textOf(text)}}), words: sectionWords[section]})
}

// SetUID says anew which local user an agent runs as.
func (d *Draft) SetUID(agent string, uid uint32) error {
	return d.set("agents", agent, "uid", numberOf(uid))
}

func (d *Draft) set(section, name, key string, v value) error {
	e := edit{path: []string{section, name}, key: key, value: v, replace: true}
	err := d.edit(e)
	if errors.Is(err, errByHand) {
		e.replace = false
		err = d.edit(e)
	}
	return err
}

// AllowHTTPLoopback lets providers on this machine be called without TLS.
func (d *Draft) AllowHTTPLoopback() error {
	yes := value{kind: truth, text: "true"}
	e := edit{path: []string{"network"}, key: "allow_http_loopback", value: yes}
	for _, e.replace = range []bool{true, false} {
		if err := d.edit(e); !errors.Is(err, errByHand) {
			return err
		}
	}
	return d.edit(edit{key: "network", value: mappingOf([]pair{{key: "allow_http_loopback", value: yes}}), words: sectionWords["network"]})
}

// add puts an entry into a section, and makes the section if there is none.
func (d *Draft) add(section, name string, fields []pair) error {
	entry := mappingOf(fields)
	err := d.edit(edit{path: []string{section}, key: name, value: entry})
	if errors.Is(err, errByHand) {
		err = d.edit(edit{key: section, value: mappingOf([]pair{{key: name, value: entry}}), words: sectionWords[section]})
	}
	if errors.Is(err, errByHand) {
		return fmt.Errorf("%w; put this in yourself: %s: {%s}", errByHand, section, edit{key: name, value: entry}.flow())
	}
	return err
}

func (d *Draft) edit(e edit) error {
	text, err := e.apply(d.text)
	if err == nil {
		d.text = text
	}
	return err
}

func textOf(s string) value { return value{kind: text, text: s} }

func textsOf(all []string) value {
	v := value{kind: list}
	for _, s := range slices.Clone(all) {
		v.items = append(v.items, textOf(s))
	}
	return v
}

func numberOf(n uint32) value {
	return value{kind: number, text: strconv.FormatUint(uint64(n), 10)}
}

func mappingOf(fields []pair) value { return value{kind: mapping, pairs: fields} }

// IsScope reports whether it is a scope or, with a star at its end, a pattern
// of scopes.
func IsScope(s string) bool {
	return scopeToken.MatchString(s) && !strings.Contains(strings.TrimSuffix(s, "*"), "*")
}
