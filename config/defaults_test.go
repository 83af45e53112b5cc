package config

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestDefaultsAreWhatAnEmptyFileHas: the page shows what a decoder holds
// before it reads, and that is what is in force without the key.
func TestDefaultsAreWhatAnEmptyFileHas(t *testing.T) {
	shown := map[string]string{}
	for _, k := range Keys() {
		shown[k.Path] = k.Default
	}
	c, err := Empty(Env{Getenv: func(name string) string { return map[string]string{"HOME": "/home/op"}[name] }})
	if err != nil {
		t.Fatal(err)
	}
	limits := c.Directory.Limits
	for path, want := range map[string]string{
		"listen.web": c.Listen.Web, "listen.ops": c.Listen.Ops, "store": c.Store.Kind, "log.level": "info", "log.format": c.Log.Format,
		"request.ttl": shortly(limits.TTL), "request.collect_grace": shortly(limits.CollectGrace), "retain": shortly(limits.Retain),
		"request.max_open_per_human":  fmt.Sprint(limits.MaxOpenPerHuman),
		"agents.*.may[].reuse":        shortly(c.Directory.Agents[local].May[0].Reuse),
		"network.allow_http_loopback": "false", "agents.*.may[].code": "on_click", "agents.*.may[].binding": "show", "providers.*.trust": "configured",
	} {
		if shown[path] != want {
			t.Errorf("%s: the page shows the default %q, and it is %q", path, shown[path], want)
		}
	}
}

// TestDefaultPlaces holds the defaults that are told in words to what is done.
func TestDefaultPlaces(t *testing.T) {
	handed := t.TempDir()
	if err := os.WriteFile(filepath.Join(handed, "seal.key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	variables := []string{"HOME", "XDG_STATE_HOME", "STATE_DIRECTORY", "XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY", "CREDENTIALS_DIRECTORY"}
	values := map[string]string{
		"HOME": "/home/op", "XDG_STATE_HOME": "/xdg/state", "STATE_DIRECTORY": "/var/lib/authbridge",
		"XDG_RUNTIME_DIR": "/run/user/1", "RUNTIME_DIRECTORY": "/run/authbridge", "CREDENTIALS_DIRECTORY": handed,
	}
	type places struct{ State, Socket, Admin, Seal string }
	for n, want := range map[int]places{
		1: {"/home/op/.local/state/authbridge", "/home/op/.local/state/authbridge/agent.sock", "/home/op/.local/state/authbridge/admin.sock", "/home/op/.local/state/authbridge/seal.key"},
		2: {"/xdg/state/authbridge", "/xdg/state/authbridge/agent.sock", "/xdg/state/authbridge/admin.sock", "/xdg/state/authbridge/seal.key"},
		3: {"/var/lib/authbridge", "/var/lib/authbridge/agent.sock", "/var/lib/authbridge/admin.sock", "/var/lib/authbridge/seal.key"},
		4: {"/var/lib/authbridge", "/run/user/1/authbridge/agent.sock", "/run/user/1/authbridge/admin.sock", "/var/lib/authbridge/seal.key"},
		6: {"/var/lib/authbridge", "/run/authbridge/agent.sock", "/run/authbridge/admin.sock", filepath.Join(handed, "seal.key")},
	} {
		set := map[string]string{}
		for _, name := range variables[:n] {
			set[name] = values[name]
		}
		c, err := Empty(Env{Getenv: func(name string) string { return set[name] }})
		if err != nil {
			t.Fatal(err)
		}
		if got := (places{c.StateDir, c.Listen.Socket, c.Listen.Admin, c.Seal}); got != want {
			t.Errorf("with %v: %+v, want %+v", variables[:n], got, want)
		}
	}
}
