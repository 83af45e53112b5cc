package client

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"
	"time"

	"github.com/authbridge/authbridge/api"
)

// Problem is a refusal of the bridge.
type Problem struct {
	api.Problem
	RetryAfter time.Duration // 0 = waiting alone does not help
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

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
	Socket string
	Hint   string
	Err    error
}

// Error says where and why.
func (e *NoBridge) Error() string {
	if e.Socket == "" {
		return ErrNoBridge.Error() + ": " + e.Err.Error()
	}
	return ErrNoBridge.Error() + " at " + e.Socket + ": " + e.Err.Error()
}

// Unwrap returns why.
func (e *NoBridge) Unwrap() error { return e.Err }

// Is reports whether the target is ErrNoBridge.
func (e *NoBridge) Is(target error) bool { return target == ErrNoBridge }

var (
	errNoSocket = errors.New("no socket is named")
	errSilent   = errors.New("no answer in time")
	errCut      = errors.New("the connection ended before the answer")
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

// hintFor says what to do when a call got no answer.
func hintFor(err error) string {
	switch {
	case errors.Is(err, errNoSocket), errors.Is(err, fs.ErrNotExist):
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

// Parked is what [Client.Token] returns when the human has not decided yet.
// Go on with [Client.WaitToken]; asking again would not help.
type Parked struct{ api.Parked }

// Error returns what to do.
func (p *Parked) Error() string { return p.Detail }
