package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxEvent bounds one event; the longest that a bridge sends is well below.
const maxEvent = 1 << 20

// message is one block of a stream of server-sent events: what they call an
// event if it has data, and else only a place.
type message struct {
	kind string // "message" unless it says otherwise; "" = it has no data
	id   string // "" = the block names none
	data []byte
}

// eventReader reads server-sent events (the WHATWG's HTML, section 9.2.6).
type eventReader struct {
	lines   *bufio.Scanner
	begun   bool
	afterCR bool
}

func newEventReader(r io.Reader) *eventReader {
	e := &eventReader{lines: bufio.NewScanner(r)}
	e.lines.Buffer(make([]byte, 0, 4<<10), maxEvent)
	e.lines.Split(e.split)
	return e
}

// split finds lines, which end in CR, LF or both. One that is not ended when
// the stream is over counts for nothing.
func (e *eventReader) split(data []byte, atEOF bool) (advance int, line []byte, err error) {
	begin := 0
	if e.afterCR && len(data) > 0 && data[0] == '\n' {
		begin = 1 // of the same line end
	}
	end := bytes.IndexAny(data[begin:], "\r\n")
	switch {
	case end >= 0:
		end += begin
		e.afterCR = data[end] == '\r'
		return end + 1, data[begin:end], nil
	case atEOF:
		return len(data), nil, nil
	}
	return 0, nil, nil
}

// next reads the next message, and calls alive for each line. It returns
// errStreamOver at the end, and errTooLong for what no bridge sends.
func (e *eventReader) next(alive func()) (message, error) {
	var m message
	for size := 0; e.lines.Scan(); {
		alive()
		line := e.lines.Bytes()
		if !e.begun {
			e.begun = true
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		switch size += len(line); {
		case size > maxEvent:
			return message{}, errTooLong
		case len(line) > 0:
			m.take(line)
		case m.data != nil || m.id != "":
			return m.done(), nil
		default:
			m, size = message{}, 0
		}
	}
	return message{}, e.over()
}

// take reads one line. A comment is a field without a name.
func (m *message) take(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		m.kind = string(value)
	case "data":
		m.data = append(append(m.data, value...), '\n')
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			m.id = string(value)
		}
	}
}

// done is the message when its block is over.
func (m message) done() message {
	if m.data == nil {
		return message{id: m.id}
	}
	if m.kind == "" {
		m.kind = "message"
	}
	m.data = m.data[:len(m.data)-1] // the last line end
	return m
}

// over says why there are no more lines.
func (e *eventReader) over() error {
	switch err := e.lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return errTooLong
	case err != nil:
		return fmt.Errorf("%w: %w", errStreamOver, err)
	}
	return errStreamOver
}

var errTooLong = fmt.Errorf("an event has more than %d bytes", maxEvent)
