package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/config"
)

// TestEveryProblemHasItsExit goes through all that the bridge can answer, so
// that a new code is not forgotten.
func TestEveryProblemHasItsExit(t *testing.T) {
	special := map[api.ProblemCode]int{
		api.ProblemInvalidRequest:  exitUsage,
		api.ProblemInternal:        exitInternal,
		api.ProblemUnauthenticated: exitRefused,
		api.ProblemNotAllowed:      exitRefused,
		api.ProblemSuspended:       exitRefused,
	}
	for _, code := range api.ProblemCodes() {
		want, ok := special[code]
		if !ok {
			want = exitOther
		}
		p := &client.Problem{Problem: api.Problem{Code: code, Status: code.Status(), Detail: "this is why", Hint: "do that"}}
		f := classify(fmt.Errorf("ask: %w", p))
		if f.exit != want || f.hint != "do that" {
			t.Errorf("%s: exit %d with hint %q, want %d", code, f.exit, f.hint, want)
		}
	}
}

// TestEveryEndHasItsExit goes through all ways in which a request ends.
func TestEveryEndHasItsExit(t *testing.T) {
	for state, want := range map[api.State]int{
		api.Denied: exitDenied, api.Expired: exitExpired, api.Cancelled: exitExpired,
		api.Failed: exitOther, api.Collected: exitOther, "unheard_of": exitOther,
	} {
		p := &client.Problem{Problem: api.Problem{
			Code: api.ProblemGone, Status: api.ProblemGone.Status(), Detail: "it is over", Request: &api.Request{State: state},
		}}
		if f := classify(p); f.exit != want {
			t.Errorf("%s: exit %d, want %d", state, f.exit, want)
		}
	}
}

func TestOtherFaultsHaveTheirExit(t *testing.T) {
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"no bridge":                 {&client.NoBridge{Socket: "/run/a.sock", Err: fs.ErrNotExist}, exitNoBridge},
		"a bridge that was lost":    {fmt.Errorf("wait: %w", &client.NoBridge{Err: errors.New("cut")}), exitNoBridge},
		"faults of a configuration": {&config.Faults{List: []config.Fault{{What: "wrong"}}}, exitUsage},
		"a mistake in the call":     {usage("no"), exitUsage},
		"Ctrl-C":                    {interrupted.Err(), exitInterrupted},
		"anything else":             {errors.New("what is this"), exitInternal},
	} {
		if f := classify(c.err); f.exit != c.want || f.err.Error() == "" {
			t.Errorf("%s: exit %d (%v), want %d", name, f.exit, f.err, c.want)
		}
	}
}

// TestARequestThatEnds is the way of an end through a whole command.
func TestARequestThatEnds(t *testing.T) {
	for _, c := range []struct {
		state bridge.State
		code  bridge.OutcomeCode
		exit  int
	}{
		{bridge.Denied, bridge.OutcomeDenied, exitDenied},
		{bridge.Denied, bridge.OutcomeNotMe, exitDenied},
		{bridge.Denied, bridge.OutcomeProviderDenied, exitDenied},
		{bridge.Denied, bridge.OutcomeRevoked, exitDenied},
		{bridge.Expired, bridge.OutcomeExpired, exitExpired},
		{bridge.Cancelled, bridge.OutcomePolicyChanged, exitExpired},
		{bridge.Failed, bridge.OutcomeIdentityMismatch, exitOther},
	} {
		d := newDesk(t)
		d.ends(c.state, c.code)
		got := d.call("token", "--provider", "corp").expect(t, c.exit, "authbridge: "+string(c.code)+": ")
		if got.out != "" {
			t.Errorf("%s: standard output holds %q", c.code, got.out)
		}
	}
}

func TestARefusalIsToldWithItsHint(t *testing.T) {
	d := newDesk(t)
	d.Fail(&bridge.Problem{Code: bridge.ProblemNotAllowed, Detail: `agent "helper" may not ask alice`, Hint: "it may ask bob"})
	for _, args := range [][]string{
		{"token", "--provider", "corp"},
		{"exec", "--provider", "corp", "--", "true"},
		{"ask", "--provider", "corp"},
		{"list"},
	} {
		d.call(args...).expect(t, exitRefused, "authbridge: not allowed: agent \"helper\" may not ask alice\n  hint: it may ask bob\n")
	}
}

func TestAFaultInTheBridgeIsInternal(t *testing.T) {
	d := newDesk(t)
	d.Fail(errors.New("the secret of the matter"))
	got := d.call("token", "--provider", "corp").expect(t, exitInternal, "authbridge: internal: ")
	if want := "the secret"; contains(got, want) {
		t.Errorf("the cause is told: %+v", got)
	}
}

func TestGivingUpLeavesTheRequestOpen(t *testing.T) {
	d := newDesk(t)
	id := d.call("ask", "--provider", "corp").expect(t, exitDone).out
	id = id[:len(id)-1]
	got := d.call("wait", id, "--timeout", "10ms").expect(t, exitGaveUp,
		"gave up waiting after 10ms; the request lives on", "authbridge wait "+id, "authbridge cancel "+id)
	if got.out != "" {
		t.Errorf("standard output holds %q", got.out)
	}
	var r api.Request
	d.call("status", id, "--json").expect(t, exitDone).object(t, &r)
	if r.State != api.Asked {
		t.Errorf("the request is %s", r.State)
	}
}

func TestNobodyAtTheSocket(t *testing.T) {
	env := []string{"AUTHBRIDGE_SOCKET=" + shortDir(t) + "/agent.sock"}
	for _, args := range [][]string{
		{"token", "--provider", "corp"},
		{"exec", "--provider", "corp", "--", "true"},
		{"ask", "--provider", "corp"},
		{"wait", "req_0123456789abcdefghij012345", "--timeout", time.Minute.String()},
		{"status", "req_0123456789abcdefghij012345"},
		{"cancel", "req_0123456789abcdefghij012345"},
		{"list"},
	} {
		got := command(env, args...).expect(t, exitNoBridge, "authbridge: no bridge answers at ", "hint: start it with: authbridge serve")
		if got.out != "" {
			t.Errorf("%v: standard output holds %q", args, got.out)
		}
	}
}

// TestHintsNameCommands: who types commands has no use for routes.
func TestHintsNameCommands(t *testing.T) {
	d := newDesk(t)
	d.call("status", "nonsense").expect(t, exitOther, "begins with req_; authbridge list shows yours")
	d.call("revoke", "nonsense").expect(t, exitOther, "begins with grt_; authbridge grants shows yours")
	for _, args := range [][]string{{"status", "nonsense"}, {"wait", "nonsense"}, {"cancel", "nonsense"}, {"revoke", "nonsense"}} {
		if got := d.call(args...); strings.Contains(got.err, "/v1/") {
			t.Errorf("%v: %s", args, got.err)
		}
	}
}
