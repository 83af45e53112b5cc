// Package oauthtest is an authorization server for tests: strict by
// default, and as faulty as a test wants it.
//
// An [Issuer] demands the right form, the right client authentication and
// patience between polls; it lets every device code be used once, signs its
// id_tokens, and writes down every request. Refresh tokens rotate and their
// theft is found, unless [Settings] say otherwise; [Issuer.Families] tells
// what became of each grant. [Issuer.Approve] and [Issuer.Deny] are the
// human. [Issuer.Inject] makes an endpoint misbehave.
//
// [Issuer.Client] reaches it inside the process, without sockets, so that it
// works in a testing/synctest bubble; [Issuer.Start] makes it listen.
package oauthtest
