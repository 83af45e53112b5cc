package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/adapters/chat"

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
