package chat

import (
	"sync"
	"time"
)

// Recall remembers a bounded number of things, each for a while.
// It is safe for concurrent use.
type Recall[V any] struct {
	most int

	mu  sync.Mutex
	all map[string]recalled[V]
}

type recalled[V any] struct {
	what  V
	until time.Time
}

// recallMost bounds what is remembered of one kind: more than a workspace has
// people who use the bridge at a time.
const recallMost = 10_000

// NewRecall remembers nothing yet.
func NewRecall[V any]() *Recall[V] {
	return &Recall[V]{most: recallMost, all: map[string]recalled[V]{}}
}

// Put remembers something for a while.
func (r *Recall[V]) Put(key string, what V, life time.Duration) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) >= r.most {
		r.makeRoom(now)
	}
	r.all[key] = recalled[V]{what, now.Add(life)}
}

// Get returns what is remembered.
func (r *Recall[V]) Get(key string) (what V, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, known := r.all[key]
	if !known || !time.Now().Before(found.until) {
		return what, false
	}
	return found.what, true
}

// Take returns what is remembered, and forgets it: nobody else is given it.
func (r *Recall[V]) Take(key string) (what V, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, known := r.all[key]
	delete(r.all, key)
	if !known || !time.Now().Before(found.until) {
		return what, false
	}
	return found.what, true
}

// Drop forgets something.
func (r *Recall[V]) Drop(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, key)
}

// makeRoom forgets what has had its time, and one more if that was nothing. It
// needs the lock.
func (r *Recall[V]) makeRoom(now time.Time) {
	for key, found := range r.all {
		if !now.Before(found.until) {
			delete(r.all, key)
		}
	}
	for key := range r.all {
		if len(r.all) < r.most {
			return
		}
		delete(r.all, key)
	}
}
