package discordtest

import (
	"encoding/json"
	"slices"
	"strings"
)

// identity is how an app says who it is.
type identity struct {
	Token      string         `json:"token"`
	Intents    *int           `json:"intents"`
	Compress   bool           `json:"compress"`
	Shard      *[]int         `json:"shard"`
	Properties map[string]any `json:"properties"`
}

// complete says whether an app tells what it runs on. With a $ before it is the
// old way.
func (i identity) complete() bool {
	for _, name := range []string{"os", "browser", "device"} {
		if i.Properties[name] == nil && i.Properties["$"+name] == nil {
			return false
		}
	}
	return true
}

// identify lets the app in, or not.
func (c *connection) identify(raw []byte, g Greeting) {
	var i identity
	if err := json.Unmarshal(raw, &i); err != nil {
		c.slip(4002, "an identification that cannot be read: "+err.Error())
		return
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.record(Exchange{Where: "gateway", Asked: "identify"})
	c.s.wire.left--
	code, why := c.turnedAway(i, g)
	switch {
	case why != "":
		c.s.complain("gateway", code, why)
		c.shut(code)
	case code != 0:
		c.shut(code)
	case c.tooSoon():
		c.s.complain("gateway", General, "two identifications within five seconds")
		c.frame(opInvalid, false)
	default:
		c.admit(i.Compress)
	}
	c.s.touch()
}

// turnedAway says with which code, and why if it is the app's mistake. It needs
// the lock.
func (c *connection) turnedAway(i identity, g Greeting) (code int, why string) {
	switch {
	case g.Close != 0:
		return g.Close, ""
	case c.s.wire.left < 0:
		c.s.world.App.Revoked = true // Discord makes a new token, and tells the owner
		return 4004, "more identifications than a day has"
	case c.s.world.App.Revoked:
		return 4004, ""
	case strings.TrimPrefix(i.Token, "Bot ") != c.s.token: // libraries send that, too
		return 4004, "another token"
	case c.session != nil:
		return 4005, "it identifies twice"
	case !i.complete():
		return 4002, "an identification lacks properties"
	case i.Intents == nil || *i.Intents&^allIntents != 0:
		return 4013, "an identification lacks intents, or asks for some that there are not"
	case *i.Intents&privileged != 0:
		return 4014, "an intent is asked for that was not granted"
	case i.Shard != nil && !slices.Equal(*i.Shard, []int{0, 1}):
		return 4010, "it is not the one shard that there is"
	}
	return 0, ""
}

// tooSoon needs the lock.
func (c *connection) tooSoon() bool {
	all := c.s.wire.identified
	return !c.s.world.Unlimited && len(all) > 0 && c.s.now().Sub(all[len(all)-1]) < spacing
}

// admit begins a session. It needs the lock.
func (c *connection) admit(compress bool) {
	s := c.s
	s.wire.identified = append(s.wire.identified, s.now())
	n := &session{id: hexes(16), on: c}
	s.wire.sessions = append(s.wire.sessions, n)
	c.session, c.Identified, c.compress = n, true, compress
	guilds := []any{}
	for _, g := range s.world.Guilds {
		if g.Member(s.world.App.Bot) != nil {
			guilds = append(guilds, map[string]any{"id": g.ID, "unavailable": true})
		}
	}
	n.tell("READY", map[string]any{
		"v": 10, "user": s.profile(s.world.App.Bot), "session_id": n.id, "resume_gateway_url": s.socket(resumePath), "session_type": "normal",
		"guilds": guilds, "shard": []int{0, 1}, "application": map[string]any{"id": s.world.App.ID, "flags": 0},
		"private_channels": []any{}, "_trace": []string{},
	}, nil)
}

// resume goes on with a session, after telling what was missed.
func (c *connection) resume(raw []byte) {
	var r struct {
		Token   string `json:"token"`
		Session string `json:"session_id"`
		Seq     *int   `json:"seq"`
	}
	if json.Unmarshal(raw, &r) != nil || r.Session == "" || r.Seq == nil {
		c.slip(4002, "a resumption lacks token, session_id or seq")
		return
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	n := c.s.sessionOf(r.Session)
	switch {
	case r.Token != c.s.token || c.s.world.App.Revoked:
		c.shut(4004)
	case c.session != nil:
		c.shut(4005)
	case n == nil, c.address != resumePath, *r.Seq < n.kept[0].seq-1:
		c.frame(opInvalid, false)
	case *r.Seq > n.seq:
		c.s.forget(n)
		c.shut(4007)
	default:
		c.goOn(n, *r.Seq)
	}
	c.s.touch()
}

// sessionOf needs the lock.
func (s *Discord) sessionOf(id string) *session {
	n := slices.IndexFunc(s.wire.sessions, func(o *session) bool { return o.id == id })
	if n < 0 {
		return nil
	}
	return s.wire.sessions[n]
}

// goOn needs the lock.
func (c *connection) goOn(n *session, seq int) {
	if n.on != nil {
		n.on.session = nil
		n.on.shut(4000)
	}
	n.on, c.session, c.Identified, c.Resumed = c, n, true, true
	for _, e := range n.kept {
		if e.seq > seq {
			c.post(outgoing{raw: e.raw, i: e.i})
		}
	}
	n.tell("RESUMED", map[string]any{"_trace": []string{}}, nil)
}
