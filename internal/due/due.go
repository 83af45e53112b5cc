// Package due keeps things in the order in which they fall due.
package due

import "time"

// Heap is an indexed min-heap: each key is in it once, with one time. The
// zero Heap is empty and ready. It is not safe for concurrent use: one
// goroutine owns it.
type Heap[K comparable] struct {
	items []item[K]
	index map[K]int
}

// item is kept small: there may be a million.
type item[K comparable] struct {
	key K
	at  time.Duration
}

// Len returns how many keys there are.
func (h *Heap[K]) Len() int { return len(h.items) }

// Put adds a key, or moves it to another time. Times are durations since an
// instant of the caller's choice.
func (h *Heap[K]) Put(key K, at time.Duration) {
	if h.index == nil {
		h.index = make(map[K]int)
	}
	i, known := h.index[key]
	if !known {
		i = len(h.items)
		h.items = append(h.items, item[K]{key, at})
		h.index[key] = i
	}
	h.items[i].at = at
	h.up(i)
	h.down(h.index[key])
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
	last := len(h.items) - 1
	h.swap(i, last)
	h.items = h.items[:last]
	delete(h.index, key)
	if i < last {
		moved := h.items[i].key
		h.up(i)
		h.down(h.index[moved])
	}
}

// Next returns the key that is due first, without taking it out.
func (h *Heap[K]) Next() (key K, at time.Duration, ok bool) {
	if len(h.items) == 0 {
		return key, 0, false
	}
	return h.items[0].key, h.items[0].at, true
}

func (h *Heap[K]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h.items[parent].at <= h.items[i].at {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h *Heap[K]) down(i int) {
	for {
		first := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.items); child++ {
			if h.items[child].at < h.items[first].at {
				first = child
			}
		}
		if first == i {
			return
		}
		h.swap(i, first)
		i = first
	}
}

func (h *Heap[K]) swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	h.index[h.items[i].key] = i
	h.index[h.items[j].key] = j
}
