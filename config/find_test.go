package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/config"
)

func variables(pairs ...string) func(string) string {
	return environment(append([]string{"HOME", ""}, pairs...)...).Getenv
}

// homeWithFile has authbridge.yaml where it belongs below the elements.
func homeWithFile(t *testing.T, elements ...string) (home, file string) {
	t.Helper()
	home = t.TempDir()
	dir := filepath.Join(append([]string{home}, elements...)...)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "authbridge.yaml")
	if err := os.WriteFile(file, []byte("store: bolt\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return home, file
}

func TestFindInOrder(t *testing.T) {
	xdg, xdgFile := homeWithFile(t, "authbridge")
	home, homeFile := homeWithFile(t, ".config", "authbridge")
	empty := t.TempDir()
	for _, c := range []struct {
		name, flag string
		env        func(string) string
		want       string
	}{
		{"the flag wins, there or not", "/nowhere/a.yaml", variables("AUTHBRIDGE_CONFIG", "/nowhere/b.yaml", "XDG_CONFIG_HOME", xdg), "/nowhere/a.yaml"},
		{"then the variable, there or not", "", variables("AUTHBRIDGE_CONFIG", "/nowhere/b.yaml", "XDG_CONFIG_HOME", xdg), "/nowhere/b.yaml"},
		{"then the user's own", "", variables("XDG_CONFIG_HOME", xdg, "HOME", home), xdgFile},
		{"which falls back to the home directory", "", variables("HOME", home), homeFile},
		{"a relative directory is not believed", "", variables("XDG_CONFIG_HOME", "xdg", "HOME", home), homeFile},
	} {
		path, found, tried := config.Find(c.flag, c.env)
		if path != c.want || !found || tried[len(tried)-1] != path {
			t.Errorf("%s: %q, %v, tried %q", c.name, path, found, tried)
		}
	}
	if _, err := os.Stat("/etc/authbridge/authbridge.yaml"); err == nil {
		t.Skip("this machine has a configuration")
	}
	path, found, tried := config.Find("", variables("XDG_CONFIG_HOME", empty, "HOME", home))
	want := []string{filepath.Join(empty, "authbridge/authbridge.yaml"), "/etc/authbridge/authbridge.yaml"}
	if found || path != "" || !slices.Equal(tried, want) {
		t.Errorf("found %q, %v, tried %q, want %q", path, found, tried, want)
	}
}

// TestWorkingDirectoryIsNeverRead: whoever can write where the daemon is
// started must not configure it.
func TestWorkingDirectoryIsNeverRead(t *testing.T) {
	home, _ := homeWithFile(t, ".config", "authbridge")
	_, here := homeWithFile(t)
	t.Chdir(filepath.Dir(here))
	for _, env := range []func(string) string{variables(), variables("XDG_CONFIG_HOME", "."), variables("HOME", "."), variables("HOME", filepath.Base(home))} {
		_, found, tried := config.Find("", env)
		if found && tried[len(tried)-1] != "/etc/authbridge/authbridge.yaml" {
			t.Errorf("found %q", tried)
		}
	}
}

// TestFileThatMayNotBeReadIsNotPassedOver: the next file would say something
// else.
func TestFileThatMayNotBeReadIsNotPassedOver(t *testing.T) {
	home := t.TempDir()
	dangling := filepath.Join(home, "authbridge")
	if err := os.WriteFile(dangling, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path, found, _ := config.Find("", variables("XDG_CONFIG_HOME", home))
	if !found || path != filepath.Join(dangling, "authbridge.yaml") {
		t.Errorf("found %q, %v", path, found)
	}
	if _, err := config.Load(path, environment()); err == nil {
		t.Error("loaded")
	}
}

func TestLoad(t *testing.T) {
	_, file := homeWithFile(t)
	c, err := config.Load(file, environment())
	if err != nil || c.File != file {
		t.Errorf("Load: %v, %v", c, err)
	}
	dir := t.TempDir()
	for path, want := range map[string]string{
		"/nowhere/a.yaml": "  cannot be read: no such file or directory\n  hint: authbridge init writes one",
		dir:               "  cannot be read: is a directory",
		"/dev/zero":       "  larger than 1 MiB, so this is no configuration",
	} {
		_, err := config.Load(path, environment())
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", path, err, want)
			continue
		}
		if got := err.(*config.Faults).Summary(); got != "1 fault in "+path { //nolint:errorlint // Load promises this very type
			t.Error(got)
		}
	}
}

func TestPlacesByDefault(t *testing.T) {
	credentials := t.TempDir()
	key := filepath.Join(credentials, "seal.key")
	if err := os.WriteFile(key, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	type places struct{ state, socket, admin, store, seal string }
	const home = "/home/op/.local/state/authbridge"
	for _, c := range []struct {
		name string
		env  config.Env
		text string
		want places
	}{
		{
			"as a service", environment("STATE_DIRECTORY", "/var/lib/authbridge", "RUNTIME_DIRECTORY", "/run/authbridge", "XDG_RUNTIME_DIR", "/run/user/1", "XDG_STATE_HOME", "/x", "CREDENTIALS_DIRECTORY", credentials), "",
			places{"/var/lib/authbridge", "/run/authbridge/agent.sock", "/run/authbridge/admin.sock", "/var/lib/authbridge/authbridge.db", key},
		},
		{
			"as a service with two directories", environment("STATE_DIRECTORY", "/var/lib/a:/var/lib/b", "RUNTIME_DIRECTORY", "/run/a:/run/b"), "",
			places{"/var/lib/a", "/run/a/agent.sock", "/run/a/admin.sock", "/var/lib/a/authbridge.db", "/var/lib/a/seal.key"},
		},
		{
			"as a user", environment("XDG_STATE_HOME", "/x", "XDG_RUNTIME_DIR", "/run/user/1", "CREDENTIALS_DIRECTORY", t.TempDir()), "",
			places{"/x/authbridge", "/run/user/1/authbridge/agent.sock", "/run/user/1/authbridge/admin.sock", "/x/authbridge/authbridge.db", "/x/authbridge/seal.key"},
		},
		{
			"relative directories are not believed", environment("STATE_DIRECTORY", "a", "XDG_STATE_HOME", "b", "RUNTIME_DIRECTORY", "c", "XDG_RUNTIME_DIR", "d", "CREDENTIALS_DIRECTORY", "e"), "",
			places{home, home + "/agent.sock", home + "/admin.sock", home + "/authbridge.db", home + "/seal.key"},
		},
		{
			"all follows the state directory", environment(), "state_dir: /srv/s",
			places{"/srv/s", "/srv/s/agent.sock", "/srv/s/admin.sock", "/srv/s/authbridge.db", "/srv/s/seal.key"},
		},
		{
			"the admin socket stands beside the other", environment("RUNTIME_DIRECTORY", "/run/a"), "{state_dir: /srv/s, listen: {socket: /srv/own/a.sock}, store: bolt}",
			places{"/srv/s", "/srv/own/a.sock", "/srv/own/admin.sock", "/srv/s/authbridge.db", "/srv/s/seal.key"},
		},
	} {
		got := mustParse(t, c.text, c.env)
		if have := (places{got.StateDir, got.Listen.Socket, got.Listen.Admin, got.Store.Path, got.Seal}); have != c.want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.name, have, c.want)
		}
	}
}

// TestImplied: the human and the agent that are there by themselves go as
// soon as their section is written.
func TestImplied(t *testing.T) {
	c := mustParse(t, "humans: {bob: {}, alice: {}}", environment())
	local := c.Directory.Agents["local"]
	if got := local.May[0].Ask; !slices.Equal(got, []string{"alice", "bob"}) || local.Owner != "" || len(c.Directory.Humans) != 2 {
		t.Errorf("two humans: %+v among %v", local, c.Directory.Humans)
	}
	c = mustParse(t, "humans: {bob: {}}", environment())
	local = c.Directory.Agents["local"]
	if got := local.May[0].Ask; !slices.Equal(got, []string{"bob"}) || local.Owner != "bob" || *local.UID != 4711 {
		t.Errorf("one human: %+v", local)
	}
	c = mustParse(t, may("provider: '*', scopes: ['*'], ask: [operator]"), environment())
	if _, there := c.Directory.Agents["local"]; there || c.Directory.Humans["operator"].Name != "operator" {
		t.Errorf("own agents: %+v", c.Directory)
	}
	if c = mustParse(t, "agents: {}", environment()); len(c.Directory.Agents) != 0 {
		t.Errorf("no agents: %+v", c.Directory.Agents)
	}
}

func TestSummaryCounts(t *testing.T) {
	faults := faultsOf(t, "a: 1", environment())
	if got := faults.Summary(); got != "1 fault in authbridge.yaml" {
		t.Error(got)
	}
	if _, err := config.Empty(config.Env{}); !strings.HasPrefix(err.(*config.Faults).Summary(), "1 fault without a configuration file") { //nolint:errorlint // Empty promises this very type
		t.Error(err)
	}
}
