package client

import (
	"bytes"
	"context"
	"encoding/json"
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

// Client calls one bridge. Socket has to be set before the first call, and
// not changed after it. All methods are safe for concurrent use. A Client
// must not be copied.
//
// A method returns a [*Problem] when the bridge refuses, a [*NoBridge] when
// there is none, and the error of its context when that ended first.
type Client struct {
	Socket string // path of the bridge's unix socket

	dial func(context.Context) (net.Conn, error) // nil = to Socket
	once sync.Once
	http *http.Client
}

// Bounds of an answer.
const (
	maxAnswer    = 8 << 20          // bytes; the largest page is well below
	answerWithin = 30 * time.Second // besides what the call waits for a human
)

// Close ends connections that are idle. The client can still be used.
func (c *Client) Close() { c.transport().CloseIdleConnections() }

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
	req, err := what.request(bounded)
	if err != nil {
		return 0, err
	}
	resp, err := c.transport().Do(req)
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
	return resp.StatusCode, what.read(resp, body)
}

func (what call) request(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	if what.in != nil {
		plain, err := json.Marshal(what.in)
		if err != nil {
			return nil, fmt.Errorf("encode a call of the bridge: %w", err)
		}
		body = bytes.NewReader(plain)
	}
	req, err := http.NewRequestWithContext(ctx, what.method, "http://localhost"+what.path, body)
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

// read takes an answer. What it holds is in no error: it may be a token.
func (what call) read(resp *http.Response, body []byte) error {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	out := what.out
	switch {
	case resp.StatusCode >= http.StatusBadRequest && kind == api.ProblemMediaType:
		return problemOf(resp, body)
	case resp.StatusCode >= http.StatusMultipleChoices || kind != api.MediaType:
		return fmt.Errorf("%s %s: status %d with %q is no answer of a bridge: something else listens at the socket", what.method, what.path, resp.StatusCode, kind)
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
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &NoBridge{Socket: c.Socket, Hint: hintFor(err), Err: cause(err)}
}

func (c *Client) transport() *http.Client {
	c.once.Do(func() {
		c.http = &http.Client{
			Transport: &http.Transport{
				DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return c.connect(ctx) },
				DisableCompression: true,
				IdleConnTimeout:    time.Minute,
				// All connections go to one place, and each waits on its own.
				MaxIdleConnsPerHost: 64,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	})
	return c.http
}

func (c *Client) connect(ctx context.Context) (net.Conn, error) {
	switch {
	case c.dial != nil:
		return c.dial(ctx)
	case c.Socket == "":
		return nil, errNoSocket
	}
	return new(net.Dialer).DialContext(ctx, "unix", c.Socket)
}
