// Package localhttp is what serving HTTP to the programs of one machine takes,
// whatever is served: a unix socket that nobody else can open, the uid of who
// calls, a refusal for browsers, strict JSON in, and problems (RFC 9457) out.
package localhttp
