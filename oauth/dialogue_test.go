package oauth_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
	"github.com/authbridge/authbridge/oauth/profile"
)

// dialogues is a file of testdata/dialogues: what one profile's provider is
// asked, what it answers, and what becomes of it.
type dialogues struct {
	Profile   string            `json:"profile"`
	Issuer    string            `json:"issuer"` // as the configuration would name it
	Keys      map[string]string `json:"keys"`   // of the profile
	Secret    string            `json:"secret"`
	Dialogues []dialogue        `json:"dialogues"`
}

// dialogue is one story. Its source says where it is from: "live: …",
// "documented: …" or "constructed: …".
type dialogue struct {
	Name    string         `json:"name"`
	Source  string         `json:"source"`
	Public  bool           `json:"public"`   // our client has no secret here, whatever the file says
	IDToken map[string]any `json:"id_token"` // claims of what stands for ID_TOKEN in answers
	Steps   []step         `json:"steps"`
}

// step is one call of the bridge's port, the exchanges it leads to, and what
// it makes of them.
type step struct {
	Do        string         `json:"do"` // begin, poll, identify, refresh or revoke
	Scopes    []string       `json:"scopes"`
	Resource  string         `json:"resource"`
	Subject   string         `json:"subject"`
	Wider     bool           `json:"wider"`
	Exchanges []exchange     `json:"exchanges"`
	Makes     map[string]any `json:"makes"`
}

// speaker goes through a dialogue with what earlier steps have brought.
type speaker struct {
	provider *oauth.Provider
	code     bridge.Code
	tokens   bridge.Tokens
}

const dialogueClient = "authbridge-client"

// Every profile says to its provider what that provider wants to hear, and
// understands its answers.
func TestDialogues(t *testing.T) {
	must(scriptKey())(t) // outside of all bubbles
	told := map[string][]string{}
	for _, file := range must(filepath.Glob("testdata/dialogues/*.json"))(t) {
		all := readDialogues(t, file)
		for _, d := range all.Dialogues {
			told[all.Profile] = append(told[all.Profile], d.Source)
			t.Run(all.Profile+": "+d.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { all.play(t, d) })
			})
		}
	}
	for _, p := range profile.All() {
		wantSources(t, p, told[p.Name])
	}
}

// wantSources compares how sure a profile says to be with where its dialogues
// are from.
func wantSources(t *testing.T, p profile.Profile, sources []string) {
	t.Helper()
	if p.Name == profile.Generic { // whose dialogues are all other tests here
		return
	}
	from := map[string]bool{}
	for _, source := range sources {
		kind, rest, _ := strings.Cut(source, ": ")
		if rest == "" || !slices.Contains([]string{"live", "documented", "constructed"}, kind) {
			t.Errorf("%s: a dialogue does not name its source: %q", p.Name, source)
		}
		from[kind] = true
	}
	if !from[string(p.Proof)] {
		t.Errorf("%s is said to be %s, and its dialogues are %v", p.Name, p.Proof, slices.Sorted(maps.Keys(from)))
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func readDialogues(t *testing.T, file string) dialogues {
	t.Helper()
	raw := must(os.ReadFile(file))(t)
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	var all dialogues
	if err := decoder.Decode(&all); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return all
}

func (all dialogues) play(t *testing.T, d dialogue) {
	t.Helper()
	server := newScript(t, d.IDToken)
	s := &speaker{provider: all.provider(t, d, server)}
	for i, at := range d.Steps {
		server.expect(at.Exchanges)
		got := s.take(t, at)
		server.done(fmt.Sprintf("step %d (%s)", i+1, at.Do))
		if diff := cmp.Diff(at.Makes, got); diff != "" {
			t.Errorf("step %d (%s) makes something else of it (-want +got):\n%s", i+1, at.Do, diff)
		}
	}
}

func (all dialogues) provider(t *testing.T, d dialogue, server *script) *oauth.Provider {
	t.Helper()
	known, ok := profile.Find(all.Profile)
	if !ok {
		t.Fatalf("there is no profile %q", all.Profile)
	}
	filled, faults := known.With(all.Issuer, all.Keys)
	if len(faults) > 0 {
		t.Fatalf("%s: %v", all.Profile, faults)
	}
	secret := bridge.NewSecret(all.Secret)
	if d.Public {
		secret = bridge.Secret{}
	}
	made, err := oauth.New(oauth.Config{Profile: filled, Issuer: filled.Issuer, ClientID: dialogueClient, ClientSecret: secret}, server.client())
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// take makes a step and writes down what came of it.
func (s *speaker) take(t *testing.T, at step) map[string]any {
	t.Helper()
	ctx := t.Context()
	switch at.Do {
	case "begin":
		code, err := s.provider.Begin(ctx, bridge.CodeRequest{Scopes: at.Scopes, Resource: at.Resource})
		s.code = code
		return outcome(err, func() map[string]any { return codeSeen(code) })
	case "poll":
		answer, err := s.provider.Poll(ctx, s.code)
		s.tokens = answer.Tokens
		return outcome(err, func() map[string]any { return answerSeen(answer) })
	case "identify":
		who, err := s.provider.Identify(ctx, s.tokens, time.Now())
		return outcome(err, func() map[string]any { return accountSeen(who) })
	case "refresh":
		fresh, err := s.provider.Refresh(ctx, s.tokens, bridge.RefreshRequest{Resource: at.Resource, Subject: at.Subject})
		if err == nil {
			s.tokens = fresh
		}
		return outcome(err, func() map[string]any { return tokensSeen(fresh) })
	case "revoke":
		err := s.provider.Revoke(ctx, s.tokens, bridge.RevokeRequest{Wider: at.Wider})
		return outcome(err, func() map[string]any { return map[string]any{"revoked": true} })
	}
	t.Fatalf("there is no step %q", at.Do)
	return nil
}

// outcome writes down an error, or else what is seen.
func outcome(err error, seen func() map[string]any) map[string]any {
	if err == nil {
		return seen()
	}
	said := map[string]any{"says": err.Error()}
	if advice := oauth.Advice(err); advice != "" {
		said["advice"] = advice
	}
	no, refused := errors.AsType[*bridge.Refusal](err)
	_, away := errors.AsType[*bridge.Unavailable](err)
	switch {
	case refused:
		said["refused"] = string(no.Outcome)
	case errors.Is(err, bridge.ErrNoIdentity):
		said["refused"] = "no identity"
	case errors.Is(err, bridge.ErrGrantLost):
		said["refused"] = "grant lost"
	case errors.Is(err, bridge.ErrCannotRevoke):
		said["refused"] = "cannot revoke"
	case away:
		said["refused"] = "not now"
	}
	return said
}

func codeSeen(c bridge.Code) map[string]any {
	return present(map[string]any{
		"device_code": c.DeviceCode.Reveal(), "user_code": c.UserCode.Reveal(),
		"address": c.VerificationURI, "complete": c.VerificationURIComplete.Reveal(),
		"lifetime": c.Lifetime.String(), "interval": c.Interval.String(), "token_endpoint": c.TokenEndpoint, "resource": c.Resource,
	})
}

func answerSeen(a bridge.Answer) map[string]any {
	if a.Verdict == bridge.PollGranted {
		return tokensSeen(a.Tokens)
	}
	words := map[bridge.Verdict]string{
		bridge.PollPending: "pending", bridge.PollSlowDown: "slow down", bridge.PollDenied: "denied",
		bridge.PollLapsed: "lapsed", bridge.PollLost: "lost", bridge.PollFailed: "failed",
	}
	seen := map[string]any{"verdict": words[a.Verdict], "cause": a.Cause, "outcome": string(a.Outcome)}
	if a.Interval > 0 {
		seen["interval"] = a.Interval.String()
	}
	if a.RetryAfter > 0 {
		seen["retry_after"] = a.RetryAfter.String()
	}
	return present(seen)
}

func tokensSeen(t bridge.Tokens) map[string]any {
	seen := map[string]any{
		"access": t.Access.Reveal(), "refresh": t.Refresh.Reveal(), "type": t.Type, "scopes": strings.Join(t.Scopes, " "),
	}
	if !t.ID.IsZero() {
		seen["id_token"] = true
	}
	if !t.ExpiresAt.IsZero() {
		seen["lives"] = time.Until(t.ExpiresAt).String()
	}
	return present(seen)
}

func accountSeen(a bridge.Account) map[string]any {
	seen := map[string]any{"issuer": a.Issuer, "subject": a.Subject, "email": a.Email, "name": a.Name, "login": a.Login}
	if a.EmailVerified {
		seen["email_verified"] = true
	}
	return present(seen)
}

// present leaves out what is empty.
func present(seen map[string]any) map[string]any {
	maps.DeleteFunc(seen, func(_ string, v any) bool { return v == "" })
	return seen
}
