package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
)

const guidePage = "../docs/guides/api.md"

// TestTheGuideOfTheAPI does what docs/guides/api.md says, from its first call
// to its last, and wants the answers that it shows: the status, the headers,
// and the same members of the same kinds. curl itself is not needed.
func TestTheGuideOfTheAPI(t *testing.T) {
	t.Parallel()
	g := &guide{world: newWorld(t, options{}), vars: map[string]string{"SOCK": "the socket"}}
	g.alice = g.human("alice")
	for _, p := range readGuide(t) {
		g.line = p.line
		switch {
		case p.kind == "alice":
			g.acts(p.text)
		case p.kind == "sh" && strings.HasPrefix(p.text, "curl "):
			g.call(p.text)
		case p.kind == "http":
			g.answeredAs(p.text)
		case p.kind == "text":
			g.toldAs(p.text)
		case p.kind == "python":
			g.python(p.text)
		}
	}
	if g.calls < 10 {
		t.Errorf("only %d calls were found", g.calls)
	}
}

// guide is somebody who follows the page.
type guide struct {
	*world
	alice *human
	vars  map[string]string
	line  int

	calls   int
	last    answer
	stream  *stream
	granted string // the request that alice's code is of
	shown   card
}

// piece is what has to be done, or is shown, on the page.
type piece struct {
	line int
	kind string // the language of a block; or "alice", who does something
	text string
}

var actsOfAlice = regexp.MustCompile(`^<!-- alice (.*) -->$`)

func readGuide(t *testing.T) (pieces []piece) {
	t.Helper()
	page, err := os.ReadFile(guidePage)
	if err != nil {
		t.Fatal(err)
	}
	var block *piece
	for i, line := range strings.Split(string(page), "\n") {
		kind, fence := strings.CutPrefix(line, "```")
		act := actsOfAlice.FindStringSubmatch(line)
		switch {
		case fence && block == nil:
			block = &piece{line: i + 1, kind: kind}
		case fence:
			pieces, block = append(pieces, *block), nil
		case block != nil:
			block.text += line + "\n"
		case act != nil:
			pieces = append(pieces, piece{i + 1, "alice", act[1]})
		}
	}
	return pieces
}

func (g *guide) errorf(format string, args ...any) {
	g.t.Helper()
	g.t.Errorf("%s:%d: %s", guidePage, g.line, fmt.Sprintf(format, args...))
}

func (g *guide) acts(what string) {
	g.t.Helper()
	switch what {
	case "presses Show code":
		g.granted = g.vars["id"]
		g.shown = g.alice.showCode(g.granted)
	case "signs in at the provider":
		newPerson(g.t).allow(g.shown, "alice")
		g.becomes(g.granted, api.Granted)
	default:
		g.t.Fatalf("%s:%d: what is it that alice %s?", guidePage, g.line, what)
	}
}

// call makes the request that curl would make.
func (g *guide) call(line string) {
	g.t.Helper()
	g.calls++
	method, path, body, headers := g.curl(line)
	if path == api.EventsPath {
		g.stream = g.follow("0-0")
		return
	}
	g.last = g.http(method, path, body, headers...)
	var has struct {
		ID    string
		Items []struct{ ID string }
	}
	if json.Unmarshal(g.last.body, &has) != nil {
		g.errorf("the answer is no JSON: %s", g.last.body)
	}
	for _, item := range has.Items {
		has.ID = item.ID
	}
	if name := map[string]string{"req": "id", "grt": "grant"}[strings.Split(has.ID, "_")[0]]; name != "" {
		g.vars[name] = has.ID
	}
}

// curl reads a call of curl, and refuses what it does not know.
func (g *guide) curl(line string) (method, path, body string, headers []string) {
	g.t.Helper()
	words := shellWords(g.t, line, g.vars)[1:]
	next := func() (word string) {
		if len(words) == 0 {
			g.t.Fatalf("%s:%d: the call ends in an option", guidePage, g.line)
		}
		word, words = words[0], words[1:]
		return word
	}
	method = http.MethodGet
	for len(words) > 0 {
		switch word := next(); {
		case word == "-i", word == "-N":
		case word == "--unix-socket":
			if next() != g.vars["SOCK"] {
				g.errorf("another socket")
			}
		case word == "-X":
			method = next()
		case word == "-H":
			name, value, _ := strings.Cut(next(), ": ")
			headers = append(headers, name, value)
		case word == "--json":
			method, body = http.MethodPost, next()
		case strings.HasPrefix(word, "http://localhost/"):
			path = strings.TrimPrefix(word, "http://localhost")
		default:
			g.t.Fatalf("%s:%d: curl has no use for %q here", guidePage, g.line, word)
		}
	}
	return method, path, body, headers
}

// shellWords splits a line as a POSIX shell does, as far as the page needs it.
func shellWords(t *testing.T, line string, vars map[string]string) (words []string) {
	t.Helper()
	var word strings.Builder
	quote, begun := byte(0), false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote == 0 && (c == '\'' || c == '"'):
			quote, begun = c, true
		case c == quote && quote != 0:
			quote = 0
		case c == '$' && quote != '\'':
			name := regexp.MustCompile(`^\w+`).FindString(line[i+1:])
			value, known := vars[name]
			if !known {
				t.Fatalf("nothing is known as $%s", name)
			}
			word.WriteString(value)
			begun, i = true, i+len(name)
		case quote == 0 && strings.IndexByte(" \n", c) >= 0:
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if quote != 0 || begun {
		t.Fatalf("the line has no end: %q", line)
	}
	return words
}

// answeredAs compares the last answer with what the page shows of it.
func (g *guide) answeredAs(shown string) {
	g.t.Helper()
	head, body, _ := strings.Cut(shown, "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	if got := "HTTP/1.1 " + strconv.Itoa(g.last.status) + " " + http.StatusText(g.last.status); lines[0] != got {
		var pretty bytes.Buffer
		_ = json.Indent(&pretty, g.last.body, "", "  ")
		g.errorf("%q is shown, and it is %q with %s", lines[0], got, pretty.String())
		return
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		got := g.last.header.Get(name)
		if got == "" || name == "Content-Type" && got != value {
			g.errorf("the header %q is shown, and it is %q", line, got)
		}
	}
	var want, got any
	if err := json.Unmarshal([]byte(body), &want); err != nil {
		g.errorf("what is shown is no JSON: %v", err)
		return
	}
	if err := json.Unmarshal(g.last.body, &got); err != nil {
		g.t.Fatal(err)
	}
	g.alike("", want, got)
}

// exact are the members whose values are the same each time.
var exact = []string{"state", "code", "status", "title", "retryable", "agent", "owner", "provider", "providers", "scopes", "reason", "token_type", "human", "revocation"}

// alike compares kinds, and the values of some members.
func (g *guide) alike(at string, shown, got any) {
	g.t.Helper()
	switch s := shown.(type) {
	case map[string]any:
		real, ok := got.(map[string]any)
		if !ok {
			g.errorf("%s is shown as an object, and is %v", at, got)
			return
		}
		_, more := s["..."] // the page leaves the rest out
		for name := range s {
			if _, there := real[name]; !there && name != "..." {
				g.errorf("%s.%s is shown, and is not there", at, name)
			}
		}
		for name, value := range real {
			if _, there := s[name]; !there && !more {
				g.errorf("%s.%s is not shown: %v", at, name, value)
			}
			if _, there := s[name]; !there {
				continue
			}
			if sortOf(value) == "object" || !slices.Contains(exact, name) {
				g.alike(at+"."+name, s[name], value)
			} else if fmt.Sprint(s[name]) != fmt.Sprint(value) {
				g.errorf("%s.%s is shown as %v, and is %v", at, name, s[name], value)
			}
		}
	case []any:
		real, ok := got.([]any)
		if !ok || len(s) > 0 != (len(real) > 0) {
			g.errorf("%s is shown as %v, and is %v", at, shown, got)
			return
		}
		for i := range min(len(s), len(real)) {
			g.alike(fmt.Sprintf("%s[%d]", at, i), s[i], real[i])
		}
	default:
		if sortOf(shown) != sortOf(got) {
			g.errorf("%s is shown as %v, and is %v", at, shown, got)
		}
	}
}

func sortOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "object"
	}
	return fmt.Sprintf("%T", v)
}

// toldAs wants the event that the page shows first.
func (g *guide) toldAs(shown string) {
	g.t.Helper()
	kind, _, _ := strings.Cut(strings.TrimPrefix(shown, "event: "), "\n")
	if g.stream == nil {
		g.errorf("nothing was called that has events")
		return
	}
	g.stream.next(kind, "", nil)
}

// python runs the program where there is a Python: it asks, and is granted.
func (g *guide) python(program string) {
	g.t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		return
	}
	cmd := exec.CommandContext(g.t.Context(), path, "-c", program)
	cmd.Env = append(os.Environ(), "AUTHBRIDGE_SOCKET="+g.agentSocket())
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	var asked api.Request
	eventually(g.t, "the program asks", func() bool {
		asked = decode[api.RequestPage](g.t, g.http("GET", "/v1/requests?limit=1", "")).Items[0]
		return asked.Reason == "nightly report"
	})
	newPerson(g.t).allow(g.alice.showCode(asked.ID), "alice")
	if err := cmd.Wait(); err != nil || !strings.Contains(said.String(), "files.read") {
		g.errorf("the program says (%v): %s", err, said.String())
	}
}

// TestTheGuideListsEveryCode holds the tables to what the API says.
func TestTheGuideListsEveryCode(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(guidePage)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range api.ProblemCodes() {
		again := map[bool]string{true: "yes", false: "no"}[code.Retryable()]
		if row := fmt.Sprintf("| `%s` | %d | %s | ", code, code.Status(), again); !bytes.Contains(page, []byte(row)) {
			t.Errorf("%s has no row %q", guidePage, row)
		}
	}
	for _, code := range api.OutcomeCodes() {
		if row := fmt.Sprintf("| `%s` | ", code); strings.Count(string(page), row) != 1 && code != "denied" {
			t.Errorf("%s has no row %q", guidePage, row)
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `[a-z_]+` \\| ").FindAll(page, -1)
	if want := len(api.ProblemCodes()) + len(api.OutcomeCodes()); len(rows) != want {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
}
