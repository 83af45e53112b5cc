package client_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
)

// An agent asks, shows whom it has asked and with which phrase, and waits for
// as long as it takes.
func Example() {
	c, alice, end := inProcess() // elsewhere: c := &client.Client{Socket: "/run/authbridge/agent.sock"}
	defer end()
	ctx := context.Background()

	r, err := c.Ask(ctx, api.Ask{Provider: "corp", Scopes: []string{"files.read"}, Reason: "summarise Q3"}, client.AskOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("asked", r.Human, "with the phrase", r.CheckPhrase)

	alice.Grant(bridge.RequestID(r.ID), bridge.Token{Access: bridge.NewSecret("at-12345"), Type: "Bearer", Issuer: "https://login.example.com", Grant: "grt_1"})
	token, err := c.WaitToken(ctx, r.ID, r.Version, func(r api.Request) { fmt.Println("it is", r.State) })
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("got", token) // a token does not print itself: use token.AccessToken

	// Output:
	// asked alice with the phrase amber falcon 42
	// it is granted
	// got [token of grant grt_1 by https://login.example.com]
}

// In one call, as long as the human is quick. Who is not leaves a request that
// is waited for: asking again would not help.
func ExampleClient_Token() {
	c, alice, end := inProcess()
	defer end()
	ctx := context.Background()

	token, err := c.Token(ctx, api.Ask{Provider: "corp"}, client.AskOptions{Wait: -1})
	if parked, ok := errors.AsType[*client.Parked](err); ok {
		fmt.Println(parked)
		alice.Grant(bridge.RequestID(parked.ID), bridge.Token{Access: bridge.NewSecret("at-12345"), Type: "Bearer", Issuer: "https://login.example.com", Grant: "grt_1"})
		token, err = c.WaitToken(ctx, parked.ID, parked.Version, nil)
	}
	fmt.Println(token, err)

	// Output:
	// Alice has been asked in their inbox. Wait at Location; do not ask again.
	// [token of grant grt_1 by https://login.example.com] <nil>
}

// A human's no is an error that says so; programs go by the codes.
func ExampleProblem() {
	c, alice, end := inProcess()
	defer end()
	ctx := context.Background()

	r, _ := c.Ask(ctx, api.Ask{Provider: "corp"}, client.AskOptions{})
	alice.End(bridge.RequestID(r.ID), bridge.Denied, bridge.Outcome{Code: bridge.OutcomeDenied, Message: "alice said no"})
	_, err := c.WaitToken(ctx, r.ID, r.Version, nil)
	if p, ok := errors.AsType[*client.Problem](err); ok && p.Code == api.ProblemGone {
		fmt.Println(p.Request.Outcome.Code, "·", p.Request.Outcome.Message)
	}

	// Output:
	// denied · alice said no
}

// What is granted can be looked through, and given up.
func ExampleClient_Grants() {
	c, alice, end := inProcess()
	defer end()
	ctx := context.Background()

	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	alice.PutGrant(bridge.Grant{
		ID: bridge.NewGrantID(now), State: bridge.GrantLive, Human: "alice", Scopes: []string{"files.read"},
		Key: bridge.GrantKey{Agent: "helper", Human: "alice", Provider: "corp"}, CreatedAt: now, ReuseUntil: now.Add(8 * time.Hour), Revocation: bridge.RevocationNone,
	})
	for g, err := range c.Grants(ctx, 0) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(g.Human, "gave", g.Scopes, "at", g.Provider, "until", g.ReuseUntil.Format(time.TimeOnly))
		g, err = c.GiveUp(ctx, g.ID)
		fmt.Println("now it is", g.State, err)
	}

	// Output:
	// alice gave [files.read] at corp until 20:00:00
	// now it is revoked <nil>
}

// An agent that waits for many requests follows them all on one connection.
// After a reset it reads how they stand; from then on it is told.
func ExampleClient_Events() {
	c, alice, end := inProcess()
	defer end()
	ctx, enough := context.WithCancel(context.Background())
	defer enough()

	look := func(r api.Request) {
		if r.State != api.Granted {
			return
		}
		if token, err := c.Collect(ctx, r.ID); err == nil {
			fmt.Println("work on", r.Reason, "with", token)
			enough()
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
			r, _ := c.Ask(ctx, api.Ask{Provider: "corp", Reason: "the Q3 folder"}, client.AskOptions{})
			alice.Grant(bridge.RequestID(r.ID), bridge.Token{Access: bridge.NewSecret("at-12345"), Type: "Bearer", Issuer: "https://login.example.com", Grant: "grt_1"})
		case e.Request != nil:
			look(*e.Request)
		}
	}

	// Output:
	// work on the Q3 folder with [token of grant grt_1 by https://login.example.com]
	// context canceled
}

// A bridge on another machine knows its agents by their keys.
func ExampleClient_url() {
	c := &client.Client{URL: "http://bridge.example.com:8740", Key: client.NewKey("abk_12345")}
	fmt.Println(c.Check())
	fmt.Println(c.Key)

	// Output:
	// a key sent over http could be read on the way, and the host is not on this machine; use https
	// [key]
}
