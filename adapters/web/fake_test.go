package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

const (
	address = "127.0.0.1:8741"
	base    = "http://" + address
)

var (
	_ Desk  = (*bridge.Bridge)(nil)
	_ Notes = (*bridge.Notes)(nil)
)

// desk plays the bridge. It is strict: a call that the inbox has no business
// making fails the test.
type desk struct {
	t *testing.T

	mu       sync.Mutex
	inboxes  map[string]bridge.Inbox
	accounts map[string]string // whose each is, by "provider subject"
	heirs    map[string]int    // how often each name has passed to somebody else
	watches  map[chan struct{}]string
	calls    []string
	seen     [][]bridge.Card
	clicks   []clicked
	press    func(clicked) (bridge.Card, string, error) // nil: no click is expected
	allow    func(human, agent string) (string, error)  // nil: nobody is to be allowed again
	allowed  []allowed
	fault    error // of Inbox
}

type allowed struct {
	who   bridge.Clicker
	agent string
}

type clicked struct {
	who  bridge.Clicker
	id   bridge.RequestID
	verb bridge.Verb
}

func newDesk(t *testing.T, humans ...string) *desk {
	d := &desk{t: t, inboxes: map[string]bridge.Inbox{}, heirs: map[string]int{}, watches: map[chan struct{}]string{}}
	for _, h := range humans {
		d.inboxes[h] = bridge.Inbox{}
	}
	return d
}

func (d *desk) Bearer(name string) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.inboxes[name]
	return fmt.Sprint(d.heirs[name]), ok
}

// Whose goes by the accounts that know puts there.
func (d *desk) Whose(_ context.Context, provider string, who bridge.Account) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	human, ok := d.accounts[provider+" "+who.Subject]
	if !ok {
		return "", bridge.ErrNotFound
	}
	return human, d.fault
}

// know makes an account that of a human; "" = nobody's.
func (d *desk) know(provider, subject, human string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.accounts == nil {
		d.accounts = map[string]string{}
	}
	if d.accounts[provider+" "+subject] = human; human == "" {
		delete(d.accounts, provider+" "+subject)
	}
}

// inherit has somebody else take a human's name.
func (d *desk) inherit(human string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heirs[human]++
}

func (d *desk) Inbox(_ context.Context, human string) (bridge.Inbox, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, ok := d.inboxes[human]
	if !ok {
		d.t.Errorf("the inbox of %q was read, whom nobody configured", human)
	}
	d.calls = append(d.calls, "read")
	return in, d.fault
}

func (d *desk) WatchInbox(human string) (<-chan struct{}, func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch := make(chan struct{}, 1)
	d.watches[ch] = human
	d.calls = append(d.calls, "watch")
	return ch, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if _, ok := d.watches[ch]; !ok {
			d.t.Error("a watch was stopped twice")
		}
		delete(d.watches, ch)
	}
}

func (d *desk) Seen(ctx context.Context, human, channel string, cards []bridge.Card) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.inboxes[human]; !ok || channel != "web" || ctx.Err() != nil {
		d.t.Errorf("Seen for %q on %q, context %v", human, channel, ctx.Err())
	}
	d.seen = append(d.seen, cards)
	return nil
}

func (d *desk) Click(_ context.Context, who bridge.Clicker, id bridge.RequestID, verb bridge.Verb) (bridge.Card, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := clicked{who, id, verb}
	d.clicks = append(d.clicks, c)
	if d.press == nil {
		d.t.Errorf("a click that must not arrive: %v", c)
		return bridge.Card{}, "", bridge.ErrNotFound
	}
	press := d.press
	d.mu.Unlock()
	defer d.mu.Lock()
	return press(c)
}

// AllowAgain is answered when somebody may be allowed.
func (d *desk) AllowAgain(_ context.Context, who bridge.Clicker, agent string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.allowed = append(d.allowed, allowed{who, agent})
	if d.allow == nil {
		d.t.Errorf("%s is allowed again, which nobody has pressed", agent)
		return "", bridge.ErrNotFound
	}
	allow := d.allow
	d.mu.Unlock()
	defer d.mu.Lock()
	return allow(who.Human, agent)
}

// onAllow says what Allow again does.
func (d *desk) onAllow(allow func(human, agent string) (string, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.allow = allow
}

// onClick says what the next clicks do.
func (d *desk) onClick(press func(clicked) (bridge.Card, string, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.press = press
}

func (d *desk) clickCount() int { return len(d.verbs()) }

// verbs are the buttons that were pressed so far.
func (d *desk) verbs() (all []bridge.Verb) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.clicks {
		all = append(all, c.verb)
	}
	return all
}

// put changes what a human sees, and wakes.
func (d *desk) put(human string, waiting ...bridge.Card) {
	d.change(human, bridge.Inbox{Waiting: waiting})
}

func (d *desk) change(human string, in bridge.Inbox) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inboxes[human] = in
	d.wakeLocked(human)
}

func (d *desk) wake(human string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wakeLocked(human)
}

func (d *desk) wakeLocked(human string) {
	for ch, whom := range d.watches {
		if whom != human {
			continue
		}
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// dismiss takes a human from the configuration.
func (d *desk) dismiss(human string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.inboxes, human)
}

// fail makes the reading of inboxes fail; nil mends it.
func (d *desk) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = err
}

func (d *desk) watching() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.watches)
}

func (d *desk) sawCards() [][]bridge.Card {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([][]bridge.Card{}, d.seen...)
}

// notes plays the bridge's notes.
type notes struct {
	mu     sync.Mutex
	all    map[string]kept
	writes int // transactions that change something
	audit  []bridge.AuditLine
	fault  error
	full   bool // nothing can be written
}

type kept struct {
	value   []byte
	expires time.Time
}

func (n *notes) Get(_ context.Context, key string) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.get(key)
}

func (n *notes) get(key string) ([]byte, error) {
	if n.fault != nil {
		return nil, n.fault
	}
	k, ok := n.all[key]
	if !ok || !k.expires.After(time.Now()) {
		return nil, bridge.ErrNotFound
	}
	return k.value, nil
}

func (n *notes) Put(_ context.Context, key string, value []byte, expires time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fault == nil {
		n.all[key] = kept{value, expires}
	}
	return n.fault
}

// Update lets one change happen at a time, and forgets what a failed one did.
func (n *notes) Update(_ context.Context, change func(bridge.NotesTx) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fault != nil {
		return n.fault
	}
	if n.full {
		return bridge.ErrStoreUnavailable
	}
	n.writes++
	before, told := maps.Clone(n.all), len(n.audit)
	err := change(notesTx{n})
	if err != nil {
		n.all, n.audit = before, n.audit[:told]
	}
	return err
}

// notesTx is a change of the notes; their lock is held.
type notesTx struct{ n *notes }

func (tx notesTx) Get(key string) ([]byte, error) { return tx.n.get(key) }
func (tx notesTx) Delete(key string)              { delete(tx.n.all, key) }
func (tx notesTx) Audit(line bridge.AuditLine)    { tx.n.audit = append(tx.n.audit, line) }
func (tx notesTx) Put(key string, value []byte, expires time.Time) {
	tx.n.all[key] = kept{value, expires}
}

func (n *notes) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fault = err
}

// fill has no change be taken any more.
func (n *notes) fill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.full = true
}

// rewrite changes the sessions that are remembered.
func (n *notes) rewrite(change func(*session)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for key, k := range n.all {
		if !strings.HasPrefix(key, sessionRoom) {
			continue
		}
		s, _ := decodeSession(key, k.value)
		change(&s)
		k.value, _ = json.Marshal(s)
		n.all[key] = k
	}
}

func (n *notes) count(prefix string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for key := range n.all {
		if strings.HasPrefix(key, prefix) {
			count++
		}
	}
	return count
}

// forget drops what begins with a prefix.
func (n *notes) forget(prefix string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.all, func(key string, _ kept) bool { return strings.HasPrefix(key, prefix) })
}

// house is an inbox with everything around it.
type house struct {
	t     *testing.T
	desk  *desk
	notes *notes
	log   *bytes.Buffer
	inbox *Inbox
	clock atomic.Pointer[time.Time] // what the server's clock says in a browser; nil = what time it is
}

// newHouse opens an inbox in which alice and bob are configured.
func newHouse(t *testing.T) *house {
	h := &house{
		t: t, desk: newDesk(t, "alice", "bob"), notes: &notes{all: map[string]kept{}},
		log: new(bytes.Buffer),
	}
	h.restart()
	return h
}

// restart is the bridge coming back: only desk and notes are as before.
func (h *house) restart() {
	h.inbox = New(Options{
		Desk: h.desk, Notes: h.notes, Hosts: []string{address, "localhost:8741"},
		Log: slog.New(slog.NewTextHandler(h.log, nil)),
	})
}

// edit changes a request before it is sent.
type edit func(*http.Request)

func header(name, value string) edit {
	return func(r *http.Request) {
		r.Header.Del(name)
		if value != "" {
			r.Header.Set(name, value)
		}
	}
}

func as(session string) edit { return header("Authorization", "Bearer "+session) }

func body(text string) edit {
	return func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
	}
}

func to(host string) edit { return func(r *http.Request) { r.Host = host } }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// call sends what our own page would send, after the edits.
func (h *house) call(method, path string, edits ...edit) answer {
	h.t.Helper()
	return h.callIn(h.t.Context(), method, path, edits...)
}

func (h *house) callIn(ctx context.Context, method, path string, edits ...edit) answer {
	r := httptest.NewRequestWithContext(ctx, method, base+path, nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method != http.MethodGet {
		r.Header.Set("Origin", base)
	}
	for _, e := range edits {
		e(r)
	}
	w := httptest.NewRecorder()
	h.inbox.ServeHTTP(w, r)
	return answer{w.Code, w.Result().Header, w.Body.String()}
}

// link makes a link and returns the secret in its fragment.
func (h *house) link(human string) string {
	h.t.Helper()
	url, err := h.inbox.NewLink(h.t.Context(), human, base)
	if err != nil {
		h.t.Fatal(err)
	}
	_, fragment, _ := strings.Cut(url.Reveal(), "#")
	return fragment
}

func (h *house) open(link string) answer {
	h.t.Helper()
	return h.call("POST", "/session", body(`{"link":"`+link+`"}`))
}

// signIn returns the secret of a new session.
func (h *house) signIn(human string) string {
	h.t.Helper()
	a := h.open(h.link(human))
	var got struct{ Session, Human string }
	if err := json.Unmarshal([]byte(a.body), &got); a.status != http.StatusOK || err != nil || got.Human != human {
		h.t.Fatalf("sign in as %s: %d %s", human, a.status, a.body)
	}
	return got.Session
}

func (a answer) expect(t *testing.T, status int, words ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d; body: %s", a.status, status, a.body)
	}
	for _, w := range words {
		if !strings.Contains(a.body, w) {
			t.Errorf("the answer lacks %q:\n%s", w, a.body)
		}
	}
}
