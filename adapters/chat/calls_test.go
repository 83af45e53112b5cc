package chat

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTooManySignedCallsAreRefusedAndNotForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := NewCalls()
		c.seen = NewRecent[struct{}](2*MaxSkew, 2)
		for _, one := range []struct {
			signature string
			ago       time.Duration
			want      error
		}{
			{"old", MaxSkew + time.Second, ErrSkewed},
			{"new", -MaxSkew - time.Second, ErrSkewed},
			{"a", MaxSkew, nil},
			{"b", -MaxSkew, nil},
			{"c", 0, ErrFlooded},
			{"a", 0, ErrReplayed},
		} {
			if err := c.Once(one.signature, time.Now().Add(-one.ago)); !errors.Is(err, one.want) {
				t.Errorf("%s: %v, want %v", one.signature, err, one.want)
			}
		}
	})
}
