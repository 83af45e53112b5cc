package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Who somebody is on a chat: by the configuration, else by a tie. A tie is
// between one user of a chat and one human; each has at most one there. It
// counts for as long as the human's name is theirs, and a configured id of the
// human on that chat takes its place.

// Tie is who a human is on a chat, where the configuration does not say it.
type Tie struct {
	Channel string    `json:"channel"`
	User    Address   `json:"user"`
	Human   string    `json:"human"`
	How     TieHow    `json:"how"`
	Since   time.Time `json:"since"`
	Mark    string    `json:"mark"` // of who bore the name then, as [Bridge.Bearer]
}

// TieHow is how the bridge came to know.
type TieHow string

// How the bridge comes to know.
const (
	TiedByEmail TieHow = "email" // the chat vouches for the human's configured e-mail
	TiedByLink  TieHow = "link"  // they typed a one-time code of the operator's
)

// ErrTied means that a user of a chat is somebody else's, or that the human is
// another user there: one user is one human's, and a human is one user.
var ErrTied = errors.New("the chat account is tied otherwise")

// mailto begins the address of a human of whom no more than an e-mail is known
// on a chat: the messenger finds the user whose confirmed e-mail it is, and
// ties them with [Bridge.TieByEmail] before it sends anything.
const mailto = "mailto:"

// HumanAt returns the configured name of the human who a user of a chat is. A
// user who is nobody here is [ErrNotFound]. That the platform itself says who
// the user is, is for the caller to have made sure of.
func (b *Bridge) HumanAt(_ context.Context, channel string, user Address) (human string, err error) {
	human, known := b.setup.Load().people[chatUser{channel, user}]
	if !known {
		return "", fmt.Errorf("find out who a user of %s is: %w", capital(channel), ErrNotFound)
	}
	return human, nil
}

// TieByEmail ties a user of a chat to the human whose configured e-mail they
// have, and returns that human. The caller, a messenger, has made sure that
// the platform vouches for the e-mail, and that the user is no guest, no bot
// and of the right workspace. The first one stays: a user who is somebody
// else's, and a human who is another user there, are [ErrTied]. An e-mail of
// nobody who is to be reached on this chat is [ErrNotFound].
func (b *Bridge) TieByEmail(ctx context.Context, channel, email string, user Address) (human string, err error) {
	if _, known := b.setup.Load().given.byEmail(channel, email); !known { // whoever presses a button may be nobody
		return "", fmt.Errorf("tie a user of %s: nobody is looked for by this e-mail: %w", capital(channel), ErrNotFound)
	}
	err = b.changeTies(ctx, func(tx Tx, now *setup) error {
		h, known := now.given.byEmail(channel, email)
		if !known {
			return ErrNotFound
		}
		human = h.Name
		return now.tie(tx, b.newTie(channel, user, h.Name, TiedByEmail), false)
	})
	if err != nil {
		return "", fmt.Errorf("tie a user of %s to the human with their e-mail: %w", capital(channel), err)
	}
	return human, nil
}

// UnlinkChat unties a user from the human whom they were tied to: they are
// nobody here any more. Who the configuration names is [ErrTied], and nobody's
// user [ErrNotFound]. The caller has made sure that it is they who ask.
func (b *Bridge) UnlinkChat(ctx context.Context, channel string, user Address) (human string, err error) {
	err = b.changeTies(ctx, func(tx Tx, now *setup) error {
		at := chatUser{channel, user}
		t, tied := now.ties[at]
		if !tied {
			if _, named := now.people[at]; named {
				return ErrTied
			}
			return ErrNotFound
		}
		human = t.Human
		untie(tx, t, Actor{Kind: ByHuman, Name: t.Human, Channel: channel, User: string(user)}, stored(time.Now()))
		now.ties = maps.Clone(now.ties)
		delete(now.ties, at)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("untie a user of %s: %w", capital(channel), err)
	}
	b.outOfGroups() // they may have been in one
	return human, nil
}

// byEmail finds the human who is to be found on a chat by an e-mail.
func (d *Directory) byEmail(channel, email string) (Human, bool) {
	for _, h := range d.Humans {
		if h.Email != "" && sameAddress(h.Email, email) {
			return h, byMail(channel) && h.idOn(channel) == "" && (len(h.Via) == 0 || slices.Contains(h.Via, channel))
		}
	}
	return Human{}, false
}

// chatUser is a user of a chat.
type chatUser struct {
	channel string
	user    Address
}

func (t Tie) account() chatUser { return chatUser{t.Channel, t.User} }

func (b *Bridge) newTie(channel string, user Address, human string, how TieHow) Tie {
	mark, _ := b.Bearer(human)
	return Tie{Channel: channel, User: user, Human: human, How: how, Since: stored(time.Now()), Mark: mark}
}

// changeTies changes ties, and has the bridge go by them from then on.
func (b *Bridge) changeTies(ctx context.Context, change func(Tx, *setup) error) error {
	return b.replace(ctx, func(tx Tx, now *setup) (*setup, error) {
		after := *now
		return &after, change(tx, &after)
	})
}

// tie binds a user to a human. What binds either of them otherwise is ErrTied;
// with instead, another tie of the human on that chat gives way.
func (s *setup) tie(tx Tx, t Tie, instead bool) error {
	owner, taken := s.people[t.account()]
	if taken && owner == t.Human {
		return nil
	}
	id := s.dir.Humans[t.Human].idOn(t.Channel)
	old, tied := s.ties[chatUser{t.Channel, id}]
	if taken || t.User == "" || id != "" && (!tied || !instead) {
		return ErrTied
	}
	s.ties = maps.Clone(s.ties)
	if tied {
		untie(tx, old, Actor{Kind: ByBridge}, t.Since)
		delete(s.ties, old.account())
	}
	text, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("write a tie: %w", err)
	}
	tx.PutNote(tiesRoom, t.userKey(), text, time.Time{})
	tx.PutNote(tiesRoom, t.humanKey(), text, time.Time{})
	tx.Audit(t.audited(AuditTied, Actor{Kind: ByHuman, Name: t.Human, Channel: t.Channel, User: string(t.User)}, t.Since))
	s.ties[t.account()] = t
	return nil
}

// untie forgets a tie.
func untie(tx Tx, t Tie, by Actor, at time.Time) {
	tx.DeleteNote(tiesRoom, t.userKey())
	tx.DeleteNote(tiesRoom, t.humanKey())
	tx.Audit(t.audited(AuditUntied, by, at))
}

func (t Tie) audited(event Kind, by Actor, at time.Time) AuditLine {
	line := between("", t.Human, event, by, at)
	line.Channel, line.PlatformUser, line.Detail = t.Channel, string(t.User), "by "+string(t.How)
	return line
}

// tiesRoom is where ties are noted: each under its user and under its human.
const tiesRoom = "ties"

func (t Tie) userKey() string  { return "user/" + t.Channel + "/" + string(t.User) }
func (t Tie) humanKey() string { return tieKey(t.Human, t.Channel) }

func tieKey(human, channel string) string { return "human/" + channel + "/" + human }

// chats are the channels on which humans are users of a platform.
var chats = [...]string{"slack", "discord"}

// readTies returns the ties of the humans of a directory. One that cannot be
// read is as if it were not there: its human is tied anew.
func readTies(tx ReadTx, dir *Directory) (map[chatUser]Tie, error) {
	all := map[chatUser]Tie{}
	for name := range dir.Humans {
		for _, channel := range chats {
			t, err := readTie(tx, name, channel)
			switch {
			case errors.Is(err, ErrNotFound), errors.Is(err, ErrUnreadable):
			case err != nil:
				return nil, err
			default:
				all[t.account()] = t
			}
		}
	}
	return all, nil
}

// readTie returns the tie of a human on a chat. It has to be found by its user
// too: else that user has since been tied to somebody else.
func readTie(tx ReadTx, human, channel string) (Tie, error) {
	t, err := tieAt(tx, tieKey(human, channel))
	if err != nil {
		return Tie{}, err
	}
	other, err := tieAt(tx, t.userKey())
	if err == nil && other.Human != human {
		err = ErrNotFound
	}
	return t, err
}

func tieAt(tx ReadTx, key string) (t Tie, err error) {
	text, err := tx.Note(tiesRoom, key, time.Now())
	if err != nil {
		return Tie{}, fmt.Errorf("read a tie: %w", err)
	}
	if json.Unmarshal(text, &t) != nil || t.User == "" {
		return Tie{}, fmt.Errorf("read a tie: %w", ErrUnreadable)
	}
	return t, nil
}

// byMail reports whether a chat finds people by an e-mail that it has confirmed.
func byMail(channel string) bool { return channel == "slack" }

// on is where a human is reached on a channel; "" = nowhere. Nobody is looked
// for by their e-mail on a chat that is not among their ways.
func (h Human) on(channel string) Address {
	id := h.idOn(channel)
	if id == "" && h.Email != "" && byMail(channel) && slices.Contains(h.Via, channel) {
		return mailto + Address(h.Email)
	}
	return id
}

// reach is where a surface of the human is reached now, "" = not any more: its
// address is not theirs. A card that is not posted yet follows them from their
// e-mail to the user that they turn out to be.
func (h Human) reach(s Surface) Address {
	now := h.on(s.Channel)
	if s.To == now || s.Ref == "" && h.Email != "" && s.To == mailto+Address(h.Email) {
		return now
	}
	return ""
}

// arrived is where a surface was reached by a post that has just come through.
// The messenger tied the user to whom it brought the card, if it had no more
// than an e-mail; if they are not tied so any more, the card is in the hands of
// somebody whom nothing more is to be brought to.
func (s *setup) arrived(human string, at Surface) Address {
	user := s.dir.Humans[human].idOn(at.Channel)
	if t, tied := s.ties[chatUser{at.Channel, user}]; tied && t.How == TiedByEmail && at.To == mailto+Address(s.given.Humans[human].Email) {
		return user
	}
	return at.To
}

// idOn is the human's id on a chat, "" = none is known.
func (h Human) idOn(channel string) Address {
	switch channel {
	case "slack":
		return Address(h.Slack)
	case "discord":
		return Address(h.Discord)
	}
	return ""
}

// withID is the human with an id on a chat.
func (h Human) withID(channel string, user Address) Human {
	switch channel {
	case "slack":
		h.Slack = string(user)
	case "discord":
		h.Discord = string(user)
	}
	return h
}

// untieHuman forgets who a human is on all chats, and returns what it forgot.
func untieHuman(tx Tx, human string, by Actor, at time.Time) (gone []Tie, err error) {
	for _, channel := range chats {
		t, err := readTie(tx, human, channel)
		switch {
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrUnreadable):
			tx.DeleteNote(tiesRoom, tieKey(human, channel))
		case err != nil:
			return nil, err
		default:
			untie(tx, t, by, at)
			gone = append(gone, t)
		}
	}
	return gone, nil
}

// peopled is a setup whose directory says of people what its ties and the
// groups say. Ties that do not count are left out: of a human whose name has
// passed to somebody else, or for whom the configuration itself says it, or of
// a user of whom it does.
func (b *Bridge) peopled(s *setup) *setup {
	dir := *s.given
	s.people, dir.Humans = map[chatUser]string{}, maps.Clone(s.given.Humans)
	for name, h := range dir.Humans {
		for _, channel := range chats {
			if id := h.idOn(channel); id != "" {
				s.people[chatUser{channel, id}] = name
			}
		}
	}
	ties := map[chatUser]Tie{}
	for account, t := range s.ties {
		h, there := dir.Humans[t.Human]
		_, taken := s.people[account]
		if there && !taken && h.idOn(t.Channel) == "" && t.Mark == s.mark(t.Human, b.putBack.Load()) {
			ties[account], s.people[account], dir.Humans[t.Human] = t, t.Human, h.withID(t.Channel, t.User)
		}
	}
	s.ties = ties
	dir.Teams = b.groups.fill(dir.Teams, s.people)
	s.dir = &dir
	return s
}
