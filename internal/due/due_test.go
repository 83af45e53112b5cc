package due_test

import (
	"encoding/binary"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/authbridge/authbridge/internal/due"
)

// Whatever is put in, moved and taken out, the heap says the same as a map
// that is searched from end to end.
func TestHeapAgreesWithAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var heap due.Heap[int]
		model := map[int]time.Duration{}
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			key := rapid.IntRange(0, 20).Draw(t, "key")
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0, 1:
				at := time.Duration(rapid.IntRange(0, 50).Draw(t, "at"))
				heap.Put(key, at)
				model[key] = at
			case 2:
				heap.Remove(key)
				delete(model, key)
			}
			agree(t, &heap, model)
		}
	})
}

func agree(t *rapid.T, heap *due.Heap[int], model map[int]time.Duration) {
	if heap.Len() != len(model) {
		t.Fatalf("the heap holds %d keys, want %d", heap.Len(), len(model))
	}
	key, at, ok := heap.Next()
	if ok != (len(model) > 0) {
		t.Fatalf("next is there: %v, with %d keys", ok, len(model))
	}
	for k, want := range model {
		if want < at {
			t.Fatalf("next is %d at %v, but %d is due at %v", key, at, k, want)
		}
		if got, known := heap.At(k); !known || got != want {
			t.Fatalf("key %d is at %v (%v), want %v", k, got, known, want)
		}
	}
	if ok && model[key] != at {
		t.Fatalf("next is %d at %v, but it was put at %v", key, at, model[key])
	}
}

// A heap that is filled at once is like one into which all was put.
func TestFilling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var heap due.Heap[int]
		model := rapid.MapOfN(rapid.IntRange(0, 500), rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.IntRange(0, 50).Draw(t, "at"))
		}), 0, 200).Draw(t, "keys")
		var items []due.Item[int]
		for key, at := range model {
			items = append(items, due.Item[int]{Key: key, At: at})
		}
		heap.Fill(items)
		agree(t, &heap, model)
		for key := range model {
			if key%3 == 0 {
				heap.Remove(key)
				delete(model, key)
			}
		}
		heap.Put(1000, 7)
		model[1000] = 7
		agree(t, &heap, model)
	})
}

// What comes and goes leaves no room behind that grows.
func TestComingAndGoing(t *testing.T) {
	var heap due.Heap[int]
	for i := range 200_000 {
		heap.Put(i, time.Duration(i))
		if i >= 100 {
			heap.Remove(i - 100)
		}
	}
	if heap.Len() != 100 {
		t.Errorf("%d keys are left, want 100", heap.Len())
	}
	for i := 199_900; i < 200_000; i++ {
		if at, known := heap.At(i); !known || at != time.Duration(i) {
			t.Fatalf("key %d is at %v (%v)", i, at, known)
		}
	}
}

func TestEmptyHeap(t *testing.T) {
	var heap due.Heap[string]
	heap.Remove("nobody")
	if _, _, ok := heap.Next(); ok {
		t.Error("an empty heap has a next key")
	}
	if _, ok := heap.At("nobody"); ok {
		t.Error("an empty heap knows a key")
	}
}

// A turn is what a poll costs here: out of the heap, and in again.
func BenchmarkTurn(b *testing.B) {
	var heap due.Heap[[17]byte]
	for i := range 100_000 {
		var k [17]byte
		binary.BigEndian.PutUint64(k[:], uint64(i)*0x9e3779b97f4a7c15)
		heap.Put(k, time.Duration(i*7919%100_000))
	}
	for b.Loop() {
		k, at, _ := heap.Next()
		heap.Remove(k)
		heap.Put(k, at+100_000)
	}
}
