package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxFaults bounds how many faults are told of one file. Nobody reads more,
// and a file that is not a configuration at all has thousands.
const maxFaults = 200

// notYet is said of what the contract knows and this version cannot do.
const notYet = "not in this version"

// Fault is one thing that is wrong with a configuration. Nothing in it is
// secret.
type Fault struct {
	File string `json:"file,omitempty"` // as it was named to Load or Parse; "" = no file
	Line int    `json:"line,omitempty"` // from 1; 0 = about no line
	Key  string `json:"key,omitempty"`  // such as agents.ci.may[0].ask; "" = about no key
	What string `json:"what"`           // what is wrong
	Hint string `json:"hint,omitempty"` // what to do, "" = What says it
}

// String returns the fault as people read it, the hint on a line of its own.
func (f Fault) String() string {
	var at string
	if f.Line > 0 {
		at = fmt.Sprintf("%d: ", f.Line)
	}
	text := "  " + at
	if f.Key != "" {
		text += f.Key + ": "
	}
	text += f.What
	if f.Hint != "" {
		text += "\n  " + strings.Repeat(" ", len(at)) + "hint: " + f.Hint
	}
	return text
}

// Faults is the error of Load, Parse and Empty: everything that is wrong, in
// the order of the file's lines. There is at least one.
type Faults struct {
	File string // as it was named to Load or Parse; "" = no file
	List []Fault
}

// Error returns the faults, each with its line, key and hint, without a
// newline at the end. Summary belongs on the line above.
func (f *Faults) Error() string {
	lines := make([]string, len(f.List))
	for i, one := range f.List {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// Summary counts: "3 faults in authbridge.yaml".
func (f *Faults) Summary() string {
	count := fmt.Sprintf("%d faults", len(f.List))
	switch {
	case len(f.List) == 1:
		count = "1 fault"
	case len(f.List) > maxFaults:
		count = fmt.Sprintf("more than %d faults", maxFaults)
	}
	if f.File == "" {
		return count + " without a configuration file"
	}
	return count + " in " + f.File
}

// add keeps a fault, unless there are too many already.
func (f *Faults) add(one Fault) {
	switch {
	case len(f.List) < maxFaults:
		f.List = append(f.List, one)
	case len(f.List) == maxFaults:
		f.List = append(f.List, Fault{File: f.File, What: "there is more: the rest is not shown"})
	}
}

// err sorts the faults by line, or is nil when there are none.
func (f *Faults) err() error {
	if len(f.List) == 0 {
		return nil
	}
	shown := f.List[:min(len(f.List), maxFaults)]
	slices.SortStableFunc(shown, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	return f
}

// single is the error of a file that cannot be read at all.
func single(file string, line int, what, hint string) *Faults {
	return &Faults{File: file, List: []Fault{{File: file, Line: line, What: what, Hint: hint}}}
}
