package admin

import (
	"fmt"
	"log/slog"
	"time"
)

// InboxLinksPath takes a human by POST and answers with a fresh link to
// their inbox.
const InboxLinksPath = "/v1/inbox-links"

// The routes of what the bridge keeps.
const (
	// AuditPath answers GET with the lines of the audit log, oldest first, one
	// JSON object a line. "about" picks those of a request or a grant by its
	// id, "since" those that are no older than a time (RFC 3339).
	AuditPath = "/v1/audit"
	// AuditReportPath answers GET with an [AuditReport].
	AuditReportPath = "/v1/audit/report"
	// BackupsPath answers POST with a copy of the store.
	BackupsPath = "/v1/backups"
)

// The media types of long answers.
const (
	AuditMediaType  = "application/x-ndjson"
	BackupMediaType = "application/octet-stream"
)

// AuditReport says how far the audit log is as it was written. First is above
// Last if there are no lines.
type AuditReport struct {
	First uint64      `json:"first"`
	Last  uint64      `json:"last"`
	Head  string      `json:"head"`  // the SHA-256 of the last line, in hex
	Fault *AuditFault `json:"fault"` // the first; null = there is none
}

// AuditFault is a line that is not as it was written.
type AuditFault struct {
	Line   uint64 `json:"line"`
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
}

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
