package web

import (
	"context"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/chromedp/chromedp"

	"github.com/authbridge/authbridge/bridge"
)

// mirror is a provider that sends every browser back at once, with what the
// test says: the scenes of a sign-in need no pages of its own.
type mirror struct {
	to      string                        // the inbox, under its public address
	account atomic.Pointer[string]        // the subject that signs in; nil = it refuses
	pending atomic.Pointer[chan struct{}] // until it is closed no code is exchanged; nil = each is at once
}

func (m *mirror) Address(_ context.Context, proof bridge.SignInProof) (string, error) {
	back := url.Values{"state": {proof.State.Reveal()}}
	if subject := m.account.Load(); subject != nil {
		back.Set("code", *subject)
	} else {
		back.Set("error", "access_denied")
	}
	return m.to + "/callback?" + back.Encode(), nil
}

func (m *mirror) Account(ctx context.Context, code bridge.Secret, _ string, _ bridge.SignInProof) (bridge.Account, error) {
	if pending := m.pending.Load(); pending != nil {
		select {
		case <-*pending:
		case <-ctx.Done():
			return bridge.Account{}, ctx.Err()
		}
	}
	return bridge.Account{Issuer: "https://corp.example", Subject: code.Reveal(), Email: code.Reveal() + "@corp.example", EmailVerified: true}, nil
}

// atTheGate opens the page under its public address, with no session.
func (p *pageUnderTest) atTheGate() {
	p.run(chromedp.Navigate(p.mirror.to + "/"))
	p.do(`sessionStorage.clear()`)
	p.run(chromedp.Reload())
	p.eventually("the way in", `document.querySelector("#sign-in")?.textContent`, "Sign in with corp")
}

// goThrough signs in at the provider as somebody; "" = nobody, it refuses.
func (p *pageUnderTest) goThrough(subject string) {
	p.house.desk.know("corp", "sub-alice", "alice")
	p.atTheGate()
	if p.mirror.account.Store(&subject); subject == "" {
		p.mirror.account.Store(nil)
	}
	p.do(`document.querySelector("#sign-in").click()`)
}

func (p *pageUnderTest) refusedThere() { p.goThrough("") }
func (p *pageUnderTest) nobodysThere() { p.goThrough("sub-mallory") }

// onTheWayBack has the provider take its time with the exchange of the code;
// arrive lets it go on.
func (p *pageUnderTest) onTheWayBack() {
	pending := make(chan struct{})
	p.mirror.pending.Store(&pending)
	p.goThrough("sub-alice")
}

func (p *pageUnderTest) arrive() {
	close(*p.mirror.pending.Swap(nil))
	p.eventually("signed in", `document.querySelector("h1").textContent`, "Inbox of alice")
	p.comeBack()
}

// throughProvider signs alice in at her provider, with her phone signed in by
// a link.
func (p *pageUnderTest) throughProvider() {
	p.house.notes.forget(sessionRoom)
	p.house.notes.forget("sessions/")
	p.goThrough("sub-alice")
	p.eventually("signed in", `document.querySelector("#connection")?.textContent`, "Live")
	p.house.signInFrom("alice", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1")
	p.house.notes.rewrite(func(s *session) {
		if s.Since, s.Until = noon, noon.Add(sessionLife); s.Through == "" {
			s.Seen = noon // of a page that is open it is noted anew
		}
	})
	p.house.desk.wake("alice")
}

// publicOf is an origin of a server that is not that of the machine's own pages.
func publicOf(base string) string {
	return strings.Replace(base, "127.0.0.1", "localhost", 1)
}
