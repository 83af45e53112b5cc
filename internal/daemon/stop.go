package daemon

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
)

// The end has ten seconds: the bridge takes at most seven for calls to
// providers that are under way, since their answers may be tokens.
const (
	// stayFor is how long the doors stay open at least when somebody is
	// connected. An agent that was waiting is answered and calls again at
	// once; it is to hear that the bridge stops, and not to find it gone.
	stayFor = 500 * time.Millisecond
	// shutWithin is how long answers under way may take after that.
	shutWithin = time.Second
)

// end comes to an end when the daemon is told to: who waits is answered, and
// who calls is told that the bridge is shutting down; meanwhile calls to
// providers finish, until over is closed. Then the doors are shut. The store
// is closed after that, by Run.
func (d *Daemon) end(over <-chan struct{}) error {
	d.log.Info("stopping")
	stay := time.Duration(0)
	if d.connected() > 0 {
		stay = stayFor
	}
	enough := time.After(stay)
	d.stop()
	<-over
	<-enough
	return d.shut()
}

// connected is how many connections are open at all doors.
func (d *Daemon) connected() int {
	n := 0
	for _, o := range d.doors {
		n += o.listener.Open()
	}
	return n
}

// shut closes the doors; what is being answered is answered.
func (d *Daemon) shut() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutWithin)
	defer cancel()
	group := new(errgroup.Group)
	for _, o := range d.doors {
		group.Go(func() error {
			err := o.server.Shutdown(ctx)
			if errors.Is(err, context.DeadlineExceeded) {
				return o.server.Close()
			}
			return err
		})
	}
	return group.Wait()
}
