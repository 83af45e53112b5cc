package discord

import (
	"fmt"
	"time"
)

// Discord lets a bot say who it is a thousand times a day, and takes its token
// away when it does so more often. The bridge stays well below.
const (
	maxDaily = 800 // identifications in a day, of this run's
	reserve  = 100 // of what Discord says remains, for whoever mends it
	day      = 24 * time.Hour
)

// budget is what the line may spend of identifications.
type budget struct {
	spacing time.Duration // between two of them
	last    time.Time
	spent   []time.Time // the last maxDaily of them
}

// wait is how long until the next may be made; 0 or less = now. It is an error
// when the day's have been made.
func (b *budget) wait(now time.Time) (time.Duration, error) {
	wait := b.last.Add(b.spacing).Sub(now)
	if len(b.spent) < maxDaily {
		return wait, nil
	}
	if over := b.spent[0].Add(day).Sub(now); over > 0 {
		return over, &exhausted{after: over, why: fmt.Sprintf("the bridge has connected to Discord %d times in a day", maxDaily)}
	}
	return wait, nil
}

func (b *budget) took(now time.Time) {
	b.last = now
	if len(b.spent) == maxDaily {
		b.spent = append(b.spent[:0], b.spent[1:]...)
	}
	b.spent = append(b.spent, now)
}

// exhausted means that one more identification could cost the bot its token.
type exhausted struct {
	after time.Duration // until there are more
	why   string
}

// Error says so, and what to look at.
func (e *exhausted) Error() string {
	return e.why + ", and Discord takes a bot's token away that does so too often: look for what ends the connections, " +
		"or for another program that uses the token; the bridge tries again in " + e.after.Round(time.Minute).String()
}

// few is Discord's saying that hardly any identifications remain today.
func few(remaining int, after time.Duration) error {
	return &exhausted{after: after, why: fmt.Sprintf("Discord lets this bot connect %d more times today", remaining)}
}
