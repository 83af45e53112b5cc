package slacktest

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const divider = `[{"type":"divider"}]`

func TestAMessageGetsAStampOfItsOwn(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) { at := time.Now(); w.Now = func() time.Time { return at } })
	var stamps []string
	for range 4 {
		_, ts := c.post("channel", "C0DEPLOYS", "text", "hello")
		stamps = append(stamps, ts)
	}
	if !slices.IsSorted(stamps) || len(slices.Compact(stamps)) != 4 {
		t.Errorf("the stamps do not rise: %v", stamps)
	}
	if sec, micro, _ := strings.Cut(stamps[0], "."); len(sec) != 10 || len(micro) != 6 {
		t.Errorf("%s is no stamp", stamps[0])
	}
}

// TestWhereNothingIsPosted has each place that refuses a message.
func TestWhereNothingIsPosted(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Change(func(w *World) {
		bot := []string{"U0BRIDGE"}
		w.Channels = append(w.Channels,
			Channel{ID: "C0OLD", Members: bot, Archived: true},
			Channel{ID: "C0NEWS", Members: bot, NoPost: "restricted_action"},
			Channel{ID: "C0SECRET", Private: true},
		)
		w.Person("U0ALICE").NoPost = "restricted_action"
		w.Person("U0BOB").Deleted = true
	})
	for channel, want := range map[string]string{
		"C0OLD": "is_archived", "C0NEWS": "restricted_action", "C0SECRET": "channel_not_found",
		"C0RANDOM": "not_in_channel", "C0NOWHERE": "channel_not_found", "D0BOB": "channel_not_found",
		"U0ALICE": "restricted_action", "U0EVE": "channel_not_found", "U0BOB": "channel_not_found",
	} {
		c.refused(c.form("chat.postMessage", "channel", channel, "text", "x"), want)
	}
	if got := c.s.Person("U0ALICE").Screen(); got != "" {
		t.Errorf("alice sees %q", got)
	}
}

func TestADirectConversationExistsOnceItWasOpened(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.refused(c.form("chat.postMessage", "channel", "D0ALICE", "text", "x"), "channel_not_found")
	first := c.granted(c.form("conversations.open", "users", "U0ALICE"))
	again := c.granted(c.form("conversations.open", "users", "U0ALICE"))
	if first.in("channel")["id"] != "D0ALICE" || again.in("channel")["id"] != "D0ALICE" || again.body["already_open"] != true {
		t.Errorf("opened %s, then %s", first.raw, again.raw)
	}
	c.post("channel", "D0ALICE", "text", "x")
	c.s.Change(func(w *World) { w.App.NoMessagesTab = true })
	c.refused(c.form("chat.postMessage", "channel", "D0ALICE", "text", "x"), "messages_tab_disabled")
	c.s.Change(func(w *World) { w.Person("U0ALICE").Deleted = true })
	c.refused(c.form("chat.postMessage", "channel", "D0ALICE", "text", "x"), "is_archived")
}

func TestTextsAndMetadataHaveBounds(t *testing.T) {
	t.Parallel()
	c := office(t)
	channel, ts := c.post("channel", "C0DEPLOYS", "text", strings.Repeat("x", 40000))
	for _, m := range []struct{ want, method, name, value string }{
		{"msg_too_long", "chat.postMessage", "text", strings.Repeat("x", 40001)},
		{"msg_too_long", "chat.update", "text", strings.Repeat("x", 4001)},
		{"msg_too_long", "chat.update", "text", strings.Repeat("😀", 2001)},
		{"no_text", "chat.update", "blocks", "[]"},
		{"invalid_metadata_format", "chat.update", "metadata", "1"},
		{"invalid_metadata_schema", "chat.update", "metadata", `{"rid":1}`},
		{"metadata_too_large", "chat.update", "metadata", `{"event_type":"a","event_payload":"` + strings.Repeat("x", 8192) + `"}`},
		{"invalid_arguments", "chat.update", "parse", "some"},
		{"invalid_blocks_format", "chat.update", "blocks", "{}"},
	} {
		c.s.Tolerate(m.want)
		args := []string{"channel", channel, "text", "x", m.name, m.value}
		if m.want == "no_text" {
			args = slices.Delete(args, 2, 4)
		}
		if m.method == "chat.update" {
			args = append(args, "ts", ts)
		}
		c.refused(c.form(m.method, args...), m.want)
	}
}

func TestAnEditWithTextAloneDropsTheBlocks(t *testing.T) {
	t.Parallel()
	c := office(t)
	channel, ts := c.post("channel", "C0DEPLOYS", "text", "x", "blocks", `[{"type":"header","text":{"type":"plain_text","text":"Card"}}]`)
	alice := c.s.Person("U0ALICE")
	if got, want := alice.Screen(), "== #deploys\n@authbridge\n# Card"; got != want {
		t.Errorf("before: %q, want %q", got, want)
	}
	c.granted(c.form("chat.update", "channel", channel, "ts", ts, "text", "y"))
	if got, want := alice.Screen(), "== #deploys\n@authbridge (edited)\ny"; got != want {
		t.Errorf("after: %q, want %q", got, want)
	}
	c.granted(c.form("chat.update", "channel", channel, "ts", ts, "text", "z", "blocks", divider))
	if got, want := alice.Screen(), "== #deploys\n@authbridge\n---"; got != want {
		t.Errorf("with blocks again: %q, want %q", got, want)
	}
}

func TestAnEditLinksAddressesAgainUnlessItIsTold(t *testing.T) {
	t.Parallel()
	c := office(t)
	alice := c.s.Person("U0ALICE")
	channel, ts := c.post("channel", "C0DEPLOYS", "text", "x", "parse", "none")
	const text = "see https://evil.example/x"
	c.granted(c.form("chat.update", "channel", channel, "ts", ts, "text", text, "parse", "none"))
	if links := alice.Reading().Links; len(links) != 0 {
		t.Errorf("parse=none linked %v", links)
	}
	c.granted(c.form("chat.update", "channel", channel, "ts", ts, "text", text))
	if links := alice.Reading().Links; len(links) != 1 {
		t.Errorf("the default linked %v", links)
	}
}

func TestAnEditKeepsMetadataUnlessItBringsSome(t *testing.T) {
	t.Parallel()
	c := office(t)
	channel, ts := c.post("channel", "C0DEPLOYS", "text", "x", "metadata", `{"event_type":"card","event_payload":{"v":1}}`)
	kept := c.granted(c.form("chat.update", "channel", channel, "ts", ts, "text", "y"))
	if kept.in("message")["metadata"] == nil {
		t.Error("the metadata is gone")
	}
	replaced := c.granted(c.form("chat.update", "channel", channel, "ts", ts, "text", "y", "metadata", `{"event_type":"card","event_payload":{"v":2}}`))
	if !strings.Contains(replaced.raw, `"v":2`) || strings.Contains(replaced.raw, `"v":1`) {
		t.Errorf("the metadata is %s", replaced.raw)
	}
}

func TestRichTextStaysRichText(t *testing.T) {
	t.Parallel()
	c := office(t)
	rich := `[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"hello"}]}]}]`
	channel, ts := c.post("channel", "C0DEPLOYS", "text", "x", "blocks", rich)
	c.granted(c.form("chat.update", "channel", channel, "ts", ts, "text", "x", "blocks", rich))
	c.s.Tolerate("block_mismatch")
	c.refused(c.form("chat.update", "channel", channel, "ts", ts, "text", "x", "blocks", divider), "block_mismatch")
	if got := c.s.Person("U0ALICE").Screen(); !strings.Contains(got, "hello") {
		t.Errorf("the refused edit changed the message: %q", got)
	}
}

func TestOnlyOwnMessagesAreChanged(t *testing.T) {
	t.Parallel()
	c := office(t)
	const theirs = "1700000000.000100"
	c.s.Change(func(w *World) { w.Channel("C0DEPLOYS").Threads = []string{theirs} })
	c.s.Tolerate("cant_update_message", "cant_delete_message", "channel_not_found")
	c.refused(c.form("chat.update", "channel", "C0DEPLOYS", "ts", theirs, "text", "x"), "cant_update_message")
	c.refused(c.form("chat.delete", "channel", "C0DEPLOYS", "ts", theirs), "cant_delete_message")
	c.refused(c.form("chat.update", "channel", "C0DEPLOYS", "ts", "1.000001", "text", "x"), "message_not_found")
	_, ts := c.post("channel", "U0ALICE", "text", "x")
	c.refused(c.form("chat.update", "channel", "U0ALICE", "ts", ts, "text", "y"), "channel_not_found")
	c.granted(c.form("chat.update", "channel", "D0ALICE", "ts", ts, "text", "y"))
	c.granted(c.form("chat.delete", "channel", "D0ALICE", "ts", ts))
	c.refused(c.form("chat.update", "channel", "D0ALICE", "ts", ts, "text", "z"), "message_not_found")
}

func TestAThreadHangsOnAMessage(t *testing.T) {
	t.Parallel()
	c := office(t)
	channel, ts := c.post("channel", "U0ALICE", "text", "card")
	c.post("channel", channel, "text", "quiet", "thread_ts", ts)
	c.post("channel", channel, "text", "reminder", "thread_ts", ts, "reply_broadcast", "true")
	want := "== direct messages: authbridge\n@authbridge\ncard\n    @authbridge in the thread\n    quiet\n" +
		"    @authbridge in the thread and the channel\n    reminder\n@authbridge in the thread and the channel\nreminder"
	if got := c.s.Person("U0ALICE").Screen(); got != want {
		t.Errorf("alice sees\n%s", got)
	}
	c.refused(c.form("chat.postMessage", "channel", channel, "text", "x", "thread_ts", "1.000001"), "cannot_reply_to_message")
	c.s.Tolerate("invalid_arguments")
	c.refused(c.form("chat.postMessage", "channel", channel, "text", "x", "reply_broadcast", "true"), "invalid_arguments")
}

func TestAnEphemeralIsSeenByOneAndKeptByNobody(t *testing.T) {
	t.Parallel()
	c := office(t)
	alice, bob := c.s.Person("U0ALICE"), c.s.Person("U0BOB")
	a := c.granted(c.form("chat.postEphemeral", "channel", "C0DEPLOYS", "user", "U0ALICE", "text", "psst"))
	if got := alice.Screen(); !strings.Contains(got, "only visible to you\npsst") {
		t.Errorf("alice sees %q", got)
	}
	if got := bob.Screen() + strings.Join(c.s.Pushes("U0ALICE"), ""); got != "" {
		t.Errorf("bob, or a phone, shows %q", got)
	}
	c.refused(c.form("chat.update", "channel", "C0DEPLOYS", "ts", a.text("message_ts"), "text", "x"), "message_not_found")
	c.refused(c.form("chat.postEphemeral", "channel", "C0DEPLOYS", "user", "U0EVE", "text", "psst"), "user_not_in_channel")
	alice.Reload()
	if got := alice.Screen(); got != "" {
		t.Errorf("after a reload alice sees %q", got)
	}
}

func TestAMessageHasAnAddress(t *testing.T) {
	t.Parallel()
	c := office(t)
	channel, ts := c.post("channel", "C0DEPLOYS", "text", "x")
	a := c.granted(c.form("chat.getPermalink", "channel", channel, "message_ts", ts))
	if want := "https://acme.slack.com/archives/C0DEPLOYS/p" + strings.ReplaceAll(ts, ".", ""); a.text("permalink") != want {
		t.Errorf("the address is %s", a.raw)
	}
	c.refused(c.form("chat.getPermalink", "channel", channel, "message_ts", "1.000001"), "message_not_found")
}

func TestLinksAreFetchedUnlessBothKindsAreTurnedOff(t *testing.T) {
	t.Parallel()
	for _, off := range [][]string{{}, {"unfurl_links", "false"}, {"unfurl_media", "false"}, {"unfurl_links", "false", "unfurl_media", "false"}} {
		c := office(t)
		c.post(append([]string{"channel", "C0DEPLOYS", "text", "<https://a.example/x|here>"}, off...)...)
		if got, want := len(c.s.Prefetched()) == 0, len(off) == 4; got != want {
			t.Errorf("with %v it fetched %v", off, c.s.Prefetched())
		}
	}
}

func TestAPhoneShowsTheTextOfWhatIsNew(t *testing.T) {
	t.Parallel()
	c := office(t)
	channel, ts := c.post("channel", "U0ALICE", "text", "Access request", "blocks", divider)
	c.granted(c.form("chat.update", "channel", channel, "ts", ts, "text", "code ABCD", "blocks", divider))
	if got := c.s.Pushes("U0ALICE"); !slices.Equal(got, []string{"Access request"}) {
		t.Errorf("the phone showed %q", got)
	}
	if got := c.s.Person("U0ALICE").Heard(); got != "code ABCD" {
		t.Errorf("a screen reader says %q", got)
	}
	c.post("channel", "C0DEPLOYS", "text", "to all")
	if got := c.s.Pushes("U0BRIDGE"); len(got) != 0 {
		t.Errorf("the bot notified itself: %q", got)
	}
	if got := c.s.Pushes("U0BOB"); !slices.Equal(got, []string{"to all"}) {
		t.Errorf("bob's phone showed %q", got)
	}
}
