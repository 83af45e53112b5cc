package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/authbridge/authbridge/bridge"
)

// postOnce sends a form that must not be sent a second time, and tells apart
// whether it was: an error is a *bridge.Unavailable where it has not been
// sent, or where what came back is no success. Any other error leaves open
// what became of it.
func (p *Provider) postOnce(ctx context.Context, endpoint string, f *form) (reply, error) {
	r, text, err := p.posting(ctx, endpoint, f)
	if err != nil {
		return reply{}, &bridge.Unavailable{Err: fmt.Errorf("token endpoint: %w", err)}
	}
	body := &letter{text: strings.NewReader(text)}
	r.Body = body // and no GetBody, which is what a transport would repeat it by
	answer, err := p.exchange(ctx, p.once, r)
	switch sent := body.withdraw(); {
	case err == nil:
		return answer, nil
	case !sent, errors.Is(err, errRedirect), answer.status != 0 && !answer.ok():
		return reply{}, answer.later(err)
	}
	return reply{}, fmt.Errorf("the request was sent, and it is not known what became of it: %w", err)
}

// letter is the body of a request that can be taken back as long as nobody
// has begun to read it. A request whose body was not read has not been sent,
// whatever transport it was given to; one whose body was read may have been.
type letter struct {
	mu        sync.Mutex
	text      *strings.Reader
	read      bool
	withdrawn bool
}

var errWithdrawn = errors.New("the request was withdrawn")

// Read implements [io.Reader].
func (l *letter) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.withdrawn {
		return 0, errWithdrawn
	}
	l.read = true
	return l.text.Read(p)
}

// Close implements [io.Closer].
func (l *letter) Close() error { return nil }

// withdraw ends the reading, for a transport may go on after it has returned,
// and reports whether there was any.
func (l *letter) withdraw() (read bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.withdrawn = true
	return l.read
}

var _ io.ReadCloser = (*letter)(nil)
