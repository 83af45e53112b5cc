package provider

import (
	"crypto/rand"
	"sync"
	"time"
)

// flowLifetime is how long a form can be sent after it was shown.
const flowLifetime = 15 * time.Minute

// step is the form that a person has before them.
type step int

const (
	enteringCode step = iota
	signingIn
	deciding
	authorizing // signing in for a client that redirects
)

// flow is one person's way through the pages: what the form before them will
// mean when it comes back.
type flow struct {
	step     step
	browser  string
	code     authorization
	request  signIn
	account  Account
	signedIn time.Time
	expires  time.Time
}

// flows holds the forms that are out, by their one-time IDs.
type flows struct {
	mu  sync.Mutex
	out map[string]flow
}

func newFlows() *flows { return &flows{out: map[string]flow{}} }

// keep stores f and returns its new ID.
func (f *flows) keep(next flow) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for id, old := range f.out {
		if !now.Before(old.expires) {
			delete(f.out, id)
		}
	}
	next.expires = now.Add(flowLifetime)
	id := rand.Text()
	f.out[id] = next
	return id
}

// take spends the ID, if the form is at this step and belongs to this browser;
// if not, the form stays good for whom it was made.
func (f *flows) take(id, browser string, at step) (flow, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found, ok := f.out[id]
	if !ok || browser == "" || found.browser != browser || found.step != at || !time.Now().Before(found.expires) {
		return flow{}, false
	}
	delete(f.out, id)
	return found, true
}

// knows tells whether a form is out for this browser.
func (f *flows) knows(browser string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, open := range f.out {
		if browser != "" && open.browser == browser {
			return true
		}
	}
	return false
}
