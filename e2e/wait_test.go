package e2e

import (
	"testing"
	"time"
)

// patience is how long a test waits for what has to come. Nothing here takes
// that long; a machine under load may.
const patience = 30 * time.Second

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	if !within(patience, holds) {
		t.Fatalf("still not so after %s: %s", patience, what)
	}
}

func within(d time.Duration, holds func() bool) bool {
	deadline := time.After(d)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-deadline:
			return holds()
		}
	}
	return true
}
