package slack

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
)

// verbHello is the action of a hello's button.
const verbHello = actionPrefix + "hello"

// ErrNobody means that there is nobody whom a hello could be written to.
var ErrNobody = errors.New("Slack knows nobody with this e-mail address who could be asked, or shows them to no app, or does not vouch for the address") //nolint:staticcheck // ST1005: Slack is a name

// connectsWithin is how long a hello may wait for its connection.
const connectsWithin = 20 * time.Second

func helloOffer() chat.Offer {
	return chat.Offer{
		Says:  "Hello from authbridge. Somebody is setting it up, and says that this is you. If it is, press the button; if you expect nothing of the kind, do nothing.",
		Label: "This is me", Thanks: "Thank you. authbridge knows you now; requests for you will come here.",
		Over: "Nobody answered this hello in time, and nothing came of it.",
	}
}

// Hello writes to the person for whose e-mail address Slack vouches, once, and
// returns their user id when they have pressed the button under it. Nobody
// else's press counts. When ctx ends before, its error is returned and the
// button taken away. It is for a first set-up, while no bridge is connected
// with the app: a bridge would take the press. It works in ModeSocket alone,
// and has no use for a desk.
func Hello(ctx context.Context, o Options, email string) (user string, err error) {
	if o.Mode != ModeSocket {
		return "", ErrMode
	}
	a, err := New(o)
	if err != nil {
		return "", err
	}
	defer a.awaitHello(ctx)()
	user, err = a.greetable(ctx, email)
	if err == nil {
		_, err = a.trials.Await(ctx, user, helloOffer(), &offer{adapter: a, user: user, verb: verbHello})
	}
	if err != nil {
		return "", cmp.Or(ctx.Err(), err)
	}
	return user, nil
}

// awaitHello has the line bring presses to a hello, until stop is called.
func (a *Adapter) awaitHello(ctx context.Context) (stop func()) {
	a.line = newLine(a.line.options, a.api, a.health, func(_ context.Context, in inbound) answer {
		a.taken(in, verbHello)
		return answer{}
	})
	ctx, cancel := context.WithCancel(ctx)
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		_ = a.line.run(ctx) // nil: it ends with ctx
	}()
	return func() { cancel(); <-ran }
}

// greetable finds who has an e-mail address, when their press would arrive.
func (a *Adapter) greetable(ctx context.Context, email string) (id string, err error) {
	if err := a.connect(ctx); err != nil {
		return "", err
	}
	u, err := a.api.GetUserByEmailContext(ctx, email)
	switch {
	case is(err, "users_not_found"):
		return "", ErrNobody
	case err != nil:
		return "", errors.New(inWords(err))
	case !u.IsEmailConfirmed, !strings.EqualFold(u.Profile.Email, email), a.outsider(*u, a.line.self().team) != "":
		return "", ErrNobody
	}
	return u.ID, nil
}

// connect waits for the connection that presses come by.
func (a *Adapter) connect(ctx context.Context) error {
	late := time.After(connectsWithin)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !a.Connected() {
		now := a.Health()
		if now.State == chat.Refused {
			return errors.New(now.Why)
		}
		select {
		case <-look.C:
		case <-late:
			return errors.New(now.Why)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
