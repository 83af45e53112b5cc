package bolt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// tells writes so many lines, a second apart.
func tells(t *testing.T, s *Store, n int) {
	t.Helper()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	err := s.Update(t.Context(), func(tx bridge.Tx) error {
		for i := range n {
			tx.Audit(bridge.AuditLine{Time: at.Add(time.Duration(i) * time.Second), Event: bridge.OnAsk, Agent: "helper", Detail: fmt.Sprint(i)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func verify(t *testing.T, s *Store) bridge.AuditReport {
	t.Helper()
	report, err := s.VerifyAudit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// logged is a closed store with n lines, pruned of the first so many.
func logged(t *testing.T, n, pruned int) (path string, sealer *store.Sealer) {
	t.Helper()
	sealer, path = newKey(t, filepath.Join(t.TempDir(), "seal.key")), file(t.TempDir())
	s := open(t, path, sealer)
	tells(t, s, n)
	if _, err := s.PruneAudit(t.Context(), time.Date(2026, 11, 22, 12, 0, pruned, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, s); r.Fault != nil || r.First != uint64(pruned)+1 || r.Last != uint64(n) {
		t.Fatalf("before anything is done to it: %+v, %+v", r, r.Fault)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, sealer
}

// hand is somebody who can write to the file and has no key.
type hand struct {
	*testing.T
	tx  *bbolt.Tx
	log *bbolt.Bucket
}

func (h hand) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h hand) line(n uint64) []byte   { return bytes.Clone(h.log.Get([]byte(seqKey(n)))) }
func (h hand) put(n uint64, l []byte) { h.must(h.log.Put([]byte(seqKey(n)), l)) }
func (h hand) drop(n uint64)          { h.must(h.log.Delete([]byte(seqKey(n)))) }
func (h hand) seal(ref string) []byte { return bytes.Clone(h.tx.Bucket(names[meta]).Get([]byte(ref))) }

func (h hand) reseal(ref string, s []byte) {
	h.must(h.tx.Bucket(names[meta]).Put([]byte(ref), s))
}

// edit changes what a line says, as somebody would who knows JSON.
func (h hand) edit(n uint64, change func(e *bridge.AuditEntry)) {
	var e bridge.AuditEntry
	h.must(json.Unmarshal(h.line(n), &e))
	change(&e)
	text, err := json.Marshal(e)
	h.must(err)
	h.put(n, text)
}

// chain writes all lines from one on anew, so that each holds the hash of the
// one before.
func (h hand) chain(from, to uint64) {
	for n := from; n <= to; n++ {
		before := markAt(n-1, h.line(n-1))
		h.edit(n, func(e *bridge.AuditEntry) { e.Prev = before.hex() })
	}
}

func another(e *bridge.AuditEntry) { e.Agent = "somebody else" }

// TestAttacksOnTheAuditLog: whatever is done to a log of lines 11 to 100 by
// somebody who has no key, the first line that is not as it was written is
// named, before and after the bridge writes more, and it stays so.
func TestAttacksOnTheAuditLog(t *testing.T) {
	old := map[string][]byte{} // seals of before, when the log had lines 6 to 90
	for what, c := range map[string]struct {
		attack func(h hand)
		seq    uint64
		says   string
	}{
		"a line is changed":               {func(h hand) { h.edit(50, another) }, 50, "line 50 was changed"},
		"a byte of it is":                 {func(h hand) { h.put(50, bytes.Replace(h.line(50), []byte("helper"), []byte("hepler"), 1)) }, 50, "line 50 was changed"},
		"the first line is":               {func(h hand) { h.edit(11, another) }, 11, "line 11 was changed"},
		"the last line is":                {func(h hand) { h.edit(100, another) }, 100, "line 100"},
		"a line is no JSON any more":      {func(h hand) { h.put(50, []byte("{")) }, 50, "cannot be read"},
		"a line is emptied":               {func(h hand) { h.put(50, nil) }, 50, "cannot be read"},
		"one is removed from the middle":  {func(h hand) { h.drop(50) }, 50, "line 50 is missing"},
		"and the gap closed":              {func(h hand) { shift(h, 50) }, 50, "line 50"},
		"the first is removed":            {func(h hand) { h.drop(11) }, 11, "line 11 is missing"},
		"the tail is cut":                 {func(h hand) { cut(h, 90) }, 91, "missing"},
		"the last line is cut":            {func(h hand) { cut(h, 99) }, 100, "missing"},
		"all is cut":                      {func(h hand) { cut(h, 0) }, 11, "missing"},
		"two are exchanged":               {func(h hand) { a, b := h.line(50), h.line(60); h.put(50, b); h.put(60, a) }, 50, "line 50 was changed or moved"},
		"one is copied to another":        {func(h hand) { h.put(51, h.line(50)) }, 51, "says that it is line 50"},
		"one is added":                    {func(h hand) { add(h, 101) }, 102, "went on to line 101 and was sealed up to line 100"},
		"the end is written anew":         {func(h hand) { h.edit(50, another); h.chain(51, 100) }, 100, ""},
		"all is written anew":             {func(h hand) { h.edit(11, another); h.chain(12, 100) }, 100, ""},
		"and goes on":                     {func(h hand) { h.edit(11, another); h.chain(12, 100); add(h, 101) }, 102, "line 100, sealed as the last, was changed"},
		"the start is one of before":      {func(h hand) { h.reseal("audit.start", old["audit.start"]) }, 6, "line 6 is missing"},
		"the start is the end":            {func(h hand) { h.reseal("audit.start", h.seal("audit.head")) }, 1, "start does not open"},
		"the start is taken away":         {func(h hand) { h.reseal("audit.start", nil) }, 1, "start does not open"},
		"the start is moved over a line":  {func(h hand) { h.edit(12, another); h.drop(11) }, 11, "line 11 is missing"},
		"the end is one of before":        {func(h hand) { h.reseal("audit.head", old["audit.head"]) }, 101, "sealed up to line 90"},
		"the end is taken away":           {func(h hand) { h.reseal("audit.head", []byte("x")) }, 101, "seal of the last line"},
		"the end is the start":            {func(h hand) { h.reseal("audit.head", h.seal("audit.start")) }, 101, "seal of the last line"},
		"that something was found is cut": {func(h hand) { h.edit(100, another); cut(h, 100) }, 100, "line 100"},
	} {
		t.Run(what, func(t *testing.T) {
			path, sealer := logged(t, 90, 5)
			raw(t, path, func(tx *bbolt.Tx) error {
				h := hand{t, tx, tx.Bucket(names[audit])}
				for _, ref := range []string{"audit.start", "audit.head"} {
					old[ref] = h.seal(ref)
				}
				return nil
			})
			s := open(t, path, sealer)
			tells(t, s, 10)
			prunedTo(t, s, 10)
			closed(t, s)
			raw(t, path, func(tx *bbolt.Tx) error {
				c.attack(hand{t, tx, tx.Bucket(names[audit])})
				return nil
			})
			s = open(t, path, sealer)
			finds(t, "when it is opened", s, c.seq, c.says)
			tells(t, s, 3)
			finds(t, "when it goes on", s, c.seq, c.says)
			closed(t, s)
			s = open(t, path, sealer)
			tells(t, s, 300)
			finds(t, "after a restart", s, c.seq, c.says)
		})
	}
}

// prunedTo forgets lines, the time of which the helper makes.
func prunedTo(t *testing.T, s *Store, last int) {
	t.Helper()
	if _, err := s.PruneAudit(t.Context(), time.Date(2026, 11, 22, 12, 0, last, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
}

func closed(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func finds(t *testing.T, when string, s *Store, seq uint64, says string) {
	t.Helper()
	f := verify(t, s).Fault
	if f == nil {
		t.Errorf("%s nothing is found", when)
		return
	}
	if f.Seq != seq || !strings.Contains(f.What, says) || f.Do == "" {
		t.Errorf("%s: line %d: %s (%s); want line %d and %q", when, f.Seq, f.What, f.Do, seq, says)
	}
}

// shift removes a line and moves all that follow up.
func shift(h hand, from uint64) {
	for n := from; n < 100; n++ {
		h.put(n, h.line(n+1))
	}
	h.drop(100)
}

// cut removes all lines behind one.
func cut(h hand, last uint64) {
	for n := max(11, last+1); n <= 110; n++ {
		h.drop(n)
	}
}

// add forges one more line, chained to the one before.
func add(h hand, n uint64) {
	text, _ := markAt(n-1, h.line(n-1)).next([]byte(`{"event":"deny","agent":"helper"}`))
	h.put(n, text)
}

// TestAnAuditLogThatIsCutWhileTheBridgeRuns: an older seal that fits the lines
// which are left deceives nobody who has seen the later ones.
func TestAnAuditLogThatIsCutWhileTheBridgeRuns(t *testing.T) {
	s := fresh(t)
	tells(t, s, 5)
	var before []byte
	look := func(do func(h hand)) {
		tx, err := s.db.Begin(true)
		if err != nil {
			t.Fatal(err)
		}
		do(hand{t, tx, tx.Bucket(names[audit])})
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	look(func(h hand) { before = h.seal("audit.head") })
	tells(t, s, 5)
	look(func(h hand) {
		h.reseal("audit.head", before)
		for n := uint64(6); n <= 10; n++ {
			h.drop(n)
		}
	})
	finds(t, "at once", s, 6, "lines 6 to 10 were cut off while the bridge ran")
	tells(t, s, 1)
	finds(t, "when it goes on", s, 6, "line 6 is missing")
}

// TestPruningDestroysNoEvidence: nothing that is not as it was written is
// forgotten, nor what comes after it.
func TestPruningDestroysNoEvidence(t *testing.T) {
	for what, attack := range map[string]func(h hand){
		"changed":                  func(h hand) { h.edit(50, another) },
		"changed, at a batch":      func(h hand) { h.edit(auditBatch, another) },
		"missing":                  func(h hand) { h.drop(50) },
		"changed, the last":        func(h hand) { h.edit(600, another) },
		"the start was taken away": func(h hand) { h.reseal("audit.start", nil) },
	} {
		t.Run(what, func(t *testing.T) {
			path, sealer := logged(t, 1, 0)
			s := open(t, path, sealer)
			err := s.Update(t.Context(), func(tx bridge.Tx) error {
				for i := range 599 {
					tx.Audit(bridge.AuditLine{Time: time.Unix(int64(i), 0).UTC(), Event: bridge.OnAsk})
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			closed(t, s)
			raw(t, path, func(tx *bbolt.Tx) error {
				attack(hand{t, tx, tx.Bucket(names[audit])})
				return nil
			})
			s = open(t, path, sealer)
			before := verify(t, s).Fault
			_, err = s.PruneAudit(t.Context(), time.Now().Add(1e4*time.Hour))
			if !errors.Is(err, errChain) || !strings.Contains(err.Error(), "audit --verify") {
				t.Errorf("pruning: %v, want an error that says where to look", err)
			}
			if after := verify(t, s).Fault; before == nil || after == nil || after.Seq != before.Seq {
				t.Errorf("found %+v before and %+v after", before, after)
			}
		})
	}
}

// TestARefusedCommitLeavesTheAuditLogWhole: lines that never came to be have
// no number, and one whose fate is not known for a while has.
func TestARefusedCommitLeavesTheAuditLogWhole(t *testing.T) {
	s := fresh(t)
	tells(t, s, 3)
	heal := breakDisk(t, s)
	err := s.Update(t.Context(), func(tx bridge.Tx) error {
		tx.Audit(bridge.AuditLine{Detail: "never was"})
		return nil
	})
	if err == nil {
		t.Fatal("the disk was to fail")
	}
	heal()
	tells(t, s, 3)
	if r := verify(t, s); r.Fault != nil || r.Last != 6 {
		t.Errorf("%d lines, %+v", r.Last, r.Fault)
	}
	for _, kept := range []bool{false, true} {
		t.Run(fmt.Sprintf("in doubt, kept: %v", kept), func(t *testing.T) {
			last := verify(t, s).Last
			s.commit = func(tx *bbolt.Tx) error { // the second commit, which would settle it, fails too
				if kept {
					return errors.Join(tx.Commit(), errors.New("the last sync failed"))
				}
				return errors.Join(tx.Rollback(), errors.New("no"))
			}
			err := s.Update(t.Context(), func(tx bridge.Tx) error {
				tx.Audit(bridge.AuditLine{Detail: "perhaps"})
				return nil
			})
			s.commit = (*bbolt.Tx).Commit
			if err == nil || errors.Is(err, bridge.ErrInDoubt) != kept {
				t.Fatalf("got %v, want a doubt: %v", err, kept)
			}
			tells(t, s, 2)
			want := last + 2
			if kept {
				want++
			}
			if r := verify(t, s); r.Fault != nil || r.Last != want {
				t.Errorf("%d lines, want %d: %+v", r.Last, want, r.Fault)
			}
		})
	}
}

// TestTheAuditLogOutlivesItsKey: what an older key sealed is sealed again.
func TestTheAuditLogOutlivesItsKey(t *testing.T) {
	dir := t.TempDir()
	path, keyPath := file(dir), filepath.Join(dir, "seal.key")
	s := open(t, path, newKey(t, keyPath))
	tells(t, s, 10)
	prunedTo(t, s, 4)
	closed(t, s)
	for _, dropOld := range []bool{false, true} {
		addPrimary(t, keyPath, dropOld)
		s = open(t, path, loadKey(t, keyPath))
		if r := verify(t, s); r.Fault != nil || r.First != 5 || r.Last != 10 {
			t.Errorf("old key dropped: %v: %+v, %+v", dropOld, r, r.Fault)
		}
		closed(t, s)
	}
}
