package e2e

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// person is somebody at the provider's pages, without a browser but with
// cookies.
type person struct {
	t      testing.TB
	client *http.Client
	at     string // the page that is open
	text   string
	action string
	fields url.Values
	labels map[string]string    // the field that each label is for
	press  map[string][2]string // name and value of each button
}

func newPerson(t testing.TB) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t: t, client: &http.Client{Jar: jar, Timeout: patience}}
}

// allow follows the link on a card, signs in and allows.
func (p *person) allow(c card, login string) {
	p.t.Helper()
	p.signIn(c.open, login)
	p.click("Allow", nil)
	p.reads("You are done")
}

func (p *person) signIn(address, login string) {
	p.t.Helper()
	p.open(address)
	p.click("Continue", nil)
	p.click("Sign in", map[string]string{"Account": login, "Password": "anything"})
}

func (p *person) reads(words string) {
	p.t.Helper()
	if !strings.Contains(p.text, words) {
		p.t.Fatalf("the provider's page does not say %q: %s", words, p.text)
	}
}

func (p *person) open(address string) {
	p.t.Helper()
	p.send(http.MethodGet, address, nil)
}

// click sends the form with a button, after typing into fields by their
// labels.
func (p *person) click(label string, typed map[string]string) {
	p.t.Helper()
	pressed, ok := p.press[label]
	if !ok {
		p.t.Fatalf("there is no button %q at the provider: %s", label, p.text)
	}
	form := p.fields
	if pressed[0] != "" {
		form.Set(pressed[0], pressed[1])
	}
	for what, value := range typed {
		form.Set(p.labels[what], value)
	}
	to, err := url.Parse(p.at)
	if err != nil {
		p.t.Fatal(err)
	}
	p.send(http.MethodPost, to.ResolveReference(&url.URL{Path: p.action}).String(), form)
}

// send asks for a page and looks at it.
func (p *person) send(method, address string, form url.Values) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(p.t.Context()), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	root, err := html.Parse(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	p.at, p.text, p.action = resp.Request.URL.String(), textOf(root), ""
	p.fields, p.labels, p.press = url.Values{}, map[string]string{}, map[string][2]string{}
	for n := range root.Descendants() {
		switch n.Data {
		case "form":
			p.action = attribute(n, "action")
		case "input":
			p.fields.Set(attribute(n, "name"), attribute(n, "value"))
		case "label":
			p.labels[textOf(n)] = attribute(n, "for")
		case "button":
			p.press[textOf(n)] = [2]string{attribute(n, "name"), attribute(n, "value")}
		}
	}
}
