package oauth_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

// exchange is one HTTP request that a provider expects, member by member, and
// its answer.
type exchange struct {
	Method        string            `json:"method"` // "" = POST
	URL           string            `json:"url"`
	Authorization string            `json:"authorization"` // "Basic id:secret" or "Bearer …"; "" = none
	Form          map[string]string `json:"form"`
	JSON          map[string]string `json:"json"`

	Status  int               `json:"status"` // 0 = 200
	Headers map[string]string `json:"headers"`
	Answer  json.RawMessage   `json:"answer"` // JSON; a text is sent as it is
}

// script is a provider that expects what is written, in that order, and
// nothing else. ID_TOKEN and JWKS in its answers stand for a signed token and
// the key to it.
type script struct {
	t       *testing.T
	left    []exchange
	replace *strings.Replacer
}

// scriptKey signs with what all of them sign with.
var scriptKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newScript(t *testing.T, claims map[string]any) *script {
	t.Helper()
	s := &script{t: t, replace: strings.NewReplacer()}
	if claims == nil {
		return s
	}
	private := jose.JSONWebKey{Key: must(scriptKey())(t), KeyID: "1", Algorithm: "RS256", Use: "sig"}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{private.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	s.replace = strings.NewReplacer("ID_TOKEN", signed(t, private, claims), `"JWKS"`, string(set))
	return s
}

// signed is an id_token that is valid for an hour.
func signed(t *testing.T, key jose.JSONWebKey, claims map[string]any) string {
	t.Helper()
	all := map[string]any{"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(all, claims)
	payload, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := token.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (s *script) client() *http.Client { return &http.Client{Transport: s} }

func (s *script) expect(next []exchange) { s.left = next }

// done reports the exchanges that did not come.
func (s *script) done(after string) {
	s.t.Helper()
	for _, missing := range s.left {
		s.t.Errorf("after %s the provider still expects %s %s", after, missing.method(), missing.URL)
	}
}

func (e exchange) method() string {
	if e.Method == "" {
		return http.MethodPost
	}
	return e.Method
}

// RoundTrip implements [http.RoundTripper].
func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.t.Helper()
	if len(s.left) == 0 {
		s.t.Errorf("the provider expects nothing, and is asked %s %s", r.Method, r.URL)
		return reply(r, http.StatusInternalServerError, nil, "{}"), nil
	}
	next := s.left[0]
	s.left = s.left[1:]
	s.compare(next, r)
	body := string(next.Answer)
	var text string
	if json.Unmarshal(next.Answer, &text) == nil && text != "JWKS" {
		body = text
	}
	status := next.Status
	if status == 0 {
		status = http.StatusOK
	}
	return reply(r, status, next.Headers, s.replace.Replace(body)), nil
}

func reply(r *http.Request, status int, headers map[string]string, body string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for name, value := range headers {
		h.Set(name, value)
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// compare holds a request to what is written, to the letter.
func (s *script) compare(want exchange, r *http.Request) {
	s.t.Helper()
	got := exchange{Method: r.Method, URL: r.URL.String(), Authorization: authorization(r)}
	sent := []byte{}
	if r.Body != nil {
		sent, _ = io.ReadAll(r.Body)
	}
	switch kind := r.Header.Get("Content-Type"); kind {
	case "":
		if len(sent) > 0 {
			s.t.Errorf("%s has a body and does not say of what kind", r.URL)
		}
	case "application/json":
		decoder := json.NewDecoder(bytes.NewReader(sent))
		if err := decoder.Decode(&got.JSON); err != nil {
			s.t.Errorf("%s is sent no object of texts: %v", r.URL, err)
		}
	case "application/x-www-form-urlencoded":
		got.Form = s.form(r, string(sent))
	default:
		s.t.Errorf("%s is sent %s", r.URL, kind)
	}
	if accept := r.Header.Get("Accept"); accept != "application/json" && got.Authorization+r.Method != http.MethodGet { // keys are fetched by a library
		s.t.Errorf("%s is asked for %q", r.URL, accept)
	}
	want.Method, want.Status, want.Headers, want.Answer = want.method(), 0, nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("the request is not as the provider wants it (-want +got):\n%s", diff)
	}
}

// form reads a form in which no member may come twice or be empty.
func (s *script) form(r *http.Request, sent string) map[string]string {
	s.t.Helper()
	all, err := url.ParseQuery(sent)
	if err != nil {
		s.t.Errorf("%s is sent no form: %v", r.URL, err)
	}
	form := map[string]string{}
	for name, values := range all {
		if len(values) != 1 || values[0] == "" {
			s.t.Errorf("%s is sent %s as %q", r.URL, name, values)
		}
		form[name] = values[0]
	}
	return form
}

// authorization writes HTTP Basic so that it can be read.
func authorization(r *http.Request) string {
	said := r.Header.Get("Authorization")
	if coded, basic := strings.CutPrefix(said, "Basic "); basic {
		plain, err := base64.StdEncoding.DecodeString(coded)
		if err == nil {
			return "Basic " + string(plain)
		}
	}
	return said
}
