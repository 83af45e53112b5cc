//go:build unix

package bench

import (
	"math/bits"
	"sync/atomic"
	"testing"
	"time"
)

// lateness counts durations in buckets that are a sixteenth of their size
// wide. It is safe for concurrent use, and takes no lock.
type lateness struct{ buckets [16 * 60]atomic.Int64 }

const fine = 16 // buckets from one power of two to the next

func (l *lateness) add(d time.Duration) { l.buckets[bucket(uint64(max(d, 0)))].Add(1) }

func (l *lateness) reset() {
	for i := range l.buckets {
		l.buckets[i].Store(0)
	}
}

// rank returns the least duration that so large a part of all do not exceed,
// at most a sixteenth too large.
func (l *lateness) rank(part float64) time.Duration {
	var all, seen int64
	for i := range l.buckets {
		all += l.buckets[i].Load()
	}
	for i := range l.buckets {
		seen += l.buckets[i].Load()
		if all > 0 && float64(seen) >= part*float64(all) {
			return time.Duration(largest(i))
		}
	}
	return 0
}

func bucket(n uint64) int {
	if n < 2*fine {
		return int(n)
	}
	shift := bits.Len64(n) - bits.Len64(2*fine-1)
	return shift*fine + int(n>>shift)
}

// largest is the largest number in a bucket.
func largest(bucket int) uint64 {
	if bucket < 2*fine {
		return uint64(bucket)
	}
	shift := bucket/fine - 1
	return (uint64(bucket-shift*fine)+1)<<shift - 1
}

func TestLateness(t *testing.T) {
	for _, n := range []uint64{0, 1, 15, 16, 31, 32, 33, 63, 64, 1000, 1<<20 - 1, 1 << 20, uint64(time.Hour), 1<<63 - 1} {
		b := bucket(n)
		if top := largest(b); top < n || top-n > n/fine {
			t.Errorf("%d is counted as up to %d", n, top)
		}
		if b > 0 && largest(b-1) >= n {
			t.Errorf("%d belongs into the bucket before", n)
		}
	}
	var l lateness
	for i := range 1000 {
		l.add(time.Duration(i+1) * time.Millisecond)
	}
	if p50, p99 := l.rank(0.5), l.rank(0.99); p50 < 500*time.Millisecond || p50 > 532*time.Millisecond || p99 < 990*time.Millisecond || p99 > 1053*time.Millisecond {
		t.Errorf("the ranks of 1 to 1000 ms are %v and %v", p50, p99)
	}
}
