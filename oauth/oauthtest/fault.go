package oauthtest

import (
	"io"
	"maps"
	"net/http"
	"strings"
)

// Fault is one way to misbehave. The zero Fault is good behaviour. With
// Hang, Drop, Endless or Replace the endpoint does nothing of its own; with
// the others it works as usual and its answer is bent.
type Fault struct {
	Hang    bool // say nothing until the caller gives up
	Drop    bool // close the connection without an answer
	Endless bool // send a body that does not end
	Replace bool // send Body and nothing else

	Body   string
	Status int // 0 = as usual, with Replace: 200
	Header http.Header

	Edit func(members map[string]any) // change the members of the answer
	Form bool                         // send them as a form

	// Do the work, and then:
	Lose  bool // drop the connection
	Stall bool // say nothing until the caller gives up
	Cut   bool // send half of the answer and drop the connection
}

// Answer is a fault that sends just this.
func Answer(status int, contentType, body string) Fault {
	return Fault{Replace: true, Status: status, Body: body, Header: http.Header{"Content-Type": {contentType}}}
}

// JSON is a fault that sends just this JSON.
func JSON(status int, body string) Fault { return Answer(status, "application/json", body) }

// HTML is a fault that sends a web page.
func HTML(status int) Fault {
	return Answer(status, "text/html; charset=utf-8", "<!doctype html><title>Sign in</title><h1>secret-of-the-page</h1>")
}

// OAuthError is a fault that refuses in OAuth's words.
func OAuthError(status int, code string) Fault {
	return JSON(status, `{"error":"`+code+`"}`)
}

// Redirect is a fault that sends the caller elsewhere.
func Redirect(status int, to string) Fault {
	return Fault{Replace: true, Status: status, Header: http.Header{"Location": {to}}}
}

// Busy is a fault that asks to come back later.
func Busy(status int, retryAfter string) Fault {
	f := Answer(status, "text/plain", "busy")
	f.Header.Set("Retry-After", retryAfter)
	return f
}

// Set is a fault that changes one member of the answer; nil leaves it out.
func Set(name string, value any) Fault {
	return Fault{Edit: func(members map[string]any) {
		if value == nil {
			delete(members, name)
			return
		}
		members[name] = value
	}}
}

// Labelled is a fault that gives the answer another content type.
func Labelled(contentType string) Fault {
	return Fault{Header: http.Header{"Content-Type": {contentType}}}
}

// Inject makes the next requests to an endpoint meet these faults, one each.
func (i *Issuer) Inject(e Endpoint, faults ...Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.queued[e] = append(i.queued[e], faults...)
}

// Always makes every request to an endpoint meet a fault that finds none
// injected; the zero Fault heals.
func (i *Issuer) Always(e Endpoint, fault Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.always[e] = fault
}

func (i *Issuer) nextFault(e Endpoint) (Fault, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if queue := i.queued[e]; len(queue) > 0 {
		i.queued[e] = queue[1:]
		return queue[0], true
	}
	fault, ok := i.always[e]
	return fault, ok
}

func (f Fault) instead() bool { return f.Hang || f.Drop || f.Endless || f.Replace }

func (f Fault) play(w http.ResponseWriter, r *http.Request) {
	switch {
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), f.Header)
	w.WriteHeader(max(f.Status, 200))
	if !f.Endless {
		_, _ = io.WriteString(w, f.Body)
		return
	}
	// It looks like JSON, so that only a limit ends the reading.
	piece := `{"a":"` + strings.Repeat("a", 4096)
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, piece); err != nil {
			return
		}
	}
}

func (f Fault) bend(a answer) answer {
	if f.Status != 0 {
		a.status = f.Status
	}
	if f.Edit != nil && a.members != nil {
		f.Edit(a.members)
	}
	if f.Header != nil {
		a.header = f.Header
	}
	a.form, a.fault = f.Form, f
	return a
}
