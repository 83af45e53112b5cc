// Package discordtest is a strict stand-in for Discord: its REST interface, its
// gateway and its signed calls, and people who see what Discord would show them
// and press only that.
//
//	d := discordtest.Start(t, discordtest.Office()) // until the test ends
//	app := connect(d.URL(), d.Token(), d.PublicKey())
//	app.ask(discordtest.Alice)
//	alice := d.Person(discordtest.Alice)
//	d.Until("alice is asked", func() bool { return strings.Contains(alice.Screen(), "Access request") })
//
// A [World] is data: people, guilds, roles, channels, the application.
// [Office] is one to begin with, and [Discord.Change] alters it while it runs.
//
// What happened is looked up where it counts. [Person.Screen] is what one
// person sees, [Person.Heard] what a screen reader reads them, [Discord.Pushes]
// what their phone showed, [Person.Reading] whom all that mentions and where
// it leads; [Discord.Prefetched] is what Discord would have fetched by itself.
// [Discord.Calls] and [Discord.Exchanges] are the traffic, and [Discord.Leaks]
// looks for secrets in it. [ShowMessage], [ShowModal] and [Read] judge and read
// without a Discord.
//
// It is strict. What a right app never does (an unknown field, a wrong token,
// a component over its limits) is answered with Discord's error and fails the
// test, unless [Discord.Tolerate] announced it. What any app may meet (closed
// direct messages, a limit) is only answered. [Discord.Invalid] are the
// requests that Discord holds against the app's address.
//
// [Discord.Fail] makes calls go wrong, before or after they had their effect:
//
//	d.Fail("POST /channels/{channel}/messages", 1, discordtest.Fault{Status: 502, Committed: true})
//
// Limits go by Discord's clock, which [Discord.Advance] moves; World.Unlimited
// turns them off.
//
// # People
//
// A [Person] can use only what they see: [Person.Press], [Person.PressIn]
// beside some words, [Person.Type], [Person.Submit] and [Person.Close] in the
// modal that they have open, [Person.Command] as it was registered,
// [Person.Dismiss]. A [Button] that was found can be pressed later, when its
// message is no longer what it was. None of these waits for the app:
// [Discord.Until] waits for what is seen of it, and [Discord.Interactions] say
// how what people did was brought, and when and with what it was answered.
//
//	alice.PressIn("helper wants corp", "Show code")
//	alice.Type("Digits", "4711")
//	alice.Submit()
//	alice.Command("authbridge link code:ABCD-1234")
//
// # Connections and signed calls
//
// What people do comes over the gateway, to every connection that was let in,
// or by signed calls after [Discord.RequestsTo], which first tries whether the
// app refuses wrong signatures. Who is not answered in three seconds is told
// that it failed. [Discord.Hold] and [Discord.Release] bring things in another
// order, [Discord.Repeat] brings one twice, [Discord.Deliver] what nobody did,
// [Discord.Forge] and [Discord.Replay] what Discord never sent so.
//
// [Discord.Greet] has connections begin in other ways, and [Discord.AskSign],
// [Discord.Reconnect], [Discord.Invalidate], [Discord.Drop], [Discord.Reset]
// and [Discord.Silence] do to them what Discord may at any moment.
// [Discord.Connections] is what became of each. A session can be resumed after
// all ends but those that Discord documents as final. Mistakes over the gateway
// have its close codes, for [Discord.Tolerate].
//
// # What it does not know
//
// It imports no Discord library and nothing of the bridge: what it knows, it
// knows from Discord's documentation. It does not know embeds, attachments,
// selects, components of version 2, commands that are no slash commands, or
// anything else that it refuses with the words "not stood in for here".
// Discord does not say how many calls a bucket takes, how often messages that
// are older than an hour are edited, how long a nonce is remembered, or whether
// mentions behind a backslash notify; here they are few, seldom, three minutes,
// and they do. Nor does it say how often a silent connection may miss its sign
// of life (here twice), or what becomes of one that resumes at another address
// than it was told (here its session is invalid). It cannot show how a phone treats an edit, or what Discord's
// crawler really fetches.
package discordtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Discord is all of Discord, with one application. Its methods are safe for
// concurrent use.
type Discord struct {
	t   testing.TB
	mux *http.ServeMux
	srv *httptest.Server

	token string
	key   ed25519.PrivateKey

	mu        sync.Mutex // guards what follows
	world     World
	ahead     time.Duration // how far Advance has moved the clock
	tolerated []int
	exchanges []Exchange
	faults    map[string][]Fault
	buckets   map[string]bucket
	invalid   []time.Time // when requests were invalid, oldest first

	direct     map[string]string // the direct conversation of each person with the bot
	messages   []*message        // oldest first, the deleted ones too
	pushes     map[string][]string
	prefetched []string
	modals     []*modal
	marks      map[string][]string // what Discord tells somebody that failed
	commands   []command
	created    []time.Time // when commands were created

	changed chan struct{} // closed and replaced at every change of what can be seen
	flake   int64         // the snowflake that was given last

	wire wire
}

// Start runs a Discord until the test ends. What the app does wrong (a route,
// a field, a token or a component that Discord would refuse) is answered with
// Discord's own error and fails the test, unless it was announced with
// [Discord.Tolerate].
func Start(t testing.TB, w World) *Discord {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatalf("discord: making a key: %v", err)
	}
	w = w.completed()
	s := &Discord{
		t:       t,
		mux:     http.NewServeMux(),
		token:   base64.RawURLEncoding.EncodeToString([]byte(w.App.Bot)) + ".Gtest0." + hexes(16),
		key:     key,
		world:   w,
		faults:  map[string][]Fault{},
		buckets: map[string]bucket{},
		direct:  map[string]string{},
		marks:   map[string][]string{},
		pushes:  map[string][]string{},
		changed: make(chan struct{}),
	}
	s.serveAPI()
	s.serveWire()
	s.srv = httptest.NewServer(s.mux)
	t.Cleanup(s.close)
	return s
}

func (s *Discord) close() {
	s.closeWire()
	s.srv.CloseClientConnections()
	s.srv.Close()
}

// URL is the scheme and host of Discord, without a slash at its end.
func (s *Discord) URL() string { return s.srv.URL }

// Token is the token of the application's bot, without "Bot ".
func (s *Discord) Token() string { return s.token }

// PublicKey is what signatures of Discord's calls are checked with, in hex.
func (s *Discord) PublicKey() string {
	public, _ := s.key.Public().(ed25519.PublicKey)
	return hex.EncodeToString(public)
}

// Change alters the world: somebody leaves, a role is taken away, direct
// messages are closed. What it does is in force when it returns, and what is
// left out in it has the same defaults as at the start.
func (s *Discord) Change(how func(*World)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how(&s.world)
	s.world = s.world.completed()
	s.touch()
}

// Now is the time at Discord.
func (s *Discord) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// Advance moves Discord's clock forward, and nobody else's: tokens of
// interactions lapse, limits recover, messages grow old.
func (s *Discord) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
	s.lapseAll()
	s.touch()
}

// Tolerate announces error codes of the app's own making (50035, 10062, …; 0
// for a wrong token or route) that the test wants to see: they no longer fail
// it.
func (s *Discord) Tolerate(codes ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tolerated = append(s.tolerated, codes...)
}

// Until waits until what it is told holds, looking again whenever something
// at Discord changed, and fails the test after ten seconds. The condition may
// call any method.
func (s *Discord) Until(what string, holds func() bool) {
	s.t.Helper()
	late := time.After(10 * time.Second)
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-late:
			s.t.Fatalf("discord: waited ten seconds in vain until %s", what)
		}
	}
}

// handle serves a path beside the REST interface.
func (s *Discord) handle(pattern string, serve http.HandlerFunc) {
	s.mux.HandleFunc(pattern, serve)
}

// now needs the lock.
func (s *Discord) now() time.Time { return s.world.Now().Add(s.ahead) }

// touch wakes whoever waits for a change. It needs the lock.
func (s *Discord) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// complain fails the test over a mistake of the app, unless it was announced.
// It needs the lock.
func (s *Discord) complain(where string, code int, why string) {
	if !slices.Contains(s.tolerated, code) {
		s.t.Errorf("discord: %s: %d: %s", where, code, why)
	}
}

// epoch is the millisecond that snowflakes count from: the first of 2015.
const epoch = 1420070400000

// snowflake is an id that holds the time and was never given before. It needs
// the lock.
func (s *Discord) snowflake() string {
	s.flake = max((s.now().UnixMilli()-epoch)<<22, s.flake+1)
	return strconv.FormatInt(s.flake, 10)
}

// born is the time in a snowflake.
func born(id string) time.Time {
	n, _ := strconv.ParseInt(id, 10, 64) // none is the epoch
	return time.UnixMilli(n>>22 + epoch)
}

// digest is a name for a text that does not tell it.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

func hexes(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}
