package slack

import (
	"sync"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/bridge"
)

// recall remembers a bounded number of things, each for a while.
type recall[V any] struct {
	most int

	mu  sync.Mutex
	all map[string]recalled[V]
}

type recalled[V any] struct {
	what  V
	until time.Time
}

// recallMost bounds what is remembered of one kind: more than a workspace has
// people who use the bridge at a time.
const recallMost = 10_000

func newRecall[V any]() *recall[V] {
	return &recall[V]{most: recallMost, all: map[string]recalled[V]{}}
}

// put remembers something for a while.
func (r *recall[V]) put(key string, what V, life time.Duration) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) >= r.most {
		r.makeRoom(now)
	}
	r.all[key] = recalled[V]{what, now.Add(life)}
}

// get returns what is remembered.
func (r *recall[V]) get(key string) (what V, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, known := r.all[key]
	if !known || !time.Now().Before(found.until) {
		return what, false
	}
	return found.what, true
}

// take returns what is remembered, and forgets it: nobody else is given it.
func (r *recall[V]) take(key string) (what V, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, known := r.all[key]
	delete(r.all, key)
	if !known || !time.Now().Before(found.until) {
		return what, false
	}
	return found.what, true
}

// drop forgets something.
func (r *recall[V]) drop(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, key)
}

// makeRoom forgets what has had its time, and one more if that was nothing. It
// needs the lock.
func (r *recall[V]) makeRoom(now time.Time) {
	for key, found := range r.all {
		if !now.Before(found.until) {
			delete(r.all, key)
		}
	}
	for key := range r.all {
		if len(r.all) < r.most {
			return
		}
		delete(r.all, key)
	}
}

// known is what the adapter remembers of Slack. All of it can be learnt again.
type known struct {
	waits    *recall[time.Time]         // until when Slack takes no more of something
	users    *recall[slackgo.User]      // by id
	channels *recall[slackgo.Channel]   // by id
	dms      *recall[string]            // the direct channel with a user, by id
	triggers *recall[bridge.Secret]     // of who has just pressed a button of a request
	origins  *recall[inbound]           // where somebody was whom a modal asks for digits
	turned   *recall[int]               // how often somebody was turned away
	links    *recall[string]            // the address of a message, by its name
	posted   *recall[bridge.MessageRef] // which message is somebody's card of a request
}

func newKnown() known {
	return known{
		waits: newRecall[time.Time](), users: newRecall[slackgo.User](), channels: newRecall[slackgo.Channel](),
		dms: newRecall[string](), triggers: newRecall[bridge.Secret](), origins: newRecall[inbound](),
		turned: newRecall[int](), links: newRecall[string](), posted: newRecall[bridge.MessageRef](),
	}
}
