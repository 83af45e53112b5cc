package admin

import (
	"context"
	"errors"
	"io/fs"
	"net/http"

	"github.com/authbridge/authbridge/client"
)

// Client calls a bridge at its admin socket.
type Client struct {
	Socket string // path of the admin socket
}

// InboxLink returns a fresh link to a human's inbox. The errors are those of
// package client: a [*client.Problem], with not_found for a name that is not
// configured, or a [*client.NoBridge].
func (c Client) InboxLink(ctx context.Context, human string) (Link, error) {
	var link Link
	err := c.call(ctx, http.MethodPost, InboxLinksPath, linkAsk{Human: human}, &link)
	return link, err
}

func (c Client) call(ctx context.Context, method, path string, in, out any) error {
	to := client.Client{Socket: c.Socket}
	defer to.Close()
	err := to.Call(ctx, method, path, in, out)
	if none, ok := errors.AsType[*client.NoBridge](err); ok {
		none.Hint = "start it with: authbridge serve; or say where its admin socket is, with AUTHBRIDGE_ADMIN_SOCKET"
		if errors.Is(err, fs.ErrPermission) {
			none.Hint = "only root, and the user that the bridge runs as, may open the admin socket"
		}
	}
	return err
}
