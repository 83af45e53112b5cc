package slack

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestAPressSaysWhoWhereAndWhat(t *testing.T) {
	t.Parallel()
	in, err := parseInteraction([]byte(pressPayload("trigger")))
	if err != nil {
		t.Fatal(err)
	}
	want := inbound{
		kind: pressed, id: "trigger", at: in.at, app: "A0BRIDGE", team: "T0ACME", user: "U0ALICE", userTeam: "T0ACME",
		container: "message", channel: "D0ALICE", message: "1700000000.000100",
		trigger: in.trigger, responseURL: in.responseURL, actions: in.actions,
	}
	if fmt.Sprintf("%v", fields(in)) != fmt.Sprintf("%v", fields(want)) {
		t.Errorf("read %v, want %v", fields(in), fields(want))
	}
	if len(in.actions) != 1 || in.actions[0] != (action{id: "ab.v1.deny", value: "req_1"}) {
		t.Errorf("the buttons are %v", in.actions)
	}
	if in.trigger.Reveal() != "trigger" || in.responseURL.Reveal() != "https://hooks.example.com/secret-answer" {
		t.Error("the ways back are not there")
	}
}

// fields is an inbound without its way of hiding what it holds.
func fields(in inbound) any {
	type bare inbound
	return bare(in)
}

func TestASubmissionSaysWhatWasTyped(t *testing.T) {
	t.Parallel()
	in, err := parseInteraction([]byte(submissionPayload("trigger")))
	if err != nil {
		t.Fatal(err)
	}
	if in.kind != submitted || in.view != (view{id: "V0DIGITS", kind: "modal", callback: "ab.v1.digits", private: "req_1", hash: "1.a", typed: "4711"}) {
		t.Errorf("read %v of the view %+v", in.kind, in.view)
	}
	two := strings.Replace(submissionPayload("trigger"), `"values":{`, `"values":{"c":{"more":{"type":"plain_text_input","value":"1"}},`, 1)
	if in, err := parseInteraction([]byte(two)); err != nil || in.view.typed != "" {
		t.Errorf("of two inputs one was taken: %q, %v", in.view.typed, err)
	}
}

// TestWhatContradictsItselfIsDropped: a press is on the message or view that
// its container names, and on no other.
func TestWhatContradictsItselfIsDropped(t *testing.T) {
	t.Parallel()
	good := pressPayload("trigger")
	for name, payload := range map[string]string{
		"another channel":          strings.Replace(good, `"channel":{"id":"D0ALICE"`, `"channel":{"id":"C0OTHER"`, 1),
		"no message":               strings.Replace(good, `"message_ts":"1700000000.000100",`, ``, 1),
		"no container":             strings.Replace(good, `"type":"message"`, `"type":""`, 1),
		"an attachment":            strings.Replace(good, `"type":"message"`, `"type":"message_attachment"`, 1),
		"a view that is not there": strings.Replace(good, `"type":"message"`, `"type":"view"`, 1),
		"nobody":                   strings.Replace(good, `"user":{"id":"U0ALICE"`, `"user":{"id":""`, 1),
		"a name without end":       strings.Replace(good, `"user":{"id":"U0ALICE"`, `"user":{"id":"`+strings.Repeat("U", 256)+`"`, 1),
		"hundreds of buttons":      strings.Replace(good, `"actions":[`, `"actions":[`+strings.Repeat(`{"action_id":"a"},`, 100), 1),
		"another view":             `{"type":"block_actions","user":{"id":"U0ALICE"},"trigger_id":"t","container":{"type":"view","view_id":"V0OTHER"},"view":{"id":"V0MINE","type":"modal"},"actions":[{"action_id":"ab.v1.deny"}]}`,
		"a submission of no view":  `{"type":"view_submission","user":{"id":"U0ALICE"},"trigger_id":"t"}`,
	} {
		if payload == good {
			t.Fatalf("%s: the payload was not changed", name)
		}
		if in, err := parseInteraction([]byte(payload)); err == nil {
			t.Errorf("%s: taken as %v", name, in)
		}
	}
}

// TestNoPartOfAPayloadIsToldByAccident: neither an inbound nor what is said of
// an unreadable one repeats what may be a secret.
func TestNoPartOfAPayloadIsToldByAccident(t *testing.T) {
	t.Parallel()
	in, err := parseCommandForm(commandForm())
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if said := fmt.Sprintf(verb, in); strings.Contains(said, "WDJB") || strings.Contains(said, "secret-answer") || strings.Contains(said, in.trigger.Reveal()) {
			t.Errorf("%s says %s", verb, said)
		}
	}
	for _, payload := range []string{`{"text":{"WDJB":1}}`, `{"text":123456789}`, `"WDJB"`, `WDJB`} {
		_, err := parseCommand([]byte(payload))
		if err == nil || strings.Contains(err.Error(), "WDJB") || strings.Contains(err.Error(), "123456789") {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

// TestOnlyTheBotsTokenIsOurs: that people took back tokens of their own changes
// nothing for the bridge.
func TestOnlyTheBotsTokenIsOurs(t *testing.T) {
	t.Parallel()
	for tokens, want := range map[string]error{`"bot":["U0BRIDGE"]`: nil, `"oauth":["U0ALICE"]`: errIgnored, `"oauth":["U0ALICE"],"bot":[]`: errIgnored} {
		_, err := parseEvent([]byte(`{"type":"event_callback","event_id":"Ev1","event":{"type":"tokens_revoked","tokens":{` + tokens + `}}}`))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", tokens, err)
		}
	}
}

func FuzzPayloads(f *testing.F) {
	for _, seed := range []string{pressPayload("t"), submissionPayload("t"), closingPayload, `{"command":"/authbridge","user_id":"U","trigger_id":"t"}`, `{"type":"event_callback","event_id":"E","event":{"type":"app_uninstalled"}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, parse := range []func([]byte) (inbound, error){parseInteraction, parseCommand, parseEvent} {
			in, err := parse(payload)
			if err != nil && !errors.Is(err, errIgnored) && len(err.Error()) > 200 {
				t.Errorf("the error repeats the payload: %v", err)
			}
			if err == nil && (in.id == "" || in.kind == "" || in.user == "" && in.kind != uninstalled && in.kind != revoked) {
				t.Errorf("taken without an id, a kind or a user: %v", in)
			}
		}
	})
}
