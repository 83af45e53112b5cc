package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/internal/daemon"
)

// Options say how a demo is shown. All but NoOpen and JSON are required.
type Options struct {
	Out io.Writer // the story
	Err io.Writer // remarks
	Env func(name string) string
	// Program is the path of this program, for the commands that are shown.
	Program string
	Version string // of this program, for whoever asks the bridge
	NoOpen  bool   // do not open a browser
	JSON    bool   // tell the story in lines of JSON
}

// Demo is a bridge, a provider and an agent. Start it and Run it, and it is
// gone.
type Demo struct {
	options Options
	place   *place
	issuer  *issuer
	log     *os.File
	daemon  *daemon.Daemon
}

// Start makes all that is needed, and removes what earlier demos of this user
// left that were killed. Its errors are sentences for whoever runs the demo; on
// an error nothing is left.
func Start(ctx context.Context, o Options) (*Demo, error) {
	if os.Geteuid() == nobody {
		return nil, fmt.Errorf("uid %d is whom the kernel shows for every user that it cannot name, so no agent can be known by it: run the demo as another user", nobody)
	}
	bases := o.bases()
	for _, base := range bases {
		for _, dir := range sweep(base) {
			fmt.Fprintf(o.Err, "authbridge: removed %s, left by a demo that was killed\n", dir)
		}
	}
	p, err := newPlace(bases)
	if err != nil {
		return nil, err
	}
	d := &Demo{options: o, place: p}
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// nobody is a user that no agent may be.
const nobody = 65534

// bases are the directories in which the demo may make its own.
func (o Options) bases() []string {
	if own := o.Env("TMPDIR"); own != "" && own != "/tmp" {
		return []string{own, "/tmp"}
	}
	return []string{"/tmp"}
}

func (d *Demo) open(ctx context.Context) (err error) {
	if d.issuer, err = newIssuer(ctx); err != nil {
		return err
	}
	if d.log, err = os.OpenFile(d.place.path(logName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
		return fmt.Errorf("open the demo's log: %w", err)
	}
	cfg, err := d.place.configuration(d.issuer.url())
	if err != nil {
		return err
	}
	d.daemon, err = daemon.Start(ctx, cfg, slog.New(slog.NewJSONHandler(d.log, &slog.HandlerOptions{Level: cfg.Log.Level})))
	if err != nil {
		return err
	}
	d.daemon.Version = d.options.Version
	return nil
}

const logName = "authbridge.log"

// Run tells the story, and stays until ctx ends; then nothing is left. An
// error is the reason why it could not stay.
func (d *Demo) Run(ctx context.Context) error {
	heard, unheard := context.WithCancelCause(ctx)
	defer unheard(nil)
	d.options.Out = &listened{d.options.Out, unheard}
	group, within := errgroup.WithContext(heard)
	group.Go(d.issuer.serve)
	group.Go(func() error {
		defer d.issuer.close() // the bridge ends first: it may still have something to say there
		return d.daemon.Run(within)
	})
	group.Go(func() error {
		err := d.play(within)
		if within.Err() != nil {
			return nil // the end of the demo, or the fault of another part of it
		}
		return err
	})
	err := group.Wait()
	if ctx.Err() == nil && err == nil {
		err = context.Cause(heard)
	}
	return errors.Join(err, d.close())
}

// listened ends the demo when nobody listens any more: who has it print into a
// pipe, and closes that, has had enough.
type listened struct {
	to      io.Writer
	unheard context.CancelCauseFunc
}

func (l *listened) Write(p []byte) (int, error) {
	n, err := l.to.Write(p)
	if err != nil {
		l.unheard(fmt.Errorf("nobody listens: %w", err))
	}
	return n, err
}

// close gives back what open took, and removes what it made.
func (d *Demo) close() error {
	if d.issuer != nil {
		d.issuer.close()
	}
	if d.log != nil {
		_ = d.log.Close()
	}
	return d.place.remove()
}

// play opens the inbox and has the agent ask; then it tells what happens.
func (d *Demo) play(ctx context.Context) error {
	link, err := admin.Client{Socket: d.place.admin()}.InboxLink(ctx, "alice")
	if err != nil {
		return fmt.Errorf("make a link to the inbox: %w", err)
	}
	d.welcome(ctx, link.URL)
	agent := &client.Client{Socket: d.place.socket()}
	defer agent.Close()
	return newStory(d, agent).tell(ctx)
}
