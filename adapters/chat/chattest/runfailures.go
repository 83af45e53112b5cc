package chattest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// RunFailures holds what the outbox is told when a card cannot be brought, and
// that nothing is brought twice.
func RunFailures(t *testing.T, start Start) {
	t.Run("a place that is limited is left alone", func(t *testing.T) { limitsAreKept(enter(t, start)) })
	for name, fault := range map[string]Fault{"cut off": LostAnswer, "status 500": BrokenAfter, "never answered": NoAnswer} {
		t.Run("a post that is "+name+" is made once", func(t *testing.T) { aLostPostIsMadeOnce(enter(t, start), fault) })
	}
	t.Run("who takes no messages cannot be reached", func(t *testing.T) { closedMessages(enter(t, start)) })
	t.Run("a channel without the bridge is no way", func(t *testing.T) { aLeftChannel(enter(t, start)) })
	t.Run("what is no address leads nowhere", func(t *testing.T) { noAddresses(enter(t, start)) })
	t.Run("what is no message is gone", func(t *testing.T) { noMessages(enter(t, start)) })
	t.Run("a token that was taken back is told of", func(t *testing.T) { aTokenTakenBack(enter(t, start)) })
}

func limitsAreKept(b *bench) {
	b.Fail(Limited)
	for range 3 {
		_, err := b.Adapter().Post(b.t.Context(), b.Channel, now(SharedCard()), "key")
		l, ok := errors.AsType[*bridge.Limited](err)
		if !ok || l.After > 7*time.Second || l.After < 5*time.Second || l.All {
			b.t.Fatalf("the channel is limited for seven seconds: %v", err)
		}
	}
	if n := b.Posts(); n != 1 {
		b.t.Errorf("the platform was asked %d times within the seven seconds, want once", n)
	}
	b.post(b.Alice, now(AskedCard()))
	b.sees(b.Alice, "helper wants corp", "!Waiting for someone to claim")
}

// aLostPostIsMadeOnce: nobody knows whether the card is there, and the adapter
// does not try again by itself.
func aLostPostIsMadeOnce(b *bench, fault Fault) {
	b.post(b.Channel, With(now(SharedCard()), func(c *bridge.Card) { c.Headline = "Approved" })) // whatever it asks first it knows
	b.Fail(fault)
	ctx, cancel := context.WithTimeout(b.t.Context(), 3*time.Second)
	defer cancel()
	_, err := b.Adapter().Post(ctx, b.Channel, now(SharedCard()), "key")
	if err == nil || isCertain(err) {
		b.t.Errorf("the post says %v, want nothing certain", err)
	}
	b.sees(b.Bob, "Waiting for someone to claim")
	if n := b.Posts(); n != 2 {
		b.t.Errorf("it was made %d times", n-1)
	}
	b.sayNothing(err)
}

// isCertain reports whether an error says that the card is not there.
func isCertain(err error) bool {
	for _, sure := range []error{bridge.ErrNotSent, bridge.ErrUnreachable, bridge.ErrRoute, bridge.ErrGone, bridge.ErrInvalid, bridge.ErrAuth} {
		if errors.Is(err, sure) {
			return true
		}
	}
	_, limited := errors.AsType[*bridge.Limited](err)
	return limited
}

// sayNothing checks that an error has no secret and no address of the
// platform's.
func (b *bench) sayNothing(err error) {
	b.t.Helper()
	if err == nil {
		return
	}
	for _, secret := range append(b.Secrets(), "http://", "https://") {
		if strings.Contains(err.Error(), secret) {
			b.t.Errorf("the error tells too much: %v", err)
		}
	}
}

func closedMessages(b *bench) {
	b.CloseMessages(b.Alice)
	for range 2 {
		_, err := b.Adapter().Post(b.t.Context(), b.Alice, now(AskedCard()), "key")
		if !errors.Is(err, bridge.ErrUnreachable) {
			b.t.Errorf("a card for who takes no messages: %v", err)
		}
		b.sayNothing(err)
	}
	b.sees(b.Alice, "!helper")
	b.post(b.Bob, now(AskedCard()))
	b.sees(b.Bob, "helper wants corp")
}

func aLeftChannel(b *bench) {
	b.LeaveChannel()
	_, err := b.Adapter().Post(b.t.Context(), b.Channel, now(SharedCard()), "key")
	if !errors.Is(err, bridge.ErrRoute) {
		b.t.Errorf("a card for a channel that the bridge is not in: %v", err)
	}
	b.sayNothing(err)
	b.sees(b.Bob, "!ci wants")
}

func noAddresses(b *bench) {
	for _, to := range []bridge.Address{"", "#deploys", "../../users", "@everyone", b.Alice + "/x"} {
		if _, err := b.Adapter().Post(b.t.Context(), to, now(AskedCard()), "key"); !errors.Is(err, bridge.ErrUnreachable) {
			b.t.Errorf("a card for the person %q: %v", to, err)
		}
		if _, err := b.Adapter().Post(b.t.Context(), to, now(SharedCard()), "key"); !errors.Is(err, bridge.ErrRoute) {
			b.t.Errorf("a card for the channel %q: %v", to, err)
		}
	}
	if n := b.Posts(); n > 0 {
		b.t.Errorf("%d messages were posted", n)
	}
}

func noMessages(b *bench) {
	for _, ref := range []bridge.MessageRef{"", "nonsense", "C/1/../2", "e/nobody's", "../../x/y"} {
		if err := b.Adapter().Edit(b.t.Context(), ref, now(GivenCard())); !errors.Is(err, bridge.ErrGone) {
			b.t.Errorf("an edit of %q: %v", ref, err)
		}
	}
}

func aTokenTakenBack(b *bench) {
	b.post(b.Alice, now(AskedCard()))
	if why := b.Refused(); why != "" {
		b.t.Errorf("it is refused from the start: %s", why)
	}
	b.TakeBack()
	_, err := b.Adapter().Post(b.t.Context(), b.Bob, now(AskedCard()), "key")
	if !errors.Is(err, bridge.ErrAuth) {
		b.t.Errorf("after the token was taken back: %v", err)
	}
	b.sayNothing(err)
	if why := b.Refused(); why == "" {
		b.t.Error("the operator is not told")
	}
	b.sayNothing(errors.New(b.Refused()))
}
