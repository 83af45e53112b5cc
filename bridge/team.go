package bridge

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"
)

// A team is asked as one. Until one of its members claims the request there
// is no code; then the code is that member's alone, and what they give is
// theirs. Who is in a team is what the directory says now.

// lapsesAllowed is how many claims of one request somebody may let lapse.
const lapsesAllowed = 2

// team finds a team that somebody is in, or is to be: of a group that changes
// by itself.
func (d *Directory) team(name string) (Team, bool) {
	t, known := d.Teams[name]
	return t, known && (len(t.Groups) > 0 || slices.ContainsFunc(t.Members, func(m string) bool { _, there := d.Humans[m]; return there }))
}

// keeps finds a human who has done something for a team, if what they did
// still counts: they are in it, or nobody has learnt yet who is.
func (d *Directory) keeps(team, human string) (Human, bool) {
	h, known := d.Humans[human]
	return h, known && (d.Teams[team].unread || slices.Contains(d.Teams[team].Members, human))
}

// member reports whether a human is in the team now, as far as is known.
func (d *Directory) member(team, human string) bool {
	_, known := d.Humans[human]
	return known && slices.Contains(d.Teams[team].Members, human)
}

// teamsWith names the teams that a human is in, sorted.
func (d *Directory) teamsWith(human string) []string {
	var all []string
	for name := range d.Teams {
		if d.member(name, human) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// concerns reports whether a request is put to a human, or to a team of
// theirs, or came to its end by what they gave. To all others it does not
// exist.
func (d *Directory) concerns(r Request, human string) bool {
	switch human {
	case "": // nobody, and a team's request has no human yet
		return false
	case r.Human:
		return true
	}
	return r.Team != "" && d.member(r.Team, human)
}

// strayClaim is the event that ends a claim of somebody who is no longer in
// the team. What they have granted by now is thrown away when it is checked.
func (d *Directory) strayClaim(r Request) (Event, bool) {
	if r.Team == "" || r.ClaimedBy == "" || !slices.Contains(waiting, r.State) {
		return Event{}, false
	}
	_, in := d.keeps(r.Team, r.ClaimedBy)
	return Event{Kind: OnRelease, By: Actor{Kind: ByBridge}}, !in
}

// reuse is how long what is given answers further asks.
func (p permit) reuse() time.Duration {
	if p.team.Name != "" {
		return min(p.rule.Reuse, MaxTeamReuse)
	}
	return p.rule.Reuse
}

// barred refuses an ask to somebody who has suspended the agent, or to a team
// in which everybody has.
func barred(tx ReadTx, agent string, may permit) error {
	if may.team.Name == "" {
		since, err := tx.Suspended(agent, may.human.Name)
		if err == nil && !since.IsZero() {
			return suspended(agent, may.human.Name)
		}
		return err
	}
	for _, m := range may.team.Members {
		since, err := tx.Suspended(agent, m)
		if err != nil || since.IsZero() {
			return err
		}
	}
	if len(may.team.Members) == 0 { // nobody is in its group now; somebody may come
		return nil
	}
	return suspended(agent, "everybody in "+may.team.Name)
}

// whom names the human or the team that the grant answers asks to.
func (g Grant) whom() string { return cmp.Or(g.Key.Team, g.Human) }

// giver is who gives what the request asks for, as far as that is known.
func (r Request) giver() string { return cmp.Or(r.Human, r.ClaimedBy) }

// giverOf is who can have granted by one of the codes of the request, "" =
// nobody knows any more: it was released since.
func (r Request) giverOf(code int) string {
	if r.Team != "" && r.Codes != code {
		return ""
	}
	return r.giver()
}

// claimedBy reports whether an actor is the human who has claimed the request.
func (r Request) claimedBy(a Actor) bool {
	return r.ClaimedBy != "" && a.Kind == ByHuman && a.Name == r.ClaimedBy
}

// bars reports whether somebody has let too many claims of this request lapse
// to claim it again.
func (r Request) bars(human string) bool {
	lapsed := 0
	for _, name := range r.LapsedClaims {
		if name == human {
			lapsed++
		}
	}
	return lapsed >= lapsesAllowed
}

func claim(r *Request, e Event) {
	r.ClaimedBy, r.ClaimUntil = e.By.Name, e.Until
	beginCode(r, e)
}

func release(r *Request, e Event) {
	switch e.By.Kind {
	case ByHuman:
		r.Note = "Released by " + r.ClaimedBy + "."
	case ByOperator:
		r.Note = "The operator has released it for the others."
	default:
		r.Note = r.ClaimedBy + " is not in the team any more."
	}
	unclaim(r)
}

func claimLapsed(r *Request, _ Event) {
	r.Note = r.ClaimedBy + " did not finish in time."
	r.LapsedClaims = append(slices.Clone(r.LapsedClaims), r.ClaimedBy)
	unclaim(r)
}

func unclaim(r *Request) {
	r.ClaimedBy, r.ClaimedAt, r.ClaimUntil, r.Minting = "", time.Time{}, time.Time{}, false
}

func declined(r *Request, e Event) { r.Note = "Declined for the team by " + e.By.Name + "." }

// Release takes a claim back for the operator: the code that its claimer was
// shown is burnt, and the others of the team can claim the request. A request
// that nobody holds a claim of is a [*Problem]; one that is not there,
// [ErrNotFound].
func (b *Bridge) Release(ctx context.Context, by Actor, id RequestID) (Request, error) {
	r, taken, err := b.fold(ctx, id, step{decide: always(Event{Kind: OnRelease, By: by})})
	if err == nil && !taken {
		return r, problem(ProblemInvalidRequest, "request %s is %s and there is no claim to release", id, r.State)
	}
	return r, err
}

// audience are the topics to wake after something changed that is put to a
// human, or to a team.
func (b *Bridge) audience(whom string) []string {
	topics := []string{topicFor(whom)}
	for _, m := range b.dir().Teams[whom].Members {
		topics = append(topics, topicFor(m))
	}
	return topics
}

// waitingFor lists what is open for a human and their teams, newest first. What
// an agent asks of a team is not shown to those who have suspended it.
func (d *Directory) waitingFor(tx ReadTx, human string) ([]Request, error) {
	all, err := openFor(tx, human)
	if err != nil {
		return nil, err
	}
	for _, team := range d.teamsWith(human) {
		open, err := openFor(tx, team)
		if err != nil {
			return nil, err
		}
		for _, r := range open {
			word, err := aside(tx, r, human)
			if err != nil {
				return nil, err
			}
			if word == "" {
				all = append(all, r)
			}
		}
	}
	slices.SortFunc(all, newestFirst)
	return all, nil
}

// inHandsOf lists what is open for a human alone: what they are asked, and
// what they have claimed.
func (d *Directory) inHandsOf(tx ReadTx, human string) ([]Request, error) {
	all, err := openFor(tx, human)
	for _, team := range d.teamsWith(human) {
		open, fault := openFor(tx, team)
		err = cmp.Or(err, fault)
		all = append(all, slices.DeleteFunc(open, func(r Request) bool { return r.ClaimedBy != human })...)
	}
	return all, err
}

// inAnyHands lists that for all humans.
func (d *Directory) inAnyHands(tx ReadTx) (all []Request, err error) {
	for human := range d.Humans {
		open, fault := d.inHandsOf(tx, human)
		all, err = append(all, open...), cmp.Or(err, fault)
	}
	return all, err
}

func newestFirst(a, b Request) int { return -cmp.Compare(a.ID, b.ID) }

// endedFor yields what is no longer open of what was put to a human and their
// teams, newest first.
func (d *Directory) endedFor(tx ReadTx, human string) iter.Seq2[Request, error] {
	all := tx.EndedFor(human)
	for _, team := range d.teamsWith(human) {
		all = merged(all, tx.EndedFor(team))
	}
	return all
}

// merged yields two sequences as one, newest first. What cannot be read comes
// as soon as it is met.
func merged(a, b iter.Seq2[Request, error]) iter.Seq2[Request, error] {
	return func(yield func(Request, error) bool) {
		next, stop := iter.Pull2(b)
		defer stop()
		r, fault, more := next()
		for first, err := range a {
			for more && (fault != nil || err == nil && newestFirst(r, first) < 0) {
				if !yield(r, fault) {
					return
				}
				r, fault, more = next()
			}
			if !yield(first, err) {
				return
			}
		}
		for ; more; r, fault, more = next() {
			if !yield(r, fault) {
				return
			}
		}
	}
}

// aside is the word to a human who has nothing to say about a team's request
// because they have suspended its agent; "" = they have.
func aside(tx ReadTx, r Request, human string) (string, error) {
	if r.Team == "" || !r.State.Open() || r.ClaimedBy == human {
		return "", nil
	}
	since, err := tx.Suspended(r.Agent, human)
	if err != nil || since.IsZero() {
		return "", err
	}
	return fmt.Sprintf("You have said that you did not ask for %s: this request is for the others of %s.", r.Agent, r.Team), nil
}

// teamWord tells a human why what they pressed on a team's request is not for
// them to do now; "" = it is not because of the team.
func (r Request) teamWord(human string, verb Verb) string {
	mine := r.ClaimedBy == human
	switch {
	case !r.State.Open():
		return ""
	case r.Team == "" && (verb == VerbClaim || verb == VerbRelease || verb == VerbDecline):
		return "You alone are asked: press Deny to refuse it."
	case r.Team == "":
		return ""
	case mine && verb == VerbDecline:
		return "You have claimed it: press Deny to refuse it for the team, or Release to leave it to the others."
	case mine:
		return ""
	case r.State == Held:
		return "Access was granted with " + r.ClaimedBy + "'s code. The account is being checked."
	case r.ClaimedBy != "":
		return fmt.Sprintf("%s has claimed it, until %s UTC at the latest.", r.ClaimedBy, r.ClaimUntil.UTC().Format("15:04"))
	case verb == VerbClaim && r.bars(human):
		return "Two of your claims have lapsed: this request is for the others of " + r.Team + "."
	case verb == VerbClaim: // nothing else keeps a member from it
		return "This request was put to the team before the operator gave you your name: it is not for you."
	case verb == VerbDecline:
		return ""
	}
	return "You hold no claim of it. Press Claim to see the code, or Decline for the team to end it for all of you."
}
