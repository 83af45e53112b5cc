package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// Keeper is what the operator may see of what the bridge keeps.
type Keeper interface {
	// AuditLines yields the lines of the audit log with a number above after.
	AuditLines(ctx context.Context, after uint64) iter.Seq2[bridge.AuditText, error]
	// VerifyAudit looks through the whole audit log.
	VerifyAudit(ctx context.Context) (bridge.AuditReport, error)
	// Backup writes a copy of the store.
	Backup(ctx context.Context, by bridge.Actor, to io.Writer) error
	// Audit adds a line to the audit log; its time is filled in.
	Audit(ctx context.Context, line bridge.AuditLine) error
}

// audit serves GET /v1/audit: the lines, one after the other.
func (h *handler) audit(w http.ResponseWriter, r *http.Request) error {
	pick, err := readFilter(r)
	if err != nil {
		return err
	}
	out := h.stream(w, AuditMediaType)
	for line, err := range h.keeper.AuditLines(r.Context(), pick.after) {
		if err == nil && !pick.takes(line) {
			continue
		}
		if err == nil {
			_, err = out.Write(append(line.JSON, '\n'))
		}
		if err != nil {
			return out.fail(err)
		}
	}
	return out.fail(out.begin())
}

// filter picks lines of the audit log.
type filter struct {
	after uint64
	about string    // the id of a request or a grant; "" = any
	since time.Time // zero = ever
}

func readFilter(r *http.Request) (f filter, err error) {
	for name, values := range r.URL.Query() {
		switch value := values[0]; {
		case len(values) > 1:
			err = fmt.Errorf("%s is given twice", name)
		case name == "about":
			f.about = value
		case name == "since":
			f.since, err = time.Parse(time.RFC3339, value)
		default:
			err = errors.New("there is another parameter than about and since")
		}
		if err != nil {
			return filter{}, localhttp.Refuse(api.ProblemInvalidRequest, "the lines to print are not said as they should be").
				WithHint("about takes the id of a request or a grant, since a time as in RFC 3339")
		}
	}
	return f, nil
}

// takes reports whether a line is wanted. One that cannot be read is.
func (f filter) takes(line bridge.AuditText) bool {
	if f.about == "" && f.since.IsZero() {
		return true
	}
	var e bridge.AuditEntry
	if json.Unmarshal(line.JSON, &e) != nil {
		return true
	}
	return (f.about == "" || f.about == string(e.Request) || f.about == string(e.Grant)) && !e.Time.Before(f.since)
}

// verify serves GET /v1/audit/report. A long log takes its time.
func (h *handler) verify(w http.ResponseWriter, r *http.Request) error {
	return h.atLength(w, r, func(ctx context.Context) (any, error) {
		found, err := h.keeper.VerifyAudit(ctx)
		return reportOf(found), err
	})
}

func reportOf(found bridge.AuditReport) AuditReport {
	report := AuditReport{First: found.First, Last: found.Last, Head: found.Head}
	if f := found.Fault; f != nil {
		report.Fault = &AuditFault{Line: f.Seq, Detail: f.What, Hint: f.Do}
	}
	return report
}

// backup serves POST /v1/backups: a copy of the store.
func (h *handler) backup(w http.ResponseWriter, r *http.Request) error {
	out := h.stream(w, BackupMediaType)
	return out.fail(h.keeper.Backup(r.Context(), operatorOf(r), out))
}

// takeWithin is how long a caller may take for one piece of a long answer.
const takeWithin = 30 * time.Second

// stream is an answer of any length. Nothing of it is sent before the first
// piece, so that what fails before is told like any other fault.
type stream struct {
	w         http.ResponseWriter
	mediaType string
	begun     bool
}

func (*handler) stream(w http.ResponseWriter, mediaType string) *stream {
	return &stream{w: w, mediaType: mediaType}
}

func (s *stream) begin() error {
	err := http.NewResponseController(s.w).SetWriteDeadline(time.Now().Add(takeWithin))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", s.mediaType)
		s.w.Header().Set("Cache-Control", "no-store")
		s.w.Header().Set("X-Content-Type-Options", "nosniff")
		s.w.WriteHeader(http.StatusOK)
	}
	return nil
}

// Write sends a piece.
func (s *stream) Write(p []byte) (int, error) {
	if err := s.begin(); err != nil {
		return 0, err
	}
	return s.w.Write(p)
}

// errBroken ends an answer that had begun. The connection is cut, so that
// nobody takes a part for the whole.
type errBroken struct{ error }

// Unwrap returns why.
func (e errBroken) Unwrap() error { return e.error }

func (s *stream) fail(err error) error {
	if err != nil && s.begun {
		return errBroken{err}
	}
	return err
}
