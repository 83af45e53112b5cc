package chattest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/authbridge/authbridge/bridge"
)

// Desk is a desk of the bridge's that knows who is who, and answers as it was
// told. Its fields are set before people do anything, or by [Desk.Alter]. Its
// methods are safe for concurrent use.
type Desk struct {
	channel string

	mu      sync.Mutex
	People  map[bridge.Address]string
	Emails  map[string]string // e-mail to human
	OnClick func(who bridge.Clicker, id bridge.RequestID, verb bridge.Verb) (bridge.Card, string, error)
	Pressed []string // "alice show_code"
	Adopted []string // "alice C0…/1.2 C0…"
	Lines   []bridge.AuditLine
	Shown   bridge.Inbox // what Inbox returns
	changed chan struct{}
	Codes   map[string]string // one-time codes, and for whom
	Live    map[string]bridge.CodeFinding
	Named   map[bridge.Address]bool // who is in the file, and cannot untie themselves
	Fault   error
	Tries   error // what VerifyCode says instead
}

// NewDesk is the desk of a chat, by the name that the bridge has for it, that
// knows some of its people.
func NewDesk(channel string, people map[bridge.Address]string) *Desk {
	return &Desk{
		channel: channel,
		People:  people,
		Emails:  map[string]string{},
		Codes:   map[string]string{},
		Live:    map[string]bridge.CodeFinding{},
		changed: make(chan struct{}, 1),
	}
}

// HumanAt is that of a desk.
func (d *Desk) HumanAt(_ context.Context, channel string, user bridge.Address) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if human, known := d.People[user]; known && channel == d.channel {
		return human, d.Fault
	}
	return "", fmt.Errorf("find: %w", bridge.ErrNotFound)
}

// TieByEmail is that of a desk.
func (d *Desk) TieByEmail(_ context.Context, _, email string, user bridge.Address) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	human, known := d.Emails[email]
	if !known {
		return "", fmt.Errorf("tie: %w", bridge.ErrNotFound)
	}
	if other, tied := d.People[user]; tied && other != human {
		return "", fmt.Errorf("tie: %w", bridge.ErrTied)
	}
	d.People[user] = human
	return human, nil
}

// Link is that of a desk: a code is good for once.
func (d *Desk) Link(_ context.Context, _ string, user bridge.Address, code string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	human, known := d.Codes[code]
	if !known {
		return "", fmt.Errorf("link: %w", bridge.ErrLinkCode)
	}
	delete(d.Codes, code)
	d.People[user] = human
	return human, nil
}

// Click is that of a desk: it does as OnClick says; without that, nothing is
// anybody'd.
func (d *Desk) Click(_ context.Context, who bridge.Clicker, id bridge.RequestID, verb bridge.Verb) (bridge.Card, string, error) {
	d.mu.Lock()
	click := d.OnClick
	d.Pressed = append(d.Pressed, who.Human+" "+string(verb))
	d.mu.Unlock()
	if click == nil {
		return bridge.Card{}, "", fmt.Errorf("click: %w", bridge.ErrNotFound)
	}
	return click(who, id, verb)
}

// Adopt is that of a desk.
func (d *Desk) Adopt(_ context.Context, who bridge.Clicker, _ bridge.RequestID, ref bridge.MessageRef, place bridge.Address) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Adopted = append(d.Adopted, fmt.Sprintf("%s %s %s", who.Human, ref, place))
	return nil
}

// AllowAgain is that of a desk.
func (d *Desk) AllowAgain(_ context.Context, who bridge.Clicker, agent string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Pressed = append(d.Pressed, who.Human+" allows "+agent)
	d.Shown.Stopped = nil
	d.change()
	return agent + " may ask you again.", nil
}

// VerifyCode is that of a desk.
func (d *Desk) VerifyCode(_ context.Context, _, typed string) (bridge.CodeFinding, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Live[typed], d.Tries
}

// Inbox is that of a desk.
func (d *Desk) Inbox(context.Context, string) (bridge.Inbox, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Shown, d.Fault
}

// WatchInbox is that of a desk.
func (d *Desk) WatchInbox(string) (changed <-chan struct{}, stop func()) {
	return d.changed, func() {}
}

// Audit is that of a desk.
func (d *Desk) Audit(_ context.Context, line bridge.AuditLine) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Lines = append(d.Lines, line)
	return nil
}

// UnlinkChat is that of a desk.
func (d *Desk) UnlinkChat(_ context.Context, _ string, user bridge.Address) (human string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	human, known := d.People[user]
	switch {
	case d.Named[user]:
		return "", fmt.Errorf("unlink: %w", bridge.ErrTied)
	case !known:
		return "", fmt.Errorf("unlink: %w", bridge.ErrNotFound)
	}
	delete(d.People, user)
	return human, nil
}

// Slowly has it take its time with what it is asked next, until it is let go
// on.
func (d *Desk) Slowly() (let func()) {
	d.mu.Lock()
	return d.mu.Unlock
}

// Did are the presses so far, in one line.
func (d *Desk) Did() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.Pressed, ", ")
}

// Alter changes what the desk knows, and everybody's inbox learns of it.
func (d *Desk) Alter(how func(*Desk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	how(d)
	d.change()
}

// change needs the lock.
func (d *Desk) change() {
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// Presses are those that reached the desk: "alice show_code".
func (d *Desk) Presses() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.Pressed)
}

// Audited are the lines that were written to the audit log.
func (d *Desk) Audited() []bridge.AuditLine {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.Lines)
}
