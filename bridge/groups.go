package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Roster says who is in the groups of a chat. Its methods are safe for
// concurrent use, honour ctx and never try again by themselves.
type Roster interface {
	// Members returns the platform's ids of those who are in a group now. An
	// error of any kind means that nobody knows.
	Members(ctx context.Context, group string) ([]Address, error)
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

// groupsOf are the groups of a team, in an order of their own.
func (t Team) groupsOf() []group {
	var all []group
	for channel, id := range t.Groups {
		all = append(all, group{channel, id})
	}
	slices.SortFunc(all, func(a, b group) int { return cmp.Or(cmp.Compare(a.channel, b.channel), cmp.Compare(a.id, b.id)) })
	return all
}
