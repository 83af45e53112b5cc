// Package oauth speaks with authorization servers and with the resources that
// name them ([Resources]): it finds their metadata,
// asks for device codes, polls once when told to, learns whose account
// granted, refreshes, and revokes. [Provider] implements the port of that name in
// package bridge.
//
// It keeps nothing but a cache of metadata and keys, starts no loop, and
// logs nothing. Whatever a server says is vetted before it is returned, and
// no error tells a secret or any part of an answer beyond the error words
// that RFC 6749 provides for, cleaned.
package oauth
