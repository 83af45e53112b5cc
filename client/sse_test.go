package client

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// messages reads all messages of a text.
func messages(e *eventReader) (all []string, err error) {
	for {
		m, err := e.next(func() {})
		if err != nil {
			return all, err
		}
		all = append(all, fmt.Sprintf("%s/%s/%s", m.kind, m.id, m.data))
	}
}

func TestServerSentEvents(t *testing.T) {
	for text, want := range map[string][]string{
		"event: request\nid: c-1\ndata: {}\n\n":        {"request/c-1/{}"},
		"event:request\rid:c-1\rdata:{}\r\r":           {"request/c-1/{}"},
		"event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n":   {"a//1", "message//2"},
		"\xef\xbb\xbfdata: 1\n\n":                      {"message//1"},
		"data: 1\ndata:  2\ndata\n\n":                  {"message//1\n 2\n"},
		"retry: 1000\nid: c-0\n\n":                     {"/c-0/"},
		"event: lost\n\ndata: 1\n\n":                   {"message//1"},
		": still here\n\n:\n\nid: c\ndata: 1\n\n":      {"message/c/1"},
		"id: a\x00b\ndata: 1\n\n":                      {"message//1"},
		"data: 1\n\ndata: not whole":                   {"message//1"},
		"data: 1\n\ndata: not whole\n":                 {"message//1"},
		"unknown: x\nDATA: x\n data: x\n\ndata: 1\n\n": {"message//1"},
	} {
		got, err := messages(newEventReader(strings.NewReader(text)))
		if !slices.Equal(got, want) || !errors.Is(err, errStreamOver) {
			t.Errorf("%q: %q, want %q (%v)", text, got, want, err)
		}
	}
}

func TestAnEventHasABound(t *testing.T) {
	line := "data: " + strings.Repeat("x", 1000) + "\n"
	for what, text := range map[string]string{
		"one line":  "data: " + strings.Repeat("x", maxEvent) + "\n\n",
		"many":      strings.Repeat(line, maxEvent/1000) + "\n",
		"ends late": strings.Repeat("x", 2*maxEvent),
	} {
		if got, err := messages(newEventReader(strings.NewReader(text))); !errors.Is(err, errTooLong) || len(got) > 0 {
			t.Errorf("%s: %d events, %v", what, len(got), err)
		}
	}
	quiet := strings.Repeat(": still here\n\n", maxEvent/10)
	if got, err := messages(newEventReader(strings.NewReader(quiet + "data: 1\n\n"))); len(got) != 1 {
		t.Errorf("after much patience: %d events, %v", len(got), err)
	}
}

// plainly reads the same in the slow way: the whole text at once.
func plainly(text string) (all []string) {
	text = strings.TrimPrefix(text, "\xef\xbb\xbf")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	end := strings.LastIndex(text, "\n")
	kind, id, data := "", "", []string(nil)
	if end < 0 {
		return nil
	}
	for line := range strings.SplitSeq(text[:end], "\n") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if data != nil {
				if kind == "" {
					kind = "message"
				}
				all = append(all, kind+"/"+id+"/"+strings.Join(data, "\n"))
			} else if id != "" {
				all = append(all, "/"+id+"/")
			}
			kind, id, data = "", "", nil
		case name == "event":
			kind = value
		case name == "data":
			data = append(data, value)
		case name == "id" && !strings.Contains(value, "\x00"):
			id = value
		}
	}
	return all
}

// FuzzServerSentEvents checks that the reader finds what a slow one finds, in
// whatever pieces the text comes.
func FuzzServerSentEvents(f *testing.F) {
	f.Add("event: request\nid: c-1\ndata: {}\n\n: x\r\n\r\ndata\rdata: 2\r\r")
	f.Add("\xef\xbb\xbfid: 1\n\n\ndata:\n\n")
	f.Add("id: 1\nid:\ndata: x\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			return
		}
		want := plainly(text)
		got, err := messages(newEventReader(strings.NewReader(text)))
		if !slices.Equal(got, want) || !errors.Is(err, errStreamOver) {
			t.Errorf("%q: %q (%v), want %q", text, got, err, want)
		}
		if slowly, _ := messages(newEventReader(iotest.OneByteReader(strings.NewReader(text)))); !slices.Equal(slowly, want) {
			t.Errorf("%q byte by byte: %q, want %q", text, slowly, want)
		}
	})
}
