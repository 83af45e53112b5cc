package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/doctor"
)

// pressWithin is how long somebody has to press the button of a trial.
const pressWithin = time.Minute

// Press implements [admin.Presser].
func (d *Daemon) Press(ctx context.Context, human string) (admin.Finding, error) {
	to, err := d.bridge.ChatAddress(human, slackChannel)
	switch {
	case err != nil:
		return admin.Finding{}, err
	case d.chats.slack == nil:
		return doctor.Fail(slackChannel, "docs/slack.md says how it is set up", "the bridge reaches nobody in Slack"), nil
	case to == "":
		return doctor.Fail(slackChannel, "authbridge human link "+human, "it is not known who %s is in Slack", human), nil
	}
	ctx, cancel := context.WithTimeout(ctx, pressWithin)
	defer cancel()
	took, err := d.chats.slack.Try(ctx, to)
	if err != nil {
		return doctor.Fail(slackChannel, lookAt(err), "%s", without(human, err)), nil
	}
	return doctor.OK(slackChannel, "%s's press arrived after %d ms", human, took.Milliseconds()), nil
}

// without says how a trial ended that brought no press.
func without(human string, err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return human + " was written to, and no press arrived within a minute"
	}
	return human + "'s press cannot be tried: " + err.Error()
}

// lookAt is what an operator is to look at then.
func lookAt(err error) string {
	for _, known := range []struct {
		is   error
		hint string
	}{
		{context.DeadlineExceeded, "if it was pressed: on the app's page, switch Interactivity on, and Socket Mode or the Request URL as slack.mode has it"},
		{chat.ErrTrying, "wait until that one is over"},
		{chat.ErrCut, "on the app's page, look at Socket Mode; the findings about slack say more"},
		{bridge.ErrRoute, "on the app's page, App Home, switch the Messages Tab on; they may also have closed their messages to the app"},
		{bridge.ErrUnreachable, "look at the human's id or e-mail address: it has to be an active member of the app's workspace"},
		{bridge.ErrAuth, "install the app again with the manifest of: authbridge slack manifest"},
	} {
		if errors.Is(err, known.is) {
			return known.hint
		}
	}
	return "try again; the bridge's log may say more"
}
