package oauth

import (
	"crypto/tls"
	"errors"
	"net/http"
)

// AuthTLS is the method of a client that proves itself with a certificate
// (RFC 8705, section 2.1).
const AuthTLS = "tls_client_auth"

// aliases are where a server that asks callers for certificates wants those
// that have one (RFC 8705, section 5).
type aliases struct {
	Device     string `json:"device_authorization_endpoint"`
	Token      string `json:"token_endpoint"`
	Revocation string `json:"revocation_endpoint"`
	Userinfo   string `json:"userinfo_endpoint"`
}

// showing returns a gate to the same places that shows a certificate there. Its
// connections are its own: what a certificate was shown on is nobody else's.
func (g gate) showing(own tls.Certificate) (gate, error) {
	shared, ok := g.next.(*http.Transport)
	if !ok {
		return gate{}, errors.New("its certificate cannot be shown: the HTTP client is not one that could")
	}
	apart := shared.Clone()
	if apart.TLSClientConfig == nil {
		apart.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	apart.TLSClientConfig.Certificates = []tls.Certificate{own}
	return gate{g.policy, apart}, nil
}

// forCertificates takes the endpoints that are for callers with a certificate,
// as far as the server has such.
func (md *metadata) forCertificates() {
	for at, alias := range map[*string]string{
		&md.Device: md.Aliases.Device, &md.Token: md.Aliases.Token,
		&md.Revocation: md.Aliases.Revocation, &md.Userinfo: md.Aliases.Userinfo,
	} {
		if alias != "" {
			*at = alias
		}
	}
}
