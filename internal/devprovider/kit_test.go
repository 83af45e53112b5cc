package devprovider

import (
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

const issuer = "http://127.0.0.1:8000"

// inProcess is a transport that calls the provider directly, so that tests
// can run in a bubble with its own time.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:50000"
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// standard is a provider's usual world; tests change what they are about.
func standard() Options {
	return Options{
		Issuer: issuer,
		Clients: []Client{
			{ID: "bridge", Name: "Example Bridge", Scopes: []string{"openid", "email", "profile", "offline_access", "documents.read"}},
			{ID: "basic", Secret: "s3cret&=", Scopes: []string{"openid"}},
			{ID: "post", Secret: "s3cret", AuthMethod: AuthPost, Scopes: []string{"openid"}},
		},
		Accounts: []Account{
			{Login: "alice", Subject: "a-1", Email: "alice@example.com", EmailVerified: true, Name: "Alice"},
			{Login: "bob", Subject: "b-2", Email: "bob@example.com"},
		},
		ScopeWords: map[string]string{"documents.read": "read your documents"},
	}
}

func newProvider(t *testing.T, o Options) *Provider {
	t.Helper()
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// answer is what the provider said to a device.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

func (a answer) text(field string) string {
	s, _ := a.body[field].(string)
	return s
}

// wantFault fails the test unless a is this OAuth error with this status.
func (a answer) wantFault(t *testing.T, status int, fault string) {
	t.Helper()
	if a.status != status || a.text("error") != fault || a.text("access_token") != "" {
		t.Fatalf("got %d %q, want %d %q", a.status, a.text("error"), status, fault)
	}
}

func (a answer) wantOK(t *testing.T) answer {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("got %d %q, want 200", a.status, a.text("error"))
	}
	return a
}

// device is a client program at the provider's protocol endpoints.
type device struct {
	t      *testing.T
	p      *Provider
	id     string
	secret string
	basic  bool
}

func bridgeDevice(t *testing.T, p *Provider) device { return device{t: t, p: p, id: "bridge"} }

func (d device) post(path string, form url.Values) answer {
	d.t.Helper()
	if !d.basic {
		form.Set("client_id", d.id)
	}
	if !d.basic && d.secret != "" {
		form.Set("client_secret", d.secret)
	}
	r := httptest.NewRequestWithContext(d.t.Context(), http.MethodPost, issuer+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if d.basic {
		r.SetBasicAuth(url.QueryEscape(d.id), url.QueryEscape(d.secret))
	}
	return serve(d.t, d.p, r)
}

func serve(t *testing.T, h http.Handler, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header()}
	if w.Body.Len() > 0 && strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
			t.Fatalf("the answer is not a JSON object: %v", err)
		}
	}
	return a
}

func get(t *testing.T, p *Provider, path string) answer {
	t.Helper()
	return serve(t, p, httptest.NewRequestWithContext(t.Context(), http.MethodGet, issuer+path, nil))
}

func (d device) ask(scope string) answer {
	d.t.Helper()
	return d.post("/device_authorization", url.Values{"scope": {scope}})
}

func (d device) poll(code answer) answer {
	d.t.Helper()
	return d.post("/token", url.Values{
		"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
		"device_code": {code.text("device_code")},
	})
}

func (d device) refresh(token string) answer {
	d.t.Helper()
	return d.post("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (d device) revoke(token, hint string) answer {
	d.t.Helper()
	return d.post("/revoke", url.Values{"token": {token}, "token_type_hint": {hint}})
}

func userinfo(t *testing.T, p *Provider, token string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, issuer+"/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return serve(t, p, r)
}

// TestMain silences what op logs to the default logger.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// person is somebody with a browser of their own.
type person struct {
	t      *testing.T
	client *http.Client
}

func newPerson(t *testing.T, h http.Handler) person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return person{t, &http.Client{Transport: inProcess{h}, Jar: jar}}
}

// screen is a page that a person has before them.
type screen struct {
	status int
	header http.Header
	raw    string
	text   string
	action string
	fields url.Values
	labels map[string]string
	// buttons has each button's name and value, by what is written on it.
	buttons map[string][2]string
}

func (v person) open(address string) screen {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	resp, err := v.client.Do(r)
	return v.read(resp, err)
}

// press sends the form with the button that bears these words, after typing
// into fields by their labels.
func (v person) press(s screen, button string, typed map[string]string) screen {
	v.t.Helper()
	pressed, ok := s.buttons[button]
	if !ok {
		v.t.Fatalf("there is no button %q on: %s", button, s.text)
	}
	form := url.Values{}
	maps.Copy(form, s.fields)
	if pressed[0] != "" {
		form.Set(pressed[0], pressed[1])
	}
	for label, value := range typed {
		name, ok := s.labels[label]
		if !ok {
			v.t.Fatalf("there is no field %q on: %s", label, s.text)
		}
		form.Set(name, value)
	}
	return v.send(s.action, form)
}

func (v person) send(path string, form url.Values) screen {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := v.client.Do(r)
	return v.read(resp, err)
}

// consentPage goes to where Allow and Refuse are.
func (v person) consentPage(code answer, login string) screen {
	v.t.Helper()
	s := v.open(code.text("verification_uri_complete"))
	s = v.press(s, "Continue", nil)
	return v.press(s, "Sign in", map[string]string{"Account": login, "Password": "anything"})
}

func (v person) allow(code answer, login string) {
	v.t.Helper()
	done := v.press(v.consentPage(code, login), "Allow", nil)
	done.wants(v.t, http.StatusOK, "You can close this page")
}

func (s screen) wants(t *testing.T, status int, words string) {
	t.Helper()
	if s.status != status || !strings.Contains(s.text, words) {
		t.Fatalf("got %d, want %d and %q on: %s", s.status, status, words, s.text)
	}
}

func (v person) read(resp *http.Response, err error) screen {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(raw)))
	if err != nil {
		v.t.Fatal(err)
	}
	s := screen{
		status: resp.StatusCode, header: resp.Header, raw: string(raw),
		fields: url.Values{}, labels: map[string]string{}, buttons: map[string][2]string{},
	}
	for n := range root.Descendants() {
		s.see(n)
	}
	return s
}

func (s *screen) see(n *html.Node) {
	switch {
	case n.Type == html.TextNode:
		s.text += n.Data + " "
	case n.Data == "form":
		s.action = attribute(n, "action")
	case n.Data == "input":
		s.fields.Set(attribute(n, "name"), attribute(n, "value"))
	case n.Data == "label":
		s.labels[n.FirstChild.Data] = attribute(n, "for")
	case n.Data == "button":
		s.buttons[n.FirstChild.Data] = [2]string{attribute(n, "name"), attribute(n, "value")}
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// count counts the journal's entries of a kind.
func count(p *Provider, kind Kind) int {
	n := 0
	for _, e := range p.Journal() {
		if e.Kind == kind {
			n++
		}
	}
	return n
}
