package discordtest

import (
	"regexp"
	"strconv"
	"time"
)

// Reading is what becomes of a text at Discord: what is seen, and what
// happens because it is there.
type Reading struct {
	Visible  string
	Mentions []string // what is shown as a mention: "@" and a user's id, "&" and a role's, "#" and a channel's, "@everyone", "@here"
	Links    []Link   // what can be pressed
	Styles   []string // "bold", "italic", "underline", "strike", "spoiler", "code", "pre", "quote", "heading", "small", "list", "time"
	Emoji    []string // the names that become pictures
	Commands []string // the commands that can be pressed
}

// Link is an address and the words that it is hidden behind.
type Link struct {
	URL   string
	Label string
	Quiet bool // it is between angle brackets: nothing is fetched for it
}

// Inert says whether a text does nothing but be seen.
func (r Reading) Inert() bool {
	return len(r.Mentions)+len(r.Links)+len(r.Styles)+len(r.Emoji)+len(r.Commands) == 0
}

func (r Reading) add(o Reading) Reading {
	if r.Visible != "" && o.Visible != "" {
		r.Visible += "\n"
	}
	r.Visible += o.Visible
	r.Mentions = append(r.Mentions, o.Mentions...)
	r.Links = append(r.Links, o.Links...)
	r.Styles = append(r.Styles, o.Styles...)
	r.Emoji = append(r.Emoji, o.Emoji...)
	r.Commands = append(r.Commands, o.Commands...)
	return r
}

// Read reads the content of a message, as somebody in UTC has it at that
// time.
func Read(content string, now time.Time) Reading {
	return eyes{now: now}.read(content)
}

// eyes are whose reading it is: names and times depend on them.
type eyes struct {
	zone *time.Location
	now  time.Time
	name func(id string) string // what an id is shown as
}

func (e eyes) read(text string) Reading {
	w := &markdown{eyes: e}
	w.Visible = w.spans(text, true)
	return w.Reading
}

func (e eyes) called(id string) string {
	if e.name != nil {
		if name := e.name(id); name != "" {
			return name
		}
	}
	return id
}

// What is found on Discord's side does not heed backslashes and code: there
// is no word about it, so this is the stricter reading.
var (
	namedAnywhere  = regexp.MustCompile(`<(@&|@)!?(\d+)>|@(?:everyone|here)`)
	linkedAnywhere = regexp.MustCompile(`(<?)https?://[^\s<>]+`)
)

// names are who a text names on Discord's side: "@" and a user's id, "&" and
// a role's, "@everyone", "@here".
func names(text string) []string {
	var all []string
	for _, m := range namedAnywhere.FindAllStringSubmatch(text, -1) {
		switch m[1] {
		case "@":
			all = append(all, "@"+m[2])
		case "@&":
			all = append(all, "&"+m[2])
		default:
			all = append(all, m[0])
		}
	}
	return all
}

// addresses are the addresses in a text that would be fetched.
func addresses(text string) []string {
	var all []string
	for _, m := range linkedAnywhere.FindAllStringSubmatch(text, -1) {
		if m[1] == "" {
			all = append(all, m[0])
		}
	}
	return all
}

// moment shows a time as "<t:UNIX:STYLE>" does, in the reader's zone.
func (e eyes) moment(unix, style string) string {
	seconds, err := strconv.ParseInt(unix, 10, 64)
	if err != nil {
		return unix
	}
	zone := e.zone
	if zone == nil {
		zone = time.UTC
	}
	at := time.Unix(seconds, 0).In(zone)
	switch style {
	case "t":
		return at.Format("15:04")
	case "T":
		return at.Format("15:04:05")
	case "d":
		return at.Format("02/01/2006")
	case "D":
		return at.Format("January 2, 2006")
	case "F":
		return at.Format("Monday, January 2, 2006 at 15:04")
	case "s":
		return at.Format("02/01/2006, 15:04")
	case "S":
		return at.Format("02/01/2006, 15:04:05")
	case "R":
		return relative(at.Sub(e.now))
	default:
		return at.Format("January 2, 2006 at 15:04")
	}
}

// relative is a time as seen from now.
func relative(d time.Duration) string {
	amount, unit := d.Abs(), "second"
	for _, step := range []struct {
		name string
		long time.Duration
	}{{"year", 365 * 24 * time.Hour}, {"month", 30 * 24 * time.Hour}, {"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		if unit = step.name; d.Abs() >= step.long-step.long/120 || step.long == time.Second {
			amount = (d.Abs() + step.long/2) / step.long
			break
		}
	}
	words := strconv.FormatInt(int64(amount), 10) + " " + unit
	if amount != 1 {
		words += "s"
	}
	if d < 0 {
		return words + " ago"
	}
	return "in " + words
}
