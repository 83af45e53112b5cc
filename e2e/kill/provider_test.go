package kill

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// Whose accounts there are. Mallory's has an address that nobody has checked.
var (
	aliceThere   = oauthtest.Account{Subject: "a-1", Email: "alice@example.com", EmailVerified: true, Name: "Alice"}
	malloryThere = oauthtest.Account{Subject: "m-3", Email: "alice@example.com", Name: "Mallory"}
)

// interval is what the provider asks for between two polls, until it says
// slow_down.
const interval = 500 * time.Millisecond

// provider is the scripted issuer, with all that it sees written down under
// the asking that it is about.
type provider struct {
	*oauthtest.Issuer
	rec  *record
	late func(ask string) // what to do while a token is on its way

	mu        sync.Mutex
	open      map[net.Conn]bool        // connections
	devices   map[string]string        // the asking of each device code
	intervals map[string]time.Duration // as last said, by device code
	tokens    map[string]string        // the asking of each access token
	secrets   []string
	slowed    map[string]bool // askings whose poll was told to slow down
	codes     map[string]int  // so far, by asking
}

// newProvider starts one, with settings for what it does with tokens. What it
// does with an asking is in the name: see asking.
func newProvider(t *testing.T, rec *record, s oauthtest.Settings) *provider {
	s.ClientID, s.ClientSecret, s.Interval, s.NameInterval = "authbridge", corpSecret, interval, true
	p := &provider{
		Issuer: oauthtest.New(s),
		rec:    rec, late: func(string) {}, devices: map[string]string{}, intervals: map[string]time.Duration{},
		tokens: map[string]string{}, slowed: map[string]bool{}, codes: map[string]int{}, open: map[net.Conn]bool{},
	}
	p.Always(oauthtest.Token, oauthtest.Fault{Edit: withoutIDToken})
	p.Watch(p.see)
	p.Start(t, func(s *http.Server) { s.ConnState = p.track })
	return p
}

// withoutIDToken has the bridge ask for the account: for every asking but
// those that say that they are signed.
func withoutIDToken(members map[string]any) {
	if scope, _ := members["scope"].(string); !strings.Contains(scope, ".signed") {
		delete(members, "id_token")
	}
}

// askOf finds the asking in a list of scopes.
func askOf(scopes string) string {
	for scope := range strings.FieldsSeq(scopes) {
		if strings.HasPrefix(scope, "files.") {
			return scope
		}
	}
	return ""
}

// see writes down what the issuer has seen.
func (p *provider) see(s oauthtest.Step) {
	switch s.Call.Endpoint {
	case oauthtest.Metadata:
		if s.Stage == oauthtest.Arrived {
			p.rec.add(fact{what: discovering})
		}
	case oauthtest.Device:
		p.seeCode(s)
	case oauthtest.Token:
		p.seePoll(s)
	case oauthtest.Refresh:
		p.seeRefresh(s)
	case oauthtest.Userinfo, oauthtest.Keys:
		token, _ := strings.CutPrefix(s.Call.Header.Get("Authorization"), "Bearer ")
		p.seePair(s, identifying, identified, token)
	case oauthtest.Revocation:
		p.seePair(s, revoking, revoked, s.Call.Form.Get("token"))
	case oauthtest.Register: // nobody does
	}
}

// track keeps the connections that are open.
func (p *provider) track(c net.Conn, s http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s == http.StateClosed || s == http.StateHijacked {
		delete(p.open, c)
	} else {
		p.open[c] = true
	}
}

// drained tells whether all that a dead bridge had sent has been answered. Its
// connections are closed then; what still waits to be accepted comes before
// the one made here.
func (p *provider) drained(ctx context.Context) bool {
	d := net.Dialer{Timeout: patience}
	c, err := d.DialContext(ctx, "tcp", strings.TrimPrefix(p.URL(), "http://"))
	if err != nil {
		return false
	}
	_, err = c.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
	_, _ = io.Copy(io.Discard, c)
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	return err == nil && len(p.open) == 0
}

func (p *provider) seePair(s oauthtest.Step, before, after what, token string) {
	f := fact{ask: p.askOfToken(token), token: token}
	switch {
	case s.Stage == oauthtest.Arrived:
		f.what = before
		p.rec.add(f)
	case s.Stage == oauthtest.Sent && s.Status == 200:
		f.what = after
		p.rec.add(f)
	}
}

func (p *provider) seeCode(s oauthtest.Step) {
	f := fact{ask: askOf(s.Call.Form.Get("scope"))}
	f.device, _ = s.Answer["device_code"].(string)
	f.user, _ = s.Answer["user_code"].(string)
	switch {
	case s.Stage == oauthtest.Arrived:
		f.what = begun
	case f.device == "":
		f.what, f.note = surprise, "the provider refuses to give a code"
	case s.Stage == oauthtest.Decided:
		f.what, f.interval = minted, interval
		p.mu.Lock()
		p.devices[f.device], p.intervals[f.device] = f.ask, interval
		p.secrets = append(p.secrets, f.device, f.user)
		p.codes[f.ask]++
		if strings.Contains(f.ask, ".lapse") && p.codes[f.ask] == 1 {
			s.Answer["expires_in"] = 2.0 // of some, the bridge is told that the first code is soon over
		}
		p.mu.Unlock()
	default:
		f.what = mintSent
	}
	p.rec.add(f)
}

func (p *provider) seePoll(s oauthtest.Step) {
	f := fact{device: s.Call.Form.Get("device_code")}
	f.answer, _ = s.Answer["error"].(string)
	f.token, _ = s.Answer["access_token"].(string)
	f.early = s.Answer["error_description"] == oauthtest.TooEarly
	p.mu.Lock()
	f.ask = p.devices[f.device]
	if longer, ok := s.Answer["interval"].(float64); ok {
		p.intervals[f.device] = time.Duration(longer * float64(time.Second))
		p.slowed[f.ask] = true
	}
	f.interval = p.intervals[f.device]
	if f.token != "" && s.Stage == oauthtest.Decided {
		p.issued(f.ask, s.Answer)
	}
	p.mu.Unlock()
	switch {
	case s.Stage == oauthtest.Arrived:
		f.what = polled
	case s.Stage == oauthtest.Decided && f.token != "":
		f.what = handed
	case s.Stage == oauthtest.Decided:
		f.what = answered
	case f.token != "":
		f.what = handSent
	default:
		f.what = answerSent
	}
	p.rec.add(f)
	if f.what == handed {
		p.late(f.ask)
	}
}

// issued notes the tokens in an answer. It needs the lock.
func (p *provider) issued(ask string, answer map[string]any) {
	for _, name := range []string{"access_token", "refresh_token"} {
		if token, ok := answer[name].(string); ok {
			p.tokens[token] = ask
			p.secrets = append(p.secrets, token)
		}
	}
}

func (p *provider) seeRefresh(s oauthtest.Step) {
	f := fact{refresh: s.Call.Form.Get("refresh_token")}
	f.ask = p.askOfToken(f.refresh)
	switch s.Stage {
	case oauthtest.Arrived:
		f.what = refreshing
	case oauthtest.Decided:
		f.what = rotated
		p.mu.Lock()
		p.issued(f.ask, s.Answer)
		p.mu.Unlock()
	case oauthtest.Sent:
		f.what = rotSent
	}
	f.answer, _ = s.Answer["error"].(string)
	f.token, _ = s.Answer["access_token"].(string)
	f.next, _ = s.Answer["refresh_token"].(string)
	p.rec.add(f)
}

func (p *provider) askOfToken(token string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tokens[token]
}

func (p *provider) wasSlowed(ask string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slowed[ask]
}

// given lists the codes and the tokens that an asking was given so far.
func (p *provider) given(ask string) (devices, tokens []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for device, whose := range p.devices {
		if whose == ask {
			devices = append(devices, device)
		}
	}
	for token, whose := range p.tokens {
		if whose == ask {
			tokens = append(tokens, token)
		}
	}
	return devices, tokens
}
