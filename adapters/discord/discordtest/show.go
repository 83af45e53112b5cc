package discordtest

import "time"

// Shown is what somebody in UTC makes of a message or a modal.
type Shown struct {
	Seen    string  // as [Person.Screen] draws it
	Heard   string  // what a screen reader says of a message
	Reading Reading // what becomes of what is written
}

// ShowMessage checks the body of a message, as JSON, and shows it. Of the
// flags it takes those of a new message and of an ephemeral answer.
func ShowMessage(body []byte, now time.Time) (Shown, error) {
	var b creation
	if err := strictly(body, &b); err != nil {
		return Shown{}, err
	}
	if err := b.check(suppressEmbeds | silent | ephemeral); err != nil {
		return Shown{}, err
	}
	if _, err := b.nonce(); err != nil {
		return Shown{}, err
	}
	m := &message{}
	if err := b.apply(m, everything()); err != nil {
		return Shown{}, err
	}
	e := eyes{now: now}
	d := drawing{eyes: e, message: m}
	reading := e.read(m.content)
	d.write(reading.Visible)
	d.rows(m.components)
	return Shown{Seen: d.page(), Heard: heard(m, e), Reading: reading}, nil
}

// ShowModal checks the data of an answer that opens a modal, as JSON, and
// shows it.
func ShowModal(data []byte) (Shown, error) {
	m, err := readModal(data)
	if err != nil {
		return Shown{}, err
	}
	d := drawing{modal: m}
	d.write("== modal: " + m.title)
	d.fields(m)
	d.write("[Cancel] [Submit]")
	return Shown{Seen: d.page()}, nil
}
