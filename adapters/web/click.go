package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/authbridge/authbridge/bridge"
)

// click presses a button and answers with the card as it stands then, and
// with a remark when the click changed nothing: {"remark", "card"}, the card
// in HTML. A double click is answered like any other. What was typed comes as
// {"digits"}, in JSON or as a form.
func (in *Inbox) click(w http.ResponseWriter, r *http.Request, s session) {
	digits, status := typed(w, r)
	if status != 0 {
		http.Error(w, "What came with the press cannot be read.", status)
		return
	}
	who := bridge.Clicker{Human: s.Human, Channel: channel, Typed: digits}
	card, remark, err := in.desk.Click(r.Context(), who, bridge.RequestID(r.PathValue("id")), bridge.Verb(r.PathValue("verb")))
	if err != nil {
		in.refuse(w, r, "press a button", err)
		return
	}
	answer, err := in.render.answer(card, remark)
	if err != nil {
		in.refuse(w, r, "show a card", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	in.deliver(w, r, s, answer, []bridge.Card{card})
}

// allowAgain lets an agent ask its human again. There is no card to answer
// with: what the page lists changes by itself.
func (in *Inbox) allowAgain(w http.ResponseWriter, r *http.Request, s session) {
	word, err := in.desk.AllowAgain(r.Context(), bridge.Clicker{Human: s.Human, Channel: channel}, r.PathValue("name"))
	if err != nil {
		in.refuse(w, r, "allow an agent again", err)
		return
	}
	answer, err := answerOf(word, nil)
	if err != nil {
		in.refuse(w, r, "allow an agent again", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	in.deliver(w, r, s, answer, nil)
}

// maxTyped bounds what comes with a press.
const maxTyped = 256

// typed reads what came with a press, which is mostly nothing. A status other
// than 0 says why it cannot be read.
func typed(w http.ResponseWriter, r *http.Request) (digits string, status int) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTyped))
	switch {
	case err != nil:
		if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
			return "", http.StatusRequestEntityTooLarge
		}
		return "", http.StatusBadRequest
	case len(body) == 0:
		return "", 0
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // what is no type is none that we know
	switch kind {
	case "application/json":
		var press struct {
			Digits string `json:"digits"`
		}
		if json.Unmarshal(body, &press) != nil {
			return "", http.StatusBadRequest
		}
		return press.Digits, 0
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return "", http.StatusBadRequest
		}
		return form.Get("digits"), 0
	}
	return "", http.StatusUnsupportedMediaType
}

// answer is the body of the answer to a click.
func (t *renderer) answer(c bridge.Card, remark string) ([]byte, error) {
	html, err := t.card(c)
	if err != nil {
		return nil, err
	}
	return answerOf(remark, html)
}

func answerOf(remark string, card []byte) ([]byte, error) {
	return json.Marshal(struct {
		Remark string `json:"remark"`
		Card   string `json:"card"` // "" = the button was on none
	}{remark, string(card)})
}
