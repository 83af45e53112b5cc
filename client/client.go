package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/authbridge/authbridge/api"
)

// Client calls one bridge: at a Socket of this machine or at a URL, one of
// the two. Its settings are made before the first call, and not changed after
// it. All methods are safe for concurrent use. A Client must not be copied.
//
// A method returns a [*Problem] when the bridge refuses, a [*NoBridge] when
// there is none, the error of its context when that ended first, and another
// when the settings do not go together.
type Client struct {
	// Socket is the path of the bridge's unix socket.
	Socket string

	// Trust says whether the bridge may run as a uid: it is asked about who
	// listens at Socket, before a word is said. nil trusts root and this
	// process's own user. Whoever else listens is a [*NoBridge].
	Trust func(uid uint32) bool

	// URL is where the bridge serves agents over TCP: scheme, host and port.
	// It has to be https, but for a host on this machine.
	URL string

	// Key is the agent's key. At a URL there has to be one; at a socket it
	// stands before the uid.
	Key Key

	// TLS is for an https URL: a CA of one's own, or a certificate to show.
	// nil trusts the CAs of the system.
	TLS *tls.Config

	// Away, unless it is nil, is called when a wait finds that the bridge is
	// away or has no room, with the reason and until when it is waited for
	// (zero = as long as the wait lasts); and with nil once it answers again.
	Away func(why error, until time.Time)

	dial func(context.Context) (net.Conn, error) // nil = to Socket
	once sync.Once
	door door
}

// Bounds of an answer.
const (
	maxAnswer    = 8 << 20          // bytes; the largest page is well below
	answerWithin = 30 * time.Second // besides what the call waits for a human
)

// Check reports whether the settings go together. Every call does so, too.
func (c *Client) Check() error {
	if _, err := c.Key.header(); err != nil {
		return err
	}
	return c.reach().err
}

// Close ends connections that are idle. The client can still be used.
func (c *Client) Close() {
	if d := c.reach(); d.err == nil {
		d.http.CloseIdleConnections()
	}
}

// Call makes one call for which the client has no method: in is sent as JSON,
// unless it is nil, and the answer is read into out, unless that is nil.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	_, err := c.do(ctx, call{method: method, path: path, in: in, out: out})
	return err
}

// call is one call of the API.
type call struct {
	method, path string
	header       http.Header
	in, out      any
	wait         time.Duration // how long the bridge may wait by itself
	accepted     any           // what a 202 is read into
}

// do makes a call and returns the status of the answer.
func (c *Client) do(ctx context.Context, what call) (int, error) {
	bounded, cancel := context.WithTimeout(ctx, what.wait+answerWithin)
	defer cancel()
	resp, err := c.open(bounded, what)
	if err != nil {
		return 0, c.lost(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, c.lost(ctx, err)
	case len(body) > maxAnswer:
		return 0, fmt.Errorf("%s %s: the answer has more than %d bytes", what.method, what.path, maxAnswer)
	}
	return resp.StatusCode, c.read(what, resp, body)
}

// open makes a call and leaves its answer to be read. An error that is ours
// and not the network's is an unsent.
func (c *Client) open(ctx context.Context, what call) (*http.Response, error) {
	d := c.reach()
	if d.err != nil {
		return nil, &unsent{d.err}
	}
	req, err := what.request(ctx, d.base)
	if err != nil {
		return nil, &unsent{err}
	}
	credential, err := c.Key.header()
	if err != nil {
		return nil, &unsent{err}
	}
	if credential != "" {
		req.Header.Set("Authorization", credential)
	}
	return d.http.Do(req)
}

// unsent is why a call was not made at all.
type unsent struct{ error }

func (what call) request(ctx context.Context, base string) (*http.Request, error) {
	var body io.Reader
	if what.in != nil {
		plain, err := json.Marshal(what.in)
		if err != nil {
			return nil, fmt.Errorf("encode a call of the bridge: %w", err)
		}
		body = bytes.NewReader(plain)
	}
	req, err := http.NewRequestWithContext(ctx, what.method, base+what.path, body)
	if err != nil {
		return nil, fmt.Errorf("make a call of the bridge: %w", err)
	}
	if what.header != nil {
		req.Header = what.header.Clone()
	}
	if what.in != nil {
		req.Header.Set("Content-Type", api.MediaType)
	}
	return req, nil
}

// read takes an answer, and adds what to do to a refusal that leaves it open.
func (c *Client) read(what call, resp *http.Response, body []byte) error {
	err := what.read(resp, body)
	if p, ok := errors.AsType[*Problem](err); ok && p.Code == api.ProblemUnauthenticated && p.Hint == "" && !c.Key.IsZero() {
		p.Hint = "the operator makes a key with: authbridge agent add NAME"
	}
	return err
}

// read takes an answer. What it holds is in no error: it may be a token.
func (what call) read(resp *http.Response, body []byte) error {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	out := what.out
	switch {
	case resp.StatusCode >= http.StatusBadRequest && kind == api.ProblemMediaType:
		return problemOf(resp, body)
	case resp.StatusCode >= http.StatusMultipleChoices || kind != api.MediaType:
		return fmt.Errorf("%s %s: status %d with %q is no answer of a bridge: something else listens there", what.method, what.path, resp.StatusCode, kind)
	case resp.StatusCode == http.StatusAccepted && what.accepted != nil:
		out = what.accepted
	}
	if out == nil {
		return nil
	}
	if json.Unmarshal(body, out) != nil {
		return fmt.Errorf("%s %s: the answer cannot be read; is the bridge of another version?", what.method, what.path)
	}
	return nil
}

func problemOf(resp *http.Response, body []byte) error {
	p := new(Problem)
	if json.Unmarshal(body, &p.Problem) != nil || p.Code == "" {
		return fmt.Errorf("status %d: the problem cannot be read; is the bridge of another version?", resp.StatusCode)
	}
	if seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 31); err == nil {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	return p
}

// lost explains a call that got no answer. ctx is the caller's own.
func (c *Client) lost(ctx context.Context, err error) error {
	if ours, ok := errors.AsType[*unsent](err); ok {
		return ours.error
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	hint := hintFor(err)
	if c.URL != "" {
		hint = farHint(err)
	}
	return &NoBridge{Socket: c.Socket, URL: c.URL, Hint: hint, Err: cause(err)}
}
