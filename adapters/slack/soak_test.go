package slack

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestSoakNoPressIsLostWhenSocketsRotate presses all the time while Slack takes
// leave of every socket a few hundred milliseconds after its hello. Every press
// on a socket whose closing handshake completed is served and acknowledged.
// Some sockets are cut off instead; what was under way on those is counted
// apart. AUTHBRIDGE_SLACK_PRESSES says how many presses (make slack-soak: 5000).
func TestSoakNoPressIsLostWhenSocketsRotate(t *testing.T) {
	t.Parallel()
	presses := 400
	if n, err := strconv.Atoi(os.Getenv("AUTHBRIDGE_SLACK_PRESSES")); err == nil {
		presses = n
	}
	x := startExchange(t)
	var served sync.Map
	var twice atomic.Int32
	l := x.runLine(quick(), func(_ context.Context, in inbound) answer {
		if _, again := served.LoadOrStore(in.id, true); again {
			twice.Add(1)
		}
		return answer{}
	})
	crowd := &crowd{t: t, x: x, wanted: int64(presses)}
	crowd.press()
	l.stop()

	lost := 0
	for _, id := range crowd.orderly {
		if _, ok := served.Load(id); !ok {
			lost++
		}
	}
	t.Logf("%d presses on %d sockets that ended in order, %d of them lost; %d presses on %d sockets that were cut off",
		len(crowd.orderly), crowd.ended, lost, crowd.abrupt, crowd.cut)
	if lost > 0 || twice.Load() > 0 || crowd.unacked > 0 {
		t.Errorf("%d presses were lost, %d served twice, %d not acknowledged", lost, twice.Load(), crowd.unacked)
	}
	if len(crowd.orderly) < presses || crowd.ended < 3 || crowd.cut < 1 {
		t.Errorf("that was no soak: %d presses, %d sockets ended in order, %d cut off", len(crowd.orderly), crowd.ended, crowd.cut)
	}
}

// crowd presses on every socket there is, and ends the sockets.
type crowd struct {
	t      *testing.T
	x      *exchange
	wanted int64
	made   atomic.Int64 // presses on sockets that ended in order

	mu      sync.Mutex
	orderly []string // the triggers of these
	unacked int      // how many of them had no acknowledgement
	ended   int
	abrupt  int // presses on sockets that were cut off
	cut     int
}

// press goes on until enough was pressed, and returns when all sockets that it
// pressed on have ended.
func (c *crowd) press() {
	var all sync.WaitGroup
	defer all.Wait()
	for n := 0; c.made.Load() < c.wanted; n++ {
		p := soon(c.t, "the next socket", c.x.peers)
		all.Go(func() { c.pressOn(p, n%7 == 6) })
	}
}

// pressOn presses for a moment, warns, presses on until well after the
// successor is there, and ends the socket.
func (c *crowd) pressOn(p *peer, abruptly bool) {
	var mine []string
	warn, end := time.After(200*time.Millisecond), time.After(400*time.Millisecond)
	tick := time.NewTicker(4 * time.Millisecond)
	defer tick.Stop()
	for alive := true; alive; {
		select {
		case <-warn:
			p.say(`{"type":"disconnect","reason":"warning"}`)
		case <-end:
			alive = false
		case <-tick.C:
			id := fmt.Sprintf("press %d of socket %d", len(mine), p.n)
			p.press("envelope of "+id, id)
			mine = append(mine, id)
		}
	}
	if abruptly {
		_ = p.NetConn().Close()
		soon(c.t, "the end of a socket", p.done)
	} else {
		p.finish()
	}
	c.count(p, mine, abruptly)
}

func (c *crowd) count(p *peer, mine []string, abruptly bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if abruptly {
		c.cut++
		c.abrupt += len(mine)
		return
	}
	c.ended++
	c.orderly = append(c.orderly, mine...)
	c.unacked += len(mine) - len(p.acks)
	c.made.Add(int64(len(mine)))
}
