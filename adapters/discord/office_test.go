package discord

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

// office is an adapter in a stand-in for Discord, with a desk that does what
// the test tells it to.
type office struct {
	t       *testing.T
	discord *discordtest.Discord
	adapter *Adapter
	desk    *scripted
	channel string // the fallback's
	stop    func() // ends the adapter that runs, and waits
}

func newOffice(t *testing.T) *office {
	w := discordtest.Office()
	w.Unlimited = true
	return officeOf(t, w)
}

func officeOf(t *testing.T, w discordtest.World) *office {
	t.Helper()
	o := &office{t: t, discord: discordtest.Start(t, w), desk: newScripted()}
	o.adapter = o.another()
	return o
}

// another is one more adapter of the same application, as after a restart.
func (o *office) another() *Adapter { return o.anotherIn(ModeGateway) }

func (o *office) anotherIn(mode string) *Adapter {
	o.t.Helper()
	web := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	o.t.Cleanup(web.CloseIdleConnections)
	a, err := New(Options{
		Desk: o.desk, Mode: mode, PublicKey: o.discord.PublicKey(), APIURL: o.discord.URL(), HTTP: web, Log: slog.New(slog.DiscardHandler),
		Token: bridge.NewSecret(o.discord.Token()), Version: "test", Fallback: func() string { return o.channel },
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return a
}

// runs has the adapter work until the test ends, over the gateway.
func (o *office) runs() {
	o.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var over sync.WaitGroup
	over.Go(func() { _ = o.adapter.Run(ctx) })
	o.stop = func() { stop(); over.Wait() }
	o.t.Cleanup(o.stop)
	until(o.t, "the bridge is connected", func() bool { return o.discord.Connected() > 0 && o.adapter.Connected() })
	o.discord.Until("the commands are there", func() bool { return len(o.discord.Calls("PUT /applications/{app}/commands")) == 1 })
}

// sees waits until somebody's screen has some words, and with "!" has not.
func (o *office) sees(who string, words ...string) {
	o.t.Helper()
	p := o.discord.Person(who)
	for _, w := range words {
		w, not := strings.CutPrefix(w, "!")
		o.discord.Until(fmt.Sprintf("%s sees %q: %t", who, w, !not), func() bool { return strings.Contains(p.Screen(), w) != not })
	}
}

// scripted is a desk that knows who is who, and answers presses as it was
// told.
type scripted struct {
	mu      sync.Mutex
	people  map[bridge.Address]string
	click   func(who bridge.Clicker, id bridge.RequestID, verb bridge.Verb) (bridge.Card, string, error)
	pressed []string // "alice show_code"
	adopted []string // "alice C/… 5…"
	lines   []bridge.AuditLine
	inbox   bridge.Inbox
	codes   map[string]string // one-time codes, and for whom
	live    map[string]bridge.CodeFinding
	named   map[bridge.Address]bool // who is in the file
}

func newScripted() *scripted {
	return &scripted{
		people: map[bridge.Address]string{discordtest.Alice: "alice", discordtest.Bob: "bob", discordtest.Dave: "dave", discordtest.Robot: "robot"},
		codes:  map[string]string{}, live: map[string]bridge.CodeFinding{}, named: map[bridge.Address]bool{discordtest.Alice: true},
	}
}

func (s *scripted) HumanAt(_ context.Context, channel string, user bridge.Address) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if human, known := s.people[user]; known && channel == "discord" {
		return human, nil
	}
	return "", fmt.Errorf("find: %w", bridge.ErrNotFound)
}

func (s *scripted) Link(_ context.Context, _ string, user bridge.Address, code string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	human, known := s.codes[code]
	if !known {
		return "", fmt.Errorf("link: %w", bridge.ErrLinkCode)
	}
	delete(s.codes, code)
	s.people[user] = human
	return human, nil
}

func (s *scripted) UnlinkChat(_ context.Context, _ string, user bridge.Address) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	human, known := s.people[user]
	switch {
	case s.named[user]:
		return "", fmt.Errorf("untie: %w", bridge.ErrTied)
	case !known:
		return "", fmt.Errorf("untie: %w", bridge.ErrNotFound)
	}
	delete(s.people, user)
	return human, nil
}

func (s *scripted) Click(_ context.Context, who bridge.Clicker, id bridge.RequestID, verb bridge.Verb) (bridge.Card, string, error) {
	s.mu.Lock()
	click := s.click
	s.pressed = append(s.pressed, who.Human+" "+string(verb))
	s.mu.Unlock()
	if click == nil {
		return bridge.Card{}, "", fmt.Errorf("click: %w", bridge.ErrNotFound)
	}
	return click(who, id, verb)
}

func (s *scripted) Adopt(_ context.Context, who bridge.Clicker, _ bridge.RequestID, ref bridge.MessageRef, place bridge.Address) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopted = append(s.adopted, who.Human+" "+string(ref)+" "+string(place))
	return nil
}

func (s *scripted) AllowAgain(context.Context, bridge.Clicker, string) (string, error) {
	return "", nil
}

func (s *scripted) VerifyCode(_ context.Context, human, typed string) (bridge.CodeFinding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[human+" "+typed], nil
}

func (s *scripted) Inbox(context.Context, string) (bridge.Inbox, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inbox, nil
}

func (s *scripted) Audit(_ context.Context, line bridge.AuditLine) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
	return nil
}

// did are the presses so far.
func (s *scripted) did() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.pressed, ", ")
}
