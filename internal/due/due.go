// Package due keeps things in the order in which they fall due.
package due

import "time"

// Heap is an indexed min-heap: each key is in it once, with one time. The
// zero Heap is empty and ready. It is not safe for concurrent use: one
// goroutine owns it.
//
// It is made for a million keys: each takes about its own size and 25 bytes,
// and with keys that hold no pointers the collector of garbage never looks
// into it.
type Heap[K comparable] struct {
	items []Item[K]
	place []int32 // where in items a slot is; a key has a slot for as long as it is here
	free  []int32 // slots of keys that have gone
	index index
}

// Item is a key and when it is due: a duration since an instant of the
// caller's choice.
type Item[K comparable] struct {
	Key  K
	slot int32
	At   time.Duration
}

// arity is how many children an item has: with four, what is put off moves
// half as far as with two.
const arity = 4

// Fill puts many keys into an empty heap, each once. The items are the heap's
// from then on.
func (h *Heap[K]) Fill(items []Item[K]) {
	h.items = items
	h.place = make([]int32, len(items))
	h.index = newIndex(len(items))
	for i := range items {
		items[i].slot, h.place[i] = int32(i), int32(i)
		h.index.add(hash(h.index.seed, items[i].Key), items[i].slot)
	}
	for i := (len(items) - 2) / arity; i >= 0 && len(items) > 1; i-- {
		it := items[i]
		h.set(h.down(i, it.At), it)
	}
}

// Len returns how many keys there are.
func (h *Heap[K]) Len() int { return len(h.items) }

// Put adds a key, or moves it to another time.
func (h *Heap[K]) Put(key K, at time.Duration) {
	_, slot, known := h.find(key)
	if !known {
		slot = h.enter(key)
	}
	h.settle(int(h.place[slot]), Item[K]{key, slot, at})
}

// At returns when a key is due, and whether it is there at all.
func (h *Heap[K]) At(key K) (time.Duration, bool) {
	_, slot, known := h.find(key)
	if !known {
		return 0, false
	}
	return h.items[h.place[slot]].At, true
}

// Remove takes a key out, if it is there.
func (h *Heap[K]) Remove(key K) {
	entry, slot, known := h.find(key)
	if !known {
		return
	}
	h.index.remove(entry, h.hashOf)
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
	return h.items[0].Key, h.items[0].At, true
}

// find returns the slot of a key and the entry of the index that leads to it.
func (h *Heap[K]) find(key K) (entry int, slot int32, known bool) {
	for entry, slot := range h.index.from(hash(h.index.seed, key)) {
		if h.items[h.place[slot]].Key == key {
			return entry, slot, true
		}
	}
	return 0, 0, false
}

// enter gives a new key a slot, and a place at the end for now.
func (h *Heap[K]) enter(key K) (slot int32) {
	if last := len(h.free) - 1; last >= 0 {
		slot, h.free = h.free[last], h.free[:last]
	} else {
		slot = int32(len(h.place)) //nolint:gosec // two thousand million keys fit in no memory
		h.place = append(h.place, 0)
	}
	if h.index.full() {
		h.reindex()
	}
	h.place[slot] = int32(len(h.items)) //nolint:gosec // likewise
	h.items = append(h.items, Item[K]{Key: key, slot: slot})
	h.index.add(hash(h.index.seed, key), slot)
	return slot
}

// reindex makes an index for twice as many keys.
func (h *Heap[K]) reindex() {
	h.index = newIndex(2 * len(h.items))
	for _, it := range h.items {
		h.index.add(hash(h.index.seed, it.Key), it.slot)
	}
}

func (h *Heap[K]) hashOf(slot int32) uint64 {
	return hash(h.index.seed, h.items[h.place[slot]].Key)
}

// settle finds the place of an item, beginning at the free place i.
func (h *Heap[K]) settle(i int, it Item[K]) {
	h.set(h.down(h.up(i, it.At), it.At), it)
}

// up moves the free place i towards the root, past what is due later.
func (h *Heap[K]) up(i int, at time.Duration) int {
	for i > 0 {
		parent := (i - 1) / arity
		if h.items[parent].At <= at {
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
			if h.items[child].At < h.items[first].At {
				first = child
			}
		}
		if h.items[first].At >= at {
			return i
		}
		h.set(i, h.items[first])
		i = first
	}
}

func (h *Heap[K]) set(i int, it Item[K]) {
	h.items[i] = it
	h.place[it.slot] = int32(i) //nolint:gosec // as in enter
}
