package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
	"github.com/authbridge/authbridge/client"
)

// soon bounds an end that has nothing to wait for, on a busy machine: less than
// what is waited for where there is something.
const soon = 6 * time.Second

func cancelled(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// endsSoon stops the daemon and fails the test if that takes its time.
func (h *house) endsSoon() {
	h.t.Helper()
	began := time.Now()
	h.stop()
	if took := time.Since(began); took > soon {
		h.t.Errorf("the end took %s", took)
	}
}

func TestTheSocketsAreGoneAfterTheEnd(t *testing.T) {
	cfg := configured(t, home(t), helper)
	over := clean(t)
	h := open(t, cfg, corp())
	web, ops := h.at(webDoor), h.at(opsDoor)
	h.endsSoon()
	over()
	for _, path := range []string{cfg.Listen.Socket, cfg.Listen.Admin} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there (%v)", path, err)
		}
	}
	for _, at := range []string{web, ops} {
		listenTCP(t, at)()
	}
	if _, err := h.agent.Whoami(t.Context()); !errors.Is(err, client.ErrNoBridge) {
		t.Errorf("an agent is told %v", err)
	}
}

// TestAStopBeforeAnythingBegan: a daemon that is told to stop while it starts
// has not failed.
func TestAStopBeforeAnythingBegan(t *testing.T) {
	d, err := Start(t.Context(), configured(t, home(t), helper), quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Run(cancelled(t)); err != nil {
		t.Errorf("Run says: %v", err)
	}
}

// TestAgentsWhoWaitAreAnswered, each in the way that it waits, when the daemon
// stops: nobody sees a broken connection.
func TestAgentsWhoWaitAreAnswered(t *testing.T) {
	over := clean(t)
	d, err := start(t.Context(), configured(t, home(t), helper), map[string]bridge.Provider{"corp": corp()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	calls := d.watched(agentDoor, api.RequestsPath+"/")
	h := run(t, d)
	changed, enough := h.bridge.WatchInbox("alice")
	defer enough()
	const each = 20
	var agents sync.WaitGroup
	for i := range each {
		agents.Go(func() { // asks, waits and collects in one call
			var parked *client.Parked
			_, err := h.agent.Token(t.Context(), asking(fmt.Sprintf("token %d", i)), client.AskOptions{Wait: time.Minute})
			if !errors.As(err, &parked) || parked.State != api.Asked {
				t.Errorf("who waits for a token is told: %v", err)
			}
		})
		agents.Go(func() { // asks, and waits with the ask
			r, err := h.agent.Ask(t.Context(), asking(fmt.Sprintf("ask %d", i)), client.AskOptions{Wait: time.Minute})
			if err != nil || r.State != api.Asked {
				t.Errorf("who waits with an ask is told: %s, %v", r.State, err)
			}
		})
	}
	for {
		inbox, err := h.bridge.Inbox(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		if len(inbox.Waiting) == 2*each {
			break
		}
		<-changed
	}
	first := h.ask("ask 0") // joins what is there
	agents.Go(func() {      // waits for a change
		r, err := h.agent.Request(t.Context(), first.ID, first.Version, time.Minute)
		if err != nil && client.CodeOf(err) != api.ProblemShuttingDown || err == nil && r.State != api.Asked {
			t.Errorf("who waits for a change is told: %s, %v", r.State, err)
		}
	})
	<-calls
	h.endsSoon()
	agents.Wait()
	h.agent.Close()
	over()
}

// TestAnAskIsNeverHalf stops the daemon in the middle of a storm of asks. An
// ask was answered if and only if it is stored.
func TestAnAskIsNeverHalf(t *testing.T) {
	cfg := configured(t, home(t), helper)
	cfg.Directory.Limits.MaxOpenPerHuman, cfg.Directory.Limits.MaxOpenPerAgentAndHuman = 10_000, 10_000
	over := clean(t)
	h := open(t, cfg, corp())
	var mu sync.Mutex
	answered := map[string]bool{}
	refused := 0
	begun := make(chan struct{}, 1)
	var agents sync.WaitGroup
	for i := range 16 {
		agents.Go(func() {
			agent := &client.Client{Socket: cfg.Listen.Socket}
			defer agent.Close()
			for n := 0; ; n++ {
				r, err := agent.Ask(t.Context(), asking(fmt.Sprintf("%d/%d", i, n)), client.AskOptions{})
				mu.Lock()
				switch {
				case err == nil:
					answered[r.ID] = true
				case client.CodeOf(err) == api.ProblemShuttingDown:
					refused++
				case !errors.Is(err, client.ErrNoBridge):
					t.Errorf("an ask at the end is told: %v", err)
				}
				mu.Unlock()
				if err != nil {
					return
				}
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 20 {
		<-begun
	}
	h.endsSoon()
	agents.Wait()
	over()
	t.Logf("%d asks answered, %d refused", len(answered), refused)

	again := open(t, cfg, corp())
	stored := 0
	for r, err := range again.agent.Requests(t.Context(), client.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if stored++; !answered[r.ID] {
			t.Errorf("%s is stored, and its agent knows nothing of it", r.ID)
		}
	}
	if stored != len(answered) {
		t.Errorf("%d asks were answered and %d are stored", len(answered), stored)
	}
}

// TestWhoWaitsDoesNotNoticeARestart, also when the human has pressed Show code
// before it and grants after it.
func TestWhoWaitsDoesNotNoticeARestart(t *testing.T) {
	cfg, provider := configured(t, home(t), helper), corp()
	before := open(t, cfg, provider)
	r := before.ask("")
	before.press(r.ID, bridge.VerbShowCode)
	before.until(r.ID, api.Coded)

	agent := &client.Client{Socket: cfg.Listen.Socket}
	defer agent.Close()
	var token api.Token
	var err error
	seen := make(chan api.Request, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		token, err = agent.WaitToken(t.Context(), r.ID, 0, func(r api.Request) { seen <- r })
	}()
	<-seen
	before.endsSoon()
	open(t, cfg, provider)
	provider.Approve(bridgetest.Alice)
	<-done
	if err != nil || token.AccessToken != "access-1" || token.Human != "alice" {
		t.Errorf("the agent gets %v (%v)", token, err)
	}
	if provider.Early() > 0 {
		t.Errorf("%d polls came too early", provider.Early())
	}
}

// TestAnInboxThatWaitsDoesNotHoldTheEndUp: a page that is open somewhere waits
// half a minute at a time.
func TestAnInboxThatWaitsDoesNotHoldTheEndUp(t *testing.T) {
	over := clean(t)
	d, err := start(t.Context(), configured(t, home(t), helper), map[string]bridge.Provider{"corp": corp()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	looks := d.watched(webDoor, "/inbox")
	h := run(t, d)
	link, err := admin.Client{Socket: h.cfg.Listen.Admin}.InboxLink(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	page := &page{t: t, base: h.inboxAt}
	page.signIn(link.URL)
	etag := page.look("")
	<-looks
	answered := make(chan struct{})
	go func() { defer close(answered); page.look(etag) }()
	<-looks
	h.endsSoon()
	<-answered
	over()
}

// watched returns a channel that gets a value for every call of a path that
// begins like this. It is for before Run.
func (d *Daemon) watched(name, begin string) <-chan struct{} {
	calls := make(chan struct{}, 100)
	for _, o := range d.doors {
		if inner := o.server.Handler; o.name == name {
			o.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, begin) {
					calls <- struct{}{}
				}
				inner.ServeHTTP(w, r)
			})
		}
	}
	return calls
}

// slow is a provider whose token takes its time to arrive.
type slow struct {
	*bridgetest.Provider
	sent   chan struct{} // closed when the token was sent
	arrive chan struct{} // closed when it may arrive; nil = never
}

func (s *slow) Poll(ctx context.Context, code bridge.Code) (bridge.Answer, error) {
	answer, err := s.Provider.Poll(ctx, code)
	if answer.Verdict != bridge.PollGranted {
		return answer, err
	}
	close(s.sent)
	select {
	case <-s.arrive:
		return answer, err
	case <-ctx.Done():
		return bridge.Answer{}, ctx.Err()
	}
}

// TestADoorThatBreaksEndsTheDaemon: half a bridge is worse than none.
func TestADoorThatBreaksEndsTheDaemon(t *testing.T) {
	over := clean(t)
	h := open(t, configured(t, home(t), helper), corp())
	check := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, o := range h.doors {
		if o.name == opsDoor {
			check(o.listener.Close())
		}
	}
	err := <-h.done
	h.once.Do(func() {}) // it has ended
	h.quit()
	if err == nil || !strings.HasPrefix(err.Error(), "serve ops: ") {
		t.Errorf("Run says: %v", err)
	}
	h.agent.Close()
	over()
}

func TestHealth(t *testing.T) {
	d, err := start(t.Context(), configured(t, home(t), helper), map[string]bridge.Provider{"corp": corp()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	d.says(t, "/healthz", http.StatusOK, "alive")
	d.says(t, "/readyz", http.StatusServiceUnavailable, "starting")
	h := run(t, d)
	d.says(t, "/readyz", http.StatusOK, "ready")
	d.says(t, "/", http.StatusNotFound, "404 page not found")

	resp, err := get(t, "http://"+h.at(opsDoor)+"/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "ready\n" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("over TCP it says %q, %v, %v", body, resp.Header, err)
	}

	d.stop()
	d.says(t, "/readyz", http.StatusServiceUnavailable, "stopping")
	d.says(t, "/healthz", http.StatusOK, "alive")
}

func TestReadyNeedsTheStore(t *testing.T) {
	h := open(t, configured(t, home(t), helper), corp())
	h.says(t, "/readyz", http.StatusOK, "ready")
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	h.says(t, "/readyz", http.StatusOK, "ready") // by the look of just now
	<-h.probe.turn
	h.probe.at = time.Time{}
	h.probe.turn <- struct{}{}
	h.says(t, "/readyz", http.StatusServiceUnavailable, "the store is unavailable")
	h.says(t, "/healthz", http.StatusOK, "alive")
}

// A disk that hangs is what somebody calls doctor for: it says so, and does not
// wait for it.
func TestAStoreThatHangsIsSaid(t *testing.T) {
	h := open(t, configured(t, home(t), helper), corp())
	defer h.hang()()
	if f := h.stored(t.Context()); f.Level != admin.Fail || !strings.Contains(f.What, errHangs.Error()) {
		t.Errorf("it is said: %+v", f)
	}
}

// hang has the store take no change until resume is called.
func (h *house) hang() (resume func()) {
	h.t.Helper()
	hangs, over := make(chan struct{}), make(chan struct{})
	var held sync.WaitGroup
	held.Go(func() {
		err := h.store.Update(context.Background(), func(bridge.Tx) error {
			close(hangs)
			<-over
			return nil
		})
		if err != nil {
			h.t.Errorf("hold the store: %v", err)
		}
	})
	<-hangs
	return sync.OnceFunc(func() { close(over); held.Wait() })
}

// says checks an answer of ops.
func (d *Daemon) says(t *testing.T, path string, status int, words string) {
	t.Helper()
	w := httptest.NewRecorder()
	d.ops().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	if w.Code != status || w.Body.String() != words+"\n" {
		t.Errorf("%s: %d %q, want %d %q", path, w.Code, w.Body, status, words)
	}
}

// page is alice's browser.
type page struct {
	t       testing.TB
	base    string
	session string
}

func (p *page) signIn(link string) {
	p.t.Helper()
	_, secret, _ := strings.Cut(link, "#")
	resp := p.call(http.MethodPost, "/session", `{"link":"`+secret+`"}`)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("sign in: %d %s %v", resp.StatusCode, body, err)
	}
	_, rest, _ := strings.Cut(string(body), `"session":"`)
	p.session, _, _ = strings.Cut(rest, `"`)
}

// look looks at the inbox once it has changed.
func (p *page) look(after string) (etag string) {
	resp := p.call(http.MethodGet, "/inbox?wait=30&after="+after, "")
	if resp == nil {
		return ""
	}
	defer resp.Body.Close()
	return resp.Header.Get("ETag")
}

func (p *page) call(method, path, body string) *http.Response {
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return nil
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", p.base)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if p.session != "" {
		req.Header.Set("Authorization", "Bearer "+p.session)
	}
	browser := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := browser.Do(req)
	if err != nil {
		p.t.Errorf("%s %s: %v", method, path, err)
		return nil
	}
	return resp
}
