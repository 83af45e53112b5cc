package admin

import (
	"fmt"
	"log/slog"
	"time"
)

// InboxLinksPath takes a human by POST and answers with a fresh link to
// their inbox.
const InboxLinksPath = "/v1/inbox-links"

// linkAsk asks for a link.
type linkAsk struct {
	Human string `json:"human"` // the configured name
}

// Link lets whoever opens it first into a human's inbox. It is a secret:
// printed as a whole or logged it does not show.
type Link struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// String tells how long the link is good for.
func (l Link) String() string {
	return "[inbox link until " + l.ExpiresAt.UTC().Format(time.RFC3339) + "]"
}

// Format writes String, whatever the verb.
func (l Link) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(l.String())) }

// LogValue returns String.
func (l Link) LogValue() slog.Value { return slog.StringValue(l.String()) }
