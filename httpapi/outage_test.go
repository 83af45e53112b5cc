package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
)

// TestAnOutageIsLoggedOnce when it begins and once when it is over, for each
// route: reading may work while nothing can be written.
func TestAnOutageIsLoggedOnce(t *testing.T) {
	s := newStage(t)
	lines := func(text string) int {
		s.t.Helper()
		return strings.Count(s.log.String(), text)
	}
	for outage := 1; outage <= 2; outage++ {
		s.desk.Fail(fmt.Errorf("write: %w: disk full", bridge.ErrStoreUnavailable))
		for range 20 {
			s.do(post(api.RequestsPath, simpleAsk)).problem(api.ProblemStoreUnavailable)
		}
		s.do(get(api.WhoamiPath)).want(http.StatusOK) // says nothing about the store
		if begun, over := lines("store is away"), lines("store is back"); begun != outage || over != outage-1 {
			t.Fatalf("outage %d: %d lines that it began, %d that it is over:\n%s", outage, begun, over, s.log)
		}
		s.desk.Fail(nil)
		s.do(get(api.RequestsPath)).want(http.StatusOK) // another route
		if lines("store is back") != outage-1 {
			t.Errorf("reading ended the outage of writing:\n%s", s.log)
		}
		for range 3 {
			a := s.do(post(api.RequestsPath, simpleAsk))
			if a.StatusCode >= 300 {
				t.Fatalf("status %d", a.StatusCode)
			}
		}
		if lines("store is back") != outage || lines("refused=20") != outage {
			t.Errorf("outage %d is over, and the log says\n%s", outage, s.log)
		}
	}
}
