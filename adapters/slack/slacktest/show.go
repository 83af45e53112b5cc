package slacktest

import "time"

// Shown is what somebody in UTC makes of a message or a view.
type Shown struct {
	Seen    string  // as [Person.Screen] draws it
	Heard   string  // a message's text and the names of its buttons, as a screen reader has them
	Reading Reading // what becomes of all that is seen
	Text    Reading // of what is heard, or shown on a phone
}

// ShowMessage checks a message, its blocks as JSON, as if it was sent with
// parse none, and shows it.
func ShowMessage(text string, blocks []byte, now time.Time) (Shown, error) {
	parsed, err := parseBlocks(string(blocks), inMessage)
	if err != nil {
		return Shown{}, why(err)
	}
	e := eyes{zone: time.UTC, now: now}
	m := &message{text: text, blocks: parsed, markup: true, parse: "none"}
	d := drawing{eyes: e, message: m}
	d.blocks(parsed)
	return Shown{Seen: d.page(), Heard: m.heard(e), Reading: e.readAll(parsed), Text: e.readTop(m)}, nil
}

// ShowView checks a view, as JSON, and shows it.
func ShowView(body []byte, now time.Time) (Shown, error) {
	parsed, err := parseView(string(body))
	if err != nil {
		return Shown{}, why(err)
	}
	e := eyes{zone: time.UTC, now: now}
	d := drawing{eyes: e, view: &view{body: parsed, blocks: parsed.list("blocks")}}
	for _, part := range []string{"title", "close", "submit"} {
		if parsed[part] != nil {
			d.write(part+": ", d.see(parsed.obj(part)))
		}
	}
	d.blocks(d.view.blocks)
	return Shown{Seen: d.page(), Reading: e.readAll(d.view.blocks)}, nil
}
