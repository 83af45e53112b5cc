package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
)

// Client calls a bridge at its admin socket.
type Client struct {
	Socket string // path of the admin socket

	// Trust says whether the bridge may run as a uid, as in [client.Client].
	Trust func(uid uint32) bool
}

// InboxLink returns a fresh link to a human's inbox. The errors are those of
// package client: a [*client.Problem], with not_found for a name that is not
// configured, or a [*client.NoBridge].
func (c Client) InboxLink(ctx context.Context, human string) (Link, error) {
	var link Link
	err := c.call(ctx, http.MethodPost, InboxLinksPath, linkAsk{Human: human}, &link)
	return link, err
}

// AuditFilter picks lines of the audit log. The zero value picks all.
type AuditFilter struct {
	About string    // the id of a request or a grant; "" = any
	Since time.Time // zero = ever
}

// Audit writes the lines of the audit log as they are kept, each with a
// newline, oldest first. When it fails, what was written are whole lines or
// the beginning of one.
func (c Client) Audit(ctx context.Context, f AuditFilter, to io.Writer) error {
	q := url.Values{}
	if f.About != "" {
		q.Set("about", f.About)
	}
	if !f.Since.IsZero() {
		q.Set("since", f.Since.UTC().Format(time.RFC3339))
	}
	path := AuditPath
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return c.with(func(bridge *client.Client) error {
		return bridge.Stream(ctx, http.MethodGet, path, AuditMediaType, to)
	})
}

// VerifyAudit has the bridge look through its whole audit log.
func (c Client) VerifyAudit(ctx context.Context) (report AuditReport, err error) {
	var text bytes.Buffer
	err = c.with(func(bridge *client.Client) error {
		return bridge.Stream(ctx, http.MethodGet, AuditReportPath, api.MediaType, &text)
	})
	if err == nil {
		err = json.Unmarshal(text.Bytes(), &report)
	}
	return report, err
}

// Backup writes a copy of the store. Nothing that was written is of use unless
// the error is nil.
func (c Client) Backup(ctx context.Context, to io.Writer) error {
	return c.with(func(bridge *client.Client) error {
		return bridge.Stream(ctx, http.MethodPost, BackupsPath, BackupMediaType, to)
	})
}

func (c Client) call(ctx context.Context, method, path string, in, out any) error {
	return c.with(func(bridge *client.Client) error { return bridge.Call(ctx, method, path, in, out) })
}

// with makes a call of the bridge, and says in the operator's words when there
// is none.
func (c Client) with(do func(*client.Client) error) error {
	to := client.Client{Socket: c.Socket, Trust: c.Trust}
	defer to.Close()
	err := do(&to)
	if none, ok := errors.AsType[*client.NoBridge](err); ok {
		none.Hint = "start it with: authbridge serve; or say where its admin socket is, with --admin-socket or AUTHBRIDGE_ADMIN_SOCKET"
		if errors.Is(err, fs.ErrPermission) {
			none.Hint = "only root, and the user that the bridge runs as, may open the admin socket"
		}
		if who, foreign := errors.AsType[*client.Stranger](err); foreign {
			none.Hint = fmt.Sprintf("if the bridge runs as uid %d, say so: name its socket with --admin-socket or AUTHBRIDGE_ADMIN_SOCKET", who.UID)
		}
	}
	return err
}
