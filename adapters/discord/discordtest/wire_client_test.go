package discordtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// frame is what comes over a connection.
type frame struct {
	Op   int    `json:"op"`
	Type string `json:"t"`
	Seq  *int   `json:"s"`
	Data any    `json:"d"`
}

func (f frame) data() fields { d, _ := f.Data.(map[string]any); return d }

// link is an app's end of a connection. It does what it is told, rightly or
// wrongly.
type link struct {
	c       caller
	conn    *websocket.Conn
	seq     int
	session string
	again   string // the address to resume at
}

// unlimited is an office where nothing is limited.
func unlimited(t *testing.T) caller {
	t.Helper()
	w := Office()
	w.Unlimited = true
	return caller{t: t, s: Start(t, w)}
}

// complaints is a test that keeps what it is told instead of failing over it.
type complaints struct {
	testing.TB
	mu  sync.Mutex
	all []string
}

func (k *complaints) Errorf(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, fmt.Sprintf(format, args...))
}

func (k *complaints) said() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.Join(k.all, "\n")
}

func (k *complaints) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = nil
}

// lenient is unlimited, with a test that only keeps what it is told.
func lenient(t *testing.T) (caller, *complaints) {
	t.Helper()
	w, k := Office(), &complaints{TB: t}
	w.Unlimited = true
	return caller{t: t, s: Start(k, w)}, k
}

const query = "/?v=10&encoding=json"

// knock opens a connection at an address, and reads nothing.
func (c caller) knock(address string) *link {
	c.t.Helper()
	dialer := websocket.Dialer{HandshakeTimeout: 5 * time.Second}
	conn, resp, err := dialer.DialContext(c.t.Context(), address, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	_ = resp.Body.Close() // a handshake has no body
	c.t.Cleanup(func() { _ = conn.Close() })
	return &link{c: c, conn: conn}
}

// gateway is the address that Discord gives.
func (c caller) gateway() string {
	c.t.Helper()
	return c.granted(c.call("GET", "/gateway/bot", nil)).text("url")
}

// greeted opens a connection, and waits for the hello.
func (c caller) greeted() *link {
	c.t.Helper()
	l := c.knock(c.gateway() + query)
	if f := l.next(); f.Op != opHello {
		c.t.Fatalf("the first frame is %+v", f)
	}
	return l
}

// connect opens a connection, and waits until it is let in.
func (c caller) connect() *link {
	c.t.Helper()
	l := c.greeted()
	l.identify(nil)
	l.ready()
	return l
}

func (l *link) ready() {
	l.c.t.Helper()
	f := l.next()
	if f.Type != "READY" {
		l.c.t.Fatalf("it is not let in: %+v", f)
	}
	l.session, _ = f.data()["session_id"].(string)
	l.again, _ = f.data()["resume_gateway_url"].(string)
}

func (l *link) say(op int, data any) {
	_ = l.conn.WriteJSON(fields{"op": op, "d": data}) // reading shows it
}

// identify says who the app is, with some fields changed or, by nil, left out.
func (l *link) identify(change fields) {
	i := fields{"token": l.c.s.Token(), "intents": 0, "properties": fields{"os": "linux", "browser": "x", "device": "x"}}
	for k, v := range change {
		if v == nil {
			delete(i, k)
			continue
		}
		i[k] = v
	}
	l.say(opIdentify, i)
}

// read reads a frame.
func (l *link) read() (f frame, err error) {
	_ = l.conn.SetReadDeadline(time.Now().Add(5 * time.Second)) // reading tells of any trouble
	_, raw, err := l.conn.ReadMessage()
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return f, err
	}
	if f.Seq != nil {
		l.seq = *f.Seq
	}
	return f, nil
}

// next reads a frame that has to come.
func (l *link) next() frame {
	l.c.t.Helper()
	f, err := l.read()
	if err != nil {
		l.c.t.Fatalf("no frame: %v", err)
	}
	return f
}

// interaction reads the next thing that somebody did.
func (l *link) interaction() fields {
	l.c.t.Helper()
	f := l.next()
	if f.Type != "INTERACTION_CREATE" {
		l.c.t.Fatalf("nobody did anything: %+v", f)
	}
	return f.data()
}

// ended reads to the end, and returns its close code; 0 = without a word.
func (l *link) ended() int {
	for {
		if _, err := l.read(); err != nil {
			if e, ok := errors.AsType[*websocket.CloseError](err); ok && e.Code != websocket.CloseAbnormalClosure {
				return e.Code
			}
			return 0
		}
	}
}

// bye takes leave, and reads to the end.
func (l *link) bye(code int) int {
	_ = l.conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(code, "")) // reading shows it
	return l.ended()
}

// callback is the address of the first answer to an interaction.
func callbackOf(i fields) string {
	return fmt.Sprintf("/interactions/%v/%v/callback", i["id"], i["token"])
}

func webhookOf(i fields) string {
	return fmt.Sprintf("/webhooks/%v/%v", i["application_id"], i["token"])
}

// answer gives an interaction its first answer.
func (c caller) answer(i fields, kind int, data any) said {
	c.t.Helper()
	body := fields{"type": kind}
	if data != nil {
		body["data"] = data
	}
	return c.call("POST", callbackOf(i), body)
}

// card posts a message with buttons to a channel, and returns its id.
func (c caller) card(channel string, labels ...string) string {
	c.t.Helper()
	var buttons []fields
	for _, label := range labels {
		buttons = append(buttons, button(fields{"label": label, "custom_id": label}))
	}
	return c.post(channel, fields{"content": "a card", "components": []fields{row(buttons...)}})
}

// pressed is a press of alice's that reached an app.
func (c caller) pressed(l *link) fields {
	c.t.Helper()
	c.card(Deploys, "Press")
	c.s.Person(Alice).Press("Press")
	return l.interaction()
}

// commands registers one that is as the bridge's.
func (c caller) commands(change fields) {
	c.t.Helper()
	k := fields{"name": "authbridge", "description": "x", "options": []fields{
		{"type": subcommand, "name": "list", "description": "x"},
		{"type": subcommand, "name": "link", "description": "x", "options": []fields{
			{"type": stringOption, "name": "code", "description": "x", "required": true, "min_length": 4, "max_length": 9},
			{"type": integerOption, "name": "page", "description": "x", "max_value": 5},
			{"type": booleanOption, "name": "loud", "description": "x"},
		}},
	}}
	maps.Copy(k, change)
	c.granted(c.call("PUT", "/applications/"+c.s.App()+"/commands", []fields{k}))
}

// kinds are the types of what came, in order.
func kinds(all []fields) []string {
	var out []string
	for _, i := range all {
		d, _ := i["data"].(map[string]any)
		out = append(out, fmt.Sprint(d["custom_id"]))
	}
	return slices.Clip(out)
}

// raw is a JSON text as it is.
func raw(t *testing.T, text string) fields {
	t.Helper()
	var f fields
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	return f
}
