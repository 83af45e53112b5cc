package bridge

import (
	"crypto/subtle"
	"strings"
)

// Where the operator wants it, a human gets a code only after they have typed
// the digits of the check phrase, which the agent shows and the card does not:
// who has not seen the agent's screen cannot know them. The tries are counted
// with the request, over all who are asked and for good.

// maxWrongDigits is how many wrong tries deny the request.
const maxWrongDigits = 3

// How many digits a check phrase ends in: enough to tell two cards apart, or
// not to be guessed in a few tries.
const (
	plainDigits = 2
	boundDigits = 4
)

// bind checks the digits that came with a press that is to make a code. It
// returns what the press comes to: the event itself, a wrong try, or nothing,
// with a word to the human why. What the event could not do anyway costs no
// try.
func (r Request) bind(typed string, e Event) (Event, string) {
	if !r.unbound(e.By.Name) {
		return e, ""
	}
	right := e
	right.Matched = true
	if _, takes := r.Apply(right, r.UpdatedAt); !takes {
		return e, ""
	}
	digits := strings.ReplaceAll(strings.TrimSpace(typed), " ", "")
	if !allDigits(digits) || len(digits) != boundDigits {
		return Event{}, "Type the four digits that " + r.Agent + " shows, then press again."
	}
	if subtle.ConstantTimeCompare([]byte(digits), []byte(r.digits())) != 1 {
		return Event{Kind: OnWrongDigits, By: e.By, Cause: "the check digits were typed wrong three times"}, ""
	}
	return right, ""
}

// unbound reports whether a human has still to type the digits.
func (r Request) unbound(human string) bool {
	return r.Digits && (human == "" || r.Matched != human)
}

// digits is what the agent shows and the card does not.
func (r Request) digits() string { return r.CheckPhrase[strings.LastIndexByte(r.CheckPhrase, ' ')+1:] }

// phrase is what the card shows of the check phrase.
func (r Request) phrase() string {
	if r.Digits {
		return strings.TrimSpace(strings.TrimSuffix(r.CheckPhrase, r.digits()))
	}
	return r.CheckPhrase
}

func allDigits(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < '0' || c > '9' }) < 0
}

// wrongDigits counts a wrong try. On the card that all of a team see it is not
// noted: who has typed is told ([Request.missed]), and nobody else meanwhile.
func wrongDigits(r *Request, _ Event) {
	if r.WrongDigits++; r.Team == "" || r.WrongDigits >= maxWrongDigits {
		r.Note = r.missed()
	}
}

// missed says what the last wrong try comes to.
func (r Request) missed() string {
	switch maxWrongDigits - r.WrongDigits {
	case 2:
		return "These are not the digits that " + r.Agent + " shows. Two tries are left."
	case 1:
		return "These are not the digits that " + r.Agent + " shows. One try is left."
	}
	return "The digits were typed wrong three times."
}
