package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
)

// line is something to be told, in words for a moment: the whole first, then
// what is left out last where there is little room.
type line struct {
	texts func(moment) []string
	until time.Time // of which the words tell; zero = none
}

func plainly(text string) line { return line{texts: func(moment) []string { return []string{text} }} }

// moment is when something is told. Where the words stay, they name the time
// of the clock; where they can be written over, they count.
type moment struct {
	now    time.Time
	counts bool
}

// within tells how long something goes on.
func (m moment) within(at time.Time) string {
	if m.counts {
		return left(at.Sub(m.now)) + " left"
	}
	return "until " + clock(at)
}

// at tells when something happens.
func (m moment) at(at time.Time) string {
	if m.counts {
		return "in " + left(at.Sub(m.now))
	}
	return "at " + clock(at)
}

// left is a length of time as one reads it at a glance: in seconds near the
// end, roughly before.
func left(d time.Duration) string {
	switch unit := unitOf(d); unit {
	case time.Second:
		return fmt.Sprintf("%d s", max(0, (d+time.Second-1)/time.Second))
	case time.Minute:
		return fmt.Sprintf("%d min", d/unit)
	case time.Hour:
		return fmt.Sprintf("%d h", d/unit)
	default:
		return fmt.Sprintf("%d days", d/unit)
	}
}

func unitOf(d time.Duration) time.Duration {
	switch {
	case d < 2*time.Minute:
		return time.Second
	case d < 2*time.Hour:
		return time.Minute
	case d < 48*time.Hour:
		return time.Hour
	}
	return 24 * time.Hour
}

// nextTick is after how long a length of time reads otherwise. What is over
// stays so.
func nextTick(d time.Duration) time.Duration {
	if d <= 0 {
		return time.Hour
	}
	return d%unitOf(d) + time.Millisecond
}

// standing says how an open request stands; its texts are nil for others. A
// grant is told with its token, other ends by the command's result.
func standing(r api.Request) line {
	switch r.State {
	case api.Asked:
		return line{until: r.ExpiresAt, texts: func(m moment) []string {
			waits := fmt.Sprintf("%s, %s", seen(r), m.within(r.ExpiresAt))
			return []string{
				fmt.Sprintf("asked %s in %s%s · %s · %s", cmp.Or(r.Human, r.Team), place(r), renewing(r), phrase(r), waits),
				r.CheckPhrase + " · " + waits,
			}
		}}
	case api.Coded:
		l := line{texts: func(moment) []string { return []string{who(r) + " is looking at it · " + phrase(r)} }}
		if r.CodeExpiresAt == nil {
			return l
		}
		return line{until: *r.CodeExpiresAt, texts: func(m moment) []string {
			lapses := "code lapses " + m.at(*r.CodeExpiresAt)
			return []string{who(r) + " is looking at it · " + lapses + " · " + phrase(r), r.CheckPhrase + " · " + lapses}
		}}
	case api.Held:
		return plainly(who(r) + " granted; the account is being checked")
	case api.Granted, api.Collected, api.Denied, api.Expired, api.Cancelled, api.Failed:
	}
	return line{}
}

// absent says that the bridge is away, or has sent us away.
func absent(why error, until time.Time) line {
	what := "the bridge is away, waiting for it"
	switch client.CodeOf(why) { //nolint:exhaustive // the others are no reasons to wait
	case api.ProblemStoreUnavailable:
		what = "the bridge cannot reach its store, waiting for it"
	case api.ProblemTooManyOpen:
		what = "the bridge has no room now, waiting for some"
	case api.ProblemProviderUnavailable:
		what = "the provider is away, waiting for it"
	}
	if until.IsZero() {
		return plainly(what)
	}
	return line{until: until, texts: func(m moment) []string { return []string{what + ", " + left(until.Sub(m.now))} }}
}

// phrase is what the agent's side has to show. Where its digits are four, the
// human does not see them and has to type them.
func phrase(r api.Request) string {
	text := "check phrase " + r.CheckPhrase
	if digits := r.CheckPhrase[strings.LastIndexByte(r.CheckPhrase, ' ')+1:]; len(digits) == 4 && strings.Trim(digits, "0123456789") == "" {
		text += " (they are asked for " + digits + ")"
	}
	return text
}

// who is the human who acts: of a team it is not told who that is.
func who(r api.Request) string {
	if r.Human == "" && r.Team != "" {
		return "somebody of " + string(r.Team)
	}
	return string(r.Human)
}

// place names where the human is asked.
func place(r api.Request) string {
	var names []string
	for _, d := range r.Delivery {
		switch d.Channel {
		case "web":
			names = append(names, "their inbox")
		case "slack":
			names = append(names, "Slack")
		case "discord":
			names = append(names, "Discord")
		default:
			names = append(names, d.Channel)
		}
	}
	if len(names) == 0 {
		return "their inbox"
	}
	return strings.Join(names, " and ")
}

func renewing(r api.Request) string {
	if r.Renews == "" {
		return ""
	}
	return " to renew " + string(r.Renews)
}

// seen says how far it got with those who were asked.
func seen(r api.Request) string {
	if r.Claimed {
		return "claimed by one of them"
	}
	best := ""
	for _, d := range r.Delivery {
		switch {
		case d.State == api.Shown:
			return "seen"
		case d.State == api.Retrying:
			best = "not delivered yet"
		case d.State == api.Unreachable && best == "":
			best = "not reached there"
		case d.State == api.Waiting:
			best = "waiting"
		}
	}
	return cmp.Or(best, "waiting")
}

// clock writes a time for people: the hour today, the day too otherwise.
func clock(t time.Time) string {
	t = t.Local()
	now := time.Now()
	switch {
	case sameDay(t, now):
		return t.Format("15:04")
	case sameDay(t, now.AddDate(0, 0, 1)):
		return "tomorrow " + t.Format("15:04")
	}
	return t.Format("2 Jan 15:04")
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}
