package localhttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/authbridge/authbridge/api"
)

// Refusal is an error that the caller is to be told, as a problem.
type Refusal struct {
	Problem    api.Problem
	RetryAfter time.Duration // 0 = waiting alone does not help
	Allow      string        // the methods that a route has, where another was tried
}

// Refuse makes a refusal with what goes with its code.
func Refuse(code api.ProblemCode, format string, args ...any) *Refusal {
	return &Refusal{
		Problem: api.Problem{
			Type: "about:blank", Title: http.StatusText(code.Status()), Status: code.Status(),
			Code: code, Detail: fmt.Sprintf(format, args...), Retryable: code.Retryable(),
		},
		RetryAfter: code.RetryAfter(),
	}
}

// RefuseMethod is the refusal of a method that a route does not have.
func RefuseMethod(r *http.Request, allow string) *Refusal {
	no := Refuse(api.ProblemInvalidRequest, "%s does not go with %s", shorten(r.Method), shorten(r.URL.Path)).
		WithHint("it takes %s", allow)
	no.Problem.Status = http.StatusMethodNotAllowed
	no.Problem.Title = http.StatusText(http.StatusMethodNotAllowed)
	no.Allow = allow
	return no
}

// WithHint adds what to do next.
func (no *Refusal) WithHint(format string, args ...any) *Refusal {
	no.Problem.Hint = api.Optional(fmt.Sprintf(format, args...))
	return no
}

// Error returns the detail.
func (no *Refusal) Error() string { return no.Problem.Detail }

// Write answers with the refusal.
func (no *Refusal) Write(w http.ResponseWriter) {
	if no.RetryAfter > 0 {
		seconds := math.Ceil(no.RetryAfter.Seconds())
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	if no.Allow != "" {
		w.Header().Set("Allow", no.Allow)
	}
	if no.Problem.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, section 15.5.2
	}
	if write(w, api.ProblemMediaType, no.Problem.Status, no.Problem) != nil {
		w.WriteHeader(no.Problem.Status) // the code is lost; the status is not
	}
}

// WriteJSON answers with a value. Nothing that is said here may be kept by
// anybody on the way. An error means that the value cannot be encoded and
// nothing was answered yet.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	return write(w, api.MediaType, status, v)
}

func write(w http.ResponseWriter, mediaType string, status int, v any) error {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(v); err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // who has gone away is told nothing
	return nil
}
