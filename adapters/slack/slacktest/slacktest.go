// Package slacktest is a strict stand-in for Slack: a workspace with people
// who see what is shown to them and press what they see.
//
//	s := slacktest.Start(t, slacktest.Office()) // until the test ends
//	app := connect(s.URL(), s.BotToken(), s.AppToken(), s.SigningSecret())
//	app.ask("alice")
//	alice := s.Person("U0ALICE")
//	s.Until("alice is asked", func() bool { return strings.Contains(alice.Screen(), "Access request") })
//
// A [World] is data: people, groups, channels, the app and what it may do.
// [Office] is one to begin with, and [Slack.Change] alters it while it runs.
//
// What happened is looked up where it counts. [Person.Screen] is what one
// person sees, [Person.Heard] what a screen reader reads them, [Slack.Pushes]
// what their phone showed, [Person.Reading] whom all that mentions and where
// it leads; [Slack.Prefetched] is what Slack would have fetched by itself.
// [Slack.Calls] and [Slack.Exchanges] are the traffic, and [Slack.Leaks] looks
// for secrets in it.
//
// It is strict. What a right app never does (an unknown argument, the wrong
// kind of token, a block over its limits) is answered with Slack's error and
// fails the test, unless [Slack.Tolerate] announced it. What any app may meet
// (a channel that was archived, a limit) is only answered. [CheckMessage] and
// [CheckView] judge blocks and views without a Slack, [ReadBlocks],
// [ReadMrkdwn] and [ReadPlain] read them.
//
// [Slack.Fail] makes calls go wrong, before or after they had their effect:
//
//	s.Fail("chat.postMessage", 1, slacktest.Fault{Status: 503, Committed: true})
//
// Limits go by Slack's clock, which [Slack.Advance] moves; World.Unlimited
// turns them off.
//
// # People
//
// A [Person] can use only what they see: [Person.Press], [Person.PressIn]
// beside some words, [Person.Type], [Person.Submit] and [Person.Close] in the
// modal that they have open, [Person.Command], [Person.OpenHome]. A second
// label answers a button that asks again. A [Button] that was found can be
// pressed later, when its message is no longer what it was. None of these
// waits: a [Delivery] is under way, which can be waited for, and [Slack.Until]
// waits for what is seen of it.
//
//	alice.PressIn("helper wants corp", "Show code").Acked()
//	alice.Type("Digits", "4711")
//	alice.Submit().Acked()
//	alice.PressIn("corp for helper", "Revoke", "Revoke now").Acked()
//
// # Sockets and signed requests
//
// What people do comes over sockets that the app opens, or by signed requests
// after [Slack.RequestsTo]. A press that is not acknowledged in time is lost,
// and who pressed sees a mark; an event comes again. [Slack.SetPace] makes
// Slack more or less patient. [Slack.Deliver] brings what people cannot do:
// another app's payload, another workspace's, nonsense. [Delivery.Again]
// brings the same once more, and [Slack.Send] a [Letter] that was signed
// wrongly, long ago, or sent before.
//
// [Slack.Disconnect], [Slack.Cut], [Slack.Rotate], [Slack.StopPings] and
// [Slack.DisableSocketMode] end sockets in their ways, and [Slack.Books] say
// what became of every press by how its socket ended. "response_url" is the
// method of an address for answers in [Slack.Fail] and [Slack.Calls].
// [Slack.Uninstall] and [Slack.RevokeTokens] remove the app.
//
// Mistakes over sockets have codes of this package, for [Slack.Tolerate]:
// bad_ticket, ack_malformed, ack_in_pieces, ack_too_big, ack_unknown,
// ack_elsewhere, ack_late, ack_twice and ack_with_answer. An answer in an
// acknowledgement that is none is invalid_payload or invalid_response.
//
// Slack does not say what it answers who opens a socket while Socket Mode is
// off (here socket_mode_not_enabled), what it makes of an acknowledgement
// over another socket or in several frames (here nothing), or how long a
// ticket is good (here half a minute). Modals are not stacked here.
//
// It imports no Slack library and nothing of the bridge: what it knows, it
// knows from Slack's documentation. It does not know attachments, files,
// conversations of several, messages by others, or any block, element or
// argument that it refuses with the words "not stood in for here"; and where
// the documentation leaves room, it takes the stricter reading. It cannot
// show how a phone treats an edit, what Slack's crawler really fetches, or
// how guests see things.
package slacktest

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Slack is one workspace with one app installed. Its methods are safe for
// concurrent use.
type Slack struct {
	t   testing.TB
	mux *http.ServeMux
	srv *httptest.Server

	bot, app, signing string

	mu        sync.Mutex // guards what follows
	world     World
	ahead     time.Duration // how far Advance has moved the clock
	tolerated []string
	methods   map[string]method
	exchanges []Exchange
	faults    map[string][]Fault
	calls     map[string][]time.Time // of each limited method, in the last minute
	whole     map[string]time.Time   // when each channel may be posted to as if never before

	opened     map[string]bool // whose direct conversation with the bot exists
	stamped    map[string]int64
	messages   []*message // oldest first
	pushes     map[string][]string
	prefetched []string
	views      []*view
	triggers   map[string]*trigger

	changed chan struct{} // closed and replaced at every change of what can be seen
	serial  int

	wire wire
}

// Start runs a Slack until the test ends. What the app does wrong (a method,
// an argument, a token, a scope or a block that Slack would refuse) is
// answered with Slack's own error and fails the test, unless it was
// announced with [Slack.Tolerate].
func Start(t testing.TB, w World) *Slack {
	t.Helper()
	s := &Slack{
		t:       t,
		mux:     http.NewServeMux(),
		bot:     "xoxb-" + hexes(12),
		app:     "xapp-1-" + hexes(12),
		signing: hexes(16),
		world:   w.completed(),
		methods: map[string]method{},
		faults:  map[string][]Fault{},
		calls:   map[string][]time.Time{},
		whole:   map[string]time.Time{},

		opened:   map[string]bool{},
		stamped:  map[string]int64{},
		pushes:   map[string][]string{},
		triggers: map[string]*trigger{},

		changed: make(chan struct{}),
	}
	s.serveAPI()
	s.serveWire()
	s.srv = httptest.NewServer(s.mux)
	t.Cleanup(s.close)
	return s
}

func (s *Slack) close() {
	s.closeWire()
	s.srv.CloseClientConnections()
	s.srv.Close()
}

// URL is the base of the Web API's methods, with its last slash.
func (s *Slack) URL() string { return s.srv.URL + "/api/" }

// BotToken is the token of the app's bot user, xoxb-….
func (s *Slack) BotToken() string { return s.bot }

// AppToken is the app-level token, xapp-….
func (s *Slack) AppToken() string { return s.app }

// SigningSecret is what requests to the app are signed with.
func (s *Slack) SigningSecret() string { return s.signing }

// Change alters the world: somebody leaves, a channel is archived, a scope
// is taken away. What it does is in force when it returns.
func (s *Slack) Change(how func(*World)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how(&s.world)
	s.touch()
}

// Now is the time at Slack.
func (s *Slack) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// Advance moves Slack's clock forward, and nobody else's: triggers and
// response addresses lapse, limits recover.
func (s *Slack) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
}

// Tolerate announces errors of the app's own making ("invalid_blocks",
// "missing_scope", …) that the test wants to see: they no longer fail it.
func (s *Slack) Tolerate(codes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tolerated = append(s.tolerated, codes...)
}

// Until waits until what it is told holds, looking again whenever something
// at Slack changed, and fails the test after ten seconds. The condition may
// call any method.
func (s *Slack) Until(what string, holds func() bool) {
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
			s.t.Fatalf("slack: waited ten seconds in vain until %s", what)
		}
	}
}

// handle serves a path of Slack's beside the Web API.
func (s *Slack) handle(pattern string, serve http.HandlerFunc) {
	s.mux.HandleFunc(pattern, serve)
}

// now needs the lock.
func (s *Slack) now() time.Time { return s.world.Now().Add(s.ahead) }

// touch wakes whoever waits for a change. It needs the lock.
func (s *Slack) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// next is a number that was never given before. It needs the lock.
func (s *Slack) next() int {
	s.serial++
	return s.serial
}

// complain fails the test over a mistake of the app, unless it was announced.
// It needs the lock.
func (s *Slack) complain(where, code, why string) {
	if !slices.Contains(s.tolerated, code) {
		s.t.Errorf("slack: %s: %s: %s", where, code, why)
	}
}

func hexes(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return strings.ToLower(hex.EncodeToString(b))
}
