package store

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/authbridge/authbridge/bridge"
)

// recordVersion is the first byte of every stored record. Fields may be added
// under the same version: an old program passes over them. A change that an
// old program would misread needs a new version, which it refuses.
const recordVersion = 1

// Encode returns the stored form of a record: a version byte, then JSON. A
// record that holds a [bridge.Secret] is refused.
func Encode(record any) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(1 << 10)
	b.WriteByte(recordVersion)
	if err := json.NewEncoder(&b).Encode(record); err != nil {
		return nil, fmt.Errorf("encode %T: %w", record, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Decode reads what Encode wrote. Fields that it does not know are passed
// over; a newer version is ErrNewer, anything else that makes no sense
// ErrDamagedRecord; both are [bridge.ErrUnreadable].
func Decode[T any](stored []byte) (T, error) {
	var record T
	text, err := versioned(stored)
	if err != nil {
		return record, err
	}
	if err := json.Unmarshal(text, &record); err != nil {
		var zero T
		return zero, fmt.Errorf("%w: %w", ErrDamagedRecord, err)
	}
	return record, nil
}

// versioned takes the version byte off.
func versioned(stored []byte) ([]byte, error) {
	switch {
	case len(stored) == 0:
		return nil, fmt.Errorf("%w: the record is empty", ErrDamagedRecord)
	case stored[0] == 0:
		return nil, fmt.Errorf("%w: the record has no version", ErrDamagedRecord)
	case stored[0] > recordVersion:
		return nil, fmt.Errorf("%w (%w): the record has version %d and this authbridge knows %d", ErrNewer, bridge.ErrUnreadable, stored[0], recordVersion)
	}
	return stored[1:], nil
}
