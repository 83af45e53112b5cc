package slack

import (
	"context"
	"log/slog"
	"net/http"

	slackgo "github.com/slack-go/slack"
)

// line is what Slack brings people's doings by: sockets that we open, or calls
// that it makes.
type line struct {
	options Options
	api     *slackgo.Client
	health  *health
	log     *slog.Logger
	intake  *intake
}

func newLine(o Options, api *slackgo.Client, h *health, s serve) *line {
	return &line{options: o, api: api, health: h, log: o.Log, intake: newIntake(s)}
}

func (l *line) run(ctx context.Context) error {
	l.intake.open(ctx)
	defer l.intake.stop()
	<-ctx.Done()
	return nil
}

func (l *line) handler() http.Handler { return http.NotFoundHandler() }
