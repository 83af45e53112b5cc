package web

import (
	"encoding/json"
	"net/http"

	"github.com/authbridge/authbridge/bridge"
)

// click presses a button and answers with the card as it stands then, and
// with a remark when the click changed nothing: {"remark", "card"}, the card
// in HTML. A double click is answered like any other.
func (in *Inbox) click(w http.ResponseWriter, r *http.Request, s session) {
	who := bridge.Clicker{Human: s.human, Channel: channel}
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

// answer is the body of the answer to a click.
func (t *renderer) answer(c bridge.Card, remark string) ([]byte, error) {
	html, err := t.card(c)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Remark string `json:"remark"`
		Card   string `json:"card"`
	}{remark, string(html)})
}
