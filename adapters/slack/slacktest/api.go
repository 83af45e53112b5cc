package slacktest

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// method is one method of the Web API.
type method struct {
	kind   string   // the kind of its token: botToken or appToken
	scopes []string // what the token needs, all of them
	args   []string // what it takes
	needs  []string // which of these must be there
	form   bool     // takes a form only, not JSON
	rate   rate
	do     func(*call) (answer, error) // with the lock held
}

// The kinds of tokens that an app holds.
const (
	botToken = "bot"
	appToken = "app"
)

// call is one call of a method that may be made. Its methods need the lock,
// which is held while it is handled.
type call struct {
	*Slack
	args map[string]string // what is no string is here as its JSON text
}

func (c *call) arg(name string) string { return c.args[name] }

func (c *call) flag(name string) bool { return truth(c.args[name]) }

func truth(text string) bool { return text == "true" || text == "1" }

// answer is what a method answers, without "ok".
type answer map[string]any

// refusal is an answer that is not ok.
type refusal struct {
	code string
	own  string // the app's own mistake, in words; empty where it is the world's doing
	more answer
}

func (r *refusal) Error() string { return r.code }

// refuse answers with an error that any app may meet.
func refuse(code string) error { return &refusal{code: code} }

// wrong answers with an error that a right app never meets.
func wrong(code, why string) error {
	return &refusal{code: code, own: why, more: answer{
		"response_metadata": answer{"messages": []string{"[ERROR] " + why}},
	}}
}

// serveAPI registers the Web API.
func (s *Slack) serveAPI() {
	s.provideChat()
	s.providePeople()
	s.provideViews()
	s.handle("/api/{method}", s.serveMethod)
}

// provide adds a method.
func (s *Slack) provide(name string, m method) { s.methods[name] = m }

func (s *Slack) serveMethod(w http.ResponseWriter, r *http.Request) {
	q := readRequest(w, r)
	f := s.nextFault(q.method)
	if !f.before(r.Context()) {
		return
	}
	s.mu.Lock()
	a := s.handleCall(q, f)
	s.record(Exchange{Where: q.method, Asked: q.body, Args: q.args, Answer: string(a.body), Status: a.status, Error: a.code})
	s.touch()
	s.mu.Unlock()
	if !f.after(r.Context()) {
		return
	}
	a.send(w)
}

// handleCall does what is asked, unless a fault comes before it, and returns
// what is answered. It needs the lock.
func (s *Slack) handleCall(q request, f Fault) response {
	if f.spoils() && !f.Committed {
		return f.response()
	}
	a := s.perform(q)
	if f.spoils() {
		return f.response()
	}
	return a
}

// perform judges a call and does it. It needs the lock.
func (s *Slack) perform(q request) response {
	m, known := s.methods[q.method]
	err := s.admit(q, m, known)
	if limit, ok := errors.AsType[*limited](err); ok {
		return limit.response()
	}
	var a answer
	if err == nil {
		a, err = m.do(&call{Slack: s, args: q.args})
	}
	return s.respond(q, m, a, err)
}

// admit says whether a call may be made at all, in the order in which Slack
// looks at it. It needs the lock.
func (s *Slack) admit(q request, m method, known bool) error {
	if !known {
		return wrong("unknown_method", "Slack has no such method, or it is not stood in for here")
	}
	if q.problem != nil {
		return q.problem
	}
	if m.form && q.json {
		return wrong("invalid_post_type", "the method takes no JSON")
	}
	if err := s.checkToken(q, m); err != nil {
		return err
	}
	if err := s.checkScopes(m.kind, m.scopes); err != nil {
		return err
	}
	if err := s.limit(m.rate, q.method, q.args["channel"]); err != nil {
		return err
	}
	return checkArgs(q.args, m)
}

func (s *Slack) checkToken(q request, m method) error {
	var kind string
	switch q.token {
	case "":
		return wrong("not_authed", "no token, or not where this method looks for it")
	case s.bot:
		kind = botToken
	case s.app:
		kind = appToken
	default:
		return wrong("invalid_auth", "nobody gave out that token")
	}
	if kind != m.kind {
		return wrong("not_allowed_token_type", "a token of the kind "+kind+" where one of the kind "+m.kind+" is needed")
	}
	if kind == appToken && !q.header {
		return wrong("not_authed", "an app-level token goes into the header")
	}
	if s.world.App.Refuse != "" {
		return refuse(s.world.App.Refuse)
	}
	return nil
}

// granted is what a token of that kind may do. It needs the lock.
func (s *Slack) granted(kind string) []string {
	if kind == appToken {
		return s.world.App.AppScopes
	}
	return s.world.App.Scopes
}

// checkScopes needs the lock. A scope that the manifest asks for was taken
// away by the world; one that it does not ask for is the app's mistake.
func (s *Slack) checkScopes(kind string, scopes []string) error {
	have := s.granted(kind)
	for _, scope := range scopes {
		if slices.Contains(have, scope) {
			continue
		}
		missing := &refusal{code: "missing_scope", more: answer{
			"needed": strings.Join(scopes, ","), "provided": strings.Join(have, ","),
		}}
		if kind == botToken && !slices.Contains(BotScopes(), scope) {
			missing.own = "the manifest does not ask for " + scope
		}
		return missing
	}
	return nil
}

func checkArgs(args map[string]string, m method) error {
	for name := range args {
		if !slices.Contains(m.args, name) {
			return wrong("invalid_arguments", "the method takes no "+name+", or it is not stood in for here")
		}
	}
	for _, name := range m.needs {
		if args[name] == "" {
			return wrong("invalid_arguments", "missing required field: "+name)
		}
	}
	return nil
}

// response is what goes out.
type response struct {
	status int
	header map[string]string
	body   []byte
	code   string // the error in it
	cut    bool   // the connection is reset instead
}

// respond makes the answer to a call that was looked at. It needs the lock.
func (s *Slack) respond(q request, m method, a answer, err error) response {
	out := answer{"ok": err == nil}
	maps.Copy(out, a)
	if r, ok := errors.AsType[*refusal](err); ok {
		out["error"] = r.code
		maps.Copy(out, r.more)
		if r.own != "" {
			s.complain(q.method, r.code, r.own)
		}
	}
	body, _ := json.Marshal(out)
	code, _ := out["error"].(string)
	return response{status: http.StatusOK, body: body, code: code, header: map[string]string{
		"Content-Type":            "application/json; charset=utf-8",
		"X-OAuth-Scopes":          strings.Join(s.granted(m.kind), ","),
		"X-Accepted-OAuth-Scopes": strings.Join(m.scopes, ","),
	}}
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
