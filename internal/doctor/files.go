package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/config"
)

// Files looks at who can read, change or replace what the bridge keeps and
// what it is told, and at the room on the disk. uid is whom the bridge runs
// as. What is not there yet is made by the first start, and is no finding.
func Files(cfg *config.Config, uid uint32) []admin.Finding {
	var found []admin.Finding
	add := func(f *admin.Finding) {
		if f != nil {
			found = append(found, *f)
		}
	}
	add(guarded("state_dir", cfg.StateDir, uid, 0o077))
	add(guarded("store", cfg.Store.Path, uid, 0o077))
	if !cfg.SealHandedOver {
		add(guarded("seal", cfg.Seal, uid, 0o077))
	}
	add(guarded("listen.admin", cfg.Listen.Admin, uid, 0o077))
	agents := fs.FileMode(0o077)
	if cfg.Listen.SocketGroup != "" {
		agents = 0o007
	}
	add(guarded("listen.socket", cfg.Listen.Socket, uid, agents))
	add(guarded("config", cfg.File, uid, 0o022))
	if cfg.File != "" {
		add(guarded("config", filepath.Dir(cfg.File), uid, 0o022))
	}
	for _, file := range cfg.SecretFiles { // that others can read them is a fault of the configuration
		add(guarded("secrets", file, uid, 0o022))
	}
	if t := cfg.Listen.TLS; t != nil {
		add(guarded("listen.tls", t.Key, uid, 0o077))
		add(guarded("listen.tls", t.Cert, uid, 0o022))
	}
	if len(found) == 0 {
		found = append(found, OK("files", "nobody else can read what is kept, or change what the bridge is told"))
	}
	found = append(found, sealBesideStore(cfg)...)
	return append(found, room(cfg.StateDir)...)
}

// guarded finds a file that somebody else owns, or that has bits which it must
// not have.
func guarded(about, path string, uid uint32, forbidden fs.FileMode) *admin.Finding {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var f admin.Finding
	switch owner, known := ownerOf(info); {
	case err != nil:
		f = Warn(about, "run the command as the bridge's user, or as root", "%s cannot be looked at: %v", path, errors.Unwrap(err))
	case known && owner != uid && owner != 0:
		f = Fail(about, fmt.Sprintf("chown it to uid %d", uid), "%s belongs to uid %d, who can change it as they like", path, owner)
	case info.Mode().Perm()&forbidden != 0 && info.Mode()&fs.ModeSticky == 0:
		bits := info.Mode().Perm() &^ forbidden
		f = Fail(about, fmt.Sprintf("chmod %o %s", bits, path), "%s has mode %04o: others can %s it", path, info.Mode().Perm(), word(forbidden == 0o022, "change", "use"))
	default:
		return nil
	}
	return &f
}

func ownerOf(info fs.FileInfo) (uint32, bool) {
	if info == nil {
		return 0, false
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return sys.Uid, true
}

// sealBesideStore warns of a key that a copy of the store's directory takes
// along.
func sealBesideStore(cfg *config.Config) []admin.Finding {
	if cfg.SealHandedOver || filepath.Dir(cfg.Seal) != filepath.Dir(cfg.Store.Path) {
		return nil
	}
	return []admin.Finding{Warn("seal", "stop the bridge, move the key, and say where it is with seal: file:/etc/authbridge/seal.key",
		"the seal key lies beside the store: one backup of %s takes both, and opens every token", filepath.Dir(cfg.Seal))}
}

// How little room on the disk is too little.
const (
	tightRoom = 256 << 20
	noRoom    = 16 << 20
)

// room looks at the disk that the state is on, or would be.
func room(dir string) []admin.Finding {
	for dir != "" && !exists(dir) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return nil
	}
	free := uint64(disk.Bavail) * uint64(disk.Bsize) //nolint:gosec,unconvert // G115: sizes of a disk; their types differ between systems
	const hint = "make room: the bridge refuses every ask while it cannot write"
	switch {
	case free < noRoom:
		return []admin.Finding{Fail("disk", hint, "%s free at %s", Size(free), dir)}
	case free < tightRoom:
		return []admin.Finding{Warn("disk", hint, "%s free at %s", Size(free), dir)}
	}
	return []admin.Finding{OK("disk", "%s free", Size(free))}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Size writes a number of bytes as people do.
func Size(bytes uint64) string {
	const unit = 1000
	if bytes < unit {
		return fmt.Sprintf("%d B", bytes)
	}
	size, prefix := float64(bytes)/unit, 0
	for size >= unit && prefix < len("kMGTPE")-1 {
		size, prefix = size/unit, prefix+1
	}
	return fmt.Sprintf("%.1f %cB", size, "kMGTPE"[prefix])
}

// Reach looks, by modes and groups, whether the agents can come to their
// socket. It is asked when the socket is there.
func Reach(cfg *config.Config) []admin.Finding {
	var found []admin.Finding
	for _, name := range slices.Sorted(maps.Keys(cfg.Directory.Agents)) {
		a := cfg.Directory.Agents[name]
		if a.UID == nil {
			continue
		}
		if shut := shutFor(cfg.Listen.Socket, *a.UID, groupsOf(*a.UID)); shut != "" {
			hint := "set listen.socket_group to a group that the agents are in"
			if shut != cfg.Listen.Socket {
				hint = "let them pass (chmod o+x or a common group), or put listen.socket elsewhere, such as /run/authbridge"
			}
			found = append(found, Warn("agents."+name, hint, "uid %d cannot come to the agents' socket: %s is shut to it", *a.UID, shut))
		}
	}
	return found
}
