package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
)

// TestAnOutageIsLoggedOnce when it begins and once when it is over, for each
// route: reading may work while nothing can be written. It is over when no
// call has failed for a while: some need the store to take nothing.
func TestAnOutageIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		lines := func(text string) int { return strings.Count(s.log.String(), text) }
		for outage := 1; outage <= 2; outage++ {
			for range 20 {
				s.desk.Fail(fmt.Errorf("write: %w: disk full", bridge.ErrStoreUnavailable))
				s.do(post(api.RequestsPath, simpleAsk)).problem(api.ProblemStoreUnavailable)
				s.desk.Fail(nil)
				s.ask(t) // joined, say
			}
			s.do(get(api.WhoamiPath)).want(http.StatusOK) // says nothing about the store
			<-time.After(calm)
			s.do(get(api.RequestsPath)).want(http.StatusOK) // another route
			if begun, over := lines("store is away"), lines("store is back"); begun != outage || over != outage-1 {
				t.Fatalf("outage %d: %d lines that it began, %d that it is over:\n%s", outage, begun, over, s.log)
			}
			for range 3 {
				s.ask(t)
			}
			if lines("store is back") != outage || lines("refused=20") != outage {
				t.Errorf("outage %d is over, and the log says\n%s", outage, s.log)
			}
		}
	})
}

// calm is how long it has to be quiet after an outage.
const calm = 10 * time.Second

// ask asks, with success.
func (s *stage) ask(t *testing.T) {
	t.Helper()
	if a := s.do(post(api.RequestsPath, simpleAsk)); a.StatusCode >= 300 {
		t.Fatalf("status %d", a.StatusCode)
	}
}
