package discord

import (
	"context"
	"errors"
	"strings"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// command answers /authbridge, to who typed it alone.
func (a *Adapter) command(ctx context.Context, in inbound) answer {
	return a.say(in, a.obey(ctx, in))
}

// obey does what a command says. One that is none gets help, which repeats
// nothing of it.
func (a *Adapter) obey(ctx context.Context, in inbound) message {
	switch in.command {
	case "link":
		return a.link(ctx, in, strings.TrimSpace(in.options["code"]))
	case "unlink":
		return a.unlink(ctx, in)
	case "list", "pending", "revoke", "verify", "whoami":
	default:
		return helpMessage()
	}
	who, word := a.clicker(ctx, in)
	if word != "" {
		return wordMessage(word)
	}
	switch in.command {
	case "verify":
		return a.verify(ctx, who, strings.TrimSpace(in.options["code"]))
	case "whoami":
		return whoamiMessage(who.Human)
	}
	inbox, err := a.desk.Inbox(ctx, who.Human)
	switch {
	case err != nil:
		return wordMessage(a.excuse(ctx, "", err))
	case in.command == "pending":
		return pendingMessage(inbox)
	case in.command == "revoke":
		return revocation(inbox, strings.TrimSpace(in.options["name"]))
	}
	return listMessage(inbox, 0)
}

// revocation asks once more, by the button that takes back.
func revocation(in bridge.Inbox, name string) message {
	c, word := chat.ToRevoke(in, name)
	if word != "" {
		return wordMessage(word)
	}
	return revokeMessage(c)
}

func (a *Adapter) verify(ctx context.Context, who bridge.Clicker, code string) message {
	found, word, fault := chat.Verify(ctx, a.desk, who.Human, code)
	a.ours(ctx, fault)
	if word != "" {
		return wordMessage(word)
	}
	return verifyMessage(found)
}

// link ties who typed it to the human whom the operator's code was made for.
func (a *Adapter) link(ctx context.Context, in inbound, code string) message {
	if word := outsider(in); word != "" {
		return wordMessage(word)
	}
	word, fault := chat.Link(ctx, a.desk, channelName, in.user, code)
	a.ours(ctx, fault)
	return wordMessage(word)
}

// unlink unties who typed it from the human whom a code has tied them to.
func (a *Adapter) unlink(ctx context.Context, in inbound) message {
	if word := outsider(in); word != "" {
		return wordMessage(word)
	}
	human, err := a.desk.UnlinkChat(ctx, channelName, bridge.Address(in.user))
	switch {
	case errors.Is(err, bridge.ErrNotFound):
		return wordMessage(chat.UnknownHere)
	case errors.Is(err, bridge.ErrTied):
		return wordMessage("The operator has written down who you are, so only the operator can change that.")
	case err != nil:
		return wordMessage(a.excuse(ctx, "", err))
	}
	return wordMessage("You are not " + human + " here any more, and are asked nothing here. What you gave goes on: take it back in the inbox.")
}
