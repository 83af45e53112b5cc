package client_test

import (
	"context"
	"fmt"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
)

// An agent that waits for many requests follows them all on one connection.
// After a reset it reads how they stand; from then on it is told.
func ExampleClient_Events() {
	ctx := context.Background()
	c := &client.Client{Socket: "/run/authbridge/agent.sock"}
	look := func(r api.Request) {
		if r.State != api.Granted {
			return
		}
		if token, err := c.Collect(ctx, r.ID); err == nil {
			fmt.Println("work on", r.Reason, "with", token)
		}
	}
	for e, err := range c.Events(ctx, "") {
		switch {
		case err != nil:
			fmt.Println(err)
			return
		case e.Reset:
			for r, err := range c.Requests(ctx, client.Filter{States: []api.State{api.Granted}}) {
				if err == nil {
					look(r)
				}
			}
		case e.Request != nil:
			look(*e.Request)
		}
	}
}
