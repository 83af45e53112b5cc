package oauth

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// Poll implements [bridge.Provider]: one token request (RFC 8628, section
// 3.4) with the client authentication that Begin used.
//
// It is our own request and not one of golang.org/x/oauth2, because the
// answer to it comes only once: that library drops a granted token when
// expires_in is "3600.0" or the JSON is labelled text/plain, sends an empty
// code parameter along, and reports an answer cut short without its status.
func (p *Provider) Poll(ctx context.Context, code bridge.Code) (bridge.Answer, error) {
	if _, err := p.endpoint(code.TokenEndpoint); err != nil {
		return bridge.Answer{}, fmt.Errorf("token endpoint: %w", err)
	}
	f := p.newForm()
	f.add("grant_type", p.grant())
	f.add("device_code", code.DeviceCode.Reveal())
	if code.Resource != "" {
		f.add("resource", code.Resource)
	}
	if !code.Verifier.IsZero() {
		f.add("code_verifier", code.Verifier.Reveal())
	}
	answer, err := p.post(ctx, code.TokenEndpoint, f)
	if err != nil {
		return bridge.Answer{}, err
	}
	if last := p.lastPending.Load(); last != nil && last.same(answer) {
		return bridge.Answer{Verdict: bridge.PollPending}, nil
	}
	read, err := p.readAnswer(answer, code)
	if err == nil && read.Verdict == bridge.PollPending && read.RetryAfter == 0 && len(answer.body) <= maxPending {
		p.lastPending.Store(&answer)
	}
	return read, err
}

// maxPending is how long an answer may be, in bytes, that is kept to know the
// next one by: nearly all answers are authorization_pending, and with most
// providers the same to the letter, so that reading one of them is enough.
const maxPending = 1 << 10

// same reports whether two answers cannot but mean the same.
func (r *reply) same(other reply) bool {
	return r.status == other.status && bytes.Equal(r.body, other.body) &&
		r.header.Get("Content-Type") == other.header.Get("Content-Type") &&
		r.header.Get("Retry-After") == other.header.Get("Retry-After")
}

// readAnswer tells apart what was answered and what is not known. Providers
// put OAuth errors under many statuses; only those that ask to come back
// later outweigh the words, and slow_down outweighs 429 (Auth0).
func (p *Provider) readAnswer(answer reply, code bridge.Code) (bridge.Answer, error) {
	m, err := p.read(answer)
	word := m.text("error")
	switch {
	case answer.busy() && (answer.status >= 500 || word != "slow_down"):
		return bridge.Answer{}, answer.later(nil)
	case err != nil:
		return bridge.Answer{}, answer.later(err)
	case word != "":
		return p.verdict(answer, m, code), nil
	case !answer.ok():
		return bridge.Answer{}, answer.later(errors.New("the provider refused without saying why"))
	case m.text("access_token") == "":
		return bridge.Answer{}, answer.later(errors.New("the provider's answer lacks access_token"))
	}
	return bridge.Answer{Verdict: bridge.PollGranted, Tokens: p.tokens(m, code)}, nil
}

// verdict reads an OAuth error (RFC 8628, section 3.5) in the several names
// that providers have for it.
func (p *Provider) verdict(answer reply, m members, code bridge.Code) bridge.Answer {
	switch m.text("error") {
	case "authorization_pending":
		return bridge.Answer{Verdict: bridge.PollPending, RetryAfter: notBefore(answer)}
	case "slow_down":
		return bridge.Answer{Verdict: bridge.PollSlowDown, Interval: namedInterval(answer, m), RetryAfter: notBefore(answer)}
	}
	if advice := p.blockedBy(m); advice != "" {
		return bridge.Answer{
			Verdict: bridge.PollFailed, Outcome: bridge.OutcomeDeviceGrantBlocked,
			Cause: p.pollComplaint(m, code) + "; " + advice,
		}
	}
	return p.ended(m, code)
}

// ended reads an error after which there is nothing to poll for.
func (p *Provider) ended(m members, code bridge.Code) bridge.Answer {
	switch m.text("error") {
	case "access_denied", "authorization_declined":
		return bridge.Answer{Verdict: bridge.PollDenied}
	case "expired_token", "token_expired", "code_expired":
		return bridge.Answer{Verdict: bridge.PollLapsed}
	case "invalid_grant", "bad_verification_code", "incorrect_device_code":
		return bridge.Answer{Verdict: bridge.PollLost}
	case "unauthorized_client":
		return bridge.Answer{Verdict: bridge.PollFailed, Outcome: bridge.OutcomeDeviceGrantBlocked, Cause: p.pollComplaint(m, code)}
	}
	return bridge.Answer{Verdict: bridge.PollFailed, Cause: p.pollComplaint(m, code)}
}

func (p *Provider) pollComplaint(m members, code bridge.Code) string {
	return m.complaint(p.secret, code.DeviceCode, code.UserCode)
}

// namedInterval is the interval in a slow_down (GitHub), else its
// Retry-After (Auth0), else 0. It is bounded as a first one would be.
func namedInterval(answer reply, m members) time.Duration {
	interval, _, err := m.seconds("interval")
	if err != nil || interval <= 0 {
		interval = answer.retryAfter()
	}
	return min(interval, longestLifetime)
}

// notBefore is the Retry-After that some providers send with an answer that
// asks for patience, bounded as an interval.
func notBefore(answer reply) time.Duration { return min(answer.retryAfter(), longestLifetime) }

// tokens reads a successful answer (RFC 6749, section 5.1).
func (p *Provider) tokens(m members, code bridge.Code) bridge.Tokens {
	scopes := m.scopes("scope")
	for i, theirs := range scopes {
		scopes[i] = cmp.Or(p.profile.Dialect.Scopes[theirs], theirs)
	}
	if len(scopes) == 0 {
		scopes = slices.Clone(code.Scopes)
	}
	return bridge.Tokens{
		Access:    m.secret("access_token"),
		Refresh:   m.secret("refresh_token"),
		ID:        m.secret("id_token"),
		Type:      tokenType(m.text("token_type")),
		Scopes:    scopes,
		Details:   m.details(code.Details),
		ExpiresAt: expiry(m),
	}
}

// tokenType writes the known types in their own spelling and leaves other
// words as they are.
func tokenType(said string) string {
	switch strings.ToLower(said) {
	case "", "bearer":
		return "Bearer"
	case "dpop":
		return "DPoP"
	}
	return clean(said, 30)
}

// expiry is zero where the provider does not tell one that makes sense: the
// token itself is good.
func expiry(m members) time.Time {
	life, _, err := m.seconds("expires_in")
	if err != nil || life <= 0 {
		return time.Time{}
	}
	return time.Now().Add(life)
}
