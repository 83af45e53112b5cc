package discordtest

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is one route of the REST interface.
type route struct {
	open  bool     // the path holds the credential: no other is looked at
	query []string // what the address may hold
	body  bool     // it takes a JSON body
	rate  rate
	do    func(*call) (any, error) // with the lock held; no answer is status 204
}

// call is one call of a route that may be made. Its methods need the lock,
// which is held while it is handled.
type call struct {
	*Discord
	request
}

// id is a part of the path.
func (c *call) id(name string) string { return c.path[name] }

// into reads the body. A field that is not known is a mistake of the app's.
func (c *call) into(v any) error { return strictly(c.body, v) }

// serveAPI registers the REST interface.
func (s *Discord) serveAPI() {
	s.provideMessages()
	s.providePeople()
	s.provideCommands()
	s.handle("/", s.serveUnknown)
}

// provide adds a route, "POST /channels/{channel}/messages", in both versions
// of the interface. The parts of a path have the names channel, guild, user,
// message, app, interaction and token; one that is called token is not
// recorded.
func (s *Discord) provide(pattern string, r route) {
	method, path, _ := strings.Cut(pattern, " ")
	for _, version := range []string{"v9", "v10"} {
		s.handle(method+" /api/"+version+path, func(w http.ResponseWriter, req *http.Request) {
			s.serveRoute(w, req, pattern, r)
		})
	}
}

func (s *Discord) serveUnknown(w http.ResponseWriter, req *http.Request) {
	missing := func(*call) (any, error) {
		return nil, &refusal{status: http.StatusNotFound, own: "Discord has no such route, or it is not stood in for here"}
	}
	s.serveRoute(w, req, req.Method+" "+req.URL.Path, route{open: true, body: true, do: missing})
}

func (s *Discord) serveRoute(w http.ResponseWriter, req *http.Request, pattern string, r route) {
	q := readRequest(w, req, pattern, r)
	f := s.nextFault(pattern)
	if !f.before(req.Context()) {
		return
	}
	s.mu.Lock()
	a := s.handleCall(q, r, f)
	s.record(Exchange{Where: pattern, Path: q.path, Asked: q.text(), Answer: string(a.body), Status: a.status, Code: a.code})
	s.touch()
	s.mu.Unlock()
	if !f.after(req.Context()) {
		return
	}
	a.send(w)
}

// handleCall does what is asked, unless a fault comes before it, and returns
// what is answered. It needs the lock.
func (s *Discord) handleCall(q request, r route, f Fault) response {
	if f.spoils() && !f.Committed {
		return s.counted(f.response())
	}
	a := s.counted(s.perform(q, r))
	if f.spoils() {
		return f.response()
	}
	return a
}

// perform judges a call and does it. It needs the lock.
func (s *Discord) perform(q request, r route) response {
	if s.banned() {
		return banned()
	}
	if err := s.admit(q, r); err != nil {
		return s.refused(q, err)
	}
	window, over := s.limit(q, r)
	if over != nil {
		return over.response(window)
	}
	var a any
	err := q.problem
	if err == nil {
		a, err = r.do(&call{Discord: s, request: q})
	}
	out := s.respond(q, a, err)
	maps.Copy(out.header, window.header())
	return out
}

// admit says whether a call may be made at all. It needs the lock.
func (s *Discord) admit(q request, r route) error {
	if q.agent == "" || !strings.HasPrefix(q.agent, "DiscordBot (") {
		return &refusal{status: http.StatusForbidden, own: "a bot's User-Agent is DiscordBot (address, version), not " + q.agent}
	}
	if r.open {
		return nil
	}
	if s.world.App.Revoked {
		return &refusal{status: http.StatusUnauthorized}
	}
	if q.credential != "Bot "+s.token {
		return &refusal{status: http.StatusUnauthorized, own: "no Authorization, or not \"Bot \" and the token"}
	}
	return nil
}

// response is what goes out.
type response struct {
	status int
	header map[string]string
	body   []byte
	code   int  // the error code in it
	shared bool // a limit that is not held against the app
	cut    bool // the connection is reset instead
}

// respond makes the answer to a call that was looked at. It needs the lock.
func (s *Discord) respond(q request, a any, err error) response {
	if err != nil {
		return s.refused(q, err)
	}
	if a == nil {
		return response{status: http.StatusNoContent, header: map[string]string{}}
	}
	body, _ := json.Marshal(a) // maps, strings and what came as JSON
	return response{status: http.StatusOK, body: body, header: jsonHeader()}
}

// refused is the answer that is an error. It needs the lock.
func (s *Discord) refused(q request, err error) response {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		r = &refusal{code: InvalidForm, own: err.Error()}
	}
	if r.own != "" {
		s.complain(q.pattern, r.code, r.own)
	}
	return r.response()
}

// response is the error as Discord tells of it.
func (r *refusal) response() response {
	says := known(r.code)
	if r.status != 0 {
		says = told{r.status, statusWords(r.status)}
	}
	out := map[string]any{"code": r.code, "message": says.message}
	if r.path != "" {
		out["errors"] = tree(r)
	}
	if r.code == OldEdits {
		out["retry_after"], out["global"] = oldEditsAfter.Seconds(), false
	}
	body, _ := json.Marshal(out) // strings and maps
	return response{status: says.status, body: body, code: r.code, header: jsonHeader()}
}

func jsonHeader() map[string]string { return map[string]string{"Content-Type": "application/json"} }

// tree is the error of one field, at its place in the body.
func tree(r *refusal) any {
	var node any = map[string]any{"_errors": []any{map[string]any{"code": r.detail, "message": r.own}}}
	for _, step := range slices.Backward(strings.Split(r.path, ".")) {
		node = map[string]any{step: node}
	}
	return node
}

func (r response) send(w http.ResponseWriter) {
	if r.cut {
		reset(w)
		return
	}
	for k, v := range r.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // whoever asked may be gone
}

// request is a call as it came in.
type request struct {
	pattern    string
	path       map[string]string
	query      url.Values
	credential string
	agent      string
	body       []byte
	problem    error // why it cannot be read
}
