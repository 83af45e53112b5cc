package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

const (
	publicHost = "bridge.example.com"
	public     = "https://" + publicHost
)

// corp is the provider through which people sign in. It is strict: a code is
// good for the sign-in that it was made for, once.
type corp struct {
	mu     sync.Mutex
	codes  map[string]visitor
	asked  int
	fault  error
	issuer string // that it wants to hear of
}

// visitor is somebody who has signed in there.
type visitor struct {
	account bridge.Account
	proof   bridge.SignInProof
}

func (c *corp) Address(_ context.Context, p bridge.SignInProof) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		return "", c.fault
	}
	query := url.Values{"state": {p.State.Reveal()}, "nonce": {p.Nonce.Reveal()}, "verifier": {p.Verifier.Reveal()}}
	return "https://corp.example/authorize?" + query.Encode(), nil
}

func (c *corp) Account(_ context.Context, code bridge.Secret, issuer string, p bridge.SignInProof) (bridge.Account, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.fault != nil {
		return bridge.Account{}, c.fault
	}
	v, ok := c.codes[code.Reveal()]
	if !ok || v.proof != p || issuer != c.issuer {
		return bridge.Account{}, &bridge.Refusal{Cause: "not a code of this sign-in"}
	}
	delete(c.codes, code.Reveal())
	return v.account, nil
}

// signs is a human at the provider; what it sends their browser back with.
func (c *corp) signs(t *testing.T, address, subject, code string) (state string) {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, "https://corp.example/authorize?") {
		t.Fatalf("sent to %s, %v", address, err)
	}
	q := at.Query()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.codes[code] = visitor{
		bridge.Account{Issuer: "https://corp.example", Subject: subject, Email: subject + "@corp.example", EmailVerified: true},
		bridge.SignInProof{State: bridge.NewSecret(q.Get("state")), Nonce: bridge.NewSecret(q.Get("nonce")), Verifier: bridge.NewSecret(q.Get("verifier"))},
	}
	return q.Get("state")
}

// lobby is a house that others can reach, with corp at its door.
type lobby struct {
	*house
	corp *corp
	way  *SignIn
}

func newLobby(t *testing.T) *lobby {
	l := &lobby{house: newHouse(t), corp: &corp{codes: map[string]visitor{}}}
	l.way = &SignIn{Provider: "corp", Flow: l.corp}
	l.desk.know("corp", "sub-alice", "alice")
	l.inbox.public, l.inbox.named = public, hostsOf(public)
	l.inbox.signIn = func() *SignIn { return l.way }
	return l
}

// outside makes a call one that comes under the public address.
func outside(edits ...edit) []edit {
	return append([]edit{to(publicHost), header("Origin", public)}, edits...)
}

func (l *lobby) out(method, path string, edits ...edit) answer {
	l.t.Helper()
	return l.call(method, path, outside(edits...)...)
}

// begun is a sign-in that a tab has begun.
type begun struct{ At, Begun string }

func (l *lobby) begin(edits ...edit) begun {
	l.t.Helper()
	a := l.out("POST", "/sign-in", edits...)
	var b begun
	if err := json.Unmarshal([]byte(a.body), &b); a.status != 200 || err != nil || b.Begun == "" {
		l.t.Fatalf("begin a sign-in: %d %s", a.status, a.body)
	}
	return b
}

// back is what a tab sends that the provider has sent back.
func back(b begun, state, code string) edit {
	text, _ := json.Marshal(map[string]string{"begun": b.Begun, "state": state, "code": code})
	return body(string(text))
}

// enter signs somebody in the whole way.
func (l *lobby) enter(subject string) (session string) {
	l.t.Helper()
	b := l.begin()
	a := l.out("POST", "/session", back(b, l.corp.signs(l.t, b.At, subject, "code-"+b.Begun), "code-"+b.Begun))
	var got struct{ Session, Human string }
	if err := json.Unmarshal([]byte(a.body), &got); a.status != 200 || err != nil || got.Human != "alice" {
		l.t.Fatalf("sign in: %d %s", a.status, a.body)
	}
	return got.Session
}

func TestSignInThroughAProvider(t *testing.T) {
	l := newLobby(t)
	l.out("GET", "/").expect(t, 200, "Sign in with", ">corp<")
	b := l.begin()
	for key, kept := range l.notes.all {
		for _, secret := range []string{b.Begun, proofOf(bridge.NewSecret(b.Begun)).Verifier.Reveal()} {
			if strings.Contains(key+string(kept.value), secret) {
				t.Errorf("the store holds a secret of the sign-in, in %s", key)
			}
		}
	}
	l.out("GET", "/callback?code=x&state=y", header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "navigate"), header("Sec-Fetch-Dest", "document")).
		expect(t, 200, "<title>Inbox - authbridge</title>")
	state := l.corp.signs(t, b.At, "sub-alice", "c-1")
	a := l.out("POST", "/session", back(b, state, "c-1"), header("User-Agent", "Firefox/9 Linux"))
	a.expect(t, 200, `"human":"alice"`)
	var got struct{ Session string }
	_ = json.Unmarshal([]byte(a.body), &got)
	l.desk.put("alice", asked())
	l.out("GET", "/inbox", as(got.Session)).expect(t, 200, "helper wants corp", `through <strong translate="no">corp</strong>`)
	if len(l.notes.audit) != 1 {
		t.Fatalf("the audit log: %+v", l.notes.audit)
	}
	line := l.notes.audit[0]
	if line.Event != bridge.AuditSignedIn || line.Human != "alice" || line.Provider != "corp" || line.PlatformUser != "sub-alice@corp.example" || line.Detail != "from 192.0.2.1" {
		t.Errorf("the audit log: %+v", line)
	}
	if strings.Contains(l.log.String()+a.body, "c-1") {
		t.Error("the code is told")
	}
}

// TestAnswersThatSignNobodyIn is login CSRF, replay and guessing.
func TestAnswersThatSignNobodyIn(t *testing.T) {
	l := newLobby(t)
	mine, theirs := l.begin(), l.begin()
	mineState, theirState := l.corp.signs(t, mine.At, "sub-alice", "c-mine"), l.corp.signs(t, theirs.At, "sub-mallory", "c-theirs")
	for what, e := range map[string]edit{
		"the attacker's answer in the victim's tab": back(mine, theirState, "c-theirs"),
		"the victim's answer in the attacker's tab": back(theirs, mineState, "c-mine"),
		"no state":               body(`{"begun":"` + mine.Begun + `","state":"","code":"c-mine"}`),
		"a guess":                back(begun{Begun: "AAAAAAAAAAAAAAAAAAAAAAAAAA"}, mineState, "c-mine"),
		"a guess with its state": back(begun{Begun: "A"}, proofOf(bridge.NewSecret("A")).State.Reveal(), "c-mine"),
		"a link and an answer":   body(`{"link":"x","begun":"` + mine.Begun + `","state":"` + mineState + `","code":"c-mine"}`),
		"a code and an error":    body(`{"begun":"` + mine.Begun + `","state":"` + mineState + `","code":"c-mine","error":"x"}`),
		"neither":                body(`{"begun":"` + mine.Begun + `","state":"` + mineState + `"}`),
		"the name in the store":  back(begun{Begun: hashed(bridge.NewSecret(mine.Begun))}, mineState, "c-mine"),
	} {
		t.Run(what, func(t *testing.T) {
			if a := l.out("POST", "/session", e); a.status != 403 && a.status != 400 || strings.Contains(a.body, "session\"") {
				t.Errorf("answered %d %s", a.status, a.body)
			}
		})
	}
	if l.corp.asked != 0 || l.notes.writes != 0 {
		t.Errorf("the provider was asked %d times, and %d times something was written", l.corp.asked, l.notes.writes)
	}
	t.Run("the attacker's code with the victim's state", func(t *testing.T) {
		l.out("POST", "/session", back(mine, mineState, "c-theirs")).expect(t, 403, "did not sign you in")
		l.out("POST", "/session", back(mine, mineState, "c-mine")).expect(t, 403, tooLate)
	})
	t.Run("once", func(t *testing.T) {
		b := l.begin()
		state := l.corp.signs(t, b.At, "sub-alice", "c-once")
		l.out("POST", "/session", back(b, state, "c-once")).expect(t, 200)
		l.corp.signs(t, b.At, "sub-alice", "c-again")
		l.out("POST", "/session", back(b, state, "c-again")).expect(t, 403, tooLate)
	})
	if n := l.notes.count("session/"); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestOfTwentyWithOneAnswerOneWins(t *testing.T) {
	l := newLobby(t)
	b := l.begin()
	state := l.corp.signs(t, b.At, "sub-alice", "c")
	var all sync.WaitGroup
	got := make(chan int, 20)
	for range cap(got) {
		all.Go(func() { got <- l.out("POST", "/session", back(b, state, "c")).status })
	}
	all.Wait()
	close(got)
	count := map[int]int{}
	for status := range got {
		count[status]++
	}
	if count[200] != 1 || count[403] != 19 || l.corp.asked != 1 {
		t.Errorf("answers %v; the provider was asked %d times", count, l.corp.asked)
	}
}

func TestASignInIsOverAfterTenMinutesAndSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLobby(t)
		intime, late := l.begin(), l.begin()
		<-time.After(signInLife - time.Second)
		l.restart()
		l.inbox.public, l.inbox.named = public, hostsOf(public)
		l.inbox.signIn = func() *SignIn { return l.way }
		l.out("POST", "/session", back(intime, l.corp.signs(t, intime.At, "sub-alice", "c-1"), "c-1")).expect(t, 200)
		<-time.After(time.Second)
		l.out("POST", "/session", back(late, l.corp.signs(t, late.At, "sub-alice", "c-2"), "c-2")).expect(t, 403, tooLate)
	})
}

// TestASignInIsWithTheProviderItBeganWith: the answer goes to no other that is
// configured meanwhile.
func TestASignInIsWithTheProviderItBeganWith(t *testing.T) {
	l := newLobby(t)
	b := l.begin()
	answer := back(b, l.corp.signs(t, b.At, "sub-alice", "c"), "c")
	l.way = &SignIn{Provider: "other", Flow: l.corp}
	l.desk.know("other", "sub-alice", "alice")
	l.out("POST", "/session", answer).expect(t, 403, tooLate)
	if l.corp.asked != 0 {
		t.Errorf("a provider was asked %d times", l.corp.asked)
	}
}

// TestAnAccountThatIsNobodys is told so, and the operator can see it.
func TestAnAccountThatIsNobodys(t *testing.T) {
	l := newLobby(t)
	b := l.begin()
	l.out("POST", "/session", back(b, l.corp.signs(t, b.At, "sub-mallory\x1b[2J\r\nx", "c"), "c")).
		expect(t, 403, "nobody here whom agents may ask")
	if l.notes.count("session/") != 0 || len(l.notes.audit) != 1 || l.notes.audit[0].Event != bridge.AuditSignInRefused {
		t.Fatalf("the audit log: %+v", l.notes.audit)
	}
	if who := l.notes.audit[0].PlatformUser; strings.ContainsAny(who, "\x1b\r\n") {
		t.Errorf("it holds what moves a terminal: %q", who)
	}
}

// TestWhatAProviderSendsInPlaceOfACode is answered in words of our own: anybody
// can write a link with others in it.
func TestWhatAProviderSendsInPlaceOfACode(t *testing.T) {
	l := newLobby(t)
	for code, words := range map[string]string{
		"access_denied": "said no", "server_error": "just now", "login_required": "sign in there first",
		"unauthorized_client": "The operator has to look", "<script>alert(1)</script>": "The operator has to look", "\x1b[2J": "The operator has to look",
	} {
		b := l.begin()
		text, _ := json.Marshal(map[string]string{"begun": b.Begun, "state": proofOf(bridge.NewSecret(b.Begun)).State.Reveal(), "error": code})
		a := l.out("POST", "/session", body(string(text)))
		a.expect(t, 403, words)
		if strings.Contains(a.body, code) {
			t.Errorf("%q is said back", code)
		}
		l.out("POST", "/session", body(string(text))).expect(t, 403, tooLate)
	}
	if l.corp.asked != 0 {
		t.Error("the provider was asked")
	}
}

func TestAProviderThatIsAwayOrSaysNo(t *testing.T) {
	l := newLobby(t)
	l.corp.fault = &bridge.Unavailable{Err: context.DeadlineExceeded}
	l.out("POST", "/sign-in").expect(t, 503, "does not answer just now")
	l.corp.fault = &bridge.Refusal{Cause: "the cause\nof it"}
	l.out("POST", "/sign-in").expect(t, 403, "did not sign you in")
	if !strings.Contains(l.log.String(), `the cause\nof it`) {
		t.Errorf("the operator is not told why, in one line: %s", l.log)
	}
	if l.notes.count("begun/") != 0 {
		t.Error("something is remembered of it")
	}
}

// TestWhoCouldNotGetOnCountsNoLonger: while a provider is away, people try
// again and again, and when it is back they get in.
func TestWhoCouldNotGetOnCountsNoLonger(t *testing.T) {
	l := newLobby(t)
	l.corp.fault = &bridge.Unavailable{Err: context.DeadlineExceeded}
	for range maxAttemptsOf + 1 {
		l.out("POST", "/sign-in").expect(t, 503)
	}
	l.corp.fault = nil
	l.enter("sub-alice")
}

// TestWhereNobodyCanSignIn: the page's own machine has links, and without a
// provider nothing at all is served to others.
func TestWhereNobodyCanSignIn(t *testing.T) {
	l := newLobby(t)
	if a := l.call("GET", "/"); a.status != 200 || strings.Contains(a.body, "sign-in") {
		t.Errorf("on loopback: %d %s", a.status, a.body)
	}
	l.call("POST", "/sign-in").expect(t, 404, notHere)
	b := l.begin()
	state := l.corp.signs(t, b.At, "sub-alice", "c")
	l.call("POST", "/session", back(b, state, "c")).expect(t, 404, notHere)

	session, link := l.enter("sub-alice"), l.link("alice")
	l.way = nil
	for _, path := range []string{"/", "/callback", "/inbox", "/inbox.js", "/inbox.css"} {
		l.out("GET", path, as(session)).expect(t, 404, "listen.sign_in is not set")
	}
	for _, path := range []string{"/session", "/sign-in", "/requests/req_1/deny"} {
		l.out("POST", path, as(session), body(`{"link":"`+link+`"}`)).expect(t, 404, "listen.sign_in is not set")
	}
	l.call("GET", "/inbox", as(session)).expect(t, 401)
	l.call("GET", "/inbox", as(l.signIn("alice"))).expect(t, 200)
}

// TestSessionsEndWithWhatTheyStandOn: a session that somebody has through a
// provider is good as long as they would be let in again.
func TestSessionsEndWithWhatTheyStandOn(t *testing.T) {
	for what, change := range map[string]func(*lobby){
		"another provider":            func(l *lobby) { l.way = &SignIn{Provider: "other", Flow: l.corp} },
		"no provider":                 func(l *lobby) { l.way = nil },
		"the account is nobody's now": func(l *lobby) { l.desk.know("corp", "sub-alice", "") },
		"the account is bob's now":    func(l *lobby) { l.desk.know("corp", "sub-alice", "bob") },
		"alice is somebody else":      func(l *lobby) { l.desk.inherit("alice") },
	} {
		t.Run(what, func(t *testing.T) {
			l := newLobby(t)
			session, linked := l.enter("sub-alice"), l.signIn("alice")
			l.call("GET", "/inbox", as(session)).expect(t, 200, "with a link from the operator")
			change(l)
			l.call("GET", "/inbox", as(session)).expect(t, 401)
			if what == "alice is somebody else" {
				l.call("GET", "/inbox", as(linked)).expect(t, 401)
				return
			}
			a := l.call("GET", "/inbox", as(linked))
			a.expect(t, 200)
			if strings.Contains(a.body, "through <strong") {
				t.Error("a session that is no good is listed")
			}
		})
	}
}

// TestTooManySignIns: anybody may begin one, so there are not many.
func TestTooManySignIns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLobby(t)
		from := func(addr string) edit { return func(r *http.Request) { r.RemoteAddr = addr } }
		for range maxAttemptsOf {
			l.begin(from("203.0.113.9:1"))
		}
		a := l.out("POST", "/sign-in", from("203.0.113.9:2"))
		if a.expect(t, 429, tooManyOpen); a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		for i := range maxAttemptsOf {
			l.begin(from("[2001:db8::" + string("0123456789abcdef"[i%16]) + "]:1"))
		}
		l.out("POST", "/sign-in", from("[2001:db8::ffff:1]:1")).expect(t, 429)
		l.begin(from("[2001:db8:0:1::1]:1"))
		<-time.After(signInLife)
		b := l.begin(from("203.0.113.9:1"))
		for range maxAttemptsOf - 1 {
			l.begin(from("203.0.113.9:1"))
		}
		l.out("POST", "/session", back(b, l.corp.signs(t, b.At, "sub-alice", "c"), "c"), from("203.0.113.9:1")).expect(t, 200)
		l.begin(from("203.0.113.9:1"))

		var full attempts
		for i := range maxAttempts {
			if !full.begin(clientOf(&http.Request{RemoteAddr: "10.0." + strconv.Itoa(i/200) + "." + strconv.Itoa(i%200) + ":1"})) {
				t.Fatalf("only %d at once", i)
			}
		}
		if full.begin(clientOf(&http.Request{RemoteAddr: "10.1.0.1:1"})) {
			t.Error("there is no end to them")
		}
	})
}

// TestSignInsThatComeToNothingCount: who comes back with made-up codes would
// else have the bridge ask the provider for as long as they like, in the name
// of the client that everybody's tokens depend on, and write all the while.
func TestSignInsThatComeToNothingCount(t *testing.T) {
	for what, answer := range map[string]func(*lobby, begun) edit{
		"a code that is none": func(_ *lobby, b begun) edit {
			return back(b, proofOf(bridge.NewSecret(b.Begun)).State.Reveal(), "made-up")
		},
		"a no": func(_ *lobby, b begun) edit {
			text, _ := json.Marshal(map[string]string{"begun": b.Begun, "state": proofOf(bridge.NewSecret(b.Begun)).State.Reveal(), "error": "access_denied"})
			return body(string(text))
		},
		"an account that is nobody's": func(l *lobby, b begun) edit {
			return back(b, l.corp.signs(t, b.At, "sub-mallory", "c-"+b.Begun), "c-"+b.Begun)
		},
	} {
		t.Run(what, func(t *testing.T) {
			l := newLobby(t)
			for range maxAttemptsOf {
				l.out("POST", "/session", answer(l, l.begin())).expect(t, 403)
			}
			l.out("POST", "/sign-in").expect(t, 429, tooManyOpen)
			if l.corp.asked > maxAttemptsOf {
				t.Errorf("the provider was asked %d times", l.corp.asked)
			}
		})
	}
}

// TestPartsOfAProofTellNothing of the secret that they are made of.
func TestPartsOfAProofTellNothing(t *testing.T) {
	secret := newSecret()
	p, other := proofOf(secret), proofOf(newSecret())
	parts := []string{p.State.Reveal(), p.Nonce.Reveal(), p.Verifier.Reveal(), secret.Reveal(), begunNote(secret), other.State.Reveal(), other.Nonce.Reveal(), other.Verifier.Reveal()}
	for i, part := range parts {
		if slices.Contains(parts[i+1:], part) || len(part) < 26 {
			t.Errorf("part %d is another's, or short", i)
		}
	}
	if n := len(p.Verifier.Reveal()); n != 43 {
		t.Errorf("a verifier of %d letters (RFC 7636 wants 43 to 128)", n)
	}
}
