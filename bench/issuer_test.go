//go:build unix

package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"
)

// The issuer is the least that speaks enough HTTP to be polled: no router, no
// state but counts. What it costs is the same for all who poll it.

// counts are what the issuer has seen since it was reset.
type counts struct {
	Polls int64
	Early int64 // sooner after the last poll of the same code than was named as the least
	Conns int64 // connections made

	// How late polls were, by the plan that their code tells of.
	P50, P99, P999 time.Duration
}

// A device code is its number and the start of its fixed plan in nanoseconds:
// such a code is to be polled a whole number of cadences after that. Without a
// start (0), each poll is due one cadence after the last was answered.
func deviceCode(number int, start int64) string { return fmt.Sprintf("dc.%08d.%019d", number, start) }

const (
	numberAt  = len("dc.")
	startAt   = numberAt + 8 + len(".")
	codeLen   = startAt + 19
	freshCode = 99_999_999 // the number of codes that are asked for
)

// parseCode reads a device code where it begins.
func parseCode(text []byte) (number int, start int64, ok bool) {
	if len(text) < codeLen {
		return 0, 0, false
	}
	number, err := strconv.Atoi(string(text[numberAt : startAt-1]))
	if err != nil {
		return 0, 0, false
	}
	start, err = strconv.ParseInt(string(text[startAt:codeLen]), 10, 64)
	return number, start, err == nil
}

// grants are what is known of the codes that are polled.
type grants struct {
	cadence, interval time.Duration
	arrived, answered []atomic.Int64 // when the last poll did, by number; 0 = never
}

type issuer struct {
	listener net.Listener
	grants   atomic.Pointer[grants]
	late     lateness
	polls    atomic.Int64
	early    atomic.Int64
	conns    atomic.Int64
	goal     atomic.Int64 // polls that somebody waits for
	reached  chan struct{}
}

func playIssuer(ctx context.Context, _ task) (func(command) report, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &issuer{listener: listener, reached: make(chan struct{}, 1)}
	s.grants.Store(&grants{})
	go s.accept()
	return func(c command) report {
		switch c.Verb {
		case prepare:
			s.grants.Store(&grants{c.Cadence, c.Interval, make([]atomic.Int64, c.Grants), make([]atomic.Int64, c.Grants)})
		case reset:
			s.reset()
		case await:
			s.await(ctx, c.Polls)
		case look, collect:
		}
		return report{Addr: listener.Addr().String(), counts: s.counts()}
	}, nil
}

func (s *issuer) counts() counts {
	return counts{
		Polls: s.polls.Load(), Early: s.early.Load(), Conns: s.conns.Load(),
		P50: s.late.rank(0.5), P99: s.late.rank(0.99), P999: s.late.rank(0.999),
	}
}

func (s *issuer) reset() {
	s.polls.Store(0)
	s.early.Store(0)
	s.conns.Store(0)
	s.late.reset()
}

// await waits until so many polls were counted.
func (s *issuer) await(ctx context.Context, polls int64) {
	s.goal.Store(polls)
	for s.polls.Load() < polls {
		select {
		case <-s.reached:
		case <-ctx.Done():
			return
		}
	}
}

func (s *issuer) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.conns.Add(1)
		go s.serve(c)
	}
}

// serve answers the requests of one connection, one after the other.
func (s *issuer) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := reader{from: c}
	for {
		head, body, err := r.next()
		if err != nil {
			return
		}
		if bytes.HasPrefix(head, []byte("POST /token ")) {
			err = s.poll(c, body)
		} else {
			_, err = c.Write(s.other(head))
		}
		if err != nil {
			return
		}
	}
}

var pendingAnswer = httpAnswer("400 Bad Request", `{"error":"authorization_pending"}`)

func httpAnswer(status, body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// poll answers that the human has not finished.
func (s *issuer) poll(c net.Conn, body []byte) error {
	now := time.Now().UnixNano()
	number, start, ok := parseCode(body[max(0, bytes.Index(body, []byte("dc."))):])
	g := s.grants.Load()
	if !ok || number >= len(g.arrived) {
		_, err := c.Write(httpAnswer("400 Bad Request", `{"error":"invalid_grant"}`))
		return err
	}
	arrived, answered := g.arrived[number].Swap(now), g.answered[number].Load()
	if arrived > 0 && time.Duration(now-arrived) < g.interval {
		s.early.Add(1)
	}
	switch {
	case start > 0:
		s.late.add(time.Duration((now - start) % int64(g.cadence)))
	case answered > 0:
		s.late.add(max(0, time.Duration(now-answered)-g.cadence))
	}
	_, err := c.Write(pendingAnswer)
	g.answered[number].Store(time.Now().UnixNano())
	if s.polls.Add(1) == s.goal.Load() {
		select {
		case s.reached <- struct{}{}:
		default:
		}
	}
	return err
}

// other answers what is asked once: the metadata, a code.
func (s *issuer) other(head []byte) []byte {
	at := "http://" + s.listener.Addr().String()
	switch {
	case bytes.HasPrefix(head, []byte("GET /.well-known/oauth-authorization-server ")):
		return httpAnswer("200 OK", fmt.Sprintf(`{"issuer":%q,"device_authorization_endpoint":%q,"token_endpoint":%q}`, at, at+"/device", at+"/token"))
	case bytes.HasPrefix(head, []byte("POST /device ")):
		return httpAnswer("200 OK", fmt.Sprintf(
			`{"device_code":%q,"user_code":"WDJB-MJHT","verification_uri":%q,"expires_in":1800,"interval":%d}`,
			deviceCode(freshCode, 0), at+"/verify", int(s.grants.Load().interval/time.Second)))
	}
	return httpAnswer("404 Not Found", `{}`)
}

// reader takes HTTP requests off a connection.
type reader struct {
	from net.Conn
	kept [8 << 10]byte
	have int
	last int // bytes of the request that was returned
}

// next returns the next request; it is valid until the next call.
func (r *reader) next() (head, body []byte, err error) {
	r.have = copy(r.kept[:], r.kept[r.last:r.have])
	r.last = 0
	end := -1
	for {
		if end = bytes.Index(r.kept[:r.have], []byte("\r\n\r\n")); end >= 0 {
			break
		}
		if err := r.more(); err != nil {
			return nil, nil, err
		}
	}
	head = r.kept[:end]
	end += len("\r\n\r\n")
	size := end + contentLength(head)
	for r.have < size {
		if err := r.more(); err != nil {
			return nil, nil, err
		}
	}
	r.last = size
	return head, r.kept[end:size], nil
}

// more reads on; a request that does not fit ends as a short read.
func (r *reader) more() error {
	n, err := r.from.Read(r.kept[r.have:])
	r.have += n
	if n == 0 && err == nil {
		err = fmt.Errorf("the request is longer than %d bytes", len(r.kept))
	}
	return err
}

func contentLength(head []byte) int {
	const name = "\r\nContent-Length: "
	_, value, found := bytes.Cut(head, []byte(name))
	if !found {
		return 0
	}
	value, _, _ = bytes.Cut(value, []byte("\r"))
	n, err := strconv.Atoi(string(value))
	if err != nil {
		return 0
	}
	return n
}
