package discord

import (
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/authbridge/authbridge/adapters/chat/chattest"
	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

// Whatever is escaped is read as it is, and as nothing else: alone in its line,
// after other words, and in bold.
func TestWhatIsEscapedIsReadAsItIs(t *testing.T) {
	r := chattest.Throw(3, 1)
	texts := append([]string{"- a", "+ a", "* a", "# a", "-# a", "> a", "1. a", "23. a", "1) a", "[a](discord :// b)"}, hostile...)
	for range 1000 {
		texts = append(texts, r.Text())
	}
	for _, text := range texts {
		text = bridge.Inert(bridge.Clean(text, 400))
		if text == "" {
			continue
		}
		for _, around := range [][2]string{{"", ""}, {"before ", " after"}, {"“", "”"}, {"**", "**"}} {
			read := discordtest.Read(around[0]+escape(text)+around[1], chattest.Noon)
			want := strings.Trim(around[0], "*") + text + strings.Trim(around[1], "*")
			if bold := around[0] == "**"; read.Visible != want || len(read.Styles) > 0 && !bold || len(read.Styles) > 1 ||
				len(read.Mentions)+len(read.Links)+len(read.Emoji)+len(read.Commands) > 0 {
				t.Errorf("%q between %q is read as %+v", text, around, read)
			}
		}
	}
}

// A text is cut where Discord counts, and whole characters are left.
func TestWithinCountsUnits(t *testing.T) {
	for _, text := range []string{"", "a", "abc", "***", "\U0001F600\U0001F600\U0001F600", "a\u0301b", strings.Repeat("\\", 50), "1.a"} {
		for most := range 12 {
			cut := within(text, most)
			if n := len(utf16.Encode([]rune(escape(cut)))); n > most || n != length(escape(cut)) {
				t.Errorf("%q within %d is %q: %d units", text, most, cut, n)
			}
			if len(utf16.Encode([]rune(escape(text)))) <= most && cut != text {
				t.Errorf("%q fits into %d, and is cut to %q", text, most, cut)
			}
			if strings.ContainsRune(cut, '\ufffd') {
				t.Errorf("%q within %d is %q", text, most, cut)
			}
		}
	}
}
