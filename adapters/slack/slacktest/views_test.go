package slacktest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// did is a trigger as for something that somebody just did.
func (c caller) did(user string) string {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.newTrigger(user)
}

func (c caller) open(user string, view fields) said {
	c.t.Helper()
	return c.form("views.open", "trigger_id", c.did(user), "view", string(encoded(c.t, view)))
}

func TestATriggerOpensOneModalForWhoDidSomething(t *testing.T) {
	t.Parallel()
	c := office(t)
	trigger, view := c.did("U0ALICE"), string(encoded(t, modal(nil)))
	c.granted(c.form("views.open", "trigger_id", trigger, "view", view))
	want := "== modal: Authorize\nwords\nDigits: [____]\n[Cancel] [Show code]"
	if got := c.s.Person("U0ALICE").Screen(); got != want {
		t.Errorf("alice sees\n%s", got)
	}
	if got := c.s.Person("U0BOB").Screen(); got != "" {
		t.Errorf("bob sees\n%s", got)
	}
	c.s.Tolerate("exchanged_trigger_id", "invalid_trigger_id")
	c.refused(c.form("views.open", "trigger_id", trigger, "view", view), "exchanged_trigger_id")
	c.refused(c.form("views.open", "trigger_id", "1.2", "view", view), "invalid_trigger_id")
}

func TestAModalShowsWhatWasTypedAndWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.granted(c.open("U0ALICE", modal(fields{"blocks": []any{input(fields{"hint": plainText("from the agent")})}})))
	c.s.mu.Lock()
	v := c.s.modal("U0ALICE")
	v.typed["digits"], v.errors = "1234", map[string]string{"digits": "not these"}
	c.s.mu.Unlock()
	want := "== modal: Authorize\nDigits: [1234]\n. from the agent\n! not these\n[Cancel] [Show code]"
	if got := c.s.Person("U0ALICE").Screen(); got != want {
		t.Errorf("alice sees\n%s", got)
	}
	values := fmt.Sprint(v.payload(&c.s.world)["state"])
	if want := "map[values:map[digits:map[typed:map[type:plain_text_input value:1234]]]]"; values != want {
		t.Errorf("the app would be told %s", values)
	}
}

func TestATriggerLapses(t *testing.T) {
	t.Parallel()
	c := office(t)
	trigger := c.did("U0ALICE")
	c.s.Advance(triggerLife + time.Second)
	c.refused(c.form("views.open", "trigger_id", trigger, "view", string(encoded(t, modal(nil)))), "expired_trigger_id")
}

func TestARefusedViewSpendsNoTrigger(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Tolerate("invalid_arguments")
	trigger := c.did("U0ALICE")
	c.refused(c.form("views.open", "trigger_id", trigger, "view", string(encoded(t, modal(fields{"title": nil})))), "invalid_arguments")
	c.granted(c.form("views.open", "trigger_id", trigger, "view", string(encoded(t, modal(nil)))))
}

func TestAModalIsUpdatedWhileItIsOpen(t *testing.T) {
	t.Parallel()
	c := office(t)
	a := c.granted(c.open("U0ALICE", modal(fields{"external_id": "card"})))
	id, hash := a.in("view")["id"].(string), a.in("view")["hash"].(string)
	update := func(args ...string) said { return c.form("views.update", args...) }
	next := string(encoded(t, modal(fields{"external_id": "card", "title": plainText("Next")})))

	b := c.granted(update("view_id", id, "view", next, "hash", hash))
	if b.in("view")["hash"] == hash {
		t.Error("the hash did not change")
	}
	if got := c.s.Person("U0ALICE").Screen(); !strings.HasPrefix(got, "== modal: Next\n") {
		t.Errorf("alice sees\n%s", got)
	}
	c.refused(update("view_id", id, "view", next, "hash", hash), "hash_conflict")
	c.granted(update("external_id", "card", "view", next))
	c.refused(c.open("U0BOB", modal(fields{"external_id": "card"})), "duplicate_external_id")
	c.s.Tolerate("invalid_arguments")
	c.refused(update("view", next), "invalid_arguments")
	c.refused(update("view_id", "V0NONE", "view", next), "not_found")

	c.granted(c.open("U0ALICE", modal(nil))) // in front of the first, which is over
	c.refused(update("view_id", id, "view", next), "not_found")
}

func TestHomeIsPublishedForOne(t *testing.T) {
	t.Parallel()
	c := office(t)
	home := func(words string) string {
		return string(encoded(t, fields{"type": "home", "blocks": []any{section(fields{"text": plainText(words)})}}))
	}
	a := c.granted(c.form("views.publish", "user_id", "U0ALICE", "view", home("one")))
	hash := a.in("view")["hash"].(string)
	c.granted(c.form("views.publish", "user_id", "U0ALICE", "view", home("two"), "hash", hash))
	c.refused(c.form("views.publish", "user_id", "U0ALICE", "view", home("three"), "hash", hash), "hash_conflict")
	if got, want := c.s.Person("U0ALICE").Screen(), "== Home: authbridge\ntwo"; got != want {
		t.Errorf("alice sees %q", got)
	}
	if got := c.s.Person("U0BOB").Screen(); got != "" {
		t.Errorf("bob sees %q", got)
	}
	c.s.Tolerate("invalid_arguments")
	c.refused(c.form("views.publish", "user_id", "U0NOBODY", "view", home("x")), "invalid_arguments")
	c.refused(c.form("views.publish", "user_id", "U0BOB", "view", string(encoded(t, modal(nil)))), "invalid_arguments")
	c.refused(c.open("U0BOB", fields{"type": "home", "blocks": []any{}}), "invalid_arguments")
	c.s.Change(func(w *World) { w.App.NoHomeTab = true })
	if got := c.s.Person("U0ALICE").Screen(); got != "" {
		t.Errorf("without the tab alice sees %q", got)
	}
	c.refused(c.form("views.publish", "user_id", "U0BOB", "view", home("x")), "not_enabled")
}
