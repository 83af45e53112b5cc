package discordtest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func TestWhoIsLetInHearsWhatPeopleDo(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.connect()
	i := c.pressed(l)
	c.granted(c.answer(i, newMessage, fields{"content": "for you", "flags": ephemeral}))
	all := c.s.Interactions()
	if len(all) != 1 || !all[0].Written || !all[0].Answered || all[0].Lost() || all[0].With != newMessage || all[0].Failed || all[0].User != Alice {
		t.Errorf("the books say %+v", all)
	}
	if got := c.s.Person(Alice).Screen(); !strings.Contains(got, "only you can see this\nfor you") {
		t.Errorf("alice sees\n%s", got)
	}
	if code := l.bye(websocket.CloseNormalClosure); code != websocket.CloseNormalClosure {
		t.Errorf("the leave is answered with %d", code)
	}
	c.s.Until("the end is booked", func() bool { return c.s.Connections()[0].End == Orderly && c.s.Connected() == 0 })
	if b := c.s.Connections()[0]; b != (Connection{Identified: true, Brought: 1, End: Orderly, Code: websocket.CloseNormalClosure}) {
		t.Errorf("the books say %+v", b)
	}
}

func TestNobodyHearsBeforeTheyAreLetIn(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.greeted()
	c.card(Deploys, "Press", "Again")
	c.s.Person(Alice).Press("Press")
	l.identify(nil)
	l.ready()
	c.s.Person(Alice).Press("Again")
	if got := l.interaction()["data"].(map[string]any)["custom_id"]; got != "Again" {
		t.Errorf("what comes first is %v", got)
	}
	if all := c.s.Interactions(); all[0].Written || all[0].Lost() || !all[1].Written || !all[1].Lost() {
		t.Errorf("the books say %+v", all)
	}
}

func TestEveryConnectionHearsAll(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	a, b := c.connect(), c.connect()
	i := c.pressed(a)
	if again := b.interaction(); again["id"] != i["id"] {
		t.Errorf("one hears %v, the other %v", i["id"], again["id"])
	}
}

func TestWhoIsNotRightIsTurnedAway(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		code   int
		change fields
	}{
		"another token":        {4004, fields{"token": "x"}},
		"no intents":           {4013, fields{"intents": nil}},
		"intents of nothing":   {4013, fields{"intents": 1 << 30}},
		"privileged intents":   {4014, fields{"intents": 1 << 15}},
		"another shard":        {4010, fields{"shard": []int{1, 2}}},
		"no properties":        {4002, fields{"properties": nil}},
		"half its properties":  {4002, fields{"properties": fields{"os": "linux"}}},
		"a token of a number":  {4002, fields{"token": 7}},
		"what is no frame":     {4002, nil},
		"another operation":    {4001, nil},
		"a presence too early": {4003, nil},
		"a frame too big":      {4002, fields{"presence": strings.Repeat("x", maxFrame)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, heard := lenient(t)
			l := c.greeted()
			switch name {
			case "what is no frame":
				_ = l.conn.WriteMessage(websocket.TextMessage, []byte("{"))
			case "another operation":
				l.say(99, nil)
			case "a presence too early":
				l.say(3, fields{})
			default:
				l.identify(k.change)
			}
			if code := l.ended(); code != k.code || heard.said() == "" || c.s.Connected() != 0 {
				t.Errorf("it is turned away with %d, and the test hears %q", code, heard.said())
			}
		})
	}
}

func TestWhoIsInIsHeldToTheRules(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		code int
		do   func(l *link)
	}{
		"identifying twice":  {4005, func(l *link) { l.identify(nil) }},
		"a resumption of it": {4005, func(l *link) { l.resume(l.session, l.seq) }},
		"a presence":         {4000, func(l *link) { l.say(3, fields{}) }},
	} {
		c, _ := lenient(t)
		l := c.connect()
		k.do(l)
		if code := l.ended(); code != k.code {
			t.Errorf("%s ends it with %d", name, code)
		}
	}
}

func TestManyFramesAreTooMany(t *testing.T) {
	t.Parallel()
	c, heard := lenient(t)
	l := c.greeted()
	for range maxFrames {
		l.resume("x", 0)
		if f := l.next(); f.Op != opInvalid {
			t.Fatalf("it gets %+v", f)
		}
	}
	l.resume("x", 0)
	if code := l.ended(); code != 4008 || heard.said() == "" {
		t.Errorf("it ends with %d, and the test hears %q", code, heard.said())
	}
}

func TestASignOfLifeSaysHowFarOneHasRead(t *testing.T) {
	t.Parallel()
	c, heard := lenient(t)
	l := c.connect()
	l.say(opHeartbeat, 99)
	if f := l.next(); f.Op != opAck || !strings.Contains(heard.said(), "how far") {
		t.Errorf("it gets %+v, and the test hears %q", f, heard.said())
	}
}

func TestAWrongAddressIsTurnedAway(t *testing.T) {
	t.Parallel()
	for _, q := range []string{"", "/?v=8&encoding=json", "/?v=10&encoding=etf", "/?v=10&encoding=json&compress=zlib-stream"} {
		c, k := lenient(t)
		if code := c.knock(c.gateway() + q).ended(); code != 4012 || k.said() == "" {
			t.Errorf("%q ends with %d, and the test hears %q", q, code, k.said())
		}
	}
}

func TestWhoIdentifiesTooSoonIsNotLetIn(t *testing.T) {
	t.Parallel()
	k := &complaints{TB: t}
	c := caller{t: t, s: Start(k, Office())}
	c.connect()
	l := c.greeted()
	l.identify(nil)
	if f := l.next(); f.Op != opInvalid || f.Data != false || !strings.Contains(k.said(), "five seconds") {
		t.Errorf("it gets %+v, and the test hears %q", f, k.said())
	}
	c.s.Advance(spacing)
	l.identify(nil)
	l.ready()
	if n := c.s.Identifications(); n != 2 {
		t.Errorf("it was let in %d times", n)
	}
}

func TestIdentificationsAreCounted(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	c.connect()
	limit, _ := c.granted(c.call("GET", "/gateway/bot", nil)).body["session_start_limit"].(map[string]any)
	if limit["remaining"] != 999.0 || limit["total"] != 1000.0 || limit["max_concurrency"] != 1.0 {
		t.Errorf("it is told %v", limit)
	}
	if got := c.granted(c.call("GET", "/gateway", nil)).text("url"); got != c.gateway() {
		t.Errorf("the address is %q", got)
	}
}

func TestSignsOfLifeAreAnswered(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.greeted()
	l.say(opHeartbeat, nil)
	if f := l.next(); f.Op != opAck {
		t.Errorf("it gets %+v", f)
	}
	l.identify(nil)
	l.ready()
	l.say(opHeartbeat, l.seq)
	if f := l.next(); f.Op != opAck {
		t.Errorf("it gets %+v", f)
	}
	if b := c.s.Connections()[0]; b.Signs != 2 {
		t.Errorf("the books say %+v", b)
	}
}

func (l *link) resume(session string, seq int) {
	l.say(opResume, fields{"token": l.c.s.Token(), "session_id": session, "seq": seq})
}

func TestWhoResumesMissesNothing(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.connect()
	seen := l.seq
	i := c.pressed(l)
	c.s.Drop(4000)
	if code := l.ended(); code != 4000 {
		t.Errorf("it ends with %d", code)
	}
	c.s.Until("the end is booked", func() bool { return c.s.Connections()[0].End == Orderly })
	next := c.knock(l.again + query)
	next.next()
	next.resume(l.session, seen)
	if again := next.interaction(); again["id"] != i["id"] {
		t.Errorf("it is told %v again, not %v", again["id"], i["id"])
	}
	if f := next.next(); f.Type != "RESUMED" || *f.Seq != seen+2 {
		t.Errorf("then comes %+v", f)
	}
	if b := c.s.Connections()[1]; !b.Resumed || !b.Identified || c.s.Identifications() != 1 {
		t.Errorf("the books say %+v", b)
	}
}

func TestWhatCannotBeResumedIsInvalid(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		gone func(c caller, l *link) // what becomes of the first connection
		at   func(l *link) string
		seq  int
		code int // 0 = op 9
	}{
		"at the address of the gateway": {func(c caller, l *link) { c.s.Reset() }, func(l *link) string { return l.c.gateway() }, 1, 0},
		"after a normal close":          {func(_ caller, l *link) { l.bye(websocket.CloseNormalClosure) }, func(l *link) string { return l.again }, 1, 0},
		"after a final close":           {func(c caller, _ *link) { c.s.Drop(4009) }, func(l *link) string { return l.again }, 1, 0},
		"after it was taken back":       {func(c caller, _ *link) { c.s.Invalidate() }, func(l *link) string { return l.again }, 1, 0},
		"from the future":               {func(c caller, _ *link) { c.s.Reset() }, func(l *link) string { return l.again }, 99, 4007},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := unlimited(t)
			l := c.connect()
			k.gone(c, l)
			next := c.knock(k.at(l) + query)
			next.next()
			next.resume(l.session, k.seq)
			f, err := next.read()
			e, closed := errors.AsType[*websocket.CloseError](err)
			if k.code == 0 && (f.Op != opInvalid || f.Data != false) || k.code != 0 && (!closed || e.Code != k.code) {
				t.Errorf("it gets %+v, %v", f, err)
			}
			if k.code == 0 {
				next.identify(nil) // on the same connection, as it may
				next.ready()
			}
		})
	}
}

func TestOldSessionsAreForgotten(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	var all []*link
	for range maxResting + 2 {
		all = append(all, c.connect())
		c.s.Reset()
	}
	for n, l := range all {
		next := c.knock(l.again + query)
		next.next()
		next.resume(l.session, l.seq)
		if f := next.next(); (f.Type == "RESUMED") != (n >= 2) {
			t.Errorf("the session %d gets %+v", n, f)
		}
	}
}

func TestTheGatewayCompressesForWhoAsks(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.greeted()
	l.identify(fields{"compress": true})
	_ = l.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	kind, raw, err := l.conn.ReadMessage()
	if err != nil || kind != websocket.BinaryMessage || raw[0] != 0x78 {
		t.Errorf("it gets a frame of kind %d, %v", kind, err)
	}
}
