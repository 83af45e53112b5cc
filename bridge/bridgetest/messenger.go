package bridgetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// Messenger is a scripted [bridge.Messenger] that keeps what people see. It
// is as strict as a platform, and stricter: whatever breaks the contract of
// the port fails the test. The zero Messenger is not ready: use NewMessenger.
type Messenger struct {
	t      testing.TB
	forget time.Duration

	mu       sync.Mutex
	messages []*Message
	byRef    map[bridge.MessageRef]*Message
	byKey    map[string]*Message // the newest with it
	calls    []Call
	script   []step
	down     error
	slow     time.Duration
	blocked  map[bridge.Address]bool
	gates    map[moment]chan struct{}
	busy     map[string]bool // keys and references that a call is about
	most     int
}

// Message is one message on somebody's screen.
type Message struct {
	Ref     bridge.MessageRef
	To      bridge.Address
	Key     string
	Cards   []bridge.Card // each that it showed, oldest first; the first one was pushed
	Removed bool
	at      time.Time
}

// Now is what the message shows.
func (m Message) Now() bridge.Card { return m.Cards[len(m.Cards)-1] }

// Call is one call of the port.
type Call struct {
	At   time.Time
	Post bool
	Card bridge.Card
}

// step is what happens to the next call: an error before anything is done, or
// after all is done.
type step struct {
	err  error
	late bool
}

type moment int

const (
	before moment = iota
	after
)

// NoMemory and ShortMemory are how long platforms know that a post was made
// before: some never, some for a few minutes.
const (
	NoMemory    time.Duration = 0
	ShortMemory               = 3 * time.Minute
)

// NewMessenger returns a platform that knows posts again by their key for the
// given time.
func NewMessenger(t testing.TB, memory time.Duration) *Messenger {
	return &Messenger{
		t: t, forget: memory, blocked: map[bridge.Address]bool{},
		byRef: map[bridge.MessageRef]*Message{}, byKey: map[string]*Message{},
		gates: map[moment]chan struct{}{}, busy: map[string]bool{},
	}
}

// Fail makes the next calls do nothing and answer with these errors, one
// after the other.
func (m *Messenger) Fail(errs ...error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, err := range errs {
		m.script = append(m.script, step{err: err})
	}
}

// ErrLost is the error of a call whose answer did not come back.
var ErrLost = errors.New("the connection was reset while the answer was awaited")

// Lose makes the next calls do what they are asked and their answers get
// lost.
func (m *Messenger) Lose(calls int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range calls {
		m.script = append(m.script, step{err: ErrLost, late: true})
	}
}

// Down makes all calls do nothing and answer with an error, until Up.
func (m *Messenger) Down(err error) { m.mu.Lock(); defer m.mu.Unlock(); m.down = err }

// Up ends Down, and all that was still to fail or to get lost.
func (m *Messenger) Up() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down, m.script = nil, nil
}

// Slow makes each call take that long.
func (m *Messenger) Slow(each time.Duration) { m.mu.Lock(); defer m.mu.Unlock(); m.slow = each }

// Block makes an address take no messages any more.
func (m *Messenger) Block(to bridge.Address) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blocked[to] = true
}

// Remove takes a message away, as a moderator or a retention rule does.
func (m *Messenger) Remove(ref bridge.MessageRef) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byRef[ref].Removed = true
}

// Hold makes calls wait before anything is done; HoldAnswer when all is done
// and the answer is under way. The returned function lets them go on.
func (m *Messenger) Hold() (release func()) { return m.hold(before) }

// HoldAnswer is described at Hold.
func (m *Messenger) HoldAnswer() (release func()) { return m.hold(after) }

func (m *Messenger) hold(at moment) (release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gate := make(chan struct{})
	m.gates[at] = gate
	return func() {
		m.mu.Lock()
		delete(m.gates, at)
		m.mu.Unlock()
		close(gate)
	}
}

// Messages returns what was ever sent to an address, oldest first; "" is
// everybody.
func (m *Messenger) Messages(to bridge.Address) []Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Message
	for _, msg := range m.messages {
		if to == "" || msg.To == to {
			one := *msg
			one.Cards = append([]bridge.Card{}, msg.Cards...)
			all = append(all, one)
		}
	}
	return all
}

// Screen is what a person sees when they open the chat, all of it.
func (m *Messenger) Screen(to bridge.Address) string {
	var all []string
	for _, msg := range m.Messages(to) {
		if !msg.Removed {
			all = append(all, Text(msg.Now()))
		}
	}
	return strings.Join(all, "\n")
}

// Pushes are the texts that lit up somebody's locked screen.
func (m *Messenger) Pushes(to bridge.Address) []string {
	var all []string
	for _, msg := range m.Messages(to) {
		all = append(all, Text(msg.Cards[0]))
	}
	return all
}

// Calls are all calls so far, those that failed too.
func (m *Messenger) Calls() []Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Call{}, m.calls...)
}

// Most is how many calls were under way at once.
func (m *Messenger) Most() int { m.mu.Lock(); defer m.mu.Unlock(); return m.most }

// Post implements [bridge.Messenger].
func (m *Messenger) Post(ctx context.Context, to bridge.Address, c bridge.Card, key string) (ref bridge.MessageRef, err error) {
	if c.Code != nil {
		m.t.Errorf("a card with a code was posted: it may be on a locked screen")
		return "", bridge.ErrInvalid
	}
	if !m.fits(c) || (c.View == bridge.ViewNotice) != strings.Contains(string(to), "/") {
		m.t.Errorf("a card for the view %q was posted to %q: %+v", c.View, to, c)
		return "", bridge.ErrInvalid
	}
	if to == "" || key == "" || len(key) > 64 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		m.t.Errorf("a post to %q with the key %q", to, key)
		return "", bridge.ErrInvalid
	}
	err = m.call(ctx, Call{time.Now(), true, c}, key, func() error {
		if m.blocked[to] {
			return bridge.ErrUnreachable
		}
		ref = m.post(to, c, key)
		return nil
	})
	if err != nil {
		return "", err
	}
	return ref, nil
}

// fits reports whether a card holds nothing that its view must not show, and
// a reminder says what it is about.
func (m *Messenger) fits(c bridge.Card) bool {
	open := c.View == bridge.ViewTeam || c.View == bridge.ViewNotice || c.View == bridge.ViewReminder
	line := c.View == bridge.ViewNotice || c.View == bridge.ViewReminder
	switch {
	case open && (c.Code != nil || c.Phrase != "" || c.Question != ""):
		return false
	case line && (len(c.Buttons) > 0 || len(c.Says) > 0 || len(c.Scopes) > 0 || len(c.Details) > 0 || c.Who != ""):
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return (c.View == bridge.ViewReminder) == (c.Under != "") && (c.Under == "" || m.byRef[c.Under] != nil)
}

func (m *Messenger) post(to bridge.Address, c bridge.Card, key string) bridge.MessageRef {
	if old := m.byKey[key]; old != nil {
		if old.To != to || old.Now().Request != c.Request {
			m.t.Errorf("the key %q was used for another message before", key)
		}
		if time.Since(old.at) < m.forget {
			return old.Ref
		}
	}
	msg := &Message{
		Ref: bridge.MessageRef(fmt.Sprintf("message-%d", len(m.messages)+1)),
		To:  to, Key: key, Cards: []bridge.Card{c}, at: time.Now(),
	}
	m.messages = append(m.messages, msg)
	m.byRef[msg.Ref], m.byKey[key] = msg, msg
	return msg.Ref
}

// Edit implements [bridge.Messenger].
func (m *Messenger) Edit(ctx context.Context, ref bridge.MessageRef, c bridge.Card) error {
	if !m.fits(c) {
		m.t.Errorf("a card that its view %q must not show: %+v", c.View, c)
		return bridge.ErrInvalid
	}
	return m.call(ctx, Call{time.Now(), false, c}, string(ref), func() error {
		msg := m.byRef[ref]
		switch {
		case msg == nil:
			m.t.Errorf("an edit of a message %q that never was", ref)
			return bridge.ErrInvalid
		case msg.Removed:
			return bridge.ErrGone
		case m.blocked[msg.To]:
			return bridge.ErrUnreachable
		case msg.Now().Request != c.Request:
			m.t.Errorf("a card of %s was to replace one of %s", c.Request, msg.Now().Request)
			return bridge.ErrInvalid
		case msg.Now().View != c.View || msg.Now().Under != c.Under:
			m.t.Errorf("a card for the view %q was to replace one for %q", c.View, msg.Now().View)
			return bridge.ErrInvalid
		case msg.Now().Version > c.Version:
			m.t.Errorf("card %d of %s was to replace card %d", c.Version, c.Request, msg.Now().Version)
			return bridge.ErrInvalid
		}
		msg.Cards = append(msg.Cards, c)
		return nil
	})
}

// call makes a call as the script says.
func (m *Messenger) call(ctx context.Context, c Call, about string, do func() error) error {
	next := m.begin(c, about)
	defer m.end(about)
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", bridge.ErrNotSent, ctx.Err())
	}
	if err := m.pass(ctx, before); err != nil {
		return err
	}
	if next.err != nil && !next.late {
		return next.err
	}
	m.mu.Lock()
	err := do()
	m.mu.Unlock()
	if late := m.pass(ctx, after); late != nil {
		return late
	}
	if next.err != nil {
		return next.err
	}
	return err
}

func (m *Messenger) begin(c Call, about string) step {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, c)
	if m.busy[about] {
		m.t.Errorf("two calls at once about %q", about)
	}
	m.busy[about] = true
	m.most = max(m.most, len(m.busy))
	if m.down != nil {
		return step{err: m.down}
	}
	if len(m.script) == 0 {
		return step{}
	}
	next := m.script[0]
	m.script = m.script[1:]
	return next
}

func (m *Messenger) end(about string) { m.mu.Lock(); defer m.mu.Unlock(); delete(m.busy, about) }

// pass waits at a gate, and before the work as long as the platform is slow.
func (m *Messenger) pass(ctx context.Context, at moment) error {
	m.mu.Lock()
	gate, slow := m.gates[at], m.slow
	m.mu.Unlock()
	if at == before && slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", bridge.ErrNotSent, ctx.Err())
		}
	}
	return pass(ctx, gate)
}

// Text is a card laid out in plain text, with all that it holds.
func Text(c bridge.Card) string {
	var out strings.Builder
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&out, "%s%s\n", label, text)
		}
	}
	line("", c.Headline+": "+c.Title)
	line("who: ", c.Who)
	for _, s := range c.Scopes {
		line("may: ", strings.TrimSpace(s.Words+" "+s.Scope))
	}
	for _, s := range c.Details {
		line("details: ", s)
	}
	for _, s := range c.Says {
		line("The agent says (not checked): ", s)
	}
	line("check: ", c.Phrase)
	if c.Digits {
		line("", "Digits the agent shows: ____")
	}
	line("note: ", c.Note)
	line("whose: ", c.Whose)
	line("", c.Question)
	if c.Minting {
		line("", "The code is on its way.")
	}
	if c.Code != nil {
		line("code: ", c.Code.UserCode.Reveal()+" at "+c.Code.Address)
	}
	line("", c.Ending)
	for _, b := range c.Buttons {
		line("", "["+b.Label+"]")
	}
	return out.String()
}
