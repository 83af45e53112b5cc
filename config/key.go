package config

import (
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// keyHash reads the hash of an agent's key. A key that stands there itself is
// not repeated: it is a secret, and now an open one.
func (d *decoder) keyHash(a *bridge.Agent) reader {
	return reader{form: "`abh1$` and 43 letters, digits, `-` and `_`", take: func(path string, v value) {
		s, ok := d.scalarText(path, v)
		if !ok {
			return
		}
		hash, err := bridge.ParseKeyHash(s)
		switch {
		case strings.HasPrefix(s, bridge.KeyPrefix):
			d.fault(path, "a literal key; only its hash belongs here", "this key has been seen now: make another with "+d.addAgent(a))
		case err != nil:
			d.fault(path, "not the hash of a key", "copy the whole line that is printed by "+d.addAgent(a))
		default:
			a.KeyHash = hash
		}
	}}
}

// addAgent is the command that makes a key.
func (*decoder) addAgent(a *bridge.Agent) string {
	name := a.Name
	if !bridge.IsName(name) {
		name = "NAME"
	}
	return "authbridge agent add " + name
}

func (d *decoder) checkKeyHash(at string, a *bridge.Agent, seen map[bridge.KeyHash]string) {
	if a.KeyHash.IsZero() {
		return
	}
	if first, taken := seen[a.KeyHash]; taken {
		d.fault(at+".key_hash", "the same as "+join("agents", first)+"'s, so it would be open who is asking", "give each a key of its own")
		return
	}
	seen[a.KeyHash] = a.Name
}
