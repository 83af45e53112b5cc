package setup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/config"
)

const (
	alice    = "U0ALICE"
	thisIsMe = "This is me"
)

// desk is where somebody sets Slack up: their file, what they say, and the
// workspace.
type desk struct {
	t     *testing.T
	slack *slacktest.Slack
	file  string
	env   config.Env
	talk  *script
	given Given
	alone bool // unattended
	waits chan context.CancelCauseFunc
}

func newDesk(t *testing.T, before string, answers ...string) *desk {
	t.Helper()
	d := &desk{
		t: t, file: filepath.Join(t.TempDir(), "authbridge.yaml"), env: environment(t),
		slack: slacktest.Start(t, slacktest.World{People: []slacktest.User{
			{ID: alice, Name: "alice", Email: "alice@example.com"},
			{ID: "U0BOB", Name: "bob", Email: "bob@example.com"},
		}}),
		waits: make(chan context.CancelCauseFunc, 1),
	}
	d.talk = &script{t: t, answers: d.filled(answers)}
	if before != "" {
		d.write("bot", d.slack.BotToken()+"\n")
		d.write("app", d.slack.AppToken()+"\n")
		d.write("authbridge.yaml", d.filled([]string{before})[0])
	}
	return d
}

func (d *desk) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(filepath.Dir(d.file), name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// filled puts what only a run knows into texts.
func (d *desk) filled(texts []string) (all []string) {
	with := strings.NewReplacer("<BOT>", d.slack.BotToken(), "<APP>", d.slack.AppToken(), "<DIR>", filepath.Dir(d.file), "<URL>", d.slack.URL())
	for _, text := range texts {
		all = append(all, with.Replace(text))
	}
	return all
}

// ended is how a conversation ended.
type ended struct {
	done Result
	err  error
}

// begin has the conversation beside the test.
func (d *desk) begin(ctx context.Context) <-chan ended {
	over := make(chan ended, 1)
	o := Options{File: d.file, Env: d.env, Talk: d.talk, Given: d.given, Unattended: d.alone}
	o.greeting = greeting{api: d.slack.URL(), wait: func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(ctx)
		d.waits <- cancel
		return ctx, func() { cancel(nil) }
	}}
	go func() {
		done, err := Run(ctx, o)
		over <- ended{done, err}
	}()
	return over
}

// finish waits until it has ended well.
func (d *desk) finish(over <-chan ended) Result {
	d.t.Helper()
	select {
	case e := <-over:
		if e.err != nil || len(d.talk.answers) > 0 {
			d.t.Fatalf("%v, %d answers left; it was said\n%s", e.err, len(d.talk.answers), strings.Join(d.talk.said, "\n"))
		}
		return e.done
	case <-time.After(20 * time.Second):
		d.t.Fatal("the conversation does not end")
	}
	panic("unreachable")
}

// greeted waits until alice has the hello before her.
func (d *desk) greeted() *slacktest.Person {
	d.t.Helper()
	her := d.slack.Person(alice)
	d.slack.Until("alice is greeted", func() bool { return her.Sees(thisIsMe) })
	return her
}

// told fails the test unless somebody was told these things; and if they were
// told a token.
func (d *desk) told(words ...string) {
	d.t.Helper()
	said := strings.Join(d.talk.said, "\n")
	for _, w := range words {
		if !strings.Contains(said, w) {
			d.t.Errorf("nobody said %q:\n%s", w, said)
		}
	}
	for _, token := range []string{d.slack.BotToken(), d.slack.AppToken()} {
		if strings.Contains(said, token) {
			d.t.Error("a token was told")
		}
	}
}

// now is the file.
func (d *desk) now() string {
	d.t.Helper()
	text, err := os.ReadFile(d.file)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

// aFirst answers the questions before those about Slack. An http provider on
// this machine lets Slack be there, too.
func aFirst(t *testing.T) []string {
	t.Helper()
	_, url := anIssuer(t)
	return whole(url)
}

// TestSlackFromNothing: tokens in each other's place are seen, the right ones
// go into files, and who presses the hello is the human.
func TestSlackFromNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "", append(aFirst(t), "yes", "secret:<APP>", "secret:<BOT>", "", "secret:xoxp-somebody's", "secret:<BOT>", "secret:<APP>", "")...)
	over := d.begin(t.Context())
	d.greeted().Press(thisIsMe).Acked()
	done := d.finish(over)
	d.told("an app-level token; a bot token belongs here", "this one is needed", "a user's token; an app-level token belongs here",
		"a bot token; an app-level token belongs here", "ok: the app is authbridge in Acme", "ok: the app token opens connections",
		"alice's e-mail address in Slack", "It is "+alice)

	cfg, err := config.Load(d.file, d.env)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Slack.BotToken.Reveal() != d.slack.BotToken() || cfg.Slack.AppToken.Reveal() != d.slack.AppToken() || cfg.Directory.Humans["alice"].Slack != alice {
		t.Errorf("alice is %q there, or a token is another", cfg.Directory.Humans["alice"].Slack)
	}
	dir := filepath.Dir(d.file)
	for _, name := range []string{"authbridge.yaml", "slack.bot_token.secret", "slack.app_token.secret", "corp.secret"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != fs.FileMode(0o600) {
			t.Errorf("%s: %v, want it for its user's eyes only", name, err)
		}
		if name != "authbridge.yaml" && !strings.Contains(strings.Join(done.SecretFiles, "\n"), filepath.Join(dir, name)) {
			t.Errorf("nobody was told of %s, only of %q", name, done.SecretFiles)
		}
	}
	if n, text := strings.Count(files(t, dir), ".secret:\n"), d.now(); n != 3 || strings.Contains(text, "xoxb-") || strings.Contains(text, "xapp-") || strings.Contains(text, pending) {
		t.Errorf("there are %d files with secrets, and\n%s", n, text)
	}
	if strings.Contains(d.slack.Person("U0BOB").Screen(), "Hello") {
		t.Error("bob was greeted")
	}
}

// mine is a configuration with Slack, and with its writer's own ways.
const mine = `# kept by zoe
network: {allow_http_loopback: true}   # for tests
slack:
    bot_token:   "file:<DIR>/bot"
    app_token: 'file:<DIR>/app' # since May
    api_url: "<URL>"

humans:
  alice:
    email: alice@example.com # her own
  bob: {}
`

// TestSomebodyMoreInSlack: the file stays as it was, but for one line.
func TestSomebodyMoreInSlack(t *testing.T) {
	t.Parallel()
	d := newDesk(t, mine, "slack", "", "", "done")
	before := d.now()
	over := d.begin(t.Context())
	d.greeted().Press(thisIsMe).Acked()
	if done := d.finish(over); len(done.SecretFiles) > 0 || !done.Changed {
		t.Errorf("it did %+v", done)
	}
	was, now := strings.Split(before, "\n"), strings.Split(d.now(), "\n")
	for i, line := range was {
		if i < len(now) && strings.TrimSpace(now[i]) == "slack: "+alice {
			now = append(now[:i:i], now[i+1:]...)
		}
		if i >= len(now) || now[i] != line {
			t.Fatalf("line %d was touched:\n%s", i+1, d.now())
		}
	}
	if cfg, err := config.Load(d.file, d.env); err != nil || cfg.Directory.Humans["alice"].Slack != alice || len(now) != len(was) {
		t.Errorf("%v in\n%s", err, d.now())
	}

	d.talk.answers = []string{"slack", "alice", "done"}
	if done := d.finish(d.begin(t.Context())); done.Changed {
		t.Errorf("it did %+v", done)
	}
	d.told("alice is " + alice + " in Slack already")
}

// TestNobodyPresses: then the id is asked for.
func TestNobodyPresses(t *testing.T) {
	t.Parallel()
	d := newDesk(t, mine, "slack", "alice", "", "alice", "C0123456", alice, "done")
	over := d.begin(t.Context())
	her := d.greeted()
	(<-d.waits)(errUnpressed)
	d.finish(over)
	d.told("Nobody pressed it.", "alice's member ID in Slack")
	if cfg, err := config.Load(d.file, d.env); err != nil || cfg.Directory.Humans["alice"].Slack != alice {
		t.Errorf("%v in\n%s", err, d.now())
	}
	if her.Sees(thisIsMe) {
		t.Error("the button is still there")
	}
}

// TestNobodyToGreet: what Slack does not know, or does not let through, ends
// in the same question.
func TestNobodyToGreet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		email, says string
		tolerate    string
		world       func(*slacktest.World)
	}{
		"nobody with the address":  {"zoe@example.com", "Slack knows nobody", "", nil},
		"no hello is wanted":       {"none", "member ID", "", nil},
		"a closed direct message":  {"", "messages_tab_disabled", "", func(w *slacktest.World) { w.App.NoMessagesTab = true }},
		"a token that was revoked": {"", "the app was removed", "token_revoked", func(w *slacktest.World) { w.App.Refuse = "token_revoked" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, mine, "slack", "alice", c.email, "", "done")
			d.slack.Tolerate(c.tolerate)
			if c.world != nil {
				d.slack.Change(c.world)
			}
			if done := d.finish(d.begin(t.Context())); done.Changed {
				t.Errorf("it did %+v", done)
			}
			d.told(c.says, "alice's member ID in Slack")
		})
	}
}

// TestSlackWithFlags asks nothing, writes nobody, and replaces nothing that it
// was not told to.
func TestSlackWithFlags(t *testing.T) {
	t.Parallel()
	with := func(d *desk, g Given) ended {
		d.alone, d.given = true, g
		return <-d.begin(t.Context())
	}
	d := newDesk(t, "network: {allow_http_loopback: true}\nhumans: {alice: {}}\n")
	dir := filepath.Dir(d.file)
	all := Given{SlackBot: "file:" + dir + "/bot", SlackApp: "file:" + dir + "/app", SlackUser: alice}
	before := files(t, dir)
	for says, g := range map[string]Given{
		"--slack-user": {SlackBot: all.SlackBot, SlackApp: all.SlackApp, SlackUser: "alice"},

		"--slack-bot-token is needed":                          {SlackUser: alice},
		"--slack-app-token is needed":                          {SlackBot: all.SlackBot},
		"--slack-bot-token: an app-level token; a bot token":   {SlackBot: all.SlackApp, SlackApp: all.SlackBot},
		"--slack-app-token: a bot token; an app-level token b": {SlackBot: all.SlackBot, SlackApp: all.SlackBot},
	} {
		got := with(d, g)
		if no, is := errors.AsType[*Refusal](got.err); !is || !strings.Contains(no.What, says) {
			t.Errorf("%+v ends with %v, want %q", g, got.err, says)
		}
	}
	if now := files(t, dir); now != before {
		t.Errorf("there is\n%s", now)
	}
	if got := with(d, all); got.err != nil || !got.done.Changed {
		t.Fatalf("it did %+v, %v", got.done, got.err)
	}
	d.told("ok: the app is authbridge in Acme")
	once := d.now()
	if got := with(d, all); got.err != nil || got.done.Changed || len(got.done.Done) > 0 {
		t.Errorf("once more it did %+v, %v", got.done, got.err)
	}
	d.write("other", "xoxb-another\n")
	got := with(d, Given{SlackBot: "file:" + dir + "/other"})
	if no, is := errors.AsType[*Refusal](got.err); !is || !strings.Contains(no.Hint, "--change") || d.now() != once {
		t.Errorf("another token: %v", got.err)
	}
	if n := len(d.slack.Calls("chat.postMessage")); n > 0 || d.talk.asked > 0 {
		t.Errorf("%d messages were written, and %d questions asked", n, d.talk.asked)
	}
}

// TestTokensThatAreNotHere: variables that are set where the bridge runs are
// taken at their word, and nobody's token is made up to try them.
func TestTokensThatAreNotHere(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "humans: {alice: {}}\n", "slack", "alice", "secret:env:SLACK_BOT_TOKEN", "secret:env:SLACK_APP_TOKEN", alice, "done")
	d.finish(d.begin(t.Context()))
	d.told("warn: the tokens were not tried")
	if text := d.now(); !strings.Contains(text, "env:SLACK_BOT_TOKEN") || !strings.Contains(text, "slack: "+alice) || len(d.slack.Exchanges()) > 0 {
		t.Errorf("%d calls of Slack, and\n%s", len(d.slack.Exchanges()), text)
	}
}

// TestCtrlCInSlack leaves all as it was, and takes the button away.
func TestCtrlCInSlack(t *testing.T) {
	t.Parallel()
	first := len(aFirst(t))
	for n, at := range []string{"Reach people", "Bot token", "App-level token", "e-mail address in Slack", "", "member ID"} {
		d := newDesk(t, "", append(aFirst(t), "yes", "secret:<BOT>", "secret:<APP>", "", "")...)
		ctx, cancel := context.WithCancel(t.Context())
		d.talk.before = func(i int) {
			if at != "" && i == first+n-min(n/5, 1) {
				if !strings.Contains(d.talk.said[len(d.talk.said)-1], at) {
					t.Errorf("question %d is %q, not about %q", i, d.talk.said[len(d.talk.said)-1], at)
				}
				cancel()
			}
		}
		over := d.begin(ctx)
		if at == "" {
			d.greeted()
			cancel()
		}
		if at == "member ID" {
			d.greeted()
			(<-d.waits)(errUnpressed)
		}
		if e := <-over; !errors.Is(e.err, context.Canceled) {
			t.Errorf("%q: it ended with %v", at, e.err)
		}
		cancel()
		if now := files(t, filepath.Dir(d.file)); now != "" {
			t.Errorf("%q: there is\n%s", at, now)
		}
		if d.slack.Person(alice).Sees(thisIsMe) {
			t.Errorf("%q: the button is still there", at)
		}
	}
}
