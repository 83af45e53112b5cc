package client_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/httpapi"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// inProcess is for examples: a client of the real API at a real socket, and
// the desk behind it, where alice is played by the example.
func inProcess() (c *client.Client, alice *httpapitest.Desk, end func()) {
	dir, err := os.MkdirTemp("", "ab")
	if err != nil {
		panic(err)
	}
	uid := uint32(os.Getuid())
	desk := httpapitest.NewDesk(nil, bridge.Agent{Name: "helper", UID: &uid, Owner: "alice"})
	c = &client.Client{Socket: filepath.Join(dir, "agent.sock")}
	l, err := localhttp.Listen(context.Background(), c.Socket, nil)
	if err != nil {
		panic(err)
	}
	srv := &http.Server{Handler: httpapi.New(httpapi.Options{Desk: desk}), ConnContext: localhttp.ConnContext}
	go func() { _ = srv.Serve(l) }()
	return c, desk, func() {
		c.Close()
		_ = srv.Close()
		_ = os.RemoveAll(dir)
	}
}
