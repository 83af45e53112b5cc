// Package daemon makes a running bridge out of a configuration: it opens the
// store, the sockets and the pages, and closes them again in an order that
// loses nothing.
package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/authbridge/authbridge/adapters/web"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/doctor"
	"github.com/authbridge/authbridge/internal/localhttp"
	"github.com/authbridge/authbridge/store"
	"github.com/authbridge/authbridge/store/bolt"
)

// Daemon is a bridge with everything around it. Start it, Run it, and it
// closes itself.
type Daemon struct {
	// Version is how the program calls itself. It may be set before Run.
	Version string

	cfg       *config.Config // of the start
	log       *slog.Logger
	store     bridge.Store
	bridge    *bridge.Bridge
	inbox     *web.Inbox // nil when it is off
	inboxAt   string     // for this machine's own browsers; "" = they are not served
	signIns   signIns    // through which people get into it
	doors     []door
	bounds    map[string]localhttp.Bounds // by door
	probe     probe                       // of readyz
	metrics   *metrics
	chats     chats
	resources *resources
	calls     atomic.Pointer[calls] // to providers; who holds reloading replaces it
	tls       credentials           // of ports
	reloading sync.Mutex
	stopping  context.Context // ends when the daemon begins to stop
	stop      context.CancelFunc
}

// door is one listener and what serves it.
type door struct {
	name     string
	listener *localhttp.Bounded
	secure   *tls.Config // nil = what is said there can be read on the way
	server   *http.Server
}

// Start opens the store and all listeners, so that what can fail has failed
// when it returns. Its errors are sentences for the operator. On an error
// nothing stays open.
func Start(ctx context.Context, cfg *config.Config, log *slog.Logger) (*Daemon, error) {
	// Without this the first call over TLS would look for the system's
	// certificates. If there were no file to be had then, it would find none,
	// and the library would not look again.
	_, _ = x509.SystemCertPool()
	calls, err := new(calls).to(cfg)
	if err != nil {
		return nil, err
	}
	return startWith(ctx, cfg, calls, log)
}

// start is Start with these providers, who leave nothing open.
func start(ctx context.Context, cfg *config.Config, providers map[string]bridge.Provider, log *slog.Logger) (*Daemon, error) {
	return startWith(ctx, cfg, &calls{cfg: cfg, providers: providers}, log)
}

func startWith(ctx context.Context, cfg *config.Config, calls *calls, log *slog.Logger) (*Daemon, error) {
	files, err := openFiles()
	if err != nil {
		return nil, err
	}
	credential, err := newCredential(cfg.Listen.TLS)
	if err != nil {
		return nil, err
	}
	d := &Daemon{cfg: cfg, log: log, bounds: boundsFor(files, cfg.Listen.TCP != ""), probe: probe{turn: make(chan struct{}, 1)}}
	d.calls.Store(calls)
	d.tls.now.Store(credential)
	d.probe.turn <- struct{}{}
	d.stopping, d.stop = context.WithCancel(context.Background())
	d.store, err = store.Open(ctx, store.Options{URL: storeURL(cfg), StateDir: cfg.StateDir, SealPath: cfg.Seal, SealHandedOver: cfg.SealHandedOver}, bolt.Backend())
	if err != nil {
		return nil, err
	}
	if d.resources, err = newResources(ctx, calls, d.store, log); err != nil {
		return nil, errors.Join(err, d.store.Close())
	}
	d.metrics = newMetrics(log)
	d.chats = newChats()
	d.bridge = bridge.New(bridge.Options{
		Directory: &cfg.Directory, Store: d.store, Providers: calls.providers, Resources: d.resources, Log: log, Observer: d.metrics.observer(),
		Messengers: d.chats.messengers, Rosters: d.chats.rosters,
	})
	if err := d.chats.open(d); err != nil {
		return nil, errors.Join(err, d.close())
	}
	d.metrics.watchChats(d.chats.messengers)
	d.metrics.watch(d.bridge.Ready(), d.bridge.Counts)
	d.metrics.know(cfg.Providers)
	if err := d.bridge.TakeUp(ctx); err != nil {
		return nil, errors.Join(err, d.close())
	}
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(err, d.close())
	}
	d.warn(cfg)
	return d, nil
}

// warn tells the operator what is allowed and yet unwise. The agent "local" of
// an empty configuration is meant to be whoever runs the bridge.
func (d *Daemon) warn(cfg *config.Config) {
	if cfg.Reachable() && cfg.Listen.SignIn == "" {
		d.log.Warn("the inbox is not served beyond loopback: nobody could sign in there; set listen.sign_in")
	}
	for _, a := range cfg.Directory.Agents {
		if cfg.File != "" && a.UID != nil && int(*a.UID) == os.Getuid() {
			d.log.Warn("an agent runs as the bridge's own user: it can read the bridge's files and call its admin socket; give it a user of its own", "agent", a.Name)
		}
	}
	for _, f := range doctor.Certificate(cfg, time.Now()) {
		d.log.Warn("whoever calls will not believe the bridge's certificate, or not for long", "file", cfg.Listen.TLS.Cert, "why", f.What, "hint", f.Hint)
	}
}

func storeURL(cfg *config.Config) string {
	if cfg.Store.Path == "" {
		return cfg.Store.Kind
	}
	return cfg.Store.Kind + ":" + cfg.Store.Path
}

// Ready returns a channel that is closed when Run has taken up what was
// pending.
func (d *Daemon) Ready() <-chan struct{} { return d.bridge.Ready() }

// Run works until ctx ends, and then comes to an end itself within ten
// seconds, in the order of stop.go.
func (d *Daemon) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, o := range d.doors {
		group.Go(func() error { return serve(o) })
		d.log.Info("listening", "for", o.name, "at", o.listener.Addr().String())
	}
	over := make(chan struct{})
	group.Go(func() error {
		defer close(over)
		return d.work(ctx)
	})
	group.Go(func() error { return d.chats.run(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		return d.end(over) //nolint:contextcheck // ctx has just ended, and answers get their time
	})
	err := group.Wait()
	d.reloading.Lock()
	d.calls.Load().hangUp()
	d.reloading.Unlock()
	err = errors.Join(err, d.store.Close())
	d.log.Info("stopped", "err", err)
	return err
}

// work runs the bridge. Being told to stop before it has taken up what was
// pending is no failure: the next start takes it up.
func (d *Daemon) work(ctx context.Context) error {
	err := d.bridge.Run(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func serve(o door) error {
	var l net.Listener = o.listener
	if o.secure != nil {
		l = tls.NewListener(l, o.secure) // whoever has not proved anything yet has a place too
	}
	if err := o.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", o.name, err)
	}
	return nil
}

// close gives back what Start opened before it failed.
func (d *Daemon) close() error {
	var errs []error
	for _, o := range d.doors {
		errs = append(errs, o.listener.Close())
	}
	return errors.Join(append(errs, d.store.Close())...)
}
