package oauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/authbridge/authbridge/bridge"
)

// What a code's times are when the provider leaves them out, and how far
// they are believed.
const (
	assumedLifetime = 5 * time.Minute
	longestLifetime = 30 * time.Minute
	assumedInterval = 5 * time.Second // RFC 8628, section 3.2
)

// Begin implements [bridge.Provider]: a device authorization request (RFC
// 8628, section 3.1), authenticated as a token request would be.
func (p *Provider) Begin(ctx context.Context, ask bridge.CodeRequest) (bridge.Code, error) {
	md, err := p.discover(ctx)
	if err != nil {
		return bridge.Code{}, err
	}
	if err := md.offersDeviceGrant(); err != nil {
		return bridge.Code{}, err
	}
	ask.Scopes = md.with(ask)
	if p.profile.OmitResource {
		ask.Resource = ""
	}
	if err := md.takes(ask.Details.Types()); err != nil {
		return bridge.Code{}, err
	}
	if p.profile.NeedsScope && len(ask.Scopes) == 0 {
		return bridge.Code{}, refuse(bridge.OutcomeProviderError,
			"the provider gives no code without scopes; the operator has to set scopes of the bridge's own, or default_scopes, for it")
	}
	f, verifier := p.deviceRequest(ask), bridge.Secret{}
	if p.profile.PKCE {
		verifier = bridge.NewSecret(oauth2.GenerateVerifier())
		f.add("code_challenge", oauth2.S256ChallengeFromVerifier(verifier.Reveal()))
		f.add("code_challenge_method", "S256")
	}
	answer, err := p.post(ctx, md.Device, f)
	if err != nil {
		return bridge.Code{}, hopeless(err)
	}
	code, err := p.readCode(answer)
	if err != nil {
		return bridge.Code{}, err
	}
	code.TokenEndpoint, code.Scopes, code.Details, code.Resource, code.Verifier = md.Token, ask.Scopes, ask.Details, ask.Resource, verifier
	return code, nil
}

// with are the scopes to ask for: those of ours that the issuer lists, and what
// is asked for.
func (md *metadata) with(ask bridge.CodeRequest) []string {
	var scopes []string
	for _, s := range ask.Own {
		if slices.Contains(md.Scopes, s) && !slices.Contains(ask.Scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return append(scopes, ask.Scopes...)
}

// takes refuses types of authorization details that the issuer does not list
// (RFC 9396, section 10). One that lists none at all may take any.
func (md *metadata) takes(types []string) error {
	for _, kind := range types {
		if md.DetailTypes != nil && !slices.Contains(md.DetailTypes, kind) {
			return refuse(bridge.OutcomeProviderError,
				"the provider takes no authorization details of the type %q; its metadata lists those that it takes under authorization_details_types_supported", kind)
		}
	}
	return nil
}

// deviceRequest is what a device authorization request says, but for who we
// are.
func (p *Provider) deviceRequest(ask bridge.CodeRequest) *form {
	f := p.newForm()
	if kind := p.profile.Dialect.ResponseType; kind != "" {
		f.add("response_type", kind)
	}
	if len(ask.Scopes) > 0 {
		f.add("scope", strings.Join(ask.Scopes, " "))
	}
	if ask.Resource != "" {
		f.add("resource", ask.Resource)
	}
	if ask.Details != "" { // RFC 9396, section 3
		f.add("authorization_details", string(ask.Details))
	}
	for _, name := range slices.Sorted(maps.Keys(p.profile.Parameters)) {
		f.add(name, p.profile.Parameters[name])
	}
	return f
}

// readCode reads the answer to a device authorization request (RFC 8628,
// section 3.2). Errors are found at any status, also 200.
func (p *Provider) readCode(answer reply) (bridge.Code, error) {
	if answer.busy() {
		return bridge.Code{}, answer.later(nil)
	}
	m, err := p.read(answer)
	switch {
	case m.text("error") != "":
		return bridge.Code{}, p.rejected(answer, m)
	case err == nil && !answer.ok():
		err = errors.New("the provider refused without saying why")
	}
	if err != nil {
		return bridge.Code{}, refuse(bridge.OutcomeProviderError, "%v (HTTP %d)", err, answer.status)
	}
	return p.vetCode(m)
}

// rejected turns an OAuth error into a fault or a refusal.
func (p *Provider) rejected(answer reply, m members) error {
	said, outcome := m.complaint(p.secret), bridge.OutcomeProviderError
	code := m.text("error")
	switch code {
	case "slow_down", "temporarily_unavailable", "server_error", "rate_limit_exceeded":
		return answer.later(errors.New(said))
	case "unauthorized_client", "device_flow_disabled":
		outcome = bridge.OutcomeDeviceGrantBlocked
	case "unsupported_grant_type":
		outcome = bridge.OutcomeDeviceGrantUnsupported
	}
	if advice := p.blockedBy(m); advice != "" {
		return &bridge.Refusal{Outcome: bridge.OutcomeDeviceGrantBlocked, Cause: said + "; " + advice, Err: blocked(advice)}
	}
	return &bridge.Refusal{Outcome: outcome, Cause: said, Err: oauthError(code)}
}

// blockedBy says what the operator can do about an error by which the profile
// knows that the grant is there and forbidden; "" = it knows nothing of it.
func (p *Provider) blockedBy(m members) string {
	said := m.text("error_description")
	for _, block := range p.profile.Blocks {
		if strings.Contains(said, block.Word) {
			return block.Advice
		}
	}
	return ""
}

// vetCode returns a code that is safe to show, or a refusal: then nothing of
// the answer is shown.
func (p *Provider) vetCode(m members) (bridge.Code, error) {
	link := m.text("verification_uri")
	if link == "" {
		link = m.text("verification_url") // Google, and Entra's first version
	}
	code := bridge.Code{
		DeviceCode:              m.secret("device_code"),
		UserCode:                m.secret("user_code"),
		VerificationURI:         link,
		VerificationURIComplete: m.secret("verification_uri_complete"),
	}
	if err := p.vetContent(code); err != nil {
		return bridge.Code{}, err
	}
	if p.profile.PlainLink {
		code.VerificationURIComplete = bridge.Secret{}
	}
	var err error
	if code.Lifetime, code.Interval, err = times(m); err != nil {
		return bridge.Code{}, refuse(bridge.OutcomeProviderError, "%v", err)
	}
	return code, nil
}

func (p *Provider) vetContent(code bridge.Code) error {
	switch {
	case code.DeviceCode.IsZero():
		return refuse(bridge.OutcomeProviderError, "the provider's answer lacks device_code")
	case code.UserCode.IsZero():
		return refuse(bridge.OutcomeProviderError, "the provider's answer lacks user_code")
	case code.VerificationURI == "":
		return refuse(bridge.OutcomeProviderError, "the provider's answer lacks verification_uri")
	}
	if err := vetUserCode(code.UserCode.Reveal()); err != nil {
		return refuse(bridge.OutcomeProviderError, "the provider's user code is not fit to be shown: %v", err)
	}
	if err := p.vetLink(code.VerificationURI); err != nil {
		return refuse(bridge.OutcomeProviderError, "the provider's verification address is not to be trusted: %v", err)
	}
	if code.VerificationURIComplete.IsZero() {
		return nil
	}
	if err := p.vetLink(code.VerificationURIComplete.Reveal()); err != nil {
		return refuse(bridge.OutcomeProviderError, "the provider's complete verification address is not to be trusted: %v", err)
	}
	return nil
}

// times returns how long the code lives and how often it may be polled.
func times(m members) (lifetime, interval time.Duration, err error) {
	lifetime, given, err := m.seconds("expires_in")
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("the provider's expires_in is %w", err)
	case !given:
		lifetime = assumedLifetime
	case lifetime <= 0:
		return 0, 0, errors.New("the provider's code was over before it began (expires_in)")
	}
	lifetime = min(lifetime, longestLifetime)
	interval, _, err = m.seconds("interval")
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("the provider's interval is %w", err)
	case interval <= 0:
		interval = assumedInterval
	}
	return lifetime, min(interval, lifetime), nil
}
