package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// How long a link waits to be opened, and a session lasts from then on.
const (
	LinkLife    = 2 * time.Minute
	sessionLife = 12 * time.Hour
)

// errSignedOut means that a request carries no live session.
var errSignedOut = errors.New("not signed in")

// NewLink returns a link that signs a human in: once, within two minutes.
// base is where the inbox is reached, such as "http://127.0.0.1:8741". The
// secret stands in the fragment, which browsers send to nobody. An unknown
// name is [bridge.ErrNotFound].
func (in *Inbox) NewLink(ctx context.Context, human, base string) (bridge.Secret, error) {
	mark, known := in.desk.Bearer(human)
	if !known {
		return bridge.Secret{}, fmt.Errorf("make a link for the human %q: %w", human, bridge.ErrNotFound)
	}
	secret := newSecret()
	if err := in.notes.Put(ctx, linkNote(secret), []byte(human+" "+mark), time.Now().Add(LinkLife)); err != nil {
		return bridge.Secret{}, fmt.Errorf("remember the link: %w", err)
	}
	return bridge.NewSecret(strings.TrimSuffix(base, "/") + "/#" + secret.Reveal()), nil
}

// newSecret draws a secret of 130 random bits.
func newSecret() bridge.Secret { return bridge.NewSecret(rand.Text()) }

// linkNote and sessionNote are the names under which a secret is remembered.
// They hold its hash alone: who reads the store cannot sign in, and looking a
// hash up tells nothing about the secret by its timing.
func linkNote(s bridge.Secret) string    { return "link/" + hashed(s) }
func sessionNote(s bridge.Secret) string { return sessionRoom + hashed(s) }

func hashed(s bridge.Secret) string {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return hex.EncodeToString(sum[:])
}

// spent answers a link that does not work, whatever the reason: who guesses
// learns nothing.
const spent = "This link does not work any more. A link works once, and only for two minutes."

// open makes a session of what a page has brought: the secret of a link, or
// the answer to a sign-in that it began.
func (in *Inbox) open(w http.ResponseWriter, r *http.Request) {
	o, status := readOpening(r)
	switch {
	case status != 0:
		http.Error(w, "This is not how a link is opened: open it in a browser.", status)
	case o.Begun != "":
		in.finish(w, r, o)
	default:
		in.openLink(w, r, bridge.NewSecret(o.Link))
	}
}

// openLink exchanges the secret of a link for that of a session.
func (in *Inbox) openLink(w http.ResponseWriter, r *http.Request, link bridge.Secret) {
	secret := newSecret()
	human, err := in.spend(r, link, secret)
	if errors.Is(err, bridge.ErrNotFound) {
		http.Error(w, spent, http.StatusForbidden)
		return
	}
	if err != nil {
		in.refuse(w, r, "open a link", err)
		return
	}
	writeJSON(w, map[string]string{"session": secret.Reveal(), "human": human})
}

// opening is what a page brings: a link, or the rest.
type opening struct {
	Link string `json:"link"`

	Begun  string `json:"begun"` // the tab's own secret
	State  string `json:"state"`
	Code   string `json:"code"`
	Issuer string `json:"iss"`
	Error  string `json:"error"` // in the place of a code
}

// readOpening reads it; a status other than 0 says what is wrong.
func readOpening(r *http.Request) (o opening, status int) {
	if r.Header.Get("Content-Type") != "application/json" {
		return o, http.StatusUnsupportedMediaType
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&o)
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return o, http.StatusRequestEntityTooLarge
	case err != nil || !o.whole():
		return o, http.StatusBadRequest
	}
	return o, 0
}

// whole reports whether it is one of the two, and not something of both.
func (o opening) whole() bool {
	if o.Link != "" {
		return o == opening{Link: o.Link}
	}
	return o.Begun != "" && o.State != "" && (o.Code == "") != (o.Error == "")
}

// spend makes a session of a link and returns whom it signs in. It looks
// before it takes, so that guesses cost no write; of many who open one link at
// once, one gets it.
func (in *Inbox) spend(r *http.Request, link, secret bridge.Secret) (human string, err error) {
	if _, err := in.notes.Get(r.Context(), linkNote(link)); err != nil {
		return "", err
	}
	err = in.notes.Update(r.Context(), func(tx bridge.NotesTx) error {
		kept, err := tx.Get(linkNote(link))
		if err != nil {
			return err
		}
		tx.Delete(linkNote(link))
		var mark string
		human, mark, _ = strings.Cut(string(kept), " ")
		tx.Audit(signInLine(r, bridge.AuditLinkSpent, human))
		return in.start(tx, secret, newSession(r, human, mark, ""))
	})
	if err == nil {
		in.bells.ring(human)
	}
	return human, err
}

// signOut ends a session.
func (in *Inbox) signOut(w http.ResponseWriter, r *http.Request, s session) {
	_, err := in.end(r.Context(), s, func(one session) bool { return one.note == s.note })
	if err != nil {
		in.refuse(w, r, "end a session", err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// signedIn lets only requests with a live session through.
func (in *Inbox) signedIn(serve func(http.ResponseWriter, *http.Request, session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, err := in.session(r)
		if err != nil {
			in.refuse(w, r, "look up a session", err)
			return
		}
		serve(w, r, s)
	}
}

// session finds out who sends a request. A human who is no longer configured,
// or whose name is somebody else's, has no session; neither has one whose
// account would not be let in any more.
func (in *Inbox) session(r *http.Request) (session, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return session{}, errSignedOut
	}
	note := sessionNote(bridge.NewSecret(token))
	kept, err := in.notes.Get(r.Context(), note)
	if errors.Is(err, bridge.ErrNotFound) {
		return session{}, errSignedOut
	}
	if err != nil {
		return session{}, err
	}
	s, readable := decodeSession(note, kept)
	if !readable {
		return session{}, errSignedOut
	}
	stands, err := in.stands(r.Context(), s)
	if err == nil && !stands {
		err = errSignedOut
	}
	return s, err
}

// bears reports whether a human still bears the name that they had when
// something was made for them.
func (in *Inbox) bears(human, mark string) bool {
	now, known := in.desk.Bearer(human)
	return known && mark == now
}

// writeJSON answers with texts; that cannot fail to encode.
func writeJSON(w http.ResponseWriter, texts map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(texts)
}
