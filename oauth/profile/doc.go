// Package profile tells what is known beforehand of authorization servers:
// where they are, what they want in a device grant (RFC 8628) that others do
// not, what they answer in words of their own, how far a revocation reaches,
// and how sure we are of all that. A profile is data; package oauth goes by
// it, package config fills it in, and `authbridge providers` lists it.
package profile
