package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// hostile stands before a scripted issuer and repeats every secret that it
// was sent or has given, wherever an answer has room for words. Which of its
// answers it spoils, and how, is in the scope that is asked for: the one that
// begins with "files." names one of the spites.
type hostile struct {
	world *world
	next  http.Handler // the issuer

	mu     sync.Mutex
	of     map[string]string   // the scope that a code or a token was given for
	knows  map[string][]string // the secrets that were seen under a scope
	played map[string]int      // how many answers were spoilt, by scope
}

// spite is one way to spoil the answers of an endpoint.
type spite struct {
	endpoint oauthtest.Endpoint
	times    int                        // so many answers, then no more; 0 = all
	write    func(secret string) string // the form in which secrets are repeated
	// say makes the answer; told is what is to be repeated, answer what the
	// issuer would have said.
	say func(told string, answer map[string]any) spoilt
}

// spoilt is an answer in place of the issuer's.
type spoilt struct {
	status int
	kind   string // content type
	header http.Header
	body   string
}

func newHostile(w *world, next http.Handler) *hostile {
	return &hostile{world: w, next: next, of: map[string]string{}, knows: map[string][]string{}, played: map[string]int{}}
}

// ServeHTTP answers as the issuer does, or out of spite.
func (h *hostile) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	sent, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(sent))
	form, _ := url.ParseQuery(string(sent))
	said := httptest.NewRecorder()
	h.next.ServeHTTP(said, r)
	var answer map[string]any
	_ = json.Unmarshal(said.Body.Bytes(), &answer)
	scope := h.learn(r, form, answer)
	if answer["id_token"] != nil && strings.HasPrefix(scope, "files.who-") { // so that the account is asked for
		delete(answer, "id_token")
		said.Body.Reset()
		_ = json.NewEncoder(said.Body).Encode(answer)
		said.Header().Del("Content-Length")
	}
	at := oauthtest.Endpoint(strings.TrimPrefix(r.URL.Path, "/"))
	if form.Has("refresh_token") {
		at = oauthtest.Refresh
	}
	if s, told, ok := h.spoil(scope, at); ok {
		a := s.say(told, answer)
		maps.Copy(out.Header(), a.header)
		out.Header().Set("Content-Type", a.kind)
		out.WriteHeader(a.status)
		_, _ = io.WriteString(out, a.body)
		return
	}
	maps.Copy(out.Header(), said.Header())
	out.WriteHeader(said.Code)
	_, _ = out.Write(said.Body.Bytes())
}

// learn notes the secrets of a call, and returns the scope that it is about.
func (h *hostile) learn(r *http.Request, form url.Values, answer map[string]any) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	scope := ""
	for word := range strings.FieldsSeq(form.Get("scope")) {
		if strings.HasPrefix(word, "files.") {
			scope = word
		}
	}
	for _, known := range []string{form.Get("device_code"), form.Get("refresh_token"), form.Get("token"), bearer} {
		if at := h.of[known]; scope == "" && known != "" {
			scope = at
		}
	}
	for name, kind := range map[string]string{
		"device_code": deviceCode, "user_code": userCode, "access_token": accessToken, "refresh_token": refreshToken, "id_token": idToken,
	} {
		if text, ok := answer[name].(string); ok && h.of[text] == "" {
			h.of[text] = scope
			h.knows[scope] = append(h.knows[scope], h.world.secret(text, kind))
		}
	}
	return scope
}

// spoil tells how this answer is to be spoilt, if it is.
func (h *hostile) spoil(scope string, at oauthtest.Endpoint) (s spite, told string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok = spites()[strings.TrimPrefix(scope, "files.")]
	if !ok || s.endpoint != at || s.times > 0 && h.played[scope] == s.times {
		return spite{}, "", false
	}
	var all []string
	for _, secret := range slices.Backward(append([]string{corpSecret}, h.knows[scope]...)) { // the last first: of long texts only the beginning may be told
		if at != oauthtest.Token && userCodes.MatchString(secret) {
			continue // it is not given yet, or spent: as good as any word
		}
		all = append(all, s.write(secret))
	}
	h.played[scope]++
	return s, strings.Join(all, " "), true
}

var userCodes = regexp.MustCompile(`^[A-Z]{4}-[A-Z]{4}$`)

// spoiled is how many answers about a scope were spoilt so far.
func (h *hostile) spoiled(scope string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.played[scope]
}

func inJSON(status int, members map[string]any) spoilt {
	text, _ := json.Marshal(members)
	return spoilt{status: status, kind: "application/json", body: string(text)}
}

// refusal is an OAuth error that says too much.
func refusal(status int, code string) func(string, map[string]any) spoilt {
	return func(told string, _ map[string]any) spoilt {
		a := inJSON(status, map[string]any{"error": code, "error_description": told, "error_uri": "https://x.test/?" + told, "echo": told})
		a.header = http.Header{"Www-Authenticate": {`Bearer error="x", error_description="` + told + `"`}, "X-Echo": {told}, "Set-Cookie": {"t=" + told}}
		return a
	}
}

// firstWord is the error itself, or whatever else has to be one word.
func firstWord(told string) string {
	word, _, _ := strings.Cut(strings.TrimPrefix(told, "Basic "), " ")
	return word
}

// with is the issuer's own answer with other members.
func with(name string, value func(told string) any) func(string, map[string]any) spoilt {
	return func(told string, answer map[string]any) spoilt {
		members := maps.Clone(answer)
		if members == nil {
			members = map[string]any{}
		}
		members[name] = value(told)
		return inJSON(http.StatusOK, members)
	}
}

func anyWord(told string) any  { return firstWord(told) }
func anyWords(told string) any { return told }

func page(status int) func(string, map[string]any) spoilt {
	return func(told string, _ map[string]any) spoilt {
		return spoilt{
			status: status, kind: "text/html", body: "<!doctype html><title>" + told + "</title><h1>" + html.EscapeString(told) + "</h1>",
			header: http.Header{"Retry-After": {told}, "Server": {told}},
		}
	}
}

func redirect(told string, _ map[string]any) spoilt {
	return spoilt{status: http.StatusFound, kind: "text/html", header: http.Header{"Location": {"https://login.evil.example/?t=" + url.QueryEscape(told)}}}
}

func malformed(kind, body string) func(string, map[string]any) spoilt {
	return func(told string, _ map[string]any) spoilt {
		return spoilt{status: http.StatusOK, kind: fmt.Sprintf(kind, firstWord(told)), body: fmt.Sprintf(body, told)}
	}
}

// forms are ways to write a secret that is repeated.
var forms = map[string]func(string) string{
	"url":    url.QueryEscape,
	"html":   html.EscapeString,
	"base64": func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) },
	"basic": func(text string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte("authbridge:"+text))
	},
	"hex": func(text string) string { return hex.EncodeToString([]byte(text)) },
	"HEX": func(text string) string { return strings.ToUpper(hex.EncodeToString([]byte(text))) },
}

// spites are all that a provider may do that wants to have its secrets told.
var spites = sync.OnceValue(func() map[string]spite {
	all := map[string]spite{}
	for name, s := range plainSpites {
		s.write = func(text string) string { return text }
		all[name] = s
	}
	for form, write := range forms {
		all["device-error-"+form] = spite{oauthtest.Device, 0, write, refusal(400, "invalid_scope")}
		all["poll-lost-"+form] = spite{oauthtest.Token, 0, write, refusal(400, "invalid_grant")}
		all["poll-strange-"+form] = spite{oauthtest.Token, 0, write, strange}
		all["refresh-lost-"+form] = spite{oauthtest.Refresh, 0, write, refusal(400, "invalid_grant")}
		all["revoke-error-"+form] = spite{oauthtest.Revocation, 0, write, refusal(400, "invalid_request")}
	}
	return all
})

// strange is a refusal in one word that says too much.
func strange(told string, _ map[string]any) spoilt { return refusal(400, firstWord(told))(told, nil) }

var plainSpites = map[string]spite{
	"none": {},

	"device-error":    {oauthtest.Device, 0, nil, refusal(400, "invalid_scope")},
	"device-client":   {oauthtest.Device, 0, nil, refusal(401, "invalid_client")},
	"device-page":     {oauthtest.Device, 1, nil, page(500)},
	"device-web":      {oauthtest.Device, 0, nil, page(200)},
	"device-away":     {oauthtest.Device, 0, nil, redirect},
	"device-garbage":  {oauthtest.Device, 0, nil, malformed("application/json", `{"device_code": %s`)},
	"device-kind":     {oauthtest.Device, 0, nil, malformed("text/%s", `%s`)},
	"device-expires":  {oauthtest.Device, 0, nil, with("expires_in", anyWord)},
	"device-interval": {oauthtest.Device, 0, nil, with("interval", anyWord)},
	"device-address":  {oauthtest.Device, 0, nil, with("verification_uri", func(told string) any { return "https://evil.example/" + firstWord(told) })},
	"device-complete": {oauthtest.Device, 0, nil, with("verification_uri_complete", func(told string) any { return "https://evil.example/" + firstWord(told) })},
	"device-code":     {oauthtest.Device, 0, nil, with("device_code", func(string) any { return 7 })},

	"poll-pending":  {oauthtest.Token, 1, nil, refusal(400, "authorization_pending")},
	"poll-slow":     {oauthtest.Token, 1, nil, refusal(400, "slow_down")},
	"poll-denied":   {oauthtest.Token, 0, nil, refusal(400, "access_denied")},
	"poll-lost":     {oauthtest.Token, 0, nil, refusal(400, "invalid_grant")},
	"poll-client":   {oauthtest.Token, 0, nil, refusal(401, "invalid_client")},
	"poll-strange":  {oauthtest.Token, 0, nil, strange},
	"poll-page":     {oauthtest.Token, 1, nil, page(503)},
	"poll-web":      {oauthtest.Token, 1, nil, page(200)},
	"poll-away":     {oauthtest.Token, 1, nil, redirect},
	"poll-garbage":  {oauthtest.Token, 1, nil, malformed("application/json", `{"access_token": "%s", x`)},
	"poll-trailing": {oauthtest.Token, 1, nil, malformed("application/json", `{"error":"authorization_pending"} %s`)},
	"poll-kind":     {oauthtest.Token, 1, nil, malformed("text/%s; charset=x", `%s`)},
	"poll-200":      {oauthtest.Token, 1, nil, refusal(200, "server_error")},

	"token-type":    {oauthtest.Token, 0, nil, with("token_type", anyWord)},
	"token-expires": {oauthtest.Token, 0, nil, with("expires_in", anyWord)},
	"token-id":      {oauthtest.Token, 0, nil, with("id_token", anyWord)},
	"token-id-two":  {oauthtest.Token, 0, nil, with("id_token", func(told string) any { return "e30." + firstWord(told) + ".e30" })},
	"token-extra":   {oauthtest.Token, 0, nil, with("echo", anyWords)},

	"who-error":   {oauthtest.Userinfo, 0, nil, refusal(401, "invalid_token")},
	"who-page":    {oauthtest.Userinfo, 1, nil, page(500)},
	"who-away":    {oauthtest.Userinfo, 1, nil, redirect},
	"who-garbage": {oauthtest.Userinfo, 1, nil, malformed("application/json", `{"sub": "%s`)},
	"who-kind":    {oauthtest.Userinfo, 1, nil, malformed("application/%s", `%s`)},

	"refresh-lost":    {oauthtest.Refresh, 0, nil, refusal(400, "invalid_grant")},
	"refresh-client":  {oauthtest.Refresh, 0, nil, refusal(401, "invalid_client")},
	"refresh-busy":    {oauthtest.Refresh, 1, nil, refusal(503, "temporarily_unavailable")},
	"refresh-page":    {oauthtest.Refresh, 1, nil, page(200)},
	"refresh-away":    {oauthtest.Refresh, 1, nil, redirect},
	"refresh-garbage": {oauthtest.Refresh, 1, nil, malformed("application/json", `{"access_token": "%s", x`)},
	"refresh-scope":   {oauthtest.Refresh, 0, nil, with("scope", anyWord)},
	"refresh-other":   {oauthtest.Refresh, 0, nil, with("id_token", func(told string) any { return "e30." + firstWord(told) + ".e30" })},
	"refresh-well":    {oauthtest.Refresh, 0, nil, with("echo", anyWords)},

	"revoke-error":   {oauthtest.Revocation, 0, nil, refusal(400, "unsupported_token_type")},
	"revoke-client":  {oauthtest.Revocation, 0, nil, refusal(401, "invalid_client")},
	"revoke-busy":    {oauthtest.Revocation, 1, nil, refusal(503, "temporarily_unavailable")},
	"revoke-page":    {oauthtest.Revocation, 1, nil, page(200)},
	"revoke-away":    {oauthtest.Revocation, 1, nil, redirect},
	"revoke-garbage": {oauthtest.Revocation, 1, nil, malformed("application/json", `{"error": %s`)},
}
