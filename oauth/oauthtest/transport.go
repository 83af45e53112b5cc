package oauthtest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// Client returns a client that reaches the issuer inside the process and
// nobody else: other hosts do not exist for it.
func (i *Issuer) Client() *http.Client { return &http.Client{Transport: inProcess{i}} }

type inProcess struct{ issuer *Issuer }

// RoundTrip implements [http.RoundTripper]. The handler runs in a goroutine
// of its own, so that it can hang, break off and send without end.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(t.issuer.base(), r.URL.Scheme+"://"+r.URL.Host) {
		closeBody(r)
		return nil, &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true}
	}
	if err := r.Context().Err(); err != nil {
		closeBody(r)
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	served, err := received(ctx, r)
	if err != nil {
		cancel()
		return nil, err
	}
	w := newWire(cancel)
	go w.serve(t.issuer, served)
	select {
	case <-w.started:
		return w.response(r)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// received is a request as the server sees it.
func received(ctx context.Context, r *http.Request) (*http.Request, error) {
	defer closeBody(r)
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	served := r.Clone(ctx)
	served.Body = io.NopCloser(bytes.NewReader(body))
	served.Host = r.URL.Host
	served.RequestURI = r.URL.RequestURI()
	return served, nil
}

// wire carries one answer from the handler to the caller.
type wire struct {
	cancel  context.CancelFunc
	started chan struct{} // closed with the header, or when there will be none
	once    sync.Once
	header  http.Header
	status  int // 0 = the handler broke off before it answered
	sent    http.Header
	read    *io.PipeReader
	write   *io.PipeWriter
}

func newWire(cancel context.CancelFunc) *wire {
	read, write := io.Pipe()
	return &wire{cancel: cancel, started: make(chan struct{}), header: http.Header{}, read: read, write: write}
}

func (w *wire) serve(h http.Handler, r *http.Request) {
	defer func() {
		switch broken := recover(); broken {
		case nil:
			w.WriteHeader(http.StatusOK)
			_ = w.write.Close()
		case http.ErrAbortHandler:
			_ = w.write.CloseWithError(io.ErrUnexpectedEOF)
			w.once.Do(func() { close(w.started) })
		default:
			panic(broken)
		}
	}()
	// A caller who gives up must not leave the handler stuck in a write.
	ctx := r.Context()
	defer context.AfterFunc(ctx, func() { _ = w.read.CloseWithError(context.Cause(ctx)) })()
	h.ServeHTTP(w, r)
}

func (w *wire) response(r *http.Request) (*http.Response, error) {
	if w.status == 0 {
		w.cancel()
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		return nil, io.EOF // as a connection that was closed without an answer
	}
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: body{w}, ContentLength: -1, Request: r,
	}, nil
}

// Header implements [http.ResponseWriter].
func (w *wire) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *wire) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.started)
	})
}

// Write implements [http.ResponseWriter].
func (w *wire) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.write.Write(p)
}

// body ends the handler's context when it is closed.
type body struct{ *wire }

func (b body) Read(p []byte) (int, error) { return b.read.Read(p) }

func (b body) Close() error {
	b.cancel()
	return b.read.Close()
}
