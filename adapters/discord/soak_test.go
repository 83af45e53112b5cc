package discord

import (
	"context"
	"io"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// soak presses all the time while Discord ends connections.
type soak struct {
	*testing.T
	x *switchboard

	seq      int
	pressed  map[*peer][]string // what was written to each
	cut      map[*peer]bool     // cut off: what was under way on it may be lost
	unsent   int                // while there was no connection
	replaced int                // connections that were asked to be

	mu     sync.Mutex
	served map[string]int
}

// TestSoakNoPressIsLostWhenConnectionsAreReplaced presses all the time while
// Discord asks for another connection every few dozen milliseconds. What was
// written to a connection that was accepted is answered and served, once, and
// there is always one to write to. In a second half Discord also calls sessions
// invalid, after which it brings nothing more over them, and cuts some off;
// what was under way on those is counted apart. When the line ends, nothing of
// it is left. AUTHBRIDGE_DISCORD_PRESSES says how many presses in each half
// (make discord-soak: 5000).
func TestSoakNoPressIsLostWhenConnectionsAreReplaced(t *testing.T) {
	presses := soakPresses()
	s := &soak{T: t, x: startSwitchboard(t), pressed: map[*peer][]string{}, cut: map[*peer]bool{}, served: map[string]int{}}
	before := runtime.NumGoroutine()
	l := s.x.run(false, io.Discard, quick(), func(_ context.Context, in inbound) answer {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.served[in.id]++
		return answer{}
	})
	s.x.ready(l)
	s.press(presses, func(p *peer, _ int) { s.ask(p) })
	if s.unsent > 0 {
		t.Errorf("there was no connection for %d presses", s.unsent)
	}
	s.press(presses, func(p *peer, nth int) {
		switch nth % 3 {
		case 0:
			s.ask(p)
		case 1:
			s.invalidate(p)
		case 2:
			s.cut[p] = true
			_ = p.NetConn().Close()
		}
	})
	s.look()
	l.stop()
	until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

// soakPresses is how many presses are made in each half of a soak.
func soakPresses() int {
	if n, err := strconv.Atoi(os.Getenv("AUTHBRIDGE_DISCORD_PRESSES")); err == nil {
		return n
	}
	return 300
}

func (s *soak) ask(p *peer) {
	s.replaced++
	p.say(`{"op":7,"d":null}`)
}

// invalidate takes a session back: Discord brings nothing over it from then on.
func (s *soak) invalidate(p *peer) {
	s.x.alter(func() { s.x.serving[p] = false })
	p.say(`{"op":9,"d":false}`)
}

// press presses so many times, and lets disturb do something to a connection
// after each few dozen.
func (s *soak) press(presses int, disturb func(p *peer, nth int)) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for sent, nth := 0, 0; sent < presses; <-tick.C {
		if s.unsent > presses {
			s.Fatalf("there is no connection any more, after %d presses", sent)
		}
		for len(s.x.answers) > 0 {
			<-s.x.answers
		}
		s.seq++
		p := s.bring(pressPayload(s.seq, "ab1:deny:r1"))
		if p == nil {
			s.unsent++
			continue
		}
		s.pressed[p] = append(s.pressed[p], strconv.Itoa(1_800_000_000_000_000_000+s.seq))
		if sent++; sent%25 == 0 {
			disturb(p, nth)
			nth++
		}
	}
}

// bring writes an interaction to a connection that takes it; nil = there is
// none.
func (s *soak) bring(payload string) *peer {
	for {
		p := s.someone()
		if p == nil || p.bring(s.seq, payload) {
			return p
		}
		s.x.alter(func() { delete(s.x.serving, p) }) // it has just taken its leave
	}
}

// someone is one of the connections that were accepted; nil = there is none.
func (s *soak) someone() *peer {
	s.x.mu.Lock()
	defer s.x.mu.Unlock()
	for p, accepted := range s.x.serving { // in any order
		if accepted && !s.cut[p] {
			return p
		}
	}
	return nil
}

// look waits for what is under way and compares what was written with what was
// served.
func (s *soak) look() {
	orderly, lost := 0, 0
	for p, ids := range s.pressed {
		for _, id := range ids {
			if s.cut[p] {
				if s.times(id) == 0 {
					lost++
				}
				continue
			}
			orderly++
			until(s.T, "it was served", func() bool { return s.times(id) > 0 })
		}
	}
	s.Logf("%d connections, %d of them asked to be replaced; %d presses on those that ended in order, none lost; %d cut off, with %d presses lost; while none was open %d",
		len(s.pressed), s.replaced, orderly, len(s.cut), lost, s.unsent)
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, times := range s.served {
		if times != 1 {
			s.Errorf("%s was served %d times", id, times)
		}
	}
}

func (s *soak) times(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served[id]
}
