package slacktest

import (
	"context"
	"time"
)

// Why Slack takes leave of a socket.
const (
	Warning          = "warning"
	RefreshRequested = "refresh_requested"
)

// Disconnect tells the app that all its sockets will end, and ends them when
// Pace.Warning has passed. Until then traffic goes on over them.
func (s *Slack) Disconnect(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.live() {
		k.leave(reason)
		s.later(s.wire.pace.Warning, k.shut)
	}
	s.touch()
}

// Cut cuts all sockets, without a word.
func (s *Slack) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.live() {
		k.cut()
	}
	s.touch()
}

// DisableSocketMode switches Socket Mode off: every socket is told
// link_disabled and closed, and none can be opened.
func (s *Slack) DisableSocketMode() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.refused = true
	for _, k := range s.live() {
		k.leave("link_disabled")
		k.shut()
	}
	s.touch()
}

// EnableSocketMode switches Socket Mode on again.
func (s *Slack) EnableSocketMode() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.refused = false
}

// StopPings sends no more pings; all else goes on.
func (s *Slack) StopPings() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.silent = true
}

// ResumePings sends pings again.
func (s *Slack) ResumePings() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.silent = false
}

// Rotation is how sockets are replaced under load.
type Rotation struct {
	Every   time.Duration // one socket ends, the oldest that was not told yet
	Warning time.Duration // from the warning to the end
	CutEach int           // of so many ends one is a cut without a word; 0 is none
}

// Rotate ends sockets one by one until stop is called. Those that were
// warned end even then.
func (s *Slack) Rotate(r Rotation) (stop func()) {
	stopped, rest := make(chan struct{}), make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beside(func(ctx context.Context) {
		defer close(rest)
		tick := time.NewTicker(r.Every)
		defer tick.Stop()
		for ends := 1; ; {
			select {
			case <-stopped:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
				if s.endOldest(r, r.CutEach > 0 && ends%r.CutEach == 0) {
					ends++
				}
			}
		}
	})
	return func() {
		close(stopped)
		<-rest
	}
}

// endOldest ends the oldest socket that was not told yet, if there is one.
func (s *Slack) endOldest(r Rotation, abruptly bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.live() {
		switch {
		case !k.greeted || !k.Warned.IsZero():
			continue
		case abruptly:
			k.cut()
		default:
			k.leave(Warning)
			s.later(r.Warning, k.shut)
		}
		s.touch()
		return true
	}
	return false
}

// RevokeTokens takes the app's bot token back: every call is refused, and the
// app is told.
func (s *Slack) RevokeTokens() *Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.App.Refuse = "token_revoked"
	return s.tell(map[string]any{
		"type": "tokens_revoked", "tokens": map[string]any{"oauth": []string{}, "bot": []string{s.world.App.User}},
		"event_ts": s.timestamp(),
	})
}

// Uninstall removes the app from the workspace: every call is refused, and
// the app is told.
func (s *Slack) Uninstall() *Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.App.Refuse = "account_inactive"
	return s.tell(map[string]any{"type": "app_uninstalled", "event_ts": s.timestamp()})
}
