package discordtest

import (
	"reflect"
	"testing"
	"time"
)

func TestTextsAreReadAsDiscordReadsThem(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for text, want := range map[string]Reading{
		"plain":                       {Visible: "plain"},
		"**b** *i* _i_ __u__ ~~s~~":   {Visible: "b i i u s", Styles: []string{"bold", "italic", "italic", "underline", "strike"}},
		"||s|| **a _b_**":             {Visible: "s a b", Styles: []string{"spoiler", "bold", "italic"}},
		"2 * 3 * 4 and snake_case_ x": {Visible: "2 * 3 * 4 and snake_case_ x"},
		`\*\*b\*\* \_i\_ \~\~s\~\~`:   {Visible: "**b** _i_ ~~s~~"},
		`\# no heading`:               {Visible: "# no heading"},
		"# h\n## h\n-# small\n#no":    {Visible: "# h\n# h\n. small\n#no", Styles: []string{"heading", "heading", "small"}},
		"> q\n- l\n1. n\nx - y":       {Visible: "> q\n- l\n1. n\nx - y", Styles: []string{"quote", "list", "list"}},
		`\> q` + "\n" + `\- l 1\. n`:  {Visible: "> q\n- l 1. n"},
		"`c **d**` ``e`f``":           {Visible: "`c **d**` `e`f`", Styles: []string{"code", "code"}},
		"```\nA\nB\n``` x":            {Visible: "\n| A\n| B\n x", Styles: []string{"pre"}},
		"<@1> <@!1> <@&2> <#3>":       {Visible: "@1 @1 @2 #3", Mentions: []string{"@1", "@1", "&2", "#3"}},
		"@everyone @here":             {Visible: "@everyone @here", Mentions: []string{"@everyone", "@here"}},
		`\@everyone \<@1\>`:           {Visible: "@everyone <@1>"},
		"`<@1>`":                      {Visible: "`<@1>`", Styles: []string{"code"}},
		"[x](https://e.org)":          {Visible: "x <https://e.org>", Links: []Link{{URL: "https://e.org", Label: "x"}}},
		"[x](<https://e.org>)":        {Visible: "x <https://e.org>", Links: []Link{{URL: "https://e.org", Label: "x", Quiet: true}}},
		"[**x** [y]](http://e.org/(a) 't')": {
			Visible: "x [y] <http://e.org/(a)>", Styles: []string{"bold"},
			Links: []Link{{URL: "http://e.org/(a)", Label: "x [y]"}},
		},
		`\[x\](https://e.org)`:       {Visible: "[x](<https://e.org>)", Links: []Link{{URL: "https://e.org"}}},
		`[x](javascript:alert)`:      {Visible: "[x](javascript:alert)"},
		"see https://e.org/a. Or":    {Visible: "see <https://e.org/a>. Or", Links: []Link{{URL: "https://e.org/a"}}},
		"<https://e.org> HTTP://e.x": {Visible: "<https://e.org> <HTTP://e.x>", Links: []Link{{URL: "https://e.org", Quiet: true}, {URL: "HTTP://e.x"}}},
		"<a@b.org> www.e.org e.org":  {Visible: "<a@b.org> www.e.org e.org", Links: []Link{{URL: "a@b.org", Quiet: true}}},
		"discord.gg/a-b, x":          {Visible: "<discord.gg/a-b>, x", Links: []Link{{URL: "discord.gg/a-b"}}},
		"Discord.com/invite/a x":     {Visible: "<Discord.com/invite/a> x", Links: []Link{{URL: "Discord.com/invite/a"}}},
		`discord.gg\/a discord.gg`:   {Visible: "discord.gg/a discord.gg"},
		`https\://e.org https ://e`:  {Visible: "https://e.org https ://e"},
		":tada: <a:x:1> at 12:30:45": {Visible: ":tada: :x: at 12:30:45", Emoji: []string{"tada", "x"}},
		"</a b:1> <id:guide>":        {Visible: "/a b /guide", Commands: []string{"a b", "guide"}},
		"<t:1795420800:R>":           {Visible: "in 0 seconds", Styles: []string{"time"}},
		"<t:1795421700:R>":           {Visible: "in 15 minutes", Styles: []string{"time"}},
		"<t:1795413600:R>":           {Visible: "2 hours ago", Styles: []string{"time"}},
		"<t:1795421700:t>":           {Visible: "08:15", Styles: []string{"time"}},
		"<t:1795421700>":             {Visible: "November 23, 2026 at 08:15", Styles: []string{"time"}},
		"<t:1795421700:F>":           {Visible: "Monday, November 23, 2026 at 08:15", Styles: []string{"time"}},
	} {
		if got := Read(text, now); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as\n%+v, and not as\n%+v", text, got, want)
		}
		if inert := Read(text, now).Inert(); inert != reflect.DeepEqual(want, Reading{Visible: want.Visible}) {
			t.Errorf("%q is inert: %v", text, inert)
		}
	}
}

func TestTimesAreTheReaders(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.post(Deploys, fields{"content": "until <t:1795421700:t>"})
	for id, want := range map[string]string{Alice: "until 08:15", Carol: "until 17:15"} {
		if got := c.s.Person(id).Reading().Visible; got != want {
			t.Errorf("%s reads %q", id, got)
		}
	}
}

func TestDistancesOfTimes(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Second: "in 1 second", 59 * time.Second: "in 59 seconds", time.Minute: "in 1 minute", 14*time.Minute + 40*time.Second: "in 15 minutes",
		-90 * time.Minute: "2 hours ago", 23 * time.Hour: "in 23 hours", 48 * time.Hour: "in 2 days", -400 * 24 * time.Hour: "1 year ago",
		59*time.Minute + 58*time.Second: "in 1 hour",
	} {
		if got := relative(d); got != want {
			t.Errorf("%v is %q, and not %q", d, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{"**a**", "```\nx", "[x](https://e)", "<t:9999999999999999999:R>", "\\", "_a_b", ">>> a\n> ", "\xff*"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = text[:min(len(text), maxContent)] // Discord takes no more
		r := Read(text, time.Unix(0, 0))
		if r.Inert() && len(r.Visible) > len(text) {
			t.Errorf("%q does nothing, and yet becomes %q", text, r.Visible)
		}
	})
}
