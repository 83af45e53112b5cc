package web

import (
	"flag"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/authbridge/authbridge/bridge"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// noon is when everything in these tests was asked.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// request names the nth request; ids sort by time.
func request(n byte) bridge.RequestID {
	return bridge.RequestID("req_0000000000000000000000007f3" + string('a'+rune(n)))
}

var (
	notMe    = bridge.Button{Verb: bridge.VerbNotMe, Label: "I did not ask for this"}
	deny     = bridge.Button{Verb: bridge.VerbDeny, Label: "Deny"}
	showCode = bridge.Button{Verb: bridge.VerbShowCode, Label: "Show code"}
	newCode  = bridge.Button{Verb: bridge.VerbShowCode, Label: "Get a new code"}
	mine     = bridge.Button{Verb: bridge.VerbMine, Label: "Mine"}
	notMine  = bridge.Button{Verb: bridge.VerbNotMine, Label: "Not mine"}
	revoke   = bridge.Button{Verb: bridge.VerbRevoke, Label: "Revoke"}
	finished = bridge.Button{Verb: bridge.VerbFinished, Label: "I have finished"}
)

// The cards below are laid down as the bridge lays them down: its own golden
// table of cards has the words.

func asked() bridge.Card {
	return bridge.Card{
		Request: request(0), State: bridge.Asked, Agent: "helper",
		Headline: "Access request", Title: "helper wants corp",
		Who:    "helper, on alice's laptop, local user 1001, yours",
		Scopes: []bridge.ScopeLine{{Words: "read your files", Scope: "files:read"}, {Scope: "calendar:read"}},
		Reuse:  8 * time.Hour, Says: []string{"summarise the Q3 planning folder", "ticket 4127"},
		Phrase: "amber falcon 42", Host: "login.example.com",
		AskedAt: noon, OpenTo: noon.Add(24 * time.Hour),
		Buttons: []bridge.Button{notMe, deny, showCode},
	}
}

func minting() bridge.Card {
	c := asked()
	c.Minting, c.Buttons = true, []bridge.Button{notMe, deny}
	return c
}

func coded() bridge.Card {
	c := minting()
	c.Request, c.State, c.Minting = request(1), bridge.Coded, false
	c.Buttons = []bridge.Button{notMe, deny, finished}
	c.Code = &bridge.ShownCode{
		UserCode: bridge.NewSecret("WDJB-MJHT"), Address: "https://login.example.com/device",
		Open: bridge.NewSecret("https://login.example.com/device?user_code=WDJB-MJHT&lang=en"),
		Host: "login.example.com", LapsesAt: noon.Add(15 * time.Minute),
	}
	return c
}

func questioned() bridge.Card {
	c := minting()
	c.State, c.Minting, c.Headline, c.OpenTo = bridge.Held, false, "Checking the account", noon.Add(10*time.Minute)
	c.Question = "Signed in as Octo Cat (583231) at login.example.com: mine / not mine?"
	c.Buttons = []bridge.Button{notMe, deny, notMine, mine}
	return c
}

func withDigits() bridge.Card {
	c := asked()
	c.Phrase, c.Digits = "amber falcon", true
	return c
}

func missed() bridge.Card {
	c := withDigits()
	c.Note = "These are not the digits that helper shows. Two tries are left."
	return c
}

func ended(state bridge.State, headline, ending string) bridge.Card {
	c := asked()
	return bridge.Card{
		Request: request(2), State: state, Agent: c.Agent, Headline: headline, Title: c.Title, Who: c.Who,
		Scopes: c.Scopes, Reuse: c.Reuse, Host: c.Host, AskedAt: c.AskedAt, EndedAt: noon.Add(5 * time.Minute), Ending: ending,
	}
}

func denied() bridge.Card {
	return ended(bridge.Denied, "Denied", "You denied it. helper got nothing.")
}

// given is what has been approved and is not over.
func given() bridge.Card {
	c := ended(bridge.Collected, "Approved", "helper has access. You signed in as alice@example.com. Revoke ends it sooner.")
	c.UsedAt, c.Until, c.Live, c.Buttons = noon.Add(time.Hour), noon.Add(8*time.Hour), true, []bridge.Button{revoke}
	return c
}

// everyState has one card of each kind.
func everyState() map[string]bridge.Card {
	noWords := asked()
	noWords.Says, noWords.Scopes, noWords.Reuse = nil, nil, 0
	lapsed := asked()
	lapsed.Buttons = []bridge.Button{notMe, deny, newCode}
	lapsed.Note = "The code has lapsed; the request is still open."
	fault := asked()
	fault.Note = "The provider corp could not give a code just now. You can try once more."
	loopback := coded()
	loopback.Host = "127.0.0.1:41873"
	loopback.Code.Address, loopback.Code.Host = "http://127.0.0.1:41873/device", loopback.Host
	loopback.Code.Open = bridge.NewSecret(loopback.Code.Address)
	held := minting()
	held.State, held.Minting, held.Headline, held.OpenTo = bridge.Held, false, "Checking the account", noon.Add(15*time.Minute)
	nobodys := asked()
	nobodys.Whose = "login.example.com may not tell the bridge whose account signs in: see to it yourself that it is yours."
	collected := given()
	granted, elsewhere := collected, collected
	granted.State, granted.EndedAt, granted.UsedAt = bridge.Granted, time.Time{}, time.Time{}
	revoked := ended(bridge.Collected, "Revoked", "You took back what helper had. It gets nothing more here; login.example.com is being told.")
	revoked.UsedAt, revoked.Until = noon.Add(time.Hour), noon.Add(2*time.Hour)
	elsewhere.State = bridge.Cancelled
	over := ended(bridge.Collected, "Approved", "helper had access, which is over. You signed in as alice@example.com.")
	over.Until = noon.Add(7 * time.Hour)
	lost := given()
	lost.Ending, lost.Live = "helper had access until login.example.com ended it. You signed in as alice@example.com. Revoke takes it off your list.", false
	lost.State, lost.UsedAt, lost.Until, lost.EndedAt = bridge.Cancelled, time.Time{}, time.Time{}, time.Time{}
	renewal := noWords
	renewal.Headline, renewal.Title, renewal.Renewal, renewal.Phrase = "Access has run out", "helper's access to corp has run out; renew it?", true, ""
	more := asked()
	more.Scopes[1].New = true
	cards := map[string]bridge.Card{
		"asked":             asked(),
		"asked-no-words":    noWords,
		"asked-more":        more,
		"asked-renewal":     renewal,
		"asked-minting":     minting(),
		"asked-lapsed":      lapsed,
		"asked-fault":       fault,
		"coded":             coded(),
		"coded-loopback":    loopback,
		"held":              held,
		"held-question":     questioned(),
		"asked-untold":      nobodys,
		"asked-digits":      withDigits(),
		"asked-digits-left": missed(),
		"granted":           granted,
		"collected":         collected,
		"collected-revoked": revoked,
		"collected-over":    over,
		"cancelled-lost":    lost,
		"collected-forgot":  ended(bridge.Collected, "Approved", "You gave helper access. You signed in as alice@example.com."),
		"cancelled-given":   elsewhere, // another request of helper collected it
		"denied":            denied(),
		"denied-not-me":     ended(bridge.Denied, "Denied", "You did not ask for this. helper got nothing. It may not ask you before you allow it again."),
		"expired":           ended(bridge.Expired, "Expired", "Nobody answered in time. helper got nothing."),
		"expired-uncollect": ended(bridge.Expired, "Expired", "helper did not come for what you gave. It was thrown away."),
		"cancelled":         ended(bridge.Cancelled, "Cancelled", "helper withdrew the request. You need do nothing."),
		"failed":            ended(bridge.Failed, "Failed", "The provider offers no device grant: unauthorized_client. helper got nothing."),
		"failed-mismatch":   ended(bridge.Failed, "Not used", "You signed in as bob@example.com; this request expected alice@example.com. What you gave was thrown away."),
	}
	maps.Copy(cards, teamCards())
	return cards
}

func testRenderer() *renderer { return newRenderer([]byte("a key for tests")) }

func TestCards(t *testing.T) {
	for name, c := range everyState() {
		t.Run(name, func(t *testing.T) {
			got, err := testRenderer().card(c)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "card-"+name, got)
		})
	}
}

// here is the session of the one who looks, elsewhere another one of theirs.
func here() session {
	return session{
		note: sessionNote(bridge.NewSecret("here")), Human: "alice", Mark: "0", Browser: "Firefox on Linux",
		Since: noon, Seen: noon, Until: noon.Add(sessionLife),
	}
}

func elsewhere() session {
	s := here()
	s.note, s.Browser, s.Through = sessionNote(bridge.NewSecret("elsewhere")), "Safari on iPhone", "corp"
	s.Since = noon.Add(-time.Hour)
	return s
}

func TestInboxPages(t *testing.T) {
	full := bridge.Inbox{
		Waiting: []bridge.Card{coded(), asked()}, Given: []bridge.Card{given()}, GivenMore: 3, Earlier: []bridge.Card{denied()},
		Stopped: []bridge.Suspension{{Agent: "ci", Human: "alice", Since: noon}, {Agent: "helper", Human: "bob", Since: noon}},
	}
	for name, in := range map[string]bridge.Inbox{"empty": {}, "full": full} {
		t.Run(name, func(t *testing.T) {
			got, err := testRenderer().inbox(here(), []session{here(), elsewhere()}, in)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "inbox-"+name, got)
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".html")
	got = append(slices.Clone(got), '\n')
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (make it with -update)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// The order of the lines is part of the contract: who asks and the way out
// stand before the code.
func TestLinesComeInOrder(t *testing.T) {
	c := coded()
	c.Note = "The provider corp could not give a code"
	text := textOf(t, c)
	at := 0
	for _, line := range []string{
		"Access request", "helper wants corp", "Who", "helper, on alice's laptop", "What", "read your files", "files:read",
		"calendar:read (no description on file)", "For 8 hours from your yes, then it is taken back; until then helper may ask again without you.",
		"Why", "The agent says (not checked):", "summarise the Q3 planning folder", "Check phrase", "amber falcon 42",
		"Not expected? Press I did not ask for this. Buttons here give nothing away: access is granted only on login.example.com.",
		"The provider corp could not give a code", "Open login.example.com/device and enter", "WDJB-MJHT", "The code lapses 4 Mar 2026, 12:15 UTC",
		"Open until 5 Mar 2026, 12:00 UTC", "I did not ask for this", "Deny", "Open login.example.com", "req 7F3B",
	} {
		i := strings.Index(text[at:], line)
		if i < 0 {
			t.Fatalf("%q is missing after %q", line, text[:at])
		}
		at += i + len(line)
	}
}

// Before the yes a card says how long it counts; afterwards only what is
// true now.
func TestHowLongAccessLasts(t *testing.T) {
	for name, want := range map[string]string{
		"asked":            "For 8 hours from your yes, then it is taken back; until then helper may ask again without you.",
		"coded":            "For 8 hours from your yes, then it is taken back; until then helper may ask again without you.",
		"asked-no-words":   "One token, for as long as the provider lets it live; helper has to ask you again every time.",
		"granted":          "",
		"collected":        "",
		"collected-over":   "",
		"collected-forgot": "",
		"cancelled-given":  "",
	} {
		text := textOf(t, everyState()[name])
		if want != "" && !strings.Contains(text, want) {
			t.Errorf("%s lacks %q:\n%s", name, want, text)
		}
		for _, no := range []string{"ask again without you", "ask you again", "from your yes"} {
			if want == "" && strings.Contains(text, no) {
				t.Errorf("%s is over and still says %q:\n%s", name, no, text)
			}
		}
		if want == "" && !strings.Contains(text, "read your files") {
			t.Errorf("%s does not say what was given:\n%s", name, text)
		}
	}
}

// A card that asks whose account it is says until when, and has a button for
// each answer, named as the contract names them.
func TestTheQuestionWhoseAccountItIs(t *testing.T) {
	text := textOf(t, questioned())
	for _, words := range []string{"Signed in as Octo Cat (583231) at login.example.com: mine / not mine?", "Open until 4 Mar 2026, 12:10 UTC", "Not mine Mine"} {
		if !strings.Contains(text, words) {
			t.Errorf("it lacks %q:\n%s", words, text)
		}
	}
	if spoken := (shown{Card: questioned()}).Spoken(); !strings.Contains(spoken, "mine / not mine?") {
		t.Errorf("read out is %q", spoken)
	}
	h := newHouse(t)
	alice := h.signIn("alice")
	h.desk.onClick(func(clicked) (bridge.Card, string, error) { return denied(), "", nil })
	h.call("POST", "/requests/"+string(request(0))+"/mine", as(alice)).expect(t, 200)
	if got := h.desk.clicks[0]; got.verb != bridge.VerbMine || got.who.Human != "alice" {
		t.Errorf("the press arrived as %+v", got)
	}
}

// What is being checked waits for nobody and is granted nowhere any more, but
// can still be taken back.
func TestHeldCardAsksForNothing(t *testing.T) {
	held := everyState()["held"]
	text := textOf(t, held)
	for _, no := range []string{"Open until", "granted only on", held.Host, "Not expected?", "4 Mar 2026"} {
		if strings.Contains(text, no) {
			t.Errorf("it says %q:\n%s", no, text)
		}
	}
	for _, yes := range []string{"Checking the account: helper wants corp", "Whose account signed in is being checked", "I did not ask for this", "Deny"} {
		if !strings.Contains(text, yes) {
			t.Errorf("it lacks %q:\n%s", yes, text)
		}
	}
}

func TestButtonsAreNamedAsTheContractSays(t *testing.T) {
	for name, want := range map[string][]string{
		"asked":         {"not_me=I did not ask for this", "deny=Deny", "show_code=Show code"},
		"asked-lapsed":  {"not_me=I did not ask for this", "deny=Deny", "show_code=Get a new code"},
		"asked-minting": {"not_me=I did not ask for this", "deny=Deny"},
		"coded":         {"not_me=I did not ask for this", "deny=Deny", "finished=I have finished"},
		"asked-fault":   {"not_me=I did not ask for this", "deny=Deny", "show_code=Show code"},
		"held":          {"not_me=I did not ask for this", "deny=Deny"},
		"denied":        nil,
		"granted":       {"revoke=Revoke"},
		"collected":     {"revoke=Revoke"},
	} {
		var got []string
		for _, n := range nodes(t, everyState()[name]) {
			if n.Data == "button" && attr(n, "data-verb") != "" {
				got = append(got, attr(n, "data-verb")+"="+inside(n))
			}
			if n.Data == "button" && attr(n, "type") != "button" {
				t.Errorf("%s: a button of type %q", name, attr(n, "type"))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestOpenLeadsToTheProvider(t *testing.T) {
	for _, n := range nodes(t, coded()) {
		if n.Data != "a" {
			continue
		}
		got := []string{attr(n, "href"), attr(n, "target"), attr(n, "rel"), inside(n)}
		want := []string{"https://login.example.com/device?user_code=WDJB-MJHT&lang=en", "_blank", "noopener noreferrer", "Open login.example.com"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		return
	}
	t.Error("there is no link")
}

// A code is on the card for its human's eyes, and in nothing that tools,
// logs or screen readers pass on by themselves.
func TestCodeStaysOutOfMetadata(t *testing.T) {
	in := bridge.Inbox{Waiting: []bridge.Card{coded()}}
	text, err := testRenderer().inbox(here(), []session{here(), elsewhere()}, in)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range parse(t, text) {
		for _, a := range n.Attr {
			if a.Key != "href" && strings.Contains(a.Val, "WDJB") {
				t.Errorf("the code stands in %s=%q", a.Key, a.Val)
			}
		}
	}
	one, other := newRenderer(newKey()), newRenderer(newKey())
	if one.etag(text) == other.etag(text) {
		t.Error("ETags are not keyed: the code could be found by trying all codes")
	}
	changed := coded()
	changed.Code.UserCode = bridge.NewSecret("WDJB-MJHX")
	if a, b := digestOf(t, coded()), digestOf(t, changed); a == b {
		t.Error("another code does not change the card's version")
	}
}

func digestOf(t *testing.T, c bridge.Card) string {
	t.Helper()
	s, err := testRenderer().digested(c)
	if err != nil {
		t.Fatal(err)
	}
	return s.Digest
}

func TestSpokenWords(t *testing.T) {
	for name, want := range map[string]string{
		"asked":         "Access request: helper wants corp.",
		"asked-minting": "helper wants corp. The code is on its way.",
		"asked-fault":   "helper wants corp. The provider corp could not give a code just now. You can try once more.",
		"coded":         "helper wants corp. The code is here.",
		"held":          "Checking the account: helper wants corp.",
		"denied":        "Denied: helper wants corp. You denied it. helper got nothing.",
	} {
		if got := (shown{Card: everyState()[name]}).Spoken(); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		30 * time.Second: "30 seconds", time.Minute: "1 minute", time.Hour: "1 hour", 8 * time.Hour: "8 hours",
		90 * time.Minute: "1 hour 30 minutes", 24 * time.Hour: "1 day", 61*time.Hour + 5*time.Minute: "2 days 13 hours 5 minutes",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// What is asked for besides scopes stands below them, on every card that says
// what is asked for, and it is said how far that is to be believed.
func TestDetailsStandBelowTheScopes(t *testing.T) {
	shared := asked()
	shared.Shared, shared.View, shared.Team, shared.Phrase = true, bridge.ViewTeam, "oncall", ""
	for name, c := range map[string]struct {
		card bridge.Card
		want string
	}{
		"asked":    {asked(), "calendar:read (no description on file) Details, as asked for (not checked): type: payment; amount: 12 EUR and to: “DE02 1001; Example” For 8 hours"},
		"coded":    {coded(), "Details, as asked for (not checked): type: payment; amount: 12 EUR"},
		"team":     {shared, "Details, as asked for (not checked): type: payment; amount: 12 EUR"},
		"approved": {given(), "Details, as granted: type: payment; amount: 12 EUR"},
	} {
		if text := textOf(t, c.card); strings.Contains(text, "Details") {
			t.Errorf("%s: there are none, and it says %q", name, text)
		}
		c.card.Details = []string{"type: payment; amount: 12 EUR", "and to: “DE02 1001; Example”"}
		if text := textOf(t, c.card); !strings.Contains(text, c.want) {
			t.Errorf("%s: %q is missing in %q", name, c.want, text)
		}
	}
}

// hostile are texts that want to be more than text.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</article></main><h1>Approved</h1>`,
	`<!--`, `-->`, `]]>`, `&lt;b&gt;`, `{{.Code.UserCode.Reveal}}`, `</blockquote><button data-verb="show_code">Deny</button>`,
	"\u202egnp.exe\u202c", "\u2067\u05d0\u05d1\u05d2 abc", "שלום, press Deny", strings.Repeat("W", 300), "a\u0300\u0301\u0302\u0303\u0304",
	"\x00\x08\x1b[2J", "\xff\xfe", "javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "`${alert(1)}`",
}

// The test gives each text to every field, trusted or not: the template must
// not depend on who vetted what.
func TestHostileTextStaysText(t *testing.T) {
	plain := skeleton(t, poisoned("harmless"))
	for _, text := range hostile {
		if diff := cmp.Diff(plain, skeleton(t, poisoned(text))); diff != "" {
			t.Errorf("%q changes the markup (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range hostile[:10] {
		if got := textOf(t, poisoned(text)); strings.Count(got, text) < 8 {
			t.Errorf("%q does not stand there as it is:\n%s", text, got)
		}
	}
}

func FuzzCardStaysACard(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			return // an empty text takes its line away
		}
		if diff := cmp.Diff(skeleton(t, poisoned("harmless")), skeleton(t, poisoned(text))); diff != "" {
			t.Errorf("%q changes the markup (-want +got):\n%s", text, diff)
		}
	})
}

// poisoned has the text wherever a text can be.
func poisoned(text string) bridge.Card {
	c := coded()
	c.Request = bridge.RequestID("req_" + text)
	c.Headline, c.Title, c.Who, c.Phrase, c.Note, c.Host = text, text, text, text, text, text
	c.Says, c.Details = []string{text, text}, []string{text}
	c.Scopes = []bridge.ScopeLine{{Words: text, Scope: text}}
	c.Code.UserCode, c.Code.Address, c.Code.Host, c.Code.Open = bridge.NewSecret(text), text, text, bridge.NewSecret(text)
	c.Buttons = []bridge.Button{{Verb: bridge.Verb(text), Label: text}}
	return c
}

// skeleton is the markup of a card without its texts: what elements there
// are, with which attributes, and where links may lead.
func skeleton(t *testing.T, c bridge.Card) []string {
	t.Helper()
	var all []string
	for _, n := range nodes(t, c) {
		if n.Data == "svg" || n.Data == "path" {
			continue // the QR picture: a long address has none, and it has no text of anybody's
		}
		line := n.Data
		for _, a := range n.Attr {
			line += " " + a.Key
			if a.Key != "href" {
				continue
			}
			if u, err := url.Parse(a.Val); err != nil || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "mailto" {
				t.Errorf("a link leads to %q", a.Val)
			}
		}
		all = append(all, line)
	}
	return all
}

func nodes(t *testing.T, c bridge.Card) []*html.Node {
	t.Helper()
	text, err := testRenderer().card(c)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

// parse lists the elements as a browser makes them of a page.
func parse(t *testing.T, text []byte) []*html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader("<!doctype html><main>" + string(text) + "</main>"))
	if err != nil {
		t.Fatal(err)
	}
	var all []*html.Node
	for n := range root.Descendants() {
		if n.Type != html.TextNode && n.Type != html.DoctypeNode {
			all = append(all, n)
		}
	}
	return all
}

func textOf(t *testing.T, c bridge.Card) string {
	t.Helper()
	return strings.Join(strings.Fields(inside(nodes(t, c)[0])), " ")
}

func inside(n *html.Node) string {
	var text strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			text.WriteString(d.Data)
		}
	}
	return text.String()
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
