package bolt

import (
	"context"
	"testing"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// BenchmarkRequest reads requests that were read before, and so many in turn
// that none is remembered, beside the decoding of one.
func BenchmarkRequest(b *testing.B) {
	s := manyPending(b, 4*recentMost)
	var ids []bridge.RequestID
	readAll(b, s, func(r bridge.Request) { ids = append(ids, r.ID) })
	for _, c := range []struct {
		name string
		some int
	}{{"remembered", 50}, {"forgotten", len(ids)}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				err := s.View(context.Background(), func(tx bridge.ReadTx) error {
					_, err := tx.Request(ids[i%c.some])
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("page", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = s.View(context.Background(), func(tx bridge.ReadTx) error {
				n := 0
				for _, err := range tx.RequestsOf("agent-1", "") {
					if n++; err != nil || n > 50 {
						break
					}
				}
				return nil
			})
		}
	})
	b.Run("decode", func(b *testing.B) {
		r, _ := realistic(1)
		stored, err := store.Encode(r)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := store.Decode[bridge.Request](stored); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func readAll(b *testing.B, s *Store, do func(bridge.Request)) {
	err := s.View(context.Background(), func(tx bridge.ReadTx) error {
		for r, err := range tx.OpenFor("alice") {
			if err != nil {
				return err
			}
			do(r)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
