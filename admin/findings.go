package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// FindingsPath answers GET with [Findings]. It takes as long as the providers
// take to answer.
const FindingsPath = "/v1/findings"

// Level says how bad a finding is.
type Level string

// The levels of findings.
const (
	OK   Level = "ok"
	Warn Level = "warn" // it works, and somebody should know
	Fail Level = "fail" // something does not work
)

// Finding is one thing that was looked at. Nothing in it is secret; What and
// Hint are each one line.
type Finding struct {
	Level Level  `json:"level"`
	About string `json:"about"` // such as store, a provider's name, or agents.ci
	What  string `json:"what"`  // how it is
	Hint  string `json:"hint"`  // what to do; "" = nothing
}

// Findings is what a bridge found when it looked at itself.
type Findings struct {
	Version  string    `json:"version"` // of the program that runs
	File     string    `json:"file"`    // its configuration; "" = none
	Findings []Finding `json:"findings"`
}

// Examiner looks at a bridge and all that it depends on.
type Examiner interface {
	// Examine takes at most about half a minute, or until ctx ends.
	Examine(ctx context.Context) Findings
}

// Findings has the bridge look at itself. The errors are those of package
// client, a [*client.NoBridge] above all.
func (c Client) Findings(ctx context.Context) (found Findings, err error) {
	var text bytes.Buffer
	err = c.with(func(bridge *client.Client) error {
		return bridge.Stream(ctx, http.MethodGet, FindingsPath, api.MediaType, &text)
	})
	if err == nil {
		err = json.Unmarshal(text.Bytes(), &found)
	}
	return found, err
}

// findings serves GET /v1/findings.
func (h *handler) findings(w http.ResponseWriter, r *http.Request) error {
	if h.examiner == nil {
		return localhttp.Refuse(api.ProblemNotFound, "this bridge does not look at itself")
	}
	return h.atLength(w, r, func(ctx context.Context) (any, error) { return h.examiner.Examine(ctx), nil })
}

// atLength answers with what work returns. Until it does, a space now and then
// says that somebody is at it.
func (h *handler) atLength(w http.ResponseWriter, r *http.Request, work func(context.Context) (any, error)) error {
	var found any
	done := make(chan error, 1)
	go func() {
		var err error
		found, err = work(r.Context())
		done <- err
	}()
	tick := time.NewTicker(takeWithin / 3)
	defer tick.Stop()
	for out := h.stream(w, api.MediaType); ; {
		select {
		case err := <-done:
			if err != nil {
				return out.fail(err)
			}
			return out.fail(json.NewEncoder(out).Encode(found))
		case <-tick.C:
			_, err := out.Write([]byte(" "))
			if err = errors.Join(err, http.NewResponseController(w).Flush()); err != nil {
				return out.fail(err)
			}
		}
	}
}
