package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// session is one sign-in of a human, as it is remembered. Whoever makes one
// has made sure who the human is.
type session struct {
	note string // under which it is remembered; tells sessions apart

	Human   string    `json:"human"`
	Mark    string    `json:"mark"`    // of who bore the name then; see [Desk]
	Through string    `json:"through"` // the provider they signed in through; "" = a link from the operator
	Browser string    `json:"browser"` // in our words, for the human to recognise
	Since   time.Time `json:"since"`
	Seen    time.Time `json:"seen"` // roughly: seenEvery behind at most, while a page is open
	Until   time.Time `json:"until"`

	Account *bridge.Account `json:"account,omitempty"` // that they signed in with; nil = a link
}

const (
	sessionRoom = "session/"       // before the hash of its secret
	maxSessions = 16               // of one human
	seenEvery   = 10 * time.Minute // how often it is noted that a session is in use
)

// newSession is what is remembered of a sign-in that a request asks for.
func newSession(r *http.Request, human, mark, through string) session {
	now := time.Now().UTC().Round(0)
	return session{
		Human: human, Mark: mark, Through: through, Browser: browserOf(r.UserAgent()),
		Since: now, Seen: now, Until: now.Add(sessionLife),
	}
}

func decodeSession(note string, kept []byte) (s session, readable bool) {
	err := json.Unmarshal(kept, &s)
	s.note = note
	return s, err == nil
}

// ID names a session to its human. It is a part of its secret's hash, which
// opens nothing.
func (s session) ID() string { return strings.TrimPrefix(s.note, sessionRoom)[:16] }

// start makes a session of a human who still bears their name, with a secret
// that nobody else has. One too many ends the one that was not seen for the
// longest time. The caller rings the human's bell once it is kept.
func (in *Inbox) start(tx bridge.NotesTx, secret bridge.Secret, s session) error {
	if !in.bears(s.Human, s.Mark) {
		return bridge.ErrNotFound
	}
	s.note = sessionNote(secret)
	all, err := listed(tx.Get, s)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b session) int { return a.Seen.Compare(b.Seen) })
	for len(all) >= maxSessions {
		tx.Delete(all[0].note)
		all = all[1:]
	}
	if err := put(tx, s); err != nil {
		return err
	}
	return list(tx, s, append(all, s))
}

func put(tx bridge.NotesTx, s session) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write down a session: %w", err)
	}
	tx.Put(s.note, text, s.Until)
	return nil
}

// listNote is where the names of a human's sessions stand. Whoever takes the
// human's name has another one.
func listNote(s session) string { return "sessions/" + s.Human + " " + s.Mark }

// list writes down which sessions a human has.
func list(tx bridge.NotesTx, s session, all []session) error {
	var names []string
	var last time.Time
	for _, one := range all {
		names = append(names, one.note)
		if one.Until.After(last) {
			last = one.Until
		}
	}
	if len(names) == 0 {
		tx.Delete(listNote(s))
		return nil
	}
	text, err := json.Marshal(names)
	if err != nil {
		return fmt.Errorf("write down which sessions there are: %w", err)
	}
	tx.Put(listNote(s), text, last)
	return nil
}

// listed are the live sessions of the human whose session s is, newest first.
func listed(get func(key string) ([]byte, error), s session) ([]session, error) {
	text, err := get(listNote(s))
	if errors.Is(err, bridge.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return nil, fmt.Errorf("read which sessions there are: %w", err)
	}
	var all []session
	for _, name := range names {
		kept, err := get(name)
		if errors.Is(err, bridge.ErrNotFound) {
			continue // it is over
		}
		if err != nil {
			return nil, err
		}
		if one, readable := decodeSession(name, kept); readable {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b session) int { return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.note, b.note)) })
	return all, nil
}

// sessions lists the sessions of the human whose session s is, without those
// that are no good any more.
func (in *Inbox) sessions(ctx context.Context, s session) (live []session, err error) {
	all, err := listed(func(key string) ([]byte, error) { return in.notes.Get(ctx, key) }, s)
	for _, one := range all {
		stands, failed := in.stands(ctx, one)
		if err = errors.Join(err, failed); stands {
			live = append(live, one)
		}
	}
	return live, err
}

// end ends those sessions of a human that are chosen, in one step, and returns
// how many. Their pages are told at once.
func (in *Inbox) end(ctx context.Context, s session, chosen func(session) bool) (ended int, err error) {
	err = in.notes.Update(ctx, func(tx bridge.NotesTx) error {
		all, err := listed(tx.Get, s)
		if err != nil {
			return err
		}
		staying := slices.DeleteFunc(slices.Clone(all), chosen)
		for _, one := range all {
			if chosen(one) {
				tx.Delete(one.note)
			}
		}
		ended = len(all) - len(staying)
		return list(tx, s, staying)
	})
	if err == nil && ended > 0 {
		in.bells.ring(s.Human)
	}
	return ended, err
}

// endOne ends a session of the human's that they name; endOthers all but the
// one that they call from, and they name that: whoever names another, which may
// be over or nobody's, would otherwise end the one that they are in. Who has
// nothing to end is told so: they may have seen a list that is no longer true.
func (in *Inbox) endOne(w http.ResponseWriter, r *http.Request, s session) {
	in.endSome(w, r, s, func(one session) bool { return one.ID() == r.PathValue("id") })
}

func (in *Inbox) endOthers(w http.ResponseWriter, r *http.Request, s session) {
	if r.PathValue("id") != s.ID() {
		http.Error(w, "That is not the session that you are in. Nothing was changed: load the page again.", http.StatusNotFound)
		return
	}
	in.endSome(w, r, s, func(one session) bool { return one.ID() != s.ID() })
}

func (in *Inbox) endSome(w http.ResponseWriter, r *http.Request, s session, chosen func(session) bool) {
	ended, err := in.end(r.Context(), s, chosen)
	if err != nil {
		in.refuse(w, r, "end sessions", err)
		return
	}
	word := "That session was over already."
	switch {
	case ended == 1:
		word = "1 session is signed out."
	case ended > 1:
		word = fmt.Sprintf("%d sessions are signed out.", ended)
	}
	writeJSON(w, map[string]string{"remark": word, "card": ""})
}

// used notes from time to time that a session is in use, and answers the
// session as it is then. A session that has ended meanwhile stays ended. A
// store that takes no changes, such as one on a full disk, leaves it unnoted:
// what can be read is shown all the same.
func (in *Inbox) used(ctx context.Context, s session) (session, error) {
	now := time.Now().UTC().Round(0)
	if now.Sub(s.Seen) < seenEvery {
		return s, nil
	}
	err := in.notes.Update(ctx, func(tx bridge.NotesTx) error {
		if _, err := tx.Get(s.note); err != nil {
			return err
		}
		s.Seen = now
		return put(tx, s)
	})
	switch {
	case errors.Is(err, bridge.ErrNotFound):
		return s, errSignedOut
	case errors.Is(err, bridge.ErrStoreUnavailable):
		return s, nil // the bridge says so wherever a change is wanted
	}
	return s, err
}

// bells tell the pages of a human that their sessions have changed. The zero
// value is ready.
type bells struct {
	mu   sync.Mutex
	rung map[string]chan struct{} // by human; closed and replaced when it rings
}

// listen returns a channel that is closed when the human's bell rings next.
func (b *bells) listen(human string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	next, ok := b.rung[human]
	if !ok {
		next = make(chan struct{})
		if b.rung == nil {
			b.rung = make(map[string]chan struct{})
		}
		b.rung[human] = next
	}
	return next
}

func (b *bells) ring(human string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if next, ok := b.rung[human]; ok {
		close(next)
		delete(b.rung, human)
	}
}

// browserOf says in our own words what a browser calls itself: nothing of
// what it sent is repeated. All of them claim to be others too, so the order
// counts.
func browserOf(agent string) string {
	first := func(words [][2]string) string {
		for _, w := range words {
			if strings.Contains(agent, w[0]) {
				return w[1]
			}
		}
		return ""
	}
	name := first([][2]string{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"Chromium/", "Chromium"},
		{"Chrome/", "Chrome"},
		{"CriOS/", "Chrome"},
		{"Safari/", "Safari"},
	})
	system := first([][2]string{
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"Windows", "Windows"},
		{"Mac OS X", "macOS"},
		{"CrOS", "ChromeOS"},
		{"Linux", "Linux"},
	})
	switch name = cmp.Or(name, "A browser"); system {
	case "":
		return name
	default:
		return name + " on " + system
	}
}
