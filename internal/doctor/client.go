package doctor

import (
	"context"
	"crypto/tls"
	"fmt"

	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/oauth"
)

// Client is our client at a configured provider, as the daemon makes it too: but
// for the network, both speak as the same one. It calls nobody.
func Client(p config.Provider) (oauth.Config, error) {
	ours := oauth.Config{
		Profile: p.Profile, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, AuthMethod: string(p.AuthMethod),
	}
	switch p.AuthMethod {
	case config.AuthKey:
		key, err := oauth.ReadClientKey(p.Proof.KeyPEM, p.Proof.KeyID)
		if err != nil {
			return oauth.Config{}, fmt.Errorf("client_key: %s: %w", p.Proof.Key, err)
		}
		ours.KeyOf = func(context.Context) (oauth.ClientKey, error) { return key, nil }
	case config.AuthTLS:
		pair, err := tls.X509KeyPair(p.Proof.CertPEM, []byte(p.Proof.CertKeyPEM.Reveal()))
		if err != nil {
			return oauth.Config{}, fmt.Errorf("client_certificate: %s: %w", p.Proof.Cert, err)
		}
		ours.Certificate = &pair
	case config.AuthNone, config.AuthBasic, config.AuthPost:
	}
	return ours, nil
}
