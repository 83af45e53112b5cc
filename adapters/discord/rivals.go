package discord

import (
	"context"
	"sync"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
)

// Discord tells each connection of a bot everything that people press, also
// that of another program with the same token. One of the two is first to
// answer, and the other one is told that there is an answer already.

// crowded is what the operator is told then.
const crowded = "another program uses this bot's token, and answers what people press in our place: " +
	"stop it, or give each bridge an application of its own"

// contestedFor is how long after it was met another program is reckoned with.
const contestedFor = 10 * time.Minute

// rivals are other programs with our token, as far as they show. It is safe for
// concurrent use.
type rivals struct {
	mu    sync.Mutex
	tried *chat.Recent[*int] // how often we have begun to answer an interaction
	began time.Time          // when the first of them was met
	met   time.Time          // when one was met last; zero = never
}

func newRivals() *rivals {
	return &rivals{tried: chat.NewRecent[*int](contestedFor, 10_000)}
}

// begin takes note of a try to answer an interaction: Discord may bring it more
// than once.
func (r *rivals) begin(interaction string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tries, known := r.tried.Get(interaction)
	if !known {
		tries = new(int)
		r.tried.Put(interaction, tries)
	}
	*tries++
}

// once reports whether we have tried to answer an interaction a single time:
// then an answer that was there before is somebody else's.
func (r *rivals) once(interaction string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	tries, known := r.tried.Get(interaction)
	return known && *tries == 1
}

// meet takes note of one, and reports whether there was none before.
func (r *rivals) meet(now time.Time) (news bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	news = r.met.IsZero() || now.Sub(r.met) >= contestedFor
	if r.met = now; news {
		r.began = now
	}
	return news
}

// since is when the first of those was met that are reckoned with; zero = none
// is.
func (r *rivals) since() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.met.IsZero() || time.Since(r.met) >= contestedFor {
		return time.Time{}
	}
	return r.began
}

// meet looks whether a try to answer came too late because of another program.
func (l *line) meet(ctx context.Context, interaction string, err error) {
	if codeOf(err) == codeAnswered && l.rivals.once(interaction) && l.rivals.meet(time.Now()) {
		l.log.ErrorContext(ctx, "discord: somebody else answers", "why", crowded)
	}
}
