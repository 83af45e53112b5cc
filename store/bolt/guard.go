package bolt

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// errClosed is what every call gets once the store is closed.
var errClosed = fmt.Errorf("%w: it is closed", bridge.ErrStoreUnavailable)

// errPart is a part of the file that cannot be read, at least not now: all the
// rest goes on.
var errPart = store.Fault(errors.Join(bridge.ErrStoreUnavailable, store.ErrDamaged), "a part of the file cannot be read")

// guard calls into bbolt. A damaged page makes bbolt panic, and a file that
// was cut short, or a disk that fails to read, makes the memory that it is
// mapped to fault: all become errPart. Nothing of a caller's runs in here.
func guard(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPart, p)
		}
	}()
	return fn()
}

// faultsPanic lets guard see faults of mapped memory on this goroutine, until
// the function that it returns is called.
func faultsPanic() func() {
	before := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(before) }
}

// unavailable makes a fault ErrStoreUnavailable and says what it was in the
// way of.
func unavailable(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, bridge.ErrStoreUnavailable) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%w: %s: %w", bridge.ErrStoreUnavailable, doing, err)
}
