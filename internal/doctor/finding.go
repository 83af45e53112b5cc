package doctor

import (
	"fmt"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/bridge"
)

// Bounds on what is told, in characters. What a provider or a file name says
// is in it.
const (
	maxWhat = 600
	maxHint = 400
)

// OK is a finding that all is well.
func OK(about, format string, args ...any) admin.Finding {
	return finding(admin.OK, about, "", format, args)
}

// Warn is a finding that something works, and yet should be seen to.
func Warn(about, hint, format string, args ...any) admin.Finding {
	return finding(admin.Warn, about, hint, format, args)
}

// Fail is a finding that something does not work.
func Fail(about, hint, format string, args ...any) admin.Finding {
	return finding(admin.Fail, about, hint, format, args)
}

// finding cleans all of it: words from outside could steer a terminal.
func finding(level admin.Level, about, hint, format string, args []any) admin.Finding {
	return admin.Finding{
		Level: level, About: bridge.Clean(about, 100),
		What: bridge.Clean(fmt.Sprintf(format, args...), maxWhat), Hint: bridge.Clean(hint, maxHint),
	}
}
