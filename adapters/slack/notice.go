package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/bridge"
)

// tell says a word to who did something, where they did it and so that nobody
// else sees it. It never has a code. card is that of what they pressed, if
// there is one.
func (a *Adapter) tell(ctx context.Context, in inbound, word string, card bridge.Card) {
	if word == "" {
		return
	}
	var err error
	switch {
	case in.view.kind == "home":
		_, err = a.openView(ctx, in.trigger, wordModal(word))
	case in.view.id != "":
		err = a.tellInModal(ctx, in, word, card)
	default:
		err = a.tellInChannel(ctx, in, wordMessage(word))
	}
	if err != nil {
		a.log.WarnContext(ctx, "slack: answer somebody who pressed a button", "err", err)
	}
}

// tellInModal puts the word on the card that they have before them. If that
// shows something else by now, it has answered them.
func (a *Adapter) tellInModal(ctx context.Context, in inbound, word string, card bridge.Card) error {
	v := wordModal(word)
	if card.Request != "" {
		card.Note, card.View = word, bridge.ViewPrivate
		drawn, err := cardModal(card)
		if err != nil {
			return err
		}
		v = drawn
	}
	err := a.updateView(ctx, in.view, v)
	if errors.Is(err, errStale) {
		return nil
	}
	return err
}

// tellInChannel goes by the address that came with the press, or else past it.
func (a *Adapter) tellInChannel(ctx context.Context, in inbound, m message) error {
	err := a.respond(ctx, in.responseURL, m)
	if err == nil {
		return nil
	}
	to := in.channel
	if to == "" {
		dm, err := a.dm(ctx, in.user)
		if err != nil {
			return err
		}
		to = dm
	}
	return a.call(ctx, methodEphemeral, to, func(ctx context.Context) error {
		options := []slackgo.MsgOption{slackgo.MsgOptionBlocks(m.blocks...), slackgo.MsgOptionText(m.text, false), slackgo.MsgOptionParse(false)}
		if in.thread != "" {
			options = append(options, slackgo.MsgOptionTS(in.thread))
		}
		_, err := a.api.PostEphemeralContext(ctx, to, in.user, options...)
		return err
	})
}

// ephemeral is a message as the answer to something that somebody did. It leaves
// alone what they did it on: others may see that, too.
type ephemeral struct {
	ResponseType    string          `json:"response_type"`
	ReplaceOriginal bool            `json:"replace_original"`
	DeleteOriginal  bool            `json:"delete_original"`
	Text            string          `json:"text"`
	Blocks          []slackgo.Block `json:"blocks"`
}

func (m message) ephemeral() ephemeral {
	return ephemeral{ResponseType: slackgo.ResponseTypeEphemeral, Text: m.text, Blocks: m.blocks}
}

// maxResponse bounds what is read of the answer to an answer.
const maxResponse = 4 << 10

// respond sends a message to the address that came with what somebody did. The
// address is a secret: no error has it.
func (a *Adapter) respond(ctx context.Context, address bridge.Secret, m message) error {
	if !a.isResponseURL(address) {
		return errNoResponse
	}
	body, err := json.Marshal(m.ephemeral())
	if err != nil {
		return fmt.Errorf("write an answer: %w", err)
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, address.Reveal(), bytes.NewReader(body))
	if err != nil {
		return errNoResponse
	}
	q.Header.Set("Content-Type", "application/json; charset=utf-8")
	r, err := a.web.Do(q)
	if err != nil {
		return errNoResponse
	}
	defer func() { _ = r.Body.Close() }() // it was only read
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxResponse))
	if r.StatusCode != http.StatusOK {
		return errNoResponse
	}
	return nil
}

var errNoResponse = errors.New("the address for answers takes none")

// isResponseURL reports whether an address is one of Slack's: https, or where
// its methods are, too.
func (a *Adapter) isResponseURL(address bridge.Secret) bool {
	to, err := url.Parse(address.Reveal())
	if err != nil || to.Host == "" || to.User != nil {
		return false
	}
	return to.Scheme == "https" && (to.Host == "slack.com" || strings.HasSuffix(to.Host, ".slack.com") || strings.HasSuffix(to.Host, ".slack-gov.com")) ||
		to.Scheme+"://"+to.Host == a.base
}
