package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// doubtfulStore keeps a change and reports that it could not: what a disk
// that fails in the last moment looks like.
type doubtfulStore struct {
	bridge.Store
	doubts atomic.Int32 // how many of the next changes are reported lost
}

func (s *doubtfulStore) Update(ctx context.Context, fn func(bridge.Tx) error) error {
	err := s.Store.Update(ctx, fn)
	if err == nil && s.doubts.Load() > 0 {
		s.doubts.Add(-1)
		return fmt.Errorf("%w: %w", bridge.ErrStoreUnavailable, bridge.ErrInDoubt)
	}
	return err
}

// Whichever commit is the one whose fate is not known, the request goes on.
func TestACommitWhoseFateIsNotKnown(t *testing.T) {
	for _, at := range []string{"the press", "the code", "the token", "the account"} {
		t.Run(at, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				doubtful := &doubtfulStore{Store: openStore(t)}
				w := bridgetest.Start(t, bridgetest.Directory(), doubtful, bridgetest.New("https://login.example.com"))
				r := w.MustAsk(bridge.Ask{})
				doubt := func(here string) {
					if here == at {
						doubtful.doubts.Add(1)
					}
				}
				doubt("the press")
				if at == "the code" {
					release := w.Corp.HoldBegin()
					w.Press("alice", r.ID, bridge.VerbShowCode)
					doubt("the code")
					release()
				} else if _, _, err := w.Click(ctx, bridge.Clicker{Human: "alice"}, r.ID, bridge.VerbShowCode); (err != nil) != (at == "the press") {
					t.Fatal(err)
				}
				bridgetest.Pass(10 * time.Second)
				w.Expect(r.ID, bridge.Coded, "")
				doubt("the token")
				if at == "the account" {
					w.Corp.Fail("Identify", errors.New("bad gateway"))
				}
				w.Corp.Approve(bridgetest.Alice)
				if at == "the account" {
					bridgetest.Pass(4 * time.Second)
					w.Expect(r.ID, bridge.Held, "")
					doubt("the account")
				}
				bridgetest.Pass(2 * time.Minute)
				w.Expect(r.ID, bridge.Granted, "")
				if len(w.Corp.Revoked()) != 0 || w.Corp.Early() != 0 {
					t.Errorf("revoked %v, %d early polls", w.Corp.Revoked(), w.Corp.Early())
				}
				if token, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil || token.Access.Reveal() != "access-1" {
					t.Errorf("collect: %v", err)
				}
				bridgetest.Pass(9 * time.Hour)
				if len(w.Corp.Revoked()) != 1 {
					t.Errorf("revoked after its time: %v", w.Corp.Revoked())
				}
			})
		})
	}
}

// The same for what ends: nothing stays alive because its end was in doubt.
func TestAnEndWhoseFateIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doubtful := &doubtfulStore{Store: openStore(t)}
		w := bridgetest.Start(t, bridgetest.Directory(), doubtful, bridgetest.New("https://login.example.com"))
		r := granted(t, w, bridge.Ask{})
		doubtful.doubts.Add(1)
		if _, err := w.Cancel(ctx, "helper", r.ID); !errors.Is(err, bridge.ErrStoreUnavailable) {
			t.Fatalf("cancel: %v", err)
		}
		bridgetest.Pass(time.Minute)
		w.Expect(r.ID, bridge.Cancelled, bridge.OutcomeCancelled)
		if len(w.Corp.Revoked()) != 1 {
			t.Errorf("revoked: %v", w.Corp.Revoked())
		}
		s := granted(t, w, bridge.Ask{Session: "two"})
		if _, err := w.Collect(ctx, w.Agent("helper"), s.ID); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(2 * time.Hour)
		doubtful.doubts.Add(1)
		bridgetest.Pass(7 * time.Hour)
		if len(w.Corp.Revoked()) != 2 {
			t.Errorf("revoked after its time: %v", w.Corp.Revoked())
		}
	})
}

// What the human gave is checked at least once, however long the bridge was
// away meanwhile.
func TestAHeldTokenOutlivesADowntime(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Fail("Identify", errors.New("bad gateway"))
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(7 * time.Second)
		w.Expect(r.ID, bridge.Held, "")
		w.Stop()
		bridgetest.Pass(time.Hour)
		w = w.Restart()
		w.Expect(r.ID, bridge.Granted, "")
	})
}

// However long the provider was away, a code is asked about once more before
// it lapses.
func TestTheLastPollComesBeforeTheLapse(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		for range 6 { // 6, 12, ... 384 s: the next would be after the lapse
			w.Corp.Fail("Poll", errors.New("connection reset"))
		}
		bridgetest.Pass(7 * time.Minute)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(3 * time.Minute)
		w.Expect(r.ID, bridge.Granted, "")
	})
}

// A provider that hangs keeps nobody else waiting for a code.
func TestRevocationsThatHangDelayNoCode(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		release := w.Corp.HoldRevoke()
		defer release()
		for i := range 40 {
			r := granted(t, w, bridge.Ask{Session: fmt.Sprint(i)})
			if _, err := w.Cancel(ctx, "helper", r.ID); err != nil {
				t.Fatal(err)
			}
		}
		r := w.MustAsk(bridge.Ask{Session: "next"})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Expect(r.ID, bridge.Coded, "")
	})
}

// A grant does not outlive the rule under which it was given.
func TestALiveGrantIsMeasuredByTheRuleOfToday(t *testing.T) {
	narrow := map[string]func(*bridge.Rule){
		"fewer scopes":  func(r *bridge.Rule) { r.Scopes = []string{"files:read"} },
		"no more reuse": func(r *bridge.Rule) { r.Reuse = 0 },
	}
	for name, change := range narrow {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				w.Corp.TokenLifetime = 8 * time.Hour
				r := granted(t, w, bridge.Ask{Scopes: []string{"files:delete", "files:read"}})
				if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
					t.Fatal(err)
				}
				change(&w.Directory.Agents["helper"].May[0])
				w = w.Restart()
				if _, reply, err := ask(w, "helper", files("files:read")); err != nil || reply != bridge.Created {
					t.Errorf("the next ask: %v, %v", reply, err)
				}
			})
		})
	}
}

// A name that now means another issuer gets nothing of the old one's.
func TestAProviderThatIsAnotherNow(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Fail("Identify", errors.New("bad gateway"))
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(7 * time.Second)
		w.Expect(r.ID, bridge.Held, "")
		other := w.Directory.Providers["corp"]
		other.Issuer = "https://evil.example.net"
		w.Directory.Providers["corp"] = other
		w = w.Restart()
		bridgetest.Pass(time.Minute)
		w.Expect(r.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
		if len(w.Corp.Revoked()) != 0 {
			t.Error("the other issuer was sent the token to revoke")
		}
	})
}

func TestAccountsBelongToIssuers(t *testing.T) {
	second := func(d *bridge.Directory) {
		corp := d.Providers["corp"]
		corp.Name, corp.ClientID = "corp2", "another-client"
		d.Providers["corp2"] = corp
		alice := d.Humans["alice"]
		alice.Accounts = map[string]string{"corp2": "sub:s-work"}
		d.Humans["alice"] = alice
	}
	story(t, second, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)
	})
}

func TestLettersThatOnlyLookAlikeAreOthers(t *testing.T) {
	kate := func(d *bridge.Directory) {
		alice := d.Humans["alice"]
		alice.Email = "Kate@example.com"
		d.Humans["alice"] = alice
	}
	for address, want := range map[string]bridge.State{"kATE@example.com": bridge.Granted, "\u212aate@example.com": bridge.Failed} {
		story(t, kate, func(t *testing.T, w *bridgetest.World) {
			r := w.MustAsk(bridge.Ask{})
			w.Press("alice", r.ID, bridge.VerbShowCode)
			w.Corp.Approve(bridge.Account{Subject: "s", Email: address, EmailVerified: true})
			bridgetest.Pass(10 * time.Second)
			if got := w.See(r.ID); got.State != want {
				t.Errorf("%q: %s, want %s", address, got.State, want)
			}
		})
	}
}

// blindStore cannot open some secrets any more.
type blindStore struct {
	bridge.Store
	blind atomic.Value // the end of the names that do not open
}

type blindTx struct {
	bridge.Tx
	end string
}

func (tx blindTx) Secret(ref bridge.SecretRef) (bridge.Secret, error) {
	if tx.end != "" && strings.HasSuffix(string(ref), tx.end) {
		return bridge.Secret{}, bridge.ErrUnreadable
	}
	return tx.Tx.Secret(ref)
}

type blindReadTx struct {
	bridge.ReadTx
	end string
}

func (tx blindReadTx) Secret(ref bridge.SecretRef) (bridge.Secret, error) {
	if tx.end != "" && strings.HasSuffix(string(ref), tx.end) {
		return bridge.Secret{}, bridge.ErrUnreadable
	}
	return tx.ReadTx.Secret(ref)
}

func (s *blindStore) end() string { end, _ := s.blind.Load().(string); return end }

func (s *blindStore) Update(ctx context.Context, fn func(bridge.Tx) error) error {
	return s.Store.Update(ctx, func(tx bridge.Tx) error { return fn(blindTx{tx, s.end()}) })
}

func (s *blindStore) View(ctx context.Context, fn func(bridge.ReadTx) error) error {
	return s.Store.View(ctx, func(tx bridge.ReadTx) error { return fn(blindReadTx{tx, s.end()}) })
}

// A secret that does not open any more is lost; what hung on it can still end,
// and stands in nobody's way.
func TestASecretThatDoesNotOpen(t *testing.T) {
	begin := func(t *testing.T) (*bridgetest.World, *blindStore) {
		blind := &blindStore{Store: openStore(t)}
		return bridgetest.Start(t, bridgetest.Directory(), blind, bridgetest.New("https://login.example.com")), blind
	}
	t.Run("a code", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, blind := begin(t)
			r := w.MustAsk(bridge.Ask{})
			w.Press("alice", r.ID, bridge.VerbShowCode)
			blind.blind.Store("/code")
			in, err := w.Inbox(ctx, "alice")
			if err != nil || len(in.Waiting) != 1 || in.Waiting[0].Note == "" {
				t.Errorf("the inbox: %+v, %v", in.Waiting, err)
			}
			w.Press("alice", r.ID, bridge.VerbDeny)
			w.Expect(r.ID, bridge.Denied, bridge.OutcomeDenied)
		})
	})
	t.Run("held tokens", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, blind := begin(t)
			w.Corp.Fail("Identify", errors.New("bad gateway"))
			r := w.MustAsk(bridge.Ask{})
			w.Press("alice", r.ID, bridge.VerbShowCode)
			w.Corp.Approve(bridgetest.Alice)
			bridgetest.Pass(7 * time.Second)
			blind.blind.Store("/held")
			bridgetest.Pass(time.Second)
			w.Press("alice", r.ID, bridge.VerbDeny)
			w.Expect(r.ID, bridge.Denied, bridge.OutcomeDenied)
		})
	})
	t.Run("the tokens of a live grant", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, blind := begin(t)
			granted(t, w, bridge.Ask{})
			blind.blind.Store("/tokens")
			r := w.MustAsk(bridge.Ask{Scopes: []string{"files:write"}})
			w.Press("alice", r.ID, bridge.VerbShowCode)
			w.Corp.Approve(bridgetest.Alice)
			bridgetest.Pass(10 * time.Second)
			w.Expect(r.ID, bridge.Granted, "")
		})
	})
}
