package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/bridge"
)

// TestWhatToLookAt: whatever a trial ends with, the operator has something to
// do about it.
func TestWhatToLookAt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err        error
		says, hint string
	}{
		{context.DeadlineExceeded, "no press arrived within a minute", "Interactivity"},
		{fmt.Errorf("try: %w", chat.ErrTrying), "another trial", "wait"},
		{fmt.Errorf("%w: no line", chat.ErrCut), "not connected", "Socket Mode"},
		{fmt.Errorf("post: %w", bridge.ErrRoute), "cannot be tried", "Messages Tab"},
		{fmt.Errorf("open: %w", bridge.ErrUnreachable), "cannot be tried", "active member"},
		{fmt.Errorf("post: %w", bridge.ErrAuth), "cannot be tried", "install the app again"},
		{errors.New("odd"), "odd", "log"},
	} {
		if says, hint := without("alice", c.err), lookAt(slackChannel, c.err); !strings.Contains(says, c.says) || !strings.Contains(hint, c.hint) {
			t.Errorf("%v: %q, and to do %q", c.err, says, hint)
		}
	}
}

// finger is an adapter of which only Try is asked.
type finger struct {
	adapter

	err error
}

func (f finger) Try(context.Context, bridge.Address) (time.Duration, error) {
	return 7 * time.Millisecond, f.err
}

// TestWhatBecomesOfATrial in each chat by itself: one that somebody is not in
// is no fault of the others.
func TestWhatBecomesOfATrial(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		to    bridge.Address
		err   error
		level admin.Level
		says  string
	}{
		{"pressed", "U0ALICE", nil, admin.OK, "alice's press arrived after 7 ms"},
		{"nobody knows who she is there", "", nil, admin.Warn, "it is not known who alice is there"},
		{"she did not", "U0ALICE", context.DeadlineExceeded, admin.Fail, "no press arrived within a minute"},
	} {
		got := pressed(t.Context(), platform{discordChannel, finger{err: c.err}}, "alice", c.to)
		if got.Level != c.level || got.About != discordChannel || !strings.Contains(got.What, c.says) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	found, err := new(Daemon).Press(t.Context(), "alice")
	if err != nil || len(found) != 1 || found[0].Level != admin.Fail || !strings.Contains(found[0].Hint, "docs/discord.md") {
		t.Errorf("without chats: %+v, %v", found, err)
	}
}

// TestWhomATrialIsFor has to be somebody who is configured, and known there.
func TestWhomATrialIsFor(t *testing.T) {
	h := open(t, configured(t, home(t), helper), corp())
	d := &Daemon{bridge: h.bridge, chats: chats{all: []platform{{slackChannel, finger{}}}}}
	if _, err := d.Press(t.Context(), "nobody"); !errors.Is(err, bridge.ErrNotFound) {
		t.Errorf("who is not configured: %v", err)
	}
	found, err := d.Press(t.Context(), "alice")
	if err != nil || len(found) != 1 || found[0].Level != admin.Warn || !strings.Contains(found[0].Hint, "human link alice") {
		t.Errorf("who is not known there: %+v, %v", found, err)
	}
}
