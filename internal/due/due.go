// Package due keeps things in the order in which they fall due.
package due

import "time"

// Heap is an indexed min-heap: each key is in it once, with one time. The
// zero Heap is empty and ready. It is not safe for concurrent use: one
// goroutine owns it. With keys that hold no pointers the collector of garbage
// never looks into it, however many there are.
type Heap[K comparable] struct {
	items []item[K]
	slots map[K]int32 // a key has a slot for as long as it is here
	place []int32     // where in items the key of a slot is
	free  []int32     // slots of keys that have gone
}

// item is kept small: there may be a million.
type item[K comparable] struct {
	key  K
	slot int32
	at   time.Duration
}

// arity is how many children an item has: with four, what is put off moves
// half as far as with two.
const arity = 4

// Len returns how many keys there are.
func (h *Heap[K]) Len() int { return len(h.items) }

// Put adds a key, or moves it to another time. Times are durations since an
// instant of the caller's choice.
func (h *Heap[K]) Put(key K, at time.Duration) {
	slot, known := h.slots[key]
	if !known {
		slot = h.enter(key)
	}
	h.settle(int(h.place[slot]), item[K]{key, slot, at})
}

// enter gives a new key a slot and a free place at the end.
func (h *Heap[K]) enter(key K) (slot int32) {
	if h.slots == nil {
		h.slots = make(map[K]int32)
	}
	if last := len(h.free) - 1; last >= 0 {
		slot, h.free = h.free[last], h.free[:last]
	} else {
		slot = int32(len(h.place)) //nolint:gosec // two thousand million keys fit in no memory
		h.place = append(h.place, 0)
	}
	h.slots[key] = slot
	h.place[slot] = int32(len(h.items)) //nolint:gosec // likewise
	h.items = append(h.items, item[K]{})
	return slot
}

// At returns when a key is due, and whether it is there at all.
func (h *Heap[K]) At(key K) (time.Duration, bool) {
	slot, known := h.slots[key]
	if !known {
		return 0, false
	}
	return h.items[h.place[slot]].at, true
}

// Remove takes a key out, if it is there.
func (h *Heap[K]) Remove(key K) {
	slot, known := h.slots[key]
	if !known {
		return
	}
	delete(h.slots, key)
	h.free = append(h.free, slot)
	i, last := int(h.place[slot]), h.items[len(h.items)-1]
	h.items = h.items[:len(h.items)-1]
	if i < len(h.items) {
		h.settle(i, last)
	}
}

// Next returns the key that is due first, without taking it out.
func (h *Heap[K]) Next() (key K, at time.Duration, ok bool) {
	if len(h.items) == 0 {
		return key, 0, false
	}
	return h.items[0].key, h.items[0].at, true
}

// settle finds the place of an item, beginning at the free place i.
func (h *Heap[K]) settle(i int, it item[K]) {
	h.set(h.down(h.up(i, it.at), it.at), it)
}

// up moves the free place i towards the root, past what is due later.
func (h *Heap[K]) up(i int, at time.Duration) int {
	for i > 0 {
		parent := (i - 1) / arity
		if h.items[parent].at <= at {
			break
		}
		h.set(i, h.items[parent])
		i = parent
	}
	return i
}

// down moves the free place i towards the leaves, past what is due sooner.
func (h *Heap[K]) down(i int, at time.Duration) int {
	for {
		first := arity*i + 1
		if first >= len(h.items) {
			return i
		}
		for child := first + 1; child < min(first+arity, len(h.items)); child++ {
			if h.items[child].at < h.items[first].at {
				first = child
			}
		}
		if h.items[first].at >= at {
			return i
		}
		h.set(i, h.items[first])
		i = first
	}
}

func (h *Heap[K]) set(i int, it item[K]) {
	h.items[i] = it
	h.place[it.slot] = int32(i) //nolint:gosec // as in enter
}
