package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/authbridge/authbridge/api"
)

// Problem is a refusal of the bridge.
type Problem struct {
	api.Problem
	RetryAfter time.Duration // 0 = waiting alone does not help
}

// Error returns the detail, and what to do.
func (p *Problem) Error() string { return advised(p.Detail, string(p.Hint)) }

// advised is a text with a hint behind it, in one line.
func advised(text, hint string) string {
	if hint == "" {
		return text
	}
	return text + "; " + strings.Join(strings.Fields(hint), " ")
}

// CodeOf returns the code of the problem in an error, "" = it holds none.
func CodeOf(err error) api.ProblemCode {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Code
	}
	return ""
}

// ErrNoBridge means that no bridge answers; what was asked before lives on
// with it. The error itself is a [*NoBridge].
var ErrNoBridge = errors.New("no bridge answers")

// NoBridge says where no bridge answers, and what to do.
type NoBridge struct {
	Socket string // one of the two, or neither
	URL    string
	Hint   string
	Err    error
}

// Error says where, why and what to do.
func (e *NoBridge) Error() string { return advised(e.Reason(), e.Hint) }

// Reason says where and why.
func (e *NoBridge) Reason() string {
	if place := cmp.Or(e.Socket, e.URL); place != "" {
		return ErrNoBridge.Error() + " at " + place + ": " + e.Err.Error()
	}
	return ErrNoBridge.Error() + ": " + e.Err.Error()
}

// Unwrap returns why.
func (e *NoBridge) Unwrap() error { return e.Err }

// Is reports whether the target is ErrNoBridge.
func (e *NoBridge) Is(target error) bool { return target == ErrNoBridge }

var (
	errSilent = errors.New("no answer in time")
	errCut    = errors.New("the connection ended before the answer")
)

// cause drops what the layers of the network wrote around an error: it
// repeats the socket, and a host that nobody has asked for.
func cause(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errSilent
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errCut
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

// hintFor says what to do when a call got no answer at a socket.
func hintFor(err error) string {
	switch who, foreign := errors.AsType[*Stranger](err); {
	case foreign:
		return fmt.Sprintf("if the bridge runs as uid %d, say so: name its socket with --socket or AUTHBRIDGE_SOCKET, or set Trust in the Go client", who.UID)
	case errors.Is(err, errNowhere), errors.Is(err, fs.ErrNotExist):
		return "start it with: authbridge serve; or say where its socket is, with --socket or AUTHBRIDGE_SOCKET"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "it has ended without cleaning up; start it again with: authbridge serve"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not open the socket; the operator lets a group in with listen.socket_group, and the group has to be able to enter the directory of listen.socket"
	case errors.Is(err, context.DeadlineExceeded):
		return "it is there and does not answer; see its log"
	}
	return "the connection was lost; what was asked lives on in the bridge: call again"
}

// farHint says what to do when a call got no answer at a URL.
func farHint(err error) string {
	switch {
	case notTrusted(err):
		return "if its certificate is of a CA of your own, name that with AUTHBRIDGE_CA, or with TLS in the Go client"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it speaks http there: its operator sets listen.tls, or call it by http on its own machine"
	case toldByPeer(err):
		return "it wants a certificate that its listen.tls.client_ca has signed: name one with AUTHBRIDGE_CERT and AUTHBRIDGE_CERT_KEY, or with TLS in the Go client"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "see that it runs, and that its listen.tcp is this address"
	case errors.Is(err, context.DeadlineExceeded):
		return "it does not answer; see its log, and what is between here and there"
	}
	return "see that the address is right and can be reached; what was asked lives on in the bridge"
}

// notTrusted reports whether the certificate of the other end was refused.
func notTrusted(err error) bool {
	_, is := errors.AsType[*tls.CertificateVerificationError](err)
	return is
}

// toldByPeer reports whether the other end has broken off TLS: it liked what
// we showed as little as we would have liked what it shows.
func toldByPeer(err error) bool {
	e, is := errors.AsType[*net.OpError](err)
	return is && e.Op == "remote error"
}

// isFinal reports whether waiting changes nothing: somebody who is no bridge
// listens there, or nobody can.
func isFinal(err error) bool {
	_, foreign := errors.AsType[*Stranger](err)
	return foreign || errors.Is(err, errUnseen) || errors.Is(err, errNowhere) || errors.Is(err, errSomewhere)
}

// Parked is what [Client.Token] returns when the human has not decided yet.
// Go on with [Client.WaitToken]; asking again would not help.
type Parked struct{ api.Parked }

// Error returns what to do.
func (p *Parked) Error() string { return p.Detail }
