package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
)

// Options say what is to be set up, and whom to ask for the rest.
type Options struct {
	File  string // the configuration; it may be there or not
	Env   config.Env
	Talk  Talk
	Given Given

	Unattended bool // nothing is asked: what is not given has its default
	Change     bool // what is given may take the place of what the file says
	Offline    bool // no provider is called, and no chat

	greeting greeting
}

// Given is what is known before anything is asked. What is empty is not.
type Given struct {
	Issuer, Provider, ClientID string
	Secret                     string   // env:NAME or file:/path
	OwnScopes                  []string // the bridge's own at the provider
	HTTPLoopback               bool     // http on loopback may be called

	Human, Email string

	SlackBot, SlackApp string // env:NAME or file:/path of its tokens
	SlackUser          string // the human's id there
	DiscordBot         string // env:NAME or file:/path of its token
	DiscordUser        string // the human's id there

	Agent, UID string   // UID may be a user's name
	Key        bool     // the agent shows a key, and is no local user
	Scopes     []string // what the agent may ask for
}

func (g Given) provider() bool { return g.Issuer != "" || g.Provider != "" || g.ClientID != "" }
func (g Given) human() bool    { return g.Human != "" || g.Email != "" }
func (g Given) slack() bool    { return g.SlackBot != "" || g.SlackApp != "" || g.SlackUser != "" }
func (g Given) discord() bool  { return g.DiscordBot != "" || g.DiscordUser != "" }
func (g Given) agent() bool {
	return g.Agent != "" || g.UID != "" || g.Key || len(g.Scopes) > 0
}

// Result is what came of it.
type Result struct {
	File        string   `json:"file"`
	Changed     bool     `json:"changed"`
	SecretFiles []string `json:"secret_files,omitempty"` // that were written beside it
	Done        []string `json:"done"`                   // what was added or changed, in words
	Next        []string `json:"next"`                   // commands to go on with, once the bridge runs
}

// session is one conversation.
type session struct {
	o      Options
	was    []byte // the file; nil = it is not there
	draft  *config.Draft
	cfg    *config.Config // of the draft, as it is now
	result Result

	secrets []typed // to be written into files

	getenv func(string) string // the environment as it is
	named  map[string]bool     // its variables that hold secrets, and may be unset here

	keyed string // an agent that needs a key
}

// typed is a secret that somebody has typed. Until it is written into a file,
// the draft says that it is in a variable.
type typed struct {
	of     string // what the file is called after
	secret bridge.Secret
	set    func(d *config.Draft, reference string) error
}

const pending = "AUTHBRIDGE_TYPED_"

func variable(i int) string { return fmt.Sprintf("%s%04d", pending, i) }

// Run sets a configuration up. Its errors are a [*Refusal], [ErrSilent], the
// error of a ctx that has ended, a [*config.Faults] of a file that is there, or
// of the file system. With an error, no file has changed.
func Run(ctx context.Context, o Options) (Result, error) {
	s := &session{o: o, result: Result{File: o.File, Done: []string{}}}
	if err := s.read(); err != nil {
		return Result{}, err
	}
	talk := s.anew
	if s.was != nil {
		talk = s.again
	}
	if err := talk(ctx); err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	if err := s.write(); err != nil {
		return Result{}, err
	}
	s.next()
	return s.result, nil
}

// maxFile is more than a configuration may have.
const maxFile = 1<<20 + 1

// read takes up what is there.
func (s *session) read() error {
	f, err := os.Open(s.o.File)
	if errors.Is(err, fs.ErrNotExist) {
		return s.begin("")
	}
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if s.was, err = io.ReadAll(io.LimitReader(f, maxFile)); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	s.was = append([]byte{}, s.was...) // not nil: there is a file
	return s.begin(string(s.was))
}

// begin makes the draft. What is there has to be without faults: what comes of
// an edit could not be told otherwise.
func (s *session) begin(text string) error {
	s.getenv, s.named = s.o.Env.Getenv, map[string]bool{}
	s.mayBeUnset(text)
	s.o.Env.Getenv = s.lookup
	s.draft = config.NewDraft(s.o.File, text, s.o.Env)
	return s.settle()
}

// settle takes the draft as it is now.
func (s *session) settle() (err error) {
	s.cfg, err = s.draft.Check()
	return err
}

var namesVariable = regexp.MustCompile(`env:([A-Za-z_][A-Za-z0-9_]*)`)

// mayBeUnset lets the variables that a text names be unset here: they hold
// secrets, and are set where the bridge runs.
func (s *session) mayBeUnset(text string) {
	for _, found := range namesVariable.FindAllStringSubmatch(text, -1) {
		s.named[found[1]] = true
	}
}

// isUnset reports whether a reference is to such a variable, and what it holds
// cannot be known here.
func (s *session) isUnset(reference string) bool {
	name, is := strings.CutPrefix(reference, "env:")
	return is && s.named[name] && s.getenv(name) == ""
}

// lookup is the environment of the draft: typed secrets stand in variables, and
// what is unset here holds something all the same.
func (s *session) lookup(name string) string {
	if i, err := strconv.Atoi(strings.TrimPrefix(name, pending)); err == nil && strings.HasPrefix(name, pending) && i < len(s.secrets) {
		return s.secrets[i].secret.Reveal()
	}
	if s.isUnset("env:" + name) {
		return config.ToBeSet + name
	}
	return s.getenv(name)
}

// try makes a change to a copy of the draft and says what would be wrong.
func (s *session) try(change func(*config.Draft) error) error {
	d := config.NewDraft(s.o.File, s.draft.Text(), s.o.Env)
	if err := change(d); err != nil {
		return err
	}
	_, err := d.Check()
	if faults, are := errors.AsType[*config.Faults](err); are {
		return &Refusal{What: faults.List[0].What, Hint: faults.List[0].Hint}
	}
	return err
}

// do makes a change for good, and notes it in words.
func (s *session) do(change func(*config.Draft) error, format string, args ...any) error {
	if err := change(s.draft); err != nil {
		return err
	}
	s.result.Done = append(s.result.Done, fmt.Sprintf(format, args...))
	return s.settle()
}

// anew asks for a first configuration.
func (s *session) anew(ctx context.Context) error {
	s.o.Talk.Say(
		"This writes "+s.o.File+": where tokens come from, who can be asked, and who may ask.",
		"Nothing is written before the last answer; Ctrl-C leaves all as it is.",
	)
	provider, err := s.addProvider(ctx)
	if err != nil {
		return err
	}
	human, err := s.addHuman(ctx)
	if err != nil {
		return err
	}
	if err := s.addAgent(ctx, provider, human); err != nil {
		return err
	}
	if err := s.offerSlack(ctx, human); err != nil {
		return err
	}
	return s.offerDiscord(ctx, human)
}

// again is about a configuration that is there.
func (s *session) again(ctx context.Context) error {
	s.o.Talk.Say(s.o.File + " is there: " + s.holds() + ". What it says stays as it is.")
	g := s.o.Given
	if s.o.Unattended || g.provider() || g.human() || g.slack() || g.discord() || g.agent() {
		return s.addGiven(ctx)
	}
	return s.menu(ctx)
}

// holds says what the configuration has.
func (s *session) holds() string {
	d := s.cfg.Directory
	return strings.Join([]string{
		listing("provider", slices.Sorted(maps.Keys(d.Providers))),
		listing("human", slices.Sorted(maps.Keys(d.Humans))),
		listing("agent", slices.Sorted(maps.Keys(d.Agents))),
	}, ", ")
}

func listing(what string, names []string) string {
	switch len(names) {
	case 0:
		return "no " + what
	case 1:
		return "the " + what + " " + names[0]
	}
	return "the " + what + "s " + strings.Join(names, " ")
}

// next says how to go on with a bridge that runs.
func (s *session) next() {
	if s.keyed != "" {
		s.result.Next = append(s.result.Next, "authbridge agent add "+s.keyed)
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Directory.Humans))[:1] {
		s.result.Next = append(s.result.Next, "authbridge inbox link "+name)
	}
}
