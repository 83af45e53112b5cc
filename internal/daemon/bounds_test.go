package daemon

import "testing"

// TestFullDoorsLeaveFilesForTheRest: for the store, and for calls to
// providers.
func TestFullDoorsLeaveFilesForTheRest(t *testing.T) {
	checkBounds(t, false)
	checkBounds(t, true)
}

func checkBounds(t *testing.T, overTCP bool) {
	t.Helper()
	for files, left := range map[uint64]int{64: 32, 256: 128, 1024: 512, 20_000: 10_000, 1 << 20: 1_000_000, 1<<64 - 1: 1_000_000} {
		taken, bounds := 0, boundsFor(files, overTCP)
		if !overTCP {
			delete(bounds, tcpDoor)
		}
		for name, b := range bounds {
			if b.Total < 2 || b.Each > b.Total/2 {
				t.Errorf("of %d files %s has %+v", files, name, b)
			}
			taken += b.Total
		}
		if rest := files - uint64(taken); rest < uint64(left) {
			t.Errorf("of %d files the doors take %d", files, taken)
		}
		if taken > 6000 {
			t.Errorf("the doors take %d connections: that is much memory", taken)
		}
	}
	if now, err := openFiles(); err != nil || now < 64 {
		t.Errorf("%d files may be open, %v", now, err)
	}
}
