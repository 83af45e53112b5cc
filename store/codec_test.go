package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

var rewrite = flag.Bool("update", false, "write down the stored forms anew")

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// filled sets every field to something that is not zero, so that a field that
// gets lost is seen.
func filled[T any](t *testing.T) T {
	t.Helper()
	var v T
	fill(t, reflect.ValueOf(&v).Elem())
	return v
}

func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(noon()))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(t, field)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.String:
		v.SetString("word")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(7)
	default:
		t.Fatalf("a record holds a %s: say here how to fill it", v.Type())
	}
}

// TestStoredForms guards what lies on people's disks: what was written once
// is read for ever. A new field is welcome; one that is renamed, moved or of
// another type needs a new version and a reader for the old one.
func TestStoredForms(t *testing.T) {
	t.Run("request", storedForm[bridge.Request])
	t.Run("grant", storedForm[bridge.Grant])
	t.Run("idempotency", storedForm[bridge.Idempotency])
	t.Run("revoking", storedForm[bridge.Revoking])
}

func storedForm[T any](t *testing.T) {
	path := filepath.Join("testdata", filepath.Base(t.Name())+".golden")
	stored, err := store.Encode(filled[T](t))
	if err != nil {
		t.Fatal(err)
	}
	if *rewrite {
		if err := os.WriteFile(path, stored, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if golden[0] != stored[0] {
		t.Errorf("version %d is written, the guarded form has %d", stored[0], golden[0])
	}
	now, then := fields(t, stored), fields(t, golden)
	for name, value := range then {
		if !keeps(now[name], value) {
			t.Errorf("field %s is stored as %v, and was as %v", name, now[name], value)
		}
	}
	old, err := store.Decode[T](golden)
	if err != nil {
		t.Fatal(err)
	}
	again, err := store.Encode(old)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range then {
		if got := fields(t, again)[name]; !cmp.Equal(got, value) {
			t.Errorf("field %s of an old record is read as %v, and was %v", name, got, value)
		}
	}
}

// keeps reports whether a value has all that it had, however deep; there may be
// more in it.
func keeps(now, then any) bool {
	switch then := then.(type) {
	case map[string]any:
		now, same := now.(map[string]any)
		for name, value := range then {
			same = same && keeps(now[name], value)
		}
		return same
	case []any:
		now, same := now.([]any)
		same = same && len(now) == len(then)
		for i := range then {
			same = same && keeps(now[i], then[i])
		}
		return same
	}
	return cmp.Equal(now, then)
}

func fields(t *testing.T, stored []byte) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(stored[1:], &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRecordsRoundTrip(t *testing.T) {
	want := filled[bridge.Request](t)
	stored, err := store.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := store.Decode[bridge.Request](stored)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

func TestDecodePassesOverFieldsOfTheFuture(t *testing.T) {
	got, err := store.Decode[bridge.Grant]([]byte("\x01" + `{"ID":"grt_1","Mood":{"of":["the","day"]}}`))
	if err != nil || got.ID != "grt_1" {
		t.Errorf("got %v, error %v", got.ID, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		what, stored string
		want         error
		say          string
	}{
		{"a newer version", "\x02{}", store.ErrNewer, "version 2 and this authbridge knows 1"},
		{"nothing", "", store.ErrDamaged, "empty"},
		{"no version", "\x00{}", store.ErrDamaged, "no version"},
		{"bare JSON", "{}", store.ErrNewer, "version 123"},
		{"no JSON", "\x01grt_1", store.ErrDamaged, ""},
		{"half a record", "\x01" + `{"ID":"grt_`, store.ErrDamaged, ""},
		{"another type", "\x01" + `{"ID":7}`, store.ErrDamaged, "ID"},
	} {
		got, err := store.Decode[bridge.Grant]([]byte(c.stored))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: got %v, want %v that says %q", c.what, err, c.want, c.say)
		}
		if !cmp.Equal(got, bridge.Grant{}) {
			t.Errorf("%s: half a record came back", c.what)
		}
	}
}

func TestEncodeRefusesSecrets(t *testing.T) {
	_, err := store.Encode(struct{ Token bridge.Secret }{bridge.NewSecret("hunter2")})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error without the secret", err)
	}
}

func TestDueRoundTrip(t *testing.T) {
	var dec store.DueDecoder
	for _, want := range []bridge.Due{
		{},
		{State: bridge.Asked, Provider: "github", Minting: true, Code: 2},
		{State: bridge.Denied, Provider: "github", Owes: true, Code: 1},
		{State: bridge.Asked, Provider: "github", Attend: true, Deadline: noon()},
		{State: bridge.Coded, Provider: "", Code: 6, Interval: 5 * time.Second, Deadline: noon().Add(1)},
		{State: bridge.Held, Provider: strings.Repeat("p", 300), Deadline: time.Unix(-5, 9).UTC()},
	} {
		want.ID = "req_1"
		got, err := dec.Decode("req_1", store.EncodeDue(want))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
	}
}

func TestDueStoredForm(t *testing.T) {
	due := bridge.Due{State: bridge.Coded, Provider: "github", Owes: true, Code: 2, Interval: 5 * time.Second, Deadline: noon()}
	const form = "\x01\x06\x04\x80\xc8\xaf\xa0\x25\x80\xe5\x96\xb0\x0d\x00\x05coded\x06github"
	if got := store.EncodeDue(due); string(got) != form {
		t.Errorf("got %q, and it was %q", got, form)
	}
	var dec store.DueDecoder
	if _, err := dec.Decode("req_1", []byte(form+"something of the future")); err != nil {
		t.Errorf("with more behind it: %v", err)
	}
	for n := range len(form) {
		if _, err := dec.Decode("req_1", []byte(form[:n])); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("cut to %d bytes: got %v, want ErrDamaged", n, err)
		}
	}
	if _, err := dec.Decode("req_1", []byte("\x02"+form[1:])); !errors.Is(err, store.ErrNewer) {
		t.Errorf("a newer version: got %v, want ErrNewer", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"request", "grant", "revoking"} {
		golden, err := os.ReadFile(filepath.Join("testdata", name+".golden"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(golden)
	}
	f.Add([]byte("\x02{}"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, stored []byte) {
		r, err := store.Decode[bridge.Request](stored)
		if err != nil {
			if !errors.Is(err, store.ErrDamaged) && !errors.Is(err, store.ErrNewer) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		once, err := store.Encode(r)
		if err != nil {
			t.Fatalf("what was decoded cannot be encoded: %v", err)
		}
		again, err := store.Decode[bridge.Request](once)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := store.Encode(again); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("it changes each time it is stored: %v\n%s\n%s", err, once, twice)
		}
	})
}

func FuzzDecodeDue(f *testing.F) {
	f.Add(store.EncodeDue(bridge.Due{State: bridge.Coded, Provider: "github", Code: 2, Interval: time.Second, Deadline: noon()}))
	f.Add(store.EncodeDue(bridge.Due{}))
	f.Fuzz(func(t *testing.T, stored []byte) {
		var dec store.DueDecoder
		d, err := dec.Decode("req_1", stored)
		if err != nil {
			if !errors.Is(err, store.ErrDamaged) && !errors.Is(err, store.ErrNewer) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		again, err := dec.Decode("req_1", store.EncodeDue(d))
		if err != nil || !again.Deadline.Equal(d.Deadline) {
			t.Fatalf("error %v; %v became %v", err, d, again)
		}
		if again.Deadline, d.Deadline = noon(), noon(); again != d {
			t.Fatalf("%v became %v", d, again)
		}
	})
}
