package kill

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/authbridge/authbridge/admin"
)

// human is alice at her inbox, in one life of the bridge. She looks at the
// page every now and then.
type human struct {
	world   *world
	bridge  *life
	base    string
	session string
	secrets []string

	mu    sync.Mutex
	codes map[string]string // on the page, by request
}

// looksEvery is how often she looks.
const looksEvery = 40 * time.Millisecond

// signIn opens the inbox with a fresh link.
func signIn(t *testing.T, w *world) *human {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	link, err := admin.Client{Socket: w.adminSocket()}.InboxLink(ctx, "alice")
	if err != nil {
		t.Fatalf("no link to the inbox: %v\n%s", err, w.bridge.log)
	}
	base, secret, _ := strings.Cut(link.URL, "/#")
	h := &human{world: w, bridge: w.bridge, base: base, codes: map[string]string{}}
	if last := w.human.Load(); last != nil {
		h.secrets = last.secrets
		h.finds(last)
	}
	status, body, _, err := h.call(http.MethodPost, "/session", `{"link":"`+secret+`"}`)
	var opened struct{ Session string }
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &opened) != nil {
		t.Fatalf("alice cannot sign in: %d, %v", status, err)
	}
	h.session = opened.Session
	h.secrets = append(h.secrets, secret, opened.Session)
	return h
}

// finds looks, in the next life, whether what the bridge answered in the last
// one still holds: who was signed in is, and a link that was spent is.
func (h *human) finds(last *human) {
	opened, link := last.session, last.secrets[len(last.secrets)-2]
	h.session = opened
	if status, body, _, err := h.call(http.MethodGet, "/inbox", ""); err == nil && status != http.StatusOK {
		h.world.surprise("", "the session of the last life is answered %d %s", status, body)
	}
	h.session = ""
	if status, body, _, err := h.call(http.MethodPost, "/session", `{"link":"`+link+`"}`); err == nil && status != http.StatusForbidden {
		h.world.surprise("", "a link that was spent is answered %d %s", status, body)
	}
}

func (h *human) call(method, path, body string) (status int, answer []byte, header http.Header, err error) {
	r, err := http.NewRequestWithContext(context.WithoutCancel(h.world.t.Context()), method, h.base+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", h.base)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if h.session != "" {
		r.Header.Set("Authorization", "Bearer "+h.session)
	}
	resp, err := h.bridge.pages.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, resp.Header, err
}

// press presses a button. It tells whether the bridge answered.
func (h *human) press(ask, id, verb string, as what) bool {
	h.world.rec.add(fact{what: as, ask: ask, id: id})
	status, body, _, err := h.call(http.MethodPost, "/requests/"+id+"/"+verb, "")
	if err == nil && status != http.StatusOK {
		h.world.surprise(ask, "a click is answered with %d %s", status, body)
	}
	return err == nil
}

// look reads the page again and again until the bridge is dead or nobody has
// anything left to do.
func (h *human) look() {
	etag := ""
	for !h.world.allOver() && !h.world.patienceOver() && h.bridge.pause(looksEvery) {
		status, body, header, err := h.call(http.MethodGet, "/inbox?after="+url.QueryEscape(etag), "")
		switch {
		case err != nil, status == http.StatusNotModified:
		case status != http.StatusOK:
			h.world.surprise("", "the inbox answers %d %s", status, body)
		default:
			etag = header.Get("ETag")
			h.read(string(body))
		}
	}
}

// read notes the codes on the page.
func (h *human) read(page string) {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		h.world.surprise("", "the inbox is no page: %v", err)
		return
	}
	now := map[string]string{}
	request := ""
	for n := range root.Descendants() {
		if id := attribute(n, "data-request"); id != "" {
			request = id
		}
		if hasAttribute(n, "data-code") && n.FirstChild != nil {
			now[request] = strings.TrimSpace(n.FirstChild.Data)
		}
	}
	h.mu.Lock()
	before := h.codes
	h.codes = now
	h.mu.Unlock()
	for id, user := range now {
		if before[id] != user {
			h.world.rec.add(fact{what: shown, ask: h.world.askOf(id), id: id, user: user})
		}
	}
}

// code is the code that the page shows for a request, "" = none.
func (h *human) code(id string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.codes[id]
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttribute(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func (w *world) surprise(ask, format string, args ...any) {
	w.rec.add(fact{what: surprise, ask: ask, note: fmt.Sprintf(format, args...)})
}
