package bridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// sealedCode and sealedTokens are the plain forms of what is sealed: the only
// places where secrets are written out, and only into a Secret again.
type sealedCode struct {
	Number        int
	Provider      string
	Issuer        string
	ClientID      string
	LapsesAt      time.Time
	DeviceCode    string
	UserCode      string
	URI           string
	Complete      string `json:",omitempty"`
	Lifetime      time.Duration
	Interval      time.Duration
	TokenEndpoint string
	Scopes        []string `json:",omitempty"`
	Resource      string   `json:",omitempty"`
}

type sealedTokens struct {
	Access    string
	Refresh   string `json:",omitempty"`
	ID        string `json:",omitempty"`
	Type      string
	Scopes    []string `json:",omitempty"`
	ExpiresAt time.Time
	Received  time.Time
}

// liveCode is a code with all that a poll needs to know of its request, so
// that a poll reads nothing else.
type liveCode struct {
	Code
	Number   int    // of the codes of its request
	Target   Target // where it was made
	LapsesAt time.Time
}

func packCode(c liveCode) Secret {
	return seal(sealedCode{
		c.Number, c.Target.Provider, c.Target.Issuer, c.Target.ClientID, c.LapsesAt,
		c.DeviceCode.Reveal(), c.UserCode.Reveal(), c.VerificationURI, c.VerificationURIComplete.Reveal(),
		c.Lifetime, c.Interval, c.TokenEndpoint, c.Scopes, c.Resource,
	})
}

func unpackCode(s Secret) (liveCode, error) {
	var c sealedCode
	if err := unseal(s, &c); err != nil {
		return liveCode{}, fmt.Errorf("read the sealed code: %w", err)
	}
	return liveCode{
		Code: Code{
			NewSecret(c.DeviceCode), NewSecret(c.UserCode), c.URI, NewSecret(c.Complete),
			c.Lifetime, c.Interval, c.TokenEndpoint, c.Scopes, c.Resource,
		},
		Number: c.Number, LapsesAt: c.LapsesAt,
		Target: Target{Provider: c.Provider, Issuer: c.Issuer, ClientID: c.ClientID, Resource: c.Resource},
	}, nil
}

func packTokens(t Tokens, received time.Time) Secret {
	return seal(sealedTokens{
		t.Access.Reveal(), t.Refresh.Reveal(), t.ID.Reveal(), t.Type, t.Scopes, t.ExpiresAt, received.UTC(),
	})
}

func unpackTokens(s Secret) (tokens Tokens, received time.Time, err error) {
	var t sealedTokens
	if err := unseal(s, &t); err != nil {
		return Tokens{}, time.Time{}, fmt.Errorf("read the sealed tokens: %w", err)
	}
	return Tokens{
		NewSecret(t.Access), NewSecret(t.Refresh), NewSecret(t.ID), t.Type, t.Scopes, t.ExpiresAt,
	}, t.Received, nil
}

// seal cannot fail: its two shapes are strings, times and numbers.
func seal(v any) Secret {
	plain, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("bridge: seal %T: %v", v, err))
	}
	return NewSecret(string(plain))
}

func unseal(s Secret, v any) error {
	if err := json.Unmarshal([]byte(s.Reveal()), v); err != nil {
		return errors.New("its form is unknown") // the decoder's own words could quote the secret
	}
	return nil
}
