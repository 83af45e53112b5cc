package client_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/client"
)

// TestAKeyIsNotPrinted: nothing that prints a key, or what holds one, shows
// it; nor does what encodes them.
func TestAKeyIsNotPrinted(t *testing.T) {
	const secret = "abk_12345SECRET"
	key := client.NewKey(secret)
	var log, encoded bytes.Buffer
	c := &client.Client{URL: "https://bridge.example.com", Key: key}
	hidden := struct{ key client.Key }{key} // printers reach this one without its methods
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "key", key, "pointer", &key, "client", c, "hidden", hidden)
	}
	seen := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		for _, what := range []any{key, &key, []client.Key{key}, map[string]client.Key{"k": key}, c, hidden, &hidden, struct{ K client.Key }{key}} {
			seen += fmt.Sprintf(verb, what)
		}
	}
	seen += key.String() + key.GoString()
	for _, what := range []any{key, &key, map[string]any{"k": key}} {
		if plain, err := json.Marshal(what); err == nil {
			t.Errorf("it is encoded as %s", plain)
		}
	}
	if err := gob.NewEncoder(&encoded).Encode(key); err == nil {
		t.Error("it is encoded as a gob")
	}
	seen += encoded.String()
	if strings.Contains(seen, "12345") || strings.Contains(strings.ToLower(seen), fmt.Sprintf("%x", "12345")) {
		t.Errorf("it shows: %s", seen)
	}
}

// TestAKeyThatIsNoneIsNotSent: a file with a line end, or two keys, would
// break the header; and the error must not quote it.
func TestAKeyThatIsNoneIsNotSent(t *testing.T) {
	c, desk := bridged(t)
	for _, text := range []string{"abk_12345\n", "abk_12345 abk_6", "abk_12345\r\nX: y", "abk_ä12345", "abk_\x0012345"} {
		c := &client.Client{Socket: c.Socket, Key: client.NewKey(text)}
		_, err := c.Whoami(t.Context())
		if err == nil || errors.Is(err, client.ErrNoBridge) || !strings.Contains(err.Error(), "no key may have") || strings.Contains(err.Error(), "12345") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if desk.Calls() != 0 {
		t.Error("something was sent")
	}
}
