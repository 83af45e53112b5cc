package daemon

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/httpapi"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// The names of the doors, in the log and in errors.
const (
	agentDoor = "agents"
	tcpDoor   = "agents over TCP"
	adminDoor = "admin"
	webDoor   = "inbox"
	opsDoor   = "ops"
)

// Bounds on what a caller may take; the longest legal answer is one minute
// of waiting.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 90 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10
)

// open opens every door that is configured. Those that are open already when
// one fails are the caller's to close.
func (d *Daemon) open(ctx context.Context) error {
	if err := d.openWeb(ctx); err != nil {
		return err
	}
	agents := httpapi.New(httpapi.Options{Desk: d.bridge, Log: d.log, Stopping: d.stopping})
	if err := d.openSocket(ctx, agentDoor, d.cfg.Listen.Socket, d.group(), agents); err != nil {
		return err
	}
	if err := d.openAgents(ctx, agents); err != nil {
		return err
	}
	operator := admin.New(admin.Options{Linker: d.linker(), Unlinker: d.bridge, Chats: d.bridge, Keeper: d.bridge, Hand: d.bridge, Keymaker: d.bridge, File: d.cfg.File, Examiner: d, Presser: d, Log: d.log, Stopping: d.stopping})
	if err := d.openSocket(ctx, adminDoor, d.cfg.Listen.Admin, nil, operator); err != nil {
		return err
	}
	return d.openTCP(ctx, opsDoor, d.cfg.Listen.Ops, nil, func(net.Addr) http.Handler { return byAddress(d.ops()) })
}

func (d *Daemon) group() *localhttp.Group {
	if d.cfg.Listen.SocketGroup == "" {
		return nil
	}
	return &localhttp.Group{ID: int(d.cfg.Listen.SocketGID)}
}

func (d *Daemon) openSocket(ctx context.Context, name, path string, group *localhttp.Group, h http.Handler) error {
	l, err := localhttp.Listen(ctx, path, group)
	if err != nil {
		return fmt.Errorf("open the socket for %s: %w", name, err)
	}
	d.admit(name, l, nil, h) //nolint:contextcheck // a door outlives the start
	return nil
}

// openTCP opens a door on a port; "" leaves it shut. What serves it is made
// once the real port is known.
func (d *Daemon) openTCP(ctx context.Context, name, address string, secure *tls.Config, serve func(net.Addr) http.Handler) error {
	if address == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("open %s for %s: %w; change listen.%s in the configuration, or stop what listens there", address, name, err, keys[name])
	}
	d.admit(name, l, secure, serve(l.Addr())) //nolint:contextcheck // as above
	return nil
}

// keys are the configuration's names for the doors on ports.
var keys = map[string]string{tcpDoor: "tcp", webDoor: "web", opsDoor: "ops"}

func (d *Daemon) admit(name string, l net.Listener, secure *tls.Config, h http.Handler) {
	// The inbox waits on its calls' contexts; the agent API knows by itself
	// when to end a wait, so that what it has begun to store is stored.
	base := context.Background()
	if name == webDoor {
		base = d.stopping
	}
	bounded := localhttp.Bound(l, d.bounds[name])
	only := new(http.Protocols)
	only.SetHTTP1(true) // one call at a time on each connection, which is what is bounded
	d.doors = append(d.doors, door{name, bounded, secure, &http.Server{
		Handler:           bounded.Serve(d.minded(name, h)),
		ConnContext:       localhttp.ConnContext,
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		Protocols:         only,
		ErrorLog:          log.New(complaints{d.log}, "", 0),
	}})
}

// minded answers at a door what the rooms behind it cannot know: that there
// is no room for a connection, and at the inbox that the bridge is stopping.
// A connection that gets an answer while the bridge stops is then closed.
func (d *Daemon) minded(name string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stopping, crowded := d.stopping.Err() != nil, localhttp.Crowded(r.Context())
		if stopping || crowded {
			w.Header().Set("Connection", "close")
		}
		switch {
		case crowded && name == webDoor:
			sorry(w, "The bridge has no room for another connection. Close pages that you do not need, and try again in a few seconds.")
		case crowded:
			no := localhttp.Refuse(api.ProblemTooManyOpen, "every connection that the bridge has room for is busy").
				WithHint("use one connection for many calls, and close those that you do not need")
			no.RetryAfter = retryAfter
			no.Write(w)
		case stopping && name == webDoor:
			sorry(w, "The bridge is stopping. Nothing is lost: try again in a few seconds, when it is back.")
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// retryAfter is when those may come again whom we have no time for.
const retryAfter = 2 * time.Second

// sorry tells somebody at a browser to come again.
func sorry(w http.ResponseWriter, words string) {
	w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	say(w, http.StatusServiceUnavailable, words)
}
