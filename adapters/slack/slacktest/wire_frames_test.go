package slacktest

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// inbox is a connection on which something came.
type inbox struct {
	net.Conn
	io.Reader
}

func (i inbox) Read(p []byte) (int, error) { return i.Reader.Read(p) }

func TestFramesAreCountedHoweverTheyCome(t *testing.T) {
	t.Parallel()
	mask := []byte{1, 2, 3, 4}
	frame := func(first byte, length []byte, n int) []byte {
		return slices.Concat([]byte{first}, length, mask, bytes.Repeat([]byte{0x81}, n))
	}
	stream := slices.Concat(
		frame(0x81, []byte{0x80 | 5}, 5),                                        // a text of one frame
		frame(0x01, []byte{0x80 | 126, 0x01, 0x2c}, 300),                        // one of three, with
		frame(0x89, []byte{0x80 | 2}, 2),                                        // a ping in it,
		frame(0x00, []byte{0x80}, 0),                                            // an empty middle,
		frame(0x80, []byte{0x80 | 127, 0, 0, 0, 0, 0, 0x01, 0x11, 0x70}, 70000), // and a long end
		frame(0x82, []byte{0x80 | 1}, 1),
	)
	for name, r := range map[string]io.Reader{
		"at once":        bytes.NewReader(stream),
		"byte by byte":   iotest.OneByteReader(bytes.NewReader(stream)),
		"half and half":  iotest.HalfReader(bytes.NewReader(stream)),
		"with its error": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		w := &watched{Conn: inbox{Reader: r}}
		got, err := io.ReadAll(w)
		if err != nil || !bytes.Equal(got, stream) {
			t.Errorf("%s: %d bytes are read: %v", name, len(got), err)
		}
		if !slices.Equal(w.whole, []int{1, 3, 1}) {
			t.Errorf("%s: the messages have %v frames", name, w.whole)
		}
	}
}

func TestWhatIsTooBigIsDroppedAndNoMore(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Tolerate("ack_too_big")
	l, err := c.dial(c.granted(c.address()).text("url"), 128<<10)
	if err != nil {
		t.Fatal(err)
	}
	l.next()
	d := c.s.Person("U0ALICE").Command("/authbridge list")
	envelope := l.next()
	l.ack(envelope, fields{"text": strings.Repeat("x", 70_000)})
	l.ack(envelope, fields{"text": "shorter"})
	d.Acked()
}
