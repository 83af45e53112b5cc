package httpapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/httpapi"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// house is the API behind a server in memory, for a bubble in which time is
// not real.
type house struct {
	t    *testing.T
	desk *httpapitest.Desk
	http *http.Client
	stop context.CancelFunc // the bridge is stopping
}

// inHouse runs a story in a bubble.
func inHouse(t *testing.T, story func(*testing.T, *house)) {
	synctest.Test(t, func(t *testing.T) {
		stopping, stop := context.WithCancel(t.Context())
		desk := httpapitest.NewDesk(t, agent("helper", helperUID), agent("other", otherUID))
		l := httpapitest.NewListener()
		srv := &http.Server{
			Handler:     httpapi.New(httpapi.Options{Desk: desk, Stopping: stopping}),
			ConnContext: httpapitest.As(helperUID),
			// A wait may be longer than a caller may take to send, and a stream
			// than any other answer.
			ReadTimeout: 30 * time.Second, WriteTimeout: 90 * time.Second, IdleTimeout: 2 * time.Minute,
		}
		done := make(chan struct{})
		go func() { defer close(done); _ = srv.Serve(l) }()
		client, closeConns := l.Client()
		story(t, &house{t, desk, client, stop})
		closeConns()
		_ = srv.Close()
		<-done
		stop()
	})
}

// send makes a call and says how long it took.
func (h *house) send(ctx context.Context, c call) (*answer, time.Duration) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(ctx, c.method, "http://localhost"+c.path, strings.NewReader(c.body))
	if err != nil {
		h.t.Fatal(err)
	}
	if c.body != "" {
		req.Header.Set("Content-Type", api.MediaType)
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	start := time.Now()
	resp, err := h.http.Do(req)
	if err != nil {
		h.t.Errorf("%s %s: %v", c.method, c.path, err)
		return nil, 0
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	took := time.Since(start)
	httpapi.CheckAnswer(h.t, c.method, c.path, resp.StatusCode, resp.Header, body)
	return &answer{h.t, resp, body}, took
}

// after lets something happen while a call waits.
func (h *house) after(d time.Duration, do func()) {
	time.AfterFunc(d, do)
}

func (h *house) asked() bridge.RequestID {
	h.t.Helper()
	a, _ := h.send(h.t.Context(), post(api.RequestsPath, simpleAsk))
	return bridge.RequestID(a.want(http.StatusCreated).request().ID)
}

func coded(r *bridge.Request) { r.State = bridge.Coded }

func TestWaitingForARequest(t *testing.T) {
	change := func(h *house, id bridge.RequestID) { h.desk.Change(id, coded) }
	grant := func(h *house, id bridge.RequestID) { h.desk.Grant(id, token("grt_1")) }
	for name, c := range map[string]struct {
		before  func(*house, bridge.RequestID)
		query   string
		during  func(*house, bridge.RequestID) // after 7 s
		takes   time.Duration
		version uint64
	}{
		"nothing said":                 {nil, "", change, 0, 1},
		"only a version":               {nil, "?after=1", change, 0, 1},
		"something newer is there":     {change, "?after=1&wait=60", nil, 0, 2},
		"it changes":                   {nil, "?after=1&wait=60", change, 7 * time.Second, 2},
		"it does not change":           {nil, "?after=1&wait=20", nil, 20 * time.Second, 1},
		"it changes too late":          {nil, "?after=1&wait=5", change, 5 * time.Second, 1},
		"a version far ahead":          {nil, "?after=99&wait=10", change, 10 * time.Second, 2},
		"granted and seen":             {grant, "?after=2&wait=10", nil, 10 * time.Second, 2},
		"only a wait, and it changes":  {nil, "?wait=60", change, 7 * time.Second, 2},
		"only a wait, and it does not": {nil, "?wait=60", nil, 60 * time.Second, 1},
		"only a wait, granted before":  {grant, "?wait=60", nil, 0, 2},
		"it has ended, and was seen": {func(h *house, id bridge.RequestID) {
			h.desk.End(id, bridge.Denied, bridge.Outcome{Code: bridge.OutcomeDenied})
		}, "?after=2&wait=60", nil, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(t *testing.T, h *house) {
				id := h.asked()
				if c.before != nil {
					c.before(h, id)
				}
				if c.during != nil {
					h.after(7*time.Second, func() { c.during(h, id) })
				}
				a, took := h.send(t.Context(), get(api.RequestPath(string(id))+c.query))
				if r := a.want(http.StatusOK).request(); r.Version != c.version || took != c.takes {
					t.Errorf("version %d after %s, want %d after %s", r.Version, took, c.version, c.takes)
				}
				<-time.After(10 * time.Second) // let what is to happen happen
			})
		})
	}
}

func TestAskingAndWaiting(t *testing.T) {
	for name, c := range map[string]struct {
		prefer  string
		applied string
		takes   time.Duration
		state   api.State
	}{
		"no preference":       {"", "", 0, api.Asked},
		"none to wait":        {"wait=0", "wait=0", 0, api.Asked},
		"until it is coded":   {"wait=5", "wait=5", 5 * time.Second, api.Coded},
		"until it is granted": {"wait=60", "wait=60", 7 * time.Second, api.Granted},
		"among others":        {`respond-async, foo="a,wait=1"; x=1, Wait="30"; y, wait=2`, "wait=30", 7 * time.Second, api.Granted},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(t *testing.T, h *house) {
				h.after(3*time.Second, func() { h.desk.Change(h.only(), coded) })
				h.after(7*time.Second, func() { h.desk.Grant(h.only(), token("grt_1")) })
				ask := post(api.RequestsPath, simpleAsk)
				if c.prefer != "" {
					ask = ask.with("Prefer", c.prefer)
				}
				a, took := h.send(t.Context(), ask)
				r := a.want(http.StatusCreated).request()
				if r.State != c.state || took != c.takes || a.Header.Get("Preference-Applied") != c.applied {
					t.Errorf("%s after %s, applied %q", r.State, took, a.Header.Get("Preference-Applied"))
				}
				<-time.After(10 * time.Second)
			})
		})
	}
}

// only is the id of the one request there is.
func (h *house) only() bridge.RequestID {
	page, _, err := h.desk.List(context.Background(), "helper", nil, "", 1)
	if err != nil || len(page) != 1 {
		h.t.Errorf("%d requests, %v", len(page), err)
		return ""
	}
	return page[0].ID
}

func TestPreferencesThatCannotBeMet(t *testing.T) {
	s := newStage(t)
	for _, prefer := range []string{"wait=61", "wait=-1", "wait=x", "wait", "wait=", `wait="`, "wait=1.5", "wait = 99999999999999999999", "wait=+5"} {
		for _, path := range []string{api.RequestsPath, api.TokenPath} {
			s.do(post(path, simpleAsk).with("Prefer", prefer)).problem(api.ProblemInvalidRequest)
		}
	}
	if s.desk.Calls() != 0 {
		t.Error("the desk was called")
	}
}

func TestATokenInOneCall(t *testing.T) {
	t.Run("the human grants in time", func(t *testing.T) {
		inHouse(t, func(t *testing.T, h *house) {
			h.after(54*time.Second, func() { h.desk.Grant(h.only(), token("grt_1")) })
			a, took := h.send(t.Context(), post(api.TokenPath, simpleAsk))
			var got api.Token
			if a.want(http.StatusOK).into(&got); got.AccessToken != "at-12345" || took != 54*time.Second {
				t.Errorf("token of %s after %s", got.Grant, took)
			}
		})
	})
	t.Run("the human denies", func(t *testing.T) {
		inHouse(t, func(t *testing.T, h *house) {
			h.after(time.Second, func() { h.desk.End(h.only(), bridge.Denied, bridge.Outcome{Code: bridge.OutcomeDenied, Message: "no"}) })
			a, took := h.send(t.Context(), post(api.TokenPath, simpleAsk))
			p := a.problem(api.ProblemGone)
			if p.Retryable || p.Request.Outcome.Code != api.OutcomeDenied || took != time.Second {
				t.Errorf("%+v after %s", p, took)
			}
		})
	})
	t.Run("the human takes longer", func(t *testing.T) {
		inHouse(t, func(t *testing.T, h *house) {
			a, took := h.send(t.Context(), post(api.TokenPath, simpleAsk))
			var p api.Parked
			a.want(http.StatusAccepted).into(&p)
			if p.State != api.Asked || a.Header.Get("Location") != api.RequestPath(p.ID) || took != 55*time.Second {
				t.Errorf("%+v at %q after %s", p, a.Header.Get("Location"), took)
			}
			if p.Detail != "Alice has been asked in their inbox. Wait at Location; do not ask again." || !strings.Contains(p.Hint, api.CollectPath(p.ID)) {
				t.Errorf("says %q, hint %q", p.Detail, p.Hint)
			}
			h.desk.Change(bridge.RequestID(p.ID), coded)
			a, took = h.send(t.Context(), post(api.TokenPath, simpleAsk).with("Prefer", "wait=0"))
			a.want(http.StatusAccepted).into(&p)
			if p.Detail != "Alice is looking at it and has a code. Wait at Location; do not ask again." || took != 0 {
				t.Errorf("says %q after %s", p.Detail, took)
			}
			h.desk.Change(bridge.RequestID(p.ID), func(r *bridge.Request) { r.State = bridge.Held })
			a, _ = h.send(t.Context(), post(api.TokenPath, simpleAsk).with("Prefer", "wait=0"))
			if a.want(http.StatusAccepted).into(&p); !strings.HasPrefix(p.Detail, "Alice has granted it; ") {
				t.Errorf("says %q", p.Detail)
			}
		})
	})
}

func TestACallerThatHangsUpGetsNoToken(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ctx, hangUp := context.WithCancel(t.Context())
		h.after(5*time.Second, hangUp)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost"+api.TokenPath, strings.NewReader(simpleAsk))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", api.MediaType)
		if resp, err := h.http.Do(req); err == nil {
			_ = resp.Body.Close()
			t.Fatal("answered")
		}
		synctest.Wait()
		h.desk.Grant(h.only(), token("grt_1"))
		<-time.After(time.Minute)
		a, _ := h.send(t.Context(), get(api.RequestPath(string(h.only()))))
		if r := a.want(http.StatusOK).request(); r.State != api.Granted {
			t.Errorf("it is %s: the token went to nobody", r.State)
		}
	})
}

// leaving is a desk where a caller goes away in the very moment of the grant.
type leaving struct {
	*httpapitest.Desk
	hangUp context.CancelFunc
}

func (l leaving) Await(ctx context.Context, _ string, id bridge.RequestID, _ func(bridge.Request) bool) (bridge.Request, error) {
	l.Grant(id, token("grt_1"))
	l.hangUp()
	return l.Get(ctx, "helper", id)
}

func TestACallerThatHangsUpAtTheGrantLeavesTheTokenWhereItIs(t *testing.T) {
	desk := httpapitest.NewDesk(t, agent("helper", helperUID))
	ctx, hangUp := context.WithCancel(localhttp.WithUID(t.Context(), helperUID))
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost"+api.TokenPath, strings.NewReader(simpleAsk))
	r.Header.Set("Content-Type", api.MediaType)
	w := httptest.NewRecorder()
	httpapi.New(httpapi.Options{Desk: leaving{desk, hangUp}}).ServeHTTP(w, r)
	page, _, err := desk.List(t.Context(), "helper", nil, "", 1)
	if err != nil || len(page) != 1 || page[0].State != bridge.Granted || w.Body.Len() != 0 {
		t.Errorf("%+v, %v, answered %s", page, err, w.Body)
	}
}

func TestAPlaceToWaitIsGivenBack(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		id := h.asked()
		for range 1001 {
			a, _ := h.send(t.Context(), post(api.RequestsPath, simpleAsk).with("Prefer", "wait=1"))
			a.want(http.StatusOK)
			a, _ = h.send(t.Context(), get(api.RequestPath(string(id))+"?wait=1"))
			a.want(http.StatusOK)
		}
	})
}

func TestStoppingEndsWaitsAndRefusesCalls(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		id := h.asked()
		h.after(10*time.Second, h.stop)
		waiting := []call{
			get(api.RequestPath(string(id)) + "?after=1&wait=60"),
			post(api.RequestsPath, simpleAsk).with("Prefer", "wait=60"),
			post(api.TokenPath, simpleAsk),
		}
		status := []int{http.StatusOK, http.StatusOK, http.StatusAccepted}
		done := make(chan struct{})
		for i, c := range waiting {
			go func() {
				defer func() { done <- struct{}{} }()
				a, took := h.send(t.Context(), c)
				if a.StatusCode != status[i] || took != 10*time.Second {
					t.Errorf("%s: status %d after %s", c.path, a.StatusCode, took)
				}
			}()
		}
		for range waiting {
			<-done
		}
		a, took := h.send(t.Context(), get(api.RequestPath(string(id))+"?after=1&wait=60"))
		if p := a.problem(api.ProblemShuttingDown); !p.Retryable || took != 0 {
			t.Errorf("%+v after %s", p, took)
		}
	})
}

func TestAnAgentMayOnlyHaveSoManyCallsWaiting(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		id := h.asked()
		wait := get(api.RequestPath(string(id)) + "?after=1&wait=60")
		const most = 1000
		done := make(chan int, most)
		for range most {
			go func() {
				a, _ := h.send(t.Context(), wait)
				done <- a.StatusCode
			}()
		}
		synctest.Wait()
		for _, c := range []call{wait, post(api.TokenPath, simpleAsk), post(api.RequestsPath, simpleAsk).with("Prefer", "wait=1")} {
			a, took := h.send(t.Context(), c)
			if a.problem(api.ProblemTooManyOpen); took != 0 {
				t.Errorf("after %s", took)
			}
		}
		a, _ := h.send(t.Context(), get(api.RequestPath(string(id))))
		a.want(http.StatusOK) // who does not wait needs no place
		for range most {
			if status := <-done; status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		}
		a, took := h.send(t.Context(), get(api.RequestPath(string(id))+"?after=1&wait=3"))
		if a.want(http.StatusOK); took != 3*time.Second {
			t.Errorf("the places are not free again: %s", took)
		}
	})
}

func TestAStoreThatGoesAwayDuringAWait(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		id := h.asked()
		h.after(4*time.Second, func() {
			h.desk.Fail(bridge.ErrStoreUnavailable)
			h.desk.Change(id, coded)
		})
		a, took := h.send(t.Context(), get(api.RequestPath(string(id))+"?after=1&wait=60"))
		if a.problem(api.ProblemStoreUnavailable); took != 4*time.Second {
			t.Errorf("after %s", took)
		}
	})
}
