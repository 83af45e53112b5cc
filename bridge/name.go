package bridge

import "regexp"

var goodName = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

// NameRule tells people what IsName accepts.
const NameRule = "names have small letters, digits, and . _ - inside; at most 64 of them"

// IsName reports whether a human, a team, an agent or a provider can be called
// that: it fits into a file, a path, a log and an audit line as it is.
func IsName(s string) bool { return goodName.MatchString(s) }
