package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/authbridge/authbridge/api"
)

// human is somebody who has the inbox open, without a browser: for speed,
// where it is not the page that a test is about.
type human struct {
	world   *world
	name    string
	base    string
	session string
}

// card is what stands on one card of the inbox.
type card struct {
	request string
	state   string
	text    string            // all of it, spaces folded
	buttons map[string]string // the verb behind each label
	code    string
	open    string // where Open leads
	label   string // what Open is called
	remark  string // what a click was answered with
}

// inboxLink is a link that signs a human in.
func (w *world) inboxLink(human string) string {
	w.t.Helper()
	return w.cli("inbox", "link", human).wants(w.t, 0).line(w.t)
}

// human signs somebody in to their inbox.
func (w *world) human(name string) *human {
	w.t.Helper()
	base, secret, ok := strings.Cut(w.inboxLink(name), "/#")
	if !ok {
		w.t.Fatal("a link without a secret in its fragment")
	}
	h := &human{world: w, name: name, base: base}
	status, body, _ := h.call("POST", "/session", `{"link":"`+secret+`"}`)
	var opened struct{ Session, Human string }
	if err := json.Unmarshal(body, &opened); err != nil || status != http.StatusOK || opened.Human != name {
		w.t.Fatalf("%s cannot sign in: %d %s", name, status, body)
	}
	h.session = w.secret(opened.Session, sessionSecret)
	return h
}

// in is the same human for a subtest.
func (h *human) in(t *testing.T) *human {
	return &human{h.world.in(t), h.name, h.base, h.session}
}

func (h *human) call(method, path, body string) (status int, answer []byte, header http.Header) {
	t := h.world.t
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, h.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", h.base)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if h.session != "" {
		r.Header.Set("Authorization", "Bearer "+h.session)
	}
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	may := append(h.may(path), h.world.ownWords(path, body)...)
	path, _, _ = strings.Cut(path, "?")
	h.world.heardAnswer("the inbox of "+h.name+", "+method+" "+path, resp.StatusCode, resp.Header, answer, may...)
	return resp.StatusCode, answer, resp.Header
}

// may lists the secrets that a human is meant to be told.
func (h *human) may(path string) []string {
	if path == "/session" {
		return []string{sessionSecret}
	}
	return []string{userCode}
}

// page is the inbox as the server wrote it.
func (h *human) page() string {
	h.world.t.Helper()
	status, body, _ := h.call("GET", "/inbox", "")
	if status != http.StatusOK {
		h.world.t.Fatalf("the inbox of %s: %d %s", h.name, status, body)
	}
	return string(body)
}

// sees waits until the card of a request is as wanted, and returns it.
func (h *human) sees(id, what string, wanted func(card) bool) card {
	t := h.world.t
	t.Helper()
	after, last := "", ""
	var seen card
	if !within(patience, func() bool {
		status, body, header := h.call("GET", "/inbox?wait=2&after="+url.QueryEscape(after), "")
		if status == http.StatusOK {
			after, last = header.Get("ETag"), string(body)
		}
		var ok bool
		seen, ok = h.read(last, id)
		return ok && wanted(seen)
	}) {
		t.Fatalf("%s does not see %s: %s", h.name, what, last)
	}
	return seen
}

// cards are all cards that there are now, by request.
func (h *human) cards() map[string]card {
	t := h.world.t
	t.Helper()
	root, err := html.Parse(strings.NewReader(h.page()))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]card{}
	for n := range root.Descendants() {
		if id := attribute(n, "data-request"); id != "" {
			all[id] = readCard(t, n)
			h.world.secret(all[id].code, userCode)
		}
	}
	return all
}

// card waits until there is a card for a request.
func (h *human) card(id string) card {
	h.world.t.Helper()
	return h.sees(id, "the card", func(card) bool { return true })
}

// press presses a button by what is written on it.
func (h *human) press(id, label string) card {
	t := h.world.t
	t.Helper()
	c := h.sees(id, "the button "+label, func(c card) bool { return c.buttons[label] != "" })
	return h.pressVerb(id, c.buttons[label])
}

// pressVerb presses a button that need not be there any more.
func (h *human) pressVerb(id, verb string) card {
	t := h.world.t
	t.Helper()
	status, body, _ := h.call("POST", "/requests/"+id+"/"+verb, "")
	var said struct{ Remark, Card string }
	if err := json.Unmarshal(body, &said); err != nil || status != http.StatusOK {
		t.Fatalf("%s pressed %s: %d %s", h.name, verb, status, body)
	}
	now, ok := h.read(said.Card, id)
	if !ok {
		t.Fatalf("%s pressed %s and got no card: %s", h.name, verb, said.Card)
	}
	now.remark = said.Remark
	return now
}

// showCode presses Show code, or the button that a test names instead, and
// waits for the code.
func (h *human) showCode(id string, label ...string) card {
	h.world.t.Helper()
	h.press(id, append(label, "Show code")[0])
	return h.sees(id, "a code", func(c card) bool { return c.code != "" })
}

// read finds the card of a request in what the server wrote.
func (h *human) read(page, id string) (card, bool) {
	t := h.world.t
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if attribute(n, "data-request") == id {
			c := readCard(t, n)
			h.world.secret(c.code, userCode)
			return c, true
		}
	}
	return card{}, false
}

func readCard(t testing.TB, article *html.Node) card {
	c := card{
		request: attribute(article, "data-request"), state: attribute(article, "data-state"),
		text: textOf(article), buttons: map[string]string{},
	}
	for n := range article.Descendants() {
		switch {
		case n.Data == "button" && attribute(n, "data-verb") != "":
			c.buttons[textOf(n)] = attribute(n, "data-verb")
			seenButton(t, textOf(n))
		case n.Data == "a" && attribute(n, "class") == "open":
			c.open, c.label = attribute(n, "href"), textOf(n)
			seenButton(t, c.label)
		case hasAttribute(n, "data-code"):
			c.code = textOf(n)
		}
	}
	return c
}

// seenButton writes down a button, without the host in its name.
func seenButton(t testing.TB, label string) {
	if strings.HasPrefix(label, "Open ") {
		label = "Open <host>"
	}
	reached(t, button, label)
}

// textOf is the text in a node with its spaces folded.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
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

// grant walks a request to its grant: Show code, and Allow at the provider.
func (w *world) grant(h *human, id string) api.Request {
	w.t.Helper()
	newPerson(w.t).allow(h.showCode(id), h.name)
	return w.becomes(id, api.Granted)
}
