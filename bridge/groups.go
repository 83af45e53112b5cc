package bridge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Roster says who is in the groups of a chat. Its methods are safe for
// concurrent use, honour ctx and never try again by themselves.
type Roster interface {
	// Members returns the platform's ids of those who are in a group now. A
	// platform that lists nobody may leave out whoever is not in among, which
	// has all humans who are known there. An error of any kind means that
	// nobody knows.
	Members(ctx context.Context, group string, among []Address) ([]Address, error)
}

// Rereader is a [Roster] that remembers for a while what its platform has said
// of somebody.
type Rereader interface {
	// Reread has Members go, from now on, by what the platform says of a user
	// now, or has said in the last few seconds.
	Reread(user Address)
}

const (
	// groupsEvery is how often all groups are read.
	groupsEvery = time.Minute
	// groupFresh is the oldest reading by which somebody may press something.
	groupFresh = 5 * time.Second
	// groupServes is the oldest reading by which what was given through a
	// group is handed out.
	groupServes = 10 * time.Minute
	// groupWithin bounds one reading.
	groupWithin = 5 * time.Second
	// groupMost bounds how many are in a group.
	groupMost = 5000
)

var (
	errEmptyGroup = errors.New("nobody is in the group")
	errLargeGroup = fmt.Errorf("more than %d are in the group", groupMost)
	errNoRoster   = errors.New("the bridge is not connected to this chat")
)

// group is a group of a chat.
type group struct{ channel, id string }

// groups are who is in the groups that are teams, as far as it was learnt.
type groups struct {
	rosters map[string]Roster
	review  chan struct{} // somebody is in or out: what hangs on it is to be looked through

	mu  sync.Mutex
	all map[group]*reading
}

// reading is what is known of one group. A reading that fails, or finds
// nobody, leaves what was known.
type reading struct {
	turn  chan struct{} // one reads at a time
	users []Address     // sorted; nil = never learnt
	at    time.Time     // when the last reading began that said so; zero = before this start
	tried time.Time     // when the last reading began
	among []Address     // who was asked about then
	fault error         // of the last reading
}

func newGroups(rosters map[string]Roster) *groups {
	return &groups{rosters: rosters, review: make(chan struct{}, 1), all: map[group]*reading{}}
}

// of is what is known of a group.
func (g *groups) of(key group) *reading {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.known(key)
}

func (g *groups) known(key group) *reading {
	r := g.all[key]
	if r == nil {
		r = &reading{turn: make(chan struct{}, 1)}
		g.all[key] = r
	}
	return r
}

// fill puts those into teams who are in their groups: the configured humans
// among them.
func (g *groups) fill(teams map[string]Team, people map[chatUser]string) map[string]Team {
	g.mu.Lock()
	defer g.mu.Unlock()
	teams = maps.Clone(teams)
	for name, t := range teams {
		if len(t.Groups) == 0 {
			continue
		}
		t.Members, t.unread = nil, false
		for channel, id := range t.Groups {
			users := g.known(group{channel, id}).users
			t.unread = t.unread || users == nil
			for _, user := range users {
				if human, known := people[chatUser{channel, user}]; known {
					t.Members = append(t.Members, human)
				}
			}
		}
		slices.Sort(t.Members)
		t.Members = slices.Compact(t.Members)
		teams[name] = t
	}
	return teams
}

// hasGroups reports whether a team is whoever is in a group.
func (d *Directory) hasGroups() bool {
	for _, t := range d.Teams {
		if len(t.Groups) > 0 {
			return true
		}
	}
	return false
}

// groupsOf are the groups of a team, in an order of their own.
func (t Team) groupsOf() []group {
	var all []group
	for channel, id := range t.Groups {
		all = append(all, group{channel, id})
	}
	slices.SortFunc(all, func(a, b group) int { return cmp.Or(cmp.Compare(a.channel, b.channel), cmp.Compare(a.id, b.id)) })
	return all
}

// learn reads a group, unless it was read within the given time or somebody
// else is just reading it: then that reading counts. Who is in or out because
// of it is so when learn returns. An error means that nobody knows who is in
// the group, and leaves everything as it was.
func (b *Bridge) learn(ctx context.Context, key group, within time.Duration) error {
	r := b.groups.of(key)
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	among := b.setup.Load().known(key.channel)
	if r.fault != nil {
		within = max(within, groupFresh) // who presses meanwhile does not wait in a row
	}
	if !r.tried.IsZero() && time.Since(r.tried) < within && slices.Equal(r.among, among) {
		return r.fault
	}
	before := r.fault
	r.tried, r.among = time.Now(), among
	users, err := b.groups.ask(ctx, key, among)
	r.fault = err
	if err == nil {
		return b.adoptGroup(ctx, key, r, users)
	}
	if before == nil {
		b.log.Error("read who is in a group that is a team; nobody can act for it meanwhile", "channel", key.channel, "group", key.id, "err", err)
	}
	return err
}

// known are all users of a chat who are somebody here, in order.
func (s *setup) known(channel string) []Address {
	var all []Address
	for at := range s.people {
		if at.channel == channel {
			all = append(all, at.user)
		}
	}
	slices.Sort(all)
	return all
}

// ask asks the chat who is in a group.
func (g *groups) ask(ctx context.Context, key group, among []Address) ([]Address, error) {
	roster, connected := g.rosters[key.channel]
	if !connected {
		return nil, errNoRoster
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), groupWithin) // others go by this reading, too
	defer cancel()
	users, err := roster.Members(ctx, key.id, among)
	users = slices.Compact(slices.Sorted(slices.Values(users)))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read a group of %s: %w", capital(key.channel), err)
	case len(users) == 0:
		return nil, errEmptyGroup
	case len(users) > groupMost:
		return nil, errLargeGroup
	}
	return users, nil
}

// adoptGroup has the bridge go by a reading. Its caller has the turn.
func (b *Bridge) adoptGroup(ctx context.Context, key group, r *reading, users []Address) error {
	was := b.groups.usersOf(r)
	if !slices.Equal(was, users) {
		b.groups.set(r, users)
		err := b.replace(ctx, func(tx Tx, now *setup) (*setup, error) {
			after := *now
			return &after, noteGroup(tx, key, was, users)
		})
		if err != nil {
			b.groups.set(r, was)
			r.tried = time.Time{}
			return fmt.Errorf("note who is in a group: %w", err)
		}
		b.outOfGroups()
	}
	b.groups.mu.Lock()
	defer b.groups.mu.Unlock()
	r.at = r.tried
	return nil
}

// outOfGroups follows a change of who is in groups: another card may be theirs
// now, and what hangs on them is looked through.
func (b *Bridge) outOfGroups() {
	b.changes.wakeAll()
	b.groups.look()
}

func (g *groups) usersOf(r *reading) []Address {
	g.mu.Lock()
	defer g.mu.Unlock()
	return r.users
}

func (g *groups) set(r *reading, users []Address) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r.users = users
}

// look has what hangs on the groups be looked through.
func (g *groups) look() {
	select {
	case g.review <- struct{}{}:
	default: // it is already to be
	}
}

// groupsRoom is where is noted who was in a group when that last changed, so
// that a start does not begin with nobody. It is for a week: who is away for
// longer knows nothing.
const (
	groupsRoom = "groups"
	groupKept  = 7 * 24 * time.Hour
)

func noteGroup(tx Tx, key group, was, users []Address) error {
	text, err := json.Marshal(users)
	if err != nil {
		return fmt.Errorf("write who is in a group: %w", err)
	}
	at := stored(time.Now())
	tx.PutNote(groupsRoom, key.channel+"/"+key.id, text, at.Add(groupKept))
	line := AuditLine{Time: at, Event: AuditGroupRead, Channel: key.channel}
	line.Detail = Clean(fmt.Sprintf("%s: %s", key.id, moved(was, users)), maxHeirs)
	tx.Audit(line.by(Actor{Kind: ByBridge, Channel: key.channel}))
	return nil
}

// moved says who came and who went.
func moved(was, users []Address) string {
	var all []string
	for _, user := range users {
		if _, there := slices.BinarySearch(was, user); !there {
			all = append(all, "+"+string(user))
		}
	}
	for _, user := range was {
		if _, there := slices.BinarySearch(users, user); !there {
			all = append(all, "-"+string(user))
		}
	}
	return strings.Join(all, " ")
}

// recall takes up who was in the groups when the bridge last ran. What is
// known already is not older.
func (b *Bridge) recall(tx ReadTx, dir *Directory) error {
	for _, team := range dir.Teams {
		for _, key := range team.groupsOf() {
			text, err := tx.Note(groupsRoom, key.channel+"/"+key.id, time.Now())
			if errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnreadable) {
				continue
			}
			if err != nil {
				return fmt.Errorf("read who was in a group: %w", err)
			}
			var users []Address
			if json.Unmarshal(text, &users) == nil {
				b.groups.remember(key, users)
			}
		}
	}
	return nil
}

func (g *groups) remember(key group, users []Address) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := g.known(key); r.users == nil {
		r.users = users
	}
}

// keepGroups reads all groups at once and then every minute, and looks through
// what hangs on them when somebody is in or out.
func (b *Bridge) keepGroups(ctx context.Context) {
	tick := time.NewTicker(groupsEvery)
	defer tick.Stop()
	for {
		b.learnAll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-b.groups.review:
			if _, err := b.review(ctx); err != nil && ctx.Err() == nil {
				b.log.Error("look through what hangs on a group", "err", err)
			}
		}
	}
}

// learnAll reads all groups of the configuration that were not just read, one
// after the other.
func (b *Bridge) learnAll(ctx context.Context) {
	for _, team := range b.dir().Teams {
		for _, key := range team.groupsOf() {
			_ = b.learn(ctx, key, groupFresh) // it is logged there, and tried again
		}
	}
}

// GroupFault is why nobody can act for a team now.
type GroupFault struct {
	Team    string
	Channel string
	err     error
}

// Error says why, for the operator.
func (e *GroupFault) Error() string {
	return fmt.Sprintf("who is in %s cannot be learnt from %s: %s", e.Team, capital(e.Channel), e.err)
}

// Unwrap returns what the chat said.
func (e *GroupFault) Unwrap() error { return e.err }

// word is for whoever pressed something.
func (e *GroupFault) word() string {
	if errors.Is(e.err, errEmptyGroup) {
		return fmt.Sprintf("Nobody is in the %s group that is %s, so nobody can act on this now.", capital(e.Channel), e.Team)
	}
	return fmt.Sprintf("%s does not say who is in %s, so nobody can act on this now. Try again in a moment.", capital(e.Channel), e.Team)
}

// learnTeam makes sure who is in a team before a human acts for it: what its
// groups say now counts. A team that is listed is as it is listed.
func (b *Bridge) learnTeam(ctx context.Context, name, human string) error {
	for _, key := range b.dir().Teams[name].groupsOf() {
		err := b.learn(ctx, key, b.reread(key.channel, human))
		switch {
		case errors.Is(err, ErrStoreUnavailable), errors.Is(err, context.Canceled):
			return err
		case err != nil:
			return &GroupFault{Team: name, Channel: key.channel, err: err}
		}
	}
	return nil
}

// reread has a chat that remembers people look at one anew, and says how old a
// reading may be then.
func (b *Bridge) reread(channel, human string) (within time.Duration) {
	r, remembers := b.groups.rosters[channel].(Rereader)
	if !remembers {
		return groupFresh
	}
	if user := b.dir().Humans[human].idOn(channel); user != "" {
		r.Reread(user)
	}
	return 0
}

// vouched refuses to hand out what was given through a team of whose groups
// nothing certain is known.
func (b *Bridge) vouched(team string) error {
	for _, key := range b.dir().Teams[team].groupsOf() {
		if !b.groups.vouches(key) {
			p := problem(ProblemChatUnavailable, "%s does not say who is in %s, so what was given through it is not handed out", capital(key.channel), team).
				hint("wait and try again; do not ask again")
			p.RetryAfter = groupsEvery
			return p
		}
	}
	return nil
}

func (g *groups) vouches(key group) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.known(key).at
	return !at.IsZero() && time.Since(at) <= groupServes
}
