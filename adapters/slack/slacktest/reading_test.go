package slacktest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhatATextDoes has each mark and what becomes of it, in mrkdwn that is
// not verbatim.
func TestWhatATextDoes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Reading{
		"just words":                   {Visible: "just words"},
		"<#C1|one> \U000F0000":         {Visible: "#one ", Mentions: []string{"C1"}},
		"a &lt;b&gt; &amp; c":          {Visible: "a <b> & c"},
		"&amp;lt; is decoded once":     {Visible: "&lt; is decoded once"},
		"hello <@U0BOB>":               {Visible: "hello @U0BOB", Mentions: []string{"U0BOB"}},
		"<!channel> <!here>":           {Visible: "@channel @here", Mentions: []string{"@channel", "@here"}},
		"<!subteam^S0ONCALL|@oncall>":  {Visible: "@@oncall", Mentions: []string{"S0ONCALL"}},
		"in <#C0RANDOM|random>":        {Visible: "in #random", Mentions: []string{"C0RANDOM"}},
		"&lt;!channel&gt;":             {Visible: "<!channel>"},
		"<https://e.example|git.com>":  {Visible: "git.com <https://e.example>", Links: []Link{{"https://e.example", "git.com"}}},
		"<https://e|https://e>":        {Visible: "<https://e>", Links: []Link{{"https://e", "https://e"}}},
		"<https://e.example/?a&amp;b>": {Visible: "<https://e.example/?a&b>", Links: []Link{{URL: "https://e.example/?a&b"}}},
		"see https://e.example/x now":  {Visible: "see <https://e.example/x> now", Links: []Link{{URL: "https://e.example/x"}}},
		"see www.e.example":            {Visible: "see <www.e.example>", Links: []Link{{URL: "www.e.example"}}},
		"see github.com":               {Visible: "see <github.com>", Links: []Link{{URL: "github.com"}}},
		"https :// e x":                {Visible: "https :// e x"},
		"@channel wake":                {Visible: "@channel wake", Mentions: []string{"@channel"}},
		"*loud* and _soft_ and ~gone~": {Visible: "loud and soft and gone", Styles: []string{"bold", "italic", "strike"}},
		"2*3*4 and snake_case_name":    {Visible: "2*3*4 and snake_case_name"},
		"`a*b*c <!here>`":              {Visible: "`a*b*c @here`", Mentions: []string{"@here"}, Styles: []string{"code"}},
		"code:\n```\nAB-CD\n```":       {Visible: "code:\n\n| AB-CD\n", Styles: []string{"pre"}},
		"&gt; they said":               {Visible: "> they said", Styles: []string{"quote"}},
		"a smile :smile:":              {Visible: "a smile :smile:", Emoji: []string{"smile"}},
		"at 10:30:00":                  {Visible: "at 10:30:00", Emoji: []string{"30"}},
		"<!date^86400^{date_num}|x>":   {Visible: "1970-01-02"},
		"<!date^noon^{date_num}|x>":    {Visible: "x"},
		"<!date^0^{time}^https://e|x>": {Visible: "00:00 <https://e>", Links: []Link{{"https://e", "00:00"}}},
		"*<https://e.example|x>*":      {Visible: "x <https://e.example>", Links: []Link{{"https://e.example", "x"}}, Styles: []string{"bold"}},
		"1 < 2 > 1":                    {Visible: "1 < 2 > 1", Links: []Link{{URL: " 2 "}}}, // a link, whatever it says
	} {
		if diff := cmp.Diff(want, ReadMrkdwn(text, false)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestVerbatimFindsOnlyWhatIsMarked(t *testing.T) {
	t.Parallel()
	const text = "@channel see https://e.example and <https://f.example> and *this*"
	got := ReadMrkdwn(text, true)
	if len(got.Mentions) != 0 || !slices.Equal(got.Links, []Link{{URL: "https://f.example"}}) || !slices.Equal(got.Styles, []string{"bold"}) {
		t.Errorf("it found %+v", got)
	}
}

func TestPlainTextIsOnlySeen(t *testing.T) {
	t.Parallel()
	const text = "<!channel> <@U0BOB> https://e.example *x* `y` :smile:"
	got := ReadPlain(text, false)
	if !got.Inert() || got.Visible != text {
		t.Errorf("it became %+v", got)
	}
	if got := ReadPlain(text, true); !slices.Equal(got.Emoji, []string{"smile"}) || got.Inert() {
		t.Errorf("with emoji it became %+v", got)
	}
}

func TestTheTextOfAMessageHasSettingsOfItsOwn(t *testing.T) {
	t.Parallel()
	const text = "@bob see https://e.example *x* <!here>"
	for parse, want := range map[string]struct{ mentions, links, styles int }{
		"":       {1, 1, 1},
		"client": {1, 1, 1},
		"none":   {1, 0, 1},
		"full":   {2, 1, 0},
	} {
		m := &message{text: text, parse: parse, markup: true}
		got := eyes{}.readTop(m)
		if len(got.Mentions) != want.mentions || len(got.Links) != want.links || len(got.Styles) != want.styles {
			t.Errorf("parse %q: %+v", parse, got)
		}
	}
	if got := (eyes{}).readTop(&message{text: text, parse: "none", names: true, markup: true}); len(got.Mentions) != 2 {
		t.Errorf("link_names: %+v", got)
	}
	if got := (eyes{}).readTop(&message{text: text, parse: "none"}); len(got.Styles) != 0 {
		t.Errorf("without mrkdwn: %+v", got)
	}
}

func TestAllTextsOfBlocksAreRead(t *testing.T) {
	t.Parallel()
	blocks := []any{
		fields{"type": "header", "text": plainText("1")},
		section(fields{"text": mrkdwn("2"), "fields": []any{plainText("3")}, "accessory": button(fields{
			"text": plainText("4"), "confirm": fields{"title": plainText("5"), "text": plainText("6"), "confirm": plainText("7"), "deny": plainText("8")},
		})}),
		fields{"type": "context", "elements": []any{mrkdwn("<!here>")}},
		actions(button(fields{"text": plainText("9")})),
		fields{"type": "rich_text", "elements": []any{fields{"type": "rich_text_section", "elements": []any{
			fields{"type": "text", "text": "*10*"},
			fields{"type": "link", "url": "https://e.example"},
			fields{"type": "user", "user_id": "U0BOB"},
			fields{"type": "broadcast", "range": "channel"},
		}}}},
	}
	got, err := ReadBlocks(encoded(t, blocks))
	if err != nil {
		t.Fatal(err)
	}
	want := Reading{
		Links:    []Link{{URL: "https://e.example"}},
		Mentions: []string{"@here", "U0BOB", "@channel"},
		Visible:  "1\n2\n3\n4\n5\n6\n7\n8\n@here\n9\n*10*\n<https://e.example>\n@U0BOB\n@channel",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := ReadBlocks([]byte("{}")); err == nil {
		t.Error("blocks that are no list were read")
	}
}
