package devprovider

import (
	"net/http"
	"sync"
	"time"
)

// faults are what a test has the token endpoint suffer.
type faults struct {
	journal *journal

	mu   sync.Mutex
	down bool
	lose int // how many answers to refreshes are still to be lost
}

// SetOutage has the token endpoint answer everybody with 503 and do nothing
// else, until it is set to false.
func (p *Provider) SetOutage(down bool) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.down = down
}

// LoseRefreshAnswers has the next n refreshes carried out, and then their
// connections die without an answer: refresh tokens are spent and nobody
// knows by what they were replaced. 0 ends it.
func (p *Provider) LoseRefreshAnswers(n int) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.lose = n
}

// before stands before the token endpoint.
func (f *faults) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case f.outage():
			f.journal.add(Entry{Time: time.Now(), Kind: KindTurnedAway, Client: r.PostFormValue("client_id")})
			w.Header().Set("Retry-After", "1")
			http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
		case r.PostFormValue("grant_type") == "refresh_token" && f.loseOne():
			next.ServeHTTP(nowhere{}, r)
			panic(http.ErrAbortHandler)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (f *faults) outage() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.down
}

func (f *faults) loseOne() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lose == 0 {
		return false
	}
	f.lose--
	return true
}

// nowhere is where an answer is written that nobody gets.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}
