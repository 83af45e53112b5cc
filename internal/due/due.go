// Package due keeps things in the order in which they fall due.
package due

import "time"

// Heap is an indexed min-heap: each key is in it once, with one time. The
// zero Heap is empty and ready. It is not safe for concurrent use: one
// goroutine owns it. With keys that hold no pointers the collector of garbage
// never looks into it, however many there are.
type Heap[K comparable] struct {
	items []item[K]
	index map[K]int32
}

// item is kept small: there may be a million.
type item[K comparable] struct {
	key K
	at  time.Duration
}

// arity is how many children an item has: with four, what is put off moves
// half as far as with two, and every move writes to the index.
const arity = 4

// Len returns how many keys there are.
func (h *Heap[K]) Len() int { return len(h.items) }

// Put adds a key, or moves it to another time. Times are durations since an
// instant of the caller's choice.
func (h *Heap[K]) Put(key K, at time.Duration) {
	if h.index == nil {
		h.index = make(map[K]int32)
	}
	i, known := h.index[key]
	if !known {
		i = int32(len(h.items)) //nolint:gosec // two thousand million keys fit in no memory
		h.items = append(h.items, item[K]{})
	}
	h.settle(int(i), item[K]{key, at})
}

// At returns when a key is due, and whether it is there at all.
func (h *Heap[K]) At(key K) (time.Duration, bool) {
	i, known := h.index[key]
	if !known {
		return 0, false
	}
	return h.items[i].at, true
}

// Remove takes a key out, if it is there.
func (h *Heap[K]) Remove(key K) {
	i, known := h.index[key]
	if !known {
		return
	}
	delete(h.index, key)
	last := h.items[len(h.items)-1]
	h.items = h.items[:len(h.items)-1]
	if int(i) < len(h.items) {
		h.settle(int(i), last)
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
	i = h.down(h.up(i, it.at), it.at)
	h.place(i, it)
}

// up moves the free place i towards the root, past what is due later.
func (h *Heap[K]) up(i int, at time.Duration) int {
	for i > 0 {
		parent := (i - 1) / arity
		if h.items[parent].at <= at {
			break
		}
		h.place(i, h.items[parent])
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
		h.place(i, h.items[first])
		i = first
	}
}

func (h *Heap[K]) place(i int, it item[K]) {
	h.items[i] = it
	h.index[it.key] = int32(i) //nolint:gosec // as in Put
}
