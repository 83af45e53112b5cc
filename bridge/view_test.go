package bridge_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

const (
	bobsSlack = "U0BOB"
	teamPlace = "C0ONCALL"
)

// chattingTeam is a world in which the team oncall is asked in a channel of
// Slack, and its members are there.
func chattingTeam(t *testing.T, memory time.Duration, change func(*bridge.Directory), tell func(t *testing.T, w *chatting)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dir := bridgetest.Directory()
		oncall(dir)
		dir.Channels = []string{"slack"}
		team, bob := dir.Teams["oncall"], dir.Humans["bob"]
		team.Slack, bob.Slack = teamPlace, bobsSlack
		dir.Teams["oncall"], dir.Humans["bob"] = team, bob
		if change != nil {
			change(dir)
		}
		slack, mortal := bridgetest.NewMessenger(t, memory), &mortalStore{Store: openStore(t)}
		chats := map[string]bridge.Messenger{"slack": slack}
		w := bridgetest.StartWithChats(t, dir, mortal, bridgetest.New("https://login.example.com"), chats)
		tell(t, &chatting{w, slack, mortal})
	})
}

// inSlack presses a button there and returns the word to who did.
func (w *chatting) inSlack(t *testing.T, human string, id bridge.RequestID, verb bridge.Verb) string {
	t.Helper()
	_, word, err := w.Click(ctx, bridge.Clicker{Human: human, Channel: "slack", User: "U-" + human}, id, verb)
	if err != nil {
		t.Fatalf("%s presses %s: %v", human, verb, err)
	}
	bridgetest.Pass(time.Second)
	return word
}

// sees checks what is on somebody's screen, and with "!" what is not.
func (w *chatting) sees(t *testing.T, who bridge.Address, words ...string) {
	t.Helper()
	synctest.Wait()
	screen := w.slack.Screen(who)
	for _, part := range words {
		if no, found := strings.CutPrefix(part, "!"); found == strings.Contains(screen, no) {
			t.Errorf("want %q on the screen of %s:\n%s", part, who, screen)
		}
	}
}

// ways are the deliveries that the agent is told of.
func ways(r bridge.Request) (all []bridge.Surface) {
	for _, s := range r.Surfaces {
		if s.Way() {
			all = append(all, s)
		}
	}
	return all
}

// private words are for the claimer's eyes alone.
func private(r bridge.Request) []string {
	return []string{"!CODE-", "!" + r.CheckPhrase, "!login.example.com/device", "!alice@example.com", "!bob@example.com"}
}

func TestBehaviour02ATeamsCodeIsForItsClaimerAlone(t *testing.T) {
	chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{Team: "oncall", Reason: "the disk is full"})
		w.sees(t, teamPlace, "Waiting for someone to claim", "the disk is full", "[Claim]", "[Decline for the team]", "![Release]", "![Show again]")
		if all := ways(w.See(r.ID)); len(all) != 1 || all[0].View != bridge.ViewTeam || all[0].State != bridge.DeliveryShown {
			t.Fatalf("the team is reached by %+v", all)
		}
		if word := w.inSlack(t, "bob", r.ID, bridge.VerbClaim); word != "" {
			t.Fatalf("the claim was answered %q", word)
		}
		w.sees(t, bobsSlack, "CODE-0001", r.CheckPhrase, "[Release]", "![Show again]")
		w.sees(t, teamPlace, "Claimed by bob", "[Release]", "[Show again]", "![Claim]")
		if word := w.inSlack(t, "alice", r.ID, bridge.VerbClaim); !strings.Contains(word, "bob has claimed it") {
			t.Errorf("who comes too late is told %q", word)
		}
		w.Corp.Approve(bridgetest.Bob)
		bridgetest.Pass(7 * time.Second)
		w.Expect(r.ID, bridge.Granted, "")
		w.sees(t, teamPlace, "Approved by bob", "![")
		w.sees(t, bobsSlack, "Approved", "bob@example.com", "[Revoke]", "!CODE-")
		w.sees(t, alicesSlack, "!helper")
		if all := ways(w.See(r.ID)); len(all) != 1 {
			t.Errorf("the agent is told of %+v", all)
		}
		for _, msg := range w.slack.Messages(teamPlace) {
			for _, card := range msg.Cards {
				for _, word := range private(r) {
					if strings.Contains(bridgetest.Text(card), word[1:]) {
						t.Errorf("%q stood in the channel:\n%s", word[1:], bridgetest.Text(card))
					}
				}
			}
		}
		if push := w.slack.Pushes(bobsSlack); len(push) != 1 || strings.Contains(push[0], "CODE-") {
			t.Errorf("the pushes were %q", push)
		}
	})
}

// What somebody holds no more closes, and says why.
func TestBehaviour19AClaimThatIsOverClosesItsCard(t *testing.T) {
	for why, end := range map[string]func(t *testing.T, w *chatting, id bridge.RequestID){
		"You released this.": func(t *testing.T, w *chatting, id bridge.RequestID) { w.inSlack(t, "bob", id, bridge.VerbRelease) },
		"Your claim has lapsed.": func(_ *testing.T, _ *chatting, _ bridge.RequestID) {
			bridgetest.Pass(16 * time.Minute)
		},
		"The operator has released this for the others.": func(t *testing.T, w *chatting, id bridge.RequestID) {
			if _, err := w.Release(ctx, bridge.Actor{Kind: bridge.ByOperator, Name: "uid 0"}, id); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		},
		"You are not in the team any more.": func(t *testing.T, w *chatting, _ bridge.RequestID) {
			dir := *w.Directory
			dir.Teams = map[string]bridge.Team{"oncall": {Name: "oncall", Members: []string{"alice"}, Slack: teamPlace}}
			if _, err := w.Reload(ctx, &dir, map[string]bridge.Provider{"corp": w.Corp}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		},
	} {
		t.Run(why, func(t *testing.T) {
			chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
				r := w.MustAsk(bridge.Ask{Team: "oncall"})
				synctest.Wait()
				w.inSlack(t, "bob", r.ID, bridge.VerbClaim)
				w.sees(t, bobsSlack, "CODE-0001")
				end(t, w, r.ID)
				w.sees(t, bobsSlack, append(private(r), "Closed: helper wants corp", why, "![")...)
				w.sees(t, teamPlace, "Waiting for someone to claim", "[Claim]")
				edits := len(w.slack.Messages(bobsSlack)[0].Cards)
				w.inSlack(t, "alice", r.ID, bridge.VerbClaim)
				w.sees(t, alicesSlack, "CODE-0002")
				w.sees(t, bobsSlack, why, "!CODE-")
				if n := len(w.slack.Messages(bobsSlack)[0].Cards); n != edits {
					t.Errorf("the closed card was edited %d times more", n-edits)
				}
				w.inSlack(t, "alice", r.ID, bridge.VerbDeny)
				w.sees(t, alicesSlack, "Denied", "!CODE-")
				if got := w.See(r.ID); got.Owes() {
					t.Errorf("it owes something to %+v", got.Surfaces)
				}
			})
		})
	}
}

// A channel that is the team's no more is told nothing more: others may be in it
// now.
func TestTheTeamHasMovedToAnotherChannel(t *testing.T) {
	chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{Team: "oncall"})
		w.sees(t, teamPlace, "Waiting for someone to claim")
		dir, team := *w.Directory, w.Directory.Teams["oncall"]
		team.Slack = "C0ELSEWHERE"
		dir.Teams = map[string]bridge.Team{"oncall": team}
		if _, err := w.Reload(ctx, &dir, map[string]bridge.Provider{"corp": w.Corp}); err != nil {
			t.Fatal(err)
		}
		w.inSlack(t, "bob", r.ID, bridge.VerbClaim)
		w.sees(t, bobsSlack, "CODE-0001")
		w.sees(t, teamPlace, "Waiting for someone to claim", "!Claimed by")
		if s := w.See(r.ID).Surfaces[0]; s.State != bridge.DeliveryUnreachable {
			t.Errorf("the card there is %s (%q)", s.State, s.Detail)
		}
	})
}

// Who claims in the inbox has their card there, and none in the chat unless
// they ask for it.
func TestAClaimInTheInboxBringsNothingToTheChat(t *testing.T) {
	chattingTeam(t, bridgetest.NoMemory, func(d *bridge.Directory) { d.Channels = append(d.Channels, "web") }, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{Team: "oncall"})
		synctest.Wait()
		w.Press("bob", r.ID, bridge.VerbClaim)
		w.sees(t, teamPlace, "Claimed by bob")
		w.sees(t, bobsSlack, "!helper")
		for _, c := range inbox(t, w.World, "bob").Waiting {
			for _, button := range c.Buttons {
				if button.Verb == bridge.VerbShowAgain {
					t.Error("the inbox offers to show again what it shows")
				}
			}
		}
		if word := w.inSlack(t, "bob", r.ID, bridge.VerbShowAgain); word != "" {
			t.Errorf("bob is told %q", word)
		}
		w.sees(t, bobsSlack, "CODE-0001")
	})
}

// A claimer whose messages are closed keeps the claim, and the others their
// card: nobody is unreachable because of that.
func TestAClaimerWhoTakesNoMessages(t *testing.T) {
	chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		w.slack.Block(bobsSlack)
		r := w.MustAsk(bridge.Ask{Team: "oncall"})
		synctest.Wait()
		w.inSlack(t, "bob", r.ID, bridge.VerbClaim)
		bridgetest.Pass(time.Minute)
		if got := w.Expect(r.ID, bridge.Coded, ""); got.ClaimedBy != "bob" || len(ways(got)) != 1 || ways(got)[0].State != bridge.DeliveryShown {
			t.Errorf("claimed by %q, reached by %+v", got.ClaimedBy, ways(got))
		}
		w.sees(t, teamPlace, "Claimed by bob")
	})
}

// A team whose channel is closed, and that has no other, cannot be reached.
func TestATeamWhoseChannelIsClosed(t *testing.T) {
	chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		w.slack.Down(bridge.ErrRoute)
		r := w.MustAsk(bridge.Ask{Team: "oncall"})
		synctest.Wait()
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeHumanUnreachable)
	})
	chattingTeam(t, bridgetest.NoMemory, func(d *bridge.Directory) {
		team := d.Teams["oncall"]
		team.Slack = ""
		d.Teams["oncall"] = team
	}, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{Team: "oncall"})
		synctest.Wait()
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeHumanUnreachable)
	})
}

// Claims and releases without an end do not fill the record.
func TestClaimsWithoutAnEnd(t *testing.T) {
	chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{Team: "oncall"})
		synctest.Wait()
		for range 20 {
			w.Corp.Fail("Begin", errors.New("bad gateway")) // so that it costs no code
			w.inSlack(t, "bob", r.ID, bridge.VerbClaim)
			w.inSlack(t, "bob", r.ID, bridge.VerbRelease)
		}
		if n := len(w.See(r.ID).Surfaces); n > 1+12 {
			t.Errorf("there are %d surfaces", n)
		}
		word := w.inSlack(t, "alice", r.ID, bridge.VerbClaim)
		if got := w.See(r.ID); !strings.Contains(word, "too often") || got.ClaimedBy != "" {
			t.Errorf("one more claim is answered %q, and claimed by %q", word, got.ClaimedBy)
		}
	})
}

// Show again brings the card below what has been said since, to whoever it
// belongs to and to nobody else.
func TestShowAgain(t *testing.T) {
	chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{Team: "oncall"})
		synctest.Wait()
		if word := w.inSlack(t, "bob", r.ID, bridge.VerbShowAgain); !strings.Contains(word, "You hold no claim of it") {
			t.Errorf("before the claim bob is told %q", word)
		}
		w.inSlack(t, "bob", r.ID, bridge.VerbClaim)
		if word := w.inSlack(t, "alice", r.ID, bridge.VerbShowAgain); !strings.Contains(word, "bob has claimed it") {
			t.Errorf("alice is told %q", word)
		}
		if _, _, err := w.Click(ctx, bridge.Clicker{Human: "carol", Channel: "slack"}, r.ID, bridge.VerbShowAgain); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("a stranger is told %v", err)
		}
		w.sees(t, alicesSlack, "!CODE-")
		for i := range 10 {
			if word := w.inSlack(t, "bob", r.ID, bridge.VerbShowAgain); word != "" {
				t.Fatalf("the %d. time bob is told %q", i+1, word)
			}
		}
		all := w.slack.Messages(bobsSlack)
		if word := w.inSlack(t, "bob", r.ID, bridge.VerbShowAgain); !strings.Contains(word, "often enough") || len(w.slack.Messages(bobsSlack)) != 11 {
			t.Errorf("the eleventh time bob is told %q, and has %d messages", word, len(all))
		}
		for i, msg := range all {
			text := bridgetest.Text(msg.Now())
			if last := i == len(all)-1; strings.Contains(text, "CODE-0001") != last || strings.Contains(text, "Shown again below.") == last {
				t.Errorf("message %d shows:\n%s", i, text)
			}
		}
		w.inSlack(t, "bob", r.ID, bridge.VerbDeny)
		if word := w.inSlack(t, "bob", r.ID, bridge.VerbShowAgain); !strings.Contains(word, "This request is over") {
			t.Errorf("when it is over bob is told %q", word)
		}
	})
}

// Of a request to one human the agent hears about the card that counts.
func TestShowAgainToOneHuman(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		if _, word := w.Press("alice", r.ID, bridge.VerbShowAgain); word == "" {
			t.Error("it is shown again in the inbox, which there is not")
		}
		release := w.slack.Hold()
		for _, want := range []string{"", "The card is on its way to you."} {
			if _, word, err := w.Click(ctx, bridge.Clicker{Human: "alice", Channel: "slack"}, r.ID, bridge.VerbShowAgain); err != nil || word != want {
				t.Errorf("alice is told %q, want %q (%v)", word, want, err)
			}
		}
		if all := ways(w.See(r.ID)); len(all) != 1 || all[0].State != bridge.DeliveryWaiting {
			t.Errorf("the agent is told of %+v", all)
		}
		release()
		all := w.messages(t, 2)
		if strings.Contains(bridgetest.Text(all[0].Now()), "CODE-") || !strings.Contains(bridgetest.Text(all[1].Now()), "CODE-0001") {
			t.Errorf("alice sees:\n%s", w.slack.Screen(alicesSlack))
		}
	})
}

// While somebody has the request in hands, the others' channel may close; when
// nobody has it any more, nobody can be reached.
func TestATeamsChannelThatClosesBehindItsClaimer(t *testing.T) {
	chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{Team: "oncall"})
		synctest.Wait()
		w.slack.Block(teamPlace)
		w.Corp.Fail("Begin", errors.New("bad gateway"))
		w.inSlack(t, "bob", r.ID, bridge.VerbClaim)
		w.Expect(r.ID, bridge.Asked, "")
		w.inSlack(t, "bob", r.ID, bridge.VerbShowCode)
		w.sees(t, bobsSlack, "CODE-0001")
		w.inSlack(t, "bob", r.ID, bridge.VerbRelease)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeHumanUnreachable)
		w.sees(t, bobsSlack, "You released this.", "!CODE-")
	})
}
