package demo

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/config"
)

// TestMain silences what package op logs to the default logger.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// at is how a demo is shown whose files are in dir.
func at(dir string, out io.Writer, env ...string) Options {
	return Options{Out: out, Err: io.Discard, Program: "/opt/my tools/authbridge", Env: func(name string) string {
		for _, v := range append(env, "TMPDIR="+dir) {
			if value, is := strings.CutPrefix(v, name+"="); is {
				return value
			}
		}
		return ""
	}}
}

// TestTheExampleIsAConfiguration: whatever the paths are, and with nothing
// taken from the environment.
func TestTheExampleIsAConfiguration(t *testing.T) {
	odd := "/tmp/it's \"odd\" \\ \u00fc: #x/"
	text, err := render(settings{
		State: odd + "state", Seal: "file:" + odd + "seal.key", Socket: odd + "agent.sock", Admin: odd + "admin.sock",
		Issuer: "http://127.0.0.1:1", ClientID: clientID, UID: 1001,
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse(configName, text, config.Env{UID: 1001})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if c.StateDir != odd+"state" || c.Seal != odd+"seal.key" || c.Listen.Socket != odd+"agent.sock" || c.Listen.Admin != odd+"admin.sock" {
		t.Errorf("the paths are not those that were given: %+v", c)
	}
	if len(c.Directory.Humans) != 1 || len(c.Directory.Agents) != 1 || c.Listen.Ops != "" {
		t.Errorf("there is more in it than the story needs: %+v", c.Directory)
	}
}

func TestAnEndBeforeTheBeginningLeavesNothing(t *testing.T) {
	dir := shortDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, at(dir, io.Discard)); !errors.Is(err, context.Canceled) {
		t.Errorf("started with %v", err)
	}
	wantsEmpty(t, dir)
}

// deaf is a pipe that nobody reads any more.
type deaf struct{}

func (deaf) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestADemoThatNobodyListensToEnds(t *testing.T) {
	dir := shortDir(t)
	d, err := Start(t.Context(), at(dir, deaf{}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := d.Run(ctx); !errors.Is(err, os.ErrClosed) || ctx.Err() != nil {
		t.Errorf("it ended with %v", err)
	}
	wantsEmpty(t, dir)
}

func wantsEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it has left %v, error %v", left, err)
	}
}

func TestOfATokenOnlyItsBeginningIsShown(t *testing.T) {
	for token, want := range map[string]string{
		"":                 "…",
		"short":            "…",
		"0123456789abcdef": "01…",
		"eyJhbGciOiJFUzI1NiJ9" + strings.Repeat("x", 400): "eyJhbGciOi…",
	} {
		if got := shortened(token); got != want {
			t.Errorf("%q is shown as %q, want %q", token, got, want)
		}
	}
}

// TestAShellReadsWordsAsTheyWere: what is shown can be pasted.
func TestAShellReadsWordsAsTheyWere(t *testing.T) {
	for _, word := range []string{"", "plain/path.sock", "a b", "it's", `$HOME "x" \`, "*", "~", "#", "a;b", "-n"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+shellWord(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q is read as %q, error %v", word, out, err)
		}
	}
}

func TestVariablesOfAnotherBridgeAreTakenOutOfTheWay(t *testing.T) {
	d := &Demo{options: at("/tmp", io.Discard, "AUTHBRIDGE_KEY=abk_x", "AUTHBRIDGE_SOCKET=/nowhere"), place: &place{dir: "/tmp/x"}}
	if got, want := d.tokenCommand(), "env -u AUTHBRIDGE_KEY '/opt/my tools/authbridge' token --socket /tmp/x/agent.sock --provider demo"; got != want {
		t.Errorf("the command is %s, want %s", got, want)
	}
}

func TestWhereABrowserIsOpened(t *testing.T) {
	for _, env := range [][]string{{}, {"DISPLAY=:0", "SSH_CONNECTION=a 1 b 22"}} {
		if got := at("/tmp", io.Discard, env...).opener(); got != "" {
			t.Errorf("with %v it is opened by %s", env, got)
		}
	}
}

// TestStepsThatWereMissedAreTold: several changes may come as one.
func TestStepsThatWereMissedAreTold(t *testing.T) {
	var out strings.Builder
	agent := &client.Client{Socket: "/nowhere/agent.sock"}
	d := &Demo{options: at("/tmp", &out), place: &place{dir: "/tmp/x"}, issuer: &issuer{}}
	s := newStory(d, agent)
	later := time.Now().Add(10 * time.Minute)
	for _, r := range []api.Request{
		{ID: "req_1", State: api.Asked, Human: "alice", CheckPhrase: "amber falcon 42"},
		{ID: "req_1", State: api.Asked, Human: "alice"}, // it was seen
		{ID: "req_1", State: api.Coded, Human: "alice", CodeExpiresAt: &later},
		{ID: "req_1", State: api.Asked, Human: "alice"},
		{ID: "req_1", State: api.Collected, Human: "alice", Agent: "demo-agent"},
		{ID: "req_1", State: api.Collected, Human: "alice", Agent: "demo-agent"}, // it came twice
		{ID: "req_2", State: api.Granted, Human: "alice", Agent: "demo-agent"},
		{ID: "req_3", State: api.Asked, Human: "alice", CheckPhrase: "dusty salmon 27"},
		{ID: "req_3", State: api.Denied, Human: "alice", Outcome: &api.Outcome{Code: api.OutcomeDenied, Message: "the human declined"}},
	} {
		s.request(t.Context(), r)
	}
	var told []string
	for _, l := range strings.SplitAfterN(out.String(), "\n", 9)[:8] {
		told = append(told, l[min(10, len(l)):])
	}
	want := `asked      alice in her inbox · check phrase amber falcon 42
coded      alice pressed Show code · code lapses in 10 min
asked      the code lapsed; alice can get another
granted    her account, checked
collected  by demo-agent
granted    at once: what alice gave before still holds, and nobody is asked
asked      alice in her inbox · check phrase dusty salmon 27
denied     denied: the human declined
`
	if got := strings.Join(told, ""); got != want {
		t.Errorf("told\n%s\nwant\n%s", got, want)
	}
}

// TestOnlyAYesThatIsSurelyTheOneIsMeasuredFrom: of two nobody knows whose is
// whose.
func TestOnlyAYesThatIsSurelyTheOneIsMeasuredFrom(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		yes   []time.Time
		known bool
	}{{nil, false}, {[]time.Time{now}, true}, {[]time.Time{now, now.Add(1)}, false}} {
		i := &issuer{yes: c.yes}
		if at, known := i.saidYes(); known != c.known || known && !at.Equal(now) {
			t.Errorf("of %d: %v, %t", len(c.yes), at, known)
		}
		if _, again := i.saidYes(); again {
			t.Error("a yes is taken twice")
		}
	}
}
