package discord

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// apiPath is where the calls are, below the scheme and host.
const apiPath = "/api/v10"

// maxAnswer bounds what is read of an answer.
const maxAnswer = 4 << 20

// caller calls Discord: each call once, without a sleep, and none that would
// run into a limit which Discord has told.
type caller struct {
	base   string // scheme and host
	token  bridge.Secret
	http   *http.Client
	agent  string // how we name ourselves
	health *chat.Sides
	waits  *chat.Recall[time.Time] // until when Discord takes no more of something

	strikes *window // what Discord has refused
}

func newCaller(o Options, health *chat.Sides) *caller {
	return &caller{
		base: o.APIURL, token: o.Token, http: o.HTTP, health: health, waits: chat.NewRecall[time.Time](),
		strikes: &window{most: mostRefused, within: refusedWithin},
		agent:   "DiscordBot (https://github.com/authbridge/authbridge, " + o.Version + ")",
	}
}

// call is one call.
type call struct {
	name   string // for people: "POST a message"
	method string
	path   string
	bucket string // what Discord counts it with; "" = not
	body   any    // nil = none
	into   any    // what the answer is read into; nil = nothing

	visible bool // it shows somebody something: one that nobody answered may have done so
	free    bool // it carries its own token in its path, and not the bot's
}

// everything is in the place of a bucket while Discord does not know the token,
// which is looked at again after haltFor: ten thousand refusals in ten minutes
// have it bar the address.
const (
	everything = "everything"
	haltFor    = time.Minute
)

// everywhere is the bucket of what Discord counts all calls with.
const everywhere = "everywhere"

// do makes a call. What its error says for certain it says in the bridge's
// terms, and it says nothing that is secret: no path, no body, no token.
func (c *caller) do(ctx context.Context, q call) error {
	if err := c.mayCall(q); err != nil {
		return err
	}
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	r, err := c.request(ctx, q)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return unsure(q, chat.Mishap(err), connected.Load())
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	c.count(q, resp.Header)
	if resp.StatusCode >= http.StatusMultipleChoices {
		return c.refused(q, resp, raw)
	}
	if err != nil || len(raw) > 0 && !json.Valid(raw) || q.into != nil && json.Unmarshal(raw, q.into) != nil {
		return unsure(q, "its answer cannot be read", true)
	}
	c.taken(q)
	return nil
}

// mayCall says why a call is not made at all.
func (c *caller) mayCall(q call) error {
	if _, halted := c.waits.Get(everything); halted && !q.free {
		return fmt.Errorf("%s: Discord does not know the bot token: %w", q.name, bridge.ErrAuth)
	}
	if wait := c.strikes.wait(time.Now()); wait > 0 && !q.free {
		return limited(q, wait, true)
	}
	places := []string{q.bucket}
	if !q.free {
		places = append(places, everywhere)
	}
	for _, place := range places {
		if until, wait := c.waits.Get(place); wait {
			return limited(q, time.Until(until), place == everywhere)
		}
	}
	return nil
}

func (c *caller) request(ctx context.Context, q call) (*http.Request, error) {
	var body io.Reader
	if q.body != nil {
		raw, err := json.Marshal(q.body)
		if err != nil {
			return nil, fmt.Errorf("%s: write it: %w", q.name, bridge.ErrInvalid)
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, q.method, c.base+apiPath+q.path, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.name, bridge.ErrInvalid)
	}
	r.Header.Set("User-Agent", c.agent)
	if q.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if !q.free {
		r.Header.Set("Authorization", "Bot "+c.token.Reveal())
	}
	return r, nil
}

// call implements [calling], for what is said of an interaction or of the line.
func (c *caller) call(ctx context.Context, method, path string, in, out any) error {
	free := strings.HasPrefix(path, "/interactions/") || strings.HasPrefix(path, "/webhooks/")
	name := "ask about the application"
	if free {
		name = "answer somebody"
	}
	return c.do(ctx, call{name: name, method: method, path: path, body: in, into: out, visible: method != http.MethodGet, free: free})
}

// count takes note of a bucket that is used up.
func (c *caller) count(q call, h http.Header) {
	if q.bucket == "" || h.Get("X-RateLimit-Remaining") != "0" {
		return
	}
	if after := seconds(h.Get("X-RateLimit-Reset-After")); after > 0 {
		c.waits.Put(q.bucket, time.Now().Add(after), after)
	}
}

// seconds reads a number of seconds with decimals; 0 = it is none.
func seconds(s string) time.Duration {
	after, err := time.ParseDuration(s + "s")
	if err != nil || after < 0 || after > longest || strings.ContainsAny(s, "hmµu") {
		return 0
	}
	return after
}

// taken keeps what the health says of our calls up to date.
func (c *caller) taken(q call) {
	if _, halted := c.waits.Get(everything); halted || q.free {
		return // it was under way before Discord refused the token
	}
	if c.health.Now().State != chat.Ready {
		c.health.SetCalls(chat.Ready, "")
	}
}

// refused is the error of a call that Discord has answered with one.
func (c *caller) refused(q call, resp *http.Response, raw []byte) error {
	var said struct {
		Code   int     `json:"code"`
		After  float64 `json:"retry_after"`
		Global bool    `json:"global"`
	}
	foreign := json.Unmarshal(raw, &said) != nil || said.Code == codeBlocked // what stands before Discord speaks no JSON, but for this
	f := refused{status: resp.StatusCode, code: said.Code}
	c.strike(resp)
	switch {
	case f.status == http.StatusTooManyRequests:
		return c.slow(q, longer(said.After, resp.Header.Get("Retry-After")), said.Global || foreign)
	case foreign && f.status < http.StatusInternalServerError:
		return fmt.Errorf("%s: %w, and not from Discord: %w", q.name, f, bridge.ErrNotSent)
	case f.status == http.StatusUnauthorized && !q.free:
		c.waits.Put(everything, time.Now(), haltFor)
		c.health.SetCalls(chat.Refused, badToken)
	case f.status >= http.StatusInternalServerError:
		return unsure(q, f.Error(), true)
	}
	return fmt.Errorf("%s: %w: %w", q.name, f, f.meaning(q))
}

// unsaidWait is how long Discord is left alone when it does not say how long.
const unsaidWait = 30 * time.Second

// longest is how long Discord is left alone at most, whatever it says.
const longest = time.Hour

// longer is the longer one of two waits in seconds, and no more than longest.
func longer(said float64, header string) time.Duration {
	if h, err := strconv.ParseFloat(header, 64); err == nil && h > said {
		said = h
	}
	return time.Duration(min(said, longest.Seconds()) * float64(time.Second))
}

// slow takes note of a limit that a call has run into.
func (c *caller) slow(q call, after time.Duration, global bool) error {
	if after <= 0 {
		after = unsaidWait
	}
	place := q.bucket
	if global {
		place = everywhere
	}
	if place != "" {
		c.waits.Put(place, time.Now().Add(after), after)
	}
	return limited(q, after, global)
}

// limited is the error of a call that Discord does not want yet.
func limited(q call, wait time.Duration, global bool) error {
	return fmt.Errorf("%s: %w", q.name, &bridge.Limited{After: max(wait, time.Second), All: global})
}

// unsure is the error of a call that nobody answered in so many words.
func unsure(q call, why string, connected bool) error {
	if connected && q.visible {
		return fmt.Errorf("%s: %s", q.name, why)
	}
	return fmt.Errorf("%s: %s: %w", q.name, why, bridge.ErrNotSent)
}
