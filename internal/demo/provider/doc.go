// Package provider is a small but real OpenID provider that offers the OAuth
// 2.0 device authorization grant (RFC 8628), for the demo to ask people at. It
// is stricter than most providers are: an early poll costs five seconds, a
// device code gives one token and no second one, refresh tokens rotate, and
// nothing at all is granted before a person has signed in and pressed Allow
// in a browser. Nothing can be made to fail in it: package devprovider puts
// that before it, for tests.
//
// Accounts have no passwords and everything is kept in memory: never run it
// where somebody else can reach it.
package provider
