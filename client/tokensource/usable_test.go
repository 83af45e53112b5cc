package tokensource

import (
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
)

func TestHowLongATokenIsUsed(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for left, want := range map[time.Duration]time.Duration{
		time.Hour:        59 * time.Minute,
		2 * time.Minute:  time.Minute,
		time.Minute:      30 * time.Second, // short ones: for half of what they have left
		10 * time.Second: 5 * time.Second,
		-time.Minute:     -30 * time.Second, // not at all
	} {
		ends := now.Add(left)
		if got := usable(api.Token{ExpiresAt: &ends}, now).Sub(now); got != want {
			t.Errorf("with %s left it is used for %s, want %s", left, got, want)
		}
	}
	if got := usable(api.Token{}, now).Sub(now); got != unknown {
		t.Errorf("without an end it is used for %s", got)
	}
}

// Age has the token at hand be one that is to be replaced, and still good.
func Age(s *Source) { s.until = time.Now() }
