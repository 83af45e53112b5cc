package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/authbridge/authbridge/bridge"
)

// AuthKey is the method of a client that proves itself with a key of its own:
// private_key_jwt (OpenID Connect Core 1.0, section 9; RFC 7523).
const AuthKey = "private_key_jwt"

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertionLife = time.Minute
)

// ClientKey is the private key of a client. The zero value is none.
type ClientKey struct {
	signer jose.Signer
	public jose.JSONWebKey
}

// IsZero reports whether there is no key.
func (k ClientKey) IsZero() bool { return k.signer == nil }

// NewClientKey makes a key for ES256, and returns it with its PEM, to be kept.
func NewClientKey() (ClientKey, bridge.Secret, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return ClientKey{}, bridge.Secret{}, fmt.Errorf("make a client key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return ClientKey{}, bridge.Secret{}, fmt.Errorf("write a client key: %w", err)
	}
	text := bridge.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	key, err := ReadClientKey(text, "")
	return key, text, err
}

// ReadClientKey reads a private key in PEM (PKCS #8, or the older forms of EC
// and RSA): EC on P-256, P-384 or P-521, Ed25519, or RSA of at least 2048 bits.
// The provider knows it by an id; "" means its thumbprint (RFC 7638). Its errors
// tell nothing of the key.
func ReadClientKey(text bridge.Secret, id string) (ClientKey, error) {
	block, _ := pem.Decode([]byte(text.Reveal()))
	if block == nil {
		return ClientKey{}, errors.New("it is no private key in PEM")
	}
	private, err := parsePrivateKey(block)
	if err != nil {
		return ClientKey{}, err
	}
	algorithm, err := algorithmOf(private)
	if err != nil {
		return ClientKey{}, err
	}
	public := jose.JSONWebKey{Key: private.Public(), KeyID: id, Algorithm: string(algorithm), Use: "sig"}
	if id == "" {
		sum, err := public.Thumbprint(crypto.SHA256)
		if err != nil {
			return ClientKey{}, errors.New("it is no private key that can be used")
		}
		public.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: private, KeyID: public.KeyID}},
		(&jose.SignerOptions{}).WithType("JWT"),
	)
	if err != nil {
		return ClientKey{}, errors.New("it is no private key that can be used")
	}
	return ClientKey{signer, public}, nil
}

func parsePrivateKey(block *pem.Block) (crypto.Signer, error) {
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
		return nil, errors.New("it is a key that does not sign")
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if block.Headers["Proc-Type"] != "" || block.Type == "ENCRYPTED PRIVATE KEY" {
		return nil, errors.New("it is locked with a passphrase; keep it without one, readable by the bridge alone")
	}
	return nil, errors.New("it is no private key in PEM")
}

// algorithmOf is how a key signs (RFC 7518, section 3.1; RFC 8037).
func algorithmOf(key crypto.Signer) (jose.SignatureAlgorithm, error) {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		switch key.Curve {
		case elliptic.P256():
			return jose.ES256, nil
		case elliptic.P384():
			return jose.ES384, nil
		case elliptic.P521():
			return jose.ES512, nil
		}
	case ed25519.PrivateKey:
		return jose.EdDSA, nil
	case *rsa.PrivateKey:
		if key.N.BitLen() < 2048 {
			return "", errors.New("it is an RSA key of less than 2048 bits")
		}
		return jose.RS256, nil
	}
	return "", errors.New("it is a key of a kind that is not used here; make an EC key on P-256")
}

// assertion is a fresh proof for a client (RFC 7523, section 3): good for a
// minute, and once.
func (k ClientKey) assertion(client, audience string, now time.Time) (string, error) {
	claims := jwt.Claims{
		Issuer: client, Subject: client, Audience: jwt.Audience{audience}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(assertionLife)),
	}
	return jwt.Signed(k.signer).Claims(claims).Serialize()
}

// set is the public key as a client's jwks (RFC 7591, section 2).
func (k ClientKey) set() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.public}}
}
