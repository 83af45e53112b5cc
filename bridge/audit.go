package bridge

import (
	"context"
	"fmt"
	"io"
	"iter"
	"time"
)

// AuditLine is one line of the audit log: who did what, to what, and what came
// of it. It is written in the transaction of what it tells of, with
// [Tx.Audit], and is never changed. It holds names and ids, and never a
// secret: whoever may read the log need not be somebody who may use a token.
// The JSON of a line is what people keep; members may be added to it.
type AuditLine struct {
	Time    time.Time `json:"time"`
	Event   Kind      `json:"event"`
	Request RequestID `json:"request"`
	Grant   GrantID   `json:"grant"`
	Agent   string    `json:"agent"`
	Session string    `json:"session"`
	Human   string    `json:"human"` // who is asked, or has given
	Team    string    `json:"team,omitempty"`

	By           ActorKind `json:"by,omitempty"`
	Actor        string    `json:"actor,omitempty"`
	Channel      string    `json:"channel"`       // where a human acted
	PlatformUser string    `json:"platform_user"` // who that was there

	Provider string `json:"provider,omitempty"`
	From     State  `json:"from,omitempty"` // of a request
	To       State  `json:"to,omitempty"`
	Version  uint64 `json:"version,omitempty"`
	Outcome  string `json:"outcome"`          // an OutcomeCode, a GrantState or a Revocation
	Detail   string `json:"detail,omitempty"` // in the bridge's own words, never a provider's
}

// AuditEntry is a line as it lies in the log. Prev is the SHA-256 of the whole
// text of the line before, in hex, so that each line vouches for all before
// it.
type AuditEntry struct {
	Seq  uint64 `json:"seq"` // 1, 2, 3, …
	Prev string `json:"prev"`
	AuditLine
}

// AuditText is a line as it was written: the JSON of an [AuditEntry], in ASCII
// and without a newline. Seq is where it lies in the log.
type AuditText struct {
	Seq  uint64
	JSON []byte
}

// AuditReport says how far the audit log is as it was written.
type AuditReport struct {
	First, Last uint64      // the lines that are there; none if First is above Last
	Head        string      // the SHA-256 of the last line, in hex: who notes it can tell any rewriting later
	Fault       *AuditFault // the first; nil = everything is as it was written
}

// AuditFault is something in the audit log that is not as it was written.
type AuditFault struct {
	Seq  uint64 // the line
	What string
	Do   string
}

// What the audit log tells besides the events of requests.
const (
	AuditGrantMade      Kind = "grant_made"
	AuditGrantRefreshed Kind = "grant_refreshed"
	AuditNeedsReauth    Kind = "grant_needs_reauth"
	AuditGrantOver      Kind = "grant_over" // the outcome says revoked or ended

	AuditRevocationDone        Kind = "revocation_done"
	AuditRevocationLeft        Kind = "revocation_left"        // a grant that lives has the same tokens
	AuditRevocationUnsupported Kind = "revocation_unsupported" // the provider cannot
	AuditRevocationGivenUp     Kind = "revocation_given_up"    // it never said yes, or the tokens cannot be read

	AuditSuspended Kind = "agent_suspended"
	AuditAllowed   Kind = "agent_allowed" // again
	AuditPinned    Kind = "account_pinned"
	AuditUnpinned  Kind = "account_unpinned"

	AuditTied         Kind = "chat_tied"
	AuditUntied       Kind = "chat_untied"
	AuditLinkCodeMade Kind = "chat_link_made"
	AuditLinkRefused  Kind = "chat_link_refused" // a one-time code did not hold
	AuditGroupRead    Kind = "group_changed"     // who is in a team, as its chat says it
	AuditPressRefused Kind = "press_refused"     // by somebody who has no say in it now

	AuditConfigLoaded   Kind = "configuration_loaded"
	AuditConfigReloaded Kind = "configuration_reloaded"
	AuditLinkMade       Kind = "inbox_link_made"
	AuditKeyMade        Kind = "agent_key_made"
	AuditLinkSpent      Kind = "inbox_link_spent"      // a human signed in with it
	AuditSignedIn       Kind = "inbox_signed_in"       // through a provider, which is named
	AuditSignInRefused  Kind = "inbox_sign_in_refused" // the account is no human's here
	AuditBackup         Kind = "backup_taken"
	AuditRestored       Kind = "restore_noticed"
	AuditDamaged        Kind = "audit_damaged" // written by the store itself, when it is opened
)

// by is the line with who did it.
func (l AuditLine) by(who Actor) AuditLine {
	l.By, l.Actor, l.Channel, l.PlatformUser = who.Kind, who.Name, who.Channel, who.User
	return l
}

// entry is the line for a step of a request. A step that nobody can see, such
// as a longer interval, leaves none.
func entry(before, after Request, e Event) *AuditLine {
	if before.Version == after.Version && e.Kind != OnToken {
		return nil
	}
	line := AuditLine{
		Time: after.UpdatedAt, Event: e.Kind, Request: after.ID, Grant: after.Grant,
		Agent: after.Agent, Session: after.Session, Human: after.Human, Team: after.Team,
		Provider: after.Target.named(), From: before.State, To: after.State, Version: after.Version,
	}.by(e.By)
	if after.Outcome != nil && before.Outcome == nil {
		line.Outcome = string(after.Outcome.Code)
	}
	return &line
}

// audited is the line for something that happened to a grant; its outcome is
// how the grant stands then.
func (g Grant) audited(event Kind, by Actor, at time.Time) AuditLine {
	return AuditLine{
		Time: at.UTC().Round(0), Event: event, Request: g.Request, Grant: g.ID,
		Agent: g.Key.Agent, Session: g.Key.Session, Human: g.Human, Team: g.Key.Team,
		Provider: g.target().named(), Outcome: string(g.State),
	}.by(by)
}

// audited is the line for what became of tokens that were to be revoked.
func (v Revoking) audited(event Kind, at time.Time) AuditLine {
	return AuditLine{Time: at.UTC().Round(0), Event: event, Request: v.Request, Grant: v.Grant, Provider: v.target().named()}.
		by(Actor{Kind: ByProvider, Name: v.target().named()})
}

// between is the line for something between an agent and a human, either of
// whom may be "", that is about no single request or grant.
func between(agent, human string, event Kind, by Actor, at time.Time) AuditLine {
	return AuditLine{Time: at.UTC().Round(0), Event: event, Agent: agent, Human: human}.by(by)
}

// auditPage is how many lines one look at the log reads.
const auditPage = 256

// AuditLines yields the lines of the audit log with a number above after, up
// to the last one there is. However long who reads them takes, nobody waits
// behind it; lines that are forgotten meanwhile are passed over.
func (b *Bridge) AuditLines(ctx context.Context, after uint64) iter.Seq2[AuditText, error] {
	return func(yield func(AuditText, error) bool) {
		for more := true; more; {
			var page []AuditText
			err := b.store.View(ctx, func(tx ReadTx) error {
				page = nil
				for line, err := range tx.AuditLines(after) {
					if err != nil {
						return err
					}
					if page = append(page, line); len(page) == auditPage {
						break
					}
				}
				return nil
			})
			if err != nil {
				yield(AuditText{}, fmt.Errorf("read the audit log: %w", err))
				return
			}
			for _, line := range page {
				if after = line.Seq; !yield(line, nil) {
					return
				}
			}
			more = len(page) == auditPage
		}
	}
}

// VerifyAudit is [Store.VerifyAudit].
func (b *Bridge) VerifyAudit(ctx context.Context) (AuditReport, error) {
	return b.store.VerifyAudit(ctx)
}

// Backup is [Store.Backup], and tells the audit log, in the copy too, who took
// it.
func (b *Bridge) Backup(ctx context.Context, by Actor, to io.Writer) error {
	if err := b.Audit(ctx, AuditLine{Event: AuditBackup}.by(by)); err != nil {
		return err
	}
	return b.store.Backup(ctx, to)
}

// Audit writes a line about something that happened beside the bridge: an act
// of the operator, above all. Only its time is filled in.
func (b *Bridge) Audit(ctx context.Context, line AuditLine) error {
	line.Time = time.Now().UTC().Round(0)
	return b.store.Update(ctx, func(tx Tx) error {
		tx.Audit(line)
		return nil
	})
}
