package oauth

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

var (
	errPage    = errors.New("the provider answered with a web page instead of JSON")
	errEmpty   = errors.New("the provider's answer is empty")
	errGarbage = errors.New("the provider's answer is not JSON")
)

// reply is one HTTP answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// post sends a form as our client.
func (p *Provider) post(ctx context.Context, endpoint string, f *form) (reply, error) {
	r, body, err := p.posting(ctx, endpoint, f)
	if err != nil {
		return reply{}, err
	}
	r.Body, r.GetBody = newBody(body), func() (io.ReadCloser, error) { return newBody(body), nil }
	return p.call(ctx, r)
}

// posting dresses a form as our client (RFC 6749, section 2.3.1; RFC 7523,
// section 2.2). The secret goes into the header or the form, never both. The body is left to be put
// into the request.
func (p *Provider) posting(ctx context.Context, endpoint string, f *form) (*http.Request, string, error) {
	at, err := p.endpoint(endpoint)
	if err != nil {
		return nil, "", err
	}
	if p.method != AuthBasic {
		f.add("client_id", p.id)
	}
	switch p.method {
	case AuthPost:
		f.add("client_secret", p.secret.Reveal())
	case AuthKey:
		proof, err := p.proof(ctx)
		if err != nil {
			return nil, "", &bridge.Unavailable{Err: fmt.Errorf("prove who we are: %w", err)}
		}
		f.add("client_assertion_type", assertionType)
		f.add("client_assertion", proof)
	}
	header := http.Header{"Content-Type": {f.kind()}}
	if p.method == AuthBasic {
		header["Authorization"] = p.basic()
	}
	body := f.body()
	return &http.Request{
		Method: http.MethodPost, URL: at, Host: at.Host, Header: header, ContentLength: int64(len(body)),
	}, body, nil
}

// proof is a fresh one that it is us.
func (p *Provider) proof(ctx context.Context) (string, error) {
	key, err := p.keyOf(ctx)
	if err != nil {
		return "", err
	}
	return key.assertion(p.id, p.proveTo, time.Now())
}

// basic is our client under HTTP Basic (RFC 6749, section 2.3.1).
func (p *Provider) basic() []string {
	proof := url.QueryEscape(p.id) + ":" + url.QueryEscape(p.secret.Reveal())
	return []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(proof))}
}

// delete names an access token to be deleted, as our client.
func (p *Provider) delete(ctx context.Context, address string, token bridge.Secret) (reply, error) {
	at, err := p.network.parse(address)
	if err != nil {
		return reply{}, err
	}
	body, err := json.Marshal(map[string]string{"access_token": token.Reveal()})
	if err != nil {
		return reply{}, errGarbage
	}
	return p.call(ctx, &http.Request{
		Method: http.MethodDelete, URL: at, Host: at.Host, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}, "Authorization": p.basic()},
		Body:   newBody(string(body)),
	})
}

func newBody(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }

// get fetches JSON; a bearer token is sent unless it is empty.
func (p *Provider) get(ctx context.Context, endpoint string, bearer bridge.Secret) (reply, error) {
	at, err := p.endpoint(endpoint)
	if err != nil {
		return reply{}, err
	}
	header := http.Header{}
	if !bearer.IsZero() {
		header["Authorization"] = []string{"Bearer " + bearer.Reveal()}
	}
	return p.call(ctx, &http.Request{Method: http.MethodGet, URL: at, Host: at.Host, Header: header})
}

// endpoint reads and vets an address, but for the one that was read last:
// that is the token endpoint of a hundred thousand polls. Whatever the
// address, the gate vets each call again, and the dialer each connection.
func (p *Provider) endpoint(raw string) (*url.URL, error) {
	if last := p.lastEndpoint.Load(); last != nil && last.raw == raw {
		return last.read, nil
	}
	read, err := p.network.parse(raw)
	if err != nil {
		return nil, err
	}
	p.lastEndpoint.Store(&endpoint{raw, read})
	return read, nil
}

// endpoint is an address and how it reads; nobody changes either.
type endpoint struct {
	raw  string
	read *url.URL
}

// call makes one request, of which it does not matter whether it was carried
// out: every error of it is a *bridge.Unavailable.
func (p *Provider) call(ctx context.Context, r *http.Request) (reply, error) {
	answer, err := p.exchange(ctx, p.gate, r)
	if err != nil {
		return reply{}, &bridge.Unavailable{Err: err}
	}
	return answer, nil
}

// exchange makes one request by way of a gate. Every error of it is a
// *brokenCall; where the answer breaks off after its header, the reply tells
// that much.
func (p *Provider) exchange(ctx context.Context, way gate, r *http.Request) (reply, error) {
	return exchange(ctx, way, p.patience, r)
}

// exchange goes straight to the gate: of what [http.Client.Do] does on the
// way, redirects and the bound in time are seen to here and in the gate, and
// cookies and a referrer are nothing we want.
func exchange(ctx context.Context, way gate, patience time.Duration, r *http.Request) (reply, error) {
	r.Header["Accept"], r.Header["User-Agent"] = []string{"application/json"}, []string{"authbridge"}
	if end, bounded := ctx.Deadline(); !bounded || time.Until(end) > patience {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	answer, err := way.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return reply{}, broken(r.URL, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		err = errors.Join(errLarge, err)
	}
	if err != nil {
		return reply{status: answer.StatusCode, header: answer.Header}, broken(r.URL, err)
	}
	return reply{answer.StatusCode, answer.Header, body}, nil
}

// brokenCall says in safe words why a call came to nothing. What lies under
// it may quote what the server sent, so it answers to errors.Is but is not
// handed out.
type brokenCall struct {
	words string
	cause error
}

func (b *brokenCall) Error() string        { return b.words }
func (b *brokenCall) Is(target error) bool { return errors.Is(b.cause, target) }

func broken(at *url.URL, err error) *brokenCall {
	return &brokenCall{fmt.Sprintf("no answer from %s: %s", at.Host, reason(err)), err}
}

func reason(err error) string {
	var (
		refused *tls.CertificateVerificationError
		lookup  *net.DNSError
		dial    *net.OpError
		large   *http.MaxBytesError
		banned  forbidden
		lost    astray
		timeout net.Error
	)
	switch {
	case errors.As(err, &lost):
		return lost.Error()
	case errors.Is(err, errRedirect):
		return errRedirect.Error()
	case errors.As(err, &banned):
		return banned.Error()
	case errors.Is(err, context.Canceled):
		return "the call was given up"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "it took too long"
	case errors.As(err, &large):
		return errLarge.Error()
	case errors.As(err, &refused):
		return refused.Error()
	case errors.As(err, &lookup):
		return lookup.Error()
	case errors.As(err, &dial):
		return dial.Error()
	}
	return "the connection broke"
}

// hopeless turns a broken call that no repetition mends into a refusal.
func hopeless(err error) error {
	if errors.Is(err, errRedirect) || errors.Is(err, errForbidden) || errors.Is(err, errLarge) {
		return &bridge.Refusal{Outcome: bridge.OutcomeProviderError, Cause: err.Error(), Err: err}
	}
	return err
}

// busy reports whether the server asks to come back later.
func (r reply) busy() bool {
	return r.status >= 500 || r.status == http.StatusTooManyRequests || r.status == http.StatusRequestTimeout
}

// ok reports success, in whichever of its numbers.
func (r reply) ok() bool { return r.status >= 200 && r.status <= 299 }

// later is the fault of a server that cannot say now.
func (r reply) later(why error) error {
	if why == nil {
		why = fmt.Errorf("the provider cannot answer now (HTTP %d)", r.status)
	}
	return &bridge.Unavailable{RetryAfter: r.retryAfter(), Err: why}
}

// retryAfter reads Retry-After (RFC 9110, section 10.2.3): seconds or a
// date; at most a day.
func (r reply) retryAfter() time.Duration {
	const longest = 24 * time.Hour
	value := r.header.Get("Retry-After")
	var wait time.Duration
	if n, err := strconv.ParseUint(value, 10, 64); err == nil {
		wait = time.Duration(min(n, uint64(longest/time.Second))) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = time.Until(at)
	}
	return min(max(wait, 0), longest)
}

// isPage reports whether the body is meant for a browser. A body that looks
// like JSON is JSON, whatever the server calls it.
func (r reply) isPage() bool {
	body := r.trimmed()
	if len(body) == 0 || body[0] == '{' {
		return false
	}
	return body[0] == '<' || r.mediaType() == "text/html"
}

func (r reply) mediaType() string {
	kind, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	return kind
}

func (r reply) trimmed() []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(r.body, []byte("\xef\xbb\xbf")))
}

// isForm reports whether the body is a form, as GitHub answers.
func (r reply) isForm() bool {
	body := r.trimmed()
	if len(body) == 0 || body[0] == '{' || body[0] == '<' {
		return false
	}
	kind := r.mediaType()
	return kind == "application/x-www-form-urlencoded" || kind == "text/plain" || kind == ""
}

// members reads a JSON object or a form.
func (r reply) members() (members, error) {
	if !r.isForm() {
		return r.object()
	}
	form, err := url.ParseQuery(string(r.trimmed()))
	if err != nil {
		return nil, errGarbage
	}
	found := members{}
	for name := range form {
		found[name] = form.Get(name)
	}
	return found, nil
}

// object reads a JSON object and nothing else.
func (r reply) object() (members, error) {
	body := r.trimmed()
	switch {
	case len(body) == 0:
		return nil, errEmpty
	case r.isPage():
		return nil, errPage
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var found members
	if err := decoder.Decode(&found); err != nil || found == nil {
		return nil, errGarbage
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errGarbage
	}
	return found, nil
}
