package due

import (
	"hash/maphash"
	"iter"
)

// index finds the slots of keys by their hashes: a table with open addressing
// that holds slots alone. A map would hold every key a second time, and half
// of it be empty: half of what a heap takes, and two thirds of what filling
// it takes.
type index struct {
	table []int32 // slot+1; 0 = empty. Its length is a power of two
	used  int
	seed  maphash.Seed
}

// newIndex has room for so many slots, and a few more.
func newIndex(slots int) index {
	size := 8
	for size*3 < slots*4+4 {
		size *= 2
	}
	return index{table: make([]int32, size), seed: maphash.MakeSeed()}
}

func hash[K comparable](seed maphash.Seed, key K) uint64 {
	if seed == (maphash.Seed{}) {
		return 0 // nothing was ever put there
	}
	return maphash.Comparable(seed, key)
}

// full reports whether there is no room for another slot: a quarter stays
// empty, so that searches end soon.
func (x *index) full() bool { return (x.used+1)*4 > len(x.table)*3 }

// from yields the entries in which a slot with this hash may be.
func (x *index) from(hash uint64) iter.Seq2[int, int32] {
	return func(yield func(int, int32) bool) {
		if len(x.table) == 0 {
			return
		}
		for i := x.home(hash); x.table[i] != 0; i = x.after(i) {
			if !yield(i, x.table[i]-1) {
				return
			}
		}
	}
}

// add enters a slot that is not there yet.
func (x *index) add(hash uint64, slot int32) {
	i := x.home(hash)
	for x.table[i] != 0 {
		i = x.after(i)
	}
	x.table[i] = slot + 1
	x.used++
}

// remove empties an entry and moves up those that were only behind it because
// it was taken. hashOf has to know all slots that are there.
func (x *index) remove(entry int, hashOf func(slot int32) uint64) {
	for i := x.after(entry); x.table[i] != 0; i = x.after(i) {
		if home := x.home(hashOf(x.table[i] - 1)); x.far(home, i) >= x.far(entry, i) {
			x.table[entry] = x.table[i]
			entry = i
		}
	}
	x.table[entry] = 0
	x.used--
}

func (x *index) home(hash uint64) int { return int(hash & uint64(len(x.table)-1)) } //nolint:gosec // less than its length

func (x *index) after(i int) int { return (i + 1) & (len(x.table) - 1) }

// far is how many steps it is from one entry on to another.
func (x *index) far(from, to int) int { return (to - from) & (len(x.table) - 1) }
