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

// guard calls into bbolt. A damaged page makes bbolt panic, and a file that
// was cut short makes the memory that it is mapped to fault: both become
// ErrDamaged. Nothing of a caller's runs in here.
func guard(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", store.ErrDamaged, p)
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

// unavailable says that nothing was changed, and why.
func unavailable(doing string, err error) error {
	if err == nil || errors.Is(err, bridge.ErrStoreUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", bridge.ErrStoreUnavailable, doing, err)
}
