package chat

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// TestARecallIsBounded, whoever has how much remembered; what has had its time
// goes first, and is given to nobody.
func TestARecallIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewRecall[int]()
		r.most = 10
		for n := range 9 {
			r.Put("short "+strconv.Itoa(n), n, time.Second)
		}
		r.Put("long", 7, time.Hour)
		if got, known := r.Take("short 0"); !known || got != 0 {
			t.Errorf("it forgot: %d, %t", got, known)
		}
		<-time.After(time.Second)
		if _, known := r.Take("short 1"); known {
			t.Error("what has had its time is given to somebody")
		}
		if _, known := r.Get("short 2"); known {
			t.Error("what has had its time is remembered")
		}
		for n := range 3 {
			r.Put("new "+strconv.Itoa(n), n, time.Hour)
		}
		if got, known := r.Get("long"); !known || got != 7 {
			t.Errorf("what had time left went first: %d, %t", got, known)
		}
		for n := range 100 {
			r.Put("much "+strconv.Itoa(n), n, time.Hour)
		}
		if len(r.all) != r.most {
			t.Errorf("it remembers %d", len(r.all))
		}
		if got, known := r.Get("much 99"); !known || got != 99 {
			t.Errorf("the last one is not remembered: %d, %t", got, known)
		}
	})
}

// TestMattersAreBounded: with more than there is room for, the oldest are
// forgotten, and those of a moment ago are still known.
func TestMattersAreBounded(t *testing.T) {
	t.Parallel()
	s := newMatters()
	s.recent.max = 4
	for n := range 100 {
		id := strconv.Itoa(n)
		if _, first := s.of(id, func() {}); !first {
			t.Errorf("%s came before", id)
		}
		if _, first := s.of(id, func() {}); first {
			t.Errorf("a copy of %s is taken for the first", id)
		}
	}
	if n := len(s.recent.young) + len(s.recent.old); n > 2*s.recent.max {
		t.Errorf("%d are remembered", n)
	}
}
