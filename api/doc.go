// Package api holds the wire types, routes and words of the agent API: what
// goes over the socket as JSON. It imports the standard library only, so that
// a program that talks to a bridge brings nothing else along.
//
// Members of answers are always present: one that has no value is null, a
// list without elements is []. In what callers send, an absent member, null
// and the empty value mean the same: not given. Times are RFC 3339 in UTC.
package api
