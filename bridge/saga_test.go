package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
	"github.com/authbridge/authbridge/store"
	"github.com/authbridge/authbridge/store/bolt"
)

// plot is how a story goes: what the agent, the human and the provider want.
// They act again and again on what they see, as real ones would, and so find
// their way through crashes.
type plot struct {
	name  string
	rules func(*bridge.Directory)
	corp  func(*bridgetest.Provider)

	// The agent asks one after the other, and collects each token.
	asks   []bridge.Ask
	cancel bridge.State  // withdraws its last ask in this state
	leaves bool          // never comes for a token
	pause  time.Duration // before each ask but the first
	again  bool          // comes twice
	gives  bool          // gives up each grant once it has the token

	// The human shows each code and grants at the provider, but:
	deny, notMe bridge.State // presses that in this state
	refuses     bool         // says no at the provider
	who         bridge.Account
	lets        int          // so many codes lapse
	away        bool         // sees nothing
	slow        bool         // the provider says slow_down once per code
	forgets     bool         // the provider forgets the first grant once its token was collected
	revokes     bridge.State // takes back what they gave when its request is in this state
	doubts      bool         // a refresh is answered with nothing; a crash or a broken commit beside that may cost the grant

	says   bridge.Verb // whether the account is theirs, where they are asked; "" = nothing
	misses int         // so often they type other digits than the agent shows

	// Of a team's request, which they always claim:
	dozes    bool // lets the claim lapse after the codes that lapse
	frees    bool // releases the first one that has a code
	declines bool // declines it for the team instead

	// The human also has a chat; a forgetful one posts twice what it is asked
	// to post twice.
	chat, forgetful bool
	there           bool // and presses all buttons there

	ends []string // how the asks end, with all going well: "collected", "denied/not_me"
	also []string // other ends that the last may come to when something breaks
}

// life is one process.
type life struct {
	*bridge.Bridge
	points *bridgetest.Failpoints
	store  bridge.Store
	stop   context.CancelFunc
	done   chan error
}

// known is what the agent knows of one of its asks.
type known struct {
	id     bridge.RequestID
	last   bridge.Request
	tokens []string
	over   bool // it knows how it ended
}

// saga is a plot as it is told, on one file and one provider, through as many
// lives as it takes.
type saga struct {
	t      *testing.T
	plot   plot
	dir    *bridge.Directory
	corp   *bridgetest.Provider
	slack  *bridgetest.Messenger // nil without a chat
	state  string
	lives  []*bridgetest.Failpoints // of all lives, planned ones too
	down   []time.Duration          // how long after each crash nothing runs
	now    *life
	begun  int
	idle   int // for so many turns nothing new was seen
	looked int // commits of this life when the human last looked
	known  []known
	seen   map[string]time.Time // codes on the human's page, and when they were first there
	notMe  bool
	lost   int       // tokens that were under way in crashes
	spilt  int       // answers to refreshes that were
	needy  int       // times that a grant needed its human again
	next   time.Time // when the agent asks again
	forgot bool
	unused []bridge.GrantID // that the agent still has to give up

	renewals []bridge.Request // at the end
	crash    string           // where the last life died
	unheard  bool             // a life died with a slow_down that it had not stored
	slept    time.Duration
}

// grantEnds is the time that what is given lives at most in a saga.
const grantEnds = 20 * time.Minute

// tell plays a plot to its end and beyond, until all that was given is over.
func tell(t *testing.T, p plot, lives []*bridgetest.Failpoints, down ...time.Duration) *saga {
	t.Helper()
	dir := bridgetest.Directory()
	for name, agent := range dir.Agents {
		agent.May = slices.Clone(agent.May)
		agent.May[0].Reuse = grantEnds
		dir.Agents[name] = agent
	}
	corp := bridgetest.New("https://login.example.com")
	corp.TokenLifetime = grantEnds
	if p.rules != nil {
		p.rules(dir)
	}
	if p.corp != nil {
		p.corp(corp)
	}
	if p.who == (bridge.Account{}) {
		p.who = bridgetest.Alice
	}
	s := &saga{
		t: t, plot: p, dir: dir, corp: corp, state: filepath.Join(t.TempDir(), "state"),
		lives: lives, down: down, known: make([]known, len(p.asks)),
		seen: map[string]time.Time{},
	}
	if p.chat {
		dir.Channels, s.slack = []string{"slack", "web"}, bridgetest.NewMessenger(t, bridgetest.ShortMemory)
	}
	if p.forgetful {
		s.slack = bridgetest.NewMessenger(t, bridgetest.NoMemory)
	}
	s.live()
	s.goOn(45*time.Minute, s.over)
	s.counted()
	s.goOn(grantEnds+10*time.Minute, func() bool { return false })
	s.goOn(3*grantEnds, s.settled) // what was renewed on the way
	s.counted()
	s.audit()
	s.end()
	return s
}

// live begins the next life on the same file.
func (s *saga) live() {
	s.t.Helper()
	var points *bridgetest.Failpoints
	if s.begun == len(s.lives) {
		s.lives = append(s.lives, bridgetest.NewFailpoints())
	}
	points = s.lives[s.begun]
	s.looked = -1
	s.begun++
	opened, err := store.Open(ctx, store.Options{StateDir: s.state}, bolt.Backend())
	if err != nil {
		s.t.Fatalf("life %d: %v", s.begun, err)
	}
	kept := points.Store(opened)
	chats := map[string]bridge.Messenger{}
	if s.slack != nil {
		chats["slack"] = points.Messenger(s.slack)
	}
	l := &life{
		Bridge: bridge.New(bridge.Options{
			Directory: s.dir, Store: kept, Log: slog.New(slog.DiscardHandler), Messengers: chats,
			Providers: map[string]bridge.Provider{"corp": points.Provider(s.corp)},
		}),
		points: points, store: kept, done: make(chan error, 1),
	}
	run, stop := context.WithCancel(ctx)
	l.stop = stop
	go func() { l.done <- l.Run(run) }()
	s.now = l
	synctest.Wait()
}

// end ends the life, dead or not, and frees its file.
func (s *saga) end() {
	s.t.Helper()
	s.now.stop()
	if err := <-s.now.done; err != nil && !errors.Is(err, bridgetest.ErrCrashed) {
		s.t.Errorf("life %d ended with %v", s.begun, err)
	}
	for _, b := range s.now.points.Trail() {
		if b.Call == "commit" && b.After && strings.HasPrefix(b.About, "needs_reauth") {
			s.needy++
		}
	}
	if err := s.now.store.Close(); err != nil {
		s.t.Errorf("life %d: close the store: %v", s.begun, err)
	}
}

// goOn lets everybody act now and then, for the given time or until enough
// says so: every second while there is something new, else less often.
func (s *saga) goOn(most time.Duration, enough func() bool) {
	s.t.Helper()
	for until := time.Now().Add(most); time.Now().Before(until) && !enough(); {
		s.agent()
		s.human()
		if s.idle++; s.idle < 12 {
			bridgetest.Pass(time.Second)
		} else {
			bridgetest.Pass(15 * time.Second)
		}
		for s.now.points.Crashed() {
			s.crashed()
			s.idle = 0
			s.end()
			s.lost += s.now.points.Lost()
			s.spilt += s.now.points.LostRefreshes()
			if len(s.down) > 0 {
				bridgetest.Pass(s.down[0])
				s.slept += s.down[0]
				s.down = s.down[1:]
			}
			s.live()
		}
	}
}

// crashed takes down where the life ended.
func (s *saga) crashed() {
	trail := s.now.points.Trail()
	s.crash = trail[len(trail)-1].String()
	if s.crash == "before Poll" && slices.ContainsFunc(slices.Collect(maps.Keys(s.seen)), s.corp.Approved) {
		s.crash += ", approved"
	}
	s.unheard = s.unheard || s.crash == "after Poll of slow_down" || s.crash == "before commit of unseen while coded"
}

// counted fails the test unless the bridge has counted what the store holds.
func (s *saga) counted() {
	s.t.Helper()
	for tries := 0; s.now.points.Broken() && tries < 4; tries++ { // a commit in doubt is counted with the next
		if s.now.Check(ctx) == nil {
			break
		}
	}
	var want bridge.Counts
	err := s.now.store.View(ctx, func(tx bridge.ReadTx) error {
		return errors.Join(
			howMany(&want.RequestsOpen, tx.Pending(), func(d bridge.Due) bool { return d.State.Open() }),
			howMany(&want.GrantsLive, tx.CurrentGrants(), func(g bridge.Grant) bool { return g.State == bridge.GrantLive }),
			howMany(&want.RevocationsPending, tx.Revocations(), func(bridge.Revoking) bool { return true }),
		)
	})
	if got := s.now.Counts(); got != want || err != nil {
		s.t.Errorf("the bridge counts %+v, and the store has %+v: %v", got, want, err)
	}
}

func howMany[T any](n *int, all iter.Seq2[T, error], counts func(T) bool) error {
	for v, err := range all {
		if err != nil {
			return err
		}
		if counts(v) {
			*n++
		}
	}
	return nil
}

// settled reports whether nothing that was given is left, and nothing to do.
func (s *saga) settled() bool {
	left := 0
	err := s.now.store.View(ctx, func(tx bridge.ReadTx) error {
		for _, err := range tx.CurrentGrants() {
			left++
			if err != nil {
				return err
			}
		}
		for _, err := range tx.Revocations() {
			left++
			if err != nil {
				return err
			}
		}
		return nil
	})
	return err == nil && left == 0
}

func (s *saga) over() bool {
	for _, k := range s.known {
		if !k.over {
			return false
		}
	}
	return true
}

// noAnswer reports whether an error tells its caller nothing; then they try
// again.
func noAnswer(err error) bool {
	return errors.Is(err, bridgetest.ErrCrashed) || errors.Is(err, bridge.ErrStoreUnavailable)
}

// agent does the next thing that the agent wants: it asks the next when the
// one before is over.
func (s *saga) agent() {
	s.unused = slices.DeleteFunc(s.unused, func(id bridge.GrantID) bool {
		_, err := s.now.GiveUp(ctx, "helper", id)
		if err != nil && !noAnswer(err) {
			s.t.Errorf("give up: %v", err)
		}
		return err == nil
	})
	if len(s.unused) > 0 {
		return
	}
	for i := range s.known {
		k := &s.known[i]
		comesAgain := s.plot.again && len(k.tokens) == 1
		if k.over && !comesAgain {
			continue
		}
		if k.id == "" && time.Now().Before(s.next) {
			return
		}
		if k.id != "" || s.ask(i, k) {
			s.look(k)
			s.follow(k, i == len(s.known)-1)
		}
		if k.over {
			s.next = time.Now().Add(s.plot.pause)
		}
		return
	}
}

// follow does what a request calls for as it stands.
func (s *saga) follow(k *known, last bool) {
	switch {
	case last && k.last.State == s.plot.cancel:
		if _, err := s.now.Cancel(ctx, "helper", k.id); err != nil && !noAnswer(err) {
			s.t.Errorf("cancel: %v", err)
		}
	case k.last.State.Open():
	case s.plot.leaves:
		k.over = k.last.State.Ended()
	default:
		s.collect(k)
	}
}

// ask asks with the same key until there is an answer.
func (s *saga) ask(i int, k *known) bool {
	a := s.plot.asks[i]
	a.Provider, a.IdempotencyKey = "corp", fmt.Sprint("key-", i)
	if a.Scopes == nil {
		a.Scopes = []string{"files:read"}
	}
	r, _, err := s.now.Ask(ctx, s.dir.Agents["helper"], a)
	switch {
	case err == nil:
		k.id, k.last = r.ID, r
	case s.notMe && problemCode(err) == bridge.ProblemSuspended:
		k.over = true
	case !noAnswer(err) && problemCode(err) != bridge.ProblemProviderUnavailable:
		s.t.Errorf("ask: %v", err)
	}
	return err == nil
}

// look reads the request: what was acknowledged is there, and never goes back.
func (s *saga) look(k *known) {
	r, err := s.now.Get(ctx, "helper", k.id)
	if err != nil {
		if !noAnswer(err) {
			s.t.Errorf("the acknowledged request %s: %v", k.id, err)
		}
		return
	}
	if r.Version < k.last.Version || k.last.State.Ended() && r.State != k.last.State {
		s.t.Errorf("the request went from %s, version %d, to %s, version %d", k.last.State, k.last.Version, r.State, r.Version)
	}
	if r.Version != k.last.Version {
		s.idle = 0
	}
	k.last = r
}

func (s *saga) collect(k *known) {
	token, err := s.now.Collect(ctx, s.dir.Agents["helper"], k.id)
	switch problemCode(err) {
	case "":
		if err != nil && !noAnswer(err) {
			s.t.Errorf("collect: %v", err)
		}
	case bridge.ProblemGone, bridge.ProblemSuspended:
		k.over = true
	case bridge.ProblemProviderUnavailable: // it is asked again
	default:
		s.t.Errorf("collect: %v", err)
	}
	if err != nil {
		return
	}
	k.over = true
	if s.plot.gives {
		s.unused = append(s.unused, token.Grant)
	}
	access := token.Access.Reveal()
	k.tokens = append(k.tokens, access)
	if s.plot.forgets && !s.forgot {
		s.corp.Forget()
		s.forgot = true
	}
	if s.corp.IsRevoked(access) {
		s.t.Errorf("%s was handed out after it was revoked", access)
	}
	if token.Account != bridgetest.Alice.Email || token.Human != "alice" {
		s.t.Errorf("the token is said to be of %q, for %q", token.Account, token.Human)
	}
}

// human looks at the page and presses what there is to be pressed. Once they
// have looked at the same page for a while, and typed in the code that is on
// it, they look when something was committed: nothing else can change it.
func (s *saga) human() {
	commits := s.now.points.Commits()
	if s.idle > 3 && commits == s.looked {
		return
	}
	s.looked = commits
	in, err := s.now.Inbox(ctx, "alice")
	if err != nil {
		if !noAnswer(err) {
			s.t.Errorf("the inbox: %v", err)
		}
		return
	}
	if s.plot.away {
		return
	}
	for _, c := range slices.Concat(in.Waiting, in.Given) {
		verb := s.wish(c)
		if verb == "" || !slices.ContainsFunc(c.Buttons, func(b bridge.Button) bool { return b.Verb == verb }) {
			continue
		}
		s.notMe = s.notMe || verb == bridge.VerbNotMe
		where := map[bool]string{true: "slack", false: "web"}[s.plot.there]
		if _, _, err := s.now.Click(ctx, bridge.Clicker{Human: "alice", Channel: where, Typed: s.typed(c)}, c.Request, verb); err != nil && !noAnswer(err) {
			s.t.Errorf("press %s: %v", verb, err)
		}
	}
}

// wish is what the human wants of a card; on the way they do what is to be
// done at the provider.
func (s *saga) wish(c bridge.Card) bridge.Verb {
	if c.Code != nil {
		s.typeIn(c.Code.UserCode.Reveal())
	}
	switch {
	case c.Shared && s.plot.declines:
		return bridge.VerbDecline
	case c.Shared:
		return bridge.VerbClaim
	case s.plot.frees && c.Code != nil && len(s.seen) <= 1:
		return bridge.VerbRelease
	case s.plot.dozes && len(s.seen) == s.plot.lets:
		return ""
	case c.Question != "":
		return s.plot.says
	case c.State == s.plot.revokes:
		return bridge.VerbRevoke
	case c.State == s.plot.deny:
		return bridge.VerbDeny
	case c.State == s.plot.notMe:
		return bridge.VerbNotMe
	case c.State == bridge.Asked && !c.Minting:
		return bridge.VerbShowCode
	}
	return ""
}

// typed is what the human types where the card asks for the digits: what they
// read on the agent's screen, or first something else.
func (s *saga) typed(c bridge.Card) string {
	i := slices.IndexFunc(s.known, func(k known) bool { return k.id == c.Request })
	if !c.Digits || i < 0 {
		return ""
	}
	missed := map[bool]int{contains(c.Note, "Two tries are left"): 1, contains(c.Note, "One try is left"): 2}[true]
	if missed < s.plot.misses {
		return wrong(s.known[i].last)
	}
	return digits(s.known[i].last)
}

// typeIn goes to the provider with a code that has been on the page for a
// while.
func (s *saga) typeIn(code string) {
	first, known := s.seen[code]
	if !known {
		s.seen[code], s.idle = time.Now(), 0
		if s.plot.slow {
			s.corp.SlowDown()
		}
	}
	burns := s.plot.deny == bridge.Coded || s.plot.notMe == bridge.Coded || s.plot.cancel == bridge.Coded
	if !known || time.Since(first) < 2*time.Second || len(s.seen) <= s.plot.lets || burns {
		return
	}
	if s.plot.refuses {
		s.corp.DenyCode(code)
		return
	}
	s.corp.ApproveCode(code, s.plot.who)
}
