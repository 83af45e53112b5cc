package discordtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// lacks is where something does not have what is documented, or has it of
// another kind: a documented number is to be the same where it is a type, a
// text only to be one. Of a list the first item stands for all.
func lacks(at string, documented, came any) []string {
	if documented == nil {
		return nil // anything, or nothing
	}
	switch d := documented.(type) {
	case map[string]any:
		c, ok := came.(map[string]any)
		if !ok {
			return []string{at + " is no object"}
		}
		var all []string
		for name, v := range d {
			inner, there := c[name]
			if !there {
				all = append(all, at+"."+name+" is missing")
				continue
			}
			all = append(all, lacks(at+"."+name, v, inner)...)
		}
		return all
	case []any:
		c, ok := came.([]any)
		if !ok || len(d) > 0 && len(c) == 0 {
			return []string{at + " is no list, or an empty one"}
		}
		if len(d) > 0 {
			return lacks(at+"[]", d[0], c[0])
		}
		return nil
	}
	if want, got := kind(documented), kind(came); want != got && (want != "text" || got != "id") {
		return []string{fmt.Sprintf("%s is %s, not %s", at, got, want)}
	}
	return nil
}

// conforms compares what came with a payload that was written after Discord's
// reference.
func conforms(t *testing.T, name string, came any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "payloads", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var documented, read any
	if err := json.Unmarshal(text, &documented); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(came)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	for _, why := range lacks(name, documented, read) {
		t.Error(why)
	}
	for _, field := range []string{"op", "t", "type"} { // these are not only of a kind
		if d, c := documented.(map[string]any)[field], read.(map[string]any)[field]; d != nil && d != c {
			t.Errorf("%s.%s is %v, not %v", name, field, c, d)
		}
	}
}

// TestFramesAreAsDocumented reads what comes over the gateway.
func TestFramesAreAsDocumented(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	c.commands(nil)
	conforms(t, "gateway_bot", c.granted(c.call("GET", "/gateway/bot", nil)).body)
	l := c.knock(c.gateway() + query)
	conforms(t, "hello", l.next())
	l.say(opHeartbeat, nil)
	conforms(t, "heartbeat_ack", l.next())
	l.identify(nil)
	conforms(t, "ready", l.next())

	bob := c.s.Person(Bob)
	c.card(Deploys, "Press")
	bob.Press("Press")
	f := l.next()
	conforms(t, "press_guild", f)
	a := c.call("POST", callbackOf(f.data())+"?with_response=true", fields{"type": newMessage, "data": fields{"content": "for you", "flags": ephemeral}})
	conforms(t, "answered", c.granted(a).body)
	c.card(c.direct(Bob), "Mine")
	bob.Press("Mine")
	f = l.next()
	conforms(t, "press_direct", f)
	c.granted(c.answer(f.data(), openModal, raw(t, digits)))
	bob.Type("Digits", "4711")
	bob.Close()
	bob.CommandIn(Deploys, "authbridge link code:ABCD-1234")
	f = l.next()
	conforms(t, "command_guild", f)
	bob.Press("Press")
	c.granted(c.answer(l.interaction(), openModal, raw(t, digits)))
	bob.Type("Digits", "4711")
	bob.Submit()
	conforms(t, "modal_submit", l.next())

	c.s.AskSign()
	conforms(t, "heartbeat_request", l.next())
	c.s.Reconnect()
	conforms(t, "reconnect", l.next())
	c.s.Invalidate()
	conforms(t, "invalid_session", l.next())
}

// TestWhatIsMissingDoesNotConform: the comparison finds what differs.
func TestWhatIsMissingDoesNotConform(t *testing.T) {
	t.Parallel()
	documented := raw(t, `{"id":"1","n":1,"list":[{"a":true}],"any":null}`)
	for came, want := range map[string]int{
		`{"id":"1","n":2,"list":[{"a":false}],"any":7,"more":1}`: 0,
		`{"id":1,"n":"1","list":[],"any":null}`:                  3,
		`{"n":1,"list":[{"b":true}],"any":null}`:                 2,
		`{"id":"1","n":1,"list":{},"any":null}`:                  1,
		`[]`:                                                     1,
	} {
		var read any
		if err := json.Unmarshal([]byte(came), &read); err != nil {
			t.Fatal(err)
		}
		if got := lacks("x", any(documented), read); len(got) != want {
			t.Errorf("of %s it says %q", came, got)
		}
	}
}

// TestCallsAreAsDocumented reads what comes by signed calls: the same payloads,
// with nothing around them.
func TestCallsAreAsDocumented(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	e := at(t, c.s, func(*endpoint) {})
	c.s.RequestsTo(e.URL)
	conforms(t, "ping", e.pinged[0])
	c.card(Deploys, "Press")
	c.s.Person(Bob).Press("Press")
	c.s.Until("it came", func() bool { return e.served() == 1 })
	conforms(t, "press_guild", fields{"op": 0, "t": "INTERACTION_CREATE", "s": 2, "d": e.took[0]})
}
