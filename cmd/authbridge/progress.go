package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
)

// progress tells on standard error how a request goes: on a terminal in one
// line that is written over, and that counts the time, elsewhere one plain
// line for each change. All methods are safe for concurrent use.
type progress struct {
	s     *stdio
	width func() int // of the terminal, 0 = not known; nil when there is none

	mu       sync.Mutex
	standing line // how the request stands; not said again when the bridge is back
	now      line
	last     string // as it was written
	columns  int    // that it took
	open     bool   // a line is begun
	tick     *time.Timer
	resized  chan os.Signal
}

func (s *stdio) progress() *progress {
	p := &progress{s: s}
	if f, ok := s.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.width = func() int {
			width, _, _ := term.GetSize(int(f.Fd()))
			return width
		}
		p.followSize()
	}
	return p
}

// followSize draws the line again when the terminal's size changes, until
// end.
func (p *progress) followSize() {
	resized := make(chan os.Signal, 1)
	p.resized = resized
	signal.Notify(resized, syscall.SIGWINCH)
	go func() {
		for range resized {
			p.redraw()
		}
	}()
}

// show tells how a request stands now, if that is news.
func (p *progress) show(r api.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.standing = standing(r); p.standing.texts != nil {
		p.say(p.standing)
	}
}

// away tells that the bridge is away and until when it is waited for, and that
// it is back; see [client.Client].
func (p *progress) away(why error, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case why != nil:
		p.say(absent(why, until))
	case p.width == nil:
		p.say(plainly("the bridge is back"))
	case p.standing.texts != nil:
		p.say(p.standing)
	}
}

// granted tells what came of it: who gave what, and until when.
func (p *progress) granted(ctx context.Context, agent *client.Client, t api.Token) {
	text := fmt.Sprintf("granted by %s · %s", cmp.Or(string(t.Account), string(t.Human)), orNone(t.Scopes))
	if until := reusable(ctx, agent, t.Grant); until.After(time.Now()) {
		text += " · until " + clock(until)
	} else if t.ExpiresAt != nil {
		text += " · the token is good until " + clock(*t.ExpiresAt)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.say(plainly(text))
}

// reusable is until when a grant answers further asks; zero when that cannot
// be learnt at once. The one that was just given is among the newest.
func reusable(ctx context.Context, agent *client.Client, id string) (until time.Time) {
	const newest = 20
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for g, err := range agent.Grants(ctx, newest) {
		if err != nil || g.ID == id {
			return g.ReuseUntil
		}
	}
	return time.Time{}
}

// say makes a line the one that is told. Who calls it holds the lock.
func (p *progress) say(l line) {
	p.now = l
	if p.width != nil {
		p.draw()
		return
	}
	if text := p.s.plain(l.texts(moment{now: time.Now()})[0]); text != p.last {
		p.last = text
		fmt.Fprintln(p.s.err, text)
	}
}

// draw writes the line over the one before, and plans when that is due again.
// Who calls it holds the lock.
func (p *progress) draw() {
	m, width := moment{now: time.Now(), counts: true}, p.width()
	texts := p.now.texts(m)
	for i := range texts {
		texts[i] = p.s.plain(texts[i])
	}
	text := fitted(texts, width)
	if p.open && width > 1 && p.columns >= width {
		// The terminal has become narrow, and has broken the line: what was in
		// its upper rows cannot be taken back without guessing.
		fmt.Fprintln(p.s.err)
		p.last = ""
	}
	if text != p.last {
		fmt.Fprintf(p.s.err, "\r\x1b[K%s", text)
		p.last, p.columns, p.open = text, columns(text), true
	}
	p.plan(m)
}

// plan has the line drawn again when its time reads otherwise.
func (p *progress) plan(m moment) {
	if p.tick != nil {
		p.tick.Stop()
		p.tick = nil
	}
	if !p.now.until.IsZero() {
		p.tick = time.AfterFunc(nextTick(p.now.until.Sub(m.now)), p.redraw)
	}
}

// redraw draws the line again, unless it has ended.
func (p *progress) redraw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		p.draw()
	}
}

// end leaves the last line standing. Nothing is said after it.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tick != nil {
		p.tick.Stop()
		p.tick = nil
	}
	if p.resized != nil {
		signal.Stop(p.resized)
		close(p.resized)
		p.resized = nil
	}
	if p.open {
		fmt.Fprintln(p.s.err)
		p.open = false
	}
}
