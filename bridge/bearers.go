package bridge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A name in the configuration may pass to somebody else. What the one before
// gave, or was given, is not theirs. So the bridge remembers who bore each
// name, by what tells them apart, and counts the times that one has changed
// hands: whatever is older than that is nobody's any more.

// bearers is who bears the configured names. It is a value, and its maps are
// not changed: succeed makes others.
type bearers struct {
	Epoch    uint64            // counts the times that names changed hands
	Humans   map[string]bearer `json:",omitempty"`
	Agents   map[string]bearer `json:",omitempty"`
	Accounts map[string]bearer `json:",omitempty"` // of a human at an issuer
}

// bearer is who bears a name. Marks are hashes of what tells them apart, by
// what it is.
type bearer struct {
	Since uint64            `json:",omitempty"` // the epoch from which on the name is theirs
	Marks map[string]string `json:",omitempty"`
	Gone  bool              `json:",omitempty"` // nobody has the name now
}

// fit reports whether what was begun in an epoch is still between those who
// bear these names now; "" for a human stands for nobody yet.
func (b bearers) fit(epoch uint64, agent, human, issuer string) bool {
	return epoch >= b.Agents[agent].Since && epoch >= b.Humans[human].Since && epoch >= b.Accounts[account(human, issuer)].Since
}

// account names a human's account at an issuer.
func account(human, issuer string) string { return human + " " + issuer }

// isOf reports whether something of a time is an agent's, and not another's
// who had its name then.
func (b *Bridge) isOf(agent, owner string, epoch uint64) bool {
	return agent == owner && epoch >= b.setup.Load().bearers.Agents[agent].Since
}

// concerns reports whether a request is put to a human, or to a team of
// theirs, and was not put to another who had their name then.
func (b *Bridge) concerns(r Request, human string) bool {
	now := b.setup.Load()
	return now.dir.concerns(r, human) && r.Epoch >= now.bearers.Humans[human].Since
}

// heirs are the names that pass to somebody else, or to nobody.
type heirs struct {
	humans   []string
	agents   []string
	accounts []Pin // human and issuer
}

// String says in a line of the audit log what passes; "" = nothing.
func (h heirs) String() string {
	var all []string
	for _, name := range h.humans {
		all = append(all, "human "+name)
	}
	for _, name := range h.agents {
		all = append(all, "agent "+name)
	}
	for _, pin := range h.accounts {
		all = append(all, "the account of "+pin.Human+" at "+pin.Issuer)
	}
	if len(all) == 0 {
		return ""
	}
	return Clean("no longer who they were: "+strings.Join(all, ", "), maxHeirs)
}

// maxHeirs bounds that line.
const maxHeirs = 1000

// succeed returns who bears the names of a directory, after those who bore
// them before. pinned finds the subject that a human is tied to at an issuer,
// "" if none.
//
// Where something that tells somebody apart has changed, or is gone, the name
// is somebody else's. What is added where nothing was leaves it whose it is;
// but an account that is added where the human is tied to another one says
// that this other one is not theirs.
func (b bearers) succeed(dir *Directory, pinned func(human, issuer string) (string, error)) (bearers, heirs, error) {
	next, first := b.Epoch+1, b.Humans == nil
	after := bearers{Epoch: b.Epoch, Humans: map[string]bearer{}, Agents: map[string]bearer{}, Accounts: map[string]bearer{}}
	var heirs heirs
	var faults []error
	for name, h := range dir.Humans {
		after.Humans[name] = b.Humans[name].by(h.marks(), next)
		for issuer, given := range dir.accounts(h) {
			was := b.Accounts[account(name, issuer)]
			now := was.by(marks("account", given), next)
			subject, err := pinned(name, issuer)
			if faults = append(faults, err); !first && len(was.Marks) == 0 && subject != "" && subject != subjectOf(given) {
				now.Since = next
			}
			after.Accounts[account(name, issuer)] = now
		}
	}
	for name, a := range dir.Agents {
		after.Agents[name] = b.Agents[name].by(a.marks(), next)
	}
	for _, kind := range []struct{ was, now map[string]bearer }{{b.Humans, after.Humans}, {b.Agents, after.Agents}, {b.Accounts, after.Accounts}} {
		leave(kind.was, kind.now, next)
	}
	heirs.humans, heirs.agents = passed(after.Humans, next), passed(after.Agents, next)
	for _, name := range passed(after.Accounts, next) {
		human, issuer, _ := strings.Cut(name, " ")
		heirs.accounts = append(heirs.accounts, Pin{Human: human, Issuer: issuer})
	}
	if len(heirs.humans)+len(heirs.agents)+len(heirs.accounts) > 0 {
		after.Epoch = next
	}
	return after, heirs, errors.Join(faults...)
}

// by is who bears a name from now on: the same, or somebody else.
func (was bearer) by(marks map[string]string, next uint64) bearer {
	now := bearer{Since: was.Since, Marks: marks}
	for what, mark := range was.Marks {
		if marks[what] != mark {
			now.Since = next
		}
	}
	return now
}

// leave notes the names that nobody has any more. They stay known: who takes
// one later is somebody else.
func leave(was, now map[string]bearer, next uint64) {
	for name, last := range was {
		if _, still := now[name]; still {
			continue
		}
		if !last.Gone {
			last = bearer{Since: next, Gone: true}
		}
		now[name] = last
	}
}

// passed are the names that changed hands in an epoch.
func passed(all map[string]bearer, epoch uint64) []string {
	var names []string
	for name, b := range all {
		if b.Since == epoch {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// marks are what tells a human from others; accounts are apart, since each is
// of one issuer.
func (h Human) marks() map[string]string {
	return marks("email", strings.ToLower(h.Email), "slack", h.Slack, "discord", h.Discord)
}

// marks are what tells an agent from others. A key does not: it is replaced
// now and then, and whoever has it is the same agent as before.
func (a Agent) marks() map[string]string {
	if a.UID == nil {
		return nil
	}
	return marks("uid", strconv.FormatUint(uint64(*a.UID), 10))
}

// marks hashes what is not empty: a note is no place for addresses.
func marks(pairs ...string) map[string]string {
	all := map[string]string{}
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			sum := sha256.Sum256([]byte(pair[0] + " " + pair[1]))
			all[pair[0]] = hex.EncodeToString(sum[:16])
		}
	}
	return all
}

// accounts are the configured accounts of a human, by issuer: a provider may
// be called otherwise, and is the same.
func (d *Directory) accounts(h Human) map[string]string {
	all := map[string]string{}
	for name, given := range h.Accounts {
		if p, ok := d.Providers[name]; ok {
			name = p.Issuer
		}
		if subjectOf(given) == "" {
			given = strings.ToLower(given)
		}
		all[name] = given
	}
	return all
}

// subjectOf is the subject that an account is given by, "" for an e-mail.
func subjectOf(account string) string {
	for _, word := range []string{"sub:", "id:"} {
		if subject, ok := strings.CutPrefix(account, word); ok {
			return subject
		}
	}
	return ""
}

// bearersRoom and bearersKey are where the bearers are noted.
const (
	bearersRoom = "bridge"
	bearersKey  = "bearers"
)

// readBearers returns who bore the names when the last configuration was taken
// over; nobody did before the first.
func readBearers(tx ReadTx) (b bearers, err error) {
	text, err := tx.Note(bearersRoom, bearersKey, time.Now())
	if errors.Is(err, ErrNotFound) {
		return bearers{}, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		return bearers{}, fmt.Errorf("read who bore the configured names: %w", err)
	}
	return b, nil
}

// succession reads who bore the names before, and finds who bears those of a
// directory now.
func succession(tx ReadTx, dir *Directory) (was, now bearers, all heirs, err error) {
	if was, err = readBearers(tx); err != nil {
		return was, now, all, err
	}
	now, all, err = was.succeed(dir, func(human, issuer string) (string, error) {
		subject, err := tx.Pin(human, issuer)
		if errors.Is(err, ErrNotFound) {
			return "", nil
		}
		return subject, err
	})
	return was, now, all, err
}

// inherit notes who bears the names of a directory now, and forgets the pins
// of those who bore them before. The event says in the audit log that the
// directory is taken over.
func inherit(tx Tx, dir *Directory, event Kind) (bearers, error) {
	was, now, heirs, err := succession(tx, dir)
	if err != nil {
		return bearers{}, err
	}
	by, at := Actor{Kind: ByOperator}, time.Now()
	if err := unpinAll(tx, heirs, by, at); err != nil {
		return bearers{}, err
	}
	if err := untieAll(tx, heirs, by, at); err != nil {
		return bearers{}, err
	}
	line := between("", "", event, by, at)
	line.Detail = heirs.String()
	tx.Audit(line)
	if !now.equal(was) {
		text, err := json.Marshal(now)
		if err != nil {
			return bearers{}, fmt.Errorf("write who bears the configured names: %w", err)
		}
		tx.PutNote(bearersRoom, bearersKey, text, time.Time{})
	}
	return now, nil
}

// unpinAll forgets whose accounts those of the heirs were.
func unpinAll(tx Tx, heirs heirs, by Actor, at time.Time) error {
	pins := map[Pin]bool{}
	for _, human := range heirs.humans {
		for pin, err := range tx.Pins(human) {
			if err != nil && !errors.Is(err, ErrUnreadable) {
				return fmt.Errorf("read the pins of %s: %w", human, err)
			}
			if err == nil {
				pins[Pin{Human: human, Issuer: pin.Issuer}] = true
			}
		}
	}
	for _, pin := range heirs.accounts {
		if _, err := tx.Pin(pin.Human, pin.Issuer); !errors.Is(err, ErrNotFound) {
			pins[pin] = true
		}
	}
	for pin := range pins {
		unpin(tx, pin, by, at)
	}
	return nil
}

// untieAll forgets who the heirs were on chats.
func untieAll(tx Tx, heirs heirs, by Actor, at time.Time) error {
	for _, human := range heirs.humans {
		if _, err := untieHuman(tx, human, by, at); err != nil {
			return err
		}
	}
	return nil
}

func (b bearers) equal(other bearers) bool {
	same := func(x, y map[string]bearer) bool {
		return maps.EqualFunc(x, y, func(x, y bearer) bool { return x.Since == y.Since && x.Gone == y.Gone && maps.Equal(x.Marks, y.Marks) })
	}
	return b.Epoch == other.Epoch && same(b.Humans, other.Humans) && same(b.Agents, other.Agents) && same(b.Accounts, other.Accounts)
}
