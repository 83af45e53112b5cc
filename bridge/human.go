package bridge

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// What a human can do with the requests that are put to them, or to a team of
// theirs. To everybody else those do not exist. Who the human is has been made
// sure of by the surface: a name alone is no proof.

// Inbox is everything that a human is shown.
type Inbox struct {
	Waiting []Card // newest first; the codes are live: this human's eyes only
	Given   []Card // what they have given that is not over, newest first, each grant once
	Earlier []Card // how the last ones ended, newest first, without those under Given

	GivenMore int // how much more was given than Given has room for

	Stopped []Suspension // agents that may not ask them, and agents of theirs that may not ask somebody else
}

// earlierShown is how many ended requests an inbox shows. earlierRead bounds
// how many are looked at for them.
const (
	earlierShown = 10
	earlierRead  = 1000
)

// Inbox returns what a human is to see.
func (b *Bridge) Inbox(ctx context.Context, human string) (Inbox, error) {
	var in Inbox
	err := b.store.View(ctx, func(tx ReadTx) (err error) {
		in = Inbox{}
		open, err := b.dir().waitingFor(tx, human)
		if err != nil {
			return err
		}
		for _, r := range open {
			if !b.concerns(r, human) {
				continue
			}
			c, err := b.cardFor(tx, r, human)
			if err != nil {
				return err
			}
			in.Waiting = append(in.Waiting, c)
		}
		if in.Given, in.GivenMore, err = b.givenCards(tx, human); err != nil {
			return err
		}
		if in.Stopped, err = b.stopped(tx, human); err != nil {
			return err
		}
		in.Earlier, err = b.earlier(tx, human)
		return err
	})
	return in, err
}

// earlier are the cards of requests that are no longer open, newest first, and
// that led to nothing which is not over.
func (b *Bridge) earlier(tx ReadTx, human string) ([]Card, error) {
	var cards []Card
	read := 0
	for r, err := range b.dir().endedFor(tx, human) {
		if errors.Is(err, ErrUnreadable) {
			continue
		}
		if read++; err != nil || read > earlierRead || len(cards) == earlierShown {
			return cards, err
		}
		if !b.concerns(r, human) {
			continue
		}
		c, err := b.cardFor(tx, r, human)
		if err != nil {
			return nil, err
		}
		if !c.revocable() {
			cards = append(cards, c)
		}
	}
	return cards, nil
}

// privateCard is the card for the eyes of the human who is asked, or who has
// claimed it, alone: with the code if one is live.
func (b *Bridge) privateCard(tx ReadTx, r Request) (Card, error) {
	if r.Grant != "" {
		return b.approvedCard(tx, r)
	}
	if r.Outcome != nil && r.Outcome.Code == OutcomeNotMe {
		return b.notMeCard(tx, r)
	}
	if r.State != Coded {
		return b.card(r, nil, nil).asking(r), nil
	}
	sealed, err := tx.Secret(CodeSecret(r.ID))
	if errors.Is(err, ErrUnreadable) {
		c := b.card(r, nil, nil)
		c.Note = "The code cannot be read any more. When it has lapsed, you can get a new one."
		return c, nil
	}
	if err != nil {
		return Card{}, err
	}
	code, err := unpackCode(sealed)
	return b.card(r, &code.Code, nil), err
}

// approvedCard is the card of a request that led to a grant. A grant is
// forgotten no sooner than the request, but a card needs no more than it has.
func (b *Bridge) approvedCard(tx ReadTx, r Request) (Card, error) {
	g, err := tx.Grant(r.Grant)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnreadable) {
		return b.card(r, nil, nil), nil
	}
	if err != nil {
		return Card{}, err
	}
	return b.grantCard(tx, r, g)
}

// WatchInbox returns a channel that gets a value after each change of what
// the human is shown; several changes may come as one. stop ends it.
func (b *Bridge) WatchInbox(human string) (changed <-chan struct{}, stop func()) {
	return b.changes.watch(topicFor(human))
}

// Seen notes that the human's own page or client has shown these cards on a
// channel, so that the agent knows. It writes only what is new.
func (b *Bridge) Seen(ctx context.Context, human, channel string, cards []Card) error {
	var changed []Request
	if !b.anyUnseen(ctx, channel, cards) {
		return nil
	}
	err := b.store.Update(ctx, func(tx Tx) error {
		changed = nil
		for _, c := range cards {
			r, err := tx.Request(c.Request)
			if errors.Is(err, ErrNotFound) || err == nil && !b.concerns(r, human) {
				continue
			}
			if err != nil {
				return err
			}
			if after, new := r.seen(channel, time.Now()); new {
				tx.PutRequest(after, nil)
				changed = append(changed, after)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range changed {
		b.changes.wake(topicOf(r.ID))
	}
	return nil
}

func (b *Bridge) anyUnseen(ctx context.Context, channel string, cards []Card) bool {
	unseen := false
	err := b.store.View(ctx, func(tx ReadTx) error {
		for _, c := range cards {
			r, err := tx.Request(c.Request)
			if err != nil {
				continue
			}
			_, new := r.seen(channel, time.Time{})
			unseen = unseen || new
		}
		return nil
	})
	return err != nil || unseen
}

// seen is the request after its card was shown on a channel.
func (r Request) seen(channel string, at time.Time) (Request, bool) {
	for i, s := range r.Surfaces {
		if s.Channel == channel && !s.chat() && s.State != DeliveryShown {
			r.Surfaces = append([]Surface{}, r.Surfaces...)
			r.Surfaces[i].State, r.Surfaces[i].Detail = DeliveryShown, ""
			r.Version++
			r.UpdatedAt = at.UTC().Round(0)
			return r, true
		}
	}
	return r, false
}

// Clicker is the human who pressed a button, and where: the channel and the
// platform's own id of the user, for the record.
type Clicker struct {
	Human   string
	Channel string
	User    string
	Typed   string // what they typed with it, "" = nothing; never believed to be clean
}

// Click does what a button says, for the human it is shown to. It returns the
// card as it stands afterwards and a word to the human when the click changed
// nothing, because something else came first. A request of somebody else is
// ErrNotFound.
func (b *Bridge) Click(ctx context.Context, who Clicker, id RequestID, verb Verb) (Card, string, error) {
	card, word, err := b.click(ctx, who, id, verb)
	if no, ok := errors.AsType[*GroupFault](err); ok {
		b.refused(ctx, who, id, string(verb)+": "+no.Error())
		word = no.word()
		card, err = b.cardOf(ctx, id, who.Human)
	} else if errors.Is(err, ErrNotFound) {
		b.refused(ctx, who, id, string(verb))
	}
	b.pressed(who, verb, word, err)
	return card, word, err
}

func (b *Bridge) click(ctx context.Context, who Clicker, id RequestID, verb Verb) (Card, string, error) {
	if err := b.admitted(ctx, who, id); err != nil {
		return Card{}, "", err
	}
	switch verb {
	case VerbOpened, VerbFinished:
		return b.nudge(ctx, who, id, verb)
	case VerbMine, VerbNotMine:
		return b.confirm(ctx, who, id, verb)
	case VerbNotMe:
		return b.notMe(ctx, who, id)
	case VerbRevoke:
		return b.takeGiven(ctx, who, id)
	case VerbAllowAgain:
		return b.allowAgain(ctx, who, id)
	case VerbShowAgain:
		return b.showAgain(ctx, who, id)
	case VerbShowCode, VerbDeny, VerbClaim, VerbRelease, VerbDecline:
	}
	return b.press(ctx, who, id, verb)
}

// press does what the other buttons say: one event of one request.
func (b *Bridge) press(ctx context.Context, who Clicker, id RequestID, verb Verb) (Card, string, error) {
	event, ok := clicks[verb]
	if !ok {
		return Card{}, "", problem(ProblemInvalidRequest, "there is no button %q", verb)
	}
	word, missed := "", false
	r, taken, err := b.fold(ctx, id, step{
		decide: func(tx ReadTx, r Request) (_ Event, err error) {
			if !b.concerns(r, who.Human) {
				return Event{}, ErrNotFound
			}
			if word, err = aside(tx, r, who.Human); word != "" || err != nil {
				return Event{}, err
			}
			e := Event{Kind: event, By: who.actor()}
			if event == OnClaim {
				e.Until = stored(time.Now().Add(b.dir().Limits.Claim))
			}
			if event == OnClaim || event == OnShowCode {
				e, word = r.bind(who.Typed, e)
				missed = e.Kind == OnWrongDigits
			}
			if event == OnClaim && r.crowded(who) {
				word = "It was claimed too often here: claim it in the inbox, or have it asked anew."
				return Event{}, nil
			}
			return e, nil
		},
	})
	if err != nil {
		return Card{}, "", err
	}
	card, err := b.cardOf(ctx, id, who.Human)
	switch {
	case taken && missed && r.Team != "" && r.State.Open():
		word = r.missed()
	case !taken && word == "":
		word = cmp.Or(r.teamWord(who.Human, verb), remark(card))
	}
	return card, word, err
}

// clicks are the events behind the buttons.
var clicks = map[Verb]Kind{
	VerbShowCode: OnShowCode,
	VerbDeny:     OnDeny,
	VerbClaim:    OnClaim,
	VerbRelease:  OnRelease,
	VerbDecline:  OnTeamDecline,
}

// nudge takes a human's word for what they do at the provider: its answer is
// asked for before that of others and, once they say that they have finished,
// as soon as the provider's interval allows.
func (b *Bridge) nudge(ctx context.Context, who Clicker, id RequestID, verb Verb) (Card, string, error) {
	r, err := b.read(ctx, id)
	if err == nil && !b.concerns(r, who.Human) {
		err = ErrNotFound
	}
	if err != nil {
		return Card{}, "", err
	}
	word := r.teamWord(who.Human, verb)
	switch {
	case r.State != Coded || word != "":
	case verb == VerbFinished:
		b.hurry(r)
		word = "Asking " + issuerHost(r.Target.Issuer) + " as soon as it lets us. This card changes when it says that you have granted."
	default:
		b.warm(r)
	}
	card, err := b.cardOf(ctx, id, who.Human)
	if word == "" && verb == VerbFinished {
		word = remark(card)
	}
	return card, word, err
}

// change is a request before and after a step.
type change struct{ before, after Request }

func (b *Bridge) cardOf(ctx context.Context, id RequestID, human string) (c Card, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		r, err := tx.Request(id)
		if err != nil {
			return err
		}
		c, err = b.cardFor(tx, r, human)
		return err
	})
	return c, err
}

// remark answers a click that changed nothing: none is ignored.
func remark(c Card) string {
	switch {
	case c.State == Asked && c.Minting:
		return "The code is on its way."
	case c.State == Asked:
		return "There is no code now: ask for one first."
	case c.State == Coded:
		return "The code is already here."
	case c.Question != "":
		return "Access was granted with your code: say now whether the account is yours."
	case c.State == Held:
		return "Access was granted with your code; the account is being checked."
	default:
		return "This request is over: " + c.Ending
	}
}
