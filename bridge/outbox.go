package bridge

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// The outbox brings the cards of requests to chats. What a surface is to show
// is always the card of its request as it is now; what it does show stands in
// the request's record. As long as the two differ the request owes, and the
// outbox posts or edits until it does not. So changes that come faster than a
// chat takes them become one edit, a crash repairs itself, and nothing about
// deliveries is kept in memory that could be lost.

// deliveryKey is one surface of a request; everywhere stands for all of them.
type deliveryKey struct {
	id      packed
	channel string
}

func delivery(id RequestID, channel string) deliveryKey { return deliveryKey{pack(id), channel} }

// everywhere is the channel of a key that has the worker look which surfaces
// a request owes: a start knows only that there are some.
const everywhere = ""

const (
	// deliverWithin bounds one call to a messenger.
	deliverWithin = 15 * time.Second
	// editFor is how long after the end of a request, or of what was given by
	// it, its cards are still brought up to date.
	editFor = 24 * time.Hour
	// authPause is how long a platform that refuses the bridge is left alone.
	authPause = time.Minute
)

// Owes reports whether a surface of the request does not show its card yet
// and is still to be brought there.
func (r Request) Owes() bool { return slices.ContainsFunc(r.Surfaces, r.owed) }

// owed reports whether a surface is to be brought up to date. What is over is
// not posted any more, but what was posted learns of the end.
func (r Request) owed(s Surface) bool {
	return s.To != "" && s.State != DeliveryUnreachable && s.Shown < r.Card && (s.Ref != "" || r.State.Open())
}

// surface returns the request's surface on a channel.
func (r Request) surface(channel string) (Surface, bool) {
	i := slices.IndexFunc(r.Surfaces, func(s Surface) bool { return s.Channel == channel })
	if i < 0 {
		return Surface{}, false
	}
	return r.Surfaces[i], true
}

// with is the request with one of its surfaces as it is now. The version
// counts what the agent sees of it.
func (r Request) with(now Surface, at time.Time) Request {
	r.Surfaces = slices.Clone(r.Surfaces)
	for i, s := range r.Surfaces {
		if s.Channel != now.Channel {
			continue
		}
		if s.State != now.State || s.Detail != now.Detail {
			r.Version++
			r.UpdatedAt = at.UTC().Round(0)
		}
		r.Surfaces[i] = now
	}
	return r
}

// owe plans what a request owes its surfaces.
func (b *Bridge) owe(r Request) {
	now := time.Now()
	for _, s := range r.Surfaces {
		if r.owed(s) {
			b.outbox.at(s.Channel, delivery(r.ID, s.Channel), s.due(now))
		}
	}
}

// due is when a surface is to be looked at, as a time from now: what is stored
// goes by the wall clock, and the outbox does not. Edits go ahead of the new
// cards that wait for the same chat: they take away codes and buttons.
func (s Surface) due(now time.Time) time.Time {
	switch wait := min(s.NotBefore.Sub(now), s.longestWait()); {
	case wait > 0:
		return now.Add(wait)
	case s.Ref != "":
		return now.Add(-time.Hour)
	}
	return now
}

// longestWait is the most that a surface can have to wait: if the clock was set
// back meanwhile, NotBefore says more.
func (s Surface) longestWait() time.Duration {
	switch {
	case s.Faults > 0:
		return faultMost * 6 / 5
	case s.Unknown > 0:
		return unknownMost * 6 / 5
	}
	return limitMost
}

// parcel is one thing to bring to a surface. Without a request there is
// nothing to do.
type parcel struct {
	request Request
	surface Surface
	card    Card
}

func (p parcel) empty() bool { return p.request.ID == "" }

// messageKey is the same for all tries to post one message, and for no other.
func (p parcel) messageKey() string {
	return fmt.Sprintf("%s/%s/%d", p.request.ID, p.surface.Channel, p.surface.Lost)
}

// wrap looks what a surface is to show. A new message may light up a locked
// screen, so it is the card as it was before its code: an edit brings the code.
func (b *Bridge) wrap(tx ReadTx, key deliveryKey) (parcel, error) {
	r, err := tx.Request(key.id.request())
	if err != nil {
		return parcel{}, err
	}
	s, _ := r.surface(key.channel)
	if !r.owed(s) {
		return parcel{}, nil
	}
	p := parcel{request: r, surface: s}
	if p.card, err = b.surfaceCard(tx, r); err != nil {
		return parcel{}, err
	}
	if s.Ref == "" && p.card.Code != nil {
		p.card = b.card(r, nil, nil)
		p.card.Version--
	}
	return p, nil
}

// deliver brings one surface of a request up to date. It says when to look at
// it again, and whether the chat did its part.
func (b *Bridge) deliver(ctx context.Context, key deliveryKey) next {
	if key.channel == everywhere {
		r, err := b.read(ctx, key.id.request())
		b.owe(r)
		return next{at: b.later(err, "read what a request owes", key.id.request())}
	}
	var p parcel
	err := b.store.View(ctx, func(tx ReadTx) (err error) {
		p, err = b.wrap(tx, key)
		return err
	})
	if err != nil || p.empty() {
		return next{at: b.later(err, "read a card that is to be delivered", key.id.request())}
	}
	messenger, closed, wait := b.way(p, time.Now())
	switch {
	case closed != "":
		return next{at: b.settle(ctx, key, func(_ Request, s Surface) Surface { return s.closed(closed) })}
	case !wait.until.IsZero():
		b.waits(ctx, key, p.surface, wait.why)
		return next{at: wait.until}
	case p.surface.Ref == "":
		return b.post(ctx, messenger, key)
	}
	return b.edit(ctx, messenger, key, p)
}

// way finds who brings a parcel, why nobody does any more, or how long it has
// to wait. A person who is now configured with another address may never have
// been at the old one.
func (b *Bridge) way(p parcel, now time.Time) (m Messenger, closed string, wait pause) {
	channel := p.surface.Channel
	m, ok := b.messengers[channel]
	switch {
	case !ok:
		return nil, capital(channel) + " is not configured any more", pause{}
	case b.dir().Humans[p.request.Human].reach(p.surface) == "":
		return nil, "another address is configured now", pause{}
	case p.request.State.Ended() && now.Sub(latest(p.request.EndedAt, p.request.CardAt)) >= editFor:
		return nil, "the message could not be brought up to date in time", pause{}
	case p.surface.due(now).After(now):
		return m, "", pause{until: p.surface.due(now)}
	}
	if wait = b.pauses.of(channel); !now.Before(wait.until) {
		wait = pause{}
	}
	return m, "", wait
}

// waits notes why a surface waits, if the agent is to know.
func (b *Bridge) waits(ctx context.Context, key deliveryKey, s Surface, why string) {
	if why != "" && s.Detail != why {
		b.settle(ctx, key, func(_ Request, s Surface) Surface { return s.retrying(why) })
	}
}

// post sends a new message. The attempt is stored before it is made, together
// with when to try again: whatever happens then, it is known that a message
// may be there, and the same message is asked for.
func (b *Bridge) post(ctx context.Context, m Messenger, key deliveryKey) next {
	var p parcel
	err := b.store.Update(ctx, func(tx Tx) (err error) {
		if p, err = b.wrap(tx, key); err != nil || p.empty() {
			return err
		}
		now := time.Now()
		p.surface.To = b.dir().Humans[p.request.Human].reach(p.surface)
		p.surface.Unknown++
		p.surface.NotBefore = stored(now.Add(unknownWait(p.surface.Unknown)))
		tx.PutRequest(p.request.with(p.surface, now), nil)
		return nil
	})
	if err != nil || p.empty() {
		return next{at: b.later(err, "note that a card is being posted", key.id.request())}
	}
	call, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	ref, err := m.Post(call, p.surface.To, p.card, p.messageKey())
	return b.delivered(ctx, key, p, ref, err)
}

// edit has a message show the card of now.
func (b *Bridge) edit(ctx context.Context, m Messenger, key deliveryKey, p parcel) next {
	call, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	return b.delivered(ctx, key, p, p.surface.Ref, m.Edit(call, p.surface.Ref, p.card))
}

// delivered stores how a call ended.
func (b *Bridge) delivered(ctx context.Context, key deliveryKey, p parcel, ref MessageRef, fault error) next {
	now := time.Now()
	if fault == nil && (ref == "" || len(ref) > maxRef) {
		fault = fmt.Errorf("%w: the messenger returned a reference of %d bytes", ErrInvalid, len(ref))
	}
	if fault == nil {
		return next{well: true, at: b.settle(ctx, key, func(_ Request, s Surface) Surface {
			s = p.brought(s, ref)
			s.To = b.setup.Load().arrived(p.request.Human, s)
			return s
		})}
	}
	b.books.NotDelivered(key.channel, fate(fault).String())
	b.tell(key, fault, now)
	ill := fate(fault) == unknown || fate(fault) == notSent
	return next{ill: ill, well: !ill, at: b.settle(ctx, key, func(r Request, s Surface) Surface { return s.failed(r, fault, now) })}
}

// settle changes the record of a surface. If that was the last way to a human
// who has not seen a code, the request ends. It returns when the surface is
// to be looked at again.
func (b *Bridge) settle(ctx context.Context, key deliveryKey, change func(Request, Surface) Surface) time.Time {
	var before, after Request
	note := func(tx Tx) (err error) {
		if before, err = tx.Request(key.id.request()); err != nil {
			return err
		}
		s, known := before.surface(key.channel)
		if !known {
			after = before
			return nil
		}
		after = before.with(change(before, s), time.Now())
		if after.State != Asked || b.reachable(after) {
			tx.PutRequest(after, nil)
			return nil
		}
		e := Event{Kind: OnUnreachable, By: Actor{Kind: ByBridge}, Cause: after.closedWays()}
		after, _, err = b.foldIn(tx, after, step{decide: always(e)})
		return err
	}
	const what = "note how a delivery ended"
	err := b.insist(ctx, what, key.id.request(), func(ctx context.Context) error { return b.store.Update(ctx, note) })
	if err != nil {
		return b.later(err, what, key.id.request())
	}
	if before.State != after.State {
		b.follow(before, after)
	} else if before.Version != after.Version {
		b.changes.wake(topicOf(after.ID))
	}
	s, _ := after.surface(key.channel)
	if !after.owed(s) {
		return time.Time{}
	}
	return s.due(time.Now())
}
