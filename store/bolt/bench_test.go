package bolt

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// realistic is an ask as agents make them, about 1 KiB.
func realistic(i int64) (bridge.Request, *bridge.Entry) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Millisecond)
	r := request(at)
	r.Agent, r.Session = fmt.Sprintf("agent-%d", i%4), "session-4127"
	r.Target = bridge.Target{Provider: "github", Issuer: "https://github.com", ClientID: "Ov23liABCDEFGHIJKLMN"}
	r.Context = []string{"repository example/planner", "branch fix/4127"}
	r.CheckPhrase, r.Reuse = "amber falcon 42", 8*time.Hour
	r.Surfaces = []bridge.Surface{{Channel: "web", State: bridge.DeliveryWaiting}}
	return r, &bridge.Entry{
		Request: r.ID, Version: r.Version, At: at, Event: bridge.OnAsk,
		By: bridge.Actor{Kind: bridge.ByAgent, Name: r.Agent}, To: r.State,
	}
}

// BenchmarkAsks stores asks beside bare bbolt, which puts the same keys and
// values, made beforehand: one Update each, and one Update for all that wait
// (the best that can be had of bbolt).
func BenchmarkAsks(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("store/%d", writers), func(b *testing.B) { asks(b, writers, storeAsk(b)) })
		b.Run(fmt.Sprintf("bbolt-update/%d", writers), func(b *testing.B) { asks(b, writers, bareUpdate(bare(b))) })
		b.Run(fmt.Sprintf("bbolt-group/%d", writers), func(b *testing.B) { asks(b, writers, bareGroup(b, bare(b))) })
	}
}

// asks divides b.N asks among the writers.
func asks(b *testing.B, writers int, ask func(i int64) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range writers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := ask(i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "asks/s")
}

func storeAsk(b *testing.B) func(int64) error {
	dir := b.TempDir()
	s := open(b, file(dir), newKey(b, filepath.Join(dir, "seal.key")))
	return func(i int64) error {
		r, e := realistic(i)
		return s.Update(context.Background(), func(tx bridge.Tx) error {
			tx.PutRequest(r, e)
			return nil
		})
	}
}

// bare is bbolt as the store opens it, with the same trees.
func bare(b *testing.B) *bbolt.DB {
	path := file(b.TempDir())
	if err := open(b, path, newKey(b, filepath.Join(b.TempDir(), "seal.key"))).Close(); err != nil {
		b.Fatal(err)
	}
	db, err := openFile(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	return db
}

// sameBytes are the writes of one ask, without the reads and checks before.
func sameBytes(i int64) *writes {
	r, e := realistic(i)
	w := &writes{}
	stored, _ := store.Encode(r)
	w.set(requests, string(r.ID), stored)
	for _, l := range index(r) {
		w.set(l.bucket, l.key, []byte(l.value))
	}
	stored, _ = store.Encode(e)
	w.add(history, historyPrefix(string(r.ID)), stored)
	return w
}

func bareUpdate(db *bbolt.DB) func(int64) error {
	return func(i int64) error {
		w := sameBytes(i)
		return db.Update(w.apply)
	}
}

func bareGroup(b *testing.B, db *bbolt.DB) func(int64) error {
	type job struct {
		w    *writes
		done chan error
	}
	queue, over := make(chan job, 4096), make(chan struct{})
	go func() {
		defer close(over)
		for first := range queue {
			group := []job{first}
			for more := true; more && len(group) < maxGroup; {
				select {
				case j, ok := <-queue:
					if more = ok; ok {
						group = append(group, j)
					}
				default:
					more = false
				}
			}
			err := db.Update(func(tx *bbolt.Tx) error {
				for _, j := range group {
					if err := j.w.apply(tx); err != nil {
						return err
					}
				}
				return nil
			})
			for _, j := range group {
				j.done <- err
			}
		}
	}()
	b.Cleanup(func() { close(queue); <-over })
	return func(i int64) error {
		j := job{sameBytes(i), make(chan error, 1)}
		queue <- j
		return <-j.done
	}
}

// BenchmarkPending reads what a start needs of 100,000 pending requests.
func BenchmarkPending(b *testing.B) {
	const n = 100_000
	dir := b.TempDir()
	s := open(b, file(dir), newKey(b, filepath.Join(dir, "seal.key")))
	for i := int64(0); i < n; i += 5000 {
		err := s.Update(context.Background(), func(tx bridge.Tx) error {
			for j := range int64(5000) {
				tx.PutRequest(realistic(i + j))
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		dues := make([]bridge.Due, 0, n)
		err := s.View(context.Background(), func(tx bridge.ReadTx) error {
			for d, err := range tx.Pending() {
				if err != nil {
					return err
				}
				dues = append(dues, d)
			}
			return nil
		})
		if err != nil || len(dues) != n {
			b.Fatalf("read %d, error %v", len(dues), err)
		}
	}
	var size int64
	_ = s.db.View(func(tx *bbolt.Tx) error { size = tx.Size(); return nil })
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/scan")
	b.ReportMetric(float64(size)/n, "file-B/request")
}
