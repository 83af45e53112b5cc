package doctor

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// groupsOf lists the groups of a user, as far as this machine knows them.
func groupsOf(uid uint32) []uint32 {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return nil
	}
	ids, _ := u.GroupIds()
	var all []uint32
	for _, id := range append(ids, u.Gid) {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			all = append(all, uint32(n))
		}
	}
	return all
}

// shutFor returns what a user cannot pass on the way to a socket: a directory,
// or the socket itself; "" = nothing. What cannot be looked at counts as open.
func shutFor(socket string, uid uint32, groups []uint32) string {
	if uid == 0 {
		return ""
	}
	way := []string{socket}
	for dir := filepath.Dir(socket); ; dir = filepath.Dir(dir) {
		way = append(way, dir)
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for _, place := range slices.Backward(way) {
		need := fs.FileMode(0o1) // to pass a directory
		if place == socket {
			need = 0o2 // to connect
		}
		if info, err := os.Stat(place); err == nil && !allows(info, uid, groups, need) {
			return place
		}
	}
	return ""
}

// allows goes by the mode: of the owner, else of the group, else of others.
func allows(info fs.FileInfo, uid uint32, groups []uint32, need fs.FileMode) bool {
	sys, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return true
	case sys.Uid == uid:
		need <<= 6
	case slices.Contains(groups, sys.Gid):
		need <<= 3
	}
	return info.Mode().Perm()&need != 0
}
