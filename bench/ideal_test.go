//go:build unix

package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// workers is how many calls the programs beside the bridge make at once.
const workers = 64

// tuned is an HTTP client for one host and many short calls. It follows what
// net/http offers, without guards.
func tuned() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConns:        workers,
		MaxIdleConnsPerHost: workers,
		MaxConnsPerHost:     workers,
		IdleConnTimeout:     90 * time.Second,
	}}
}

// planned is when a grant is due, and which it is.
type planned struct {
	due   int64
	grant int32
}

// ideal is the least that can poll: no store, no states, no faults. One
// goroutine owns a heap, workers call. It polls by a fixed plan, so nothing
// comes back to the owner.
type ideal struct {
	heap    []planned
	codes   []string
	cadence int64
	work    chan int32
}

func playIdeal(ctx context.Context, t task) (func(command) report, error) {
	q := &ideal{
		heap: make([]planned, t.Grants), codes: make([]string, t.Grants),
		cadence: int64(t.Cadence), work: make(chan int32, 4096),
	}
	began := time.Now().UnixNano()
	for i := range q.heap { // in order, and so a heap
		start := began + int64(i)*q.cadence/int64(t.Grants)
		q.codes[i], q.heap[i] = deviceCode(i, start), planned{start + q.cadence, int32(i)}
	}
	client := tuned()
	for range workers {
		go q.labour(ctx, client, "http://"+t.Issuer+"/token")
	}
	if t.Grants > 0 {
		go q.own(ctx)
	}
	return func(command) report { return report{} }, nil
}

func (q *ideal) own(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if wait := time.Duration(q.heap[0].due - time.Now().UnixNano()); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
			continue
		}
		select {
		case q.work <- q.heap[0].grant:
		case <-ctx.Done():
			return
		}
		q.heap[0].due += q.cadence
		q.sink()
	}
}

// sink brings the first of the heap to its place.
func (q *ideal) sink() {
	h, at := q.heap, 0
	moved := h[0]
	for {
		child := 2*at + 1
		if child >= len(h) {
			break
		}
		if right := child + 1; right < len(h) && h[right].due < h[child].due {
			child = right
		}
		if h[child].due >= moved.due {
			break
		}
		h[at], at = h[child], child
	}
	h[at] = moved
}

func (q *ideal) labour(ctx context.Context, client *http.Client, endpoint string) {
	var answer [1024]byte
	for {
		select {
		case grant := <-q.work:
			if !ask(ctx, client, endpoint, q.codes[grant], answer[:]) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// ask polls once, and reports whether the human has still not finished.
func ask(ctx context.Context, client *http.Client, endpoint, code string, into []byte) bool {
	form := url.Values{
		"client_id": {"authbridge"}, "device_code": {code},
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := client.Do(r)
	if err != nil {
		return false
	}
	defer func() { _ = answer.Body.Close() }()
	n, err := io.ReadFull(answer.Body, into)
	return errors.Is(err, io.ErrUnexpectedEOF) && bytes.Contains(into[:n], []byte("authorization_pending"))
}
