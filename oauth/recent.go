package oauth

import "container/list"

// recent is a bounded memory: where it is full, what was not used for longest
// makes room. Its owner guards it.
type recent[V any] struct {
	limit int
	order list.List // of *remembered[V], the last used first
	byKey map[string]*list.Element
}

type remembered[V any] struct {
	key   string
	value V
}

func newRecent[V any](limit int) *recent[V] {
	return &recent[V]{limit: limit, byKey: map[string]*list.Element{}}
}

func (r *recent[V]) get(key string) (value V, ok bool) {
	at, ok := r.byKey[key]
	if !ok {
		return value, false
	}
	r.order.MoveToFront(at)
	return at.Value.(*remembered[V]).value, true
}

func (r *recent[V]) put(key string, value V) {
	if at, ok := r.byKey[key]; ok {
		at.Value.(*remembered[V]).value = value
		r.order.MoveToFront(at)
		return
	}
	if r.order.Len() >= r.limit {
		oldest := r.order.Remove(r.order.Back()).(*remembered[V])
		delete(r.byKey, oldest.key)
	}
	r.byKey[key] = r.order.PushFront(&remembered[V]{key, value})
}
