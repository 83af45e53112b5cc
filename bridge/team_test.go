package bridge_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// Carol is a third account.
var carol = bridge.Account{Subject: "s-carol", Email: "carol@example.com", EmailVerified: true}

// oncall lets the agents ask a team: alice and bob. Carol is not in it.
func oncall(d *bridge.Directory) {
	d.Humans["carol"] = bridge.Human{Name: "carol", Email: carol.Email}
	d.Teams = map[string]bridge.Team{"oncall": {Name: "oncall", Members: []string{"alice", "bob"}}}
	for name, a := range d.Agents {
		a.May = []bridge.Rule{a.May[0]}
		a.May[0].Ask = append([]string{"oncall", "carol"}, a.May[0].Ask...)
		d.Agents[name] = a
	}
}

// teamStory is a story with a team in it, and one request to it.
func teamStory(t *testing.T, change func(*bridge.Directory), tell func(t *testing.T, w *bridgetest.World, r bridge.Request)) {
	t.Helper()
	all := func(d *bridge.Directory) {
		oncall(d)
		if change != nil {
			change(d)
		}
	}
	story(t, all, func(t *testing.T, w *bridgetest.World) {
		tell(t, w, w.MustAsk(bridge.Ask{Team: "oncall", Reason: "the disk is full"}))
	})
}

// grants takes a claimed request to where its claimer has granted.
func grants(w *bridgetest.World, who bridge.Account) {
	w.Corp.Approve(who)
	bridgetest.Pass(7 * time.Second)
}

func TestATeamIsAskedAndOneOfItGives(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		if r.Human != "" || r.Team != "oncall" || r.Whom() != "oncall" {
			t.Fatalf("asked %q of %q", r.Human, r.Team)
		}
		bridgetest.Pass(time.Hour)
		if w.Corp.Codes() != 0 {
			t.Fatal("a code was asked for before anybody claimed the request")
		}
		if card, word := w.Press("bob", r.ID, bridge.VerbClaim); word != "" || !card.Minting || card.Shared {
			t.Fatalf("the claim was answered %q and %+v", word, card)
		}
		if card := inbox(t, w, "bob").Waiting[0]; card.Code == nil || card.Phrase != r.CheckPhrase {
			t.Fatalf("its claimer sees %+v", card)
		}
		if r := w.Expect(r.ID, bridge.Coded, ""); r.Human != "" || r.ClaimedBy != "bob" {
			t.Errorf("while claimed it is of %q, claimed by %q", r.Human, r.ClaimedBy)
		}
		grants(w, bridgetest.Bob)
		if r := w.Expect(r.ID, bridge.Granted, ""); r.Human != "bob" {
			t.Errorf("granted by %q", r.Human)
		}
		token, err := w.Collect(ctx, w.Agent("helper"), r.ID)
		if err != nil || token.Human != "bob" || token.Account != bridgetest.Bob.Email {
			t.Errorf("the agent got %+v, %v", token, err)
		}
		if seen := inbox(t, w, "alice").Earlier; len(seen) != 1 || seen[0].UsedAt.IsZero() {
			t.Errorf("the others are not told that what bob gave was used: %+v", seen)
		}
		again, reply, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Team: "oncall"})
		if err != nil || reply != bridge.Served || again.Human != "bob" {
			t.Errorf("the next ask to the team: %v of %q, %v", reply, again.Human, err)
		}
	})
}

func TestWhatIsGivenThroughATeamAnswersOnlyTheTeam(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Press("alice", r.ID, bridge.VerbClaim)
		grants(w, bridgetest.Alice)
		w.Expect(r.ID, bridge.Granted, "")
		for _, human := range []string{"alice", "bob"} {
			if _, reply, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Human: human}); err != nil || reply != bridge.Created {
				t.Errorf("an ask to %s: %v, %v", human, reply, err)
			}
		}
	})
}

func TestAStrangerKnowsNothingOfATeamsRequest(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		if in := inbox(t, w, "carol"); len(in.Waiting) != 0 {
			t.Errorf("carol sees %+v", in.Waiting)
		}
		if _, _, err := w.Click(ctx, bridge.Clicker{Human: "carol", Channel: "web"}, r.ID, bridge.VerbClaim); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("carol claims: %v", err)
		}
	})
}

// One of fifty has it; the others are told who, and until when.
func TestFiftyClaimAtOnce(t *testing.T) {
	crowd := func(d *bridge.Directory) {
		all := d.Teams["oncall"]
		for i := range 48 {
			name := fmt.Sprint("member", i)
			d.Humans[name], all.Members = bridge.Human{Name: name, Email: name + "@example.com"}, append(all.Members, name)
		}
		d.Teams["oncall"] = all
	}
	teamStory(t, crowd, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		members := w.Directory.Teams["oncall"].Members
		words := make([]string, len(members))
		start, clicks := make(chan struct{}), sync.WaitGroup{}
		for i, name := range members {
			clicks.Go(func() {
				<-start
				card, word, err := w.Click(ctx, bridge.Clicker{Human: name, Channel: "web"}, r.ID, bridge.VerbClaim)
				if err != nil || card.Shared != (word != "") {
					t.Errorf("%s claims: %q, shared %v, %v", name, word, card.Shared, err)
				}
				words[i] = word
			})
		}
		close(start)
		clicks.Wait()
		claimer := w.See(r.ID).ClaimedBy
		for i, name := range members {
			if want := claimer + " has claimed it, until 00:15 UTC at the latest."; (words[i] == "") != (name == claimer) || name != claimer && words[i] != want {
				t.Errorf("%s was told %q; %s has it", name, words[i], claimer)
			}
		}
		if n := w.Corp.Codes(); n != 1 {
			t.Errorf("%d codes were asked for", n)
		}
	})
}

func TestTwoLapsedClaimsBarTheirClaimer(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		for n := range 2 {
			if _, word := w.Press("alice", r.ID, bridge.VerbClaim); word != "" {
				t.Fatalf("claim %d: %s", n+1, word)
			}
			bridgetest.Pass(15*time.Minute - time.Second)
			if got := w.See(r.ID); got.ClaimedBy != "alice" {
				t.Fatalf("claim %d was over too early: %+v", n+1, got)
			}
			w = w.Restart() // it is not forgotten
			bridgetest.Pass(time.Second)
			if got := w.Expect(r.ID, bridge.Asked, ""); got.ClaimedBy != "" || got.Note != "alice did not finish in time." {
				t.Fatalf("claim %d did not lapse: %+v", n+1, got)
			}
		}
		if _, word := w.Press("alice", r.ID, bridge.VerbClaim); !contains(word, "Two of your claims have lapsed") {
			t.Errorf("the third claim was answered %q", word)
		}
		if card := inbox(t, w, "alice").Waiting[0]; len(card.Buttons) != 1 || card.Buttons[0].Verb != bridge.VerbDecline {
			t.Errorf("alice is offered %v", card.Buttons)
		}
		if _, word := w.Press("bob", r.ID, bridge.VerbClaim); word != "" {
			t.Errorf("bob claims: %s", word)
		}
		other := w.MustAsk(bridge.Ask{Team: "oncall", Session: "another"})
		if _, word := w.Press("alice", other.ID, bridge.VerbClaim); word != "" {
			t.Errorf("alice claims another request: %s", word)
		}
	})
}

func TestAClaimLastsAsLongAsItsCode(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Press("alice", r.ID, bridge.VerbClaim)
		bridgetest.Pass(12 * time.Minute) // the code has lapsed, the claim has not
		if got := w.Expect(r.ID, bridge.Asked, ""); got.ClaimedBy != "alice" {
			t.Fatalf("it is claimed by %q", got.ClaimedBy)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		bridgetest.Pass(9 * time.Minute) // the claim alone would be over
		if got := w.Expect(r.ID, bridge.Coded, ""); got.ClaimedBy != "alice" || !got.ClaimUntil.Equal(got.CodeExpiresAt) {
			t.Fatalf("claimed by %q until %v, the code lapses %v", got.ClaimedBy, got.ClaimUntil, got.CodeExpiresAt)
		}
		bridgetest.Pass(2 * time.Minute)
		if got := w.Expect(r.ID, bridge.Asked, ""); got.ClaimedBy != "" {
			t.Errorf("it is still claimed by %q", got.ClaimedBy)
		}
	})
}

// A claim outlives a code that could not be had: its claimer presses again.
func TestAClaimIsKeptWhenNoCodeCanBeHad(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Corp.Fail("Begin", errors.New("bad gateway"))
		w.Press("alice", r.ID, bridge.VerbClaim)
		card := inbox(t, w, "alice").Waiting[0]
		if card.Shared || !contains(card.Note, "could not give a code") || !slices.Contains(labels(card), "Show code") {
			t.Fatalf("alice sees %q and %v", card.Note, labels(card))
		}
		if other := inbox(t, w, "bob").Waiting[0]; other.Note != "" || len(other.Buttons) != 0 {
			t.Errorf("bob sees %q and %v", other.Note, labels(other))
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Expect(r.ID, bridge.Coded, "")
	})
}

// Release burns the code: what was begun with it comes to nothing, also when
// the provider's yes is under way already.
func TestReleaseBurnsTheCode(t *testing.T) {
	for name, release := range map[string]func(*bridgetest.World, bridge.RequestID) error{
		"by the claimer": func(w *bridgetest.World, id bridge.RequestID) error {
			w.Press("alice", id, bridge.VerbRelease)
			return nil
		},
		"by the operator": func(w *bridgetest.World, id bridge.RequestID) error {
			_, err := w.Release(ctx, operator, id)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
				w.Press("alice", r.ID, bridge.VerbClaim)
				arrive := w.Corp.Hold()
				w.Corp.Approve(bridgetest.Alice)
				bridgetest.Pass(7 * time.Second)
				if err := release(w, r.ID); err != nil {
					t.Fatal(err)
				}
				arrive()
				bridgetest.Pass(5 * time.Second)
				if got := w.Expect(r.ID, bridge.Asked, ""); got.ClaimedBy != "" {
					t.Errorf("it is claimed by %q", got.ClaimedBy)
				}
				if issues := w.Corp.Issues(); len(issues) != 1 || !issues[0].Revoked {
					t.Errorf("alice's token was not revoked: %+v", issues)
				}
				w.Press("bob", r.ID, bridge.VerbClaim)
				grants(w, bridgetest.Bob)
				if got := w.Expect(r.ID, bridge.Granted, ""); got.Human != "bob" || got.Codes != 2 {
					t.Errorf("granted by %q with code %d", got.Human, got.Codes)
				}
			})
		})
	}
}

func TestOnlyAClaimCanBeReleased(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		if _, err := w.Release(ctx, operator, r.ID); problemCode(err) != bridge.ProblemInvalidRequest {
			t.Errorf("release what nobody has claimed: %v", err)
		}
		if _, err := w.Release(ctx, operator, bridge.NewRequestID(time.Now())); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("release what is not there: %v", err)
		}
	})
}

// A request to one human knows no team's buttons.
func TestARequestToOneHumanCannotBeClaimed(t *testing.T) {
	story(t, oncall, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		for _, verb := range []bridge.Verb{bridge.VerbClaim, bridge.VerbRelease, bridge.VerbDecline} {
			if _, word := w.Press("alice", r.ID, verb); !contains(word, "You alone are asked") {
				t.Errorf("%s was answered %q", verb, word)
			}
		}
		if got := w.Expect(r.ID, bridge.Asked, ""); got.ClaimedBy != "" || got.Card != 1 {
			t.Errorf("it has become %+v", got)
		}
	})
}

// Whose account it is goes by who has claimed, not by who is in the team.
func TestAnotherMembersAccountIsNotUsed(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Press("alice", r.ID, bridge.VerbClaim)
		grants(w, bridgetest.Bob)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)
		bridgetest.Pass(5 * time.Second)
		if issues := w.Corp.Issues(); len(issues) != 1 || !issues[0].Revoked {
			t.Errorf("bob's token was not revoked: %+v", issues)
		}
		if private := inbox(t, w, "alice").Earlier[0]; !contains(private.Ending, bridgetest.Bob.Email) {
			t.Errorf("alice is told %q", private.Ending)
		}
		if shared := inbox(t, w, "bob").Earlier[0]; contains(bridgetest.Text(shared), "@") || !contains(shared.Ending, "did not pass the check") {
			t.Errorf("the team is told %q", bridgetest.Text(shared))
		}
	})
}

// Not me by its claimer is for the team's request, and for this human alone.
func TestNotMeByTheClaimer(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Press("alice", r.ID, bridge.VerbClaim)
		w.Press("alice", r.ID, bridge.VerbNotMe)
		w.Expect(r.ID, bridge.Denied, bridge.OutcomeNotMe)
		if shared := inbox(t, w, "bob").Earlier[0]; !contains(shared.Ending, "alice did not ask for this") {
			t.Errorf("the team is told %q", shared.Ending)
		}
		next := w.MustAsk(bridge.Ask{Team: "oncall", Session: "next"})
		if in := inbox(t, w, "alice"); len(in.Waiting) != 0 {
			t.Errorf("alice is shown %+v", in.Waiting)
		}
		if in := inbox(t, w, "bob"); len(in.Waiting) != 1 || len(in.Waiting[0].Buttons) != 2 {
			t.Errorf("bob is shown %+v", in.Waiting)
		}
		w.Press("bob", next.ID, bridge.VerbClaim)
		w.Press("bob", next.ID, bridge.VerbNotMe)
		if _, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Team: "oncall"}); problemCode(err) != bridge.ProblemSuspended {
			t.Errorf("a team in which everybody has suspended the agent is asked: %v", err)
		}
		if _, _, err := w.Ask(ctx, w.Agent("other"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Team: "oncall"}); err != nil {
			t.Errorf("another agent asks: %v", err)
		}
	})
}

// Who says of one request that they did not ask for it lets go of what else
// they hold of that agent; the others of the team can take it.
func TestNotMeElsewhereLetsGoOfAClaim(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Press("alice", r.ID, bridge.VerbClaim)
		suspends(w, "alice")
		if got := w.Expect(r.ID, bridge.Asked, ""); got.ClaimedBy != "" {
			t.Errorf("it is still claimed by %q", got.ClaimedBy)
		}
		if _, word := w.Press("bob", r.ID, bridge.VerbClaim); word != "" {
			t.Errorf("bob claims: %s", word)
		}
	})
}

// It ends what they have granted, which is still being checked.
func TestNotMeElsewhereEndsWhatIsHeld(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		answer := w.Corp.HoldIdentify()
		w.Press("alice", r.ID, bridge.VerbClaim)
		grants(w, bridgetest.Alice)
		suspends(w, "alice")
		answer()
		bridgetest.Pass(5 * time.Second)
		w.Expect(r.ID, bridge.Denied, bridge.OutcomeNotMe)
		if issues := w.Corp.Issues(); !issues[0].Revoked {
			t.Errorf("alice's token was not revoked: %+v", issues)
		}
	})
}

// What the owner of a team's grant has suspended, or who has left the team,
// answers nothing any more; the team is asked anew.
func TestATeamsGrantGoesByItsOwner(t *testing.T) {
	for name, lose := range map[string]func(*bridgetest.World) *bridgetest.World{
		"suspended": func(w *bridgetest.World) *bridgetest.World { suspends(w, "alice"); return w },
		"left":      func(w *bridgetest.World) *bridgetest.World { return dismiss(w, "alice") },
	} {
		t.Run(name, func(t *testing.T) {
			teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
				w.Press("alice", r.ID, bridge.VerbClaim)
				grants(w, bridgetest.Alice)
				w.Expect(r.ID, bridge.Granted, "")
				w = lose(w)
				if token, err := w.Collect(ctx, w.Agent("helper"), r.ID); err == nil {
					t.Errorf("the agent got %+v", token)
				}
				if c := inbox(t, w, "bob").Earlier[0]; c.Live || contains(c.Ending, "has access") {
					t.Errorf("bob is told %q of what is withheld", c.Ending)
				}
				next, reply, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Team: "oncall"})
				if err != nil || reply != bridge.Created {
					t.Fatalf("the next ask: %v, %v", reply, err)
				}
				w.Press("bob", next.ID, bridge.VerbClaim)
				grants(w, bridgetest.Bob)
				if token, err := w.Collect(ctx, w.Agent("helper"), next.ID); err != nil || token.Human != "bob" {
					t.Errorf("the agent got %+v, %v", token, err)
				}
				bridgetest.Pass(5 * time.Second)
				if issues := w.Corp.Issues(); len(issues) != 2 || !issues[0].Revoked || issues[1].Revoked {
					t.Errorf("alice's token is to be revoked, and bob's is not: %+v", issues)
				}
			})
		})
	}
}

// Who leaves while they hold a claim has no say any more: what they granted is
// thrown away.
func TestAMemberWhoLeavesHasNoClaim(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Press("alice", r.ID, bridge.VerbClaim)
		arrive := w.Corp.HoldIdentify()
		grants(w, bridgetest.Alice)
		w.Expect(r.ID, bridge.Held, "")
		w.Stop()
		w = dismiss(w, "alice")
		arrive()
		bridgetest.Pass(15 * time.Second)
		w.Expect(r.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
		if issues := w.Corp.Issues(); !issues[0].Revoked {
			t.Errorf("alice's token was not revoked: %+v", issues)
		}
		if _, _, err := w.Click(ctx, bridge.Clicker{Human: "alice", Channel: "web"}, r.ID, bridge.VerbDeny); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("alice still has a say: %v", err)
		}
	})
}

// At a reload their claim is released at once, for the others to take, and the
// code that they have been shown leads nowhere.
func TestAReloadReleasesTheClaimOfWhoLeft(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Press("alice", r.ID, bridge.VerbClaim)
		changed, stop := w.WatchInbox("alice")
		defer stop()
		next := *w.Directory
		next.Teams = map[string]bridge.Team{"oncall": {Name: "oncall", Members: []string{"bob"}}}
		if _, err := w.Reload(ctx, &next, map[string]bridge.Provider{"corp": w.Corp}); err != nil {
			t.Fatal(err)
		}
		if got := w.Expect(r.ID, bridge.Asked, ""); got.ClaimedBy != "" || got.Note != "alice is not in the team any more." {
			t.Fatalf("it is claimed by %q: %s", got.ClaimedBy, got.Note)
		}
		select {
		case <-changed:
		default:
			t.Error("alice's page was not woken")
		}
		if in := inbox(t, w, "alice"); len(in.Waiting)+len(in.Earlier) != 0 {
			t.Errorf("alice still sees %+v", in)
		}
		grants(w, bridgetest.Alice)
		w.Press("bob", r.ID, bridge.VerbClaim)
		grants(w, bridgetest.Bob)
		if got := w.Expect(r.ID, bridge.Granted, ""); got.Human != "bob" || len(w.Corp.Issues()) != 1 {
			t.Errorf("granted by %q, after %+v", got.Human, w.Corp.Issues())
		}
	})
}

func TestLimitsCountForTheTeam(t *testing.T) {
	small := func(d *bridge.Directory) { d.Limits.MaxOpenPerHuman, d.Limits.MaxOpenPerAgentAndHuman = 3, 2 }
	teamStory(t, small, func(t *testing.T, w *bridgetest.World, _ bridge.Request) {
		ask := func(agent, session string, whom bridge.Ask) bridge.ProblemCode {
			whom.Provider, whom.Scopes, whom.Session = "corp", []string{"files:read"}, session
			_, _, err := w.Ask(ctx, w.Agent(agent), whom)
			return problemCode(err)
		}
		team, bob := bridge.Ask{Team: "oncall"}, bridge.Ask{Human: "bob"}
		for i, got := range []bridge.ProblemCode{
			ask("helper", "2", team), ask("helper", "3", team), // the agent's share is used up
			ask("other", "4", team), ask("other", "5", team), // and so is the team's
			ask("helper", "6", bob), ask("other", "7", bob), // what is asked of one member is counted apart
		} {
			want := []bridge.ProblemCode{"", bridge.ProblemTooManyOpen, "", bridge.ProblemTooManyOpen, "", ""}[i]
			if got != want {
				t.Errorf("ask %d: %q, want %q", i, got, want)
			}
		}
	})
}

func TestWhomAnAskMayName(t *testing.T) {
	empty := func(d *bridge.Directory) {
		oncall(d)
		d.Teams["deserted"] = bridge.Team{Name: "deserted", Members: []string{"nobody"}}
		d.Agents["helper"].May[0].Ask = append(d.Agents["helper"].May[0].Ask, "deserted")
		d.Teams["secret"] = bridge.Team{Name: "secret", Members: []string{"alice"}}
	}
	story(t, empty, func(t *testing.T, w *bridgetest.World) {
		refused := func(ask bridge.Ask) *bridge.Problem {
			t.Helper()
			ask.Provider, ask.Scopes = "corp", []string{"files:read"}
			_, _, err := w.Ask(ctx, w.Agent("helper"), ask)
			p, ok := errors.AsType[*bridge.Problem](err)
			if !ok {
				t.Fatalf("%+v: %v", ask, err)
			}
			return p
		}
		if p := refused(bridge.Ask{Human: "alice", Team: "oncall"}); p.Code != bridge.ProblemInvalidRequest {
			t.Errorf("both: %v", p)
		}
		unknown := refused(bridge.Ask{Team: "unknown"})
		for _, ask := range []bridge.Ask{{Team: "secret"}, {Team: "deserted"}, {Team: "alice"}, {Human: "oncall"}, {Human: "secret"}} {
			p := refused(ask)
			p.Detail = strings.Replace(p.Detail, ask.Human+ask.Team, "unknown", 1)
			if p.Code != bridge.ProblemNotAllowed || p.Detail != unknown.Detail || p.Hint != unknown.Hint {
				t.Errorf("%+v: %+v, want %+v", ask, p, unknown)
			}
		}
	})
}

// What is given through a team lasts four hours at most, whatever a rule says,
// and the card says so before anybody claims.
func TestReuseThroughATeam(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		if card := inbox(t, w, "alice").Waiting[0]; card.Reuse != 4*time.Hour {
			t.Errorf("the card says %v", card.Reuse)
		}
		w.Corp.TokenLifetime = 10 * time.Hour
		w.Press("alice", r.ID, bridge.VerbClaim)
		grants(w, bridgetest.Alice)
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
			t.Fatal(err)
		}
		again := func() bridge.Reply {
			_, reply, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Team: "oncall"})
			if err != nil {
				t.Fatal(err)
			}
			return reply
		}
		bridgetest.Pass(4*time.Hour - time.Minute)
		if again() != bridge.Served {
			t.Error("a minute before its end it does not serve")
		}
		bridgetest.Pass(time.Minute)
		if again() == bridge.Served {
			t.Error("after four hours it still serves")
		}
		bridgetest.Pass(5 * time.Second)
		if issues := w.Corp.Issues(); !issues[0].Revoked {
			t.Error("after four hours it is not revoked")
		}
	})
}

// At no time does anybody but the claimer see the code, its address, the
// check phrase or an account, and the agent learns who gave only afterwards.
func TestWhatTheOthersSee(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		look := func(moment string, agentSees string) {
			t.Helper()
			now := w.See(r.ID)
			in := inbox(t, w, "bob")
			for _, c := range append(in.Waiting, in.Earlier...) {
				if what := leaks(c, now); what != "" {
					t.Errorf("%s: bob sees %s", moment, what)
				}
			}
			if len(in.Waiting)+len(in.Earlier) != 1 {
				t.Errorf("%s: bob sees %d cards", moment, len(in.Waiting)+len(in.Earlier))
			}
			if got, err := w.Get(ctx, "helper", r.ID); err != nil || got.Human != agentSees {
				t.Errorf("%s: the agent sees %q, %v", moment, got.Human, err)
			}
		}
		look("free", "")
		w.Press("alice", r.ID, bridge.VerbClaim)
		look("coded", "")
		if card := inbox(t, w, "bob").Waiting[0]; card.Headline != "Claimed by alice" || card.Claim.By != "alice" || !card.Claim.Until.Equal(card.Claim.At.Add(15*time.Minute)) {
			t.Errorf("bob is told %q: %+v", card.Headline, card.Claim)
		}
		known := w.Corp.HoldIdentify()
		grants(w, bridgetest.Alice)
		look("held", "")
		known()
		bridgetest.Pass(time.Second)
		w.Expect(r.ID, bridge.Granted, "")
		look("granted", "alice")
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
			t.Fatal(err)
		}
		look("collected", "alice")
		if ending := inbox(t, w, "bob").Earlier[0].Ending; !contains(ending, "Approved by alice. helper has access.") {
			t.Errorf("bob is told %q", ending)
		}
		if private := inbox(t, w, "alice").Given[0]; private.Shared || !contains(private.Ending, bridgetest.Alice.Email) {
			t.Errorf("alice is told %q", private.Ending)
		}
		bridgetest.Pass(5 * time.Hour)
		look("over", "alice")
	})
}

// All of the team follow what happens to its requests, and any of them can be
// the one who has seen one.
func TestAllOfTheTeamFollow(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		wakes := map[string]<-chan struct{}{}
		for _, name := range []string{"alice", "bob", "carol"} {
			changed, stop := w.WatchInbox(name)
			defer stop()
			wakes[name] = changed
		}
		w.Press("alice", r.ID, bridge.VerbClaim)
		for name, changed := range wakes {
			select {
			case <-changed:
				if name == "carol" {
					t.Error("carol was woken")
				}
			default:
				if name != "carol" {
					t.Errorf("%s was not woken", name)
				}
			}
		}
		card := inbox(t, w, "bob").Waiting
		if err := w.Seen(ctx, "carol", "web", card); err != nil || w.See(r.ID).Surfaces[0].State != bridge.DeliveryWaiting {
			t.Errorf("a stranger has seen it: %v, %+v", err, w.See(r.ID).Surfaces)
		}
		if err := w.Seen(ctx, "bob", "web", card); err != nil || w.See(r.ID).Surfaces[0].State != bridge.DeliveryShown {
			t.Errorf("bob has not seen it: %v, %+v", err, w.See(r.ID).Surfaces)
		}
	})
}

// The page of a member is in order, whoever was asked, and so are the earlier
// requests.
func TestOwnAndTheTeamsRequestsInOneList(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, first bridge.Request) {
		want := []bridge.RequestID{first.ID}
		for i := range 5 {
			bridgetest.Pass(time.Second)
			ask := bridge.Ask{Session: fmt.Sprint(i)}
			if i%2 == 1 {
				ask.Team = "oncall"
			} else {
				ask.Human = "bob"
			}
			if i == 2 { // carol's is not among them
				ask.Human = "carol"
			}
			if r := w.MustAsk(ask); i != 2 {
				want = append([]bridge.RequestID{r.ID}, want...)
			}
		}
		ids := func(cards []bridge.Card) (all []bridge.RequestID) {
			for _, c := range cards {
				all = append(all, c.Request)
			}
			return all
		}
		if got := ids(inbox(t, w, "bob").Waiting); !slices.Equal(got, want) {
			t.Errorf("bob is shown %v, want %v", got, want)
		}
		for _, id := range want {
			if _, err := w.Cancel(ctx, "helper", id); err != nil {
				t.Fatal(err)
			}
		}
		if got := ids(inbox(t, w, "bob").Earlier); !slices.Equal(got, want) {
			t.Errorf("bob is shown %v of before, want %v", got, want)
		}
	})
}

// The record says who did what.
func TestTheRecordOfATeamsRequest(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Press("alice", r.ID, bridge.VerbClaim)
		w.Press("alice", r.ID, bridge.VerbRelease)
		w.Press("bob", r.ID, bridge.VerbClaim)
		if _, err := w.Release(ctx, operator, r.ID); err != nil {
			t.Fatal(err)
		}
		w.Press("bob", r.ID, bridge.VerbClaim)
		bridgetest.Pass(16 * time.Minute)
		w.Press("alice", r.ID, bridge.VerbDecline)
		w.Expect(r.ID, bridge.Denied, bridge.OutcomeDenied)
		var got []string
		if err := w.Store.View(ctx, func(tx bridge.ReadTx) error {
			got = nil
			for e, err := range bridgetest.History(tx, r.ID) {
				if err != nil {
					return err
				}
				if e.Event != bridge.OnMinted && e.Event != bridge.OnCodeLapsed {
					got = append(got, fmt.Sprintf("%s by %s", e.Event, strings.TrimSpace(string(e.By)+" "+e.Actor)))
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"ask by agent helper", "claim by human alice", "release by human alice", "claim by human bob",
			"release by operator uid 0", "claim by human bob", "claim_lapsed by bridge", "team_decline by human alice",
		}
		if !slices.Equal(got, want) {
			t.Errorf("the record says %q, want %q", got, want)
		}
	})
}

func labels(c bridge.Card) (all []string) {
	for _, b := range c.Buttons {
		all = append(all, b.Label)
	}
	return all
}

func inbox(t *testing.T, w *bridgetest.World, human string) bridge.Inbox {
	t.Helper()
	in, err := w.Inbox(ctx, human)
	if err != nil {
		t.Fatalf("the inbox of %s: %v", human, err)
	}
	return in
}
