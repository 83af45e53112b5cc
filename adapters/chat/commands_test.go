package chat

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// clerk is a desk that answers as it is told to, and keeps what it hears. What
// these tests do not ask for panics.
type clerk struct {
	Desk

	human string
	found bridge.CodeFinding
	fault error
	asked []string
	lines []bridge.AuditLine
}

func (c *clerk) Link(_ context.Context, channel string, user bridge.Address, code string) (string, error) {
	c.asked = append(c.asked, fmt.Sprint(channel, " ", user, " ", code))
	return c.human, c.fault
}

func (c *clerk) VerifyCode(_ context.Context, human, typed string) (bridge.CodeFinding, error) {
	c.asked = append(c.asked, human+" "+typed)
	return c.found, c.fault
}

func (c *clerk) Audit(_ context.Context, line bridge.AuditLine) error {
	c.lines = append(c.lines, line)
	return c.fault
}

// TestLinkSaysWhatCameOfIt: no word repeats the code, and the log gets what is
// the bridge's fault and nothing else.
func TestLinkSaysWhatCameOfIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code  string
		fault error
		want  string
		ours  bool
	}{
		"well":              {code: "K7QF-XM2P", want: "You are alice here now."},
		"no code":           {want: "Type the code, too"},
		"a wrong code":      {code: "K7QF-XM2P", fault: bridge.ErrLinkCode, want: "wrong, used or too old"},
		"somebody else":     {code: "K7QF-XM2P", fault: bridge.ErrTied, want: "somebody else here already"},
		"too often":         {code: "K7QF-XM2P", fault: &bridge.TooManyTries{Until: time.Unix(1.8e9, 0)}, want: "Try again after 15 Jan 2027, 08:00 UTC"},
		"no store":          {code: "K7QF-XM2P", fault: bridge.ErrStoreUnavailable, want: "Nothing was changed", ours: true},
		"something unheard": {code: "K7QF-XM2P", fault: errors.New("K7QF-XM2P"), want: "its log says what", ours: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			desk := &clerk{human: "alice", fault: c.fault}
			word, fault := Link(t.Context(), desk, "discord", "1001", c.code)
			if !strings.Contains(word, c.want) || strings.Contains(word, "K7QF") || (fault != nil) != c.ours {
				t.Errorf("it says %q, and logs %v", word, fault)
			}
			if asked := strings.Join(desk.asked, ","); c.code != "" && asked != "discord 1001 K7QF-XM2P" || c.code == "" && asked != "" {
				t.Errorf("the desk was asked %q", asked)
			}
		})
	}
}

func TestVerifySaysWhoseACodeIs(t *testing.T) {
	t.Parallel()
	known := bridge.CodeFinding{Known: true, Agent: "helper"}
	for name, c := range map[string]struct {
		typed string
		found bridge.CodeFinding
		fault error
		want  string // "" = the finding is drawn
		ours  bool
	}{
		"from here":     {typed: "WDJB-MJHT", found: known},
		"not from here": {typed: "WDJB-MJHT", want: bridge.CodeFinding{}.Word()},
		"no code":       {want: "Type the code, too", found: known},
		"no store":      {typed: "WDJB-MJHT", found: known, fault: bridge.ErrStoreUnavailable, want: "cannot reach its store", ours: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			desk := &clerk{found: c.found, fault: c.fault}
			found, word, fault := Verify(t.Context(), desk, "alice", c.typed)
			if (word == "") != (c.want == "") || !strings.Contains(word, c.want) || (fault != nil) != c.ours {
				t.Errorf("it says %q, and logs %v", word, fault)
			}
			if found.Known != (c.want == "") {
				t.Errorf("it found %+v", found)
			}
		})
	}
}

// TestToRevokeIsSureOfTheName: two that it could be are none.
func TestToRevokeIsSureOfTheName(t *testing.T) {
	t.Parallel()
	const one, two, three = "req_0000000000000000000000aaaa", "req_1000000000000000000000bbbb", "req_2000000000000000000000bbbb"
	in := bridge.Inbox{Given: []bridge.Card{{Request: one}, {Request: two}, {Request: three}}, Waiting: []bridge.Card{{Request: "req_0000000000000000000000cccc"}}}
	for typed, want := range map[string]bridge.RequestID{"aaaa": one, "AAAA": one, one: one, two: two, "bbbb": "", "cccc": "", "": "", "aaa": "", "req_": ""} {
		c, word := ToRevoke(in, typed)
		if c.Request != want || (word == "") != (want != "") {
			t.Errorf("%q is %q, %q", typed, c.Request, word)
		}
	}
}

// TestTheAuditLogIsNotTheirs: whoever presses on and on is told of so often,
// and keeps nobody else's press from it.
func TestTheAuditLogIsNotTheirs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		desk := &clerk{}
		away := NewTurnedAway(desk, "discord")
		press := func(user string) {
			if err := away.Tell(t.Context(), user, bridge.VerbClaim, "req_1", "A bot has no say here."); err != nil {
				t.Error(err)
			}
		}
		for range 3 * MaxTurnedAway {
			press("666")
		}
		press("1001")
		if n := len(desk.lines); n != MaxTurnedAway+1 {
			t.Errorf("it has %d lines", n)
		}
		last := desk.lines[len(desk.lines)-1]
		if last.Channel != "discord" || last.PlatformUser != "1001" || last.Request != "req_1" || last.Detail != "claim: A bot has no say here." || last.Event != bridge.AuditPressRefused {
			t.Errorf("the last is %+v", last)
		}
		<-time.After(turnedAwayFor)
		press("666")
		if n := len(desk.lines); n != MaxTurnedAway+2 {
			t.Errorf("it has %d lines ten minutes later", n)
		}
	})
}

func TestAFullAuditLogIsToldOf(t *testing.T) {
	t.Parallel()
	away := NewTurnedAway(&clerk{fault: bridge.ErrStoreUnavailable}, "discord")
	if err := away.Tell(t.Context(), "666", bridge.VerbClaim, "req_1", "no"); !errors.Is(err, bridge.ErrStoreUnavailable) {
		t.Errorf("it says %v", err)
	}
}
