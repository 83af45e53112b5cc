package bridge

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Store keeps what must survive a crash. All methods are safe for concurrent
// use.
type Store interface {
	// Update runs fn once in a transaction. Inside fn, reads see everything
	// that was committed before and nothing of fn's own writes: read, decide,
	// then write. The writes take effect together, and durably, when fn and
	// Update both return nil; otherwise none of them does. Transactions run
	// one after the other; many that wait together may share one write to
	// disk. fn must be quick: no network, no waiting, no other call of the
	// store. A fault of the disk is ErrStoreUnavailable; the store works
	// again, without a restart, when the disk does. Nothing was changed then,
	// unless the error is ErrInDoubt too. Writes that contradict
	// what is stored, such as a subject pinned to two humans or two current
	// grants with one key, fail the transaction.
	Update(ctx context.Context, fn func(Tx) error) error

	// View runs fn on a consistent snapshot.
	View(ctx context.Context, fn func(ReadTx) error) error

	// Prune forgets up to limit requests that ended before the given time,
	// all grants that ended before it and owe no revocation, and all
	// idempotency keys and notes that have expired. It returns how many
	// requests it forgot. It takes many short transactions, and what the first
	// of them forgot stays forgotten when a later one fails.
	Prune(ctx context.Context, before time.Time, limit int) (int, error)

	// PruneAudit forgets the lines of the audit log that were written before
	// the given time, oldest first, and notes where the log begins now. It
	// returns how many it forgot, and stops with an error at a line that is
	// not as it was written. It takes many short transactions.
	PruneAudit(ctx context.Context, before time.Time) (int, error)

	// VerifyAudit looks through the whole audit log for what is not as it was
	// written. Others may write meanwhile.
	VerifyAudit(ctx context.Context) (AuditReport, error)

	// Backup writes a copy of the whole store, as it is at one moment, that can
	// be opened in its place, with the same seal key. A store that is opened
	// from it is Restored. Others may write meanwhile.
	Backup(ctx context.Context, to io.Writer) error

	// Close waits for transactions under way and closes the store.
	Close() error
}

// ReadTx is a consistent view of the store. What it returns is the caller's
// own copy. A missing thing is ErrNotFound, unless said otherwise.
//
// A sequence may yield errors. One that is ErrUnreadable is about a single
// line, which it names: the sequence goes on with the next, and who can do
// without that one skips it. Any other error ends the sequence.
type ReadTx interface {
	Request(id RequestID) (Request, error)

	// RequestsOf yields an agent's requests, newest first, those with an id
	// below before; "" starts at the newest.
	RequestsOf(agent string, before RequestID) iter.Seq2[Request, error]

	// OpenFor yields the requests to a human or a team that are open, oldest
	// first.
	OpenFor(whom string) iter.Seq2[Request, error]

	// EndedFor yields the requests to a human or a team that are no longer
	// open, newest first by id, but for those that a live grant served: they
	// were put to nobody.
	EndedFor(whom string) iter.Seq2[Request, error]

	// Pending yields what the clock, the poller and the outbox need of every
	// request that is Pending or Owes, from an index: it never reads the
	// requests.
	Pending() iter.Seq2[Due, error]

	// AuditLines yields the lines of the audit log with a number above after.
	AuditLines(after uint64) iter.Seq2[AuditText, error]

	Grant(id GrantID) (Grant, error)
	// CurrentGrant returns the one grant with this key that is not over.
	CurrentGrant(key GrantKey) (Grant, error)
	// CurrentGrants yields the grants that are not over, oldest first.
	CurrentGrants() iter.Seq2[Grant, error]
	// CurrentGrantsAfter yields those of them that come after an id.
	CurrentGrantsAfter(id GrantID) iter.Seq2[Grant, error]
	// GrantsOf yields an agent's grants, those that are over too, newest
	// first, those with an id below before; "" starts at the newest.
	GrantsOf(agent string, before GrantID) iter.Seq2[Grant, error]
	// GrantsFrom yields what a human has given that is not over, oldest
	// first.
	GrantsFrom(human string) iter.Seq2[Grant, error]

	// Idempotent returns what an agent's idempotency key stands for.
	Idempotent(agent, key string) (Idempotency, error)

	// Pin returns the subject that a human is tied to at an issuer; Pinned
	// returns the human whom a subject is tied to.
	Pin(human, issuer string) (subject string, err error)
	Pinned(issuer, subject string) (human string, err error)
	// Pins yields all pins of a human.
	Pins(human string) iter.Seq2[Pin, error]

	// Suspended reports since when an agent may not ask a human; the zero
	// time means it is not suspended.
	Suspended(agent, human string) (time.Time, error)
	// Suspensions yields all of them.
	Suspensions() iter.Seq2[Suspension, error]

	// Secret opens a sealed secret. One that does not open, and never will,
	// is ErrUnreadable.
	Secret(ref SecretRef) (Secret, error)

	// Revoking returns one set of tokens that is still to be revoked;
	// Revocations yields all of them.
	Revoking(id string) (Revoking, error)
	Revocations() iter.Seq2[Revoking, error]

	// Restored tells that this store is a copy of an earlier moment, or not
	// the one that was last in its place: what happened since then, it does
	// not know. It does so until [Tx.SettleRestore].
	Restored() (Restore, error)

	// Note returns a value that a room of the bridge keeps under its own
	// name; what has expired is not found.
	Note(room, key string, at time.Time) ([]byte, error)
}

// Tx is a transaction.
type Tx interface {
	ReadTx

	// PutRequest stores a request, its indexes and, unless it is nil, the line
	// of the audit log that tells what happened to it.
	PutRequest(r Request, line *AuditLine)

	// Audit adds a line to the audit log, behind all others.
	Audit(line AuditLine)

	// PutGrant stores a grant. At most one has a key that is not over: the
	// caller has ended the old one in the same transaction.
	PutGrant(g Grant)

	PutIdempotency(agent, key string, i Idempotency)
	PutPin(human, issuer, subject string)
	DeletePin(human, issuer string)
	// Suspend bars an agent from a human since a time; the zero time lifts
	// it.
	Suspend(agent, human string, at time.Time)

	// PutSecret seals a secret under its name; DeleteSecret forgets it, and
	// is content when there is none.
	PutSecret(ref SecretRef, s Secret)
	DeleteSecret(ref SecretRef)

	// PutRevocation adds to, or changes, the queue of tokens to be revoked;
	// DeleteRevocation takes from it. The tokens are sealed under
	// [RevocationSecret].
	PutRevocation(v Revoking)
	DeleteRevocation(id string)

	// SettleRestore says that what Restored tells has been dealt with.
	SettleRestore()

	// PutNote stores a value for a room until it expires (zero = for ever).
	PutNote(room, key string, value []byte, expires time.Time)
	DeleteNote(room, key string)
}

// Due is what scheduling needs to know of a request that is Pending or Owes,
// small enough to be held for a million of them.
type Due struct {
	ID       RequestID
	State    State
	Provider string // as [Target.lane]
	Minting  bool
	Owes     bool // as [Request.Owes]
	Attend   bool // as [Request.Attends]
	Code     int  // number of the current code
	Interval time.Duration
	Deadline time.Time // as [Request.Deadline]
}

// Due returns what scheduling needs to know of the request.
func (r Request) Due() Due {
	deadline, _ := r.Deadline()
	return Due{
		ID: r.ID, State: r.State, Provider: r.Target.lane(),
		Minting: r.Minting, Owes: r.Owes(), Attend: r.Attends(), Code: r.Codes, Interval: r.Interval, Deadline: deadline,
	}
}

// Whom names the human or the team that a request is put to; the two share
// one name space.
func (r Request) Whom() string {
	if r.Team != "" {
		return r.Team
	}
	return r.Human
}

// Idempotency is what an agent's idempotency key stands for.
type Idempotency struct {
	Request RequestID
	Body    [32]byte // hash of the body that came with it
	Expires time.Time
}

// Pin ties a human to an account at an issuer.
type Pin struct {
	Human   string
	Issuer  string
	Subject string
}

// Suspension bars an agent from a human.
type Suspension struct {
	Agent string
	Human string
	Since time.Time
}

// Revoking is one set of tokens that is still to be revoked.
type Revoking struct {
	ID       string
	Provider string // the configured name; "" = none
	Issuer   string // the tokens go to this issuer and no other
	ClientID string
	Request  RequestID
	Grant    GrantID // "" = the tokens never became a grant
	Human    string  // whose tokens they are

	// By is who wants them gone. Only for a human or the operator may a
	// provider be asked to end more than these tokens: nothing that an agent
	// triggers revokes wider than its own.
	By ActorKind

	Since    time.Time
	Attempts int
	NotUntil time.Time
}

// Restore says how it was noticed that a store is not the one that was last in
// its place.
type Restore struct {
	Noticed time.Time
	Taken   time.Time // when the copy was made; zero = not known
	Why     string    // in words
}

// SecretRef names a sealed secret; it is bound to its name, so a sealed value
// copied to another name does not open.
type SecretRef string

// CodeSecret names the sealed code of a request.
func CodeSecret(id RequestID) SecretRef { return SecretRef(id) + "/code" }

// HeldSecret names the sealed tokens of a request whose account is being
// checked.
func HeldSecret(id RequestID) SecretRef { return SecretRef(id) + "/held" }

// GrantSecret names the sealed tokens of a grant.
func GrantSecret(id GrantID) SecretRef { return SecretRef(id) + "/tokens" }

// RevocationSecret names the sealed tokens of a revocation.
func RevocationSecret(id string) SecretRef { return SecretRef(id) + "/revoke" }

var (
	// ErrNotFound means that there is no such thing, or none for the caller.
	ErrNotFound = errors.New("not found")
	// ErrUnreadable means that a single thing is there and cannot be read by
	// this program, now or ever. All others are as they were.
	ErrUnreadable = errors.New("what is stored cannot be read")
	// ErrStoreUnavailable means that the store cannot take a change or answer
	// now, and that trying again later may help. Nothing was changed, unless
	// the error is ErrInDoubt too.
	ErrStoreUnavailable = errors.New("the store is unavailable")
	// ErrInDoubt comes with ErrStoreUnavailable when it is not known whether
	// the change is kept: it may be seen from now on, and may be gone, or
	// back, after a restart. Who tries again reads first.
	ErrInDoubt = errors.New("it is not known whether the change is kept")
)
