package bridge

import (
	"maps"
	"slices"
	"strconv"
)

// Standing is an agent as the bridge sees it.
type Standing struct {
	Agent     Agent
	Teams     []string // those whom its rules let it ask, sorted
	Providers []string // what "*" in its rules comes to, sorted
}

// AgentByUID finds the agent that runs as a local user.
func (b *Bridge) AgentByUID(uid uint32) (Agent, bool) { return b.dir().AgentByUID(uid) }

// Whoami tells an agent how the bridge sees it and what it may ask.
func (b *Bridge) Whoami(agent Agent) Standing {
	dir := b.dir()
	return Standing{agent, dir.teamsOf(agent), slices.Sorted(maps.Keys(dir.Providers))}
}

// teamsOf returns the teams that an agent's rules name.
func (d *Directory) teamsOf(agent Agent) []string {
	var all []string
	for _, rule := range agent.May {
		for _, name := range rule.Ask {
			if _, ok := d.Teams[name]; ok {
				all = append(all, name)
			}
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

// Humans returns the configured names of all humans, sorted.
func (b *Bridge) Humans() []string { return slices.Sorted(maps.Keys(b.dir().Humans)) }

// Bearer returns a mark of the human who bears a name now. It is another one
// once the name is somebody else's, and once the store was put back from an
// earlier moment; false means that the name is nobody's.
func (b *Bridge) Bearer(human string) (mark string, known bool) {
	now := b.setup.Load()
	_, known = now.dir.Humans[human]
	return now.mark(human, b.putBack.Load()), known
}

func (s *setup) mark(human string, putBack *string) string {
	mark := strconv.FormatUint(s.bearers.Humans[human].Since, 10)
	if putBack != nil {
		mark += " " + *putBack
	}
	return mark
}
