package bridge

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// LinkCode ties, within ten minutes and once, the chat account of whoever
// types it to a human.
type LinkCode struct {
	Human   string
	Code    Secret // eight characters of Crockford's base 32
	Expires time.Time
}

// ErrLinkCode means that a one-time code is wrong, used, or too old.
var ErrLinkCode = errors.New("the code is wrong, used or too old")

// TooManyTries is the error of whoever has tried too often what can be
// guessed. What they typed was not looked at.
type TooManyTries struct {
	Until time.Time // they may try again then
}

// Error says until when.
func (e *TooManyTries) Error() string {
	return "tried too often; again after " + e.Until.UTC().Format("15:04") + " UTC"
}

// Link ties a user of a chat to the human for whom the operator had a code
// made (authbridge human link), and returns that human. A tie that the human
// had on this chat gives way. A code that does not hold is [ErrLinkCode], and
// the fifth of them in ten minutes makes every further try of this user a
// [*TooManyTries]. A user who is somebody else's is [ErrTied], and so is every
// user if the configuration names the human's. The code is used up only when
// it ties. The caller has made sure that the user is no guest, no bot and of
// the right workspace.
func (b *Bridge) Link(ctx context.Context, channel string, user Address, code string) (human string, err error) {
	if err := b.spent(ctx, linkTries(channel, user), linkWrong); err != nil {
		return "", fmt.Errorf("link a user of %s: %w", capital(channel), err)
	}
	var verdict error // a wrong code changes something, too: how often this user has tried
	err = b.changeTies(ctx, func(tx Tx, now *setup) error {
		human, verdict = "", nil
		tries, err := triesOf(tx, linkTries(channel, user))
		if err != nil {
			return err
		}
		if verdict = tries.exhausted(linkWrong); verdict != nil {
			return nil
		}
		offer, err := b.offered(tx, now, code)
		if errors.Is(err, ErrLinkCode) {
			verdict = err
			line := AuditLine{Time: stored(time.Now()), Event: AuditLinkRefused}
			tx.Audit(line.by(Actor{Kind: ByHuman, Channel: channel, User: string(user)}))
			return tries.once(tx)
		}
		if err != nil {
			return err
		}
		human = offer.Human
		if err := now.tie(tx, b.newTie(channel, user, human, TiedByLink), true); err != nil {
			return err
		}
		tx.DeleteNote(linksRoom, codeKey(code))
		tx.DeleteNote(linksRoom, offer.humanKey())
		return nil
	})
	if err = errors.Join(err, verdict); err != nil {
		return "", fmt.Errorf("link a user of %s: %w", capital(channel), err)
	}
	b.outOfGroups() // another user may have been theirs
	return human, nil
}

// Chats returns the chats in which a human can tie their account: those that
// the bridge is connected to, where the configuration does not name it.
// Somebody who is not configured is [ErrNotFound].
func (b *Bridge) Chats(human string) ([]string, error) {
	now := b.setup.Load().given
	h, there := now.Humans[human]
	if !there {
		return nil, ErrNotFound
	}
	var all []string
	for _, channel := range chats {
		if slices.Contains(now.Channels, channel) && h.idOn(channel) == "" {
			all = append(all, channel)
		}
	}
	return all, nil
}

// ChatAddress returns where a human is written to on a chat, for its messenger;
// "" = nowhere. Somebody who is not configured is [ErrNotFound].
func (b *Bridge) ChatAddress(human, channel string) (Address, error) {
	h, there := b.setup.Load().dir.Humans[human]
	if !there {
		return "", ErrNotFound
	}
	return h.on(channel), nil
}

// NewLinkCode makes a code for a human, in place of the one that was made for
// them before. Somebody who is not configured is [ErrNotFound].
func (b *Bridge) NewLinkCode(ctx context.Context, human string, by Actor) (LinkCode, error) {
	code := newLinkCode()
	var made LinkCode
	err := b.store.Update(ctx, func(tx Tx) error {
		mark, known := b.Bearer(human)
		if !known {
			return ErrNotFound
		}
		now := stored(time.Now())
		made = LinkCode{Human: human, Code: NewSecret(shownLinkCode(code)), Expires: now.Add(linkLife)}
		offer := linkOffer{Human: human, Mark: mark, Code: codeKey(code)}
		if err := offer.replace(tx); err != nil {
			return err
		}
		text, err := json.Marshal(offer)
		if err != nil {
			return fmt.Errorf("write a code: %w", err)
		}
		tx.PutNote(linksRoom, offer.Code, text, made.Expires)
		tx.PutNote(linksRoom, offer.humanKey(), text, made.Expires)
		tx.Audit(between("", human, AuditLinkCodeMade, by, now))
		return nil
	})
	if err != nil {
		return LinkCode{}, fmt.Errorf("make a code for a human: %w", err)
	}
	return made, nil
}

const (
	linkLife   = 10 * time.Minute
	linkLength = 8
	linkWrong  = 5 // wrong codes of one user within triesWithin
)

// linksRoom is where codes are noted, by their hash, and under their human.
const linksRoom = "links"

// linkOffer is a code as it is noted.
type linkOffer struct {
	Human string `json:"human"`
	Mark  string `json:"mark"` // of who bears the name
	Code  string `json:"code"` // its key
}

func (o linkOffer) humanKey() string { return "human/" + o.Human }

// replace voids the code that was made for the human before.
func (o linkOffer) replace(tx Tx) error {
	old, err := offerAt(tx, o.humanKey())
	if err == nil {
		tx.DeleteNote(linksRoom, old.Code)
	}
	if errors.Is(err, ErrLinkCode) {
		return nil
	}
	return err
}

// offered finds what a code was made for.
func (b *Bridge) offered(tx ReadTx, now *setup, code string) (linkOffer, error) {
	offer, err := offerAt(tx, codeKey(code))
	if _, there := now.given.Humans[offer.Human]; err == nil && (!there || offer.Mark != now.mark(offer.Human, b.putBack.Load())) {
		return linkOffer{}, ErrLinkCode
	}
	return offer, err
}

func offerAt(tx ReadTx, key string) (o linkOffer, err error) {
	text, err := tx.Note(linksRoom, key, time.Now())
	if errors.Is(err, ErrNotFound) || err == nil && json.Unmarshal(text, &o) != nil {
		return linkOffer{}, ErrLinkCode
	}
	return o, err
}

// crockford are digits that people do not take for each other.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func newLinkCode() string {
	var b [linkLength]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	for i := range b {
		b[i] = crockford[b[i]%byte(len(crockford))]
	}
	return string(b[:])
}

// shownLinkCode is a code in the form in which people read it.
func shownLinkCode(code string) string { return code[:linkLength/2] + "-" + code[linkLength/2:] }

// misread undoes what people make of a code when they type it.
func misread() *strings.Replacer {
	return strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1")
}

func codeKey(typed string) string {
	sum := sha256.Sum256([]byte("link " + misread().Replace(strings.ToUpper(typed))))
	return "code/" + hex.EncodeToString(sum[:])
}

func linkTries(channel string, user Address) string { return "link/" + channel + "/" + string(user) }

// tries are when somebody last tried what can be guessed, within triesWithin.
type tries struct {
	key string
	at  []time.Time
}

// triesWithin is how long a try counts, and triesRoom where it is noted.
const (
	triesWithin = 10 * time.Minute
	triesRoom   = "tries"
)

// triesOf returns those that still count. A note that cannot be read counts
// for nothing, and the next try writes it anew.
func triesOf(tx ReadTx, key string) (tries, error) {
	now := time.Now()
	all := tries{key: key}
	text, err := tx.Note(triesRoom, key, now)
	if errors.Is(err, ErrNotFound) || err == nil && json.Unmarshal(text, &all.at) != nil {
		return tries{key: key}, nil
	}
	all.at = slices.DeleteFunc(all.at, func(at time.Time) bool { return now.Sub(at) >= triesWithin })
	return all, err
}

// exhausted is a [*TooManyTries] after so many of them.
func (t tries) exhausted(most int) error {
	if len(t.at) < most {
		return nil
	}
	return &TooManyTries{Until: t.at[len(t.at)-most].Add(triesWithin)}
}

// spent is a [*TooManyTries] if somebody has tried too often already. It writes
// nothing: who goes on trying is not to keep the store busy.
func (b *Bridge) spent(ctx context.Context, key string, most int) (err error) {
	var limit error
	err = b.store.View(ctx, func(tx ReadTx) error {
		tries, err := triesOf(tx, key)
		limit = tries.exhausted(most)
		return err
	})
	return errors.Join(err, limit)
}

// once notes another one.
func (t tries) once(tx Tx) error {
	now := stored(time.Now())
	text, err := json.Marshal(append(t.at, now))
	if err != nil {
		return fmt.Errorf("write how often somebody has tried: %w", err)
	}
	tx.PutNote(triesRoom, t.key, text, now.Add(triesWithin))
	return nil
}
