package bridge_test

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
	"github.com/authbridge/authbridge/store"
	"github.com/authbridge/authbridge/store/bolt"
)

var ctx = context.Background()

// story runs a test in a bubble of its own time, with a bridge on a real
// store.
func story(t *testing.T, change func(*bridge.Directory), tell func(t *testing.T, w *bridgetest.World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dir := bridgetest.Directory()
		if change != nil {
			change(dir)
		}
		tell(t, bridgetest.Start(t, dir, openStore(t), bridgetest.New("https://login.example.com")))
	})
}

func openStore(t *testing.T) bridge.Store {
	t.Helper()
	state := filepath.Join(t.TempDir(), "state")
	s, err := store.Open(ctx, store.Options{StateDir: state}, bolt.Backend())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}

// granted takes a request all the way to granted.
func granted(t *testing.T, w *bridgetest.World, ask bridge.Ask) bridge.Request {
	t.Helper()
	r := w.MustAsk(ask)
	w.Press(r.Human, r.ID, bridge.VerbShowCode)
	w.Corp.Approve(bridgetest.Alice)
	bridgetest.Pass(10 * time.Second)
	return w.Expect(r.ID, bridge.Granted, "")
}

func problemCode(err error) bridge.ProblemCode {
	if p, ok := errors.AsType[*bridge.Problem](err); ok {
		return p.Code
	}
	return ""
}

func TestFromAskToToken(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{Reason: "tidy up"})
		bridgetest.Pass(time.Hour)
		if w.Corp.Codes() != 0 {
			t.Fatal("a code was asked for before anybody pressed Show code")
		}
		if _, remark := w.Press("alice", r.ID, bridge.VerbShowCode); remark != "" {
			t.Errorf("the first press was answered %q", remark)
		}
		in, err := w.Inbox(ctx, "alice")
		if err != nil || len(in.Waiting) != 1 || in.Waiting[0].Code == nil {
			t.Fatalf("alice's inbox: %+v, %v", in, err)
		}
		if got := in.Waiting[0].Code.UserCode.Reveal(); got != "CODE-0001" {
			t.Errorf("alice sees the code %q", got)
		}
		bridgetest.Pass(time.Minute)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(7 * time.Second)
		w.Expect(r.ID, bridge.Granted, "")
		token, err := w.Collect(ctx, w.Agent("helper"), r.ID)
		if err != nil || token.Access.Reveal() != "access-1" || token.Account != "alice@example.com" || token.Human != "alice" {
			t.Fatalf("collected %+v, %v", token, err)
		}
		w.Expect(r.ID, bridge.Collected, "")
		if w.Corp.Early() != 0 {
			t.Errorf("%d polls came early", w.Corp.Early())
		}
	})
}

func TestTheSameTokenAgainWithinTheGraceAndToNobodyElse(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := granted(t, w, bridge.Ask{})
		if _, err := w.Collect(ctx, w.Agent("other"), r.ID); problemCode(err) != bridge.ProblemNotFound {
			t.Errorf("another agent collects: %v", err)
		}
		first, err := w.Collect(ctx, w.Agent("helper"), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(30 * time.Second)
		again, err := w.Collect(ctx, w.Agent("helper"), r.ID)
		if err != nil || !again.Access.Equal(first.Access) {
			t.Errorf("within the grace: %v", err)
		}
		bridgetest.Pass(31 * time.Second)
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); problemCode(err) != bridge.ProblemGone {
			t.Errorf("after the grace: %v", err)
		}
	})
}

func TestNobodyElseCanSeeOrPress(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		if _, err := w.Get(ctx, "other", r.ID); problemCode(err) != bridge.ProblemNotFound {
			t.Errorf("another agent reads: %v", err)
		}
		if _, err := w.Cancel(ctx, "other", r.ID); problemCode(err) != bridge.ProblemNotFound {
			t.Errorf("another agent cancels: %v", err)
		}
		for _, verb := range []bridge.Verb{bridge.VerbShowCode, bridge.VerbDeny, bridge.VerbNotMe} {
			if _, _, err := w.Click(ctx, bridge.Clicker{Human: "bob"}, r.ID, verb); !errors.Is(err, bridge.ErrNotFound) {
				t.Errorf("bob presses %s: %v", verb, err)
			}
		}
		if in, _ := w.Inbox(ctx, "bob"); len(in.Waiting) != 0 {
			t.Error("bob sees a request to alice")
		}
		w.Expect(r.ID, bridge.Asked, "")
	})
}

func TestDenyEndsThisRequestAlone(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r, s := w.MustAsk(bridge.Ask{}), w.MustAsk(bridge.Ask{Session: "two"})
		w.Press("alice", r.ID, bridge.VerbDeny)
		w.Expect(r.ID, bridge.Denied, bridge.OutcomeDenied)
		w.Expect(s.ID, bridge.Asked, "")
		if _, remark := w.Press("alice", r.ID, bridge.VerbShowCode); remark == "" {
			t.Error("a late press got no answer")
		}
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); problemCode(err) != bridge.ProblemGone {
			t.Errorf("collect after deny: %v", err)
		}
	})
}

func TestNotMeSuspendsTheAgentForThisHuman(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		kept := granted(t, w, bridge.Ask{Session: "earlier"})
		r, s := w.MustAsk(bridge.Ask{}), w.MustAsk(bridge.Ask{Session: "two"})
		bobs := w.MustAsk(bridge.Ask{Human: "bob"})
		w.Press("alice", r.ID, bridge.VerbNotMe)
		w.Expect(r.ID, bridge.Denied, bridge.OutcomeNotMe)
		w.Expect(s.ID, bridge.Denied, bridge.OutcomeNotMe)
		w.Expect(bobs.ID, bridge.Asked, "")
		w = w.Restart()
		_, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Session: "three"})
		if problemCode(err) != bridge.ProblemSuspended {
			t.Errorf("a later ask: %v", err)
		}
		if _, err := w.Collect(ctx, w.Agent("helper"), kept.ID); problemCode(err) != bridge.ProblemSuspended {
			t.Errorf("what was granted before is not withheld: %v", err)
		}
	})
}

func TestTheProvidersNo(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Deny()
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Denied, bridge.OutcomeProviderDenied)
	})
}

func TestACodeLapsesAndAnotherIsAskedFor(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		bridgetest.Pass(11 * time.Minute)
		w.Expect(r.ID, bridge.Asked, "")
		in, _ := w.Inbox(ctx, "alice")
		if last := in.Waiting[0].Buttons[len(in.Waiting[0].Buttons)-1]; last.Label != "Get a new code" || in.Waiting[0].Code != nil {
			t.Errorf("after the lapse the card offers %q and shows %v", last.Label, in.Waiting[0].Code)
		}
		if w.Corp.Codes() != 1 {
			t.Error("a code was made without a press")
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Granted, "")
		if w.Corp.Early() != 0 {
			t.Errorf("%d polls came early", w.Corp.Early())
		}
	})
}

func TestAPressWhileTheCodeIsOnItsWay(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		if _, remark := w.Press("alice", r.ID, bridge.VerbShowCode); remark == "" {
			t.Error("the second press got no answer")
		}
		if w.Corp.Codes() != 1 {
			t.Errorf("two presses made %d codes", w.Corp.Codes())
		}
	})
}

func TestAFaultAtTheProviderLeavesAnHonestNote(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Fail("Begin", errors.New("connection refused"))
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		if got := w.Expect(r.ID, bridge.Asked, ""); got.Minting || got.Note == "" {
			t.Errorf("after the fault: minting %v, note %q", got.Minting, got.Note)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		if got := w.Expect(r.ID, bridge.Coded, ""); got.Note != "" {
			t.Errorf("the old note stays: %q", got.Note)
		}
	})
}

func TestARefusedCodeRequestEndsInItsOutcome(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Fail("Begin", &bridge.Refusal{Outcome: bridge.OutcomeDeviceGrantBlocked, Cause: "unauthorized_client"})
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeDeviceGrantBlocked)
	})
}

func TestSomebodyElsesAccountIsThrownAway(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Bob)
		bridgetest.Pass(10 * time.Second)
		got := w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)
		if len(w.Corp.Revoked()) != 1 {
			t.Errorf("revoked: %v", w.Corp.Revoked())
		}
		if contains(got.Outcome.Message, "bob") {
			t.Errorf("the agent learns who signed in: %q", got.Outcome.Message)
		}
		in, _ := w.Inbox(ctx, "alice")
		if !contains(in.Earlier[0].Ending, "bob@example.com") {
			t.Errorf("alice does not learn who signed in: %q", in.Earlier[0].Ending)
		}
	})
}

func TestAnUnverifiedAddressProvesNothing(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridge.Account{Subject: "s-mallory", Email: "alice@example.com"})
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)
	})
}

// Once alice is pinned, the address alone helps nobody: not another account
// that has it now, and bob cannot use alice's account as his.
func TestThePinDecides(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		granted(t, w, bridge.Ask{})
		r := w.MustAsk(bridge.Ask{Session: "two"})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridge.Account{Subject: "s-new", Email: "alice@example.com", EmailVerified: true})
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)

		s := w.MustAsk(bridge.Ask{Human: "bob"})
		w.Press("bob", s.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridge.Account{Subject: "s-alice", Email: "bob@example.com", EmailVerified: true})
		bridgetest.Pass(10 * time.Second)
		w.Expect(s.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)
	})
}

func TestTheConfiguredAccountComesBeforeTheAddress(t *testing.T) {
	named := func(d *bridge.Directory) {
		alice := d.Humans["alice"]
		alice.Accounts = map[string]string{"corp": "sub:s-work"}
		d.Humans["alice"] = alice
	}
	story(t, named, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)

		s := w.MustAsk(bridge.Ask{Session: "two"})
		w.Press("alice", s.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridge.Account{Subject: "s-work", Email: "someone@example.com", EmailVerified: true})
		bridgetest.Pass(10 * time.Second)
		w.Expect(s.ID, bridge.Granted, "")
	})
}

func TestNoIdentityNoToken(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Fail("Identify", bridge.ErrNoIdentity)
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityUnavailable)
		if len(w.Corp.Revoked()) != 1 {
			t.Errorf("revoked: %v", w.Corp.Revoked())
		}
	})
}

func TestTheTokenIsHeldWhileNobodyCanSayWhoseItIs(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		fault := errors.New("bad gateway")
		w.Corp.Fail("Identify", fault, fault, fault)
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Held, "")
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); problemCode(err) != bridge.ProblemNotReady {
			t.Errorf("collect while held: %v", err)
		}
		bridgetest.Pass(time.Minute)
		w.Expect(r.ID, bridge.Granted, "")
	})
}

func TestAHeldTokenIsRevokedInTheEnd(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		fault := errors.New("bad gateway")
		for range 200 {
			w.Corp.Fail("Identify", fault)
		}
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(11 * time.Minute)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeProviderError)
		if len(w.Corp.Revoked()) != 1 {
			t.Errorf("revoked: %v", w.Corp.Revoked())
		}
	})
}

func TestMoreThanAllowedIsThrownAway(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Scopes = []string{"openid", "email", "files:read", "admin"}
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeScopeExceeded)
		if len(w.Corp.Revoked()) != 1 {
			t.Errorf("revoked: %v", w.Corp.Revoked())
		}
	})
}

// Where tokens go by other than scopes, the card has said so before the yes,
// and what a provider calls their scopes is no reason to throw them away.
func TestWhereScopesBoundNothingMoreIsNoOffence(t *testing.T) {
	wide := func(d *bridge.Directory) {
		corp := d.Providers["corp"]
		corp.Widens = "everything app Example Bridge may do"
		d.Providers["corp"] = corp
	}
	story(t, wide, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Scopes = []string{"admin"}
		r := w.MustAsk(bridge.Ask{})
		in, err := w.Inbox(ctx, "alice")
		if err != nil || len(in.Waiting) != 1 || len(in.Waiting[0].Scopes) != 1 || in.Waiting[0].Scopes[0].Words != "everything app Example Bridge may do" {
			t.Fatalf("alice is asked %+v, %v", in.Waiting, err)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		if token, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil || len(w.Corp.Revoked()) != 0 {
			t.Errorf("collected %v, %v; revoked %v", token.Scopes, err, w.Corp.Revoked())
		}
	})
}

func TestFewerScopesAreReported(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Scopes = []string{"files:read"}
		r := granted(t, w, bridge.Ask{Scopes: []string{"files:read", "files:write"}})
		token, err := w.Collect(ctx, w.Agent("helper"), r.ID)
		if err != nil || len(token.Scopes) != 1 || token.Scopes[0] != "files:read" {
			t.Errorf("collected %v, %v", token.Scopes, err)
		}
	})
}

func TestATokenThatComesAfterADenyIsRevokedAndNeverReleased(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		release := w.Corp.Hold()
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second) // the poll is in flight, the code is used up
		w.Press("alice", r.ID, bridge.VerbDeny)
		release()
		bridgetest.Pass(time.Minute)
		w.Expect(r.ID, bridge.Denied, bridge.OutcomeDenied)
		if w.Corp.Issued() != 1 || len(w.Corp.Revoked()) != 1 {
			t.Errorf("issued %d, revoked %v", w.Corp.Issued(), w.Corp.Revoked())
		}
		if got := lastLine(t, w, r.ID); got.Event != bridge.OnToken || got.From != bridge.Denied || got.To != bridge.Denied {
			t.Errorf("the history ends with %+v, want a token that changed nothing", got)
		}
	})
}

// lastLine is the last line of a request's history.
func lastLine(t *testing.T, w *bridgetest.World, id bridge.RequestID) (last bridge.AuditLine) {
	t.Helper()
	err := w.Store.View(ctx, func(tx bridge.ReadTx) error {
		for line, err := range bridgetest.History(tx, id) {
			if err != nil {
				return err
			}
			last = line
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return last
}

// However many codes there are, an issuer that answers slowly meets no more
// than 64 polls at once.
func TestAnIssuerMeetsOnlySoManyPollsAtOnce(t *testing.T) {
	many := func(d *bridge.Directory) { d.Limits.MaxOpenPerHuman, d.Limits.MaxOpenPerAgentAndHuman = 1000, 1000 }
	story(t, many, func(t *testing.T, w *bridgetest.World) {
		release := w.Corp.Hold()
		for i := range 100 {
			r := w.MustAsk(bridge.Ask{Session: strconv.Itoa(i)})
			w.Press("alice", r.ID, bridge.VerbShowCode)
			w.Corp.Approve(bridgetest.Alice)
		}
		bridgetest.Pass(25 * time.Second)
		if n := w.Corp.Issued(); n != 64 {
			t.Errorf("%d polls were being answered at once, want 64", n)
		}
		release()
		bridgetest.Pass(time.Minute)
		if n := w.Corp.Issued(); n != 100 {
			t.Errorf("%d codes were granted in the end, want 100", n)
		}
	})
}

func TestSlowDownIsForGood(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.SlowDown()
		bridgetest.Pass(7 * time.Second)
		if got := w.See(r.ID); got.Interval != 10*time.Second {
			t.Errorf("the interval is %v after a slow_down, want 10s", got.Interval)
		}
		before := w.Corp.Polls()
		bridgetest.Pass(2 * time.Minute)
		if made := w.Corp.Polls() - before; made != 10 {
			t.Errorf("%d polls in two minutes at an interval of 10 s, want 10 (every 12 s)", made)
		}
		w = w.Restart()
		before = w.Corp.Polls()
		bridgetest.Pass(2*time.Minute + 12*time.Second)
		if made := w.Corp.Polls() - before; made < 9 || made > 11 {
			t.Errorf("%d polls after a restart, want 10 or so (every 12 s)", made)
		}
		if w.Corp.Early() != 0 {
			t.Errorf("%d polls came early", w.Corp.Early())
		}
	})
}

func TestFaultsOfThePollNeverEndTheFlow(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		fault := errors.New("connection reset")
		w.Corp.Fail("Poll", fault, fault, &bridge.Unavailable{RetryAfter: 40 * time.Second, Err: fault})
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		bridgetest.Pass(42 * time.Second) // 6, then 12, then 24 s: three polls
		if got := w.Corp.Polls(); got != 3 {
			t.Errorf("%d polls, want 3: twice as long after every fault", got)
		}
		bridgetest.Pass(39 * time.Second)
		if got := w.Corp.Polls(); got != 3 {
			t.Errorf("%d polls: Retry-After was not heard", got)
		}
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Granted, "")
	})
}

// Pending polls leave no trace in the store.
func TestAPollWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counted := &countingStore{Store: openStore(t)}
		w := bridgetest.Start(t, bridgetest.Directory(), counted, bridgetest.New("https://login.example.com"))
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		before, polls := counted.updates.Load(), w.Corp.Polls()
		bridgetest.Pass(5 * time.Minute)
		if made := w.Corp.Polls() - polls; made < 40 {
			t.Fatalf("only %d polls were made", made)
		}
		if wrote := counted.updates.Load() - before; wrote != 0 {
			t.Errorf("%d transactions while nothing happened", wrote)
		}
	})
}

func TestNobodyAnswers(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{TTL: time.Hour})
		bridgetest.Pass(59 * time.Minute)
		w.Expect(r.ID, bridge.Asked, "")
		bridgetest.Pass(2 * time.Minute)
		w.Expect(r.ID, bridge.Expired, bridge.OutcomeExpired)
	})
}

func TestNobodyCollects(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := granted(t, w, bridge.Ask{})
		bridgetest.Pass(61 * time.Minute)
		w.Expect(r.ID, bridge.Expired, bridge.OutcomeNotCollected)
		if len(w.Corp.Revoked()) != 1 {
			t.Errorf("revoked: %v", w.Corp.Revoked())
		}
	})
}

func TestCancelBurnsOrRevokes(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		shown := w.MustAsk(bridge.Ask{Session: "shown"})
		w.Press("alice", shown.ID, bridge.VerbShowCode)
		if _, err := w.Cancel(ctx, "helper", shown.ID); err != nil {
			t.Fatal(err)
		}
		w.Expect(shown.ID, bridge.Cancelled, bridge.OutcomeCancelled)
		polls := w.Corp.Polls()
		bridgetest.Pass(time.Minute)
		if w.Corp.Polls() != polls {
			t.Error("a burnt code is still polled")
		}
		r := granted(t, w, bridge.Ask{Session: "granted"})
		if _, err := w.Cancel(ctx, "helper", r.ID); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(time.Second)
		w.Expect(r.ID, bridge.Cancelled, bridge.OutcomeCancelled)
		if len(w.Corp.Revoked()) != 1 {
			t.Errorf("revoked: %v", w.Corp.Revoked())
		}
	})
}

func TestRevocationGoesOnUntilTheProviderHears(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		fault := errors.New("service unavailable")
		w.Corp.Fail("Revoke", fault, fault)
		r := granted(t, w, bridge.Ask{})
		if _, err := w.Cancel(ctx, "helper", r.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w = w.Restart()
		bridgetest.Pass(time.Minute)
		if len(w.Corp.Revoked()) != 1 {
			t.Errorf("revoked: %v", w.Corp.Revoked())
		}
	})
}
