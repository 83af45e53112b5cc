// Package client talks to a bridge over its unix socket, for agents in Go. It
// imports package api and the standard library only.
//
// An ask in one call, as long as the human is quick:
//
//	token, err := c.Token(ctx, api.Ask{Provider: "github", Scopes: []string{"repo"}}, client.AskOptions{})
//
// and in steps, for as long as it takes: [Client.Ask], then
// [Client.WaitToken]. Who has many requests open follows them all at once
// with [Client.Events].
package client
