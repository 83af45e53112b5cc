package bridge

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

// After a no, the same ask is not put to the same people again for a while:
// whoever asks until somebody is tired of saying no gets an answer from the
// bridge. What a live grant answers is answered all the same.

// quietRoom is where it is noted until when an ask is not to be repeated. The
// notes outlive a restart, and go by themselves.
const quietRoom = "quiet"

// hush notes a no. It is about this very ask, whatever session or words it
// comes with.
func hush(tx Tx, r Request, limits Limits, now time.Time) {
	no := r.State == Denied && (r.Outcome.Code == OutcomeDenied || r.Outcome.Code == OutcomeProviderDenied)
	if !no || limits.QuietAfterDenied <= 0 {
		return
	}
	until := now.Add(limits.QuietAfterDenied)
	tx.PutNote(quietRoom, r.quietKey(), []byte(until.UTC().Format(time.RFC3339Nano)), until)
}

// hushed refuses an ask to which somebody has just said no.
func hushed(tx ReadTx, draft Request, now time.Time) error {
	value, err := tx.Note(quietRoom, draft.quietKey(), now)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	until, err := time.Parse(time.RFC3339Nano, string(value))
	if err != nil || !now.Before(until) {
		return nil //nolint:nilerr // what cannot be read keeps nobody from asking
	}
	p := problem(ProblemQuiet, "somebody has just said no to this; %s is not asked the same again before %s", draft.Whom(), until.UTC().Format(time.RFC3339)).
		hint("do not ask for it again; tell whoever gave you the task that the answer was no")
	p.RetryAfter = until.Sub(now)
	return p
}

// quietKey names an ask by what it is about: who asks whom, where, for what.
// Neither the session nor the reason nor how long it may wait is a part of it.
func (r Request) quietKey() string {
	hash := sha256.New()
	for _, part := range []string{r.Agent, r.Whom(), r.Target.Provider, r.Target.Issuer, r.Target.Resource, strings.Join(r.Scopes, " "), string(r.Details)} {
		hash.Write(binary.AppendUvarint(nil, uint64(len(part))))
		hash.Write([]byte(part))
	}
	return hex.EncodeToString(hash.Sum(nil))
}
