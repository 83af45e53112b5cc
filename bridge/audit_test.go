package bridge_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// audit is what must be true at the end of every saga, whatever broke on its
// way.
func (s *saga) audit() {
	s.t.Helper()
	err := s.now.store.View(ctx, func(tx bridge.ReadTx) error {
		all := s.requests(tx)
		s.auditRequests(tx, all)
		s.auditTokens(all)
		s.auditSecrets(tx, all)
		s.auditChat(all)
		return nil
	})
	if err != nil {
		s.t.Errorf("read the store at the end: %v", err)
	}
	s.auditProvider()
	s.auditRenewals()
	for _, k := range s.known {
		if _, err := s.now.Collect(ctx, s.dir.Agents["helper"], k.id); k.id != "" && err == nil {
			s.t.Errorf("long after its end %s still gives its token", k.id)
		}
	}
}

// requests are those in the store, oldest first: each ask made exactly one.
func (s *saga) requests(tx bridge.ReadTx) []bridge.Request {
	var all []bridge.Request
	for r, err := range tx.RequestsOf("helper", "") {
		if err != nil {
			s.t.Fatal(err)
		}
		if r.Renews == "" {
			all = append([]bridge.Request{r}, all...)
			continue
		}
		s.renewals = append(s.renewals, r)
		if may := []string{"collected", "cancelled/cancelled", "expired/expired", "failed/token_lost"}; !slices.Contains(may, endOf(r)) {
			s.t.Errorf("a renewal ended as %s", endOf(r))
		}
	}
	if len(all) != len(s.known) && !s.notMe {
		s.t.Errorf("%d asks made %d requests", len(s.known), len(all))
	}
	for i, k := range s.known {
		if k.id != "" && (i >= len(all) || all[i].ID != k.id) {
			s.t.Errorf("the acknowledged request %s is not there", k.id)
		}
	}
	return all
}

func (s *saga) auditRequests(tx bridge.ReadTx, all []bridge.Request) {
	for i, r := range all {
		if ends := endings(s.t, tx, r.ID); len(ends) != 1 {
			s.t.Errorf("%s ended %d times: %v", r.ID, len(ends), ends)
		}
		if r.Pending() {
			s.t.Errorf("%s is still %s", r.ID, r.State)
		}
		if end := endOf(r); !slices.Contains(s.mayEnd(i), end) {
			s.t.Errorf("ask %d ended as %s, want one of %v", i, end, s.mayEnd(i))
		}
	}
}

// mayEnd are the ends that an ask may come to in this saga.
func (s *saga) mayEnd(i int) []string {
	ends := []string{s.plot.ends[i]}
	if i == len(s.plot.ends)-1 {
		if broken := s.begun > 1 || s.lives[0].Broken(); broken {
			ends = append(ends, s.plot.also...)
		}
	}
	if s.lost > 0 {
		ends = append(ends, "failed/token_lost")
	}
	return ends
}

func endOf(r bridge.Request) string {
	if r.Outcome == nil {
		return string(r.State)
	}
	return string(r.State) + "/" + string(r.Outcome.Code)
}

// endings are the lines of a request's history that ended it.
func endings(t *testing.T, tx bridge.ReadTx, id bridge.RequestID) (ends []bridge.Kind) {
	version := uint64(0)
	for e, err := range bridgetest.History(tx, id) {
		if err != nil {
			t.Fatal(err)
		}
		late := e.Event == bridge.OnToken && e.From == e.To // it changed nothing
		if e.Version < version || e.Version == version && !late {
			t.Errorf("%s: version %d comes after %d", id, e.Version, version)
		}
		version = e.Version
		if e.To.Ended() && !e.From.Ended() {
			ends = append(ends, e.Event)
		}
	}
	return ends
}

// auditTokens compares what the provider handed out with what became of it.
func (s *saga) auditTokens(all []bridge.Request) {
	released := map[string]bridge.RequestID{}
	for _, k := range s.known {
		for i, access := range k.tokens {
			if access != k.tokens[0] {
				s.t.Errorf("%s was given %s and then %s", k.id, k.tokens[0], access)
			}
			if i == 0 && released[access] != "" && !served(all, k.id) {
				s.t.Errorf("%s went to %s and to %s", access, released[access], k.id)
			}
			released[access] = k.id
		}
	}
	lost, spilt := 0, 0
	for _, issue := range s.corp.Issues() { // everything that was given is over by now
		switch {
		case issue.Revoked || issue.Replaced:
		case issue.Refreshed:
			spilt++
		default:
			lost++
		}
		if released[issue.Access] != "" && (!issue.Judged || issue.Account.Subject != bridgetest.Alice.Subject) {
			s.t.Errorf("%s of %s was released, asked about: %v", issue.Access, issue.Account.Subject, issue.Judged)
		}
	}
	if spilt > s.spilt {
		s.t.Errorf("%d refreshed tokens were not revoked, and only %d were under way in a crash: %+v", spilt, s.spilt, s.corp.Issues())
	}
	honest := 0
	for _, r := range slices.Concat(all, s.renewals) {
		if r.Outcome != nil && r.Outcome.Code == bridge.OutcomeTokenLost {
			honest++
		}
	}
	if lost > s.lost {
		s.t.Errorf("%d tokens were neither released nor revoked, and only %d were under way in a crash: %+v", lost, s.lost, s.corp.Issues())
	}
	// A code that lapsed meanwhile cannot be asked about any more.
	if long := s.slept > 8*time.Minute || s.plot.lets > 0 && s.slept > 0; lost > honest && !long && !s.ended(all) {
		s.t.Errorf("%d tokens are lost, and %d requests say so", lost, honest)
	}
	if honest > s.lost {
		s.t.Errorf("%d requests say that a token is lost, and %d are", honest, s.lost)
	}
}

// ended reports whether somebody ended the last request, who may well have
// come before the news of a lost token.
func (s *saga) ended(all []bridge.Request) bool {
	last := all[len(all)-1].State
	return last == bridge.Denied || last == bridge.Cancelled
}

func served(all []bridge.Request, id bridge.RequestID) bool {
	return slices.ContainsFunc(all, func(r bridge.Request) bool { return r.ID == id && r.Served })
}

// auditSecrets looks for secrets that nobody needs any more.
func (s *saga) auditSecrets(tx bridge.ReadTx, all []bridge.Request) {
	var refs []bridge.SecretRef
	for _, r := range all {
		refs = append(refs, bridge.CodeSecret(r.ID), bridge.HeldSecret(r.ID), bridge.RevocationSecret(string(r.ID)))
		if r.Grant == "" {
			continue
		}
		refs = append(refs, bridge.GrantSecret(r.Grant), bridge.RevocationSecret(string(r.Grant)), bridge.RevocationSecret(string(r.Grant)+".late"))
		if g, err := tx.Grant(r.Grant); err != nil || g.State == bridge.GrantLive || g.Revocation == bridge.RevocationPending {
			s.t.Errorf("the grant of %s is %s, its revocation %s: %v", r.ID, g.State, g.Revocation, err)
		}
	}
	for _, ref := range refs {
		if _, err := tx.Secret(ref); !errors.Is(err, bridge.ErrNotFound) {
			s.t.Errorf("the secret %s is still there: %v", ref, err)
		}
	}
	for v, err := range tx.Revocations() {
		s.t.Errorf("still to be revoked: %s, %v", v.ID, err)
	}
	for d, err := range tx.Pending() {
		s.t.Errorf("still pending: %+v, %v", d, err)
	}
}

func (s *saga) auditProvider() {
	if early := s.corp.Early(); early != 0 && !s.unheard {
		s.t.Errorf("%d polls came early", early)
	}
	for _, code := range s.corp.PolledCodes() {
		if _, shown := s.seen[code]; !shown && !s.plot.away {
			s.t.Errorf("the code %s was polled and never shown", code)
		}
	}
}

// auditRenewals: a human is troubled again only where the provider honours the
// grant no more: when it said so, or when its answer was lost in a crash.
func (s *saga) auditRenewals() {
	may := s.spilt
	if s.plot.forgets || s.plot.doubts && (s.begun > 1 || s.lives[0].Broken()) {
		may++
	}
	needy := s.needy
	for _, b := range s.now.points.Trail() {
		if b.Call == "commit" && b.After && strings.HasPrefix(b.About, "needs_reauth") {
			needy++
		}
	}
	if needy > may {
		s.t.Errorf("%d times a grant needed its human again, and %d times the provider had given it up", needy, may)
	}
}

// auditChat looks at the chat: one message for each surface, which a crash may
// double only on a platform that does not know posts again, or not after so
// long, and which shows the end.
// The bridge loses sight of a message only if it died before it knew that it
// had posted it, and the request ended before it could ask again.
func (s *saga) auditChat(all []bridge.Request) {
	if s.slack == nil {
		return
	}
	shown := 0
	for n, surface := range all[0].Surfaces {
		if surface.To != "" {
			shown += s.auditSurface(all[0].ID, n, surface)
		}
	}
	unposted := s.plot.deny != "" || s.slept >= time.Minute // what is over is not posted any more
	if shown == 0 && !unposted {
		s.t.Errorf("no message in %d lives", s.begun)
	}
}

func (s *saga) auditSurface(id bridge.RequestID, n int, surface bridge.Surface) (messages int) {
	most := 1
	if s.plot.forgetful || s.slept >= time.Minute {
		most = s.begun
	}
	for _, m := range s.slack.Messages(surface.To) {
		if !strings.HasPrefix(m.Key, fmt.Sprintf("%s/%d/", id, n)) {
			continue
		}
		messages++
		over := surface.Over != "" || surface.View == bridge.ViewReminder
		if c := m.Now(); m.Ref == surface.Ref && (c.State.Open() && !over || len(c.Buttons) > 0 || c.Ending == "") || c.Code != nil {
			s.t.Errorf("in the end %s shows a card that is %s, its code %v: %q", m.Ref, c.State, c.Code != nil, bridgetest.Text(c))
		}
	}
	if messages > most {
		s.t.Errorf("%d messages for one surface in %d lives", messages, s.begun)
	}
	if inSight := surface.Ref != "" || surface.Unknown > 0 && s.begun > 1; messages > 0 && !inSight {
		s.t.Errorf("the bridge has forgotten its message: %+v", surface)
	}
	return messages
}
