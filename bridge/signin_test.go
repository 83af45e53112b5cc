package bridge_test

import (
	"errors"
	"testing"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

const login = "https://login.example.com"

// accountAt is an account at corp.
func accountAt(subject, email string, verified bool) bridge.Account {
	return bridge.Account{Issuer: login, Subject: subject, Email: email, EmailVerified: verified}
}

// TestWhoseAnAccountIs: who signs in is who would be let grant, and the same
// attacks come to nothing.
func TestWhoseAnAccountIs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*bridge.Directory)
		who    bridge.Account
		want   string // "" = nobody
	}{
		"by address":                    {nil, accountAt("s-1", "alice@example.com", true), "alice"},
		"by address, in capitals":       {nil, accountAt("s-1", "ALICE@example.com", true), "alice"},
		"an address nobody has checked": {nil, accountAt("s-1", "alice@example.com", false), ""},
		"an address of nobody":          {nil, accountAt("s-1", "mallory@example.com", true), ""},
		"no address":                    {nil, accountAt("s-1", "", false), ""},
		"no subject":                    {nil, accountAt("", "alice@example.com", true), ""},
		"the same at another issuer":    {nil, bridge.Account{Issuer: "https://evil.example", Subject: "s-1", Email: "alice@example.com", EmailVerified: true}, ""},
		"by subject":                    {goingBy("alice", "sub:s-1"), accountAt("s-1", "x@example.com", true), "alice"},
		"another subject, her address":  {goingBy("alice", "sub:s-1"), accountAt("s-2", "alice@example.com", true), ""},
		"another address is configured": {goingBy("alice", "alice@corp.example"), accountAt("s-2", "alice@example.com", true), ""},
		"that address":                  {goingBy("alice", "alice@corp.example"), accountAt("s-2", "alice@corp.example", true), "alice"},
		"one for two humans":            {goingBy("bob", "alice@example.com"), accountAt("s-1", "alice@example.com", true), ""},
		"trust does not help":           {trusting(bridge.TrustFirstUse), accountAt("s-1", "mallory@example.com", true), ""},
		"no trust does not help":        {trusting(bridge.TrustNone), accountAt("s-1", "mallory@example.com", true), ""},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, c.change, func(t *testing.T, w *bridgetest.World) {
				got, err := w.Whose(ctx, "corp", c.who)
				if got != c.want || (c.want == "") != errors.Is(err, bridge.ErrNotFound) {
					t.Errorf("it is %q's, %v; want %q", got, err, c.want)
				}
				if _, err := w.Whose(ctx, "elsewhere", c.who); !errors.Is(err, bridge.ErrNotFound) {
					t.Errorf("at a provider that is not configured: %v", err)
				}
				if pinOf(t, w, "alice") != "" {
					t.Error("asking has tied alice to it")
				}
			})
		})
	}
}

// goingBy names an account of somebody's at corp.
func goingBy(human, name string) func(*bridge.Directory) {
	return func(d *bridge.Directory) {
		h := d.Humans[human]
		h.Accounts = map[string]string{"corp": name}
		d.Humans[human] = h
	}
}

// TestAPinOfAGrantHoldsForSignIns, and a sign-in makes none.
func TestAPinOfAGrantHoldsForSignIns(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		signedIn(t, w, bridge.Ask{}, bridgetest.Alice)
		if pinOf(t, w, "alice") != bridgetest.Alice.Subject {
			t.Fatal("the grant has tied alice to nothing")
		}
		if who, err := w.Whose(ctx, "corp", accountAt(bridgetest.Alice.Subject, "renamed@example.com", true)); who != "alice" {
			t.Errorf("her account, renamed, is %q's, %v", who, err)
		}
		if who, err := w.Whose(ctx, "corp", accountAt("s-other", "alice@example.com", true)); who != "" || !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("whoever got her address is %q, %v", who, err)
		}
		if who, err := w.Whose(ctx, "corp", accountAt(bridgetest.Alice.Subject, "bob@example.com", true)); who != "alice" {
			t.Errorf("her account with bob's address is %q's, %v", who, err)
		}
		if _, err := w.Unlink(ctx, "alice", login, bridge.Actor{Kind: bridge.ByOperator}); err != nil {
			t.Fatal(err)
		}
		if who, _ := w.Whose(ctx, "corp", accountAt("s-other", "alice@example.com", true)); who != "alice" {
			t.Errorf("once she is unlinked, her address is %q's", who)
		}
	})
}
