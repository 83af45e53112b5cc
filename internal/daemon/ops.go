package daemon

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// byAddress lets in who calls this machine by a number, or as localhost. A page
// of another site can have its own name stand for 127.0.0.1 and then read what
// it is answered, such as which providers there are and how often they say no.
func byAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = strings.Trim(r.Host, "[]")
		}
		if _, named := netip.ParseAddr(host); named != nil && host != "" && !strings.EqualFold(host, "localhost") {
			say(w, http.StatusMisdirectedRequest, "Use the address that listen.ops says, or localhost.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ops answers those who watch over the process. It is on loopback, and tells
// everybody there the same: no secret, and nothing about a human or an agent.
func (d *Daemon) ops() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", d.readyz)
	mux.Handle("GET /metrics", d.metrics)
	return mux
}

// readyz is ready when pending work has been taken up, the store answers and
// the daemon is not about to stop.
func (d *Daemon) readyz(w http.ResponseWriter, r *http.Request) {
	select {
	case <-d.bridge.Ready():
	default:
		say(w, http.StatusServiceUnavailable, "starting")
		return
	}
	switch {
	case d.stopping.Err() != nil:
		say(w, http.StatusServiceUnavailable, "stopping")
	case d.storeTakes(r.Context()) != nil:
		say(w, http.StatusServiceUnavailable, "the store is unavailable")
	case d.chats.disputed() != "":
		say(w, http.StatusServiceUnavailable, d.chats.disputed())
	default:
		say(w, http.StatusOK, "ready")
	}
}

// probe is the last look at whether the store takes changes.
type probe struct {
	turn chan struct{} // holds one value while nobody looks
	at   time.Time
	err  error // nil = it did
}

const (
	probeFor    = time.Second     // how long a look is good for
	probeWithin = 2 * time.Second // how long it may take
)

// errHangs is all that can be said of a disk that does not answer.
var errHangs = fmt.Errorf("no change was taken within %v", probeWithin)

// storeTakes asks the store, which writes something for it: one at a time, and
// once a second at most, so that who asks often does not keep the disk busy. A
// disk that hangs takes nothing, and nobody waits for it here.
func (d *Daemon) storeTakes(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	select {
	case <-d.probe.turn:
	case <-ctx.Done():
		return errHangs
	}
	if time.Since(d.probe.at) < probeFor {
		defer func() { d.probe.turn <- struct{}{} }()
		return d.probe.err
	}
	answer := make(chan error, 1)
	go func() {
		d.probe.err, d.probe.at = d.bridge.Check(context.WithoutCancel(ctx)), time.Now()
		answer <- d.probe.err
		d.probe.turn <- struct{}{}
	}()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return errHangs
	}
}

func say(w http.ResponseWriter, status int, words string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, words+"\n")
}
