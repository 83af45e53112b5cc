package doctor

import (
	"errors"
	"fmt"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/config"
)

// Faults tells what is wrong with a configuration, one finding for each fault.
func Faults(err error) []admin.Finding {
	faults, are := errors.AsType[*config.Faults](err)
	if !are {
		return []admin.Finding{Fail("config", "", "%v", err)}
	}
	var found []admin.Finding
	for _, f := range faults.List {
		place := f.File
		if f.Line > 0 {
			place = fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		what := f.What
		if f.Key != "" {
			what = f.Key + ": " + what
		}
		found = append(found, Fail("config", f.Hint, "%s: %s", place, what))
	}
	return found
}

// File names a configuration that can be read.
func File(cfg *config.Config) admin.Finding {
	if cfg.File == "" {
		return OK("config", "no file; the defaults, with one human, operator, and one agent, local")
	}
	return OK("config", "%s", cfg.File)
}
