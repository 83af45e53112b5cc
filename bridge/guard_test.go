package bridge_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// Checks that stand alone: nothing else stops what they stop.

func change(d *bridge.Directory, agent string, rules ...bridge.Rule) {
	a := d.Agents[agent]
	a.May = rules
	d.Agents[agent] = a
}

func account(email string, accounts map[string]string) func(*bridge.Directory) {
	return func(d *bridge.Directory) {
		alice := d.Humans["alice"]
		alice.Email, alice.Accounts = email, accounts
		d.Humans["alice"] = alice
	}
}

// signIn takes a new request of helper to where who has signed in for alice
// and the provider was polled.
func signIn(w *bridgetest.World, ask bridge.Ask, who bridge.Account) bridge.RequestID {
	r := w.MustAsk(ask)
	w.Press("alice", r.ID, bridge.VerbShowCode)
	w.Corp.Approve(who)
	bridgetest.Pass(7 * time.Second)
	return r.ID
}

// sealed reports whether the store holds a secret.
func sealed(t *testing.T, w *bridgetest.World, ref bridge.SecretRef) bool {
	t.Helper()
	err := w.Store.View(ctx, func(tx bridge.ReadTx) error {
		_, err := tx.Secret(ref)
		return err
	})
	if err != nil && !errors.Is(err, bridge.ErrNotFound) {
		t.Errorf("read %s: %v", ref, err)
	}
	return err == nil
}

func grantOf(t *testing.T, w *bridgetest.World, id bridge.GrantID) (g bridge.Grant) {
	t.Helper()
	err := w.Store.View(ctx, func(tx bridge.ReadTx) (err error) {
		g, err = tx.Grant(id)
		return err
	})
	if err != nil {
		t.Fatalf("read grant %s: %v", id, err)
	}
	return g
}

func wantRevoked(t *testing.T, w *bridgetest.World, want ...string) {
	t.Helper()
	bridgetest.Pass(time.Second)
	if got := w.Corp.Revoked(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("revoked: %v, want %v", got, want)
	}
}

func TestARuleIsForItsHumanAndItsProvider(t *testing.T) {
	narrow := func(d *bridge.Directory) {
		d.Providers["github"] = bridge.ProviderInfo{Name: "github", Issuer: "https://github.example.com", ClientID: "authbridge"}
		change(d, "helper", bridge.Rule{Provider: "corp", Scopes: []string{"files:*"}, Ask: []string{"alice"}, Reuse: time.Hour})
	}
	story(t, narrow, func(t *testing.T, w *bridgetest.World) {
		for name, c := range map[string]struct {
			provider, human string
			want            bridge.ProblemCode
		}{
			"as the rule says":  {"corp", "alice", ""},
			"another human":     {"corp", "bob", bridge.ProblemNotAllowed},
			"by e-mail":         {"corp", "bob@example.com", bridge.ProblemNotAllowed},
			"another provider":  {"github", "alice", bridge.ProblemNotAllowed},
			"both":              {"github", "bob", bridge.ProblemNotAllowed},
			"in another's name": {"github", "", bridge.ProblemNotAllowed},
		} {
			_, _, err := ask(w, "helper", bridge.Ask{Provider: c.provider, Human: c.human, Scopes: []string{"files:read"}})
			if problemCode(err) != c.want {
				t.Errorf("%s: %v (%q), want %q", name, err, problemCode(err), c.want)
			}
		}
	})
}

func TestNotMeIsAboutOneAgent(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		others := files("files:read")
		others.Human = "alice"
		s, _, err := ask(w, "other", others)
		if err != nil {
			t.Fatal(err)
		}
		w.Press("alice", r.ID, bridge.VerbNotMe)
		w.Expect(r.ID, bridge.Denied, bridge.OutcomeNotMe)
		w.Expect(s.ID, bridge.Asked, "")
		others.Session = "later"
		if _, _, err := ask(w, "other", others); err != nil {
			t.Errorf("the other agent asks again: %v", err)
		}
	})
}

func TestARuleThatIsGoneGrantsNothing(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Fail("Identify", errors.New("bad gateway"))
		id := signIn(w, bridge.Ask{}, bridgetest.Alice)
		w.Expect(id, bridge.Held, "")
		change(w.Directory, "helper")
		w = w.Restart()
		w.Expect(id, bridge.Cancelled, bridge.OutcomePolicyChanged)
		wantRevoked(t, w, "access-1")
		if sealed(t, w, bridge.HeldSecret(id)) {
			t.Error("the held tokens are kept")
		}
	})
}

// A request that a grant answered is not released when the grant has ended
// meanwhile.
func TestAnEndedGrantIsNotReleased(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.TokenLifetime = 0
		r := granted(t, w, bridge.Ask{})
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(8*time.Hour - 10*time.Minute)
		served, reply, err := ask(w, "helper", files("files:read"))
		if err != nil || reply != bridge.Served {
			t.Fatalf("ask: %v, %v", reply, err)
		}
		bridgetest.Pass(20 * time.Minute)
		w.Expect(served.ID, bridge.Granted, "")
		token, err := w.Collect(ctx, w.Agent("helper"), served.ID)
		if problemCode(err) != bridge.ProblemGone || !token.Access.IsZero() {
			t.Errorf("collect: %v", err)
		}
		w.Expect(served.ID, bridge.Expired, bridge.OutcomeNotCollected)
	})
}

// Where nothing is known of a human's account, nothing fits: two things that
// are both missing are not equal.
func TestNoExpectationFitsNobody(t *testing.T) {
	for name, c := range map[string]struct {
		email    string
		accounts map[string]string
		who      bridge.Account
	}{
		"an empty address":           {"", nil, bridge.Account{Subject: "s-x", EmailVerified: true}},
		"any address":                {"", nil, bridge.Account{Subject: "s-x", Email: "x@example.com", EmailVerified: true}},
		"nothing at all":             {"", nil, bridge.Account{EmailVerified: true}},
		"an empty configured value":  {"", map[string]string{"corp": ""}, bridge.Account{Subject: "s-x", EmailVerified: true}},
		"an empty one and a mailbox": {"alice@example.com", map[string]string{"corp": ""}, bridgetest.Alice},
		"an empty subject named":     {"", map[string]string{"corp": "sub:"}, bridge.Account{EmailVerified: true}},
		"a subject that is missing":  {"alice@example.com", nil, bridge.Account{Email: "alice@example.com", EmailVerified: true}},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, account(c.email, c.accounts), func(t *testing.T, w *bridgetest.World) {
				w.Expect(signIn(w, bridge.Ask{}, c.who), bridge.Failed, bridge.OutcomeIdentityMismatch)
				wantRevoked(t, w, "access-1")
			})
		})
	}
}

func TestAnAccountByIssuerOrByAddress(t *testing.T) {
	work := bridge.Account{Subject: "s-work", Email: "work@example.com", EmailVerified: true}
	unproven := bridge.Account{Subject: "s-work", Email: "work@example.com"}
	for name, c := range map[string]struct {
		accounts map[string]string
		who      bridge.Account
		fits     bool
	}{
		"subject by issuer":         {map[string]string{"https://login.example.com": "sub:s-work"}, work, true},
		"another, by issuer":        {map[string]string{"https://login.example.com": "sub:s-work"}, bridgetest.Alice, false},
		"another issuer's":          {map[string]string{"https://other.example.com": "sub:s-work"}, work, false},
		"address":                   {map[string]string{"corp": "Work@Example.com"}, work, true},
		"address, not proven":       {map[string]string{"corp": "work@example.com"}, unproven, false},
		"address, but her mailbox":  {map[string]string{"corp": "work@example.com"}, bridgetest.Alice, false},
		"address by issuer":         {map[string]string{"https://login.example.com": "work@example.com"}, work, true},
		"her mailbox, by an issuer": {map[string]string{"https://login.example.com": "work@example.com"}, bridgetest.Alice, false},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, account("alice@example.com", c.accounts), func(t *testing.T, w *bridgetest.World) {
				id := signIn(w, bridge.Ask{}, c.who)
				if c.fits {
					w.Expect(id, bridge.Granted, "")
					return
				}
				w.Expect(id, bridge.Failed, bridge.OutcomeIdentityMismatch)
			})
		})
	}
}

func TestBoundsOfAnAsk(t *testing.T) {
	many := func(n int) []string { return strings.Split(strings.TrimSpace(strings.Repeat("files:a ", n)), " ") }
	of := func(change func(*bridge.Ask)) bridge.Ask {
		a := files("files:read")
		a.Fresh = true
		change(&a)
		return a
	}
	scope := func(s string) bridge.Ask { return of(func(a *bridge.Ask) { a.Scopes = []string{s} }) }
	for name, c := range map[string]struct {
		ask bridge.Ask
		ok  bool
	}{
		"50 scopes":               {of(func(a *bridge.Ask) { a.Scopes = many(50) }), true},
		"51 scopes":               {of(func(a *bridge.Ask) { a.Scopes = many(51) }), false},
		"a scope of 200":          {scope("files:" + strings.Repeat("a", 194)), true},
		"a scope of 201":          {scope("files:" + strings.Repeat("a", 195)), false},
		"the first sign":          {scope("files:!"), true},
		"the last sign":           {scope("files:~"), true},
		"an empty scope":          {scope(""), false},
		"a space":                 {scope("files: "), false},
		"a quotation mark":        {scope(`files:"`), false},
		"a backslash":             {scope(`files:\`), false},
		"a control character":     {scope("files:\x1f"), false},
		"delete":                  {scope("files:\x7f"), false},
		"no ASCII":                {scope("files:é"), false},
		"8 lines":                 {of(func(a *bridge.Ask) { a.Context = make([]string, 8) }), true},
		"9 lines":                 {of(func(a *bridge.Ask) { a.Context = make([]string, 9) }), false},
		"a session of 128":        {of(func(a *bridge.Ask) { a.Session = strings.Repeat("s", 128) }), true},
		"a session of 129":        {of(func(a *bridge.Ask) { a.Session = strings.Repeat("s", 129) }), false},
		"a key of 255":            {of(func(a *bridge.Ask) { a.IdempotencyKey = strings.Repeat("k", 255) }), true},
		"a key of 256":            {of(func(a *bridge.Ask) { a.IdempotencyKey = strings.Repeat("k", 256) }), false},
		"a negative TTL":          {of(func(a *bridge.Ask) { a.TTL = -1 }), false},
		"a negative min validity": {of(func(a *bridge.Ask) { a.MinValidity = -1 }), false},
	} {
		t.Run(name, func(t *testing.T) {
			wide := func(d *bridge.Directory) {
				change(d, "helper", bridge.Rule{Provider: "corp", Scopes: []string{"*"}, Ask: []string{"alice"}})
			}
			story(t, wide, func(t *testing.T, w *bridgetest.World) {
				_, _, err := ask(w, "helper", c.ask)
				if c.ok && err != nil || !c.ok && problemCode(err) != bridge.ProblemInvalidRequest {
					t.Errorf("%v (%q)", err, problemCode(err))
				}
			})
		})
	}
}

func TestTheTTLIsCut(t *testing.T) {
	story(t, loud, func(t *testing.T, w *bridgetest.World) {
		for i, c := range []struct{ asked, want time.Duration }{
			{0, 24 * time.Hour}, {time.Hour, time.Hour}, {24*time.Hour + 1, 24 * time.Hour}, {1 << 62, 24 * time.Hour},
		} {
			r := w.MustAsk(bridge.Ask{TTL: c.asked, Session: strings.Repeat("s", i)})
			if got := r.ExpiresAt.Sub(r.CreatedAt); got != c.want {
				t.Errorf("asked for %v, got %v, want %v", c.asked, got, c.want)
			}
			w.Press("alice", r.ID, bridge.VerbDeny)
		}
	})
}

func TestABurntCodeIsForgotten(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *bridgetest.World, bridge.RequestID){
		"denied": func(_ *testing.T, w *bridgetest.World, id bridge.RequestID) { w.Press("alice", id, bridge.VerbDeny) },
		"not me": func(_ *testing.T, w *bridgetest.World, id bridge.RequestID) { w.Press("alice", id, bridge.VerbNotMe) },
		"lapsed": func(*testing.T, *bridgetest.World, bridge.RequestID) { bridgetest.Pass(11 * time.Minute) },
		"cancelled": func(t *testing.T, w *bridgetest.World, id bridge.RequestID) {
			if _, err := w.Cancel(ctx, "helper", id); err != nil {
				t.Error(err)
			}
		},
		"granted": func(_ *testing.T, w *bridgetest.World, _ bridge.RequestID) {
			w.Corp.Approve(bridgetest.Alice)
			bridgetest.Pass(10 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				r := w.MustAsk(bridge.Ask{})
				w.Press("alice", r.ID, bridge.VerbShowCode)
				if !sealed(t, w, bridge.CodeSecret(r.ID)) {
					t.Fatal("there is no code")
				}
				end(t, w, r.ID)
				if got := w.See(r.ID); got.State == bridge.Coded || sealed(t, w, bridge.CodeSecret(r.ID)) {
					t.Errorf("%s, and the code is still there", got.State)
				}
			})
		})
	}
}

func TestHeldTokensAreForgotten(t *testing.T) {
	story(t, loud, func(t *testing.T, w *bridgetest.World) {
		fault := errors.New("bad gateway")
		w.Corp.Fail("Identify", fault, fault)
		denied := signIn(w, bridge.Ask{Session: "denied"}, bridgetest.Alice)
		if !sealed(t, w, bridge.HeldSecret(denied)) {
			t.Fatal("nothing is held")
		}
		w.Press("alice", denied, bridge.VerbDeny)
		if sealed(t, w, bridge.HeldSecret(denied)) {
			t.Error("denied, and still held")
		}
		wantRevoked(t, w, "access-1")
		if sealed(t, w, bridge.RevocationSecret(string(denied))) {
			t.Error("revoked, and still in the queue")
		}
		r := signIn(w, bridge.Ask{Session: "granted"}, bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		got := w.Expect(r, bridge.Granted, "")
		if sealed(t, w, bridge.HeldSecret(r)) || !sealed(t, w, bridge.GrantSecret(got.Grant)) {
			t.Error("granted, and the tokens are not where they belong")
		}
		if _, err := w.Cancel(ctx, "helper", r); err != nil {
			t.Fatal(err)
		}
		if wantRevoked(t, w, "access-1", "access-2"); sealed(t, w, bridge.GrantSecret(got.Grant)) || sealed(t, w, bridge.RevocationSecret(string(got.Grant))) {
			t.Error("taken back, and still there")
		}
	})
}

// A provider that says "in a second" does not make the next poll early.
func TestRetryAfterHasAFloor(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Fail("Poll", &bridge.Unavailable{RetryAfter: time.Second, Err: errors.New("busy")},
			&bridge.Unavailable{RetryAfter: 20 * time.Second, Err: errors.New("busy")})
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		for _, at := range []struct {
			pass  time.Duration
			polls int
		}{
			{6 * time.Second, 1},
			{5900 * time.Millisecond, 1},
			{100 * time.Millisecond, 2},
			{20900 * time.Millisecond, 2},
			{100 * time.Millisecond, 3},
		} {
			if bridgetest.Pass(at.pass); w.Corp.Polls() != at.polls {
				t.Errorf("%d polls, want %d", w.Corp.Polls(), at.polls)
			}
		}
		if w.Corp.Early() != 0 {
			t.Errorf("%d polls came early", w.Corp.Early())
		}
	})
}

func TestANewGrantIsOnTheClock(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.TokenLifetime = 0
		r := granted(t, w, bridge.Ask{})
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
			t.Fatal(err)
		}
		g := grantOf(t, w, r.Grant)
		bridgetest.Pass(time.Until(g.ReuseUntil) - time.Second)
		if got := grantOf(t, w, r.Grant); got.State != bridge.GrantLive {
			t.Errorf("before its time: %s", got.State)
		}
		bridgetest.Pass(2 * time.Second)
		if got := grantOf(t, w, r.Grant); got.State != bridge.GrantEnded || got.EndedAt.Before(g.ReuseUntil) {
			t.Errorf("after its time: %s at %v", got.State, got.EndedAt)
		}
		wantRevoked(t, w, "access-1")
	})
}

// Some providers hand the same token out again. To revoke it for the sake of
// the old grant would end the new one.
func TestASharedTokenOutlivesTheOldGrant(t *testing.T) {
	for same, token := range map[string]string{"access": "access-1", "refresh": "access-2"} {
		t.Run(same, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				w.Corp.Same, w.Corp.TokenLifetime = same, 0 // no token is over before its grant
				first := granted(t, w, bridge.Ask{})
				second := granted(t, w, bridge.Ask{Scopes: []string{"files:write"}})
				wantRevoked(t, w)
				if got := grantOf(t, w, first.Grant); got.State != bridge.GrantEnded || sealed(t, w, bridge.GrantSecret(first.Grant)) {
					t.Errorf("the old grant is %s", got.State)
				}
				if got, err := w.Collect(ctx, w.Agent("helper"), second.ID); err != nil || got.Access.Reveal() != token {
					t.Errorf("collect the second: %v", err)
				}
				bridgetest.Pass(9 * time.Hour)
				wantRevoked(t, w, token)
			})
		})
	}
}
