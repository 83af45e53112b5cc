package daemon

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/doctor"
)

// pressWithin is how long somebody has to press the button of a trial.
const pressWithin = time.Minute

// Press implements [admin.Presser].
func (d *Daemon) Press(ctx context.Context, human string) ([]admin.Finding, error) {
	if len(d.chats.all) == 0 {
		return []admin.Finding{doctor.Fail("chats", "docs/slack.md and docs/discord.md say how they are set up", "the bridge reaches nobody in a chat")}, nil
	}
	addresses := make([]bridge.Address, len(d.chats.all))
	for i, p := range d.chats.all {
		to, err := d.bridge.ChatAddress(human, p.channel)
		if err != nil {
			return nil, err
		}
		addresses[i] = to
	}
	ctx, cancel := context.WithTimeout(ctx, pressWithin)
	defer cancel()
	found := make([]admin.Finding, len(addresses))
	var all sync.WaitGroup
	for i, p := range d.chats.all {
		all.Go(func() { found[i] = pressed(ctx, p, human, addresses[i]) })
	}
	all.Wait()
	return found, nil
}

// pressed tries one chat.
func pressed(ctx context.Context, p platform, human string, to bridge.Address) admin.Finding {
	if to == "" {
		return doctor.Warn(p.channel, "authbridge human link "+human, "it is not known who %s is there", human)
	}
	took, err := p.adapter.Try(ctx, to)
	if err != nil {
		return doctor.Fail(p.channel, lookAt(p.channel, err), "%s", without(human, err))
	}
	return doctor.OK(p.channel, "%s's press arrived after %d ms", human, took.Milliseconds())
}

// without says how a trial ended that brought no press.
func without(human string, err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return human + " was written to, and no press arrived within a minute"
	}
	return human + "'s press cannot be tried: " + err.Error()
}

// hint is what to do about an error.
type hint struct {
	is error
	do string
}

// hints are what an operator is to look at in each chat.
var hints = map[string][]hint{
	slackChannel: {
		{context.DeadlineExceeded, "if it was pressed: on the app's page, switch Interactivity on, and Socket Mode or the Request URL as slack.mode has it"},
		{chat.ErrCut, "on the app's page, look at Socket Mode; the findings about slack say more"},
		{bridge.ErrRoute, "on the app's page, App Home, switch the Messages Tab on; they may also have closed their messages to the app"},
		{bridge.ErrUnreachable, "look at the human's id or e-mail address: it has to be an active member of the app's workspace"},
		{bridge.ErrAuth, "install the app again with the manifest of: authbridge slack manifest"},
	},
	discordChannel: {
		{context.DeadlineExceeded, "if it was pressed: on the application's page, Interactions Endpoint URL has to be empty with mode gateway, and the bridge's address with mode http"},
		{chat.ErrCut, "the findings about discord say why"},
		{bridge.ErrUnreachable, "they have to share a server with the bot and take direct messages from its members: the server's name, Privacy Settings"},
		{bridge.ErrAuth, "on the application's page, Bot, Reset Token, put the new one in, and restart the bridge"},
	},
}

// lookAt is what an operator is to look at then.
func lookAt(channel string, err error) string {
	for _, known := range append(hints[channel], hint{chat.ErrTrying, "wait until that one is over"}) {
		if errors.Is(err, known.is) {
			return known.do
		}
	}
	return "try again; the bridge's log may say more"
}
