//go:build !linux

package e2e

import "testing"

// Only Linux lets one process limit another.
const fileSize, openFiles = 0, 0

func (b *bridge) limit(int, uint64) (lift func()) {
	b.t.Helper()
	b.t.Skip("the limits of a process that runs cannot be changed here")
	return func() {}
}

func used(testing.TB, string) uint64 { return 0 }

func (b *bridge) files() int  { return 0 }
func (b *bridge) memory() int { return 0 }
