package httpapi

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/internal/localhttp"
)

func TestAnAgentThatAsksWithoutEndIsSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &handler{asks: newPace(time.Second, 3), outages: newOutages(), log: slog.New(slog.DiscardHandler)}
		taken := func(agent string) (n int) {
			for h.mayAsk(agent) == nil {
				n++
			}
			return n
		}
		if n := taken("wild"); n != 3 {
			t.Errorf("%d asks at once", n)
		}
		var no *localhttp.Refusal
		if err := h.mayAsk("wild"); !errors.As(err, &no) || no.Problem.Code != api.ProblemTooManyOpen || no.RetryAfter != time.Second {
			t.Errorf("the next is answered with %v", err)
		}
		if n := taken("quiet"); n != 3 {
			t.Errorf("another has %d", n)
		}
		<-time.After(1500 * time.Millisecond)
		if n := taken("wild"); n != 1 {
			t.Errorf("%d after a second and a half", n)
		}
		<-time.After(time.Hour)
		if n := taken("wild"); n != 3 {
			t.Errorf("%d after an hour", n)
		}
	})
}
