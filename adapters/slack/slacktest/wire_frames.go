package slacktest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
)

// watching lets a connection that is taken over be watched.
type watching struct {
	http.ResponseWriter
	as **watched
}

// Hijack takes the connection over.
func (w watching) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h, ok := w.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, errors.New("the connection cannot be taken over")
	}
	conn, rw, err := h.Hijack()
	if err != nil {
		return nil, nil, err
	}
	*w.as = &watched{Conn: conn}
	return *w.as, rw, nil
}

// watched is a connection of which it is known in how many frames each
// message came: a websocket library puts them together and does not tell.
// Only the reader of the connection may use it.
type watched struct {
	net.Conn
	header  []byte // of the frame that begins
	payload uint64 // of the frame, still to come
	frames  int    // of the message that begins
	whole   []int  // the frames of each message that is there
}

// Read reads, and looks at what comes.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	for data := p[:n]; len(data) > 0; {
		if w.payload > 0 {
			skip := min(w.payload, uint64(len(data)))
			data, w.payload = data[skip:], w.payload-skip
			continue
		}
		w.header, data = append(w.header, data[0]), data[1:]
		w.begin()
	}
	return n, err
}

// begin looks at the header of a frame when it is complete (RFC 6455,
// section 5.2).
func (w *watched) begin() {
	size, masked := 2, false
	if len(w.header) < size {
		return
	}
	length := uint64(w.header[1] & 0x7f)
	if masked = w.header[1]&0x80 != 0; masked {
		size += 4
	}
	switch length {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if len(w.header) < size {
		return
	}
	switch length {
	case 126:
		length = uint64(binary.BigEndian.Uint16(w.header[2:]))
	case 127:
		length = binary.BigEndian.Uint64(w.header[2:])
	}
	last, control := w.header[0]&0x80 != 0, w.header[0]&0x08 != 0
	w.header, w.payload = w.header[:0], length
	if control {
		return
	}
	w.frames++
	if last {
		w.whole, w.frames = append(w.whole, w.frames), 0
	}
}

// pieces is in how many frames the oldest message came that was not asked
// about yet.
func (w *watched) pieces() int {
	n := w.whole[0]
	w.whole = w.whole[1:]
	return n
}
