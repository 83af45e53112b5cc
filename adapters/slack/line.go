package slack

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"

	slackgo "github.com/slack-go/slack"
)

// timing is how patient the line is.
type timing struct {
	opening time.Duration // for opening a socket, up to its hello
	quiet   time.Duration // without a ping, a socket is dead
	down    time.Duration // without a socket, the line is cut
	closed  time.Duration // until Slack is asked again what it refused
	recount time.Duration // until the app's sockets are counted once more
	crowded time.Duration // so, while others' are among them
	linger  time.Duration // for Slack to end a socket that it takes leave of
	parting time.Duration // for Slack to answer our own leave
	least   time.Duration // the first wait after a failure
	most    time.Duration // the longest wait after failures
	spacing time.Duration // between openings, in the long run
	burst   int           // openings that may follow each other at once
}

func usualTiming() timing {
	return timing{
		opening: 10 * time.Second, quiet: 30 * time.Second, down: time.Minute, closed: 10 * time.Minute,
		recount: 10 * time.Second, crowded: 2 * time.Minute, linger: 2 * time.Minute, parting: time.Second,
		least: time.Second, most: 30 * time.Second, spacing: time.Minute, burst: 10,
	}
}

// backoff is the wait after so many failures in a row.
func (t timing) backoff(failures int) time.Duration { return chat.Backoff(t.least, t.most, failures) }

// self is who we are to Slack. What is not known yet is "".
type self struct {
	team string
	app  string // known from a socket; a signed call is to our app anyway
}

// line is what Slack brings people's doings by: sockets that we open, or calls
// that it makes.
type line struct {
	options Options
	api     *slackgo.Client
	health  *chat.Sides
	log     *slog.Logger
	intake  *chat.Intake[inbound]
	timing  timing
	known   atomic.Pointer[self]
	odd     chat.Sparingly
}

func newLine(o Options, api *slackgo.Client, h *chat.Sides, s serve) *line {
	l := &line{options: o, api: api, health: h, log: o.Log, timing: usualTiming()}
	l.known.Store(&self{})
	l.intake = chat.NewIntake(func(ctx context.Context, in inbound) answer {
		if in.kind == uninstalled || in.kind == revoked {
			_, _ = l.introduce(ctx)
		}
		return s(ctx, in)
	})
	return l
}

// self is who we are.
func (l *line) self() self { return *l.known.Load() }

// run keeps the line until ctx ends.
func (l *line) run(ctx context.Context) error {
	if !l.introduced(ctx) {
		<-ctx.Done()
		return nil
	}
	l.intake.Open(ctx)
	defer l.intake.Stop()
	again := make(chan struct{})
	defer func() { <-again }()
	go func() {
		defer close(again)
		l.askAgain(ctx)
	}()
	if l.options.Mode == ModeSocket {
		newKeeper(l).run(ctx)
		return nil
	}
	l.health.SetLine(chat.Ready, "", false)
	<-ctx.Done()
	return nil
}

// askAgain asks Slack now and then whether it still refuses our calls, until
// ctx ends. Nobody else may: who is asked in Slack alone is asked nothing while
// it does.
func (l *line) askAgain(ctx context.Context) {
	tick := time.NewTicker(l.timing.closed)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if l.health.CallsCut() {
				_, _ = l.introduce(ctx)
			}
		}
	}
}

// introduced learns who we are, however long it takes, and reports whether it
// did: not when ctx ends.
func (l *line) introduced(ctx context.Context) bool {
	for failures := 1; ; failures++ {
		again, err := l.introduce(ctx)
		if err == nil {
			return true
		}
		if again == 0 {
			again = l.timing.backoff(failures)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(again):
		}
	}
}

// errOrganisation means that our token is not one of a single workspace.
var errOrganisation = errors.New("the app is installed for a whole organisation: install it in one workspace, and use the bot token of that")

// introduce asks Slack who we are, and keeps what the health says of our calls
// up to date. again is when to ask again after an error, 0 = soon.
func (l *line) introduce(ctx context.Context) (again time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.timing.opening)
	defer cancel()
	who, err := l.api.AuthTestContext(ctx)
	if err == nil && who.TeamID == "" {
		l.health.SetCalls(chat.Refused, errOrganisation.Error())
		return l.timing.closed, errOrganisation
	}
	if err != nil {
		return l.unheard(ctx, err), err
	}
	next := self{team: who.TeamID, app: l.self().app}
	l.known.Store(&next)
	l.health.SetCalls(chat.Ready, "")
	return 0, nil
}

func (l *line) unheard(ctx context.Context, err error) (again time.Duration) {
	if why, ok := refused(err, "bot token"); ok {
		l.log.ErrorContext(ctx, "slack: it refuses the bridge", "why", why, "again_in", l.timing.closed)
		l.health.SetCalls(chat.Refused, string(why))
		return l.timing.closed
	}
	l.log.WarnContext(ctx, "slack: it cannot be asked who the bridge is there", "why", chat.Mishap(err))
	if l.health.Now().State == chat.Starting {
		l.health.SetCalls(chat.Starting, "Slack cannot be reached: "+chat.Mishap(err))
	}
	if limited, ok := errors.AsType[*slackgo.RateLimitedError](err); ok {
		return limited.RetryAfter
	}
	return 0
}

// dropped notes, now and then, that something came that cannot be read. What
// it was is not repeated: it may hold anything.
func (l *line) dropped(ctx context.Context, err error) {
	if !errors.Is(err, errIgnored) && l.odd.Now() {
		l.log.WarnContext(ctx, "slack: something came that cannot be read, and was dropped", "why", err)
	}
}
