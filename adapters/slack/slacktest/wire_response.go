package slacktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"time"
)

const (
	responsePath = "/actions/"
	responseLife = 30 * time.Minute
	responseUses = 5
)

// responseURL is the leave to answer something that somebody did where they
// did it.
type responseURL struct {
	user    string
	channel string
	origin  *message // where a button was pressed; a command has none
	at      time.Time
	uses    int
}

// newResponseURL needs the lock.
func (s *Slack) newResponseURL(user, channel string, origin *message) string {
	secret := hexes(16)
	s.wire.responses[secret] = &responseURL{user: user, channel: channel, origin: origin, at: s.now()}
	return s.srv.URL + responsePath + s.world.Team.ID + "/" + secret
}

// speech is what may be said in an answer.
type speech struct {
	Text     string          `json:"text"`
	Blocks   json.RawMessage `json:"blocks"`
	Type     string          `json:"response_type"`
	Replace  bool            `json:"replace_original"`
	Delete   bool            `json:"delete_original"`
	Thread   string          `json:"thread_ts"`
	Parse    string          `json:"parse"`
	Markup   *bool           `json:"mrkdwn"`
	Metadata json.RawMessage `json:"metadata"`

	// Slack takes no notice of these here.
	UnfurlLinks *bool `json:"unfurl_links"`
	UnfurlMedia *bool `json:"unfurl_media"`
	LinkNames   any   `json:"link_names"`
}

// serveResponse is what a response address answers. What goes wrong is set
// with Fail("response_url", …).
func (s *Slack) serveResponse(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	f := s.nextFault("response_url")
	if err != nil || !f.before(r.Context()) {
		return
	}
	s.mu.Lock()
	a := s.respondTo(r, body, f)
	s.record(Exchange{Where: "response_url", Asked: string(body), Answer: string(a.body), Status: a.status, Error: a.code})
	s.touch()
	s.mu.Unlock()
	if f.after(r.Context()) {
		a.send(w)
	}
}

// respondTo needs the lock.
func (s *Slack) respondTo(r *http.Request, body []byte, f Fault) response {
	if f.spoils() && !f.Committed {
		return f.response()
	}
	err := s.useResponse(r, body)
	if f.spoils() {
		return f.response()
	}
	var no *refusal
	if !errors.As(err, &no) {
		return response{status: http.StatusOK, header: map[string]string{"Content-Type": "text/plain"}, body: []byte("ok")}
	}
	s.object("response_url", err)
	text, _ := json.Marshal(answer{"ok": false, "error": no.code}) // strings always can
	return response{
		status: http.StatusNotFound, code: no.code, body: text,
		header: map[string]string{"Content-Type": "application/json; charset=utf-8"},
	}
}

// object complains of what is the app's own mistake. It needs the lock.
func (s *Slack) object(where string, err error) {
	var no *refusal
	if errors.As(err, &no) && no.own != "" {
		s.complain(where, no.code, no.own)
	}
}

// useResponse uses a response address once. It needs the lock.
func (s *Slack) useResponse(r *http.Request, body []byte) error {
	u := s.wire.responses[r.PathValue("secret")]
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // what is no type is not JSON either
	switch {
	case u == nil || r.PathValue("team") != s.world.Team.ID:
		return wrong("invalid_url", "nobody gave out that response address")
	case kind != "application/json":
		return wrong("invalid_post_type", "a response address takes JSON")
	case s.now().Sub(u.at) > responseLife:
		return refuse("expired_url")
	case u.uses >= responseUses:
		return wrong("used_url", "a response address is good five times")
	}
	u.uses++
	said, err := readSpeech(body)
	if err != nil {
		return err
	}
	if said.Delete || said.Replace {
		if slices.Contains(s.messages, u.origin) {
			return s.alter(u.origin, said)
		}
		if said.Delete {
			return nil
		}
	}
	return s.say(u, said)
}

func readSpeech(body []byte) (speech, error) {
	said := speech{}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&said); err != nil {
		return said, wrong("invalid_payload", "an answer that is no message: "+err.Error())
	}
	if !slices.Contains([]string{"", "ephemeral", "in_channel"}, said.Type) {
		return said, wrong("invalid_payload", "no response_type "+said.Type)
	}
	return said, nil
}

// alter replaces or deletes the message that a button was pressed on,
// whoever else sees it. It needs the lock.
func (s *Slack) alter(origin *message, said speech) error {
	if said.Delete {
		s.messages = slices.DeleteFunc(s.messages, func(m *message) bool { return m == origin })
		return nil
	}
	next := *origin
	if err := s.pronounce(&next, said); err != nil {
		return err
	}
	next.edited = next.to == "" && len(next.blocks) == 0
	*origin = next
	return nil
}

// say posts an answer beside what somebody did: for them alone, unless it is
// said that it is for all. It needs the lock.
func (s *Slack) say(u *responseURL, said speech) error {
	m := &message{channel: u.channel, to: u.user, markup: true, thread: said.Thread}
	if m.thread == "" && u.origin != nil {
		m.thread = u.origin.thread
	}
	if said.Type == "in_channel" {
		m.to = ""
	}
	if err := s.pronounce(m, said); err != nil {
		return err
	}
	m.ts = s.stamp(m.channel)
	s.messages = append(s.messages, m)
	if m.to == "" {
		s.push(m)
	}
	return nil
}

// pronounce sets what a message says, by the rules of all messages.
func (s *Slack) pronounce(m *message, said speech) error {
	args := map[string]string{"text": said.Text, "parse": said.Parse}
	for name, value := range map[string]json.RawMessage{"blocks": said.Blocks, "metadata": said.Metadata} {
		if string(value) != "null" {
			args[name] = string(value)
		}
	}
	if said.Markup != nil && !*said.Markup {
		args["mrkdwn"] = "false"
	}
	c := &call{Slack: s, args: args}
	return c.fill(m, maxPostText)
}
