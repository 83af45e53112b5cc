package daemon

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// A scrape costs the same however much there is: with a hundred thousand
// requests that wait as with none.
func BenchmarkScrape(b *testing.B) {
	for _, waiting := range []int{0, 100_000} {
		benchmarkScrape(b, waiting)
	}
}

func benchmarkScrape(b *testing.B, waiting int) {
	b.Run(fmt.Sprint("waiting=", waiting), func(b *testing.B) {
		d, err := start(b.Context(), configured(b, home(b), helper), map[string]bridge.Provider{"corp": corp()}, quiet())
		if err != nil {
			b.Fatal(err)
		}
		sow(b, d.store, waiting)
		h := run(b, d)
		h.expect(b, map[string]float64{"requests_open": float64(waiting)})
		ops := h.ops()
		b.ReportAllocs()
		for b.Loop() {
			w := httptest.NewRecorder()
			ops.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil))
			if w.Code != http.StatusOK {
				b.Fatal(w.Code)
			}
		}
		h.stop()
	})
}

// sow stores so many requests that wait for alice.
func sow(b *testing.B, kept bridge.Store, waiting int) {
	b.Helper()
	const batch = 5000
	now := time.Now().UTC()
	for from := 0; from < waiting; from += batch {
		err := kept.Update(b.Context(), func(tx bridge.Tx) error {
			for n := from; n < min(from+batch, waiting); n++ {
				tx.PutRequest(bridge.Request{
					ID: bridge.NewRequestID(now.Add(time.Duration(n) * time.Microsecond)), State: bridge.Asked, Version: 1, Card: 1,
					Agent: "helper", Session: fmt.Sprint(n), Human: "alice",
					Target: bridge.Target{Provider: "corp", Issuer: "https://login.example.com", ClientID: "authbridge"},
					Scopes: []string{"files.read"}, CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(24 * time.Hour),
					Surfaces: []bridge.Surface{{Channel: "web", State: bridge.DeliveryWaiting}},
				}, nil)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
