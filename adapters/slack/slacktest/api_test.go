package slacktest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestTheAppLearnsWhoItIs(t *testing.T) {
	t.Parallel()
	c := office(t)
	a := c.granted(c.form("auth.test"))
	if a.text("team_id") != "T0ACME" || a.text("user_id") != "U0BRIDGE" || a.text("bot_id") != "B0BRIDGE" {
		t.Errorf("auth.test says %s", a.raw)
	}
	if got := a.header.Get("X-OAuth-Scopes"); !strings.Contains(got, "chat:write,") {
		t.Errorf("X-OAuth-Scopes is %q", got)
	}
}

func TestAFormAndJSONMeanTheSame(t *testing.T) {
	t.Parallel()
	c := office(t)
	blocks := []any{map[string]any{"type": "divider"}}
	c.granted(c.form("chat.postMessage", "channel", "C0DEPLOYS", "text", "hello", "blocks", `[{"type":"divider"}]`))
	c.granted(c.json("chat.postMessage", map[string]any{"channel": "C0DEPLOYS", "text": "hello", "blocks": blocks}))
	calls := c.s.Calls("chat.postMessage")
	if len(calls) != 2 || calls[0].Args["blocks"] != calls[1].Args["blocks"] || calls[0].Args["text"] != "hello" {
		t.Errorf("the calls were %+v", calls)
	}
}

// TestMistakesOfTheApp has, for each rule at the door, the call that breaks it.
func TestMistakesOfTheApp(t *testing.T) {
	t.Parallel()
	const form, js = "application/x-www-form-urlencoded", "application/json"
	c := office(t)
	bot, app := c.s.BotToken(), c.s.AppToken()
	for _, m := range []struct{ name, method, kind, token, body, want string }{
		{"a method that there is not", "chat.postMesage", form, bot, "", "unknown_method"},
		{"no token", "auth.test", form, "", "", "not_authed"},
		{"a token in JSON", "auth.test", js, "", `{"token":"` + bot + `"}`, "not_authed"},
		{"a token of nobody's", "auth.test", form, "xoxb-1", "", "invalid_auth"},
		{"an app-level token", "auth.test", form, app, "", "not_allowed_token_type"},
		{"neither form nor JSON", "auth.test", "text/plain", bot, "", "invalid_post_type"},
		{"JSON to a method of forms", "users.info", js, bot, `{"user":"U0BOB"}`, "invalid_post_type"},
		{"JSON that is a list", "chat.postMessage", js, bot, `[]`, "json_not_object"},
		{"a form that is none", "chat.postMessage", form, bot, `%zz`, "invalid_form_data"},
		{"an argument that there is not", "chat.postMessage", form, bot, "channel=C0DEPLOYS&text=x&colour=red", "invalid_arguments"},
		{"an argument twice", "users.info", form, bot, "user=U0BOB&user=U0ALICE", "invalid_arguments"},
		{"an argument missing", "users.info", form, bot, "", "invalid_arguments"},
		{"an argument in the address", "users.info?user=U0BOB", form, bot, "", "invalid_arguments"},
	} {
		t.Run(m.name, func(t *testing.T) {
			c.s.Tolerate(m.want)
			caller{t: t, s: c.s}.refused(c.send(m.method, m.kind, m.token, m.body), m.want)
		})
	}
}

// strict is a test that failed, as far as a Slack can tell.
type strict struct {
	testing.TB
	complaints []string
}

func (f *strict) Errorf(format string, args ...any) { f.complaints = append(f.complaints, format) }

func TestAMistakeFailsTheTestUnlessItWasAnnounced(t *testing.T) {
	t.Parallel()
	f := &strict{TB: t}
	c := caller{t: t, s: Start(f, Office())}
	c.refused(c.form("users.info", "user", "U0NOBODY"), "user_not_found")
	if len(f.complaints) != 0 {
		t.Error("the test failed over what any app may meet")
	}
	c.refused(c.form("chat.postMessage", "channel", "C0DEPLOYS"), "no_text")
	if len(f.complaints) != 1 {
		t.Errorf("a mistake of the app made %d complaints", len(f.complaints))
	}
	c.s.Tolerate("no_text")
	c.refused(c.form("chat.postMessage", "channel", "C0DEPLOYS"), "no_text")
	if len(f.complaints) != 1 {
		t.Error("an announced mistake failed the test")
	}
}

func TestAScopeIsNeededAndNamed(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) {
		w.App.Scopes = slices.DeleteFunc(BotScopes(), func(s string) bool { return s == "usergroups:read" })
	})
	a := c.form("usergroups.users.list", "usergroup", "S0ONCALL")
	c.refused(a, "missing_scope")
	if a.text("needed") != "usergroups:read" || !strings.Contains(a.text("provided"), "chat:write") {
		t.Errorf("needed and provided are missing: %s", a.raw)
	}
	if a.header.Get("X-Accepted-OAuth-Scopes") != "usergroups:read" {
		t.Errorf("the headers were %v", a.header)
	}
}

func TestAScopeThatTheManifestDoesNotAskForIsAMistake(t *testing.T) {
	t.Parallel()
	f := &strict{TB: t}
	c := caller{t: t, s: Start(f, Office())}
	c.s.provide("channels.read", method{kind: botToken, scopes: []string{"channels:history"}})
	c.refused(c.form("channels.read"), "missing_scope")
	if len(f.complaints) != 1 {
		t.Error("the test did not fail over it")
	}
}

func TestAnAppLevelTokenGoesIntoTheHeader(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	c := office(t)
	c.s.provide("app.only", method{kind: appToken, do: func(*call) (answer, error) { return nil, nil }})
	c.granted(c.send("app.only", form, c.s.AppToken(), ""))
	c.s.Tolerate("not_authed", "not_allowed_token_type")
	c.refused(c.send("app.only", form, "", "token="+c.s.AppToken()), "not_authed")
	c.refused(c.send("app.only", form, c.s.BotToken(), ""), "not_allowed_token_type")
	c.refused(c.send("app.only", form, c.s.BotToken(), "token="+c.s.AppToken()), "not_allowed_token_type")
}

func TestAnAppThatWasRemovedIsRefusedEverything(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) { w.App.Refuse = "token_revoked" })
	for _, method := range []string{"auth.test", "chat.postMessage", "views.open"} {
		c.refused(c.form(method), "token_revoked")
	}
}

func TestATokenIsNeverInTheRecord(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.granted(c.form("auth.test"))
	c.granted(c.json("auth.test", nil))
	if leaks := c.s.Leaks(c.s.BotToken()); len(leaks) != 0 {
		t.Errorf("the credential of a call is taken for a leak: %v", leaks)
	}
	c.granted(c.form("chat.postMessage", "channel", "C0DEPLOYS", "text", "my token is "+c.s.BotToken()))
	if leaks := c.s.Leaks(c.s.BotToken()); len(leaks) == 0 {
		t.Error("a token in a message was not found")
	}
}

func TestWhatWasSaidInAnyEncodingIsFound(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.granted(c.form("chat.postMessage", "channel", "C0DEPLOYS", "text", "x",
		"blocks", `[{"type":"section","text":{"type":"plain_text","text":"s\u0065cret <1>"}}]`))
	c.granted(c.json("chat.postMessage", map[string]any{"channel": "C0DEPLOYS", "text": "x", "metadata": `{"event_type":"a","event_payload":{"b":"hi\u0064den"}}`}))
	for _, secret := range []string{"secret <1>", "hidden"} {
		if leaks := c.s.Leaks(secret); len(leaks) == 0 {
			t.Errorf("%q, escaped, was not found", secret)
		}
	}
	frame := Exchange{Asked: `{"body":"{\"typed\":\"bu\\u0072ied\"}"}`}
	if !strings.Contains(frame.plain(), "buried") {
		t.Errorf("JSON in a string of JSON was not read: %q", frame.plain())
	}
	if leaks := c.s.Leaks("secret <2>"); len(leaks) != 0 {
		t.Errorf("found what is not there: %v", leaks)
	}
}

func TestTheClockIsTheWorldsOwn(t *testing.T) {
	t.Parallel()
	c := office(t)
	before := c.s.Now()
	c.s.Advance(1e12)
	if c.s.Now().Sub(before) < 1e12 {
		t.Error("the clock did not move")
	}
	if a := c.form("auth.test"); a.status != http.StatusOK {
		t.Errorf("status %d", a.status)
	}
}
