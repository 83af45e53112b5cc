package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/authbridge/authbridge/adapters/web"
	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/localhttp"
	"github.com/authbridge/authbridge/oauth"
)

// callbackPath is where a provider sends people back to.
const callbackPath = "/callback"

// signIns is how people sign in by themselves. A reload replaces it.
type signIns struct{ now atomic.Pointer[web.SignIn] }

// follow takes over what a configuration says; one without listen.sign_in, or
// with a provider that no browser can be sent to, lets nobody sign in.
func (s *signIns) follow(cfg *config.Config, providers map[string]bridge.Provider) {
	var way *web.SignIn
	if p, speaks := providers[cfg.Listen.SignIn].(*oauth.Provider); speaks && cfg.PublicURL != "" {
		way = &web.SignIn{Provider: cfg.Listen.SignIn, Flow: p.SignIn(cfg.PublicURL + callbackPath)}
	}
	s.now.Store(way)
}

// openWeb opens the door for people.
func (d *Daemon) openWeb(ctx context.Context) error {
	d.signIns.follow(d.cfg, d.calls.Load().providers)
	scheme, secure := "http://", (*tls.Config)(nil)
	if d.cfg.Listen.TLS != nil {
		scheme, secure = "https://", d.tls.server(false)
	}
	return d.openTCP(ctx, webDoor, d.cfg.Listen.Web, secure, func(at net.Addr) http.Handler {
		hosts := web.Hosts(at)
		d.inbox = web.New(web.Options{
			Desk: d.bridge, Notes: d.bridge.Notes("web"), Log: d.log,
			Hosts: hosts, Public: d.cfg.PublicURL, SignIn: d.signIns.now.Load,
		})
		switch {
		case len(hosts) > 0:
			d.inboxAt = scheme + at.String()
		case len(d.cfg.Listen.TrustedProxy) == 0: // each address is another machine's, and no proxy's
			bounds := d.bounds[webDoor]
			bounds.Each = max(1, bounds.Total/4)
			d.bounds[webDoor] = bounds
		}
		return &arrivals{
			proxies: d.cfg.Listen.TrustedProxy, hosts: hosts,
			secure: strings.HasPrefix(d.cfg.PublicURL, "https:"), next: d.resources.documents(d.chats.beside(d.inbox)),
		}
	})
}

// arrivals lets in those who may call at the port for people, as those for
// whom they call.
type arrivals struct {
	proxies localhttp.Proxies
	hosts   []string // of this machine's own browsers; none = others can connect, too
	secure  bool     // the public address is https
	next    http.Handler
}

// ServeHTTP implements [http.Handler].
func (a *arrivals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call, proto, forwarded, err := a.proxies.Trace(r)
	switch {
	case errors.Is(err, localhttp.ErrUnclear):
		say(w, http.StatusBadRequest, "The proxy says of this call what contradicts itself (X-Forwarded-For, -Host and -Proto, or Forwarded).")
	case err != nil && len(a.proxies) > 0 && len(a.hosts) == 0:
		w.Header().Set("Connection", "close")
		say(w, http.StatusForbidden, "Only the proxies of this bridge connect here. Use its public address.")
	case forwarded && a.secure && proto != "" && proto != "https":
		say(w, http.StatusForbidden, "This is served over https alone.")
	case forwarded && slices.Contains(a.hosts, strings.ToLower(call.Host)):
		say(w, http.StatusMisdirectedRequest, "The proxy has to pass on the host that the browser called (Host, or X-Forwarded-Host).")
	default:
		a.next.ServeHTTP(w, call)
	}
}

// linker makes links that sign humans in; nil when the inbox is off.
func (d *Daemon) linker() admin.Linker {
	if d.inbox == nil {
		return nil
	}
	return links{d}
}

type links struct{ *Daemon }

// Humans implements [admin.Linker].
func (l links) Humans() []string { return l.bridge.Humans() }

// NewLink implements [admin.Linker].
func (l links) NewLink(ctx context.Context, human string) (url string, expires time.Time, err error) {
	base := l.base()
	if base == "" {
		return "", time.Time{}, &bridge.Problem{
			Code: bridge.ProblemNotFound, Detail: "this bridge's inbox is served nowhere: it is not on loopback, and nobody could sign in beyond",
			Hint: "set listen.sign_in and public_url in authbridge.yaml, or listen.web to an address on loopback",
		}
	}
	link, err := l.inbox.NewLink(ctx, human, base)
	return link.Reveal(), time.Now().Add(web.LinkLife), err
}

// base is where a link leads: to the public address, if the inbox is served
// there.
func (d *Daemon) base() string {
	if d.signIns.now.Load() != nil {
		return d.cfg.PublicURL
	}
	return d.inboxAt
}
