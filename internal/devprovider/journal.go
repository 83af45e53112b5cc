package devprovider

import (
	"slices"
	"sync"

	"github.com/authbridge/authbridge/internal/demo/provider"
)

// Entry is one thing that happened at the provider. It never holds a token or
// a device code.
type Entry = provider.Entry

// Kind says what an [Entry] tells of.
type Kind = provider.Kind

// The kinds of entries.
const (
	KindDeviceAuthorization = provider.KindDeviceAuthorization
	KindPoll                = provider.KindPoll
	KindEarlyPoll           = provider.KindEarlyPoll
	KindTokenIssued         = provider.KindTokenIssued
	KindSignIn              = provider.KindSignIn
	KindConsent             = provider.KindConsent
	KindRefusal             = provider.KindRefusal
	KindUserinfo            = provider.KindUserinfo
	KindRefresh             = provider.KindRefresh
	KindRevocation          = provider.KindRevocation
	// KindTurnedAway: a call of the token endpoint in an outage.
	KindTurnedAway Kind = "turned_away"
)

// journal is append-only and safe for concurrent use.
type journal struct {
	mu      sync.Mutex
	entries []Entry
}

func (j *journal) add(e Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
}

func (j *journal) all() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}
