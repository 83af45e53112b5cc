package bridge

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// kinds are all events that the table knows.
func kinds() []Kind {
	var all []Kind
	for _, r := range table {
		if !slices.Contains(all, r.on) {
			all = append(all, r.on)
		}
	}
	return all
}

// anyEvent draws an event that may well be nonsense where it arrives.
func anyEvent(t *rapid.T, at time.Time) Event {
	return Event{
		Kind:     rapid.SampledFrom(kinds()).Draw(t, "kind"),
		By:       Actor{Kind: rapid.SampledFrom([]ActorKind{ByHuman, ByOperator}).Draw(t, "as"), Name: rapid.SampledFrom([]string{"alice", "bob"}).Draw(t, "by")},
		Code:     rapid.IntRange(0, MaxCodes+1).Draw(t, "code"),
		Until:    at.Add(time.Duration(rapid.IntRange(1, 7200).Draw(t, "until")) * time.Second),
		Interval: time.Duration(rapid.IntRange(5, 60).Draw(t, "interval")) * time.Second,
		Outcome:  OutcomeDeviceGrantBlocked,
		Signed:   Account{Issuer: "https://login.example.com", Subject: "s-1"},
		Matched:  rapid.Bool().Draw(t, "matched"),
		Grant:    "grt_1",
	}
}

// walk applies random events to a fresh request and looks after each.
func walk(t *rapid.T, look func(before Request, e Event, after Request, taken bool)) {
	at := noon
	start := Request{ID: "req_1", Human: "alice", CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
	if rapid.Bool().Draw(t, "to a team") {
		start.Human, start.Team = "", "oncall"
	}
	start.Digits = rapid.Bool().Draw(t, "digits")
	first := rapid.SampledFrom([]Kind{OnAsk, OnServed}).Draw(t, "first")
	r, ok := start.Apply(Event{Kind: first, Until: at.Add(time.Hour), Grant: "grt_1"}, at)
	if !ok {
		t.Fatalf("a new request refuses %s", first)
	}
	for range rapid.IntRange(1, 40).Draw(t, "steps") {
		at = at.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "pause")) * time.Second)
		e := anyEvent(t, at)
		after, taken := r.Apply(e, at)
		look(r, e, after, taken)
		r = after
	}
}

func TestARequestEndsExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		walk(t, func(before Request, e Event, after Request, _ bool) {
			if before.State.Ended() && (after.State != before.State || after.Outcome != before.Outcome || !after.EndedAt.Equal(before.EndedAt)) {
				t.Fatalf("%s changed the end from %s to %s", e.Kind, before.State, after.State)
			}
			if after.State.Ended() == after.EndedAt.IsZero() {
				t.Fatalf("%s led to %s, with the end at %v", e.Kind, after.State, after.EndedAt)
			}
			if ended := after.State.Ended() && after.State != Collected; ended != (after.Outcome != nil) {
				t.Fatalf("%s led to %s with the outcome %v", e.Kind, after.State, after.Outcome)
			}
		})
	})
}

func TestOnlyGrantedLeadsToCollectedAndOnlyHeldToGranted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		walk(t, func(before Request, e Event, after Request, _ bool) {
			if after.State == Collected && before.State != Granted && before.State != Collected {
				t.Fatalf("%s led from %s to collected", e.Kind, before.State)
			}
			if after.State == Granted && before.State != Granted && (before.State != Held || !slices.Contains([]Kind{OnMatched, OnMine, OnAnyAccount}, e.Kind)) {
				t.Fatalf("%s led from %s to granted", e.Kind, before.State)
			}
		})
	})
}

// Chance seldom walks as far as that: a word that nobody asked for, and a
// question to a team.
func TestNobodyIsTakenAtAWordUnasked(t *testing.T) {
	held := Request{State: Held, Human: "alice", DueBy: noon}
	for _, kind := range []Kind{OnMine, OnNotMine, OnConfirmTimeout} {
		if after, taken := held.Apply(Event{Kind: kind, Grant: "grt_1"}, noon); taken {
			t.Errorf("%s led to %s, and nobody was asked", kind, after.State)
		}
		renewal := held
		renewal.Renews = "grt_0"
		if after, taken := renewal.Apply(Event{Kind: kind, Grant: "grt_1"}, noon); taken {
			t.Errorf("%s led a renewal to %s, and nobody was asked", kind, after.State)
		}
	}
	unknown := Event{Kind: OnUnknownAccount, Signed: Account{Subject: "s-1"}, Until: noon}
	asked, taken := held.Apply(unknown, noon)
	if !taken || !asked.Confirming() {
		t.Fatal("alice is not asked")
	}
	unknown.Signed.Subject = "s-2"
	if again, taken := asked.Apply(unknown, noon); taken {
		t.Errorf("meanwhile she is asked about %+v", again.Signed)
	}
	if after, taken := asked.Apply(Event{Kind: OnAnyAccount, Grant: "grt_1"}, noon); taken {
		t.Errorf("the question was answered by nobody: %s", after.State)
	}
	for _, kind := range []Kind{OnMine, OnNotMine, OnConfirmTimeout, OnDeny, OnCancel} {
		if after, taken := asked.Apply(Event{Kind: kind, Grant: "grt_1"}, noon); !taken || after.Signed != (Account{}) {
			t.Errorf("after %s, taken %v, the request is %s and remembers %+v", kind, taken, after.State, after.Signed)
		}
	}
	held.Team, held.Human, held.ClaimedBy = "oncall", "", "alice"
	if _, taken := held.Apply(unknown, noon); taken {
		t.Error("a team is asked")
	}
}

// Only what somebody is asked about becomes theirs by their word, and nobody
// of a team is asked.
func TestAWordCountsWhereItWasAskedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		walk(t, func(before Request, e Event, after Request, taken bool) {
			if about := slices.Contains([]Kind{OnMine, OnNotMine, OnConfirmTimeout}, e.Kind); taken && about && !before.Confirming() {
				t.Fatalf("%s was taken in state %s, and nobody was asked", e.Kind, before.State)
			}
			if after.Confirming() && (after.Team != "" || after.Signed != e.Signed) {
				t.Fatalf("after %s somebody of %q is asked about %+v", e.Kind, after.Team, after.Signed)
			}
			if after.State != Held && after.Signed != (Account{}) {
				t.Fatalf("after %s the request is %s and remembers %+v", e.Kind, after.State, after.Signed)
			}
		})
	})
}

func TestNoCodeWithoutTheDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		walk(t, func(before Request, e Event, after Request, taken bool) {
			begins := after.Minting && !before.Minting
			if begins && before.Digits && !e.Matched && before.Matched != e.By.Name {
				t.Fatalf("%s by %s begins a code; the digits were typed by %q", e.Kind, e.By.Name, before.Matched)
			}
			if after.WrongDigits < before.WrongDigits || after.WrongDigits > maxWrongDigits {
				t.Fatalf("%s took the wrong tries from %d to %d", e.Kind, before.WrongDigits, after.WrongDigits)
			}
			if after.WrongDigits == maxWrongDigits && after.State != Denied {
				t.Fatalf("after the third wrong try the request is %s", after.State)
			}
		})
	})
}

func TestACodeThatIsNotTheCurrentOneChangesNothing(t *testing.T) {
	about := []Kind{OnMinted, OnMintFault, OnMintRefused, OnSlowDown, OnToken, OnRefused, OnPollFailed, OnTokenLost, OnCodeLapsed}
	rapid.Check(t, func(t *rapid.T) {
		walk(t, func(before Request, e Event, _ Request, taken bool) {
			if taken && slices.Contains(about, e.Kind) && e.Code != before.Codes {
				t.Fatalf("%s about code %d was taken while code %d is current", e.Kind, e.Code, before.Codes)
			}
		})
	})
}

func TestACodeIsLiveExactlyWhileCoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		walk(t, func(_ Request, e Event, after Request, _ bool) {
			if (after.State == Coded) == after.CodeExpiresAt.IsZero() {
				t.Fatalf("after %s the request is %s and its code lapses at %v", e.Kind, after.State, after.CodeExpiresAt)
			}
			if after.Minting && after.State != Asked {
				t.Fatalf("after %s a code is under way in state %s", e.Kind, after.State)
			}
			if after.Codes > MaxCodes {
				t.Fatalf("%d codes were asked for", after.Codes)
			}
			if after.State == Coded && after.ExpiresAt.Before(after.CodeExpiresAt) {
				t.Fatal("the request expires before the code that it shows")
			}
		})
	})
}

func TestWhatIsPendingHasADeadlineOrACodeUnderWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		walk(t, func(_ Request, e Event, after Request, _ bool) {
			at, kind := after.Deadline()
			if after.Pending() && !after.Minting && (at.IsZero() || kind == "") {
				t.Fatalf("after %s the request is %s and nothing would ever end it", e.Kind, after.State)
			}
			if !after.Pending() && !at.IsZero() {
				t.Fatalf("after %s the request is over and has a deadline", e.Kind)
			}
		})
	})
}

// The clock's own event is never refused: else it would strike for ever.
func TestTheClockIsAlwaysHeard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		walk(t, func(_ Request, _ Event, after Request, _ bool) {
			at, kind := after.Deadline()
			if at.IsZero() {
				return
			}
			struck, taken := after.Apply(Event{Kind: kind, Code: after.Codes}, at)
			if !taken {
				t.Fatalf("%s is refused in state %s", kind, after.State)
			}
			if next, again := struck.Deadline(); again == kind && next.Equal(at) {
				t.Fatalf("after %s the same deadline stands", kind)
			}
		})
	})
}

func TestVersionCountsEveryVisibleChange(t *testing.T) {
	quiet := []Kind{OnSlowDown, OnGraceOver, OnCollect, OnGrantRevoked}
	rapid.Check(t, func(t *rapid.T) {
		walk(t, func(before Request, e Event, after Request, taken bool) {
			switch {
			case !taken && after.Version != before.Version:
				t.Fatalf("%s was not taken and changed the version", e.Kind)
			case taken && after.Version != before.Version+1 && !slices.Contains(quiet, e.Kind):
				t.Fatalf("%s took the version from %d to %d", e.Kind, before.Version, after.Version)
			case after.State != before.State && after.Version == before.Version:
				t.Fatalf("%s changed the state unseen", e.Kind)
			}
		})
	})
}

func TestTheStory(t *testing.T) {
	r := Request{ID: "req_1", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
	story := []struct {
		e    Event
		want State
	}{
		{Event{Kind: OnAsk}, Asked},
		{Event{Kind: OnShowCode}, Asked},
		{Event{Kind: OnMintFault, Code: 1, Cause: "no answer"}, Asked},
		{Event{Kind: OnShowCode}, Asked},
		{Event{Kind: OnMinted, Code: 1, Until: noon.Add(10 * time.Minute), Interval: 5 * time.Second}, Coded},
		{Event{Kind: OnCodeLapsed, Code: 1}, Asked},
		{Event{Kind: OnShowCode}, Asked},
		{Event{Kind: OnMinted, Code: 2, Until: noon.Add(2 * time.Hour), Interval: 5 * time.Second}, Coded},
		{Event{Kind: OnToken, Code: 2, Until: noon.Add(time.Minute)}, Held},
		{Event{Kind: OnMatched, Grant: "grt_1", Account: "alice@example.com", Until: noon.Add(time.Hour)}, Granted},
		{Event{Kind: OnCollect, Until: noon.Add(time.Minute)}, Collected},
		{Event{Kind: OnGraceOver}, Collected},
	}
	for i, s := range story {
		var taken bool
		if r, taken = r.Apply(s.e, noon.Add(time.Duration(i)*time.Minute)); !taken || r.State != s.want {
			t.Fatalf("step %d, %s: %s (taken %v), want %s", i, s.e.Kind, r.State, taken, s.want)
		}
	}
	if r.Pending() || !r.ExpiresAt.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("pending %v, expires at %v; want it settled, and open as long as its last code", r.Pending(), r.ExpiresAt)
	}
}

func TestTheSeventhCodeEndsTheRequest(t *testing.T) {
	r := Request{State: Asked, Codes: MaxCodes, ExpiresAt: noon}
	r, taken := r.Apply(Event{Kind: OnShowCode}, noon)
	if !taken || r.State != Failed || r.Outcome.Code != OutcomeTooManyCodes {
		t.Errorf("the seventh code: %s, %v", r.State, r.Outcome)
	}
}

// Each end is reached by some row, with a sentence for humans.
func TestEveryOutcomeHasASentence(t *testing.T) {
	for code, s := range sentences {
		if s.message == "" {
			t.Errorf("%s has no sentence", code)
		}
	}
	for _, r := range table {
		if _, ok := sentences[r.outcome]; r.outcome != "" && !ok {
			t.Errorf("the row of %s ends in %s, which has no sentence", r.on, r.outcome)
		}
	}
}

// walkTeam is walk for a team's request and what befalls it: mostly its
// members, who press this and that.
func walkTeam(t *rapid.T, look func(before Request, e Event, after Request, taken bool)) {
	at := noon
	r, _ := Request{ID: "req_1", Team: "oncall", CreatedAt: at, ExpiresAt: at.Add(time.Hour)}.Apply(Event{Kind: OnAsk}, at)
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		at = at.Add(time.Minute)
		e := anyEvent(t, at)
		e.Kind = rapid.SampledFrom([]Kind{
			OnClaim, OnMinted, OnClaim, OnMinted, OnClaimLapsed, OnShowCode, OnCodeLapsed, OnMintFault, OnRelease,
			OnToken, OnMatched, OnDeny, OnNotMe, OnTeamDecline,
		}).Draw(t, "of a team")
		if e.Code = r.Codes; slices.Contains([]Kind{OnDeny, OnNotMe, OnTeamDecline}, e.Kind) {
			e.By.Name = rapid.SampledFrom([]string{"alice", "carol", "carol"}).Draw(t, "by whom") // else it ends too soon
		}
		after, taken := r.Apply(e, at)
		look(r, e, after, taken)
		r = after
	}
}

func TestOnlyItsClaimerMovesAClaimedRequest(t *testing.T) {
	acts := []Kind{OnShowCode, OnClaim, OnRelease, OnDeny, OnNotMe, OnTeamDecline}
	rapid.Check(t, func(t *rapid.T) {
		walkTeam(t, func(before Request, e Event, after Request, taken bool) {
			if !taken || !slices.Contains(acts, e.Kind) {
				return
			}
			byClaimer := before.claimedBy(e.By)
			switch {
			case before.ClaimedBy == "" && e.Kind != OnClaim && e.Kind != OnTeamDecline:
				t.Fatalf("%s by %s was taken while nobody had claimed it", e.Kind, e.By.Name)
			case before.ClaimedBy != "" && !byClaimer && (e.Kind != OnRelease || e.By.Kind == ByHuman):
				t.Fatalf("%s by %s was taken while %s had claimed it", e.Kind, e.By.Name, before.ClaimedBy)
			case e.Kind == OnClaim && before.bars(e.By.Name):
				t.Fatalf("%s has claimed it after %v", e.By.Name, before.LapsedClaims)
			case e.Kind == OnRelease && (after.State != Asked || after.ClaimedBy != "" || after.Minting):
				t.Fatalf("after a release it is %s, claimed by %q", after.State, after.ClaimedBy)
			}
		})
	})
}

func TestWhoGaveThroughATeamIsKnownFromTheGrantOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		walkTeam(t, func(before Request, e Event, after Request, _ bool) {
			if known := after.Grant != ""; known != (after.Human != "") || known && after.Human != after.ClaimedBy {
				t.Fatalf("after %s it is given by %q, claimed by %q, with the grant %q", e.Kind, after.Human, after.ClaimedBy, after.Grant)
			}
			if after.State == Coded && after.ClaimedBy == "" {
				t.Fatalf("after %s a code is live and nobody has claimed it", e.Kind)
			}
			if before.ClaimedBy == "" && after.ClaimedBy != "" && e.Kind != OnClaim {
				t.Fatalf("%s has claimed it by %s", after.ClaimedBy, e.Kind)
			}
		})
	})
}
