package bridge

import (
	"fmt"
	"strings"
	"testing"
)

// pins are what a store knows of whose account is whose.
type pins struct {
	ReadTx
	own, taken string // the subject that alice is tied to; the one that is bob's
}

func (p pins) Pin(human, issuer string) (string, error) {
	if human != "alice" || issuer != "https://login.example.com" || p.own == "" {
		return "", ErrNotFound
	}
	return p.own, nil
}

func (p pins) Pinned(issuer, subject string) (string, error) {
	switch {
	case issuer != "https://login.example.com" || subject == "":
		return "", ErrNotFound
	case subject == p.taken:
		return "bob", nil
	case subject == p.own:
		return "alice", nil
	}
	return "", ErrNotFound
}

// whose is one way in which alice signs in.
type whose struct {
	pin, taken string
	configured string // humans.alice.accounts.corp; "-" = not there
	email      string
	trust      Trust
	team       bool
	who        Account
}

// fits reports whether an account is what a configured value, or an address,
// names.
func (w whose) fits(value string) bool {
	switch value {
	case "sub:s-1", "id:s-1":
		return w.who.Subject == "s-1"
	case "sub:s-2", "id:s-2":
		return w.who.Subject == "s-2"
	case "alice@example.com":
		return w.who.EmailVerified && w.who.Email == "alice@example.com"
	case "work@example.com":
		return w.who.EmailVerified && w.who.Email == "work@example.com"
	case "Octo-Cat":
		return w.who.Login == "octo-cat" // GitHub's do not mind the case
	}
	return false
}

// want says in other words than the code what is to come of it.
func (w whose) want() Kind {
	told := w.who != (Account{})
	switch {
	case !told && w.trust == TrustNone:
		return OnAnyAccount
	case !told:
		return OnNoIdentity
	case w.who.Subject == "":
		return OnMismatched // there is nothing to tie anybody to
	case w.who.Subject == w.taken:
		return OnMismatched // it is bob's
	case w.pin != "":
		return matchedIf(w.pin == w.who.Subject)
	case w.configured != "-":
		return matchedIf(w.fits(w.configured))
	case w.fits(w.email):
		return OnMatched
	case w.trust == TrustFirstUse && !w.team:
		return OnUnknownAccount
	}
	return OnMismatched
}

func matchedIf(fits bool) Kind {
	if fits {
		return OnMatched
	}
	return OnMismatched
}

// decide asks the bridge.
func (w whose) decide(t *testing.T) Event {
	t.Helper()
	alice := Human{Name: "alice", Email: w.email}
	if w.configured != "-" {
		alice.Accounts = map[string]string{"corp": w.configured}
	}
	corp := ProviderInfo{Name: "corp", Issuer: "https://login.example.com", Trust: w.trust}
	b := New(Options{Directory: &Directory{
		Humans: map[string]Human{"alice": alice}, Providers: map[string]ProviderInfo{"corp": corp},
	}})
	r := Request{State: Held, Human: "alice", Target: Target{Provider: "corp", Issuer: corp.Issuer}}
	may := permit{human: alice, provider: corp}
	if w.team {
		r.Human, r.Team, r.ClaimedBy = "", "oncall", "alice"
	}
	e, err := b.recognise(pins{own: w.pin, taken: w.taken}, r, may, w.who)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Every way in which somebody can sign in, under every rule.
func TestWhoseAccountItIs(t *testing.T) {
	account := func(subject, email string, verified bool) Account {
		return Account{Issuer: "https://login.example.com", Subject: subject, Email: email, EmailVerified: verified}
	}
	accounts := []Account{
		{},
		account("s-1", "alice@example.com", true),
		account("s-1", "renamed@example.com", true),
		account("s-1", "", false),
		account("s-2", "alice@example.com", true), // her address, on another account
		account("s-2", "alice@example.com", false),
		account("s-2", "work@example.com", true),
		account("", "alice@example.com", true),
		{Issuer: "https://login.example.com", Subject: "s-1", Login: "octo-cat"},
		{Issuer: "https://login.example.com", Subject: "s-2", Login: "octo-cat2", Name: "Octo-Cat", Email: "Octo-Cat", EmailVerified: true},
	}
	seen := map[Kind]int{}
	for _, pin := range []string{"", "s-1", "s-2"} {
		for _, taken := range []string{"", "s-1", "s-2"} {
			if pin != "" && pin == taken {
				continue // the store would not have it
			}
			for _, configured := range []string{"-", "", "sub:s-1", "id:s-1", "sub:s-2", "sub:", "id:", "alice@example.com", "work@example.com", "Octo-Cat"} {
				for _, email := range []string{"", "alice@example.com"} {
					for _, trust := range []Trust{"", TrustConfigured, TrustFirstUse, TrustNone} {
						for _, team := range []bool{false, true} {
							for _, who := range accounts {
								w := whose{pin, taken, configured, email, trust, team, who}
								got := w.decide(t)
								if seen[got.Kind]++; got.Kind != w.want() {
									t.Errorf("%s, want %s: %+v", got.Kind, w.want(), w)
								}
								if (got.Signed != Account{}) != (got.Kind == OnUnknownAccount) || got.Kind == OnUnknownAccount && got.Signed != who {
									t.Errorf("%s asks about %+v: %+v", got.Kind, got.Signed, w)
								}
							}
						}
					}
				}
			}
		}
	}
	for _, kind := range []Kind{OnMatched, OnMismatched, OnUnknownAccount, OnNoIdentity, OnAnyAccount} {
		if seen[kind] == 0 {
			t.Errorf("nothing led to %s", kind)
		}
	}
	t.Log(fmt.Sprint(seen))
}

// Where an account stands for a provider, for its issuer and for another
// provider there, the nearest counts, every time.
func TestTheNearestAccountCounts(t *testing.T) {
	b := New(Options{Directory: &Directory{Providers: map[string]ProviderInfo{
		"corp": {Issuer: "https://login.example.com"}, "corp2": {Issuer: "https://login.example.com"},
		"corp3": {Issuer: "https://login.example.com"}, "far": {Issuer: "https://far.example.com"},
	}}})
	const issuer = "https://login.example.com"
	for name, c := range map[string]struct {
		accounts map[string]string
		want     string
	}{
		"its own":              {map[string]string{"corp": "1", issuer: "2", "corp2": "3", "far": "4"}, "1"},
		"its issuer's":         {map[string]string{issuer: "2", "corp2": "3", "far": "4"}, "2"},
		"a neighbour's":        {map[string]string{"corp2": "3", "corp3": "5", "far": "4"}, "3"},
		"another issuer's":     {map[string]string{"far": "4", "https://far.example.com": "6"}, ""},
		"one that nobody has":  {map[string]string{"gone": "7"}, ""},
		"an issuer by its end": {map[string]string{issuer + "/": "8"}, ""},
	} {
		for range 20 {
			got, found := b.account(Human{Accounts: c.accounts}, "corp", issuer)
			if got != c.want || found != (c.want != "") {
				t.Fatalf("%s: %q, want %q", name, got, c.want)
			}
		}
	}
}

// The question is for the eyes of one human: what a team shares never has it,
// even if a request were to ask for it.
func TestASharedCardNeverAsksWhoseAccountItIs(t *testing.T) {
	b := New(Options{Directory: &Directory{}})
	r := Request{State: Held, Team: "oncall", ClaimedBy: "alice", Signed: Account{Subject: "s-1", Name: "Octo Cat"}}
	c, err := b.teamCard(nil, r)
	if err != nil || !r.Confirming() || c.Question != "" || len(c.Buttons) != 0 || strings.Contains(fmt.Sprintf("%+v", c), "Octo") {
		t.Errorf("the team sees %+v, %v", c, err)
	}
	if c := b.card(r, nil, nil); c.Question != "" {
		t.Errorf("a card that nobody made private asks %q", c.Question)
	}
}
