package slack

import (
	"context"
	"errors"
	"sync"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/bridge"
)

const (
	// homeFor is how long somebody's Home is kept up to date after they last
	// opened it.
	homeFor = 24 * time.Hour
	// homeEvery is how often one Home is published at most.
	homeEvery = 10 * time.Second
	// homesMost bounds how many are kept up to date.
	homesMost = 500
)

// homes are the Homes that are kept up to date: each by a goroutine of its
// own, which follows one human's inbox.
type homes struct {
	every time.Duration // how often one is published at most

	mu   sync.Mutex
	base context.Context // nil = not begun
	over bool
	all  map[string]chan struct{}
	work sync.WaitGroup
}

func newHomes() *homes { return &homes{every: homeEvery, all: map[string]chan struct{}{}} }

// begin lets Homes be followed, until ctx ends.
func (h *homes) begin(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.base = ctx
}

// end lets no more be followed, and waits for those who are, after ctx has
// ended.
func (h *homes) end() {
	h.mu.Lock()
	h.over = true
	h.mu.Unlock()
	h.work.Wait()
}

// open has somebody's Home followed: opened tells the one who follows that
// they look at it again. It reports whether there was room for one more.
func (h *homes) open(user string, follow func(ctx context.Context, opened <-chan struct{})) (followed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if opened, known := h.all[user]; known {
		select {
		case opened <- struct{}{}:
		default:
		}
		return true
	}
	if h.base == nil || h.over || len(h.all) >= homesMost {
		return false
	}
	opened, ctx := make(chan struct{}, 1), h.base
	h.all[user] = opened
	h.work.Go(func() {
		defer h.leave(user)
		follow(ctx, opened)
	})
	return true
}

func (h *homes) leave(user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, user)
}

// openHome shows somebody their Home, and keeps it up to date.
func (a *Adapter) openHome(ctx context.Context, in inbound) {
	if in.tab != "home" {
		return
	}
	who, word := a.clicker(ctx, in, false)
	if word != "" {
		a.publish(ctx, in.user, wordHome(word))
		return
	}
	follow := func(ctx context.Context, opened <-chan struct{}) { a.followHome(ctx, who, opened) }
	if !a.homes.open(in.user, follow) { //nolint:contextcheck // it goes on after this event
		a.publishInbox(ctx, who)
	}
}

// wordHome is a Home with nothing but a word.
func wordHome(word string) slackgo.HomeTabViewRequest {
	return slackgo.HomeTabViewRequest{Type: slackgo.VTHomeTab, Blocks: slackgo.Blocks{BlockSet: wordMessage(word).blocks}}
}

// followHome publishes somebody's Home now and after each change of what it
// shows, until they have not opened it for a day, or are somebody else here.
func (a *Adapter) followHome(ctx context.Context, who bridge.Clicker, opened <-chan struct{}) {
	changed, stop := a.desk.WatchInbox(who.Human)
	defer stop()
	over := time.NewTimer(homeFor)
	defer over.Stop()
	for a.publishInbox(ctx, who) && rest(ctx, a.homes.every) {
		select {
		case <-changed:
		case <-opened:
			over.Reset(homeFor)
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// rest waits, and reports whether there is anything to wait for.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// publishInbox shows somebody what they have to see now. It reports whether
// they are still who they were.
func (a *Adapter) publishInbox(ctx context.Context, who bridge.Clicker) bool {
	human, err := a.desk.HumanAt(ctx, channelName, bridge.Address(who.User))
	if errors.Is(err, bridge.ErrNotFound) || err == nil && human != who.Human {
		a.publish(ctx, who.User, wordHome("Open this again to see what is yours."))
		return false
	}
	inbox, err := a.desk.Inbox(ctx, who.Human)
	if err != nil {
		a.publish(ctx, who.User, wordHome(a.excuse(ctx, "", err)))
		return true
	}
	a.publish(ctx, who.User, homeView(who.Human, inbox, a.linker(ctx, who.User)))
	return true
}

func (a *Adapter) publish(ctx context.Context, user string, v slackgo.HomeTabViewRequest) {
	err := a.call(ctx, methodPublish, user, func(ctx context.Context) error {
		_, err := a.api.PublishViewContext(ctx, slackgo.PublishViewContextRequest{UserID: user, View: v})
		return err
	})
	if err != nil && ctx.Err() == nil {
		a.log.WarnContext(ctx, "slack: publish the Home tab", "err", err)
	}
}
