package discord

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// calling is how the line reaches Discord's REST interface. path begins below
// the version; in and out are JSON, nil = none.
type calling interface {
	call(ctx context.Context, method, path string, in, out any) error
}

// fault is the error of a call that Discord refused.
type fault interface {
	error
	Code() int // Discord's own; 0 = none
}

// wires are what a line is made of.
type wires struct {
	api    calling
	token  bridge.Secret     // of the bot, for the gateway
	key    ed25519.PublicKey // of the application, for signed calls; nil = it is the gateway
	base   string            // scheme and host of Discord
	web    *http.Client      // whose way connections go; nil = the usual one
	log    *slog.Logger
	health *chat.Sides
}

// maxTaking bounds how many inbounds of the gateway wait to be answered.
const maxTaking = 512

// line is what Discord brings people's doings by: a connection that we open,
// or calls that it makes.
type line struct {
	wires

	intake *chat.Intake[inbound]
	timing timing
	known  atomic.Pointer[string] // our application's id; nil = not known yet
	odd    chat.Sparingly
	late   chat.Sparingly

	rivals *rivals

	taking chan struct{} // one for each inbound of the gateway that is not answered
	takers sync.WaitGroup
}

func newLine(w wires, s serve) *line {
	return &line{wires: w, intake: chat.NewIntake(s), timing: usualTiming(), taking: make(chan struct{}, maxTaking), rivals: newRivals()}
}

// application is our application's id, "" = not known yet.
func (l *line) application() string {
	if known := l.known.Load(); known != nil {
		return *known
	}
	return ""
}

// run keeps the line until ctx ends. Then it takes nothing more in, and gives
// what is under way two seconds.
func (l *line) run(ctx context.Context) {
	if l.key != nil && !l.introduced(ctx) {
		return
	}
	l.intake.Open(ctx)
	defer l.takers.Wait()
	defer l.intake.Stop()
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { l.askAgain(ctx) })
	if l.key == nil {
		newSupervisor(l).run(ctx)
		return
	}
	l.health.SetLine(chat.Ready, "", false)
	<-ctx.Done()
}

// askAgain asks Discord now and then whether it takes our calls again, until
// ctx ends. Nobody else may: who is asked in Discord alone is asked nothing
// while it does not.
func (l *line) askAgain(ctx context.Context) {
	tick := time.NewTicker(l.timing.closed)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if l.health.CallsCut() && l.api.call(ctx, http.MethodGet, "/applications/@me", nil, nil) == nil {
				l.health.SetCalls(chat.Ready, "")
			}
		}
	}
}

// otherKey is what the operator is told when the signatures that we check
// cannot be those of our application.
const otherKey = "discord.public_key is not the one of the bot's application: copy it from the General Information page, and restart authbridge"

// introduced learns which application is ours, however long it takes, and
// reports whether it did: not when ctx ends.
func (l *line) introduced(ctx context.Context) bool {
	for failures := 1; ; failures++ {
		why, refused := l.introduce(ctx)
		if why == "" {
			return true
		}
		wait := chat.Backoff(l.timing.least, l.timing.most, failures)
		if refused {
			wait = l.timing.closed
			l.log.ErrorContext(ctx, "discord: it refuses the bridge", "why", why, "again_in", wait)
			l.health.SetCalls(chat.Refused, why)
		} else {
			l.log.WarnContext(ctx, "discord: it cannot be asked which application the bridge is", "why", why)
			l.health.SetCalls(chat.Starting, "Discord cannot be reached: "+why)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}

// introduce asks once. why says what is in the way, "" = nothing; refused that
// asking soon is no use.
func (l *line) introduce(ctx context.Context) (why string, refused bool) {
	ctx, cancel := context.WithTimeout(ctx, l.timing.opening)
	defer cancel()
	var app struct {
		ID  string `json:"id"`
		Key string `json:"verify_key"`
	}
	if err := l.api.call(ctx, http.MethodGet, "/applications/@me", nil, &app); err != nil {
		if why, refused = refusal(err); refused {
			return why, true
		}
		return chat.Mishap(err), false
	}
	if !sameKey(app.Key, l.key) {
		return otherKey, true
	}
	l.known.Store(&app.ID)
	l.health.SetCalls(chat.Ready, "")
	return "", false
}

// open opens a connection, if Discord lets us make enough more of them today.
// dialled reports whether it may have counted it as one.
func (l *line) open(ctx context.Context) (c *connection, dialled bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.timing.opening)
	defer cancel()
	var gateway discordgo.GatewayBotResponse
	if err := l.api.call(ctx, http.MethodGet, "/gateway/bot", nil, &gateway); err != nil {
		return nil, false, err
	}
	l.health.SetCalls(chat.Ready, "")
	if left := gateway.SessionStartLimit; left.Remaining < reserve {
		return nil, false, few(left.Remaining, time.Duration(left.ResetAfter)*time.Millisecond)
	}
	c, err = l.dial(ctx, gateway.URL)
	return c, true, err
}

// arrived takes in what a connection brought, without waiting for anything.
func (l *line) arrived(ctx context.Context, payload []byte) {
	in, err := parse(payload)
	if err == nil {
		err = l.admit(in)
	}
	if err != nil {
		l.dropped(ctx, err)
		return
	}
	select {
	case l.taking <- struct{}{}:
	default:
		l.dropped(ctx, chat.ErrFull)
		return
	}
	l.takers.Go(func() {
		defer func() { <-l.taking }()
		if err := l.take(ctx, in, func(body any) error { return l.respond(ctx, in, body) }); err != nil {
			l.dropped(ctx, err)
		}
	})
}

// admit refuses what is not for our application.
func (l *line) admit(in inbound) error {
	if own := l.application(); own != "" && own != in.app {
		return errors.New("it is for another application")
	}
	return nil
}

// take has an inbound taken in, and answered by reply: at once, with the plain
// answer, or with what is to be said. A body that is refused is replaced by the
// plain answer, and said late.
func (l *line) take(ctx context.Context, in inbound, reply chat.Reply) error {
	answered := make(chan struct{})
	in.answered = answered
	return l.intake.Take(ctx, in, func(body any) error {
		var refused error
		l.rivals.begin(in.id)
		if body != nil {
			if refused = reply(body); refused == nil {
				close(answered)
				return nil
			}
			l.meet(ctx, in.id, refused)
			l.rivals.begin(in.id)
		}
		err := reply(plain(in))
		if err == nil || codeOf(err) == codeAnswered {
			close(answered)
		}
		l.meet(ctx, in.id, err)
		l.unanswered(ctx, errors.Join(refused, err))
		return errors.Join(refused, err)
	})
}

// unanswered notes, now and then, that somebody was told by Discord that what
// they did has failed, or was not told what they should have been.
func (l *line) unanswered(ctx context.Context, err error) {
	if err != nil && codeOf(err) != codeAnswered && l.late.Now() {
		l.log.WarnContext(ctx, "discord: the first answer to what somebody did was not taken", "err", err)
	}
}

// dropped notes, now and then, that something came that cannot be taken. What
// it was is not repeated: it may hold anything.
func (l *line) dropped(ctx context.Context, err error) {
	if !errors.Is(err, errIgnored) && l.odd.Now() {
		l.log.WarnContext(ctx, "discord: something came that was dropped", "why", err)
	}
}
