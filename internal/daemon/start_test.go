package daemon

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/localhttp"
	"github.com/authbridge/authbridge/store"
)

// TestAStartThatFailsLeavesNothingOpen puts one thing in the way at a time.
// Once it is away, the same start succeeds: no lock, socket or port was kept.
func TestAStartThatFailsLeavesNothingOpen(t *testing.T) {
	for name, c := range map[string]struct {
		obstruct func(t *testing.T, cfg *config.Config) (clear func())
		said     string
		is       error // nil = any
	}{
		"the inbox's port is busy": {
			func(t *testing.T, cfg *config.Config) func() { return listenTCP(t, cfg.Listen.Web) },
			"change listen.web in the configuration, or stop what listens there", nil,
		},
		"the port of ops is busy": {
			func(t *testing.T, cfg *config.Config) func() { return listenTCP(t, cfg.Listen.Ops) },
			"change listen.ops in the configuration, or stop what listens there", nil,
		},
		"somebody is at the agents' socket": {
			func(t *testing.T, cfg *config.Config) func() { return listenUnix(t, cfg.Listen.Socket) },
			"open the socket for agents: another authbridge is listening at ", localhttp.ErrInUse,
		},
		"somebody is at the operator's socket": {
			func(t *testing.T, cfg *config.Config) func() { return listenUnix(t, cfg.Listen.Admin) },
			"open the socket for admin: another authbridge is listening at ", localhttp.ErrInUse,
		},
		"a file is where a socket should be": {
			func(t *testing.T, cfg *config.Config) func() { return inTheWay(t, cfg.Listen.Admin, "precious") },
			"is there and is no socket: move it away", nil,
		},
		"the store is locked": {
			func(t *testing.T, cfg *config.Config) func() {
				first, err := Start(t.Context(), elsewhere(cfg), quiet())
				if err != nil {
					t.Fatal(err)
				}
				return func() { check(t, first.close()) }
			},
			"another authbridge has ", store.ErrInUse,
		},
		"the seal key is garbled": {
			func(t *testing.T, cfg *config.Config) func() { return inTheWay(t, cfg.Seal, "precious") },
			"is not a keyset", store.ErrNoKey,
		},
		"the seal key is gone": {
			func(t *testing.T, cfg *config.Config) func() { return moved(t, cfg, cfg.Seal) },
			"put the key back", store.ErrNoKey,
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configured(t, home(t), helper)
			cfg.Listen.Web, cfg.Listen.Ops = freePort(t), freePort(t)
			clear := c.obstruct(t, cfg)
			over := clean(t)
			_, err := Start(t.Context(), cfg, quiet())
			if err == nil || !strings.Contains(err.Error(), c.said) || c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("Start says: %v", err)
			}
			if strings.Contains(err.Error(), "precious") {
				t.Errorf("what was in the way is in the error: %v", err)
			}
			over()
			clear()
			h := open(t, cfg, corp())
			h.ask("")
			h.stop()
		})
	}
}

// elsewhere is the same store behind other doors.
func elsewhere(cfg *config.Config) *config.Config {
	other := *cfg
	other.Listen = config.Listen{Socket: cfg.Listen.Socket + "2", Admin: cfg.Listen.Admin + "2"}
	return &other
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// freePort is a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { check(t, l.Close()) }()
	return l.Addr().String()
}

func listenTCP(t *testing.T, at string) func() {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	return func() { check(t, l.Close()) }
}

func listenUnix(t *testing.T, path string) func() {
	t.Helper()
	l, err := localhttp.Listen(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() { check(t, l.Close()) }
}

func inTheWay(t *testing.T, path, text string) func() {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		if kept, err := os.ReadFile(path); err != nil || string(kept) != text {
			t.Errorf("what was in the way was touched: %q, %v", kept, err)
		}
		check(t, os.Remove(path))
	}
}

// moved makes a store and takes one of its files away.
func moved(t *testing.T, cfg *config.Config, path string) func() {
	t.Helper()
	first, err := Start(t.Context(), cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	check(t, first.close())
	check(t, os.Rename(path, path+".away"))
	return func() {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("another was made in its place: %v", err)
		}
		check(t, os.Rename(path+".away", path))
	}
}

func TestAProviderThatCannotBeIsNamed(t *testing.T) {
	cfg := configured(t, home(t), helper)
	broken := cfg.Providers["corp"]
	broken.AuthMethod = "guess"
	cfg.Providers["corp"] = broken
	over := clean(t)
	_, err := Start(t.Context(), cfg, quiet())
	if err == nil || !strings.HasPrefix(err.Error(), "provider corp: ") {
		t.Errorf("Start says: %v", err)
	}
	over()
	if _, err := os.Stat(cfg.StateDir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the store was made all the same")
	}
}

func TestAStartThatIsGivenUp(t *testing.T) {
	cfg := configured(t, home(t), helper)
	ctx := cancelled(t)
	over := clean(t)
	if _, err := Start(ctx, cfg, quiet()); err == nil {
		t.Error("Start went on")
	}
	over()
	open(t, cfg, corp()).stop()
}

func TestOnlyTheBridgesUserOpensTheSockets(t *testing.T) {
	cfg := configured(t, home(t), helper)
	open(t, cfg, corp())
	wantMode(t, cfg.Listen.Socket, 0o600)
	wantMode(t, cfg.Listen.Admin, 0o600)
	wantMode(t, filepath.Dir(cfg.Listen.Socket), 0o700)
	wantMode(t, cfg.StateDir, 0o700)
	wantMode(t, cfg.Store.Path, 0o600)
	wantMode(t, cfg.Seal, 0o600)
}

// TestAGroupOpensTheAgentsSocketAlone: who may ask must not be able to sign
// people in.
func TestAGroupOpensTheAgentsSocketAlone(t *testing.T) {
	cfg := configured(t, home(t), "listen: {socket_group: agents, web: '', ops: ''}")
	open(t, cfg, corp())
	wantMode(t, cfg.Listen.Socket, 0o660)
	wantMode(t, cfg.Listen.Admin, 0o600)
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != want {
		t.Errorf("%s has mode %v (%v), want %o", filepath.Base(path), info.Mode().Perm(), err, want)
	}
}

func TestDoorsThatAreOff(t *testing.T) {
	cfg := configured(t, home(t), "listen: {web: '', ops: ''}")
	h := open(t, cfg, corp())
	if at := h.at(webDoor) + h.at(opsDoor); at != "" || len(h.doors) != 2 {
		t.Errorf("there are %d doors, one of them at %s", len(h.doors), at)
	}
}
