package mcpauth

import "time"

// Later lets time pass for what a handler remembers of asks. Nobody may be
// asking.
func (h *Handler) Later(by time.Duration) {
	h.last.at, h.asked, h.shut = h.last.at.Add(-by), h.asked.Add(-by), h.shut.Add(-by)
}
