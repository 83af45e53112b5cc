package client

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
)

// Stream makes one call whose answer is of a media type of its own and of any
// length, and writes it out as it comes. An answer that ends before its end, or
// makes a pause of more than half a minute, is a [*NoBridge]; an error of the
// writer is returned as it is.
func (c *Client) Stream(ctx context.Context, method, path, mediaType string, to io.Writer) error {
	within, end := context.WithCancel(ctx)
	defer end()
	alarm := time.AfterFunc(answerWithin, end)
	defer alarm.Stop()
	what := call{method: method, path: path}
	resp, err := c.open(within, what)
	if err != nil {
		return c.silent(ctx, within, err)
	}
	defer resp.Body.Close()
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); resp.StatusCode != http.StatusOK || kind != mediaType {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return c.silent(ctx, within, err)
		}
		if err := c.read(what, resp, body); err != nil {
			return err
		}
		return fmt.Errorf("%s %s: the answer is of another kind; is the bridge of another version?", method, path)
	}
	out := &output{to: to, alarm: alarm}
	if _, err := io.Copy(out, resp.Body); out.err != nil {
		return out.err
	} else if err != nil {
		return c.silent(ctx, within, err)
	}
	return nil
}

// silent explains a stream that was cut: by the alarm, unless the caller is
// gone.
func (c *Client) silent(ctx, within context.Context, err error) error {
	if within.Err() != nil && ctx.Err() == nil {
		err = context.DeadlineExceeded
	}
	return c.lost(ctx, err)
}

// output knows which fault was the writer's, and how long nothing came.
type output struct {
	to    io.Writer
	alarm *time.Timer
	err   error
}

// Write passes on to the writer.
func (o *output) Write(p []byte) (n int, err error) {
	o.alarm.Stop() // the writer may take as long as it likes
	n, o.err = o.to.Write(p)
	o.alarm.Reset(answerWithin)
	return n, o.err
}
