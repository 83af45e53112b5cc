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

// deliveryKey is one surface of a request, by its place among them; everywhere
// stands for all of them.
type deliveryKey struct {
	id      packed
	channel string
	n       int
}

// everywhere is the place of a key that has the worker look at a request as a
// whole: which surfaces it owes, of which a start knows only that there are
// some, and whether it is time for another one.
const everywhere = -1

func delivery(id RequestID, n int, s Surface) deliveryKey { return deliveryKey{pack(id), s.Channel, n} }

func allDeliveries(id RequestID) deliveryKey { return deliveryKey{pack(id), "", everywhere} }

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
	if !s.chat() || s.State == DeliveryUnreachable || s.Ref == "" && !r.posts(s) {
		return false
	}
	if l, isLine := r.line(s); isLine {
		return s.Says != l.String()
	}
	return s.Says != "" || s.Shown < r.Card
}

// posts reports whether a surface that has no message is to get one.
func (r Request) posts(s Surface) bool {
	return r.State.Open() && s.Over == "" && (s.View != ViewReminder || r.unanswered())
}

// surface returns one of the request's surfaces by its place.
func (r Request) surface(n int) (Surface, bool) {
	if n < 0 || n >= len(r.Surfaces) {
		return Surface{}, false
	}
	return r.Surfaces[n], true
}

// with is the request with one of its surfaces as it is now. The version
// counts what the agent sees of it.
func (r Request) with(n int, now Surface, at time.Time) Request {
	was := r.Surfaces[n]
	if now.Way() && (was.State != now.State || was.Detail != now.Detail) {
		r.Version++
		r.UpdatedAt = stored(at)
	}
	r.Surfaces = slices.Clone(r.Surfaces)
	r.Surfaces[n] = now
	return r
}

// owe plans what a request owes its surfaces, and when it is to be looked at
// for another one.
func (b *Bridge) owe(r Request) {
	now := time.Now()
	for n, s := range r.Surfaces {
		if r.owed(s) {
			b.outbox.at(s.Channel, delivery(r.ID, n, s), r.due(s, now))
		}
	}
	if at := b.attendAt(r, now); !at.IsZero() {
		b.outbox.at("", allDeliveries(r.ID), now.Add(min(at.Sub(now), longestLook)))
	}
}

// longestLook is how long a request is left alone that is to be looked at some
// day: the clock may be set meanwhile.
const longestLook = time.Hour

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

// due is when one of the request's surfaces is to be looked at: who waits for a
// code that they have asked for goes before all others.
func (r Request) due(s Surface, now time.Time) time.Time {
	at := s.due(now)
	if r.awaited(s) && at.Before(now) {
		return at.Add(-time.Hour)
	}
	return at
}

// awaited reports whether an edit of a surface brings a code, most likely.
func (r Request) awaited(s Surface) bool {
	return s.Ref != "" && s.View == ViewPrivate && s.Over == "" && (r.Minting || r.State == Coded)
}

// after is when a parcel is looked at again that had to wait with many others.
// What is awaited is the first of them then.
func (p parcel) after(wait pause) time.Time {
	if p.surface.Ref == "" || p.request.awaited(p.surface) {
		return wait.until
	}
	return wait.until.Add(1)
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
	n       int // the place of the surface
	surface Surface
	card    Card
	says    string // the line that the card is, "" = it is none
}

func (p parcel) empty() bool { return p.request.ID == "" }

// messageKey is the same for all tries to post one message, and for no other.
func (p parcel) messageKey() string {
	return fmt.Sprintf("%s/%d/%d", p.request.ID, p.n, p.surface.Lost)
}

// wrap looks what a surface is to show. A new message may light up a locked
// screen, so it is the card as it was before its code: an edit brings the code.
func (b *Bridge) wrap(tx ReadTx, key deliveryKey) (parcel, error) {
	r, err := tx.Request(key.id.request())
	if err != nil {
		return parcel{}, err
	}
	s, _ := r.surface(key.n)
	if !r.owed(s) {
		return parcel{}, nil
	}
	p := parcel{request: r, n: key.n, surface: s}
	if p.card, err = b.surfaceCard(tx, r, s); err != nil {
		return parcel{}, err
	}
	if l, isLine := r.line(s); isLine {
		p.says = l.String()
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
	if key.n == everywhere {
		return next{at: b.lookOver(ctx, key.id.request())}
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
		return next{at: p.after(wait)}
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
	to := b.dir().reach(p.request, p.surface)
	switch {
	case !ok:
		return nil, capital(channel) + " is not configured any more", pause{}
	case to == "":
		return nil, "another address is configured now", pause{}
	case p.request.State.Ended() && now.Sub(latest(p.request.EndedAt, p.request.CardAt)) >= editFor:
		return nil, "the message could not be brought up to date in time", pause{}
	case p.surface.due(now).After(now):
		return m, "", pause{until: p.surface.due(now)}
	}
	return m, "", b.pauses.until(now, channel, p.surface.calls(), p.surface.callsTo(to))
}

// waits notes why a surface waits, if the agent is to know.
func (b *Bridge) waits(ctx context.Context, key deliveryKey, s Surface, why string) {
	if why != "" && s.Detail != why {
		b.settle(ctx, key, func(_ Request, s Surface) Surface { return s.retrying(why, time.Now()) })
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
		p.surface.To = b.dir().reach(p.request, p.surface)
		p.surface.Unknown++
		p.surface.NotBefore = stored(now.Add(unknownWait(p.surface.Unknown)))
		tx.PutRequest(p.request.with(key.n, p.surface, now), nil)
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
			s = p.brought(s, ref, now)
			s.To = b.setup.Load().arrived(s.human(p.request), s)
			return s
		})}
	}
	b.books.NotDelivered(key.channel, fate(fault).String())
	b.tell(key, p.surface, fault, now)
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
		s, known := before.surface(key.n)
		if !known {
			after = before
			return nil
		}
		now := time.Now()
		after = b.attend(before.with(key.n, change(before, s), now), now)
		if after.State != Asked || after.ClaimedBy != "" || b.reachable(after) {
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
	b.owe(after)
	s, _ := after.surface(key.n)
	if !after.owed(s) {
		return time.Time{}
	}
	return after.due(s, time.Now())
}

// lookOver has a request looked at as a whole: it gets the surfaces whose time has
// come, and what it owes is planned.
func (b *Bridge) lookOver(ctx context.Context, id RequestID) time.Time {
	var before, after Request
	r, err := b.read(ctx, id)
	if err == nil && len(b.attend(r, time.Now()).Surfaces) > len(r.Surfaces) {
		err = b.store.Update(ctx, func(tx Tx) (err error) {
			if before, err = tx.Request(id); err != nil {
				return err
			}
			if after = b.attend(before, time.Now()); len(after.Surfaces) > len(before.Surfaces) {
				tx.PutRequest(after, nil)
			}
			return nil
		})
		if r = after; err == nil && before.Version != after.Version {
			b.changes.wake(topicOf(id))
		}
	}
	if err != nil {
		return b.later(err, "look at what a request owes", id)
	}
	b.owe(r)
	return time.Time{}
}
