package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time. It is written as a string in Go's form
// ("1h30m0s") and read from such a string, with days ("90d", "1d12h") too, or
// from a number of seconds. It is never negative.
type Duration time.Duration

// errDuration is the one answer to all that is not a duration.
var errDuration = errors.New(`not a duration: say "90s", "1h30m", "7d", or a number of seconds`)

const day = 24 * time.Hour

// ParseDuration reads a duration in Go's form, which may begin with whole or
// broken days.
func ParseDuration(s string) (Duration, error) {
	rest := s
	var days float64
	if number, after, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || strings.ContainsAny(number, "xXpP_iI+-") {
			return 0, errDuration
		}
		days, rest = n*float64(day), after
		if rest == "" {
			rest = "0s"
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, errDuration
	}
	return sum(days, d)
}

// sum adds nanoseconds and refuses what no Duration holds.
func sum(ns float64, d time.Duration) (Duration, error) {
	const limit = math.MaxInt64 / 4 // 73 years: far from where float64 rounds over the edge
	if !(ns >= 0 && ns < limit) || d > limit {
		return 0, errDuration
	}
	return Duration(time.Duration(ns) + d), nil
}

// String returns the duration in Go's form.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes a string in Go's form.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON takes a string as ParseDuration does, a number of seconds, or
// null for none.
func (d *Duration) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	parsed, err := decodeDuration(data)
	if err != nil {
		// This type of error is the one that the decoder adds the field to.
		return &json.UnmarshalTypeError{Value: string(data), Type: reflect.TypeFor[Duration]()}
	}
	*d = parsed
	return nil
}

func decodeDuration(data []byte) (Duration, error) {
	if data[0] != '"' {
		seconds, err := strconv.ParseFloat(string(data), 64)
		if err != nil {
			return 0, errDuration
		}
		return sum(seconds*float64(time.Second), 0)
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return 0, err
	}
	return ParseDuration(text)
}
