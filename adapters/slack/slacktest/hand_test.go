package slacktest_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/adapters/slack/slacktest"
)

var byHand = flag.Bool("hand", false, "run a Slack for a bridge of yours, with you as its people, until the input ends")

// TestByHand is no test but a Slack to try a bridge with: "make slack-by-hand".
func TestByHand(t *testing.T) {
	if !*byHand {
		t.Skip("for trying things out: make slack-by-hand")
	}
	s := slacktest.Start(loud{t}, slacktest.Office())
	fmt.Printf(`A Slack for a bridge of yours. In its configuration:

  network: {allow_http_loopback: true}
  slack: {bot_token: env:SLACK_BOT_TOKEN, app_token: env:SLACK_APP_TOKEN, api_url: %q}
  humans: {alice: {email: alice@acme.example, slack: U0ALICE}, bob: {email: bob@acme.example}}

  export SLACK_BOT_TOKEN=%s SLACK_APP_TOKEN=%s

You are all of its people: alice, bob, carol, dave (a guest). Type

  alice                            what she sees
  alice press Show code            a button; with two words after a bar, what it asks again: Revoke | Revoke
  alice type Digits | 4711         in the window that she has open; then: alice submit
  alice /authbridge list           a command
  alice home                       opens the app's Home tab

`, s.URL(), s.BotToken(), s.AppToken())
	lines := bufio.NewScanner(os.Stdin)
	for fmt.Print("> "); lines.Scan(); fmt.Print("> ") {
		if words := strings.TrimSpace(lines.Text()); words != "" {
			do(s, words)
		}
	}
}

// do does what a line says. A mistake in it ends the line and nothing else.
func do(s *slacktest.Slack, line string) {
	defer func() {
		switch mistake := recover().(type) {
		case nil, slip:
		default:
			panic(mistake)
		}
	}()
	who, what, _ := strings.Cut(line, " ")
	verb, rest, _ := strings.Cut(what, " ")
	first, second, both := strings.Cut(rest, "|")
	first, second = strings.TrimSpace(first), strings.TrimSpace(second)
	p := s.Person("U0" + strings.ToUpper(who))
	switch {
	case what == "":
	case verb == "press" && both:
		p.Press(first, second).Acked()
	case verb == "press":
		p.Press(first).Acked()
	case verb == "type":
		p.Type(first, second)
	case verb == "submit":
		p.Submit().Acked()
	case verb == "home":
		p.OpenHome().Acked()
	case strings.HasPrefix(what, "/"):
		p.Command(what).Acked()
	default:
		fmt.Println("press, type, submit, home, or a command that begins with /")
		return
	}
	fmt.Println(p.Screen())
}

// slip is what a mistake in a line panics with.
type slip struct{}

// loud says at once what a test would say at its end.
type loud struct{ testing.TB }

func (loud) Errorf(format string, args ...any) { fmt.Printf("!! "+format+"\n", args...) }

func (loud) Logf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func (loud) Fatalf(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	panic(slip{})
}

func (loud) Helper() {}
