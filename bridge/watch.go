package bridge

import (
	"maps"
	"slices"
	"sync"
)

// watchers wakes those who wait for a change. A wake-up is only a hint: who
// is woken reads the store. Nobody polls it.
type watchers struct {
	mu  sync.Mutex
	all map[string]map[chan struct{}]struct{}
}

func newWatchers() *watchers {
	return &watchers{all: make(map[string]map[chan struct{}]struct{})}
}

// watch returns a channel that gets a value after each change of the topic;
// several changes may come as one. stop ends it.
func (w *watchers) watch(topic string) (changed <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all[topic] == nil {
		w.all[topic] = make(map[chan struct{}]struct{})
	}
	w.all[topic][ch] = struct{}{}
	return ch, func() { w.forget(topic, ch) }
}

func (w *watchers) forget(topic string, ch chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all[topic], ch)
	if len(w.all[topic]) == 0 {
		delete(w.all, topic)
	}
}

// wake tells everybody who watches the topics.
func (w *watchers) wake(topics ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, topic := range topics {
		for ch := range w.all[topic] {
			select {
			case ch <- struct{}{}:
			default: // one wake-up is already waiting there
			}
		}
	}
}

// wakeAll tells everybody who watches.
func (w *watchers) wakeAll() {
	w.mu.Lock()
	topics := slices.Collect(maps.Keys(w.all))
	w.mu.Unlock()
	w.wake(topics...)
}

// topicOf is what changes with a request; topicFor with anything that a
// human is shown; topicBy with anything that an agent has asked or holds.
func topicOf(id RequestID) string { return "request/" + string(id) }
func topicFor(whom string) string { return "for/" + whom }
func topicBy(agent string) string { return "by/" + agent }
