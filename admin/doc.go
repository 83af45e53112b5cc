// Package admin is the operator's side of a running bridge: the handler behind
// the admin socket and the client of the commands that use it. Only the user
// that the bridge runs as, and root, are answered.
package admin
