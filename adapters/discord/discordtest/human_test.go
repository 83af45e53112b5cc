package discordtest

import (
	"strings"
	"testing"
)

// attempt is a test that is expected to end early.
type attempt struct {
	testing.TB
	failed bool
	ended  bool
}

func (a *attempt) Helper() {}

func (a *attempt) Errorf(string, ...any) { a.failed = true }

func (a *attempt) Fatalf(string, ...any) {
	a.failed, a.ended = true, true
	panic(a) // whoever calls Fatalf does not go on; fails takes it
}

// fails says whether something that people do fails their test.
func fails(t *testing.T, s *Discord, do func()) bool {
	t.Helper()
	a := &attempt{TB: t}
	s.t = a
	defer func() { s.t = t }()
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(a) {
				panic(r) // not of Fatalf's making
			}
		}()
		do()
	}()
	return a.failed
}

func TestOnlyWhatIsSeenCanBeUsed(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.post(c.direct(Alice), fields{"content": "one", "components": []fields{row(button(nil), button(fields{"label": "Off", "custom_id": "off", "disabled": true}))}})
	alice, bob := c.s.Person(Alice), c.s.Person(Bob)
	if !alice.Sees("Press") || alice.Sees("Off") || bob.Sees("Press") {
		t.Errorf("alice can press %v, what is off %v; bob %v", alice.Sees("Press"), alice.Sees("Off"), bob.Sees("Press"))
	}
	if got := alice.Button("Press").c.component.CustomID; got != "press" {
		t.Errorf("the button is %q", got)
	}
	c.post(c.direct(Alice), fields{"content": "two", "components": []fields{row(button(fields{"custom_id": "second"}))}})
	if got := alice.ButtonIn("two", "Press").c.component.CustomID; got != "second" {
		t.Errorf("the button near two is %q", got)
	}
	c.post(c.direct(Alice), fields{"content": "three", "components": []fields{
		row(button(fields{"custom_id": "above"}), button(fields{"label": "Next", "custom_id": "next"})),
		row(button(fields{"custom_id": "below"})),
	}})
	if got := alice.ButtonIn("[Press] [Next]", "Press").c.component.CustomID; got != "above" {
		t.Errorf("the first button at the words is %q", got)
	}
	c.post(c.direct(Alice), fields{"content": "four", "components": []fields{
		row(button(fields{"custom_id": "above"})), row(button(fields{"label": "Last", "custom_id": "last"}), button(fields{"custom_id": "below"})),
	}})
	if got := alice.ButtonIn("[Last]", "Press").c.component.CustomID; got != "below" {
		t.Errorf("the button at the words is %q", got)
	}
	for name, do := range map[string]func(){
		"two buttons with the label": func() { alice.Button("Press") },
		"one that is off":            func() { alice.Button("Off") },
		"one that another sees":      func() { bob.Button("Press") },
		"typing without a modal":     func() { alice.Type("Digits", "1") },
		"closing without a modal":    func() { alice.Close() },
		"dismissing what all see":    func() { alice.Dismiss("one") },
		"writing where one is not":   func() { alice.Write(Secret, "x") },
		"being nobody":               func() { c.s.Person("1") },
	} {
		if !fails(t, c.s, do) {
			t.Errorf("%s does not fail the test", name)
		}
	}
}

const digits = `{"custom_id":"m1","title":"The digits","components":[{"type":1,"components":[
	{"type":4,"custom_id":"d","label":"Digits","style":1,"min_length":4,"max_length":4,"placeholder":"from the agent"}]}]}`

// open puts a modal in front of somebody.
func (c caller) open(user, data string) *modal {
	c.t.Helper()
	m, err := readModal([]byte(data))
	if err != nil {
		c.t.Fatal(err)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	m.user = user
	c.s.show(m)
	return m
}

func TestAModalIsInFrontOfAll(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.post(Deploys, fields{"content": "x", "components": []fields{row(button(nil))}})
	m := c.open(Alice, digits)
	alice := c.s.Person(Alice)
	want := "== modal: The digits\nDigits: [____]\n. (from the agent)\n[Cancel] [Submit]"
	if got := alice.Screen(); !strings.HasSuffix(got, want) || alice.Sees("Press") || !c.s.Person(Bob).Sees("Press") {
		t.Errorf("alice sees\n%s\nand can press what is behind: %v", got, alice.Sees("Press"))
	}
	for _, typed := range [][2]string{{"", "This field is required."}, {"47", "This is too short."}, {"4711", ""}} {
		alice.Type("Digits", typed[0])
		if got := m.incomplete()["d"]; got != typed[1] {
			t.Errorf("of %q Discord says %q", typed[0], got)
		}
	}
	if got := alice.Screen(); !strings.Contains(got, "Digits: [4711]\n[Cancel]") {
		t.Errorf("alice sees\n%s", got)
	}
	if !fails(t, c.s, func() { alice.Type("Digits", "47110") }) {
		t.Error("more is typed than the input takes")
	}
	c.open(Alice, digits)
	alice.Close()
	if !alice.Sees("Press") {
		t.Errorf("after closing it alice sees\n%s", alice.Screen())
	}
}

func TestWrongModalsAreRefused(t *testing.T) {
	t.Parallel()
	input := `{"type":4,"custom_id":"d","style":1}`
	modalOf := func(components string) string {
		return `{"custom_id":"m","title":"t","components":[` + components + `]}`
	}
	if _, err := ShowModal([]byte(modalOf(`{"type":18,"label":"Digits","description":"four","component":` + input + `}`))); err != nil {
		t.Errorf("a right modal is refused: %v", err)
	}
	for name, data := range map[string]string{
		"no title":              `{"custom_id":"m","components":[{"type":18,"label":"x","component":` + input + `}]}`,
		"a long title":          `{"custom_id":"m","title":"` + strings.Repeat("x", 46) + `","components":[{"type":18,"label":"x","component":` + input + `}]}`,
		"no id":                 `{"title":"t","components":[{"type":18,"label":"x","component":` + input + `}]}`,
		"nothing in it":         modalOf(""),
		"no label":              modalOf(`{"type":18,"component":` + input + `}`),
		"a label in a label":    modalOf(`{"type":18,"label":"x","component":{"type":4,"custom_id":"d","style":1,"label":"y"}}`),
		"a long label":          modalOf(`{"type":18,"label":"` + strings.Repeat("x", 46) + `","component":` + input + `}`),
		"a row without a label": modalOf(`{"type":1,"components":[` + input + `]}`),
		"a button":              modalOf(`{"type":1,"components":[{"type":2,"custom_id":"d","style":1,"label":"x"}]}`),
		"an input as it is":     modalOf(input),
		"no style":              modalOf(`{"type":18,"label":"x","component":{"type":4,"custom_id":"d"}}`),
		"more least than most":  modalOf(`{"type":18,"label":"x","component":{"type":4,"custom_id":"d","style":1,"min_length":5,"max_length":4}}`),
		"the same id twice":     modalOf(`{"type":18,"label":"x","component":` + input + `},{"type":18,"label":"y","component":` + input + `}`),
		"words beside it":       `{"custom_id":"m","title":"t","content":"x","components":[{"type":18,"label":"x","component":` + input + `}]}`,
		"an unknown field":      `{"custom_id":"m","title":"t","notify_on_close":true,"components":[{"type":18,"label":"x","component":` + input + `}]}`,
	} {
		if _, err := ShowModal([]byte(data)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestWhatOnlyOneSees(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.mu.Lock()
	c.s.add(&message{channel: Deploys, author: c.s.world.App.Bot, to: Bob, flags: ephemeral, content: "your code, <@" + Bob + ">", allowed: *everything()})
	c.s.mu.Unlock()
	bob := c.s.Person(Bob)
	if got := bob.Screen(); got != "== #deploys\n@authbridge, only you can see this\nyour code, @bob" {
		t.Errorf("bob sees\n%s", got)
	}
	if c.s.Person(Alice).Screen() != "" || c.s.Pushes(Bob) != nil {
		t.Error("others see what only bob is to see, or a phone shows it")
	}
	bob.Dismiss("your code")
	if got := bob.Screen(); got != "" {
		t.Errorf("after dismissing it bob sees\n%s", got)
	}
	c.s.mu.Lock()
	c.s.add(&message{channel: Deploys, author: c.s.world.App.Bot, to: Bob, flags: ephemeral, content: "another"})
	c.s.mu.Unlock()
	bob.Reload()
	if got := bob.Screen(); got != "" {
		t.Errorf("after starting anew bob sees\n%s", got)
	}
}

func TestAMessageIsJudgedWithoutADiscord(t *testing.T) {
	t.Parallel()
	shown, err := ShowMessage([]byte(`{"content":"**hi** <@1>","components":[{"type":1,"components":[{"type":2,"style":2,"label":"Go","custom_id":"g"}]}]}`), born("0"))
	if err != nil || shown.Seen != "hi @1\n[Go]" || shown.Heard != "hi @1\nbutton: Go" || shown.Reading.Mentions[0] != "@1" {
		t.Errorf("it is shown as %+v, %v", shown, err)
	}
	for _, body := range []string{`{"content":""}`, `{"content":"x","flags":1}`, `{"contents":"x"}`, `{"content":"x","nonce":{}}`, ``} {
		if _, err := ShowMessage([]byte(body), born("0")); err == nil {
			t.Errorf("%s is taken", body)
		}
	}
}
