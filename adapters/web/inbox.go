package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// channel is the inbox's name where the bridge records who did what where.
const channel = "web"

// Desk is what the inbox needs of the bridge. [*bridge.Bridge] is one.
type Desk interface {
	// Inbox returns what a human is to see, with live codes.
	Inbox(ctx context.Context, human string) (bridge.Inbox, error)
	// WatchInbox returns a channel that gets a value after each change of
	// what Inbox returns. stop ends it.
	WatchInbox(human string) (changed <-chan struct{}, stop func())
	// Seen notes that these cards were delivered to the human's page.
	Seen(ctx context.Context, human, channel string, cards []bridge.Card) error
	// Click does what a button says. remark is a word to the human when it
	// changed nothing. Somebody else's request is [bridge.ErrNotFound].
	Click(ctx context.Context, who bridge.Clicker, id bridge.RequestID, verb bridge.Verb) (card bridge.Card, remark string, err error)
	// AllowAgain lets an agent ask a human again. It returns a word to them.
	AllowAgain(ctx context.Context, who bridge.Clicker, agent string) (word string, err error)
	// Bearer returns a mark of the human who bears a name, without spaces. It
	// is another one once the name is somebody else's, and there is none while
	// it is nobody's.
	Bearer(name string) (mark string, known bool)
	// Whose returns the human who an account at a provider is; nobody's is
	// [bridge.ErrNotFound].
	Whose(ctx context.Context, provider string, who bridge.Account) (human string, err error)
}

// Notes is where the inbox remembers links and sessions; it puts only hashes
// of their secrets there. [*bridge.Notes] is one. What is missing or has
// expired is [bridge.ErrNotFound].
type Notes interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Put(ctx context.Context, key string, value []byte, expires time.Time) error
	// Update changes several notes as one, or none if change returns an error.
	Update(ctx context.Context, change func(bridge.NotesTx) error) error
}

// Options is what an inbox is made of. Desk, Notes and Log are required.
type Options struct {
	Desk  Desk
	Notes Notes
	Log   *slog.Logger // faults behind a "try again"; never a secret

	// Hosts are the values of the Host header under which this machine's own
	// browsers are served, with port; see [Hosts].
	Hosts []string

	// Public is the origin under which others are served, such as
	// "https://bridge.example.com"; "" = none is. Whatever connects to the
	// listener has made sure that such a request came over that scheme.
	Public string

	// SignIn says how people sign in there by themselves. While it says nil,
	// nothing is served under Public. A nil func is one that always does.
	SignIn func() *SignIn
}

// Inbox serves the page and what its script calls. It is an http.Handler for
// the root of a listener:
//
//   - GET / is the page, and GET /callback too, where a provider sends browsers
//     back to; POST /sign-in says where to go for that.
//   - POST and DELETE /session sign in and out. POST /sessions/{id}/sign_out
//     ends a session of the human's, and /sign_out_others, with the id of the
//     session that calls, all but that one.
//   - GET /inbox?after=ETAG&wait=SECONDS is what the human sees.
//   - POST /requests/{id}/{verb} presses a button, with {"digits"} if it takes
//     what somebody typed; POST /agents/{name}/allow_again is the one that
//     stands on no request's card.
//
// All but the page and its parts, and what signs in, want "Authorization:
// Bearer" with what POST /session answered.
//
// A call to /inbox lasts up to 30 seconds and ends with its request's
// context: the server's WriteTimeout has to be longer, and a server that
// shuts down quickly cancels its BaseContext.
type Inbox struct {
	desk   Desk
	notes  Notes
	hosts  []string
	public string
	named  []string // the values of the Host header that stand for public
	signIn func() *SignIn
	log    *slog.Logger
	render *renderer
	seats  seats
	bells  bells
	mux    *http.ServeMux

	attempts attempts
}

// New makes an inbox.
func New(o Options) *Inbox {
	in := &Inbox{
		desk: o.Desk, notes: o.Notes, hosts: o.Hosts, log: o.Log,
		public: o.Public, named: hostsOf(o.Public), signIn: o.SignIn,
		render: newRenderer(newKey()), mux: http.NewServeMux(),
	}
	if in.signIn == nil {
		in.signIn = func() *SignIn { return nil }
	}
	in.mux.HandleFunc("GET /{$}", in.page)
	in.mux.HandleFunc("GET /callback", in.callback)
	in.mux.HandleFunc("GET /inbox.css", part("inbox.css", "text/css; charset=utf-8"))
	in.mux.HandleFunc("GET /inbox.js", part("inbox.js", "text/javascript; charset=utf-8"))
	in.mux.HandleFunc("GET /inbox.svg", part("inbox.svg", "image/svg+xml"))
	in.mux.HandleFunc("POST /sign-in", in.begin)
	in.mux.HandleFunc("POST /session", in.open)
	in.mux.HandleFunc("DELETE /session", in.signedIn(in.signOut))
	in.mux.HandleFunc("POST /sessions/{id}/sign_out", in.signedIn(in.endOne))
	in.mux.HandleFunc("POST /sessions/{id}/sign_out_others", in.signedIn(in.endOthers))
	in.mux.HandleFunc("GET /inbox", in.signedIn(in.follow))
	in.mux.HandleFunc("POST /requests/{id}/{verb}", in.signedIn(in.click))
	in.mux.HandleFunc("POST /agents/{name}/allow_again", in.signedIn(in.allowAgain))
	return in
}

// ServeHTTP turns away what no page of ours can have sent, and answers the
// rest.
func (in *Inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in.protect(w.Header(), r)
	if status, why := in.foreign(r); status != 0 {
		http.Error(w, why, status)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	in.mux.ServeHTTP(w, r)
}

//go:embed page
var page embed.FS

// page serves the page itself, as it is for somebody who has not signed in.
func (in *Inbox) page(w http.ResponseWriter, r *http.Request) {
	provider := ""
	if way := in.through(r); way != nil {
		provider = way.Provider
	}
	html, err := in.render.page(provider)
	if err != nil {
		in.refuse(w, r, "show the page", err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	http.ServeContent(w, r, "inbox.html", time.Time{}, bytes.NewReader(html))
}

// callback is where a provider sends browsers back to: the page, whose script
// does the rest.
func (in *Inbox) callback(w http.ResponseWriter, r *http.Request) {
	if in.through(r) == nil {
		http.Error(w, notHere, http.StatusNotFound)
		return
	}
	in.page(w, r)
}

// part serves one of the page's unchanging parts.
func part(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		text, err := page.ReadFile("page/" + name)
		if err != nil {
			http.Error(w, "This part of the page is missing from the program.", http.StatusInternalServerError)
			return
		}
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
	}
}

// refuse answers a fault in words that the page shows as they are.
func (in *Inbox) refuse(w http.ResponseWriter, r *http.Request, what string, err error) {
	var wrong *bridge.Problem
	switch {
	case errors.Is(err, errSignedOut):
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "You are not signed in, or your session is over.", http.StatusUnauthorized)
	case errors.Is(err, bridge.ErrNotFound):
		http.Error(w, "There is no such request for you. It may be long over.", http.StatusNotFound)
	case errors.As(err, &wrong):
		http.Error(w, wrong.Detail, http.StatusBadRequest)
	case r.Context().Err() != nil: // nobody is there to read an answer
		http.Error(w, "The call was given up.", http.StatusServiceUnavailable)
	case errors.Is(err, bridge.ErrInDoubt):
		in.log.Error(what, "err", err)
		w.Header().Set("Retry-After", "2")
		http.Error(w, "The bridge's store failed in the middle of this. Look at the card: if it has not changed, try again.", http.StatusServiceUnavailable)
	case errors.Is(err, bridge.ErrStoreUnavailable):
		in.log.Error(what, "err", err)
		w.Header().Set("Retry-After", "2")
		http.Error(w, "The bridge cannot reach its store just now. Nothing was changed: try again.", http.StatusServiceUnavailable)
	default:
		in.log.Error(what, "err", err)
		http.Error(w, "Something went wrong inside the bridge; its log says what. Try again.", http.StatusInternalServerError)
	}
}
