package bolt

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// realistic is an ask as agents make them, about 1 KiB.
func realistic(i int64) (bridge.Request, *bridge.AuditLine) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Millisecond)
	r := request(at)
	r.Agent, r.Session = fmt.Sprintf("agent-%d", i%4), "session-4127"
	r.Target = bridge.Target{Provider: "github", Issuer: "https://github.com", ClientID: "Ov23liABCDEFGHIJKLMN"}
	r.Context = []string{"repository example/planner", "branch fix/4127"}
	r.CheckPhrase, r.Reuse = "amber falcon 42", 8*time.Hour
	r.Surfaces = []bridge.Surface{{Channel: "web", State: bridge.DeliveryWaiting}}
	return r, &bridge.AuditLine{
		Time: at, Event: bridge.OnAsk, Request: r.ID, Agent: r.Agent, Session: r.Session, Human: r.Human,
		By: bridge.ByAgent, Actor: r.Agent, Provider: r.Target.Provider, To: r.State, Version: r.Version,
	}
}

// BenchmarkAsks stores asks beside bare bbolt, which puts the same keys and
// values, made beforehand: one Update each, and one Update for all that wait.
// The three take turns, a tenth of a second each, and each ratio is the median
// of the turns, so that a disk that is busy for a while spoils a turn and not
// the figure.
func BenchmarkAsks(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) { benchmarkAsks(b, writers) })
	}
}

func benchmarkAsks(b *testing.B, writers int) {
	const turn = 100 * time.Millisecond
	ours := crew{ask: storeAsk(b)}
	update, group := crew{ask: bareUpdate(bare(b))}, crew{ask: bareGroup(b, bare(b))}
	var toUpdate, toGroup []float64
	b.ResetTimer()
	for ours.done.Load() < int64(b.N) {
		rate := ours.work(b, writers, turn)
		b.StopTimer()
		toUpdate = append(toUpdate, rate/update.work(b, writers, turn))
		toGroup = append(toGroup, rate/group.work(b, writers, turn))
		b.StartTimer()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(ours.done.Load())/b.Elapsed().Seconds(), "asks/s")
	b.ReportMetric(median(toUpdate), "x-bbolt-update")
	b.ReportMetric(median(toGroup), "x-bbolt-group")
}

// crew stores numbered asks.
type crew struct {
	ask        func(i int64) error
	next, done atomic.Int64
}

// work lets so many writers store asks for a while, and returns how many a
// second they stored.
func (c *crew) work(b *testing.B, writers int, turn time.Duration) float64 {
	before, began := c.done.Load(), time.Now()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for time.Since(began) < turn {
				if err := c.ask(c.next.Add(1)); err != nil {
					b.Error(err)
					return
				}
				c.done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(c.done.Load()-before) / time.Since(began).Seconds()
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
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
	stored, _ = json.Marshal(e)
	at := mark{seq: uint64(i)}
	line, _ := at.next(stored)
	w.set(audit, seqKey(at.seq), line)
	return w
}

func bareUpdate(db *bbolt.DB) func(int64) error {
	return func(i int64) error {
		w := sameBytes(i)
		return db.Update(func(tx *bbolt.Tx) error { return w.apply(tx, &mark{}) })
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
					if err := j.w.apply(tx, &mark{}); err != nil {
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

// BenchmarkPending reads what a start needs of the pending requests, and
// compares that with bare walks over the same tree: one copies keys and values
// into a slice, as ours has to read both, and one the keys alone. Ours puts
// the ids into a slice and decodes the rest. The three take turns; the ratios
// are medians.
func BenchmarkPending(b *testing.B) {
	for _, n := range []int64{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkPending(b, n) })
	}
}

func benchmarkPending(b *testing.B, n int64) {
	s := manyPending(b, n)
	bareLines(b, s, n) // all find the file in memory
	var toLines, toKeys []float64
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		readPending(b, s, n)
		ours := time.Since(began)
		b.StopTimer()
		toLines = append(toLines, float64(ours)/float64(bareLines(b, s, n)))
		toKeys = append(toKeys, float64(ours)/float64(bareKeys(b, s, n)))
		b.StartTimer()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/scan")
	b.ReportMetric(median(toLines), "x-bare-lines")
	b.ReportMetric(median(toKeys), "x-bare-keys")
	b.ReportMetric(float64(fileSize(b, s))/float64(n), "file-B/request")
}

func manyPending(b *testing.B, n int64) *Store {
	dir := b.TempDir()
	s := open(b, file(dir), newKey(b, filepath.Join(dir, "seal.key")))
	s.db.NoSync = true // only what is read is measured
	const some = 5000
	for i := int64(0); i < n; i += some {
		err := s.Update(context.Background(), func(tx bridge.Tx) error {
			for j := range min(some, n-i) {
				tx.PutRequest(realistic(i + j))
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func readPending(b *testing.B, s *Store, n int64) {
	ids := make([]bridge.RequestID, 0, n)
	err := s.View(context.Background(), func(tx bridge.ReadTx) error {
		for d, err := range tx.Pending() {
			if err != nil {
				return err
			}
			ids = append(ids, d.ID)
		}
		return nil
	})
	if err != nil || int64(len(ids)) != n {
		b.Fatalf("read %d, error %v", len(ids), err)
	}
}

func bareLines(b *testing.B, s *Store, n int64) time.Duration {
	type line struct{ key, value string }
	began, lines := time.Now(), make([]line, 0, n)
	walk(b, s, func(k, v []byte) { lines = append(lines, line{string(k), string(v)}) })
	if int64(len(lines)) != n {
		b.Fatalf("walked over %d", len(lines))
	}
	return time.Since(began)
}

func bareKeys(b *testing.B, s *Store, n int64) time.Duration {
	began, keys := time.Now(), make([]string, 0, n)
	walk(b, s, func(k, _ []byte) { keys = append(keys, string(k)) })
	if int64(len(keys)) != n {
		b.Fatalf("walked over %d", len(keys))
	}
	return time.Since(began)
}

func walk(b *testing.B, s *Store, do func(k, v []byte)) {
	err := s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(names[pending]).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			do(k, v)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func fileSize(b *testing.B, s *Store) int64 {
	info, err := os.Stat(s.path)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}
