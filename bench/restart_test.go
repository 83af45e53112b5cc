//go:build unix

package bench

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// BenchmarkRestart is the time from the opening of the store to a bridge that
// has taken up what is pending, compared with a program that does nothing but
// read as many lines of an index, of the same size, out of a bbolt file of
// their own. Both files are in the system's cache. The CPU of the two processes
// is compared as well: on a busy machine it says more than the time.
// BENCH_RESTART says how many are pending.
func BenchmarkRestart(b *testing.B) {
	for _, grants := range numbers(b, "BENCH_RESTART", 200_000) {
		b.Run(fmt.Sprintf("pending=%d", grants), func(b *testing.B) { benchmarkRestart(b, grants) })
	}
}

func benchmarkRestart(b *testing.B, grants int) {
	const rounds = 5
	dir, issuer := b.TempDir(), start(b, task{Role: "issuer"})
	issuer.ask(command{Verb: prepare, Interval: time.Minute}) // no polls meanwhile
	seed(b, dir, issuer.ready.Addr, grants)
	lay(b, dir, grants)
	var took, ratios, work []float64
	for range max(rounds, b.N) {
		scan := started(b, task{Role: "scan", Dir: dir, Grants: grants})
		bridge := started(b, task{Role: "bridge", Dir: dir, Grants: grants, Issuer: issuer.ready.Addr})
		b.Logf("bridge %v (%v of CPU), scan %v (%v)", bridge.Took, bridge.CPU, scan.Took, scan.CPU)
		took = append(took, us(bridge.Took)/1000)
		ratios = append(ratios, float64(bridge.Took)/float64(scan.Took))
		work = append(work, float64(bridge.CPU)/float64(scan.CPU))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(took), "start-ms")
	b.ReportMetric(median(ratios), "start-x-scan")
	b.ReportMetric(median(work), "cpu-x-scan")
}

// started starts a process and returns how it was when it was ready.
func started(t testing.TB, job task) report {
	t.Helper()
	job.Profile = profileOf(job.Role)
	one := start(t, job)
	defer one.stop()
	if job.Profile != "" {
		one.ask(command{Verb: collect})
	}
	if job.Role == "scan" && one.ready.Found != job.Grants {
		t.Errorf("the bare index has %d lines and not %d", one.ready.Found, job.Grants)
	}
	return one.ready
}

const bareFile = "bare.db"

var bareIndex = []byte("index")

func openBare(dir string) (*bbolt.DB, error) {
	return bbolt.Open(filepath.Join(dir, bareFile), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoStatistics: true})
}

// lay writes an index of what is pending as the bridge's store has it: a
// request's id, and what scheduling needs of it.
func lay(t testing.TB, dir string, grants int) {
	t.Helper()
	db, err := openBare(dir)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	value := store.EncodeDue(bridge.Due{State: bridge.Coded, Provider: "corp", Code: 1, Interval: time.Minute, Deadline: now})
	for from := 0; from < grants; from += seedBatch {
		err := db.Update(func(tx *bbolt.Tx) error {
			index, err := tx.CreateBucketIfNotExists(bareIndex)
			if err != nil {
				return err
			}
			index.FillPercent = 0.9
			for i := from; i < min(from+seedBatch, grants); i++ {
				id := bridge.NewRequestID(now.Add(time.Duration(i) * time.Millisecond))
				if err := index.Put([]byte(id), value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// indexed is one line of an index, in memory.
type indexed struct {
	key   string
	value []byte
}

// playScan reads the bare index into a slice.
func playScan(_ context.Context, t task) (func(command) report, error) {
	began := time.Now()
	db, err := openBare(t.Dir)
	if err != nil {
		return nil, err
	}
	var all []indexed
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bareIndex).ForEach(func(k, v []byte) error {
			all = append(all, indexed{string(k), bytes.Clone(v)})
			return nil
		})
	})
	took := time.Since(began)
	return func(command) report { return report{Took: took, Found: len(all)} }, err
}
