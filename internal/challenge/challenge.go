// Package challenge reads the challenges by which a server refuses a call: the
// values of WWW-Authenticate (RFC 9110, section 11.6.1), of bearer tokens (RFC
// 6750, section 3) and of protected resources (RFC 9728, section 5.1).
//
// It is forgiving, since servers are not exact: what cannot be read is taken
// for not said, and spoils nothing but itself. Whatever it returns is foreign
// text, not vetted.
package challenge

import "strings"

// What is read at most.
const (
	maxSize  = 8 << 10 // bytes, of all values
	maxFound = 32
)

// Challenge is one challenge. A parameter that it names twice, in whatever
// case, is not among its parameters.
type Challenge struct {
	Scheme string            // as it was written; to be compared without case
	Params map[string]string // by name in lower case; without quotes and escapes
}

// Parse reads the values of all WWW-Authenticate headers of an answer, in
// their order: at most 8 KiB of whole values, and 32 challenges.
func Parse(values []string) []Challenge {
	var p parser
	size := 0
	for _, value := range values {
		if size += len(value); size > maxSize {
			break
		}
		p.read(value)
	}
	return p.found
}

// ResourceMetadata returns where the resource says that its metadata is: what
// a Bearer challenge names, else what a DPoP challenge names, else "".
func ResourceMetadata(all []Challenge) string {
	const name = "resource_metadata"
	if at := param(all, "Bearer", name); at != "" {
		return at
	}
	return param(all, "DPoP", name)
}

// Bearer returns the error code and the scopes, with spaces between, that the
// Bearer challenges name; "" = none.
func Bearer(all []Challenge) (code, scope string) {
	return param(all, "Bearer", "error"), param(all, "Bearer", "scope")
}

// param is the first value that challenges of a scheme give a parameter.
func param(all []Challenge, scheme, name string) string {
	for _, c := range all {
		if value := c.Params[name]; value != "" && strings.EqualFold(c.Scheme, scheme) {
			return value
		}
	}
	return ""
}
