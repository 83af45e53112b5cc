// Package devprovider is a small but real OpenID provider that offers the
// OAuth 2.0 device authorization grant (RFC 8628). It runs in process, for the
// end-to-end tests and for the demo, and is stricter than most providers are:
// an early poll costs five seconds, a device code gives one token and no
// second one, refresh tokens rotate, and nothing at all is granted before a
// person has signed in and pressed Allow in a browser.
//
// It keeps a [Journal] of what reached it, so that a test can assert from the
// provider's side what the other side did and did not do. [Provider.Grants]
// tells which grants it still honours. A test can have the token endpoint be
// down, lose an answer, or forget all refresh tokens.
//
// Accounts have no passwords and everything is kept in memory: never run it
// where somebody else can reach it.
package devprovider
