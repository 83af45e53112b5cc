package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// Linker makes links that sign humans in to their inbox.
type Linker interface {
	// Humans returns the configured names of all humans, in any order.
	Humans() []string
	// NewLink makes a link for one of them, and says until when it is good.
	NewLink(ctx context.Context, human string) (url string, expires time.Time, err error)
}

// Options is what the admin socket's handler is made of.
type Options struct {
	Linker   Linker          // nil = there is no inbox
	Unlinker Unlinker        // required
	Chats    ChatLinker      // required
	Keeper   Keeper          // required
	Hand     Hand            // required
	Keymaker Keymaker        // required
	Presser  Presser         // nil = nobody tries
	File     string          // the configuration that the bridge was started with; "" = none
	Examiner Examiner        // nil = nobody looks
	Log      *slog.Logger    // faults, which callers are not told; nil = none
	Stopping context.Context // when it ends, calls are refused; nil = never
}

// New returns the handler of the admin socket. Its server has to have
// [localhttp.ConnContext] as ConnContext, or nobody is known.
func New(o Options) http.Handler {
	h := &handler{linker: o.Linker, unlinker: o.Unlinker, chatLinker: o.Chats, keeper: o.Keeper, hand: o.Hand, keymaker: o.Keymaker, file: o.File, examiner: o.Examiner, presser: o.Presser, log: o.Log, stopping: o.Stopping, uid: os.Geteuid()}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.stopping == nil {
		h.stopping = context.Background()
	}
	return h
}

type handler struct {
	linker     Linker
	unlinker   Unlinker
	chatLinker ChatLinker
	keeper     Keeper
	hand       Hand
	keymaker   Keymaker
	file       string
	examiner   Examiner
	presser    Presser
	log        *slog.Logger
	stopping   context.Context
	uid        int // of the bridge
}

// ServeHTTP answers one call.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h.admit(r)
	if err == nil {
		err = h.route(w, r)
	}
	if err != nil {
		h.fail(w, r, err)
	}
}

// admit lets in who runs the bridge. The socket's mode says the same; this
// holds when somebody has changed it.
func (h *handler) admit(r *http.Request) error {
	if no := localhttp.RefuseBrowser(r); no != nil {
		return no
	}
	uid, known := localhttp.UID(r.Context())
	switch {
	case !known:
		return localhttp.Refuse(api.ProblemUnauthenticated, "who calls cannot be seen on this connection")
	case uid != 0 && int(uid) != h.uid:
		return localhttp.Refuse(api.ProblemNotAllowed, "uid %d may not administer this bridge", uid).
			WithHint("run the command as root, or as the user that the bridge runs as (uid %d)", h.uid)
	case h.stopping.Err() != nil:
		return localhttp.Refuse(api.ProblemShuttingDown, "the bridge is shutting down")
	}
	return nil
}

func (h *handler) route(w http.ResponseWriter, r *http.Request) error {
	routes := map[string]struct {
		method string
		serve  func(http.ResponseWriter, *http.Request) error
	}{
		InboxLinksPath:  {http.MethodPost, h.inboxLink},
		UnlinkPath:      {http.MethodPost, h.unlink},
		ChatLinksPath:   {http.MethodPost, h.chatLink},
		AgentKeysPath:   {http.MethodPost, h.newAgentKey},
		AuditPath:       {http.MethodGet, h.audit},
		AuditReportPath: {http.MethodGet, h.verify},
		BackupsPath:     {http.MethodPost, h.backup},
		RequestsPath:    {http.MethodGet, h.requests},
		GrantsPath:      {http.MethodGet, h.grants},
		SuspensionsPath: {http.MethodGet, h.suspensions},
		IssuersPath:     {http.MethodGet, h.issuers},
		RevokePath:      {http.MethodPost, h.revoke},
		ReleasePath:     {http.MethodPost, h.release},
		LiftPath:        {http.MethodPost, h.lift},
		FindingsPath:    {http.MethodGet, h.findings},
		PressesPath:     {http.MethodPost, h.press},
	}
	to, known := routes[r.URL.Path]
	switch {
	case !known:
		return localhttp.Refuse(api.ProblemNotFound, "there is nothing at this path; it may not be in this version")
	case r.Method != to.method:
		return localhttp.RefuseMethod(r, to.method)
	}
	return to.serve(w, r)
}

// inboxLink serves POST /v1/inbox-links.
func (h *handler) inboxLink(w http.ResponseWriter, r *http.Request) error {
	if r.URL.RawQuery != "" {
		return localhttp.Refuse(api.ProblemInvalidRequest, "this route has no parameters")
	}
	var ask linkAsk
	if err := localhttp.ReadJSON(w, r, &ask); err != nil {
		return err
	}
	switch {
	case ask.Human == "":
		return localhttp.Refuse(api.ProblemInvalidRequest, "no human is named").WithHint(`send {"human": NAME}`)
	case h.linker == nil:
		return localhttp.Refuse(api.ProblemNotFound, "this bridge has no inbox").WithHint("set listen.web in authbridge.yaml")
	}
	if humans := h.linker.Humans(); !slices.Contains(humans, ask.Human) {
		return localhttp.Refuse(api.ProblemNotFound, "there is no human %q", ask.Human[:min(len(ask.Human), 100)]).
			WithHint("there are: %s", strings.Join(slices.Sorted(slices.Values(humans)), ", "))
	}
	if err := h.keeper.Audit(r.Context(), linkMade(ask.Human, operatorOf(r))); err != nil {
		return err
	}
	url, expires, err := h.linker.NewLink(r.Context(), ask.Human)
	if err != nil {
		return err
	}
	return localhttp.WriteJSON(w, http.StatusOK, Link{URL: url, ExpiresAt: expires.UTC()})
}

// linkMade is written before there is a link: none is without its line.
func linkMade(human string, by bridge.Actor) bridge.AuditLine {
	return bridge.AuditLine{Event: bridge.AuditLinkMade, Human: human, By: by.Kind, Actor: by.Name}
}

// fail tells a refusal as it is, and of a fault where its cause is found.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var no *localhttp.Refusal
	var broken errBroken
	var p *bridge.Problem
	switch {
	case errors.As(err, &broken):
		if r.Context().Err() == nil {
			h.log.WarnContext(r.Context(), "an answer to the operator was broken off", "path", r.URL.Path, "err", err)
		}
		panic(http.ErrAbortHandler)
	case errors.As(err, &no):
	case errors.As(err, &p):
		no = localhttp.Refuse(api.ProblemCode(p.Code), "%s", p.Detail)
		no.Problem.Hint = api.Optional(p.Hint)
	case r.Context().Err() != nil:
		return // nobody is there any more
	case errors.Is(err, bridge.ErrStoreUnavailable):
		h.log.WarnContext(r.Context(), "a call of the operator was refused", "path", r.URL.Path, "err", err)
		no = localhttp.Refuse(api.ProblemStoreUnavailable, "the bridge cannot reach its store now; %s", kept(err)).
			WithHint("try again in a moment")
	default:
		reference := rand.Text()[:8]
		h.log.ErrorContext(r.Context(), "a call of the operator failed", "reference", reference, "path", r.URL.Path, "err", err)
		no = localhttp.Refuse(api.ProblemInternal, "the bridge failed; its log says why under %s", reference)
		no.Problem.Reference = reference
	}
	no.Write(w)
}

// kept says what a store that is away has made of a call.
func kept(err error) string {
	if errors.Is(err, bridge.ErrInDoubt) {
		return "it is not known whether anything was changed"
	}
	return "nothing was changed"
}
