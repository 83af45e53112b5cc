package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// SignIn is the provider through which people sign in by themselves.
type SignIn struct {
	Provider string // its configured name
	Flow     Flow
}

// Flow is one way to sign in with a provider: the code flow of OpenID Connect
// with PKCE. It keeps nothing.
type Flow interface {
	// Address is where a browser has to go.
	Address(ctx context.Context, proof bridge.SignInProof) (string, error)
	// Account exchanges what the browser came back with for the account of
	// whoever signed in. issuer is the answer's iss, "" for none.
	Account(ctx context.Context, code bridge.Secret, issuer string, proof bridge.SignInProof) (bridge.Account, error)
}

// signInLife is how long somebody may take at the provider.
const signInLife = 10 * time.Minute

// The words for a sign-in that comes to nothing.
const (
	notHere     = "Nobody can sign in here through a provider."
	notBegun    = "This is not the answer to a sign-in of this page. Begin again."
	tooLate     = "This sign-in does not work any more. It works once, and only for ten minutes. Begin again."
	tooManyOpen = "Too many sign-ins are under way, or came to nothing. Try again in a few minutes."
)

// through is how people sign in where a request came in: nil = by links alone.
// The provider sends them back to the public address, so they have to begin
// there.
func (in *Inbox) through(r *http.Request) *SignIn {
	if in.place(r) != beyond {
		return nil
	}
	return in.signIn()
}

// begin sends a page to the provider. All that the answer will be checked
// against is made of one secret that the tab keeps, and of which the bridge
// remembers nothing but the hash: an answer is of use in the tab that asked
// for it, and nowhere else.
func (in *Inbox) begin(w http.ResponseWriter, r *http.Request) {
	way := in.through(r)
	if way == nil {
		http.Error(w, notHere, http.StatusNotFound)
		return
	}
	if !in.attempts.begin(clientOf(r)) {
		w.Header().Set("Retry-After", "60")
		http.Error(w, tooManyOpen, http.StatusTooManyRequests)
		return
	}
	begun := newSecret()
	at, err := way.Flow.Address(r.Context(), proofOf(begun))
	if err == nil {
		err = in.notes.Put(r.Context(), begunNote(begun), []byte(way.Provider), time.Now().Add(signInLife))
	}
	if err != nil {
		in.attempts.end(clientOf(r)) // a provider that is away is not to keep people out when it is back
		in.refuseSignIn(w, r, way.Provider, err)
		return
	}
	writeJSON(w, map[string]string{"at": at, "begun": begun.Reveal()})
}

// begunNote is the name under which a sign-in is remembered.
func begunNote(begun bridge.Secret) string { return "begun/" + hashed(begun) }

// proofOf derives what proves a sign-in from the tab's secret: each part tells
// nothing of the secret, nor of the others.
func proofOf(begun bridge.Secret) bridge.SignInProof {
	part := func(what string) bridge.Secret {
		mac := hmac.New(sha256.New, []byte(begun.Reveal()))
		mac.Write([]byte(what))
		return bridge.NewSecret(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
	}
	return bridge.SignInProof{State: part("state"), Nonce: part("nonce"), Verifier: part("verifier")}
}

// finish makes a session of what a page came back with.
func (in *Inbox) finish(w http.ResponseWriter, r *http.Request, o opening) {
	begun := bridge.NewSecret(o.Begun)
	proof := proofOf(begun)
	if subtle.ConstantTimeCompare([]byte(o.State), []byte(proof.State.Reveal())) != 1 {
		http.Error(w, notBegun, http.StatusForbidden)
		return
	}
	way := in.through(r)
	if way == nil {
		http.Error(w, notHere, http.StatusNotFound)
		return
	}
	err := in.take(r.Context(), begun, way.Provider)
	switch {
	case errors.Is(err, bridge.ErrNotFound):
		http.Error(w, tooLate, http.StatusForbidden)
	case err != nil:
		in.refuse(w, r, "take up a sign-in", err)
	case o.Code == "":
		http.Error(w, declined(way.Provider, o.Error), http.StatusForbidden)
	default:
		in.admit(w, r, way, o, proof)
	}
}

// take uses a sign-in up. It looks before it writes, so that guesses cost no
// write; of many who come back with one answer at once, one gets it.
func (in *Inbox) take(ctx context.Context, begun bridge.Secret, provider string) error {
	if _, err := in.notes.Get(ctx, begunNote(begun)); err != nil {
		return err
	}
	return in.notes.Update(ctx, func(tx bridge.NotesTx) error {
		through, err := tx.Get(begunNote(begun))
		if err != nil {
			return err
		}
		tx.Delete(begunNote(begun))
		if string(through) != provider { // another one is configured since
			return bridge.ErrNotFound
		}
		return nil
	})
}

// admit asks the provider who came back, and signs in whoever that is here.
func (in *Inbox) admit(w http.ResponseWriter, r *http.Request, way *SignIn, o opening, proof bridge.SignInProof) {
	account, err := way.Flow.Account(r.Context(), bridge.NewSecret(o.Code), o.Issuer, proof)
	if err != nil {
		in.refuseSignIn(w, r, way.Provider, err)
		return
	}
	human, err := in.desk.Whose(r.Context(), way.Provider, account)
	if errors.Is(err, bridge.ErrNotFound) {
		in.turnAway(w, r, way.Provider, account)
		return
	}
	if err != nil {
		in.refuse(w, r, "find out who signs in", err)
		return
	}
	mark, _ := in.desk.Bearer(human) // start asks again whether they are known
	s := newSession(r, human, mark, way.Provider)
	s.Account = &account
	line := signInLine(r, bridge.AuditSignedIn, human)
	line.Provider, line.PlatformUser = way.Provider, bridge.Clean(account.Shown(), maxShown)
	secret := newSecret()
	err = in.notes.Update(r.Context(), func(tx bridge.NotesTx) error {
		tx.Audit(line)
		return in.start(tx, secret, s)
	})
	if err != nil {
		in.refuse(w, r, "make a session", err)
		return
	}
	in.attempts.end(clientOf(r))
	in.bells.ring(human)
	writeJSON(w, map[string]string{"session": secret.Reveal(), "human": human})
}

// maxShown bounds an account in the audit log, in characters.
const maxShown = 200

// turnAway refuses an account that is no human's here. The operator has to be
// able to see that somebody was: the account may be one that they forgot.
func (in *Inbox) turnAway(w http.ResponseWriter, r *http.Request, provider string, account bridge.Account) {
	line := signInLine(r, bridge.AuditSignInRefused, "")
	line.Provider, line.PlatformUser = provider, bridge.Clean(account.Shown(), maxShown)
	err := in.notes.Update(r.Context(), func(tx bridge.NotesTx) error {
		tx.Audit(line)
		return nil
	})
	if err != nil {
		in.refuse(w, r, "note that a sign-in was refused", err)
		return
	}
	http.Error(w, fmt.Sprintf("You signed in as %s, and that is nobody here whom agents may ask. "+
		"If you should be, ask the operator of the bridge.", bridge.Clean(account.Shown(), maxShown)), http.StatusForbidden)
}

// signInLine is a line of the audit log about somebody at a browser.
func signInLine(r *http.Request, event bridge.Kind, human string) bridge.AuditLine {
	line := bridge.AuditLine{Event: event, Human: human, By: bridge.ByHuman, Actor: human, Channel: channel}
	if at := clientOf(r); at.IsValid() {
		line.Detail = "from " + at.String()
	}
	return line
}

// refuseSignIn tells of a provider that did not, or could not, sign somebody
// in. What it said is for the operator's eyes alone.
func (in *Inbox) refuseSignIn(w http.ResponseWriter, r *http.Request, provider string, err error) {
	var no *bridge.Refusal
	var away *bridge.Unavailable
	switch {
	case errors.As(err, &no):
		in.log.Warn("a sign-in was refused", "provider", provider, "why", no.Cause)
		http.Error(w, "The provider "+provider+" did not sign you in; the bridge's log says why. Begin again.", http.StatusForbidden)
	case errors.As(err, &away):
		in.log.Warn("a provider could not be asked about a sign-in", "provider", provider, "err", err)
		w.Header().Set("Retry-After", "5")
		http.Error(w, "The provider "+provider+" does not answer just now. Begin again in a moment.", http.StatusServiceUnavailable)
	default:
		in.refuse(w, r, "sign somebody in", err)
	}
}

// declined says in words what a provider sends back in the place of a code
// (RFC 6749, section 4.1.2.1; OpenID Connect Core 1.0, section 3.1.2.6). Its
// own words are never shown: anybody can write them into a link.
func declined(provider, code string) string {
	switch code {
	case "access_denied":
		return "You, or " + provider + ", said no: nobody is signed in."
	case "temporarily_unavailable", "server_error":
		return "The provider " + provider + " cannot sign you in just now. Try again in a moment."
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		return "The provider " + provider + " wants you to sign in there first. Try again."
	}
	return "The provider " + provider + " does not let this bridge sign people in. The operator has to look at its client there."
}

// stands reports whether a session is still good: its human bears the name, and
// who signed in through a provider would be let in by it again.
func (in *Inbox) stands(ctx context.Context, s session) (bool, error) {
	if !in.bears(s.Human, s.Mark) {
		return false, nil
	}
	if s.Through == "" {
		return true, nil
	}
	way := in.signIn()
	if way == nil || way.Provider != s.Through || s.Account == nil {
		return false, nil
	}
	human, err := in.desk.Whose(ctx, s.Through, *s.Account)
	if errors.Is(err, bridge.ErrNotFound) {
		return false, nil
	}
	return err == nil && human == s.Human, err
}
