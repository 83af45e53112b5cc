package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/authbridge/authbridge/bridge"
)

// Sealer seals secrets under a keyset. Each is bound to its name: under
// another name it does not open. It is safe for concurrent use.
type Sealer struct {
	aead   tink.AEAD
	prefix []byte // what all begins with that the primary key seals; empty = cannot be told
}

// prefixLen is the length of the prefix with which Tink marks what a key
// sealed: a byte and the id of the key, big endian.
const prefixLen = 5

// newSealer takes a keyset into use. Its errors tell nothing of the keys.
func newSealer(handle *keyset.Handle) (*Sealer, error) {
	primary, err := handle.Primary()
	if err != nil {
		return nil, errors.New("the keyset has no primary key")
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("the keyset holds no AEAD keys")
	}
	probe, err := primitive.Encrypt(nil, nil)
	if err != nil {
		return nil, errors.New("the primary key does not seal")
	}
	s := &Sealer{aead: primitive}
	if id := binary.BigEndian.AppendUint32(nil, primary.KeyID()); bytes.HasPrefix(probe[1:], id) {
		s.prefix = probe[:prefixLen] // a keyset may ask for no mark
	}
	return s, nil
}

// Seal encrypts a secret with the primary key, bound to its name.
func (s *Sealer) Seal(ref bridge.SecretRef, secret bridge.Secret) ([]byte, error) {
	sealed, err := s.aead.Encrypt([]byte(secret.Reveal()), []byte(ref))
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", ref, err)
	}
	return sealed, nil
}

// Open decrypts what Seal returned for the same name, with whichever key of
// the keyset sealed it. Anything else is ErrDamagedRecord.
func (s *Sealer) Open(ref bridge.SecretRef, sealed []byte) (bridge.Secret, error) {
	plain, err := s.aead.Decrypt(sealed, []byte(ref))
	if err != nil {
		return bridge.Secret{}, Fault(ErrDamagedRecord, fmt.Sprintf(
			"the sealed secret %s does not open: it was changed or moved, or its key was taken out of the keyset", ref))
	}
	return bridge.NewSecret(string(plain)), nil
}

// Current reports whether the primary key sealed this, as far as the keyset
// lets that be seen. What an older key sealed is sealed again before that key
// may go.
func (s *Sealer) Current(sealed []byte) bool { return bytes.HasPrefix(sealed, s.prefix) }
