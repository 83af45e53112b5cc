package setup

import (
	"bufio"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// Users of people and programs that were added to a machine have numbers from
// the first on; the last is nobody's.
const (
	firstUser = 1000
	lastUser  = 60000
	maxUsers  = 8
)

// users lists some users of this machine for whom agents may run: "1001 build".
func users() []string {
	f, err := os.Open("/etc/passwd")
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // it was only read
	var all []string
	lines := bufio.NewScanner(io.LimitReader(f, 1<<20))
	for lines.Scan() && len(all) < maxUsers {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) < 3 {
			continue
		}
		if uid, err := strconv.Atoi(fields[2]); err == nil && uid >= firstUser && uid < lastUser {
			all = append(all, fields[2]+" "+bridge.Clean(fields[0], 40))
		}
	}
	return all
}

// whoIAm is a name for whoever sets this up.
func whoIAm() string {
	if u, err := user.Current(); err == nil && bridge.IsName(strings.ToLower(u.Username)) && u.Uid != "0" {
		return strings.ToLower(u.Username)
	}
	return "operator"
}

// uidOf reads a uid, or the name of a user.
func uidOf(answer string) (uint32, error) {
	n, err := strconv.ParseUint(answer, 10, 32)
	if err != nil {
		u, missing := user.Lookup(answer)
		if missing != nil {
			return 0, refuse("a number, as id -u prints it for the user", "there is no user %q here", bridge.Clean(answer, 40))
		}
		if n, err = strconv.ParseUint(u.Uid, 10, 32); err != nil {
			return 0, refuse("", "users have no numbers here")
		}
	}
	return uint32(n), nil
}
