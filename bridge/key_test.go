package bridge_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

func TestAKeyFindsItsAgentAlone(t *testing.T) {
	key, hash := bridge.NewKey()
	other, otherHash := bridge.NewKey()
	uid := uint32(1)
	dir := &bridge.Directory{Agents: map[string]bridge.Agent{
		"ci": {Name: "ci", KeyHash: hash}, "other": {Name: "other", KeyHash: otherHash}, "local": {Name: "local", UID: &uid},
	}}
	for want, k := range map[string]bridge.Secret{"ci": key, "other": other} {
		if a, ok := dir.AgentByKey(k); !ok || a.Name != want {
			t.Errorf("the key of %s finds %q, %v", want, a.Name, ok)
		}
	}
	plain := key.Reveal()
	for what, k := range map[string]string{
		"no key": "", "a prefix": bridge.KeyPrefix, "its hash": hash.String(), "a part": plain[:len(plain)-1], "more": plain + "A",
		"small": strings.ToLower(plain), "without prefix": strings.TrimPrefix(plain, bridge.KeyPrefix), "the hash of nothing": string(make([]byte, 32)),
	} {
		if a, ok := dir.AgentByKey(bridge.NewSecret(k)); ok {
			t.Errorf("%s is taken for the key of %s", what, a.Name)
		}
	}
}

func TestKeysAreLongAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		key, hash := bridge.NewKey()
		plain := key.Reveal()
		if seen[plain] || !strings.HasPrefix(plain, "abk_") || len(plain) < len("abk_")+26 || hash != bridge.HashKey(key) {
			t.Fatalf("a key of %d characters", len(plain))
		}
		seen[plain] = true
		if said := fmt.Sprintf("%v %+v %#v %s", key, key, key, key); strings.Contains(said, plain) {
			t.Fatal("a key is printed")
		}
	}
}

func TestTheHashOfAKeyIsReadStrictly(t *testing.T) {
	_, hash := bridge.NewKey()
	text := hash.String()
	if got, err := bridge.ParseKeyHash(text); err != nil || got != hash || len(text) != 48 {
		t.Errorf("%s is read as %v, %v", text, got, err)
	}
	odd := text[:len(text)-1] + map[bool]string{true: "B", false: "b"}[strings.HasSuffix(text, "A")]
	for what, bad := range map[string]string{
		"nothing": "", "a prefix": "abh1$", "another kind": "abh2$" + text[5:], "short": text[:47], "long": text + "A", "padded": text + "=", "a line": text[:20] + "\n" + text[20:],
		"a key": "abk_ABCDEFGHIJKLMNOPQRSTUVWXYZ", "spaces": " " + text, "bits that mean nothing": odd,
		"other letters": "abh1$" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", 32)))[:43],
	} {
		if _, err := bridge.ParseKeyHash(bad); !errors.Is(err, bridge.ErrKeyHash) {
			t.Errorf("%s is taken: %v", what, err)
		}
	}
}

// TestAnotherKeyIsTheSameAgent: what the agent was given stays its own when it
// gets a key, and when that is replaced; the old one is nobody's at once.
func TestAnotherKeyIsTheSameAgent(t *testing.T) {
	reloading(t, func(t *testing.T, w *bridgetest.World) {
		arrange(t, w)
		var old bridge.Secret
		for range 3 {
			key, hash := bridge.NewKey()
			ended := reload(t, w, configured(func(d *bridge.Directory) {
				helper := d.Agents["helper"]
				helper.KeyHash = hash
				d.Agents["helper"] = helper
			}))
			if ended != (bridge.Reviewed{}) {
				t.Errorf("a new key ended %+v", ended)
			}
			if a, ok := w.AgentByKey(key); !ok || a.Name != "helper" {
				t.Errorf("the new key finds %q, %v", a.Name, ok)
			}
			if _, ok := w.AgentByKey(old); ok {
				t.Error("the old key is known")
			}
			old = key
		}
		r := w.MustAsk(bridge.Ask{Session: "after"})
		in, err := w.Inbox(ctx, "alice")
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(in.Waiting, func(c bridge.Card) bool { return c.Request == r.ID })
		if who := in.Waiting[i].Who; who != "helper, on alice's laptop, local user 1001, known by its key, yours" {
			t.Errorf("the card says: %s", who)
		}
	})
}
