package setup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// script is somebody who answers what is in it, in order, and remembers what
// they were told. It is strict: a secret has to be asked for as one.
type script struct {
	t       *testing.T
	answers []string // "secret:" before one says that it must not be seen
	said    []string
	asked   int
	before  func(n int) // the question with this number is answered
}

func (s *script) Say(lines ...string) { s.said = append(s.said, lines...) }

func (s *script) Ask(ctx context.Context, question string) (string, error) {
	answer, err := s.next(ctx, question)
	if strings.HasPrefix(answer, "secret:") {
		s.t.Errorf("%q would be seen", question)
	}
	return answer, err
}

func (s *script) AskSecret(ctx context.Context, question string) (bridge.Secret, error) {
	answer, err := s.next(ctx, question)
	text, is := strings.CutPrefix(answer, "secret:")
	if err == nil && !is && answer != "" {
		s.t.Errorf("%q is asked for as a secret", question)
	}
	return bridge.NewSecret(text), err
}

func (s *script) next(ctx context.Context, question string) (string, error) {
	s.said = append(s.said, question)
	if s.before != nil {
		s.before(s.asked)
	}
	s.asked++
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if len(s.answers) == 0 {
		return "", ErrSilent
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	return answer, nil
}

func environment(t *testing.T) config.Env {
	t.Helper()
	dir := t.TempDir()
	return config.Env{Getenv: func(name string) string { return map[string]string{"STATE_DIRECTORY": dir}[name] }, UID: 7}
}

// files lists what is below a directory, with what is in it.
func files(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all.WriteString(strings.TrimPrefix(path, dir) + ":\n" + string(text) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// whole answers every question of a first configuration.
func whole(issuer string) []string {
	return []string{issuer, "yes", "corp", "", "authbridge", "secret:" + password, "alice", "alice@example.com", "helper", "1001", "files:*"}
}

const password = "hunter2-never-seen"

func anIssuer(t *testing.T) (*oauthtest.Issuer, string) {
	t.Helper()
	issuer := oauthtest.New(oauthtest.Settings{ClientID: "authbridge", ClientSecret: password})
	return issuer, issuer.Start(t)
}

// TestCtrlCAtEveryQuestion: whenever somebody stops answering, in whichever
// way, all is as it was.
func TestCtrlCAtEveryQuestion(t *testing.T) {
	t.Parallel()
	_, url := anIssuer(t)
	const mine = "humans: {zoe: {email: z@example.com}} # mine\n"
	more := append([]string{"provider"}, append(append([]string{}, whole(url)[:6]...), "human", "bob", "bob@example.com", "done")...)
	for name, c := range map[string]struct {
		before  string
		answers []string
	}{"a first one": {"", whole(url)}, "one more": {mine, more}} {
		for n := range c.answers {
			for _, silent := range []bool{true, false} {
				dir := t.TempDir()
				file := filepath.Join(dir, "authbridge.yaml")
				if c.before != "" {
					if err := os.WriteFile(file, []byte(c.before), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				was := files(t, dir)
				ctx, cancel := context.WithCancel(t.Context())
				talk := &script{t: t, answers: c.answers, before: func(i int) {
					if i == n && !silent {
						cancel()
					}
				}}
				if silent {
					talk.answers = c.answers[:n]
				}
				_, err := Run(ctx, Options{File: file, Env: environment(t), Talk: talk})
				cancel()
				if want := map[bool]error{true: ErrSilent, false: context.Canceled}[silent]; !errors.Is(err, want) {
					t.Fatalf("%s, question %d: %v, want %v", name, n, err, want)
				}
				if now := files(t, dir); now != was {
					t.Errorf("%s, question %d: there is\n%s", name, n, now)
				}
			}
		}
		dir := t.TempDir()
		file := filepath.Join(dir, "authbridge.yaml")
		if c.before != "" {
			if err := os.WriteFile(file, []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		talk := &script{t: t, answers: c.answers}
		done, err := Run(t.Context(), Options{File: file, Env: environment(t), Talk: talk})
		if err != nil || !done.Changed || len(talk.answers) > 0 {
			t.Errorf("%s, all answered: %+v, %v, %d answers left", name, done, err, len(talk.answers))
		}
		if strings.Contains(strings.Join(talk.said, "\n"), password) {
			t.Error("the secret was told")
		}
	}
}

// TestTheClientIsTried until the provider knows it, and only the secret that
// was meant in the end is written.
func TestTheClientIsTried(t *testing.T) {
	t.Parallel()
	issuer, url := anIssuer(t)
	file := filepath.Join(t.TempDir(), "conf", "authbridge.yaml")
	talk := &script{t: t, answers: []string{
		"ftp://login.example.com", "http://127.0.0.1:1", "yes", "no", url, "corp", "", "authbridge", "secret:wrong", "no", "authbridge", "secret:" + password,
		"alice", "alice@example.com", "helper", "1001", "files:*",
	}}
	done, err := Run(t.Context(), Options{File: file, Env: environment(t), Talk: talk})
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(talk.said, "\n"))
	}
	for _, words := range []string{"fail: cannot be asked now", `fail: the provider answered "invalid_client"`, "→ compare client_id and client_secret", "ok: issuer matches, device grant offered, client known"} {
		if !strings.Contains(strings.Join(talk.said, "\n"), words) {
			t.Errorf("nobody said %q", words)
		}
	}
	got := files(t, filepath.Dir(file))
	if strings.Count(got, ".secret:\n") != 1 || !strings.Contains(got, "corp.secret:\n"+password+"\n") || strings.Contains(got, "wrong\n") || strings.Contains(got, pending) {
		t.Errorf("there is\n%s", got)
	}
	for path, want := range map[string]fs.FileMode{file: 0o600, strings.Join(done.SecretFiles, ""): 0o600, filepath.Dir(file): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, want mode %o", path, err, want)
		}
	}
	if n := len(issuer.Calls(oauthtest.Token)); n > 0 {
		t.Errorf("a code that was only tried was polled %d times", n)
	}
}

// TestSomebodyElseWrites meanwhile: theirs stays.
func TestSomebodyElseWrites(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "humans: {zoe: {}}\n"} {
		dir := t.TempDir()
		file := filepath.Join(dir, "authbridge.yaml")
		answers := []string{"", "alice", "", "helper", "1001"}
		if before != "" {
			answers = []string{"human", "bob", "", "done"}
			if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		const theirs = "humans: {eve: {}}\n"
		talk := &script{t: t, answers: answers, before: func(n int) {
			if n == len(answers)-1 {
				if err := os.WriteFile(file, []byte(theirs), 0o600); err != nil {
					t.Error(err)
				}
			}
		}}
		_, err := Run(t.Context(), Options{File: file, Env: environment(t), Talk: talk})
		if _, is := errors.AsType[*Refusal](err); !is || !strings.Contains(err.Error(), "changed by somebody else") {
			t.Errorf("it ended with %v", err)
		}
		if now := files(t, dir); now != "/authbridge.yaml:\n"+theirs+"\n" {
			t.Errorf("there is\n%s", now)
		}
	}
}

// TestWhereNothingCanBeWritten: the secret does not stay either.
func TestWhereNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	_, url := anIssuer(t)
	dir := t.TempDir()
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	places := []string{"/proc/authbridge.yaml", filepath.Join(dir, "authbridge.yaml")}
	if os.Geteuid() != 0 {
		places = append(places, filepath.Join(closed, "authbridge.yaml"), filepath.Join(closed, "below", "authbridge.yaml"))
	}
	for _, place := range places {
		talk := &script{t: t, answers: whole(url)}
		talk.before = func(n int) {
			if n == len(whole(url))-1 && filepath.Dir(place) == dir { // the directory goes away
				if err := os.RemoveAll(dir); err != nil {
					t.Error(err)
				}
				if err := os.WriteFile(dir, nil, 0o600); err != nil {
					t.Error(err)
				}
			}
		}
		_, err := Run(t.Context(), Options{File: place, Env: environment(t), Talk: talk})
		if no, is := errors.AsType[*Refusal](err); !is || no.Hint == "" {
			t.Errorf("%s: %v", place, err)
		}
	}
}

// TestOneSecretAfterTheOther: a file with a secret that may be in use is not
// written over.
func TestOneSecretAfterTheOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "authbridge.yaml")
	env := environment(t)
	run := func(answers ...string) Result {
		t.Helper()
		done, err := Run(t.Context(), Options{File: file, Env: env, Talk: &script{t: t, answers: answers}, Offline: true})
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	run("https://login.example.com", "corp", "", "authbridge", "secret:one", "alice", "", "helper", "1001", "files:*")
	for n, secret := range []string{"two", "three"} {
		done := run("change", "provider corp", "", "", "secret:"+secret, "done")
		if want := filepath.Join(dir, "corp."+strconv.Itoa(n+2)+".secret"); strings.Join(done.SecretFiles, "") != want {
			t.Errorf("the secret is in %s, want %s", done.SecretFiles, want)
		}
	}
	cfg, err := config.Load(file, env)
	if err != nil || cfg.Providers["corp"].ClientSecret.Reveal() != "three" {
		t.Errorf("the secret is another: %v", err)
	}
	if text := files(t, dir); !strings.Contains(text, "corp.secret:\none\n") || !strings.Contains(text, "corp.2.secret:\ntwo\n") {
		t.Errorf("there is\n%s", text)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for issuer, want := range map[string]string{
		"https://login.example.com": "example", "https://accounts.example.co.uk/t1": "example", "https://10.1.2.3": "corp",
		"http://localhost:8080": "corp", "https://[::1]:1": "corp", "://": "corp", "https://github.io": "corp",
	} {
		if got := nameFor(issuer); got != want {
			t.Errorf("%s is called %s, want %s", issuer, got, want)
		}
	}
}
