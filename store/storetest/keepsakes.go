package storetest

import (
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

func (lab Lab) keepsakes(t *testing.T) {
	t.Run("an idempotency key is its agent's own", lab.idempotency)
	t.Run("pins lead both ways", lab.pins)
	t.Run("the pins of one human, until they are taken away", lab.pinsOf)
	t.Run("a subject is never moved to another human", lab.stolenPin)
	t.Run("a suspension holds for one agent and one human until it is lifted", lab.suspensions)
	t.Run("all suspensions", lab.allSuspensions)
	t.Run("revocations wait until they are done", lab.revocations)
	t.Run("notes until they expire", lab.notes)
}

func (lab Lab) idempotency(t *testing.T) {
	b := lab.fresh(t)
	first := bridge.Idempotency{Request: "req_1", Body: [32]byte{1, 2, 3}, Expires: noon().Add(time.Hour)}
	second := bridge.Idempotency{Request: "req_2", Body: [32]byte{4}, Expires: noon().Add(2 * time.Hour)}
	b.do(func(tx bridge.Tx) {
		tx.PutIdempotency("helper", "k", second)
		tx.PutIdempotency("helper", "k", first)
		tx.PutIdempotency("other", "k", second)
	})
	b.restart()
	b.see(func(tx bridge.ReadTx) {
		for agent, want := range map[string]bridge.Idempotency{"helper": first, "other": second} {
			got, err := tx.Idempotent(agent, "k")
			if err != nil {
				t.Fatal(err)
			}
			same(t, "the key of "+agent, got, want)
		}
		_, err := tx.Idempotent("helperk", "")
		missing(t, "a key whose parts are cut elsewhere", err)
	})
}

func (b *bench) pinsAre(issuer string, want map[string]string) {
	b.Helper()
	b.see(func(tx bridge.ReadTx) {
		for human, subject := range want {
			got, err := tx.Pin(human, issuer)
			if subject == "" {
				missing(b, "the pin of "+human, err)
				continue
			}
			if err != nil || got != subject {
				b.Errorf("pin of %s: got %q, error %v; want %q", human, got, err, subject)
			}
			if got, err := tx.Pinned(issuer, subject); err != nil || got != human {
				b.Errorf("pinned %s: got %q, error %v; want %q", subject, got, err, human)
			}
		}
	})
}

func (lab Lab) pins(t *testing.T) {
	b := lab.fresh(t)
	b.do(func(tx bridge.Tx) {
		tx.PutPin("alice", "https://one", "sub1")
		tx.PutPin("bob", "https://two", "sub1")
	})
	b.restart()
	b.pinsAre("https://one", map[string]string{"alice": "sub1", "bob": ""})
	b.pinsAre("https://two", map[string]string{"alice": "", "bob": "sub1"})
	b.do(func(tx bridge.Tx) { tx.PutPin("alice", "https://one", "sub1") }) // again is no change
	b.do(func(tx bridge.Tx) { tx.PutPin("alice", "https://one", "sub9") })
	b.pinsAre("https://one", map[string]string{"alice": "sub9"})
	b.see(func(tx bridge.ReadTx) {
		_, err := tx.Pinned("https://one", "sub1")
		missing(t, "the subject that alice had before", err)
	})
}

func (lab Lab) pinsOf(t *testing.T) {
	b := lab.fresh(t)
	b.do(func(tx bridge.Tx) {
		tx.PutPin("alice", "https://one", "sub1")
		tx.PutPin("alice", "https://two", "sub2")
		tx.PutPin("bob", "https://one", "sub3")
	})
	b.do(func(tx bridge.Tx) { tx.PutPin("alice", "https://two", "sub9") })
	b.restart()
	pins := func(human string) map[string]string {
		found := map[string]string{}
		b.see(func(tx bridge.ReadTx) {
			for _, p := range all(t, "pins", tx.Pins(human)) {
				same(t, "whose pin it is", p.Human, human)
				found[p.Issuer] = p.Subject
			}
		})
		return found
	}
	same(t, "alice's", pins("alice"), map[string]string{"https://one": "sub1", "https://two": "sub9"})
	same(t, "bob's", pins("bob"), map[string]string{"https://one": "sub3"})
	same(t, "nobody's", pins("alic"), nil)
	b.do(func(tx bridge.Tx) {
		tx.DeletePin("alice", "https://one")
		tx.DeletePin("alice", "https://never")
		tx.DeletePin("bob", "https://two")
	})
	same(t, "alice's after one is gone", pins("alice"), map[string]string{"https://two": "sub9"})
	same(t, "bob's", pins("bob"), map[string]string{"https://one": "sub3"})
	b.do(func(tx bridge.Tx) { tx.PutPin("bob", "https://two", "sub1") })
	b.do(func(tx bridge.Tx) { tx.DeletePin("bob", "https://one"); tx.PutPin("alice", "https://one", "sub3") })
	b.pinsAre("https://one", map[string]string{"alice": "sub3", "bob": ""}) // what was let go may be another's
}

func (lab Lab) stolenPin(t *testing.T) {
	b := lab.fresh(t)
	b.do(func(tx bridge.Tx) { tx.PutPin("alice", "https://one", "sub1") })
	for what, fn := range map[string]func(tx bridge.Tx){
		"a pin of another's subject": func(tx bridge.Tx) { tx.PutPin("mallory", "https://one", "sub1") },
		"two pins of a subject in a transaction": func(tx bridge.Tx) {
			tx.PutPin("bob", "https://one", "sub2")
			tx.PutPin("mallory", "https://one", "sub2")
		},
	} {
		err := b.Update(t.Context(), func(tx bridge.Tx) error {
			fn(tx)
			return nil
		})
		if err == nil {
			t.Errorf("%s was stored", what)
		}
	}
	b.pinsAre("https://one", map[string]string{"alice": "sub1", "bob": "", "mallory": ""})
}

func (lab Lab) suspensions(t *testing.T) {
	b := lab.fresh(t)
	b.do(func(tx bridge.Tx) { tx.Suspend("helper", "alice", noon()) })
	b.restart()
	since := func(agent, human string) (at time.Time) {
		b.see(func(tx bridge.ReadTx) {
			var err error
			if at, err = tx.Suspended(agent, human); err != nil {
				t.Errorf("suspended: %v", err)
			}
		})
		return at
	}
	same(t, "helper for alice", since("helper", "alice"), noon())
	same(t, "helper for bob", since("helper", "bob"), time.Time{})
	same(t, "alice for helper", since("alice", "helper"), time.Time{})
	b.do(func(tx bridge.Tx) { tx.Suspend("helper", "alice", time.Time{}) })
	same(t, "helper for alice, lifted", since("helper", "alice"), time.Time{})
}

func (lab Lab) allSuspensions(t *testing.T) {
	b := lab.fresh(t)
	b.do(func(tx bridge.Tx) {
		tx.Suspend("helper", "alice", noon())
		tx.Suspend("helper", "bob", noon().Add(1))
		tx.Suspend("ci", "alice", noon().Add(2))
	})
	b.do(func(tx bridge.Tx) { tx.Suspend("helper", "bob", time.Time{}); tx.Suspend("ci", "bob", time.Time{}) })
	b.restart()
	b.see(func(tx bridge.ReadTx) {
		found := map[bridge.Suspension]bool{}
		for _, s := range all(t, "suspensions", tx.Suspensions()) {
			found[s] = true
		}
		same(t, "all", found, map[bridge.Suspension]bool{
			{Agent: "helper", Human: "alice", Since: noon()}:    true,
			{Agent: "ci", Human: "alice", Since: noon().Add(2)}: true,
		})
	})
}

func (lab Lab) revocations(t *testing.T) {
	b := lab.fresh(t)
	one := bridge.Revoking{ID: "grt_1", Provider: "github", Grant: "grt_1", Since: noon()}
	two := bridge.Revoking{ID: "req_2.1", Provider: "corp", Request: "req_2", Since: noon()}
	b.do(func(tx bridge.Tx) { tx.PutRevocation(one); tx.PutRevocation(two) })
	one.Attempts, one.NotUntil = 1, noon().Add(time.Minute)
	b.do(func(tx bridge.Tx) { tx.PutRevocation(one) })
	b.restart()
	b.see(func(tx bridge.ReadTx) {
		same(t, "queue", all(t, "queue", tx.Revocations()), []bridge.Revoking{one, two})
		got, err := tx.Revoking("grt_1")
		if err != nil {
			t.Fatal(err)
		}
		same(t, "one of it", got, one)
	})
	b.do(func(tx bridge.Tx) { tx.DeleteRevocation("grt_1"); tx.DeleteRevocation("never was") })
	b.see(func(tx bridge.ReadTx) {
		same(t, "queue after one is done", all(t, "queue", tx.Revocations()), []bridge.Revoking{two})
		_, err := tx.Revoking("grt_1")
		missing(t, "what is done", err)
	})
}

func (lab Lab) notes(t *testing.T) {
	b := lab.fresh(t)
	b.do(func(tx bridge.Tx) {
		tx.PutNote("web", "k", []byte("soon over"), noon().Add(time.Minute))
		tx.PutNote("slack", "k", []byte("for ever"), time.Time{})
		tx.PutNote("web", "empty", nil, time.Time{})
	})
	b.restart()
	note := func(room, key string, at time.Time) (text string, err error) {
		b.see(func(tx bridge.ReadTx) {
			var value []byte
			value, err = tx.Note(room, key, at)
			text = string(value)
		})
		return text, err
	}
	for _, c := range []struct {
		room, key, want string
		at              time.Time
	}{
		{"web", "k", "soon over", noon().Add(time.Minute - 1)},
		{"slack", "k", "for ever", noon().Add(1e6 * time.Hour)},
		{"web", "empty", "", noon()},
	} {
		if got, err := note(c.room, c.key, c.at); err != nil || got != c.want {
			t.Errorf("%s %s: got %q, error %v; want %q", c.room, c.key, got, err, c.want)
		}
	}
	_, err := note("web", "k", noon().Add(time.Minute))
	missing(t, "a note at the moment it expires", err)
	_, err = note("we", "bk", noon())
	missing(t, "a note whose names are cut elsewhere", err)
	b.do(func(tx bridge.Tx) {
		tx.PutNote("web", "k", []byte("new"), noon().Add(time.Hour))
		tx.DeleteNote("slack", "k")
		tx.DeleteNote("slack", "never was")
	})
	if got, err := note("web", "k", noon().Add(2*time.Minute)); err != nil || got != "new" {
		t.Errorf("a note put again: got %q, error %v", got, err)
	}
	_, err = note("slack", "k", noon())
	missing(t, "a deleted note", err)
}
