package bolt

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestAfter: keys are bytes, not text; after a prefix comes what is greater
// than all that begin with it, and nothing lies between.
func TestAfter(t *testing.T) {
	keys := rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })
	rapid.Check(t, func(t *rapid.T) {
		prefix, key := keys.Draw(t, "prefix"), keys.Draw(t, "key")
		end := after(prefix)
		if end != "" && prefix+key >= end {
			t.Errorf("%q begins with %q and is not below %q", prefix+key, prefix, end)
		}
		if key > prefix && (end == "" || key < end) && (len(key) < len(prefix) || key[:len(prefix)] != prefix) {
			t.Errorf("%q lies between %q and %q and does not begin with the first", key, prefix, end)
		}
	})
	for prefix, want := range map[string]string{"": "", "\xff\xff": "", "a\xff": "b", "a\x9a": "a\x9b", "a\x80\xff": "a\x81"} {
		if got := after(prefix); got != want {
			t.Errorf("after %q: got %q, want %q", prefix, got, want)
		}
	}
}

func TestTimeKeysKeepTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawTime(t, "a"), drawTime(t, "b")
		if (timeKey(a) < timeKey(b)) != a.Before(b) || (timeKey(a) == timeKey(b)) != a.Equal(b) {
			t.Errorf("%v and %v are in another order as keys", a, b)
		}
	})
}

func drawTime(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label+" is zero") {
		return time.Time{}
	}
	return time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, label), rapid.Int64Range(0, 999_999_999).Draw(t, label+" ns"))
}
