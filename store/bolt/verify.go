package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// auditBatch is how many lines of the audit log one look reads, or one
// transaction forgets, so that nobody waits long behind it.
const auditBatch = 256

// VerifyAudit implements [bridge.Store]: it walks from the sealed start to the
// sealed head, in many short views.
func (s *Store) VerifyAudit(ctx context.Context) (bridge.AuditReport, error) {
	w := auditWalk{kept: *s.kept.Load()}
	for !w.done {
		err := s.View(ctx, func(tx bridge.ReadTx) error { return w.some(tx.(*view)) }) // our own View made it
		if err != nil {
			return bridge.AuditReport{}, fmt.Errorf("verify the audit log: %w", err)
		}
	}
	return bridge.AuditReport{First: w.first, Last: w.end.seq, Head: w.end.hex(), Fault: w.fault}, nil
}

// auditWalk goes through the audit log, from its sealed start to what is its
// sealed head when it begins, and remembers where it is.
type auditWalk struct {
	kept  mark   // what was written when it began, at least
	end   mark   // the sealed head
	last  uint64 // the last line that was there
	at    mark   // behind the last line that was read
	first uint64
	begun bool
	done  bool
	fault *bridge.AuditFault
}

// What to do about a fault.
const (
	askWho  = "somebody, or a disk, changed the store's file: find out who can write to it, and compare with a backup"
	askCopy = "find out who can write to the store's file; a backup has the lines as they were"
)

func (w *auditWalk) find(seq uint64, do, format string, args ...any) {
	w.done = true
	if w.fault == nil {
		w.fault = &bridge.AuditFault{Seq: seq, What: fmt.Sprintf(format, args...), Do: do}
	}
}

// some goes on by a few lines. What was pruned meanwhile is passed over.
func (w *auditWalk) some(v *view) error {
	start, err := readMark(v.tx, v.sealer, sealedStart)
	if errors.Is(err, errSeal) {
		w.find(w.at.seq+1, askWho, "where the log begins was changed: the seal of its start does not open")
		return nil
	}
	if err == nil && !w.begun {
		err = w.begin(v, start)
	}
	if err != nil || w.done {
		return err
	}
	if w.at.seq < start.seq {
		w.at, w.first = start, start.seq+1
	}
	return w.lines(v)
}

// begin finds how far there is to go.
func (w *auditWalk) begin(v *view, start mark) (err error) {
	w.begun, w.at, w.first = true, start, start.seq+1
	w.end, err = readMark(v.tx, v.sealer, sealedHead)
	switch {
	case errors.Is(err, errSeal):
		w.find(start.seq+1, askWho, "where the log ends was changed: the seal of its last line does not open")
		return nil
	case err != nil:
		return err
	case w.end.seq < w.kept.seq:
		w.find(w.end.seq+1, askCopy, "lines %d to %d were cut off while the bridge ran", w.end.seq+1, w.kept.seq)
		return nil
	}
	last, err := lastLine(v.tx, start)
	w.last = last.seq
	return err
}

func (w *auditWalk) lines(v *view) error {
	n := 0
	for l, err := range scan(v.tx, span{bucket: audit, from: seqKey(w.at.seq + 1)}, numbered) {
		if err != nil {
			return err
		}
		if w.at.seq >= w.end.seq {
			break
		}
		e := w.line(l)
		if !w.done && e.Event == bridge.AuditDamaged {
			w.find(l.Seq, askCopy, "when the store was opened at %s, %s", e.Time.Format(time.RFC3339), e.Detail)
		}
		if n++; w.done || n == auditBatch {
			return nil
		}
	}
	w.finish()
	return nil
}

// finish compares what was read with what was sealed.
func (w *auditWalk) finish() {
	w.done = true
	switch {
	case w.at.seq < w.end.seq:
		w.find(w.at.seq+1, askCopy, "lines %d to %d are missing", w.at.seq+1, w.end.seq)
	case w.at.seq == w.end.seq && w.at != w.end:
		w.find(w.at.seq, askCopy, "line %d is not the one that was sealed as the last", w.at.seq)
	case w.last > w.end.seq:
		w.find(w.end.seq+1, askWho, "line %d was added behind the last one, which is %d", w.end.seq+1, w.end.seq)
	}
}

// line compares a line with the one before, and reads it.
func (w *auditWalk) line(l bridge.AuditText) (e bridge.AuditEntry) {
	want := w.at.seq + 1
	err := json.Unmarshal(l.JSON, &e)
	switch {
	case l.Seq != want:
		w.find(want, askCopy, "line %d is missing", want)
	case err != nil:
		w.find(want, askCopy, "line %d was changed: it cannot be read", want)
	case e.Seq != want:
		w.find(want, askCopy, "line %d was changed or moved: it says that it is line %d", want, e.Seq)
	case e.Prev != w.at.hex() && want == w.first:
		w.find(want, askCopy, "line %d was changed, or the lines before it were", want)
	case e.Prev != w.at.hex():
		w.find(want-1, askCopy, "line %d was changed after line %d was written", want-1, want)
	default:
		w.at = markAt(l.Seq, l.JSON)
	}
	return e
}

// PruneAudit implements [bridge.Store].
func (s *Store) PruneAudit(ctx context.Context, before time.Time) (int, error) {
	forgotten := 0
	for {
		n := 0
		err := s.Update(ctx, func(tx bridge.Tx) (err error) {
			n, err = tx.(*update).pruneAudit(before) // our own Update made it
			return err
		})
		forgotten += n
		if err != nil {
			return forgotten - n, fmt.Errorf("prune the audit log: %w", err)
		}
		if n < auditBatch {
			return forgotten, nil
		}
	}
}

// errChain stops pruning: what is not as it was written is evidence.
var errChain = errors.New("it is not as it was written, and is kept as it is: see authbridge audit --verify")

func (u *update) pruneAudit(before time.Time) (n int, err error) {
	start, err := readMark(u.tx, u.sealer, sealedStart)
	if errors.Is(err, errSeal) {
		return 0, errChain
	}
	if err != nil {
		return 0, err
	}
	w := auditWalk{at: start, first: start.seq + 1}
	for l, err := range scan(u.tx, span{bucket: audit, from: seqKey(start.seq + 1)}, numbered) {
		if err != nil {
			return 0, err
		}
		behind := w.at
		e := w.line(l)
		if w.done {
			return 0, fmt.Errorf("line %d: %w", w.fault.Seq, errChain)
		}
		if n == auditBatch || !e.Time.Before(before) {
			w.at = behind
			break
		}
		u.delete(audit, seqKey(l.Seq))
		n++
	}
	head, err := readMark(u.tx, u.sealer, sealedHead)
	if err != nil || w.at.seq == head.seq && w.at != head {
		return 0, fmt.Errorf("line %d, the last one: %w", w.at.seq, errChain)
	}
	if n > 0 {
		u.begins(w.at)
	}
	return n, nil
}

// begins seals where the audit log begins.
func (u *update) begins(m mark) {
	sealed, err := sealMark(u.sealer, sealedStart, m)
	if err != nil {
		u.fail(err)
		return
	}
	u.set(meta, string(sealedStart), sealed)
}
