package chat

import "errors"

// Found is one thing that was found out about an app, in words for the
// operator.
type Found struct {
	Grade Grade
	What  string
	Hint  string // what to do; "" = nothing
}

// Grade is how a finding is to be taken.
type Grade int

// The grades.
const (
	Fine  Grade = iota
	Doubt       // it works, and should be seen to
	Fault       // something does not work
)

// What keeps it from being tried whether somebody's press arrives, for
// errors.Is.
var (
	// ErrTrying means that another trial with this person is under way.
	ErrTrying = errors.New("another trial with them is under way")
	// ErrCut means that no press would arrive now.
	ErrCut = errors.New("the bridge is not connected")
)
