package slack

import (
	"context"
	"fmt"
	"sync"

	"github.com/authbridge/authbridge/bridge"
)

// scripted is a desk that knows who is who, and answers presses as it was
// told.
type scripted struct {
	mu      sync.Mutex
	people  map[bridge.Address]string
	emails  map[string]string // e-mail to human
	click   func(who bridge.Clicker, id bridge.RequestID, verb bridge.Verb) (bridge.Card, string, error)
	pressed []string // "alice show_code"
	adopted []string // "alice C0…/1.2 C0…"
	lines   []bridge.AuditLine
	inbox   bridge.Inbox
	changed chan struct{}
	codes   map[string]string // one-time codes, and for whom
	live    map[string]bridge.CodeFinding
	fault   error
	tries   error // what VerifyCode says instead
}

func newScripted() *scripted {
	return &scripted{
		people:  map[bridge.Address]string{alice: "alice", bob: "bob", carol: "carol", dave: "dave", eve: "eve"},
		emails:  map[string]string{},
		codes:   map[string]string{},
		live:    map[string]bridge.CodeFinding{},
		changed: make(chan struct{}, 1),
	}
}

func (s *scripted) HumanAt(_ context.Context, channel string, user bridge.Address) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if human, known := s.people[user]; known && channel == "slack" {
		return human, s.fault
	}
	return "", fmt.Errorf("find: %w", bridge.ErrNotFound)
}

func (s *scripted) TieByEmail(_ context.Context, _, email string, user bridge.Address) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	human, known := s.emails[email]
	if !known {
		return "", fmt.Errorf("tie: %w", bridge.ErrNotFound)
	}
	if other, tied := s.people[user]; tied && other != human {
		return "", fmt.Errorf("tie: %w", bridge.ErrTied)
	}
	s.people[user] = human
	return human, nil
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
	s.adopted = append(s.adopted, fmt.Sprintf("%s %s %s", who.Human, ref, place))
	return nil
}

func (s *scripted) AllowAgain(_ context.Context, who bridge.Clicker, agent string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pressed = append(s.pressed, who.Human+" allows "+agent)
	s.inbox.Stopped = nil
	s.change()
	return agent + " may ask you again.", nil
}

func (s *scripted) VerifyCode(_ context.Context, _, typed string) (bridge.CodeFinding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[typed], s.tries
}

func (s *scripted) Inbox(context.Context, string) (bridge.Inbox, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inbox, s.fault
}

func (s *scripted) WatchInbox(string) (changed <-chan struct{}, stop func()) {
	return s.changed, func() {}
}

func (s *scripted) Audit(_ context.Context, line bridge.AuditLine) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
	return nil
}

// becomes makes a user somebody else, which their inbox learns of.
func (s *scripted) becomes(user bridge.Address, human string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[user] = human
	s.change()
}

// change needs the lock.
func (s *scripted) change() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// presses are those that reached the desk.
func (s *scripted) presses() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.pressed...)
}

// The bridge is a desk, and the adapter all that the bridge needs of a chat.
var (
	_ Desk             = (*bridge.Bridge)(nil)
	_ bridge.Messenger = (*Adapter)(nil)
	_ bridge.Roster    = (*Adapter)(nil)
)
