package slack

import (
	"context"
	"errors"
	"fmt"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/bridge"
)

// openCard shows somebody their card in a modal, by what they have just
// pressed.
func (a *Adapter) openCard(ctx context.Context, trigger bridge.Secret, c bridge.Card) (bridge.MessageRef, error) {
	v, err := cardModal(c)
	if err != nil {
		return "", fmt.Errorf("draw a card: %w: %w", err, bridge.ErrInvalid)
	}
	id, err := a.openView(ctx, trigger, v)
	if err != nil {
		return "", err
	}
	return viewRef(id), nil
}

// openView opens a modal for whom the trigger is. If it certainly did not open
// there is no other way to them.
func (a *Adapter) openView(ctx context.Context, trigger bridge.Secret, v slackgo.ModalViewRequest) (id string, err error) {
	err = a.call(ctx, methodOpenView, "", func(ctx context.Context) error {
		opened, err := a.api.OpenViewContext(ctx, trigger.Reveal(), v)
		if err == nil {
			id = opened.ID
		}
		return err
	})
	switch {
	case err == nil && id == "":
		return "", fmt.Errorf("%s: the answer does not say which modal it is", methodOpenView)
	case errors.Is(err, errTrigger):
		return "", fmt.Errorf("%w: %w", err, bridge.ErrUnreachable)
	}
	return id, err
}

// errTrigger means that a trigger cannot be used any more.
var errTrigger = errors.New("too long ago")

// errStale means that a modal shows something else by now.
var errStale = errors.New("it has changed meanwhile")

// updateCard has a modal show the card of now.
func (a *Adapter) updateCard(ctx context.Context, id string, c bridge.Card) error {
	v, err := cardModal(c)
	if err != nil {
		return fmt.Errorf("draw a card: %w: %w", err, bridge.ErrInvalid)
	}
	return a.updateView(ctx, view{id: id}, v)
}

// updateView replaces what a modal shows; with a hash, unless it shows
// something else by now.
func (a *Adapter) updateView(ctx context.Context, at view, v slackgo.ModalViewRequest) error {
	return a.call(ctx, methodUpdateView, "", func(ctx context.Context) error {
		_, err := a.api.UpdateViewContext(ctx, v, "", at.hash, at.id)
		return err
	})
}
