package discordtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Each of these tests has an app that makes a mistake which works as long as
// all goes well, a fault that shows it, and an app that does not make it.

const short = 60 * time.Millisecond // a beat, where its end is waited for

func TestWhoWaitsForAHelloWaitsInVain(t *testing.T) {
	t.Parallel()
	for _, g := range []Greeting{{First: opReconnect}, {First: opInvalid}, {Mute: true}} {
		t.Run(fmt.Sprintf("%+v", g), func(t *testing.T) {
			t.Parallel()
			c := unlimited(t)
			c.s.Beat(short)
			c.s.Greet(g)
			naive := c.knock(c.gateway() + query)
			if !g.Mute {
				if f := naive.next(); f.Op != g.First {
					t.Fatalf("the first frame is %+v", f)
				}
			}
			naive.ended() // it waits on, until it is given up
			c.s.Until("the end is booked", func() bool { return c.s.Connections()[0].End == Dropped })
			if c.s.Connections()[0].Identified {
				t.Error("it was let in")
			}
			c.connect() // who begins anew is let in
		})
	}
}

func TestWhoIsToldOffAfterTheHello(t *testing.T) {
	t.Parallel()
	for _, op := range []int{opReconnect, opInvalid} {
		c := unlimited(t)
		c.s.Greet(Greeting{First: op, After: true})
		l := c.greeted()
		if f := l.next(); f.Op != op {
			t.Errorf("after the hello comes %+v", f)
		}
		_ = l.conn.Close()
		c.connect()
	}
}

func TestWhoGivesNoSignWhenAskedIsGivenUp(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	c.s.Beat(10 * short)
	naive, asked := c.connect(), time.Now()
	c.s.AskSign()
	if f := naive.next(); f.Op != opHeartbeat {
		t.Fatalf("it is asked with %+v", f)
	}
	if code := naive.ended(); code != 0 || time.Since(asked) > 25*short { // and not after three beats
		t.Errorf("it ends with %d after %v", code, time.Since(asked))
	}
	c.s.Until("it is given up", func() bool { return c.s.Connected() == 0 && c.s.Connections()[0].End == Dropped })

	c.s.Beat(time.Minute)
	careful := c.connect()
	c.s.AskSign()
	careful.next()
	careful.say(opHeartbeat, careful.seq)
	if f := careful.next(); f.Op != opAck || c.s.Connected() != 1 {
		t.Errorf("it gets %+v, and %d are connected", f, c.s.Connected())
	}
}

func TestASignCanBeAskedForBeforeTheHello(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	c.s.Greet(Greeting{First: opHeartbeat})
	l := c.knock(c.gateway() + query)
	if f := l.next(); f.Op != opHeartbeat {
		t.Fatalf("first comes %+v", f)
	}
	l.say(opHeartbeat, nil)
	if a, b := l.next(), l.next(); a.Op+b.Op != opHello+opAck {
		t.Errorf("then come %+v and %+v", a, b)
	}
	l.identify(nil)
	l.ready()
}

func TestWhoGivesNoSignsIsGivenUp(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	c.s.Beat(short)
	naive := c.connect()
	naive.ended()
	c.s.Until("it is given up", func() bool { return c.s.Connections()[0].End == Dropped })
}

// TestWhoTrustsAConnectionThatIsDead: one whose signs of life are not answered
// stays open. A naive app believes in it.
func TestWhoTrustsAConnectionThatIsDead(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	c.s.Silence(true)
	l := c.connect()
	for range 3 {
		l.say(opHeartbeat, l.seq)
	}
	c.s.Until("the signs came", func() bool { return c.s.Connections()[0].Signs == 3 })
	i := c.pressed(l) // the next frame: no sign was answered
	if i["id"] == nil || c.s.Connected() != 1 {
		t.Errorf("%d are connected, and what comes is %v", c.s.Connected(), i)
	}
	c.s.Silence(false)
	l.say(opHeartbeat, l.seq)
	if f := l.next(); f.Op != opAck {
		t.Errorf("then it gets %+v", f)
	}
}

// TestWhoEndsFirstLosesPresses: asked for another connection, a naive app ends
// the one that it has, and what is pressed meanwhile reaches nobody.
func TestWhoEndsFirstLosesPresses(t *testing.T) {
	t.Parallel()
	lost := func(early bool) bool {
		c := unlimited(t)
		c.card(Deploys, "Press")
		old := c.connect()
		c.s.Reconnect()
		if f := old.next(); f.Op != opReconnect {
			t.Fatalf("it is asked with %+v", f)
		}
		if early {
			old.bye(websocket.CloseNormalClosure)
			c.s.Until("it has ended", func() bool { return c.s.Connected() == 0 })
		}
		c.s.Person(Alice).Press("Press") // now
		if !early {
			c.granted(c.answer(old.interaction(), later, nil))
		}
		c.connect()
		i := c.s.Interactions()[0]
		return !i.Written || !i.Answered
	}
	if !lost(true) || lost(false) {
		t.Error("who ends first loses nothing, or who does not loses something")
	}
}

// TestWhoHearsNothingOfAnInvalidSession keeps a connection over which nothing
// comes any more.
func TestWhoHearsNothingOfAnInvalidSession(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	c.card(Deploys, "Press")
	naive := c.connect()
	c.s.Invalidate()
	if f := naive.next(); f.Op != opInvalid {
		t.Fatalf("it is told %+v", f)
	}
	c.s.Person(Alice).Press("Press")
	if i := c.s.Interactions()[0]; i.Written || c.s.Connected() != 0 {
		t.Errorf("the books say %+v, %d connected", i, c.s.Connected())
	}
	careful := c.connect()
	c.s.Person(Alice).Press("Press")
	c.granted(c.answer(careful.interaction(), later, nil))
}

// TestWhoTriesAgainWhateverTheCode: some ends are final. A naive app tries until
// its identifications are used up, and loses its token.
func TestWhoTriesAgainWhateverTheCode(t *testing.T) {
	t.Parallel()
	for _, code := range []int{4004, 4010, 4011, 4012, 4013, 4014} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			c, heard := lenient(t)
			c.s.Left(3)
			c.s.Greet(slices.Repeat([]Greeting{{Close: code}}, 3)...)
			for range 3 {
				l := c.greeted()
				l.identify(nil)
				if got := l.ended(); got != code {
					t.Fatalf("it ends with %d", got)
				}
			}
			if heard.said() != "" { // up to here it is Discord's doing
				t.Errorf("the test hears %q", heard.said())
			}
			l := c.greeted()
			l.identify(nil)
			if got := l.ended(); got != 4004 || !strings.Contains(heard.said(), "more identifications") {
				t.Errorf("it ends with %d, and the test hears %q", got, heard.said())
			}
			c.refused(c.call("GET", "/users/@me", nil), 401, 0)
		})
	}
}

func TestAnEndComesAfterWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	for _, code := range []int{4000, 4004, 4009, 4014} {
		c := unlimited(t)
		c.card(Deploys, "Press")
		l := c.connect()
		c.s.Person(Alice).Press("Press")
		c.s.Drop(code)
		if c.s.Connected() != 0 {
			t.Error("it counts as connected")
		}
		c.s.Person(Alice).Press("Press")
		if i := c.s.Interactions()[1]; i.Written {
			t.Errorf("after the end it is brought %+v", i)
		}
		c.granted(c.answer(l.interaction(), later, nil))
		if got := l.ended(); got != code {
			t.Errorf("it ends with %d, not %d", got, code)
		}
		c.s.Until("the end is booked", func() bool { return c.s.Connections()[0].End == Orderly })
	}
}

// TestWhoDoesNotPartIsCutOff, whatever signs of life it gives.
func TestWhoDoesNotPartIsCutOff(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	c.s.Beat(time.Minute)
	l := c.connect()
	l.conn.SetCloseHandler(func(int, string) error { return nil })
	c.s.Drop(4000)
	if code := l.ended(); code != 4000 {
		t.Errorf("it ends with %d", code)
	}
	l.say(opHeartbeat, l.seq)
	c.s.Until("the end is booked", func() bool { return c.s.Connections()[0].End == Dropped })
}

// TestACutTakesWhatWasOnItsWay and says nothing: who only looks for the codes of
// Discord sees none.
func TestACutTakesWhatWasOnItsWay(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(*Discord){"a cut": func(s *Discord) { s.Drop(0) }, "a reset": (*Discord).Reset} {
		c := unlimited(t)
		c.card(Deploys, "Press")
		l := c.connect()
		c.s.Person(Alice).Press("Press")
		c.s.Until("it was written", func() bool { return c.s.Connections()[0].Brought == 1 })
		cut(c.s)
		if got := l.ended(); got != 0 {
			t.Errorf("%s comes with %d", name, got)
		}
		if i := c.s.Interactions()[0]; !i.Written || !i.Cut || i.Lost() || i.Answered {
			t.Errorf("after %s the books say %+v", name, i)
		}
		if b := c.s.Connections()[0]; b.End != Cut {
			t.Errorf("after %s the books say %+v", name, b)
		}
		c.s.Person(Alice).Press("Press")
		if i := c.s.Interactions()[1]; i.Written || i.Cut {
			t.Errorf("of what came later the books say %+v", i)
		}
	}
}

func TestWhoGoesAwayWithoutAWordLosesWhatCame(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.connect()
	c.pressed(l)
	_ = l.conn.Close() // as if the process had ended
	c.s.Until("the end is booked", func() bool { return c.s.Connections()[0].End == Dropped })
	if i := c.s.Interactions()[0]; !i.Lost() || i.Cut {
		t.Errorf("the books say %+v", i)
	}
}

// TestWhoCountsDeliveriesCountsTwice: Discord may bring the same again.
func TestWhoCountsDeliveriesCountsTwice(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.connect()
	first := c.pressed(l)
	c.s.Repeat()
	again := l.interaction()
	if first["id"] != again["id"] || first["token"] != again["token"] {
		t.Fatalf("the second is another: %v, %v", first, again)
	}
	done := map[any]int{}
	for _, i := range []fields{first, again} { // a careful app looks at the id
		done[i["id"]]++
	}
	if len(done) != 1 || done[first["id"]] != 2 {
		t.Errorf("done is %v", done)
	}
	c.granted(c.answer(first, later, nil))
	c.refused(c.answer(again, later, nil), 400, AlreadyAcknowledged)
}

// TestWhoTakesTheLastForTheLatest: Discord promises no order. The ids tell it.
func TestWhoTakesTheLastForTheLatest(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.connect()
	c.card(Deploys, "Claim", "Release")
	c.s.Hold()
	c.s.Person(Alice).Press("Claim", "Release")
	c.s.Release()
	came := []fields{l.interaction(), l.interaction()}
	if got := kinds(came); !slices.Equal(got, []string{"Release", "Claim"}) {
		t.Fatalf("they come as %q", got)
	}
	slices.SortFunc(came, func(a, b fields) int { return strings.Compare(a["id"].(string), b["id"].(string)) })
	if got := kinds(came); !slices.Equal(got, []string{"Claim", "Release"}) {
		t.Errorf("by their ids they are %q", got)
	}
	c.s.Person(Alice).Press("Claim")
	l.interaction() // all goes on as before
}

func TestWhatNobodyDidCanCome(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.connect()
	c.s.Deliver("GUILD_SOUNDBOARD_SOUND_CREATE", fields{"x": 1})
	if f := l.next(); f.Type != "GUILD_SOUNDBOARD_SOUND_CREATE" || f.Seq == nil {
		t.Errorf("what comes is %+v", f)
	}
	c.s.Deliver("INTERACTION_CREATE", []int{1})
	if f := l.next(); f.Type != "INTERACTION_CREATE" || len(c.s.Interactions()) != 0 {
		t.Errorf("what comes is %+v", f)
	}
}

// TestSoakNothingIsLostByWhoOverlaps presses all the time while connections are
// replaced, and closes the books.
func TestSoakNothingIsLostByWhoOverlaps(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	c.card(Deploys, "Press")
	var all sync.WaitGroup
	serve := func(l *link) {
		all.Go(func() {
			for {
				f, err := l.read()
				if err != nil {
					return
				}
				if f.Type == "INTERACTION_CREATE" {
					_, _ = c.try("POST", callbackOf(f.data()), fields{"type": later}, nil) // the books tell
				}
			}
		})
	}
	old := c.connect()
	serve(old)
	for range 10 {
		for range 10 {
			c.s.Person(Alice).Press("Press")
		}
		next := c.connect() // the successor, before the old one ends
		serve(next)
		_ = old.conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
		old = next
	}
	c.s.Until("all is answered", func() bool {
		return !slices.ContainsFunc(c.s.Interactions(), func(i Interaction) bool { return !i.Answered })
	})
	c.s.Drop(4000)
	all.Wait()
	c.s.Until("all ends are booked", func() bool {
		return !slices.ContainsFunc(c.s.Connections(), func(b Connection) bool { return b.End != Orderly })
	})
	if n := len(c.s.Connections()); n != 11 || c.s.Identifications() != 11 {
		t.Errorf("there were %d connections", n)
	}
}
