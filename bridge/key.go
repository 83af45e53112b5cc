package bridge

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"time"
)

// A key is how an agent without a local user says who it is: the prefix, so
// that people and scanners know one when they see it, and 130 random bits. The
// configuration holds its hash. The hash has no salt and is quick, since
// nobody guesses a random key, and no two agents have the same.
const (
	KeyPrefix     = "abk_"
	KeyHashPrefix = "abh1$"
)

// KeyHash is the SHA-256 of an agent's key; the zero value is no key. It is no
// secret: nothing gets in with it.
type KeyHash [sha256.Size]byte

// ErrKeyHash is a text that is not the hash of a key.
var ErrKeyHash = errors.New("not the hash of a key: abh1$ and 43 letters, digits, - and _")

// NewKey draws a key. Nobody else has it, and the bridge forgets it.
func NewKey() (Secret, KeyHash) {
	key := NewSecret(KeyPrefix + rand.Text())
	return key, HashKey(key)
}

// HashKey returns the hash of a key, whatever it looks like.
func HashKey(key Secret) KeyHash { return sha256.Sum256([]byte(key.Reveal())) }

// ParseKeyHash reads what String writes, and nothing else. Its error is
// [ErrKeyHash] and says nothing of the text.
func ParseKeyHash(text string) (KeyHash, error) {
	coded, ok := strings.CutPrefix(text, KeyHashPrefix)
	plain, err := base64.RawURLEncoding.Strict().DecodeString(coded)
	if !ok || err != nil || len(plain) != sha256.Size || len(coded) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return KeyHash{}, ErrKeyHash
	}
	return KeyHash(plain), nil
}

// String returns the hash as it stands in the configuration.
func (h KeyHash) String() string {
	return KeyHashPrefix + base64.RawURLEncoding.EncodeToString(h[:])
}

// IsZero reports whether there is no key.
func (h KeyHash) IsZero() bool { return h == KeyHash{} }

// AgentByKey finds the agent that has a key. It takes as long whoever has it,
// and whether anybody does.
func (d *Directory) AgentByKey(key Secret) (found Agent, ok bool) {
	hash := HashKey(key)
	for _, a := range d.Agents {
		if subtle.ConstantTimeCompare(hash[:], a.KeyHash[:]) == 1 {
			found, ok = a, true
		}
	}
	return found, ok
}

// AgentByKey finds the agent that has a key.
func (b *Bridge) AgentByKey(key Secret) (Agent, bool) { return b.dir().AgentByKey(key) }

// DrawnKey is a key for an agent that nobody has yet.
type DrawnKey struct {
	Key     Secret
	Hash    KeyHash
	Known   bool // the agent is configured
	Renewed bool // it has a key already
}

// NewAgentKey draws a key for an agent, which need not be configured, once the
// audit log says so. The key is good when its hash stands in the configuration.
func (b *Bridge) NewAgentKey(ctx context.Context, agent string, by Actor) (DrawnKey, error) {
	if err := b.Audit(ctx, between(agent, "", AuditKeyMade, by, time.Now())); err != nil {
		return DrawnKey{}, err
	}
	key, hash := NewKey()
	now, known := b.dir().Agents[agent]
	return DrawnKey{Key: key, Hash: hash, Known: known, Renewed: !now.KeyHash.IsZero()}, nil
}
