package bridge_test

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/authbridge/authbridge/bridge"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

// countingStore counts the transactions that may write.
type countingStore struct {
	bridge.Store
	updates atomic.Int64
}

func (s *countingStore) Update(ctx context.Context, fn func(bridge.Tx) error) error {
	s.updates.Add(1)
	return s.Store.Update(ctx, fn)
}
