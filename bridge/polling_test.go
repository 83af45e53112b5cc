package bridge_test

import (
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// Three times slow_down are fifteen seconds more, for good; an interval that
// the provider names counts if it is longer, and nothing makes it shorter
// again.
func TestCheck29SlowDownAddsUp(t *testing.T) {
	for _, at := range []struct {
		name  string
		named []time.Duration // in each slow_down
		want  time.Duration
	}{
		{"without a word", []time.Duration{0, 0, 0}, 20 * time.Second},
		{"with a longer one", []time.Duration{0, 40 * time.Second, 0}, 45 * time.Second},
		{"with a shorter one", []time.Duration{0, time.Second, time.Second}, 20 * time.Second},
		{"with one beyond all reason", []time.Duration{30 * time.Minute}, 30 * time.Minute},
	} {
		t.Run(at.name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				w.Corp.Change(func(p *bridgetest.Provider) { p.Lifetime, p.Interval = 4*time.Hour, 5*time.Second })
				r := w.MustAsk(bridge.Ask{})
				w.Press("alice", r.ID, bridge.VerbShowCode)
				for i, named := range at.named {
					w.Corp.Change(func(p *bridgetest.Provider) {
						p.Failing = &bridge.Answer{Verdict: bridge.PollSlowDown, Interval: named}
					})
					for polls := w.Corp.Polls(); w.Corp.Polls() == polls; {
						bridgetest.Pass(time.Second)
					}
					if i == len(at.named)-1 {
						w.Corp.Change(func(p *bridgetest.Provider) { p.Failing = nil })
					}
				}
				if got := w.Expect(r.ID, bridge.Coded, ""); got.Interval != at.want {
					t.Errorf("the interval is %v, want %v", got.Interval, at.want)
				}
				before := w.Corp.Polls()
				bridgetest.Pass(at.want)
				if got := w.Corp.Polls(); got != before {
					t.Errorf("%d polls within the interval", got-before)
				}
				bridgetest.Pass(at.want/5 + 2*time.Second)
				if got := w.Corp.Polls(); got != before+1 {
					t.Errorf("%d polls in the next one, want 1", got-before)
				}
			})
		})
	}
}

// Each answer that ends the polling has an end of its own, and after none of
// them the code is sent anywhere again.
func TestCheck33WhatEndsThePolling(t *testing.T) {
	for name, at := range map[string]struct {
		answer  bridge.Answer
		state   bridge.State
		outcome bridge.OutcomeCode
	}{
		"the human said no":     {bridge.Answer{Verdict: bridge.PollDenied}, bridge.Denied, bridge.OutcomeProviderDenied},
		"the code is over":      {bridge.Answer{Verdict: bridge.PollLapsed}, bridge.Asked, ""},
		"the code is not known": {bridge.Answer{Verdict: bridge.PollLost}, bridge.Failed, bridge.OutcomeTokenLost},
		"we are not known":      {bridge.Answer{Verdict: bridge.PollFailed, Cause: "invalid_client"}, bridge.Failed, bridge.OutcomeProviderError},
		"it is forbidden":       {bridge.Answer{Verdict: bridge.PollFailed, Outcome: bridge.OutcomeDeviceGrantBlocked, Cause: "a policy forbids it"}, bridge.Failed, bridge.OutcomeDeviceGrantBlocked},
	} {
		t.Run(name, func(t *testing.T) { wantPolledOnce(t, at.answer, at.state, at.outcome) })
	}
}

// An error that nobody knows is no reason to go on.
func TestCheck34AnUnknownErrorEndsThePolling(t *testing.T) {
	wantPolledOnce(t, bridge.Answer{Verdict: bridge.PollFailed, Cause: "weird_error"}, bridge.Failed, bridge.OutcomeProviderError)
}

// wantPolledOnce has a poll answered and looks what becomes of the request.
func wantPolledOnce(t *testing.T, answer bridge.Answer, state bridge.State, outcome bridge.OutcomeCode) {
	t.Helper()
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Failing = &answer
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		bridgetest.Pass(10 * time.Second)
		if got := w.Expect(r.ID, state, outcome); answer.Cause != "" && !contains(got.Outcome.Message, answer.Cause) {
			t.Errorf("it ended with %q", got.Outcome.Message)
		}
		bridgetest.Pass(10 * time.Minute)
		if got := w.Corp.Polls(); got != 1 {
			t.Errorf("%d polls, want 1", got)
		}
	})
}

// TestCheck28TheFirstPollWaits for the interval, and a margin: clocks drift.
func TestCheck28TheFirstPollWaits(t *testing.T) {
	for interval, gap := range map[time.Duration]time.Duration{time.Second: 2 * time.Second, 5 * time.Second: 6 * time.Second, 20 * time.Second: 24 * time.Second} {
		story(t, nil, func(t *testing.T, w *bridgetest.World) {
			w.Corp.Change(func(p *bridgetest.Provider) { p.Interval = interval })
			r := w.MustAsk(bridge.Ask{})
			w.Press("alice", r.ID, bridge.VerbShowCode)
			bridgetest.Pass(gap - time.Millisecond)
			if n := w.Corp.Polls(); n != 0 {
				t.Errorf("interval %s: %d polls before %s", interval, n, gap)
			}
			bridgetest.Pass(2 * time.Millisecond)
			if n := w.Corp.Polls(); n != 1 {
				t.Errorf("interval %s: %d polls after %s", interval, n, gap)
			}
			bridgetest.Pass(3 * gap)
			if n := w.Corp.Polls(); n != 4 || w.Corp.Early() > 0 {
				t.Errorf("interval %s: %d polls in the time of four, %d too early", interval, n, w.Corp.Early())
			}
		})
	}
}

// TestCheck35NothingIsPolledAfterTheLapse, as our own clock has it.
func TestCheck35NothingIsPolledAfterTheLapse(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Change(func(p *bridgetest.Provider) { p.Lifetime = time.Minute })
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		bridgetest.Pass(time.Minute + time.Second)
		w.Expect(r.ID, bridge.Asked, "")
		polls := w.Corp.Polls()
		bridgetest.Pass(10 * time.Minute)
		if n := w.Corp.Polls(); n != polls {
			t.Errorf("%d polls after the lapse", n-polls)
		}
	})
}
