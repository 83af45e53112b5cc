package daemon

import (
	"context"
	"io"
	"net/http"
)

// ops answers those who watch over the process. It tells nothing that is
// worth protecting, and is on loopback unless the operator wants otherwise.
func (d *Daemon) ops() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", d.readyz)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusNotFound, "metrics are not in this version")
	})
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
	case !d.storeTakes(r.Context()):
		say(w, http.StatusServiceUnavailable, "the store is unavailable")
	default:
		say(w, http.StatusOK, "ready")
	}
}

// storeTakes asks the store, which writes something for it: one at a time, so
// that who asks often does not keep the disk busy.
func (d *Daemon) storeTakes(ctx context.Context) bool {
	d.probe.Lock()
	defer d.probe.Unlock()
	return d.bridge.Check(ctx) == nil
}

func say(w http.ResponseWriter, status int, words string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, words+"\n")
}
