package daemon

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/authbridge/authbridge/internal/localhttp"
)

// openFiles is how many files this process may have open. Go has raised the
// limit to the highest that we may have before main began.
func openFiles() (uint64, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("see how many files may be open: %w", err)
	}
	return uint64(limit.Cur), nil //nolint:unconvert // its type is another on FreeBSD
}

// kept is how many files are kept for the store and for calls to providers,
// unless half of all is less.
const kept = 512

// The most connections that a door has, however many files there may be: a
// connection takes about 20 KiB, and more while it is being answered. One
// agent may have half of those to its socket; it can have 1000 calls waiting.
const (
	mostAgents = 4096
	mostPages  = 1024
	mostOps    = 128
	mostAdmin  = 128
)

// boundsFor shares out what files may be open among the doors, of which agents
// have two if they are also served over TCP. All of them full still leave some.
func boundsFor(files uint64, overTCP bool) map[string]localhttp.Bounds {
	room := int(min(files-min(kept, files/2), 1<<20))
	share := func(part, most int) int { return max(2, min(room/part, most)) }
	agents := share(2, mostAgents)
	if overTCP {
		agents = share(4, mostAgents/2)
	}
	each := localhttp.Bounds{Total: agents, Each: max(1, agents/2)}
	return map[string]localhttp.Bounds{
		agentDoor: each,
		tcpDoor:   each,
		webDoor:   {Total: share(4, mostPages)},
		opsDoor:   {Total: share(16, mostOps)},
		adminDoor: {Total: share(16, mostAdmin)},
	}
}
