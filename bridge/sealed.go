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

func packCode(c Code) Secret {
	return pack(sealedCode{
		c.DeviceCode.Reveal(), c.UserCode.Reveal(), c.VerificationURI, c.VerificationURIComplete.Reveal(),
		c.Lifetime, c.Interval, c.TokenEndpoint, c.Scopes, c.Resource,
	})
}

func unpackCode(s Secret) (Code, error) {
	var c sealedCode
	if err := unpack(s, &c); err != nil {
		return Code{}, fmt.Errorf("read the sealed code: %w", err)
	}
	return Code{
		NewSecret(c.DeviceCode), NewSecret(c.UserCode), c.URI, NewSecret(c.Complete),
		c.Lifetime, c.Interval, c.TokenEndpoint, c.Scopes, c.Resource,
	}, nil
}

func packTokens(t Tokens, received time.Time) Secret {
	return pack(sealedTokens{
		t.Access.Reveal(), t.Refresh.Reveal(), t.ID.Reveal(), t.Type, t.Scopes, t.ExpiresAt, received.UTC(),
	})
}

func unpackTokens(s Secret) (tokens Tokens, received time.Time, err error) {
	var t sealedTokens
	if err := unpack(s, &t); err != nil {
		return Tokens{}, time.Time{}, fmt.Errorf("read the sealed tokens: %w", err)
	}
	return Tokens{
		NewSecret(t.Access), NewSecret(t.Refresh), NewSecret(t.ID), t.Type, t.Scopes, t.ExpiresAt,
	}, t.Received, nil
}

// pack cannot fail: its two shapes are strings, times and numbers.
func pack(v any) Secret {
	plain, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("bridge: pack %T: %v", v, err))
	}
	return NewSecret(string(plain))
}

func unpack(s Secret, v any) error {
	if err := json.Unmarshal([]byte(s.Reveal()), v); err != nil {
		return errors.New("its form is unknown") // the decoder's own words could quote the secret
	}
	return nil
}
