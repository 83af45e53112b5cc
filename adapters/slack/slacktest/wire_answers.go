package slacktest

import (
	"bytes"
	"encoding/json"
)

// commandAnswered shows what the acknowledgement of a command says. It needs
// the lock.
func (s *Slack) commandAnswered(user, channel string, answer json.RawMessage) {
	if len(answer) == 0 {
		return
	}
	said, err := readSpeech(answer)
	if err == nil && (said.Replace || said.Delete) {
		err = wrong("invalid_payload", "a command has no original")
	}
	if err == nil {
		err = s.say(&responseURL{user: user, channel: channel}, said)
	}
	s.object("the answer to a command", err)
}

// decision is what the acknowledgement of a submission says.
type decision struct {
	Action string            `json:"response_action"`
	Errors map[string]string `json:"errors"`
	View   json.RawMessage   `json:"view"`
}

// submissionAnswered does with a modal what the acknowledgement of its
// submission says. It needs the lock.
func (s *Slack) submissionAnswered(v *view, answer json.RawMessage) {
	said := decision{}
	if len(answer) > 0 {
		dec := json.NewDecoder(bytes.NewReader(answer))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&said); err != nil {
			s.complain("the answer to a submission", "invalid_response", err.Error())
			return
		}
	}
	switch said.Action {
	case "", "clear":
		v.closed = true
	case "errors":
		s.object("the answer to a submission", v.mark(said.Errors))
	case "update":
		body, err := parseModal(string(said.View))
		if err != nil {
			s.object("the answer to a submission", err)
			return
		}
		s.show(v, body)
	default:
		s.complain("the answer to a submission", "invalid_response", "no response_action "+said.Action+", or it is not stood in for here")
	}
}

// mark shows what the app found wrong beside the inputs.
func (v *view) mark(errors map[string]string) error {
	if len(errors) == 0 {
		return wrong("invalid_response", "the errors are empty")
	}
	for id, text := range errors {
		if text == "" || !v.hasInput(id) {
			return wrong("invalid_response", "an error without words, or of no input: "+id)
		}
	}
	v.errors = errors
	return nil
}

func (v *view) hasInput(id string) bool {
	for _, b := range v.blocks {
		if b.str("type") == "input" && b.str("block_id") == id {
			return true
		}
	}
	return false
}
