package bridge_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

const oncallGroup = "S0ONCALL"

var errDown = errors.New("slack is down")

// grouped is a world in which oncall is whoever is in a group: alice and bob,
// and a user who is nobody here.
type grouped struct {
	*bridgetest.World
	roster *bridgetest.Roster
}

func byGroup(d *bridge.Directory) {
	oncall(d)
	d.Teams["oncall"] = bridge.Team{Name: "oncall", Groups: map[string]string{slackChat: oncallGroup}}
	for name, user := range map[string]bridge.Address{"bob": bobs, "carol": carols} {
		h := d.Humans[name]
		h.Slack = string(user)
		d.Humans[name] = h
	}
}

func groupStory(t *testing.T, change func(*bridge.Directory), tell func(t *testing.T, w *grouped)) {
	t.Helper()
	groupStoryWith(t, bridgetest.NewRoster(oncallGroup, bobs, alicesSlack, "U0NOBODY"), change, tell)
}

func groupStoryWith(t *testing.T, roster *bridgetest.Roster, change func(*bridge.Directory), tell func(t *testing.T, w *grouped)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dir := bridgetest.Directory()
		byGroup(dir)
		if change != nil {
			change(dir)
		}
		w := bridgetest.StartWithGroups(t, dir, openStore(t), bridgetest.New("https://login.example.com"), nil, map[string]bridge.Roster{slackChat: roster})
		tell(t, &grouped{w, roster})
	})
}

func (w *grouped) restart() { w.World = w.Restart() }

// presses clicks in Slack, as somebody whom the adapter has made sure of.
func (w *grouped) presses(human string, id bridge.RequestID, verb bridge.Verb) (string, error) {
	user := map[string]bridge.Address{"alice": alicesSlack, "bob": bobs, "carol": carols}[human]
	_, word, err := w.Click(ctx, bridge.Clicker{Human: human, Channel: slackChat, User: string(user)}, id, verb)
	synctest.Wait()
	return word, err
}

func (w *grouped) asksOncall(session string) bridge.Request {
	return w.MustAsk(bridge.Ask{Team: "oncall", Session: session})
}

// given is what a member gave through the team, and nobody has collected.
func (w *grouped) given(t *testing.T, session string) bridge.Request {
	t.Helper()
	r := w.asksOncall(session)
	if word, err := w.presses("alice", r.ID, bridge.VerbClaim); word != "" || err != nil {
		t.Fatalf("alice claims: %q, %v", word, err)
	}
	grants(w.World, bridgetest.Alice)
	return w.Expect(r.ID, bridge.Granted, "")
}

func TestAGroupIsATeam(t *testing.T) {
	groupStory(t, nil, func(t *testing.T, w *grouped) {
		r := w.asksOncall("")
		if _, err := w.presses("carol", r.ID, bridge.VerbClaim); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("carol, who is not in it: %v", err)
		}
		if got := lastAudited(t, w.World); got.Event != bridge.AuditPressRefused || got.Request != r.ID || got.Actor != "carol" || got.PlatformUser != string(carols) || got.Detail != "claim" {
			t.Errorf("the audit log ends with %+v", got)
		}
		w.Expect(r.ID, bridge.Asked, "")
		if word, err := w.presses("bob", r.ID, bridge.VerbClaim); word != "" || err != nil {
			t.Errorf("bob claims: %q, %v", word, err)
		}
		if r := w.Expect(r.ID, bridge.Coded, ""); r.ClaimedBy != "bob" {
			t.Errorf("claimed by %q", r.ClaimedBy)
		}
		if len(inbox(t, w.World, "carol").Waiting) != 0 || len(inbox(t, w.World, "alice").Waiting) != 1 {
			t.Error("the request is not on the pages of those in the group alone")
		}
	})
}

// TestWhoIsInTheGroupByTie: it is the human who counts, however the bridge
// knows who the user is.
func TestWhoIsInTheGroupByTie(t *testing.T) {
	emailOnly := func(d *bridge.Directory) { d.Humans["bob"] = bridge.Human{Name: "bob", Email: "bob@example.com"} }
	tell := func(t *testing.T, w *grouped) {
		r := w.asksOncall("")
		if _, err := w.presses("bob", r.ID, bridge.VerbClaim); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("before anybody knows who he is there: %v", err)
		}
		tied(t, w.World, "bob@example.com", bobs, "bob")
		if word, err := w.presses("bob", r.ID, bridge.VerbClaim); word != "" || err != nil {
			t.Errorf("he claims: %q, %v", word, err)
		}
		if _, err := w.Unlink(ctx, "bob", "", operator); err != nil {
			t.Fatal(err)
		}
		if r := w.Expect(r.ID, bridge.Asked, ""); r.ClaimedBy != "" {
			t.Errorf("his claim outlives the tie: %+v", r)
		}
	}
	t.Run("a roster that lists a group", func(t *testing.T) { groupStory(t, emailOnly, tell) })
	t.Run("a roster that speaks of those it is asked about", func(t *testing.T) {
		roster := bridgetest.NewRoster(oncallGroup, bobs, alicesSlack)
		roster.Reserve()
		groupStoryWith(t, roster, emailOnly, tell)
	})
}

// TestWhoUnlinksLeavesTheGroup: as when the operator unties them, what hangs on
// it does not wait for the next reading.
func TestWhoUnlinksLeavesTheGroup(t *testing.T) {
	emailOnly := func(d *bridge.Directory) { d.Humans["bob"] = bridge.Human{Name: "bob", Email: "bob@example.com"} }
	groupStory(t, emailOnly, func(t *testing.T, w *grouped) {
		linked(t, w.World, "bob", bobs)
		r := w.asksOncall("")
		if word, err := w.presses("bob", r.ID, bridge.VerbClaim); word != "" || err != nil {
			t.Errorf("he claims: %q, %v", word, err)
		}
		if _, err := w.UnlinkChat(ctx, slackChat, bobs); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if r := w.Expect(r.ID, bridge.Asked, ""); r.ClaimedBy != "" {
			t.Errorf("his claim outlives the tie: %+v", r)
		}
		if _, err := w.presses("bob", r.ID, bridge.VerbClaim); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("he claims again: %v", err)
		}
	})
}

// Behaviour 15: whoever has left the group since the card was posted is
// refused, at the very press.
func TestBehaviour15WhoHasLeftTheGroupIsRefusedAtThePress(t *testing.T) {
	groupStory(t, nil, func(t *testing.T, w *grouped) {
		r := w.asksOncall("")
		bridgetest.Pass(20 * time.Second) // to between two readings
		w.roster.Put(oncallGroup, alicesSlack)
		if _, err := w.presses("bob", r.ID, bridge.VerbClaim); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("bob claims: %v", err)
		}
		w.Expect(r.ID, bridge.Asked, "")
		if w.Corp.Codes() != 0 {
			t.Error("a code was made")
		}
		bridgetest.Pass(20 * time.Second)
		w.roster.Put(oncallGroup, carols)
		if word, err := w.presses("carol", r.ID, bridge.VerbClaim); word != "" || err != nil {
			t.Errorf("carol, who has just joined: %q, %v", word, err)
		}
	})
}

// remembering is a roster that goes by what its chat has said before, but of
// whom it is to look at anew.
type remembering struct {
	*bridgetest.Roster

	mu    sync.Mutex
	said  []bridge.Address
	anew  []bridge.Address
	calls int
}

func (r *remembering) Reread(user bridge.Address) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.anew = append(r.anew, user)
}

func (r *remembering) Members(ctx context.Context, group string, among []bridge.Address) ([]bridge.Address, error) {
	now, err := r.Roster.Members(ctx, group, among)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls++; r.said == nil {
		r.said = now
	}
	r.said = slices.DeleteFunc(slices.Clone(r.said), func(u bridge.Address) bool {
		return slices.Contains(r.anew, u) && !slices.Contains(now, u)
	})
	return r.said, err
}

// TestBehaviour15AChatThatRemembersLooksAnew at who presses, wherever they do,
// and however short a while ago it was read who is in the group.
func TestBehaviour15AChatThatRemembersLooksAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := bridgetest.Directory()
		byGroup(dir)
		roster := &remembering{Roster: bridgetest.NewRoster(oncallGroup, bobs, alicesSlack)}
		w := &grouped{bridgetest.StartWithGroups(t, dir, openStore(t), bridgetest.New("https://login.example.com"), nil,
			map[string]bridge.Roster{slackChat: roster}), roster.Roster}
		r := w.asksOncall("")
		bridgetest.Pass(time.Minute + time.Second) // all groups were read a second ago
		w.roster.Put(oncallGroup, alicesSlack)
		if _, _, err := w.Click(ctx, bridge.Clicker{Human: "bob", Channel: "web"}, r.ID, bridge.VerbClaim); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("bob, who is in the group no more, claims in the inbox: %v", err)
		}
		w.Expect(r.ID, bridge.Asked, "")
		if word, err := w.presses("alice", r.ID, bridge.VerbClaim); word != "" || err != nil {
			t.Errorf("alice claims: %q, %v", word, err)
		}
		if slices.Contains(roster.anew, carols) || !slices.Contains(roster.anew, bobs) {
			t.Errorf("looked at anew: %v", roster.anew)
		}
		w.roster.Fail(errDown)
		before := roster.calls
		for range 3 {
			if _, err := w.presses("alice", r.ID, bridge.VerbRelease); err != nil {
				t.Errorf("alice releases: %v", err)
			}
		}
		if n := roster.calls - before; n != 1 {
			t.Errorf("a chat that is down was asked %d times in a row", n)
		}
	})
}

// Behaviour 16: while nobody knows who is in the group nobody is, whatever
// they press and wherever, and nothing changes.
func TestBehaviour16AGroupThatCannotBeReadLetsNobodyAct(t *testing.T) {
	empty := func(w *grouped) { w.roster.Put(oncallGroup) }
	for what, spoil := range map[string]func(*grouped){
		"an error":  func(w *grouped) { w.roster.Fail(errDown) },
		"is empty":  empty,
		"is gone":   func(w *grouped) { w.roster.Fail(errors.New("no_such_subteam")) },
		"too large": func(w *grouped) { w.roster.Put(oncallGroup, usersUpTo(5001)...) },
	} {
		t.Run(what, func(t *testing.T) {
			groupStory(t, nil, func(t *testing.T, w *grouped) {
				open, claimed := w.asksOncall("open"), w.asksOncall("claimed")
				if _, err := w.presses("alice", claimed.ID, bridge.VerbClaim); err != nil {
					t.Fatal(err)
				}
				kept := w.given(t, "given")
				before, codes := w.See(claimed.ID), w.Corp.Codes()
				spoil(w)
				bridgetest.Pass(2 * time.Minute) // two readings by the clock
				for id, verbs := range map[bridge.RequestID][]bridge.Verb{
					open.ID:    {bridge.VerbClaim, bridge.VerbDecline, bridge.VerbShowCode},
					claimed.ID: {bridge.VerbDeny, bridge.VerbRelease, bridge.VerbFinished, bridge.VerbNotMe, bridge.VerbOpened},
				} {
					for _, verb := range verbs {
						word, err := w.presses("alice", id, verb)
						if err != nil || !strings.Contains(word, "nobody can act on this now") {
							t.Errorf("alice presses %s: %q, %v", verb, word, err)
						}
						if got := lastAudited(t, w.World); got.Event != bridge.AuditPressRefused || got.Request != id || !strings.HasPrefix(got.Detail, string(verb)+": who is in oncall cannot be learnt") {
							t.Errorf("the audit log ends with %+v", got)
						}
						if _, err := w.presses("carol", id, verb); !errors.Is(err, bridge.ErrNotFound) {
							t.Errorf("carol, who never was in it, presses %s: %v", verb, err)
						}
					}
				}
				if _, word := w.Press("bob", open.ID, bridge.VerbClaim); !strings.Contains(word, "nobody can act") {
					t.Errorf("in the inbox: %q", word)
				}
				w.Expect(open.ID, bridge.Asked, "")
				if after := w.Expect(claimed.ID, bridge.Coded, ""); after.Version != before.Version || w.Corp.Codes() != codes {
					t.Errorf("from version %d to %d, from %d codes to %d", before.Version, after.Version, codes, w.Corp.Codes())
				}
				if g := grantOf(t, w.World, w.See(kept.ID).Grant); g.State != bridge.GrantLive {
					t.Errorf("what was given is %s", g.State)
				}
			})
		})
	}
}

func usersUpTo(n int) (all []bridge.Address) {
	for i := range n {
		all = append(all, bridge.Address("U0X"+strings.Repeat("Y", i%7)+time.Duration(i).String()))
	}
	return all
}

// TestWhatIsGivenIsTheirsToTakeBack, whatever the chat says.
func TestWhatIsGivenIsTheirsToTakeBack(t *testing.T) {
	groupStory(t, nil, func(t *testing.T, w *grouped) {
		r := w.given(t, "")
		w.roster.Fail(errDown)
		bridgetest.Pass(time.Minute)
		if word, err := w.presses("alice", r.ID, bridge.VerbRevoke); word != "" || err != nil {
			t.Errorf("she revokes: %q, %v", word, err)
		}
		if g := grantOf(t, w.World, w.See(r.ID).Grant); g.State != bridge.GrantRevoked {
			t.Errorf("the grant is %s", g.State)
		}
	})
}

// TestWhoLeavesTheGroupLeavesWhatHangsOnIt: within a minute, as by a reload.
func TestWhoLeavesTheGroupLeavesWhatHangsOnIt(t *testing.T) {
	groupStory(t, nil, func(t *testing.T, w *grouped) {
		kept := w.given(t, "kept")
		if _, err := w.Collect(ctx, w.Agent("helper"), kept.ID); err != nil {
			t.Fatal(err)
		}
		claimed := w.asksOncall("claimed")
		if _, err := w.presses("alice", claimed.ID, bridge.VerbClaim); err != nil {
			t.Fatal(err)
		}
		w.roster.Put(oncallGroup, bobs)
		bridgetest.Pass(time.Minute + time.Second)
		if r := w.Expect(claimed.ID, bridge.Asked, ""); r.ClaimedBy != "" || !strings.Contains(r.Note, "alice is not in the team") {
			t.Errorf("the claim of who has left: by %q, %q", r.ClaimedBy, r.Note)
		}
		if g := grantOf(t, w.World, w.See(kept.ID).Grant); g.State != bridge.GrantRevoked {
			t.Errorf("what they gave is %s", g.State)
		}
		if found := auditedOf(t, w.World, bridge.AuditGroupRead); len(found) != 2 || found[1].Detail != "S0ONCALL: -U0ALICE -U0NOBODY" {
			t.Errorf("the audit log tells %+v", found)
		}
	})
}

func auditedOf(t *testing.T, w *bridgetest.World, event bridge.Kind) (all []bridge.AuditLine) {
	t.Helper()
	err := w.Store.View(ctx, func(tx bridge.ReadTx) error {
		for line, err := range bridgetest.Audit(tx) {
			if err != nil {
				return err
			}
			if line.Event == event {
				all = append(all, line)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestAGroupOfNoHumansKeepsItsRequests: they wait until somebody is in it.
func TestAGroupOfNoHumansKeepsItsRequests(t *testing.T) {
	groupStory(t, nil, func(t *testing.T, w *grouped) {
		r := w.asksOncall("")
		w.roster.Put(oncallGroup, "U0NOBODY")
		bridgetest.Pass(2 * time.Minute)
		w.Expect(r.ID, bridge.Asked, "")
		if _, err := w.presses("alice", r.ID, bridge.VerbClaim); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("alice: %v", err)
		}
		again := w.asksOncall("two") // a new one is taken as well
		w.roster.Put(oncallGroup, bobs)
		bridgetest.Pass(time.Minute)
		for _, id := range []bridge.RequestID{r.ID, again.ID} {
			if word, err := w.presses("bob", id, bridge.VerbClaim); word != "" || err != nil {
				t.Errorf("bob: %q, %v", word, err)
			}
		}
	})
}

// TestOldReadingsHandNothingOut: what was given through a group is collected,
// and answers asks, while its last good reading is ten minutes old at most.
func TestOldReadingsHandNothingOut(t *testing.T) {
	groupStory(t, nil, func(t *testing.T, w *grouped) {
		collected, waits := w.given(t, "one"), w.given(t, "two")
		if _, err := w.Collect(ctx, w.Agent("helper"), collected.ID); err != nil {
			t.Fatal(err)
		}
		w.roster.Fail(errDown)
		ask := bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Team: "oncall", Session: "one"}
		bridgetest.Pass(8 * time.Minute)
		if _, reply, err := w.Ask(ctx, w.Agent("helper"), ask); err != nil || reply != bridge.Served {
			t.Errorf("after eight minutes: %v, %v", reply, err)
		}
		bridgetest.Pass(3 * time.Minute)
		unavailable := func(what string, err error) {
			t.Helper()
			if no, ok := errors.AsType[*bridge.Problem](err); !ok || no.Code != bridge.ProblemChatUnavailable || no.RetryAfter == 0 {
				t.Errorf("%s: %v", what, err)
			}
		}
		codes := w.Corp.Codes()
		_, _, err := w.Ask(ctx, w.Agent("helper"), ask)
		unavailable("an ask", err)
		_, err = w.Collect(ctx, w.Agent("helper"), waits.ID)
		unavailable("a collect", err)
		w.Expect(waits.ID, bridge.Granted, "")
		w.restart()
		_, err = w.Collect(ctx, w.Agent("helper"), waits.ID)
		unavailable("a collect after a restart", err)

		w.roster.Fail(nil)
		bridgetest.Pass(time.Minute)
		if _, err := w.Collect(ctx, w.Agent("helper"), waits.ID); err != nil || w.Corp.Codes() != codes {
			t.Errorf("when Slack is back: %v", err)
		}
	})
}

// TestAStartGoesByWhoWasInTheGroup, and not by nobody, until it has asked.
func TestAStartGoesByWhoWasInTheGroup(t *testing.T) {
	groupStory(t, nil, func(t *testing.T, w *grouped) {
		claimed, kept := w.asksOncall("claimed"), w.given(t, "given")
		if _, err := w.presses("alice", claimed.ID, bridge.VerbClaim); err != nil {
			t.Fatal(err)
		}
		w.roster.Fail(errDown)
		w.restart()
		bridgetest.Pass(2 * time.Minute)
		if r := w.Expect(claimed.ID, bridge.Coded, ""); r.ClaimedBy != "alice" || len(inbox(t, w.World, "alice").Waiting) != 1 {
			t.Errorf("her claim is %q's", r.ClaimedBy)
		}
		w.Expect(kept.ID, bridge.Granted, "")
		w.Stop()
		w.roster.Fail(nil)
		w.roster.Put(oncallGroup, bobs) // while nobody looked
		w.restart()
		bridgetest.Pass(time.Second)
		w.Expect(claimed.ID, bridge.Asked, "")
		w.Expect(kept.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
	})
}

// TestAListBecomesAGroup: before it was read for the first time nobody can act,
// and nobody's is taken from them.
func TestAListBecomesAGroup(t *testing.T) {
	listed := func(d *bridge.Directory) {
		d.Teams["oncall"] = bridge.Team{Name: "oncall", Members: []string{"alice", "bob"}}
	}
	groupStory(t, listed, func(t *testing.T, w *grouped) {
		claimed, kept := w.asksOncall("claimed"), w.given(t, "given")
		if _, err := w.presses("bob", claimed.ID, bridge.VerbClaim); err != nil {
			t.Fatal(err)
		}
		w.roster.Fail(errDown)
		next := bridgetest.Directory()
		byGroup(next)
		if ended := reload(t, w.World, next); ended != (bridge.Reviewed{}) {
			t.Errorf("the reload ended %+v", ended)
		}
		bridgetest.Pass(time.Minute)
		w.Expect(claimed.ID, bridge.Coded, "")
		if _, err := w.presses("bob", claimed.ID, bridge.VerbRelease); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("bob, of whom nobody knows whether he is in it: %v", err)
		}
		if _, err := w.Collect(ctx, w.Agent("helper"), kept.ID); err == nil {
			t.Error("what was given is handed out")
		}
		w.roster.Fail(nil)
		w.roster.Put(oncallGroup, alicesSlack)
		bridgetest.Pass(time.Minute)
		w.Expect(claimed.ID, bridge.Asked, "")
		if _, err := w.Collect(ctx, w.Agent("helper"), kept.ID); err != nil {
			t.Errorf("alice is in it: %v", err)
		}
	})
}

// TestManyPressesAreOneReading: who presses together waits for one answer, and
// for five seconds nobody asks again.
func TestManyPressesAreOneReading(t *testing.T) {
	groupStory(t, nil, func(t *testing.T, w *grouped) {
		r := w.asksOncall("")
		bridgetest.Pass(10 * time.Second)
		calls, release := w.roster.Calls(), w.roster.Hold()
		var all sync.WaitGroup
		won := make(chan string, 50)
		for i := range 50 {
			who := []string{"alice", "bob"}[i%2]
			all.Go(func() {
				_, word, err := w.Click(ctx, bridge.Clicker{Human: who, Channel: slackChat, User: who}, r.ID, bridge.VerbClaim)
				if err == nil && word == "" {
					won <- who
				}
			})
		}
		synctest.Wait()
		release()
		all.Wait()
		if got := w.roster.Calls() - calls; got != 1 {
			t.Errorf("%d readings", got)
		}
		if r := w.See(r.ID); r.ClaimedBy == "" || slices.Contains([]string{"", "carol"}, r.ClaimedBy) {
			t.Errorf("claimed by %q", r.ClaimedBy)
		}
	})
}

// TestAChatThatSaysNothingHoldsNobodyUp for longer than five seconds, and who
// goes away meanwhile spoils nothing for the others.
func TestAChatThatSaysNothingHoldsNobodyUp(t *testing.T) {
	groupStory(t, nil, func(t *testing.T, w *grouped) {
		r := w.asksOncall("")
		bridgetest.Pass(10 * time.Second)
		release := w.roster.Hold()
		began := time.Now()
		word, err := w.presses("alice", r.ID, bridge.VerbClaim)
		if took := time.Since(began); took != 5*time.Second || err != nil || !strings.Contains(word, "nobody can act") {
			t.Errorf("after %s: %q, %v", took, word, err)
		}
		release()
		bridgetest.Pass(5 * time.Second)
		if word, err := w.presses("alice", r.ID, bridge.VerbClaim); word != "" || err != nil {
			t.Errorf("when it answers: %q, %v", word, err)
		}
	})
}

// TestWhoGoesAwaySpoilsNothing for those who wait for the same answer.
func TestWhoGoesAwaySpoilsNothing(t *testing.T) {
	groupStory(t, nil, func(t *testing.T, w *grouped) {
		r := w.asksOncall("")
		bridgetest.Pass(10 * time.Second)
		release := w.roster.Hold()
		gone, goes := context.WithCancel(ctx)
		var both sync.WaitGroup
		both.Go(func() {
			_, _, _ = w.Click(gone, bridge.Clicker{Human: "bob", Channel: slackChat, User: string(bobs)}, r.ID, bridge.VerbClaim)
		})
		synctest.Wait()
		both.Go(func() {
			_, word, err := w.Click(ctx, bridge.Clicker{Human: "alice", Channel: slackChat, User: alicesSlack}, r.ID, bridge.VerbOpened)
			if err != nil || strings.Contains(word, "nobody can act") {
				t.Errorf("alice: %q, %v", word, err)
			}
		})
		synctest.Wait()
		goes()
		synctest.Wait()
		release()
		both.Wait()
	})
}

// TestRefusedPressesDoNotFillTheLog: after twenty in ten minutes one user's are
// not told one by one.
func TestRefusedPressesDoNotFillTheLog(t *testing.T) {
	groupStory(t, nil, func(t *testing.T, w *grouped) {
		r := w.asksOncall("")
		for range 30 {
			if _, err := w.presses("carol", r.ID, bridge.VerbClaim); !errors.Is(err, bridge.ErrNotFound) {
				t.Fatal(err)
			}
		}
		if n := len(auditedOf(t, w.World, bridge.AuditPressRefused)); n != 20 {
			t.Errorf("%d lines", n)
		}
	})
}

// TestATeamWithoutARosterIsNobody: a group of a chat that is not connected.
func TestATeamWithoutARosterIsNobody(t *testing.T) {
	story(t, byGroup, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{Team: "oncall"})
		for _, who := range []string{"alice", "bob", "carol"} {
			if _, _, err := w.Click(ctx, bridge.Clicker{Human: who, Channel: "web"}, r.ID, bridge.VerbClaim); !errors.Is(err, bridge.ErrNotFound) {
				t.Errorf("%s: %v", who, err)
			}
		}
		w.Expect(r.ID, bridge.Asked, "")
	})
}
