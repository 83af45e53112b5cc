package provider

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"
)

// The pages' addresses.
const (
	pathDevice  = "/device"
	pathSignIn  = "/device/sign-in"
	pathConsent = "/device/consent"
	pathStyle   = "/device/style.css"
)

// browser serves the pages on which a person enters a code, signs in and
// decides. Each form leads to the next; none can be skipped, because the step
// and all that is known by then are kept here and not in the form.
type browser struct {
	storage *storage
	watch   watcher
	flows   *flows
	pages   *pages
	cookie  http.Cookie
}

// newBrowser returns the handler for all addresses under [pathDevice].
func newBrowser(o Options, s *storage) (http.Handler, error) {
	pages, err := newPages(o)
	if err != nil {
		return nil, err
	}
	b := &browser{storage: s, watch: o.Watch, flows: newFlows(), pages: pages, cookie: cookieFor(o.Issuer)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathDevice, b.start)
	mux.HandleFunc("POST "+pathDevice, b.step(enteringCode, b.enterCode))
	mux.HandleFunc("POST "+pathSignIn, b.step(signingIn, b.signIn))
	mux.HandleFunc("POST "+pathConsent, b.step(deciding, b.decide))
	mux.HandleFunc("GET "+pathAuthorize, b.authorize)
	mux.HandleFunc("POST "+pathAuthorize, b.step(authorizing, b.authorized))
	mux.HandleFunc("GET "+pathStyle, pages.style)
	// A second fence before the flow IDs: browsers say where a post comes from.
	return http.NewCrossOriginProtection().Handler(mux), nil
}

// cookieFor gives each issuer a cookie name of its own: browsers share cookies
// between all ports of a host, and several providers may run on one.
func cookieFor(issuer string) http.Cookie {
	sum := sha256.Sum256([]byte(issuer))
	return http.Cookie{ //nolint:gosec // G124: Secure wherever the issuer is https; over http on loopback no such cookie would come back
		Name:     "device_flow_" + hex.EncodeToString(sum[:4]),
		Path:     pathDevice,
		HttpOnly: true,
		Secure:   strings.HasPrefix(issuer, "https:"),
		SameSite: http.SameSiteLaxMode,
	}
}

// start shows the form for the code. A code in the address is filled in but
// not taken as entered: the person has to press Continue.
func (b *browser) start(w http.ResponseWriter, r *http.Request) {
	f := flow{step: enteringCode, browser: b.identify(w, r)}
	b.show(w, http.StatusOK, "code", f, page{UserCode: r.URL.Query().Get("user_code")})
}

// identify returns what the cookie holds if it is one of ours that is in use,
// else a new value, which it sets.
func (b *browser) identify(w http.ResponseWriter, r *http.Request) string {
	if value := b.cookieIn(r); b.flows.knows(value) {
		return value
	}
	cookie := b.cookie //nolint:gosec // G124: as above
	cookie.Value = rand.Text()
	http.SetCookie(w, &cookie)
	return cookie.Value
}

func (b *browser) cookieIn(r *http.Request) string {
	cookie, err := r.Cookie(b.cookie.Name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// step runs next with the flow that the posted form stands for. The flow's ID
// is spent by that; a form that is not at this step, of this browser and still
// fresh gets nowhere.
func (b *browser) step(want step, next func(http.ResponseWriter, *http.Request, flow)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, ok := b.flows.take(r.PostFormValue("flow"), b.cookieIn(r), want)
		if !ok {
			b.pages.message(w, http.StatusForbidden, messageLost)
			return
		}
		next(w, r, f)
	}
}

func (b *browser) enterCode(w http.ResponseWriter, r *http.Request, f flow) {
	typed := r.PostFormValue("user_code")
	code, err := b.storage.codes.find(typed)
	switch {
	case errors.Is(err, errUnknownCode):
		b.show(w, http.StatusUnprocessableEntity, "code", f,
			page{UserCode: typed, Fault: "There is no such code. Compare it with the one you were shown."})
	case err != nil:
		b.fail(w, err)
	default:
		f.step, f.code = signingIn, code
		b.show(w, http.StatusOK, "sign-in", f, page{})
	}
}

func (b *browser) signIn(w http.ResponseWriter, r *http.Request, f flow) {
	login := r.PostFormValue("account")
	account, ok := b.storage.accountByLogin(login)
	if !ok {
		b.show(w, http.StatusUnprocessableEntity, "sign-in", f,
			page{Login: login, Fault: "There is no such account here."})
		return
	}
	b.watch.see(Entry{Kind: KindSignIn, Client: f.code.client, UserCode: f.code.userCode, Subject: account.Subject})
	f.step, f.account, f.signedIn = deciding, account, time.Now()
	b.show(w, http.StatusOK, "consent", f, page{})
}

func (b *browser) decide(w http.ResponseWriter, r *http.Request, f flow) {
	answer := r.PostFormValue("decision")
	if answer != "allow" && answer != "refuse" {
		b.pages.message(w, http.StatusBadRequest, messageLost)
		return
	}
	err := b.storage.codes.decide(f.code.deviceCode, f.account.Subject, f.signedIn, answer == "allow")
	switch {
	case err != nil:
		b.fail(w, err)
	case answer == "allow":
		b.pages.message(w, http.StatusOK, messageAllowed)
	default:
		b.pages.message(w, http.StatusOK, messageRefused)
	}
}

// show keeps the flow under a new ID and shows the form of its step.
func (b *browser) show(w http.ResponseWriter, status int, name string, f flow, p page) {
	p.Flow = b.flows.keep(f)
	if f.step != enteringCode {
		p.UserCode = f.code.userCode
		p.Client = b.storage.clients[f.code.client].client.Name
		p.Scopes = b.pages.inWords(f.code.scopes)
		p.Account = f.account
	}
	b.pages.render(w, status, name, p)
}

func (b *browser) fail(w http.ResponseWriter, err error) {
	if errors.Is(err, errLapsedCode) {
		b.pages.message(w, http.StatusGone, messageLapsed)
		return
	}
	b.pages.message(w, http.StatusConflict, messageDecided)
}
