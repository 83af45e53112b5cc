package provider

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

//go:embed templates
var assets embed.FS

// page is what a template can show. Everything in it is escaped.
type page struct {
	Title   string
	Fault   string
	Text    string
	Flow    string
	Example string
	Login   string
	GoOn    string // an address of ours

	UserCode string
	Client   string
	Scopes   []scopeWords
	Account  Account   // who has signed in
	Accounts []Account // who could
}

// scopeWords is a scope and what it allows, for people.
type scopeWords struct{ Scope, Words string }

// message is a page without a form, the end of a person's way.
type message int

const (
	messageAllowed message = iota
	messageRefused
	messageLapsed
	messageDecided
	messageLost
)

func (m message) words() (title, text string) {
	switch m {
	case messageAllowed:
		return "You are done", "Access was given. You can close this page."
	case messageRefused:
		return "You refused", "Nothing was given. You can close this page."
	case messageLapsed:
		return "This code has lapsed", "Nothing was given. Get a new code and enter that one."
	case messageDecided:
		return "This code has been used", "A code can be answered once. Get a new one if you still need it."
	default:
		return "This form is no longer good", "It was sent before, is too old, or belongs to another browser. " +
			"Nothing was given. Enter the code again to start over."
	}
}

// pages renders. It is read only once made.
type pages struct {
	templates *template.Template
	words     map[string]string
	example   string
	accounts  []Account // by their logins
}

func newPages(o Options) (*pages, error) {
	templates, err := template.ParseFS(assets, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	words := map[string]string{
		"openid":         "know which account you use",
		"email":          "see your e-mail address",
		"profile":        "see your name",
		"offline_access": "keep this access while you are away, until you take it back",
	}
	maps.Copy(words, o.ScopeWords)
	accounts := slices.SortedFunc(slices.Values(o.Accounts), func(a, b Account) int { return strings.Compare(a.Login, b.Login) })
	return &pages{templates, words, o.UserCode.example(), accounts}, nil
}

// inWords explains scopes; one without words stands for itself.
func (p *pages) inWords(scopes []string) []scopeWords {
	lines := make([]scopeWords, 0, len(scopes))
	for _, scope := range scopes {
		words, ok := p.words[scope]
		if !ok {
			words = "use what it calls"
		}
		lines = append(lines, scopeWords{scope, words})
	}
	return lines
}

func (p *pages) message(w http.ResponseWriter, status int, m message) {
	title, text := m.words()
	p.render(w, status, "message", page{Title: title, Text: text})
}

// render writes a whole page or none.
func (p *pages) render(w http.ResponseWriter, status int, name string, data page) {
	data.Example, data.Accounts = p.example, p.accounts
	var body bytes.Buffer
	if err := p.templates.ExecuteTemplate(&body, name+".html", data); err != nil {
		http.Error(w, "this page could not be made", http.StatusInternalServerError)
		return
	}
	protect(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w)
}

// protect allows a page its own style sheet and its own forms, nothing else.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	// Not no-referrer: browsers would then post forms with the origin "null".
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

func (p *pages) style(w http.ResponseWriter, r *http.Request) {
	sheet, err := assets.ReadFile("templates/style.css")
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "style.css", time.Time{}, bytes.NewReader(sheet))
}

// Titled is the page under this title, for a template to pass on.
func (p page) Titled(title string) page {
	p.Title = title
	return p
}
