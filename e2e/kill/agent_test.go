package kill

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/authbridge/authbridge/api"
)

// fate is what becomes of an asking, as far as agent and human have a say. It
// is part of the scope that is asked for, so that everybody who sees the
// asking knows it.
type fate string

const (
	plain         fate = "plain"         // approved and collected
	other         fate = "other"         // approved with somebody else's account
	refuse        fate = "refuse"        // refused at the provider
	deny          fate = "deny"          // denied when the code is there
	denyAsked     fate = "denyasked"     // denied before
	late          fate = "late"          // denied while the token is on its way
	cancelAsked   fate = "cancelasked"   // withdrawn
	cancelCoded   fate = "cancelcoded"   // likewise, while the human decides
	cancelGranted fate = "cancelgranted" // likewise, when there is a token to be taken back
	slow          fate = "slow"          // the provider says slow_down once
	lapse         fate = "lapse"         // the first code lapses
)

// fates are what a new asking draws from: most are plain.
var fates = []fate{
	plain, plain, plain, plain, plain, plain, other, other, refuse, deny, denyAsked,
	late, cancelAsked, cancelCoded, cancelGranted, lapse, slow,
}

// fateOf reads the fate in a scope.
func fateOf(ask string) fate {
	parts := strings.Split(ask, ".")
	if len(parts) < 2 {
		return ""
	}
	return fate(parts[1])
}

// asking is one thing that the agent wants, through all lives of the bridge.
// Its goroutine owns it while the bridge lives, and the test between lives.
type asking struct {
	ask    string // the scope; also the idempotency key and the session
	fate   fate
	waits  bool // the agent waits at the bridge, instead of looking now and then
	twice  bool // the agent fetches the token a second time
	pace   time.Duration
	born   int // in which life
	closed atomic.Bool

	rumour    string // the id, as it was listed before any answer to the ask had come
	id        string
	state     api.State
	version   uint64
	collected bool // the token has come
	decided   map[string]bool
	halted    bool // the provider was told to slow this one down
}

// open is how many askings are kept under way.
const open = 6

// enrol makes new askings, so that what is aimed at can happen.
func (w *world) enrol(a aim) {
	under, aimed := 0, false
	for _, one := range w.askings {
		if !one.over() {
			under++
			aimed = aimed || one.fate == a.of && !w.provider.wasSlowed(one.ask)
		}
	}
	if a.of != "" && !aimed {
		w.newAsking(a.of)
	}
	for range max(1, open-under) {
		w.newAsking(fates[w.rng.IntN(len(fates))])
	}
}

func (w *world) newAsking(f fate) {
	a := &asking{
		ask: fmt.Sprintf("files.%s.%d-%d", f, w.n, len(w.askings)), fate: f,
		waits: w.rng.IntN(2) == 0, twice: w.rng.IntN(3) == 0,
		pace: time.Duration(w.rng.IntN(30)) * time.Millisecond, born: w.rec.life + 1, decided: map[string]bool{},
	}
	if f == plain && w.rng.IntN(2) == 0 {
		a.ask += ".signed" // the account is in an id_token
	}
	w.askings = append(w.askings, a)
}

// over tells whether nothing is left to do.
func (a *asking) over() bool { return a.closed.Load() }

func (w *world) allOver() bool {
	return !slices.ContainsFunc(w.askings, func(a *asking) bool { return !a.over() })
}

// run does all that is left to do, until the bridge dies.
func (a *asking) run(w *world) {
	b := w.bridge
	if !b.pause(a.pace) || a.id == "" && !a.first(w) {
		return
	}
	for !w.patienceOver() {
		var alive bool
		switch {
		case a.state == api.Asked:
			alive = a.asked(w)
		case a.state == api.Coded:
			alive = a.coded(w)
		case a.state == api.Held:
			alive = a.changed(w)
		case a.state == api.Granted && a.fate == cancelGranted:
			alive = a.cancel(w)
		case a.state == api.Granted, a.state == api.Collected && !a.collected:
			alive = a.collect(w)
		default:
			a.closed.Store(true)
			return
		}
		if !alive {
			return
		}
	}
}

// first asks, with a key that makes it safe to ask again: also when the request
// has ended before the agent ever heard of it.
func (a *asking) first(w *world) bool {
	if a.rumour != "" && a.waits && !w.human.Load().press(a.ask, a.rumour, "deny", denying) {
		return false
	}
	body := fmt.Sprintf(`{"provider":"corp","scopes":[%q],"session":%q}`, a.ask, a.ask)
	w.rec.add(fact{what: asks, ask: a.ask})
	return a.request(w, http.MethodPost, "/v1/requests", body, api.IdempotencyKeyHeader, a.ask)
}

// asked presses Show code, or whatever else the fate wants.
func (a *asking) asked(w *world) bool {
	switch {
	case a.fate == cancelAsked:
		return a.cancel(w)
	case a.fate == denyAsked:
		return w.human.Load().press(a.ask, a.id, "deny", denying) && a.changed(w)
	case !w.human.Load().press(a.ask, a.id, "show_code", clicking):
		return false
	}
	for range 20 {
		if !a.changed(w) {
			return false
		}
		if a.state != api.Asked {
			return true
		}
	}
	return true
}

// coded does at the provider what the fate wants, once the page has the code.
func (a *asking) coded(w *world) bool {
	user := w.human.Load().code(a.id)
	if user == "" {
		return w.bridge.pause(10*time.Millisecond) && a.changed(w)
	}
	switch a.fate {
	case cancelCoded:
		return a.cancel(w)
	case deny:
		return w.human.Load().press(a.ask, a.id, "deny", denying) && a.changed(w)
	case slow:
		if slowed := w.provider.wasSlowed(a.ask); !slowed && !a.halted {
			a.halted = true
			a.provider(w, w.provider.SlowDown(user))
			return a.changed(w)
		} else if !slowed {
			return a.changed(w)
		} else if w.calmUntil.IsZero() && w.rec.life > a.givesUp() {
			return a.cancel(w)
		}
	case lapse:
		if devices, _ := w.provider.given(a.ask); len(devices) == 1 {
			return a.changed(w)
		}
	default:
	}
	if !a.decided[user] {
		a.decided[user] = true
		a.decide(w, user)
	}
	return a.changed(w)
}

// givesUp is the life after which an agent withdraws what the provider has slowed
// down: few lives are long enough for another poll.
func (a *asking) givesUp() int {
	if a.pace < 10*time.Millisecond {
		return a.born + 20
	}
	return a.born + 3
}

// decide is the human at the provider.
func (a *asking) decide(w *world, user string) {
	switch a.fate {
	case other:
		w.rec.add(fact{what: approvedAs, ask: a.ask, user: user})
		a.provider(w, w.provider.Approve(user, malloryThere))
	case refuse:
		w.rec.add(fact{what: refused, ask: a.ask, user: user})
		a.provider(w, w.provider.Deny(user))
	default:
		a.provider(w, w.provider.Approve(user, aliceThere))
		w.rec.add(fact{what: approved, ask: a.ask, user: user})
	}
}

func (a *asking) provider(w *world, err error) {
	if err != nil {
		w.surprise(a.ask, "at the provider: %v", err)
	}
}

// denyLate is the human who changes her mind while a token is on its way.
func (w *world) denyLate(ask string) {
	if fateOf(ask) != late {
		return
	}
	for _, f := range w.rec.all() {
		if f.ask == ask && f.what == told {
			w.human.Load().press(ask, f.id, "deny", denying)
			return
		}
	}
}

// changed waits for a change, or looks after a moment.
func (a *asking) changed(w *world) bool {
	path := "/v1/requests/" + a.id
	if a.waits {
		path += fmt.Sprintf("?after=%d&wait=1", a.version)
	} else if !w.bridge.pause(50 * time.Millisecond) {
		return false
	}
	return a.request(w, http.MethodGet, path, "")
}

func (a *asking) cancel(w *world) bool {
	w.rec.add(fact{what: cancelling, ask: a.ask, id: a.id})
	return a.request(w, http.MethodDelete, "/v1/requests/"+a.id, "")
}

// collect fetches the token.
func (a *asking) collect(w *world) bool {
	for {
		w.rec.add(fact{what: collecting, ask: a.ask, id: a.id})
		status, body, err := w.call(http.MethodPost, "/v1/requests/"+a.id+"/token", "")
		if err != nil {
			return false
		}
		var token api.Token
		if status != http.StatusOK || json.Unmarshal(body, &token) != nil {
			return a.hear(w, status, body)
		}
		w.rec.add(fact{what: released, ask: a.ask, id: a.id, token: token.AccessToken})
		a.collected = true
		if !a.twice {
			return a.request(w, http.MethodGet, "/v1/requests/"+a.id, "")
		}
		a.twice = false
	}
}

// request makes a call that is answered with the request.
func (a *asking) request(w *world, method, path, body string, headers ...string) bool {
	status, answer, err := w.call(method, path, body, headers...)
	return err == nil && a.hear(w, status, answer)
}

// hear takes in how the request stands, from an answer or a refusal.
func (a *asking) hear(w *world, status int, body []byte) bool {
	var r api.Request
	var p api.Problem
	switch {
	case status < 300 && json.Unmarshal(body, &r) == nil:
	case json.Unmarshal(body, &p) == nil && p.Request != nil:
		r = *p.Request
	default:
		w.surprise(a.ask, "the bridge answers %d %s", status, body)
		return false
	}
	w.rec.add(toldOf(r))
	a.learn(r)
	return true
}

func (a *asking) learn(r api.Request) { a.id, a.state, a.version = r.ID, r.State, r.Version }

// toldOf is what an answer tells.
func toldOf(r api.Request) fact {
	f := fact{what: told, ask: strings.Join(r.Scopes, " "), id: r.ID, state: r.State, version: r.Version}
	for _, d := range r.Delivery {
		f.delivery += d.Channel + " " + string(d.State)
	}
	if r.Outcome != nil {
		f.outcome = r.Outcome.Code
	}
	return f
}

// call calls the agent API. An answer that breaks off is an error.
func (w *world) call(method, path, body string, headers ...string) (status int, answer []byte, err error) {
	var sent io.Reader
	if body != "" {
		sent = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(w.t.Context()), method, "http://localhost"+path, sent)
	if err != nil {
		return 0, nil, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := w.bridge.agents.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// lookUp asks for every request that there is, and for each by itself that the
// agent was told of and does not find in the list.
func (w *world) lookUp() {
	w.t.Helper()
	listed, byAsk := map[string]api.Request{}, map[string]string{}
	for cursor := ""; ; {
		status, body, err := w.call(http.MethodGet, "/v1/requests?limit=200"+cursor, "")
		var page api.RequestPage
		if err != nil || status != http.StatusOK || json.Unmarshal(body, &page) != nil {
			w.t.Fatalf("the requests cannot be listed: %d, %v", status, err)
		}
		for _, r := range page.Items {
			listed[r.ID] = r
			w.rec.add(toldOf(r))
			byAsk[strings.Join(r.Scopes, " ")] = r.ID
		}
		if page.NextCursor == "" {
			break
		}
		cursor = "&cursor=" + string(page.NextCursor)
	}
	for _, a := range w.askings {
		if a.id == "" {
			a.rumour = byAsk[a.ask]
			continue
		}
		r, there := listed[a.id]
		if !there {
			w.rec.add(fact{what: missing, ask: a.ask, id: a.id})
			continue
		}
		a.learn(r)
	}
}

// askOf finds the asking of a request that the agent was told of.
func (w *world) askOf(id string) string {
	for _, f := range w.rec.all() {
		if f.id == id && f.ask != "" {
			return f.ask
		}
	}
	return ""
}
