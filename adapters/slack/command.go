package slack

import (
	"context"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// command answers /authbridge, to who typed it alone.
func (a *Adapter) command(ctx context.Context, in inbound) answer {
	m := a.obey(ctx, in)
	return answer{Body: m.ephemeral(), Late: func(ctx context.Context) {
		if err := a.tellInChannel(ctx, in, m); err != nil {
			a.log.WarnContext(ctx, "slack: answer a command", "err", err)
		}
	}}
}

// obey does what a command says. One that is none gets help, which repeats
// nothing of it.
func (a *Adapter) obey(ctx context.Context, in inbound) message {
	words := strings.Fields(in.text)
	if len(words) == 0 {
		return helpMessage()
	}
	verb, rest := strings.ToLower(words[0]), strings.Join(words[1:], " ")
	switch verb {
	case "link":
		return a.link(ctx, in, rest)
	case "list", "pending", "revoke", "verify", "whoami":
	default:
		return helpMessage()
	}
	who, word := a.clicker(ctx, in, false) // the button that takes back looks once more
	if word != "" {
		return wordMessage(word)
	}
	switch verb {
	case "verify":
		return a.verify(ctx, who, rest)
	case "whoami":
		return whoamiMessage(who.Human)
	}
	inbox, err := a.desk.Inbox(ctx, who.Human)
	switch {
	case err != nil:
		return wordMessage(a.excuse(ctx, "", err))
	case verb == "pending":
		return pendingMessage(inbox, a.linker(ctx, in.user))
	case verb == "revoke" && rest != "":
		return revocation(inbox, rest)
	}
	return listMessage(inbox)
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
	if word := a.vouch(ctx, in, false); word != "" {
		return wordMessage(word)
	}
	word, fault := chat.Link(ctx, a.desk, channelName, in.user, code)
	a.ours(ctx, fault)
	return wordMessage(word)
}

// linker finds the addresses of cards, of those that are known: of a private
// one where it came to somebody, of a team's where all of the team see it.
func (a *Adapter) linker(ctx context.Context, user string) func(bridge.Card) string {
	return func(c bridge.Card) string {
		whose := user
		if chat.Shared(c) {
			whose = everybody
		}
		ref, known := a.known.posted.Get(triggerKey(whose, c.Request))
		at, err := placeOf(ref)
		if !known || err != nil {
			return ""
		}
		if link, known := a.known.links.Get(string(ref)); known {
			return link
		}
		var link string
		err = a.call(ctx, methodPermalink, at.channel, func(ctx context.Context) (err error) {
			link, err = a.api.GetPermalinkContext(ctx, &slackgo.PermalinkParameters{Channel: at.channel, Ts: at.thread})
			return err
		})
		if err == nil {
			a.known.links.Put(string(ref), link, postedFor)
		}
		return link
	}
}
