package mcpauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/client/mcpauth"
	"github.com/authbridge/authbridge/httpapi"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// stage is a real MCP server that takes bearer tokens alone, a bridge behind
// its real API, and a human who is played by the test.
type stage struct {
	t      *testing.T
	desk   *httpapitest.Desk
	client *client.Client
	url    string

	mu     sync.Mutex
	valid  map[string][]string // scopes of the tokens that the server takes
	wanted []string            // scopes that it wants
	told   http.HandlerFunc    // what it says in place of all that, nil = nothing
	asked  [][]string          // the scopes of each ask that came to the human
	human  func(api.Request)   // what they do
}

func newStage(t *testing.T) *stage {
	t.Helper()
	uid := uint32(os.Getuid())
	s := &stage{t: t, desk: httpapitest.NewDesk(t, bridge.Agent{Name: "me", UID: &uid, Owner: "alice"}), valid: map[string][]string{}}
	dir, err := os.MkdirTemp("", "ab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s.client = &client.Client{Socket: filepath.Join(dir, "agent.sock")}
	l, err := localhttp.Listen(t.Context(), s.client.Socket, nil)
	if err != nil {
		t.Fatal(err)
	}
	api := &http.Server{Handler: httpapi.New(httpapi.Options{Desk: s.desk}), ConnContext: localhttp.ConnContext}
	go func() { _ = api.Serve(l) }()
	t.Cleanup(func() { s.client.Close(); _ = api.Close() })

	server := mcp.NewServer(&mcp.Implementation{Name: "files", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "read", Description: "read a file"}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "the Q3 plan"}}}, nil, nil
	})
	inner := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.guard(inner).ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	s.url = web.URL
	s.grants("tok-1")
	return s
}

// guard is the SDK's own check of bearer tokens, for what is wanted just now.
func (s *stage) guard(inner http.Handler) http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told != nil {
		return s.told
	}
	return auth.RequireBearerToken(s.verify, &auth.RequireBearerTokenOptions{
		Scopes: slices.Clone(s.wanted), ResourceMetadataURL: "http://169.254.169.254/must-not-be-read",
	})(inner)
}

func (s *stage) verify(_ context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scopes, ok := s.valid[token]
	if !ok {
		return nil, auth.ErrInvalidToken
	}
	return &auth.TokenInfo{Scopes: scopes, Expiration: time.Now().Add(time.Hour)}, nil
}

// takes makes the server take a token.
func (s *stage) takes(token string, scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.valid[token] = scopes
}

// revokes makes the server take no token any more.
func (s *stage) revokes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.valid = map[string][]string{}
}

func (s *stage) wants(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = scopes
}

func (s *stage) says(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = h
}

// grants plans that the human grants the next asks, with this token.
func (s *stage) grants(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.human = func(r api.Request) {
		s.takes(token, r.Scopes...)
		s.desk.Grant(bridge.RequestID(r.ID), tokenOf(token, r.Scopes))
	}
}

func tokenOf(text string, scopes []string) bridge.Token {
	return bridge.Token{
		Access: bridge.NewSecret(text), Type: "Bearer", ExpiresAt: time.Now().Add(time.Hour).UTC(), Scopes: scopes,
		Issuer: "https://login.example.com", Human: "alice", Grant: bridge.NewGrantID(time.Now()),
	}
}

// options make the human answer what they are asked.
func (s *stage) options() mcpauth.Options {
	return mcpauth.Options{Each: func(r api.Request) {
		if r.State != api.Asked {
			return
		}
		s.mu.Lock()
		s.asked = append(s.asked, r.Scopes)
		act := s.human
		s.mu.Unlock()
		if act != nil {
			act(r)
		}
	}}
}

func (s *stage) handler() *mcpauth.Handler {
	return mcpauth.New(s.client, api.Ask{Provider: "corp", Scopes: []string{"files.read"}}, s.options())
}

// connect is the one line that a client needs, and what it has anyway.
func (s *stage) connect(ctx context.Context, h *mcpauth.Handler) (*mcp.ClientSession, error) {
	session, err := mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "1"}, nil).
		Connect(ctx, &mcp.StreamableClientTransport{Endpoint: s.url, OAuthHandler: h, DisableStandaloneSSE: true, MaxRetries: -1}, nil)
	if err == nil {
		s.t.Cleanup(func() { _ = session.Close() })
	}
	return session, err
}

func (s *stage) connected(h *mcpauth.Handler) *mcp.ClientSession {
	s.t.Helper()
	session, err := s.connect(s.t.Context(), h)
	if err != nil {
		s.t.Fatal(err)
	}
	return session
}

// reads calls the tool, and wants its answer.
func (s *stage) reads(session *mcp.ClientSession) {
	s.t.Helper()
	got, err := session.CallTool(s.t.Context(), &mcp.CallToolParams{Name: "read"})
	if err != nil {
		s.t.Fatal(err)
	}
	if text, ok := got.Content[0].(*mcp.TextContent); !ok || text.Text != "the Q3 plan" {
		s.t.Errorf("the tool says %+v", got.Content[0])
	}
}

func (s *stage) wereAsked(want ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var got []string
	for _, scopes := range s.asked {
		got = append(got, strings.Join(scopes, " "))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("the human was asked for %q, want %q", got, want)
	}
}

func silent(t *testing.T, err error, tokens ...string) {
	t.Helper()
	for _, token := range tokens {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), token) {
			t.Errorf("the error holds a token: %v", err)
		}
	}
}

func TestOneLineMakesAClientAsk(t *testing.T) {
	s := newStage(t)
	session := s.connected(s.handler())
	s.reads(session)
	s.reads(session)
	s.wereAsked("files.read")
}

// TestNobodyIsAskedForAServerThatIsOpen: a token is for who wants one.
func TestNobodyIsAskedForAServerThatIsOpen(t *testing.T) {
	s := newStage(t)
	s.takes("tok-0")
	open := mcp.NewServer(&mcp.Implementation{Name: "open", Version: "1"}, nil)
	inner := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return open }, nil)
	s.says(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("it was sent a token")
		}
		inner.ServeHTTP(w, r)
	})
	s.connected(s.handler())
	s.wereAsked()
	if s.desk.Calls() != 0 {
		t.Error("the bridge was called")
	}
}

func TestALiveGrantAsksNobody(t *testing.T) {
	s := newStage(t)
	s.takes("tok-live", "files.read")
	s.desk.Serve(tokenOf("tok-live", []string{"files.read"}))
	s.reads(s.connected(s.handler()))
	s.wereAsked()
}

// TestARevokedTokenIsAskedForOnce: the bridge still has it and does not know;
// so a human is asked, once, however often the server goes on to refuse.
func TestARevokedTokenIsAskedForOnce(t *testing.T) {
	s := newStage(t)
	h := s.handler()
	session := s.connected(h)
	s.reads(session)
	s.revokes()
	s.desk.Serve(tokenOf("tok-1", []string{"files.read"})) // what it has
	s.grants("tok-2")
	s.reads(session)
	s.wereAsked("files.read", "files.read")
	if asks := s.desk.Asks(); !asks[len(asks)-1].Fresh {
		t.Error("the human was asked for what the bridge has anyway")
	}

	for range 3 {
		s.revokes()
		_, err := s.connect(t.Context(), h)
		if !errors.Is(err, mcpauth.ErrRefused) {
			t.Errorf("got %v", err)
		}
		silent(t, err, "tok-1", "tok-2")
	}
	s.wereAsked("files.read", "files.read")
}

// TestAServerThatTakesNothingAsksNobodyOverAndOver: its refusals are no reason to bother
// people over and over.
func TestAServerThatTakesNothingAsksNobodyOverAndOver(t *testing.T) {
	s := newStage(t)
	s.mu.Lock()
	s.human = func(r api.Request) { s.desk.Grant(bridge.RequestID(r.ID), tokenOf("tok-1", r.Scopes)) } // which it will not take
	s.mu.Unlock()
	h := s.handler()
	var last error
	for range 6 {
		if _, last = s.connect(t.Context(), h); last == nil {
			t.Fatal("it was connected to")
		}
		silent(t, last, "tok-1")
	}
	s.mu.Lock()
	n := len(s.asked)
	s.mu.Unlock()
	if n > 2 {
		t.Errorf("the human was asked %d times", n)
	}
	if !errors.Is(last, mcpauth.ErrRefused) {
		t.Errorf("in the end: %v", last)
	}
}

func TestAStepUpAsksForTheUnion(t *testing.T) {
	s := newStage(t)
	session := s.connected(s.handler())
	s.reads(session)
	s.wants("files.write")
	s.grants("tok-2")
	s.reads(session)
	s.wereAsked("files.read", "files.read files.write")
	s.wants("files.read", "files.write")
	s.reads(session)
	s.wereAsked("files.read", "files.read files.write")
}

// TestAStepUpAsksForNothingOfTheBridges: what a token holds besides, since the
// bridge asks for it on its own account, is not the agent's to ask for.
func TestAStepUpAsksForNothingOfTheBridges(t *testing.T) {
	s := newStage(t)
	s.mu.Lock()
	s.human = func(r api.Request) {
		s.takes("tok-1", r.Scopes...)
		s.desk.Grant(bridge.RequestID(r.ID), tokenOf("tok-1", append([]string{"openid", "email"}, r.Scopes...)))
	}
	s.mu.Unlock()
	session := s.connected(s.handler())
	s.reads(session)
	s.wants("files.write")
	s.grants("tok-2")
	s.reads(session)
	s.wereAsked("files.read", "files.read files.write")
}

// TestAServerNamedByItsURLAlone: an ask that names nothing is for the server
// that is called; its challenge goes along, and the bridge picks the scopes.
func TestAServerNamedByItsURLAlone(t *testing.T) {
	s := newStage(t)
	session := s.connected(mcpauth.New(s.client, api.Ask{}, s.options()))
	s.wants("files.write")
	s.grants("tok-2")
	_, _ = session.CallTool(t.Context(), &mcp.CallToolParams{Name: "read"}) // the stand-in picks no scopes
	asks := s.desk.Asks()
	if len(asks) < 2 || !strings.HasPrefix(asks[0].Resource, "http://127.0.0.1:") || strings.ContainsAny(asks[0].Resource, "?#") || asks[0].Provider != "" {
		t.Fatalf("it was asked for %+v", asks)
	}
	if len(asks[0].Scopes) > 0 || !slices.Contains(asks[1].Challenge.Scopes, "files.write") || asks[1].Resource != asks[0].Resource {
		t.Errorf("it was asked for %+v", asks)
	}
}

// TestWhatTheFirstChallengeWantsIsAskedForAtOnce, not in two goes.
func TestWhatTheFirstChallengeWantsIsAskedForAtOnce(t *testing.T) {
	s := newStage(t)
	s.wants("files.write")
	s.reads(s.connected(s.handler()))
	s.wereAsked("files.read files.write")
}

// TestAStepUpThatBringsNothingIsNotRepeated: the provider grants less than it
// was asked for.
func TestAStepUpThatBringsNothingIsNotRepeated(t *testing.T) {
	s := newStage(t)
	h := s.handler()
	session := s.connected(h)
	s.wants("files.write")
	s.mu.Lock()
	s.human = func(r api.Request) {
		s.takes("tok-2", "files.read")
		s.desk.Grant(bridge.RequestID(r.ID), tokenOf("tok-2", []string{"files.read"}))
	}
	s.mu.Unlock()
	if _, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "read"}); err == nil {
		t.Error("it was let in")
	}
	for range 2 {
		if _, err := s.connect(t.Context(), h); !errors.Is(err, mcpauth.ErrNoScope) || !strings.Contains(err.Error(), "files.write") {
			t.Errorf("got %v", err)
		}
	}
	s.wereAsked("files.read", "files.read files.write")
}

func TestTheHumanSaysNo(t *testing.T) {
	s := newStage(t)
	s.mu.Lock()
	s.human = func(r api.Request) {
		s.desk.End(bridge.RequestID(r.ID), bridge.Denied, bridge.Outcome{Code: bridge.OutcomeDenied, Message: "alice said no"})
	}
	s.mu.Unlock()
	_, err := s.connect(t.Context(), s.handler())
	if err == nil {
		t.Fatal("it was connected to")
	}
	s.wereAsked("files.read") // though the SDK's client tries two calls
	p, ok := errors.AsType[*client.Problem](err)
	if !ok || p.Code != api.ProblemGone || p.Request.Outcome.Code != api.OutcomeDenied {
		t.Errorf("got %v", err)
	}
}

// refusedAt has a handler hear of a call that a server refused, wanting a scope.
func refusedAt(t *testing.T, h *mcpauth.Handler, url, scope string) error {
	t.Helper()
	w := httptest.NewRecorder()
	w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+scope+`"`)
	w.WriteHeader(http.StatusForbidden)
	return h.Authorize(t.Context(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, url, nil), w.Result())
}

// TestANoIsNotWornDown: a server that names another scope at each call does not
// have somebody asked at each call, when they have said no.
func TestANoIsNotWornDown(t *testing.T) {
	s := newStage(t)
	s.mu.Lock()
	s.human = func(r api.Request) {
		s.desk.End(bridge.RequestID(r.ID), bridge.Denied, bridge.Outcome{Code: bridge.OutcomeDenied, Message: "alice said no"})
	}
	s.mu.Unlock()
	h := s.handler()
	for i := range 5 {
		err := refusedAt(t, h, s.url, fmt.Sprintf("files.%d", i))
		if p, ok := errors.AsType[*client.Problem](err); !ok || p.Code != api.ProblemGone {
			t.Errorf("got %v", err)
		}
		h.Later(2 * time.Minute)
	}
	s.wereAsked("files.read files.0")
	h.Later(time.Minute)
	_ = refusedAt(t, h, s.url, "files.9")
	s.wereAsked("files.read files.0", "files.read files.9")
}

// TestNoTokenForWhatCanBeReadOnTheWay: over http a token goes no farther than
// this machine, so nobody is asked for one.
func TestNoTokenForWhatCanBeReadOnTheWay(t *testing.T) {
	s := newStage(t)
	h := s.handler()
	for _, at := range []string{"http://files.mcp.example.com/mcp", "http://192.0.2.1/mcp", "http://localhost.example.com/mcp", "http://127.0.0.1.example.com/mcp"} {
		if err := refusedAt(t, h, at, "files.write"); err == nil || !strings.Contains(err.Error(), "use https") {
			t.Errorf("%s: %v", at, err)
		}
	}
	s.wereAsked()
	if err := refusedAt(t, h, "https://files.mcp.example.com/mcp", "files.write"); err != nil {
		t.Error(err)
	}
	s.wereAsked("files.read files.write")
}

// TestATokenOfAnotherTypeIsNotSent as a bearer's: it would be worth nothing, or
// more than it was meant to be.
func TestATokenOfAnotherTypeIsNotSent(t *testing.T) {
	s := newStage(t)
	s.mu.Lock()
	s.human = func(r api.Request) {
		token := tokenOf("tok-1", r.Scopes)
		token.Type = "DPoP"
		s.takes("tok-1", r.Scopes...)
		s.desk.Grant(bridge.RequestID(r.ID), token)
	}
	s.mu.Unlock()
	h := s.handler()
	_, err := s.connect(t.Context(), h)
	if err == nil || !strings.Contains(err.Error(), `of type "DPoP"`) {
		t.Errorf("got %v", err)
	}
	silent(t, err, "tok-1")
	if source, err := h.TokenSource(t.Context()); source != nil || err != nil {
		t.Errorf("it is kept for the next call: %v, %v", source, err)
	}
}

// TestGivingUpLeavesTheRequest: it is gone on with, and not asked again.
func TestGivingUpLeavesTheRequest(t *testing.T) {
	s := newStage(t)
	ctx, cancel := context.WithCancel(t.Context())
	var open bridge.RequestID
	s.mu.Lock()
	s.human = func(r api.Request) { open = bridge.RequestID(r.ID); cancel() }
	s.mu.Unlock()
	h := s.handler()
	// If the SDK closes its connection first, only its words are left of the cause.
	_, err := s.connect(ctx, h)
	if err == nil || !errors.Is(err, context.Canceled) && !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Fatalf("got %v", err)
	}
	if r, err := s.client.Request(t.Context(), string(open), 0, 0); err != nil || r.State != api.Asked {
		t.Fatalf("the request is %s, %v", r.State, err)
	}
	s.takes("tok-1", "files.read")
	s.desk.Grant(open, tokenOf("tok-1", []string{"files.read"}))
	s.reads(s.connected(h))
	s.wereAsked("files.read")
	if asks := s.desk.Asks(); len(asks) != 1 {
		t.Errorf("the bridge was asked %d times", len(asks))
	}
}

// TestManyCallsAskOnce: however many are refused at the same time.
func TestManyCallsAskOnce(t *testing.T) {
	s := newStage(t)
	h := s.handler()
	errs := make(chan error)
	const calls = 8
	for range calls {
		go func() {
			_, err := s.connect(t.Context(), h)
			errs <- err
		}()
	}
	for range calls {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	s.wereAsked("files.read")
}

// TestHostileChallenges: what nobody could ask for is not asked.
func TestHostileChallenges(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header string
		says   string
	}{
		"403 without a challenge":       {403, "", "nobody was asked"},
		"403 of another kind":           {403, `Bearer error="invalid_request", scope="files.write"`, "nobody was asked"},
		"403 of another scheme":         {403, `Basic realm="x", scope="files.write"`, "nobody was asked"},
		"a scope that is none":          {403, "Bearer error=\"insufficient_scope\", scope=\"files\u00e9\"", "which is no scope"},
		"more scopes than one looks at": {403, `Bearer error="insufficient_scope", scope="` + manyScopes(60) + `"`, "60 scopes"},
		"what cannot be read":           {403, `"Bearer`, "nobody was asked"},
		"an endless challenge":          {403, `Bearer error="insufficient_scope", scope="` + strings.Repeat("x", 9<<10) + `"`, "nobody was asked"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.says(func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("WWW-Authenticate", c.header)
				}
				w.WriteHeader(c.status)
			})
			if _, err := s.connect(t.Context(), s.handler()); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			s.wereAsked()
		})
	}
}

func manyScopes(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("s%d", i))
	}
	return strings.Join(all, " ")
}

// TestTheChallengeNamesNoAddress: a server that points somewhere else with
// resource_metadata is not followed; RequireBearerToken sends one each time
// (see guard), and here something would hear of it.
func TestTheChallengeNamesNoAddress(t *testing.T) {
	lure := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was called", r.URL)
	}))
	defer lure.Close()
	s := newStage(t)
	s.says(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer resource_metadata=%q, authorization_uri=%q", lure.URL+"/meta", lure.URL+"/auth"))
		w.WriteHeader(http.StatusUnauthorized)
	})
	if _, err := s.connect(t.Context(), s.handler()); err == nil {
		t.Error("it was connected to")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) == 0 {
		t.Error("the challenge was not even read")
	}
}

// TestAnOverdueTokenIsReplaced without a human, as long as the grant holds.
func TestAnOverdueTokenIsReplaced(t *testing.T) {
	s := newStage(t)
	s.mu.Lock()
	s.human = func(r api.Request) {
		s.takes("tok-short", r.Scopes...)
		short := tokenOf("tok-short", r.Scopes)
		short.ExpiresAt = time.Now().Add(time.Second).UTC() // less than a call may take
		s.desk.Grant(bridge.RequestID(r.ID), short)
	}
	s.mu.Unlock()
	h := s.handler()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	refusal := &http.Response{StatusCode: http.StatusUnauthorized, Body: http.NoBody}
	if err := h.Authorize(t.Context(), req, refusal); err != nil {
		t.Fatal(err)
	}
	if src, err := h.TokenSource(t.Context()); src != nil || err != nil {
		t.Errorf("what is about to end is sent: %v, %v", src, err)
	}
	s.takes("tok-live", "files.read")
	s.desk.Serve(tokenOf("tok-live", []string{"files.read"}))
	s.reads(s.connected(h))
	s.wereAsked("files.read")
}
