package chattest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/bridge"
)

const userCode = "WDJB-MJHT"

// RunCards holds what is shown: that every card is taken, who sees a code and
// for how long, and that nobody's words do anything.
func RunCards(t *testing.T, start Start) {
	t.Run("every card is taken and says what it is", func(t *testing.T) { everyCardIsTaken(enter(t, start)) })
	t.Run("a code is one person's, and gone at the end", func(t *testing.T) { aCodeIsOnes(enter(t, start)) })
	t.Run("a code goes nowhere else", func(t *testing.T) { aCodeGoesNowhereElse(enter(t, start)) })
	t.Run("who claims sees the code, and the others do not", func(t *testing.T) { aClaimIsOnes(enter(t, start)) })
	t.Run("hostile words do nothing", func(t *testing.T) { hostileWordsDoNothing(enter(t, start)) })
	t.Run("a reminder and a notice stay what they are", func(t *testing.T) { linesStay(enter(t, start)) })
}

// everyCardIsTaken brings each scene, without its code first if it has one: a
// new message never has.
func everyCardIsTaken(b *bench) {
	all := slices.Concat(PrivateScenes(), EndedScenes(), TeamScenes())
	for i, s := range all {
		c := With(now(s.Card), func(c *bridge.Card) { c.Title = fmt.Sprintf("%s %d", c.Title, i) })
		to := b.Alice
		if c.View != bridge.ViewPrivate {
			to = b.Channel
		}
		without := With(c, func(c *bridge.Card) { c.Code = nil })
		ref := b.post(to, without)
		if c.Code != nil {
			b.edit(ref, c)
		}
		b.looksLike(b.Alice, s.Name, c)
	}
}

// looksLike checks the order of a card, and that everything on it is there.
func (b *bench) looksLike(who bridge.Address, name string, c bridge.Card) {
	b.t.Helper()
	screen := b.Person(who).Screen()
	_, shown, found := strings.Cut(screen, c.Headline+" · "+c.Title+"\n")
	if !found {
		b.t.Errorf("%s: line 1 is not there:\n%s", name, screen)
		return
	}
	want := []string{}
	if c.Ending != "" {
		want = append(want, c.Ending)
	} else {
		want = append(want, "Who:", "What:", "Why:")
	}
	if c.Code != nil {
		want = append(want, "I did not ask for this", c.Code.UserCode.Reveal())
	}
	for _, w := range want {
		_, rest, found := strings.Cut(shown, w)
		if !found {
			b.t.Errorf("%s: %q is not there, or too early:\n%s", name, w, screen)
		}
		shown = rest
	}
	for _, button := range c.Buttons {
		if !strings.Contains(shown, button.Label+"]") {
			b.t.Errorf("%s: the button %q is not there:\n%s", name, button.Label, screen)
		}
	}
}

func aCodeIsOnes(b *bench) {
	asked := now(AskedCard())
	ref := b.post(b.Alice, asked)
	b.sees(b.Alice, "Access request · helper wants corp", "!"+userCode)
	b.edit(ref, now(CodedCard()))
	b.sees(b.Alice, userCode)
	if heard := b.Person(b.Alice).Heard(); !strings.Contains(heard, "W D J B, M J H T") {
		b.t.Errorf("alice hears no code that she could type:\n%s", heard)
	}
	b.sees(b.Bob, "!"+userCode, "!helper")
	b.edit(ref, now(GivenCard()))
	b.seenNoMore(b.Alice)
	b.sees(b.Alice, "helper has access.")
}

// seenNoMore checks that nothing is left of the code.
func (b *bench) seenNoMore(who bridge.Address) {
	b.t.Helper()
	p := b.Person(who)
	for what, text := range map[string]string{"sees": p.Screen(), "hears": p.Heard(), "has on their phone": strings.Join(p.Pushes(), "\n")} {
		if strings.Contains(text, userCode) || strings.Contains(text, "W D J B") {
			b.t.Errorf("%s still %s the code:\n%s", who, what, text)
		}
	}
}

func aCodeGoesNowhereElse(b *bench) {
	team, shown := b.post(b.Channel, now(SharedCard())), now(CodedCard())
	inTeam := With(now(SharedCard()), func(c *bridge.Card) { c.Code = shown.Code })
	over := With(now(GivenCard()), func(c *bridge.Card) { c.Code = shown.Code })
	own := b.post(b.Alice, now(AskedCard()))
	for what, try := range map[string]func() error{
		"a new message":      func() error { _, err := b.Adapter().Post(b.t.Context(), b.Alice, shown, "key"); return err },
		"a channel":          func() error { return b.Adapter().Edit(b.t.Context(), team, shown) },
		"a card of the team": func() error { return b.Adapter().Edit(b.t.Context(), team, inTeam) },
		"what is over":       func() error { return b.Adapter().Edit(b.t.Context(), own, over) },
	} {
		if err := try(); !errors.Is(err, bridge.ErrInvalid) {
			b.t.Errorf("%s takes a code: %v", what, err)
		}
	}
	if leaks := b.Leaks(userCode); len(leaks) > 0 {
		b.t.Errorf("the code got to the platform: %v", leaks)
	}
}

// aClaimIsOnes lets bob claim. As the bridge does, the desk answers before his
// card comes.
func aClaimIsOnes(b *bench) {
	team := With(now(SharedCard()), func(c *bridge.Card) { c.Request = bridge.NewRequestID(c.AskedAt) })
	own := With(now(CodedCard()), func(c *bridge.Card) {
		c.Request, c.Team, c.Claim = team.Request, team.Team, bridge.Claim{By: "bob", At: c.AskedAt, Until: c.OpenTo}
	})
	ref := b.post(b.Channel, team)
	claimed := make(chan struct{}, 1)
	b.Desk().Alter(func(d *Desk) {
		d.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) {
			claimed <- struct{}{}
			return With(team, func(c *bridge.Card) { c.Headline, c.Buttons = "Claimed by bob", nil }), "", nil
		}
	})
	b.Person(b.Bob).Press("Claim")
	<-claimed
	private := b.post(b.Bob, With(own, func(c *bridge.Card) { c.Code, c.State, c.Minting = nil, bridge.Asked, true }))
	b.edit(private, own)
	b.edit(ref, With(team, func(c *bridge.Card) { c.Headline, c.Buttons = "Claimed by bob", nil }))
	b.comesTo(b.Bob, userCode)
	b.sees(b.Alice, "Claimed by bob", "!"+userCode, "!Claim]")
	b.edit(private, now(ClosedCard("You released this.")))
	b.seenNoMore(b.Bob)
	b.sees(b.Bob, "You released this.")
}

// hostileWordsDoNothing brings each in one place after the other; each
// platform's own tests have all of them everywhere. The stand-in fails the test
// over a message that its platform would refuse.
func hostileWordsDoNothing(b *bench) {
	for i, words := range Hostile {
		cards := Everywhere(words)
		place := slices.Sorted(maps.Keys(cards))[i%len(cards)]
		c := now(cards[place])
		to := b.Alice
		if c.View != bridge.ViewPrivate {
			to = b.Channel
		}
		ref, err := b.Adapter().Post(b.t.Context(), to, With(c, func(c *bridge.Card) { c.Code = nil }), fmt.Sprint(i))
		if err == nil && c.Code != nil {
			err = b.Adapter().Edit(b.t.Context(), ref, c)
		}
		if err != nil {
			b.t.Errorf("%.40q %s: %v", words, place, err)
		}
	}
	if loud := b.Person(b.Alice).Loud(); len(loud) > 0 {
		b.t.Errorf("something does more than be seen: %q", loud)
	}
}

func linesStay(b *bench) {
	ref := b.post(b.Alice, now(AskedCard()))
	reminder := With(now(LineScenes()[4].Card), func(c *bridge.Card) { c.Under = ref })
	line := b.post(b.Alice, reminder)
	b.sees(b.Alice, "Still waiting", "Nobody has answered yet.")
	b.edit(line, With(now(LineScenes()[5].Card), func(c *bridge.Card) { c.Under = ref }))
	b.sees(b.Alice, "The card says how it stands.", "!Still waiting")

	notice := now(LineScenes()[0].Card)
	at := b.post(b.Channel, notice)
	b.sees(b.Bob, "helper has asked alice for corp.")
	b.edit(at, now(LineScenes()[2].Card))
	b.sees(b.Bob, "alice approved.")
}
