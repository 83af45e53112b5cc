package bridge

import (
	"context"
	"time"
)

// admitted makes sure, before somebody presses something on a team's request,
// of who is in the team now: an error of its chat lets nobody do anything.
// Whoever was in it when it was last known is told so, as a [*GroupFault]; to
// all others the request does not exist. What was given is not asked about:
// its giver may take it back whatever a chat says.
func (b *Bridge) admitted(ctx context.Context, who Clicker, id RequestID) error {
	if !b.dir().hasGroups() {
		return nil
	}
	r, err := b.read(ctx, id)
	if err != nil || r.Team == "" || !r.State.Open() {
		return err
	}
	err = b.learnTeam(ctx, r.Team, who.Human)
	if err != nil && !b.concerns(r, who.Human) {
		return ErrNotFound
	}
	return err
}

// refusedNoted is how many refused presses of one user of a chat the audit log
// tells within triesWithin. More are counted, and not told one by one.
const refusedNoted = 20

// refused tells the audit log that somebody on a chat pressed what is not for
// them now.
func (b *Bridge) refused(ctx context.Context, who Clicker, id RequestID, why string) {
	if who.User == "" || b.spent(ctx, pressTries(who), refusedNoted) != nil {
		return
	}
	err := b.store.Update(ctx, func(tx Tx) error {
		r, err := tx.Request(id)
		if err != nil {
			return err
		}
		tries, err := triesOf(tx, pressTries(who))
		if err != nil || tries.exhausted(refusedNoted) != nil {
			return err
		}
		line := AuditLine{
			Time: stored(time.Now()), Event: AuditPressRefused, Request: r.ID, Agent: r.Agent, Session: r.Session,
			Human: r.Human, Team: r.Team, Provider: r.Target.named(), Detail: Clean(why, maxReason),
		}
		tx.Audit(line.by(who.actor()))
		return tries.once(tx)
	})
	if err != nil && ctx.Err() == nil {
		b.log.Warn("tell the audit log of a refused press", "request", id, "err", err)
	}
}

func pressTries(who Clicker) string { return "press/" + who.Channel + "/" + who.User }
