package slacktest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAUserIsToldWithAllThatDecides(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) {
		w.People = append(w.People,
			User{ID: "U0SINGLE", Name: "single", SingleGuest: true},
			User{ID: "U0ROBOT", Name: "robot", Bot: true},
			User{ID: "U0GONE", Name: "gone", Deleted: true},
			User{ID: "U0NEW", Name: "new", Email: "new@acme.example", Unconfirmed: true},
		)
	})
	for id, want := range map[string][]string{
		"U0ALICE":  {`"is_email_confirmed":true`, `"email":"alice@acme.example"`, `"team_id":"T0ACME"`, `"deleted":false`, `"is_bot":false`},
		"U0CAROL":  {`"tz":"Asia/Tokyo"`, `"tz_offset":32400`},
		"U0DAVE":   {`"is_restricted":true`, `"is_ultra_restricted":false`},
		"U0SINGLE": {`"is_restricted":true`, `"is_ultra_restricted":true`},
		"U0EVE":    {`"is_stranger":true`, `"team_id":"T0ELSE"`},
		"U0ROBOT":  {`"is_bot":true`},
		"U0BRIDGE": {`"is_bot":true`},
		"U0GONE":   {`"deleted":true`},
		"U0NEW":    {`"is_email_confirmed":false`},
	} {
		a := c.granted(c.form("users.info", "user", id))
		for _, w := range want {
			if !strings.Contains(a.raw, w) {
				t.Errorf("%s lacks %s: %s", id, w, a.raw)
			}
		}
	}
}

func TestAHiddenUserIsNotTold(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) { w.Person("U0BOB").Hidden = true })
	c.refused(c.form("users.info", "user", "U0BOB"), "user_not_visible")
	c.refused(c.form("conversations.open", "users", "U0BOB"), "user_not_visible")
	c.refused(c.form("users.lookupByEmail", "email", "bob@acme.example"), "users_not_found")
}

func TestOnlyWhoMeetsTheBotCanBeWrittenTo(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) {
		w.People = append(w.People, User{ID: "U0ROBOT", Name: "robot", Bot: true})
		w.Person("U0BOB").NoOpen = "user_not_visible"
	})
	c.refused(c.form("conversations.open", "users", "U0NOBODY"), "user_not_found")
	c.refused(c.form("conversations.open", "users", "U0ROBOT"), "invalid_user_combination")
	c.refused(c.form("conversations.open", "users", "U0BOB"), "user_not_visible")
	c.refused(c.form("conversations.open", "users", "U0EVE"), "invalid_user_combination")
	c.s.Change(func(w *World) { ch := w.Channel("C0DEPLOYS"); ch.Members = append(ch.Members, "U0EVE") })
	c.granted(c.form("conversations.open", "users", "U0EVE"))
	c.refused(c.form("conversations.open", "users", "U0CAROL", "prevent_creation", "true"), "channel_not_found")
	c.s.Tolerate("too_many_users")
	c.refused(c.form("conversations.open", "users", "U0ALICE,U0BOB"), "too_many_users")
}

func TestAnAddressFindsItsUser(t *testing.T) {
	t.Parallel()
	c := office(t)
	a := c.granted(c.form("users.lookupByEmail", "email", "Alice@ACME.example"))
	if a.in("user")["id"] != "U0ALICE" {
		t.Errorf("found %s", a.raw)
	}
	c.refused(c.form("users.lookupByEmail", "email", "nobody@acme.example"), "users_not_found")
	c.s.Change(func(w *World) { w.Person("U0ALICE").Deleted = true })
	c.refused(c.form("users.lookupByEmail", "email", "alice@acme.example"), "users_not_found")
	c.refused(c.form("conversations.open", "users", "U0ALICE"), "user_disabled")
}

func TestAddressesAreForWhoMayReadThem(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) { w.App.Scopes = []string{"users:read"} })
	if a := c.granted(c.form("users.info", "user", "U0ALICE")); strings.Contains(a.raw, "alice@") {
		t.Errorf("told %s", a.raw)
	}
	c.refused(c.form("users.lookupByEmail", "email", "alice@acme.example"), "missing_scope")
}

func TestAGroupHasItsMembersOfNow(t *testing.T) {
	t.Parallel()
	c := office(t)
	members := func() string {
		return fmt.Sprint(c.granted(c.form("usergroups.users.list", "usergroup", "S0ONCALL")).body["users"])
	}
	if got := members(); got != "[U0BOB U0CAROL]" {
		t.Errorf("the members are %s", got)
	}
	c.s.Change(func(w *World) { w.Group("S0ONCALL").Members = nil })
	if got := members(); got != "[]" {
		t.Errorf("the members of an empty group are %s", got)
	}
	c.refused(c.form("usergroups.users.list", "usergroup", "S0NONE"), "no_such_subteam")
	c.s.Change(func(w *World) { w.Group("S0ONCALL").Disabled = true })
	c.refused(c.form("usergroups.users.list", "usergroup", "S0ONCALL"), "no_such_subteam")
	c.s.Change(func(w *World) { w.Team.Free = true })
	c.refused(c.form("usergroups.users.list", "usergroup", "S0ONCALL"), "plan_upgrade_required")
}

func TestAChannelIsToldAsItIsNow(t *testing.T) {
	t.Parallel()
	c := office(t)
	info := func(id string) map[string]any {
		return c.granted(c.form("conversations.info", "channel", id)).in("channel")
	}
	if ch := info("C0DEPLOYS"); ch["is_member"] != true || ch["is_archived"] != false || ch["is_ext_shared"] != false {
		t.Errorf("deploys is %v", ch)
	}
	if ch := info("C0RANDOM"); ch["is_member"] != false {
		t.Errorf("random is %v", ch)
	}
	c.s.Change(func(w *World) { w.Channel("C0DEPLOYS").Shared, w.Channel("C0DEPLOYS").Archived = true, true })
	if ch := info("C0DEPLOYS"); ch["is_ext_shared"] != true || ch["is_archived"] != true {
		t.Errorf("deploys became %v", ch)
	}
	c.s.Change(func(w *World) { w.Channel("C0RANDOM").Private = true })
	c.refused(c.form("conversations.info", "channel", "C0RANDOM"), "channel_not_found")
	c.s.Change(func(w *World) { w.App.Scopes = []string{"groups:read"} })
	c.refused(c.form("conversations.info", "channel", "C0DEPLOYS"), "missing_scope")
	c.s.Change(func(w *World) { w.Channel("C0DEPLOYS").Private = true })
	if ch := info("C0DEPLOYS"); ch["is_private"] != true {
		t.Errorf("deploys became %v", ch)
	}
}

func TestMembersComeInPages(t *testing.T) {
	t.Parallel()
	c := office(t)
	var all []string
	cursor := ""
	for range 5 {
		a := c.granted(c.form("conversations.members", "channel", "C0DEPLOYS", "limit", "2", "cursor", cursor))
		all = append(all, fmt.Sprint(a.body["members"]))
		if cursor, _ = a.in("response_metadata")["next_cursor"].(string); cursor == "" {
			break
		}
	}
	if got := strings.Join(all, ""); got != "[U0BRIDGE U0ALICE][U0BOB U0CAROL][U0DAVE]" {
		t.Errorf("the pages were %s", got)
	}
}

func TestDatesAreShownInTheZoneOfTheReader(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := Office()
	w.Now = func() time.Time { return noon }
	c := caller{t: t, s: Start(t, w)}
	c.post("channel", "C0DEPLOYS", "text", fmt.Sprintf("until <!date^%d^{date_short_pretty} at {time}|some time>", noon.Add(4*time.Hour).Unix()))
	if got := c.s.Person("U0ALICE").Screen(); !strings.HasSuffix(got, "until today at 16:00") {
		t.Errorf("alice in London sees %q", got)
	}
	if got := c.s.Person("U0CAROL").Screen(); !strings.HasSuffix(got, "until tomorrow at 01:00") {
		t.Errorf("carol in Tokyo sees %q", got)
	}
}
