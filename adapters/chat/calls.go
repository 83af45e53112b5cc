package chat

import (
	"errors"
	"sync"
	"time"
)

const (
	// MaxSkew is how far the time of a signed call may be from ours, on either
	// side.
	MaxSkew = 5 * time.Minute
	// maxSignatures bounds how many are remembered of each such window. With
	// more, calls are refused: one that was forgotten could be brought again.
	maxSignatures = 50_000
)

// Why a signed call is not taken for a new one of the platform's.
var (
	ErrSkewed   = errors.New("signed more than five minutes from now: check this machine's clock")
	ErrReplayed = errors.New("the same signed call came before")
	ErrFlooded  = errors.New("too many signed calls in a few minutes")
)

// Calls tells signed calls from copies of them. It is safe for concurrent use.
type Calls struct {
	mu   sync.Mutex
	seen *Recent[struct{}]
}

// NewCalls has seen none yet.
func NewCalls() *Calls { return &Calls{seen: NewRecent[struct{}](2*MaxSkew, maxSignatures)} }

// Once takes note of a call whose signature was found right, and refuses one
// that was signed too long ago, or that came before.
func (c *Calls) Once(signature string, signed time.Time) error {
	if skew := time.Since(signed); skew > MaxSkew || skew < -MaxSkew {
		return ErrSkewed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.seen.Get(signature); ok {
		return ErrReplayed
	}
	if !c.seen.Put(signature, struct{}{}) {
		return ErrFlooded
	}
	return nil
}
