package localhttp

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// Bounds say how many connections may be open at once.
type Bounds struct {
	Total int // of everybody
	Each  int // of one user of this machine, where the kernel says which, or of one other machine; 0 = as Total
}

// spare is the part of Total that is kept for telling callers that there is
// no room.
const spare = 8

// Bounded is a listener with bounds. When they are reached, the connection
// that has been idle the longest gives way to a new one: of the same user
// when it is the user who has too many, else of the user who has most. So
// nobody is shut out by connections that nobody uses. One that has just come
// and has not been read from yet counts as idle. Where all are busy a
// new connection is let in only to be told so, see [Crowded], and when too
// many are being told, it is closed.
//
// [ConnContext] has to be the server's, and Serve has to be around its handler.
type Bounded struct {
	net.Listener
	bounds Bounds

	mu      sync.Mutex
	parties map[peer]*party
	open    int // without those of crowded
	crowded int
}

// peer is a user of this machine or another machine; the zero value is
// everybody whom the kernel does not tell.
type peer struct {
	uid   uint32
	known bool // there is a uid
	from  netip.Addr
}

// party is all connections of one peer.
type party struct {
	open int
	idle list.List // of *guest, the longest idle first
}

// guest is one connection.
type guest struct {
	net.Conn
	of      *Bounded
	peer    peer
	crowded bool          // let in to be told that there is no room
	idle    *list.Element // nil = busy, crowded or gone
	gone    bool
}

// Bound puts bounds to a listener. Total is at least 2.
func Bound(l net.Listener, b Bounds) *Bounded {
	if b.Each <= 0 {
		b.Each = b.Total
	}
	return &Bounded{Listener: l, bounds: b, parties: make(map[peer]*party)}
}

// Accept implements [net.Listener].
func (b *Bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g := &guest{Conn: c, of: b, peer: peerOf(c)}
		victim, in := b.enter(g)
		if victim != nil {
			_ = victim.Conn.Close()
		}
		if in {
			return g, nil
		}
		_ = c.Close()
	}
}

// Open is how many connections are open.
func (b *Bounded) Open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open + b.crowded
}

// enter finds a place for a guest, if need be that of a victim.
func (b *Bounded) enter(g *guest) (victim *guest, in bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	room := b.bounds.Total - max(1, b.bounds.Total/spare)
	var from *party
	switch p := b.parties[g.peer]; {
	case p != nil && g.peer != peer{} && p.open >= b.bounds.Each:
		from = p
	case b.open >= room:
		from = b.largest()
	default:
		b.seat(g)
		return nil, true
	}
	if oldest := from.idle.Front(); oldest != nil {
		victim = oldest.Value.(*guest)
		b.leave(victim)
		b.seat(g)
		return victim, true
	}
	if b.crowded >= b.bounds.Total-room {
		return nil, false
	}
	b.crowded++
	g.crowded = true
	return nil, true
}

// largest is the party with the most idle connections.
func (b *Bounded) largest() *party {
	most := new(party)
	for _, p := range b.parties {
		if p.idle.Len() >= most.idle.Len() {
			most = p
		}
	}
	return most
}

// seat counts a guest, who has said nothing yet and so is idle.
func (b *Bounded) seat(g *guest) {
	p := b.parties[g.peer]
	if p == nil {
		p = new(party)
		b.parties[g.peer] = p
	}
	b.open++
	p.open++
	g.idle = p.idle.PushBack(g)
}

// leave no longer counts a guest.
func (b *Bounded) leave(g *guest) {
	switch {
	case g.gone:
		return
	case g.crowded:
		b.crowded--
	default:
		p := b.parties[g.peer]
		if g.idle != nil {
			p.idle.Remove(g.idle)
			g.idle = nil
		}
		b.open--
		if p.open--; p.open == 0 {
			delete(b.parties, g.peer)
		}
	}
	g.gone = true
}

// Serve is a handler that notes who is busy: those for whom next works, and
// nobody else. A caller who does not send what they promised, or does not read
// what they are told, is idle as soon as next is done with them.
func (b *Bounded) Serve(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g, ours := r.Context().Value(guestKey{}).(*guest); ours && g.of == b {
			b.busy(g)
			defer b.idle(g)
		}
		next.ServeHTTP(w, r)
	})
}

func (b *Bounded) busy(g *guest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g.idle != nil {
		b.parties[g.peer].idle.Remove(g.idle)
		g.idle = nil
	}
}

func (b *Bounded) idle(g *guest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !g.gone && !g.crowded && g.idle == nil {
		g.idle = b.parties[g.peer].idle.PushBack(g)
	}
}

// Close gives the place free and closes the connection.
func (g *guest) Close() error {
	g.of.mu.Lock()
	g.of.leave(g)
	g.of.mu.Unlock()
	return g.Conn.Close()
}

// CloseWrite ends what we say and leaves the connection open for what is still
// on its way: the server uses it so that a caller reads a refusal before it
// finds that nobody listens.
func (g *guest) CloseWrite() error {
	if c, can := g.Conn.(interface{ CloseWrite() error }); can {
		return c.CloseWrite()
	}
	return nil
}

// guestKey is the key of a guest in a context.
type guestKey struct{}

// Crowded reports whether a call came on a connection for which there is no
// room: it is to be refused, and the connection closed.
func Crowded(ctx context.Context) bool {
	g, ours := ctx.Value(guestKey{}).(*guest)
	return ours && g.crowded
}
