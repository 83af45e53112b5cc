package discordtest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLimitsOfAMessage(t *testing.T) {
	t.Parallel()
	press, far := button(nil), strings.Repeat("x", 513-len("https://example.org/"))
	sixth := []fields{button(fields{"custom_id": "1"}), button(fields{"custom_id": "2"}), button(fields{"custom_id": "3"}), button(fields{"custom_id": "4"}), button(fields{"custom_id": "5"}), button(fields{"custom_id": "6"})}
	rows := func(all ...fields) fields { return fields{"content": "x", "components": all} }
	for name, body := range map[string]fields{
		"content too long":         {"content": strings.Repeat("x", 2001)},
		"content too long in UTF":  {"content": strings.Repeat("\U0001F600", 1001)},
		"an unknown field":         {"content": "x", "parse_mode": "html"},
		"an embed":                 {"content": "x", "embeds": []fields{{"title": "x"}}},
		"speech":                   {"content": "x", "tts": true},
		"an ephemeral post":        {"content": "x", "flags": 64},
		"components of version 2":  {"content": "x", "flags": 1 << 15},
		"a nonce too long":         {"content": "x", "nonce": strings.Repeat("n", 26)},
		"enforcing no nonce":       {"content": "x", "enforce_nonce": true},
		"a nonce that is no text":  {"content": "x", "nonce": []int{1}},
		"parse is null":            {"content": "x", "allowed_mentions": fields{"parse": nil}},
		"parse of something else":  {"content": "x", "allowed_mentions": fields{"parse": []string{"all"}}},
		"parse and users":          {"content": "x", "allowed_mentions": fields{"parse": []string{"users"}, "users": []string{Alice}}},
		"users by name":            {"content": "x", "allowed_mentions": fields{"users": []string{"alice"}}},
		"mentions of other fields": {"content": "x", "allowed_mentions": fields{"parse": []string{}, "everyone": false}},
		"six rows":                 rows(row(press), row(press), row(press), row(press), row(press), row(press)),
		"six buttons":              rows(row(sixth...)),
		"an empty row":             rows(row()),
		"a button without a row":   rows(press),
		"the same id twice":        rows(row(press), row(press)),
		"an id too long":           rows(row(button(fields{"custom_id": strings.Repeat("x", 101)}))),
		"no id":                    rows(row(button(fields{"custom_id": nil}))),
		"no label":                 rows(row(button(fields{"label": nil}))),
		"a label too long":         rows(row(button(fields{"label": strings.Repeat("x", 81)}))),
		"a style of its own":       rows(row(button(fields{"style": 7}))),
		"no style":                 rows(row(button(fields{"style": nil}))),
		"a field of an input":      rows(row(button(fields{"min_length": 3}))),
		"a link that tells":        rows(row(button(fields{"style": 5, "url": "https://example.org"}))),
		"a link to nowhere":        rows(row(button(fields{"style": 5, "custom_id": nil}))),
		"a link that is none":      rows(row(button(fields{"style": 5, "custom_id": nil, "url": "javascript:alert(1)"}))),
		"a link too long":          rows(row(button(fields{"style": 5, "custom_id": nil, "url": "https://example.org/" + far}))),
		"a button with a link":     rows(row(button(fields{"url": "https://example.org"}))),
		"a select":                 rows(row(fields{"type": 3, "custom_id": "x"})),
		"an answer elsewhere":      {"content": "x", "message_reference": fields{"message_id": "1", "channel_id": Random}},
		"a forward":                {"content": "x", "message_reference": fields{"type": 1, "message_id": "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := office(t)
			c.s.Tolerate(InvalidForm)
			a := c.call("POST", "/channels/"+Deploys+"/messages", body)
			c.refused(a, http.StatusBadRequest, InvalidForm)
			if seen := c.s.Person(Alice).Screen(); seen != "" {
				t.Errorf("it stands all the same:\n%s", seen)
			}
		})
	}
}

func TestErrorsSayWhichField(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Tolerate(InvalidForm, EmptyMessage)
	a := c.call("POST", "/channels/"+Deploys+"/messages", fields{
		"content": "x", "components": []fields{row(button(nil), button(fields{"custom_id": "2", "label": strings.Repeat("x", 81)}))},
	})
	want := `"errors":{"components":{"0":{"components":{"1":{"label":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH"`
	if !strings.Contains(a.raw, want) {
		t.Errorf("the tree of errors is %s", a.raw)
	}
	c.refused(c.call("POST", "/channels/"+Deploys+"/messages", fields{"flags": 4}), http.StatusBadRequest, EmptyMessage)
}

func TestWhatLibrariesSendEmptyIsTaken(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.post(Deploys, fields{
		"content": "x", "embeds": nil, "tts": false, "components": []fields{}, "sticker_ids": nil, "nonce": 7, "flags": 4,
		"allowed_mentions": fields{"parse": []string{}, "users": nil, "roles": []string{}},
	})
}

func TestAMessageWithTheSameNonceIsTheSame(t *testing.T) {
	t.Parallel()
	c := office(t)
	say := func(channel string, enforce bool) said {
		return c.call("POST", "/channels/"+channel+"/messages", fields{"content": "x", "nonce": "n1", "enforce_nonce": enforce})
	}
	first := c.granted(say(Deploys, true)).text("id")
	if again := c.granted(say(Deploys, true)).text("id"); again != first {
		t.Errorf("another message: %s, and not %s", again, first)
	}
	if elsewhere := c.granted(say(Rollout, true)).text("id"); elsewhere != first {
		t.Errorf("a nonce is the author's: %s, and not %s", elsewhere, first)
	}
	careless := c.granted(say(Deploys, false)).text("id")
	if careless == first {
		t.Error("a nonce that is not enforced made the same message")
	}
	c.s.Advance(nonceFor)
	if late := c.granted(say(Deploys, true)).text("id"); late == first || late == careless {
		t.Error("a nonce is remembered for ever")
	}
}

func TestANonceOutlivesItsMessage(t *testing.T) {
	t.Parallel()
	c := office(t)
	say := fields{"content": "x", "nonce": "n1", "enforce_nonce": true}
	c.granted(c.call("DELETE", "/channels/"+Deploys+"/messages/"+c.post(Deploys, say), nil))
	c.refused(c.call("POST", "/channels/"+Deploys+"/messages", say), http.StatusNotFound, UnknownMessage)
}

func TestAnEditKeepsWhatItDoesNotSpeakOf(t *testing.T) {
	t.Parallel()
	c := office(t)
	id := c.post(Deploys, fields{"content": "before", "flags": 4, "components": []fields{row(button(nil))}})
	c.granted(c.call("PATCH", "/channels/"+Deploys+"/messages/"+id, fields{"content": "after"}))
	if got, want := c.s.Person(Alice).Screen(), "== #deploys\n@authbridge (edited)\nafter\n[Press]"; got != want {
		t.Errorf("alice sees\n%s", got)
	}
	c.granted(c.call("PATCH", "/channels/"+Deploys+"/messages/"+id, fields{"components": []fields{}}))
	if got, want := c.s.Person(Alice).Screen(), "== #deploys\n@authbridge (edited)\nafter"; got != want {
		t.Errorf("alice sees\n%s", got)
	}
	if a := c.granted(c.call("GET", "/channels/"+Deploys+"/messages/"+id, nil)); a.body["flags"] != 4.0 || a.body["edited_timestamp"] == nil {
		t.Errorf("the message is told of as %s", a.raw)
	}
	c.s.Tolerate(EmptyMessage)
	c.refused(c.call("PATCH", "/channels/"+Deploys+"/messages/"+id, fields{"content": ""}), http.StatusBadRequest, EmptyMessage)
}

func TestOnlyOnesOwnMessagesAreEdited(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Tolerate(NotAuthor)
	theirs := c.s.Person(Alice).Write(Deploys, "mine")
	c.refused(c.call("PATCH", "/channels/"+Deploys+"/messages/"+theirs, fields{"content": "x"}), http.StatusForbidden, NotAuthor)
	c.refused(c.call("DELETE", "/channels/"+Deploys+"/messages/"+theirs, nil), http.StatusForbidden, MissingPermissions)
	mine := c.post(Deploys, fields{"content": "x"})
	c.refused(c.call("PATCH", "/channels/"+Rollout+"/messages/"+mine, fields{"content": "y"}), http.StatusNotFound, UnknownMessage)
	c.granted(c.call("DELETE", "/channels/"+Deploys+"/messages/"+mine, nil))
	c.refused(c.call("PATCH", "/channels/"+Deploys+"/messages/"+mine, fields{"content": "y"}), http.StatusNotFound, UnknownMessage)
}

func TestOldMessagesAreEditedSeldom(t *testing.T) {
	t.Parallel()
	w := Office()
	w.Unlimited = true // of all else
	c := caller{t: t, s: Start(t, w)}
	id := c.post(Deploys, fields{"content": "x"})
	edit := func() said {
		return c.call("PATCH", "/channels/"+Deploys+"/messages/"+id, fields{"content": "y"})
	}
	for range 2 * oldEdits {
		c.granted(edit())
	}
	c.s.Advance(oldAfter)
	for range oldEdits {
		c.granted(edit())
	}
	a := edit()
	c.refused(a, http.StatusTooManyRequests, OldEdits)
	if a.body["retry_after"] == nil {
		t.Errorf("it does not say when again: %s", a.raw)
	}
	c.s.Advance(oldEditsAfter)
	c.granted(edit())
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	c := office(t)
	id := c.post(Deploys, fields{"content": "the card"})
	c.post(Deploys, fields{"content": "a reminder", "message_reference": fields{"message_id": id}})
	if got := c.s.Person(Alice).Screen(); !strings.Contains(got, "@authbridge, in reply to \"the card\"\na reminder") {
		t.Errorf("alice sees\n%s", got)
	}
	gone := fields{"content": "x", "message_reference": fields{"message_id": "1"}}
	c.refused(c.call("POST", "/channels/"+Deploys+"/messages", gone), http.StatusBadRequest, InvalidForm)
	gone["message_reference"] = fields{"message_id": "1", "fail_if_not_exists": false}
	c.post(Deploys, gone)
	c.s.Change(func(w *World) {
		w.Channel(Deploys).Overwrites = []Overwrite{{ID: w.App.Bot, Member: true, Deny: ReadHistory}}
	})
	c.refused(c.call("POST", "/channels/"+Deploys+"/messages", fields{"content": "x", "message_reference": fields{"message_id": id}}), http.StatusBadRequest, NoHistory)
}

func TestWhoWouldBeNotified(t *testing.T) {
	t.Parallel()
	everybody := "<@" + Alice + "> <@!" + Bob + "> <@&" + OnCall + "> @everyone `@here`"
	for name, trial := range map[string]struct {
		allowed     any
		mayMention  bool
		mentionable bool
		want        []string // in the order of the world
	}{
		"nothing is said, and the bot may":     {nil, true, false, []string{Alice, Bob, Carol, Dave, Robot}},
		"nothing is said, and the bot may not": {nil, false, false, []string{Alice, Bob}},
		"a role that anybody may":              {nil, false, true, []string{Alice, Bob, Carol}},
		"closed":                               {fields{"parse": []string{}}, true, true, nil},
		"no list at all":                       {fields{}, true, true, nil},
		"one":                                  {fields{"parse": []string{}, "users": []string{Bob, Eve}}, true, true, []string{Bob}},
		"roles":                                {fields{"parse": []string{"roles"}}, true, false, []string{Bob, Carol}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := office(t)
			c.s.Change(func(w *World) {
				w.Guild(Acme).Role(OnCall).Mentionable = trial.mentionable
				if trial.mayMention {
					w.Guild(Acme).Role(Acme).Permissions |= MentionAll
				}
			})
			body := fields{"content": everybody}
			if trial.allowed != nil {
				body["allowed_mentions"] = trial.allowed
			}
			c.post(Deploys, body)
			var got []string
			for _, u := range Office().People {
				if len(c.s.Pushes(u.ID)) > 0 {
					got = append(got, u.ID)
				}
			}
			if !slices.Equal(got, trial.want) {
				t.Errorf("notified are %v, and not %v", got, trial.want)
			}
		})
	}
}

func TestAnEditNamesAnewUnlessItIsClosed(t *testing.T) {
	t.Parallel()
	c := office(t)
	closed := fields{"parse": []string{}}
	named := func(a said) int { all, _ := a.body["mentions"].([]any); return len(all) }
	created := c.granted(c.call("POST", "/channels/"+Deploys+"/messages", fields{"content": "<@" + Alice + ">", "allowed_mentions": closed}))
	if named(created) != 0 {
		t.Errorf("a closed message mentions: %s", created.raw)
	}
	path := "/channels/" + Deploys + "/messages/" + created.text("id")
	if a := c.granted(c.call("PATCH", path, fields{"content": "<@" + Alice + "> again"})); named(a) != 1 {
		t.Errorf("an edit that says nothing of mentions does not mention: %s", a.raw)
	}
	if a := c.granted(c.call("PATCH", path, fields{"content": "<@" + Alice + "> again", "allowed_mentions": closed})); named(a) != 0 {
		t.Errorf("a closed edit mentions: %s", a.raw)
	}
	if got := c.s.Pushes(Alice); got != nil {
		t.Errorf("an edit is shown by alice's phone: %q", got)
	}
}

func TestWhoIsAnsweredIsNotifiedIfAsked(t *testing.T) {
	t.Parallel()
	c := office(t)
	theirs := c.s.Person(Alice).Write(Deploys, "I, <@"+Alice+">, ask <@"+Bob+">")
	if c.s.Pushes(Alice) != nil || len(c.s.Pushes(Bob)) != 1 {
		t.Errorf("who writes is notified by it: %q, or who is named is not: %q", c.s.Pushes(Alice), c.s.Pushes(Bob))
	}
	for _, asked := range []bool{false, true} {
		c.post(Deploys, fields{
			"content": "yes", "message_reference": fields{"message_id": theirs},
			"allowed_mentions": fields{"parse": []string{}, "replied_user": asked},
		})
		if notified := len(c.s.Pushes(Alice)) == 1; notified != asked {
			t.Errorf("asked for: %v, alice is notified: %v", asked, notified)
		}
	}
}

func TestDirectMessagesArePushed(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.post(c.direct(Alice), fields{"content": "**hello**", "allowed_mentions": fields{"parse": []string{}}})
	c.post(c.direct(Alice), fields{"content": "quietly", "flags": 1 << 12})
	if got := c.s.Pushes(Alice); !slices.Equal(got, []string{"hello"}) {
		t.Errorf("alice's phone showed %q", got)
	}
}

func TestLinksAreFetchedUnlessSuppressed(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.post(Deploys, fields{"content": "https://example.org/a and <https://example.org/b>"})
	id := c.post(Deploys, fields{"content": "https://example.org/c", "flags": 4})
	if got := c.s.Prefetched(); !slices.Equal(got, []string{"https://example.org/a"}) {
		t.Errorf("fetched are %q", got)
	}
	c.granted(c.call("PATCH", "/channels/"+Deploys+"/messages/"+id, fields{"content": "https://example.org/d"}))
	c.granted(c.call("PATCH", "/channels/"+Deploys+"/messages/"+id, fields{"content": "https://example.org/e", "flags": 0}))
	if got := c.s.Prefetched(); !slices.Equal(got, []string{"https://example.org/a", "https://example.org/e"}) {
		t.Errorf("after the edits, fetched are %q", got)
	}
}

func TestIdsHoldTheTime(t *testing.T) {
	t.Parallel()
	c := office(t)
	before := c.s.Now().Truncate(time.Millisecond)
	a, b := c.post(Deploys, fields{"content": "x"}), c.post(Deploys, fields{"content": "x"})
	if at := born(a); at.Before(before) || at.After(c.s.Now()) {
		t.Errorf("the id says %v", at)
	}
	if !older(a, b) {
		t.Errorf("%s does not come before %s", a, b)
	}
}
