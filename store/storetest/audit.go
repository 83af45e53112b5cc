package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

func (lab Lab) audit(t *testing.T) {
	t.Run("lines in the order of their transactions, each as it was told", lab.auditOrder)
	t.Run("each line holds the hash of the one before", lab.auditChain)
	t.Run("nothing of a transaction that fails", lab.auditFailed)
	t.Run("64 writers leave one chain", lab.auditTogether)
	t.Run("is found to be whole, and empty", lab.auditEmpty)
	t.Run("goes on after a restart and after a kill", lab.auditGoesOn)
	t.Run("from a line on", lab.auditAfter)
	t.Run("forgets what is old, and stays whole", lab.auditPruned)
	t.Run("forgets up to the first line that is not old", lab.auditClockSetBack)
	t.Run("is looked through while others write and forget", lab.auditBusy)
	t.Run("for nobody", lab.auditCancelled)
}

// told yields the whole audit log.
func told(tx bridge.ReadTx) iter.Seq2[bridge.AuditEntry, error] { return toldAfter(tx, 0) }

func toldAfter(tx bridge.ReadTx, after uint64) iter.Seq2[bridge.AuditEntry, error] {
	return func(yield func(bridge.AuditEntry, error) bool) {
		for text, err := range tx.AuditLines(after) {
			var e bridge.AuditEntry
			if err == nil {
				err = json.Unmarshal(text.JSON, &e)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// event is a line that says no more than which one it is.
func event(i int, at time.Time) bridge.AuditLine {
	return bridge.AuditLine{Time: at, Event: "tick", Detail: strconv.Itoa(i)}
}

// tells writes so many lines, each a second after the one before.
func (b *bench) tells(from, n int) {
	b.Helper()
	b.do(func(tx bridge.Tx) {
		for i := range n {
			tx.Audit(event(from+i, noon().Add(time.Duration(from+i)*time.Second)))
		}
	})
}

// whole checks that the log is as it was written, and how far it goes.
func (b *bench) whole(first, last uint64) {
	b.Helper()
	report, err := b.VerifyAudit(context.Background())
	if err != nil {
		b.Fatalf("verify: %v", err)
	}
	if report.Fault != nil || report.First != first || report.Last != last {
		b.Errorf("lines %d to %d, fault %+v; want lines %d to %d and none", report.First, report.Last, report.Fault, first, last)
	}
}

func (b *bench) forgetLines(before time.Time) int {
	b.Helper()
	n, err := b.PruneAudit(context.Background(), before)
	if err != nil {
		b.Fatalf("prune the audit log: %v", err)
	}
	return n
}

func (lab Lab) auditOrder(t *testing.T) {
	b, r := lab.fresh(t), asked(noon())
	full := bridge.AuditLine{
		Time: noon().Add(time.Nanosecond), Event: bridge.AuditGrantOver, Request: r.ID, Grant: "grt_1", Agent: "helper", Session: "s\n\u009b😀",
		Human: "alice", Team: "oncall", By: bridge.ByHuman, Actor: "alice", Channel: "slack", PlatformUser: "U0ALICE",
		Provider: "github", From: bridge.Asked, To: bridge.Coded, Version: 7, Outcome: "revoked", Detail: `"quoted" <é>`,
	}
	ask := line(bridge.Request{}, r, bridge.OnAsk, noon())
	b.do(func(tx bridge.Tx) {
		tx.PutRequest(r, ask)
		tx.Audit(full)
		tx.PutRequest(r, nil) // tells nothing
	})
	b.do(func(tx bridge.Tx) { tx.Audit(event(3, noon().Add(-time.Hour))) }) // a clock that was set back changes no order
	b.restart()
	b.see(func(tx bridge.ReadTx) {
		var lines []bridge.AuditLine
		for i, e := range all(t, "audit", told(tx)) {
			same(t, "number", e.Seq, uint64(i+1))
			lines = append(lines, e.AuditLine)
		}
		same(t, "lines", lines, []bridge.AuditLine{*ask, full, event(3, noon().Add(-time.Hour))})
	})
	b.whole(1, 3)
}

// auditChain checks the lines as somebody would who has nothing but them.
func (lab Lab) auditChain(t *testing.T) {
	b := lab.fresh(t)
	b.tells(0, 5)
	b.do(func(tx bridge.Tx) { tx.Audit(bridge.AuditLine{Session: "é\u009b31m\u202e\x7f\x00\u2028😀"}) })
	prev := strings.Repeat("0", 2*sha256.Size)
	b.see(func(tx bridge.ReadTx) {
		for text, err := range tx.AuditLines(0) {
			if err != nil {
				t.Fatal(err)
			}
			var e bridge.AuditEntry
			if err := json.Unmarshal(text.JSON, &e); err != nil || e.Seq != text.Seq || strings.ContainsFunc(string(text.JSON), notVisible) {
				t.Errorf("%v: it is not one line of visible ASCII, or not line %d: %q", err, text.Seq, text.JSON)
			}
			same(t, "the hash of the line before, in line "+strconv.Itoa(int(e.Seq)), e.Prev, prev)
			sum := sha256.Sum256(text.JSON)
			prev = hex.EncodeToString(sum[:])
		}
	})
	report, err := b.VerifyAudit(t.Context())
	if err != nil || report.Head != prev {
		t.Errorf("error %v, head %s; want the hash of the last line, %s", err, report.Head, prev)
	}
}

func notVisible(c rune) bool { return c < ' ' || c > '~' }

func (lab Lab) auditFailed(t *testing.T) {
	b := lab.fresh(t)
	tell := func(i int, err error) func(bridge.Tx) error {
		return func(tx bridge.Tx) error {
			tx.Audit(event(i, noon()))
			return err
		}
	}
	errs := b.together(tell(0, nil), tell(1, errNo), tell(2, nil))
	if errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Errorf("got %v, want only the second to fail", errs)
	}
	b.whole(1, 2)
	b.see(func(tx bridge.ReadTx) {
		for _, e := range all(t, "audit", told(tx)) {
			if e.Detail == "1" {
				t.Error("the log tells of what did not happen")
			}
		}
	})
}

func (lab Lab) auditTogether(t *testing.T) {
	const writers, each = 64, 5
	b := lab.fresh(t)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := b.Update(context.Background(), func(tx bridge.Tx) error {
					tx.Audit(event(w*each+i, noon()))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.restart()
	b.whole(1, writers*each)
	b.see(func(tx bridge.ReadTx) {
		seen := map[string]bool{}
		for _, e := range all(t, "audit", told(tx)) {
			seen[e.Detail] = true
		}
		same(t, "different lines", len(seen), writers*each)
	})
}

func (lab Lab) auditEmpty(t *testing.T) {
	b := lab.fresh(t)
	b.whole(1, 0)
	b.restart()
	b.whole(1, 0)
	same(t, "forgotten", b.forgetLines(noon()), 0)
}

func (lab Lab) auditGoesOn(t *testing.T) {
	b := lab.fresh(t)
	b.tells(0, 3)
	b.restart()
	b.tells(3, 3)
	b.crash()
	b.tells(6, 3)
	b.whole(1, 9)
}

func (lab Lab) auditAfter(t *testing.T) {
	b := lab.fresh(t)
	b.tells(0, 300)
	b.see(func(tx bridge.ReadTx) {
		for _, after := range []uint64{0, 1, 255, 299, 300, 1 << 60} {
			lines := all(t, "audit", toldAfter(tx, after))
			same(t, "lines after "+strconv.FormatUint(after, 10), len(lines), max(0, 300-int(min(after, 300))))
			if len(lines) > 0 {
				same(t, "the first of them", lines[0].Seq, after+1)
			}
		}
	})
}

func (lab Lab) auditPruned(t *testing.T) {
	const n = 1000
	b := lab.fresh(t)
	b.tells(0, n)
	same(t, "forgotten before the first", b.forgetLines(noon()), 0)
	same(t, "forgotten", b.forgetLines(noon().Add(700*time.Second)), 700)
	b.whole(701, n)
	b.restart()
	b.whole(701, n)
	same(t, "forgotten of the rest", b.forgetLines(noon().Add(time.Hour)), n-700)
	b.whole(n+1, n)
	b.restart()
	b.tells(n, 2)
	b.whole(n+1, n+2)
	b.see(func(tx bridge.ReadTx) { same(t, "lines", len(all(t, "audit", told(tx))), 2) })
}

// auditClockSetBack: the log forgets from its beginning and nowhere else.
func (lab Lab) auditClockSetBack(t *testing.T) {
	b := lab.fresh(t)
	b.do(func(tx bridge.Tx) {
		for i, at := range []time.Duration{0, 1, 9, 2, 3} {
			tx.Audit(event(i, noon().Add(at*time.Hour)))
		}
	})
	same(t, "forgotten", b.forgetLines(noon().Add(5*time.Hour)), 2)
	b.whole(3, 5)
}

func (lab Lab) auditBusy(t *testing.T) {
	b := lab.fresh(t)
	b.tells(0, 2000)
	var wg sync.WaitGroup
	over := make(chan struct{})
	wg.Go(func() {
		for i := 2000; ; i += 10 {
			select {
			case <-over:
				return
			default:
				b.tells(i, 10)
			}
		}
	})
	wg.Go(func() {
		for i := range 10 {
			b.forgetLines(noon().Add(time.Duration(i*200) * time.Second))
		}
	})
	for range 10 {
		report, err := b.VerifyAudit(t.Context())
		if err != nil || report.Fault != nil {
			t.Errorf("error %v, fault %+v", err, report.Fault)
		}
	}
	close(over)
	wg.Wait()
}

func (lab Lab) auditCancelled(t *testing.T) {
	b := lab.fresh(t)
	b.tells(0, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, pruned := b.PruneAudit(ctx, noon().Add(time.Hour))
	_, verified := b.VerifyAudit(ctx)
	if pruned == nil || verified == nil {
		t.Errorf("prune: %v, verify: %v; want errors", pruned, verified)
	}
	b.whole(1, 3)
}
