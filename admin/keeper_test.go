package admin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// keeper keeps so many lines of audit, an hour apart, and a store of a few
// bytes.
type keeper struct {
	lines  int
	report bridge.AuditReport
	told   []bridge.AuditLine
	by     []bridge.Actor

	fault error // of everything
	after int   // it comes after so many lines, or pieces of the copy
}

func (k *keeper) line(i int) bridge.AuditText {
	at := time.Date(2026, 11, 22, i, 0, 0, 0, time.UTC).Format(time.RFC3339)
	return bridge.AuditText{Seq: uint64(i), JSON: fmt.Appendf(nil, `{"seq":%d,"time":%q,"request":"req_%d","grant":"grt_%d"}`, i, at, i, i%2)}
}

func (k *keeper) AuditLines(_ context.Context, after uint64) iter.Seq2[bridge.AuditText, error] {
	return func(yield func(bridge.AuditText, error) bool) {
		for i := int(after) + 1; i <= k.lines; i++ {
			if k.fault != nil && i > k.after {
				yield(bridge.AuditText{}, k.fault)
				return
			}
			if !yield(k.line(i), nil) {
				return
			}
		}
	}
}

func (k *keeper) VerifyAudit(context.Context) (bridge.AuditReport, error) { return k.report, k.fault }

func (k *keeper) Backup(_ context.Context, by bridge.Actor, to io.Writer) error {
	k.by = append(k.by, by)
	for i := range 3 {
		if k.fault != nil && i >= k.after {
			return k.fault
		}
		if _, err := fmt.Fprintf(to, "piece %d;", i); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) Audit(_ context.Context, line bridge.AuditLine) error {
	k.told = append(k.told, line)
	return k.fault
}

// operator is the client of a running admin socket.
func operator(t *testing.T, k *keeper, i admin.Linker) admin.Client {
	t.Helper()
	c := admin.Client{Socket: filepath.Join(t.TempDir(), "admin.sock")}
	l, err := localhttp.Listen(t.Context(), c.Socket, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: admin.New(admin.Options{Linker: i, Keeper: k}), ConnContext: localhttp.ConnContext}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return c
}

func TestTheAuditLogIsPrintedAsItIsKept(t *testing.T) {
	k := &keeper{lines: 20}
	c := operator(t, k, nil)
	for name, want := range map[string]struct {
		filter admin.AuditFilter
		lines  []int
	}{
		"all":         {admin.AuditFilter{}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}},
		"a request":   {admin.AuditFilter{About: "req_7"}, []int{7}},
		"a grant":     {admin.AuditFilter{About: "grt_1", Since: time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)}, []int{15, 17, 19}},
		"the last":    {admin.AuditFilter{Since: time.Date(2026, 11, 22, 21, 0, 0, 0, time.FixedZone("", 3600))}, []int{20}},
		"not a thing": {admin.AuditFilter{About: "req_"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got, wanted bytes.Buffer
			for _, i := range want.lines {
				wanted.Write(append(k.line(i).JSON, '\n'))
			}
			if err := c.Audit(t.Context(), want.filter, &got); err != nil || got.String() != wanted.String() {
				t.Errorf("error %v, got:\n%s", err, &got)
			}
		})
	}
}

func TestWhatIsAskedOfTheAuditLogIsUnderstoodOrRefused(t *testing.T) {
	for _, query := range []string{"?limit=1", "?since=yesterday", "?about=a&about=b", "?since="} {
		w := do(t, admin.New(admin.Options{Keeper: &keeper{lines: 1}}), call{method: http.MethodGet, path: admin.AuditPath + query, uid: uint32(os.Geteuid())})
		problem(t, w, api.ProblemInvalidRequest, 400)
	}
}

func TestAReportOnTheAuditLog(t *testing.T) {
	k := &keeper{report: bridge.AuditReport{First: 5, Last: 9, Head: "abc"}}
	c := operator(t, k, nil)
	got, err := c.VerifyAudit(t.Context())
	if err != nil || got != (admin.AuditReport{First: 5, Last: 9, Head: "abc"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	k.report.Fault = &bridge.AuditFault{Seq: 7, What: "line 7 was changed", Do: "look"}
	got, err = c.VerifyAudit(t.Context())
	if err != nil || got.Fault == nil || *got.Fault != (admin.AuditFault{Line: 7, Detail: "line 7 was changed", Hint: "look"}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestABackup(t *testing.T) {
	k := new(keeper)
	c := operator(t, k, nil)
	var copied bytes.Buffer
	if err := c.Backup(t.Context(), &copied); err != nil || copied.String() != "piece 0;piece 1;piece 2;" {
		t.Errorf("error %v, copied %q", err, &copied)
	}
	if want := (bridge.Actor{Kind: bridge.ByOperator, Name: fmt.Sprintf("uid %d", os.Geteuid())}); len(k.by) != 1 || k.by[0] != want {
		t.Errorf("taken by %v", k.by)
	}
	full := errors.New("no space left")
	if err := c.Backup(t.Context(), broken{full}); !errors.Is(err, full) {
		t.Errorf("to a full disk: %v", err)
	}
}

type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

// TestAPartIsNotTakenForTheWhole: what fails on its way is an error to the
// caller, however much has come.
func TestAPartIsNotTakenForTheWhole(t *testing.T) {
	var none *client.NoBridge
	for _, after := range []int{1, 2} {
		k := &keeper{lines: 5, fault: errors.New("the disk"), after: after}
		c := operator(t, k, nil)
		if err := c.Audit(t.Context(), admin.AuditFilter{}, io.Discard); !errors.As(err, &none) {
			t.Errorf("the audit log: %v", err)
		}
		if err := c.Backup(t.Context(), io.Discard); !errors.As(err, &none) {
			t.Errorf("a backup: %v", err)
		}
	}
	k := &keeper{lines: 5, fault: fmt.Errorf("%w: the disk", bridge.ErrStoreUnavailable)}
	c := operator(t, k, nil)
	for what, err := range map[string]error{
		"the audit log": c.Audit(t.Context(), admin.AuditFilter{}, io.Discard),
		"a backup":      c.Backup(t.Context(), io.Discard),
	} {
		if client.CodeOf(err) != api.ProblemStoreUnavailable || strings.Contains(err.Error(), "the disk") {
			t.Errorf("%s, before anything came: %v", what, err)
		}
	}
	if _, err := c.VerifyAudit(t.Context()); client.CodeOf(err) != api.ProblemStoreUnavailable {
		t.Errorf("a report: %v", err)
	}
}

// TestNoLinkWithoutItsLine: what the audit log cannot tell is not done.
func TestNoLinkWithoutItsLine(t *testing.T) {
	k, i := new(keeper), new(inbox)
	c := operator(t, k, i)
	if _, err := c.InboxLink(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if len(k.told) != 1 || k.told[0].Event != bridge.AuditLinkMade || k.told[0].Human != "alice" || k.told[0].By != bridge.ByOperator {
		t.Errorf("told %+v", k.told)
	}
	k.fault = fmt.Errorf("%w: full", bridge.ErrStoreUnavailable)
	if _, err := c.InboxLink(t.Context(), "alice"); client.CodeOf(err) != api.ProblemStoreUnavailable || len(i.made) != 1 {
		t.Errorf("error %v, %d links", err, len(i.made))
	}
}
