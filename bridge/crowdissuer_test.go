package bridge_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
)

// crowdIssuer is an authorization server in memory for a hundred thousand
// codes. It speaks HTTP/1.1 on pipes, so that it works in a bubble, and keeps
// per code what the bridge is measured by, on its own clock, instead of a
// journal of everything. Code number n belongs to the human of request n.
type crowdIssuer struct {
	guests chan net.Conn
	closed chan struct{}
	begun  time.Time

	dials                 atomic.Int64
	polling, mostPolling  atomic.Int64
	faults                atomic.Bool // 1 % of the calls get 503, 1 % lose their connection
	outageFrom, outageEnd time.Time   // in between nobody answers; set before use

	mu        sync.Mutex // guards what follows
	codes     []crowdCode
	perSecond []int // arrivals of polls, since begun
	early     int
	strange   []string // what a correct client does not do
}

// crowdCode is what is known of one code.
type crowdCode struct {
	approved bool
	slowed   bool // is to be told slow_down once
	interval time.Duration
	last     time.Duration // arrival of the last poll, since begun; at first that of the code
	first    time.Duration // arrival of the first poll
	polls    int
	asked    int // for the account
	tokens   int
}

func newCrowdIssuer(codes int) *crowdIssuer {
	i := &crowdIssuer{
		guests: make(chan net.Conn), closed: make(chan struct{}),
		begun: time.Now(), codes: make([]crowdCode, codes),
	}
	for n := range i.codes {
		i.codes[n] = crowdCode{interval: crowdInterval}
	}
	go i.accept()
	return i
}

const crowdOrigin = "http://127.0.0.1:80"

// provider is the real client for the issuer.
func (i *crowdIssuer) provider(t *testing.T) bridge.Provider {
	t.Helper()
	transport := &http.Transport{DialContext: i.dial, MaxConnsPerHost: 256, MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	p, err := oauth.New(oauth.Config{
		Issuer: crowdOrigin, ClientID: "authbridge", Network: oauth.NetworkPolicy{AllowHTTPLoopback: true},
	}, &http.Client{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (i *crowdIssuer) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	i.dials.Add(1)
	if i.out() {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	select {
	case i.guests <- theirs:
		return ours, nil
	case <-i.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (i *crowdIssuer) accept() {
	for {
		select {
		case conn := <-i.guests:
			go i.serve(conn)
		case <-i.closed:
			return
		}
	}
}

// serve answers the requests of one connection, one after the other.
func (i *crowdIssuer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil || r.ParseForm() != nil {
			return
		}
		status, said := i.receive(r)
		if status == 0 {
			return
		}
		body, err := json.Marshal(said)
		if err != nil {
			panic(err) // strings and numbers alone
		}
		_, err = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			status, http.StatusText(status), len(body), body)
		if err != nil {
			return
		}
	}
}

// receive takes its time over a request and answers it; status 0 = the
// connection breaks.
func (i *crowdIssuer) receive(r *http.Request) (status int, said map[string]any) {
	arrived := time.Since(i.begun)
	if r.URL.Path == "/token" {
		raise(&i.mostPolling, i.polling.Add(1))
		defer i.polling.Add(-1)
	}
	<-time.After(crowdDelay)
	if i.out() {
		return 0, nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	switch r.Method + " " + r.URL.Path {
	case "GET /.well-known/oauth-authorization-server":
		return http.StatusOK, map[string]any{
			"issuer": crowdOrigin, "device_authorization_endpoint": crowdOrigin + "/device",
			"token_endpoint": crowdOrigin + "/token", "userinfo_endpoint": crowdOrigin + "/userinfo",
		}
	case "POST /device":
		return i.issue()
	case "POST /token":
		return i.polled(arrived, r.PostForm.Get("device_code"))
	case "GET /userinfo":
		return i.userinfo(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	}
	return i.wonder("a call of %s %s", r.Method, r.URL.Path)
}

func raise(most *atomic.Int64, n int64) {
	for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
	}
}

// out reports whether this is the time when nobody answers.
func (i *crowdIssuer) out() bool {
	now := time.Now()
	return !now.Before(i.outageFrom) && now.Before(i.outageEnd)
}

// wonder notes something that ought not to happen.
func (i *crowdIssuer) wonder(format string, args ...any) (int, map[string]any) {
	if len(i.strange) < 10 {
		i.strange = append(i.strange, fmt.Sprintf(format, args...))
	}
	return http.StatusBadRequest, map[string]any{"error": "invalid_request"}
}

func (i *crowdIssuer) issue() (int, map[string]any) {
	n := len(i.codes)
	i.codes = append(i.codes, crowdCode{interval: crowdInterval, last: time.Since(i.begun)})
	return http.StatusOK, map[string]any{
		"device_code": deviceCode(n), "user_code": userCode(n), "verification_uri": crowdOrigin + "/device",
		"expires_in": crowdLifetime.Seconds(), "interval": crowdInterval.Seconds(),
	}
}

// The codes and tokens tell whose they are. All of a kind are of one length.
func deviceCode(n int) string { return fmt.Sprintf("device-code-of-%025d", n) }
func userCode(n int) string   { return fmt.Sprintf("C-%07d", n) }
func accessToken(n int) string {
	return fmt.Sprintf("access-token-of-%025d", n)
}

// numbered finds the code that a text belongs to.
func (i *crowdIssuer) numbered(text, kind string) (int, bool) {
	digits, ok := strings.CutPrefix(text, kind)
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n >= 0 && n < len(i.codes)
}

// polled answers a poll. The time between two polls is counted from arrival to
// arrival, whatever became of the first.
func (i *crowdIssuer) polled(arrived time.Duration, device string) (int, map[string]any) {
	n, known := i.numbered(device, "device-code-of-")
	if !known {
		return i.wonder("a poll with an unknown code")
	}
	c := &i.codes[n]
	for len(i.perSecond) <= int(arrived/time.Second) {
		i.perSecond = append(i.perSecond, 0)
	}
	i.perSecond[arrived/time.Second]++
	if arrived < c.last+c.interval {
		i.early++
	}
	if c.last = arrived; c.polls == 0 {
		c.first = arrived
	}
	c.polls++
	if status := i.fault(n, c.polls); status >= 0 {
		return status, nil
	}
	wrong := func(word string) (int, map[string]any) { return http.StatusBadRequest, map[string]any{"error": word} }
	switch {
	case c.tokens > 0:
		i.wonder("code %d was redeemed and then polled", n)
		return wrong("invalid_grant")
	case c.approved:
		c.tokens++
		return http.StatusOK, map[string]any{"access_token": accessToken(n), "token_type": "Bearer", "expires_in": 3600}
	case c.slowed:
		c.slowed, c.interval = false, slowInterval
		return http.StatusBadRequest, map[string]any{"error": "slow_down", "interval": slowInterval.Seconds()}
	}
	return wrong("authorization_pending")
}

// userinfo tells whose account an access token is of, if it was handed out.
func (i *crowdIssuer) userinfo(token string) (int, map[string]any) {
	n, known := i.numbered(token, "access-token-of-")
	if !known || i.codes[n].tokens == 0 {
		return i.wonder("a question about a token that was never handed out")
	}
	c := &i.codes[n]
	c.asked++
	if status := i.fault(n, -c.asked); status >= 0 {
		return status, nil
	}
	name := humanOf(n)
	return http.StatusOK, map[string]any{"sub": "sub-" + name, "email": name + "@example.com", "email_verified": true}
}

// crowdSeed picks one sequence of faults.
const crowdSeed = 1 << 40

// fault decides about a call on behalf of a code, always in the same way: 503,
// 0 for a connection that breaks before anything is done, -1 for none.
func (i *crowdIssuer) fault(n, call int) int {
	if !i.faults.Load() {
		return -1
	}
	switch rand.NewPCG(crowdSeed+uint64(n), uint64(call)).Uint64() % 100 {
	case 0:
		return http.StatusServiceUnavailable
	case 1:
		return 0
	}
	return -1
}

// tell changes a code.
func (i *crowdIssuer) tell(n int, change func(*crowdCode)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(&i.codes[n])
}

// close ends the issuer; the connections end with those of the client.
func (i *crowdIssuer) close() { close(i.closed) }
