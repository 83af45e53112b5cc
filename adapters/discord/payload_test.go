package discord

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/bwmarrin/discordgo"
)

const (
	person     = `{"id":"1500000000000000001","username":"alice","discriminator":"0"}`
	memberPart = `"guild_id":"1300000000000000001","member":{"user":` + person + `,"roles":["1600000000000000001","1600000000000000002"],"pending":true}`
	heading    = `"id":"1800000000000000001","application_id":"1100000000000000001","token":"secret","version":1,"channel_id":"1400000000000000001"`
)

// TestWhatDiscordSends is read from payloads as it documents them.
func TestWhatDiscordSends(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payload string
		want    inbound
	}{
		"a press in a guild": {
			`{` + heading + `,"type":3,` + memberPart + `,"context":0,"message":{"id":"1700000000000000001","flags":64,"content":"x"},"data":{"custom_id":"ab1:claim:r1","component_type":2,"id":3}}`,
			inbound{
				kind: pressed, guild: "1300000000000000001", roles: []string{"1600000000000000001", "1600000000000000002"}, pending: true,
				message: "1700000000000000001", ephemeral: true, custom: "ab1:claim:r1",
			},
		},
		"a press in a direct message": {
			`{` + heading + `,"type":3,"user":` + person + `,"context":1,"channel":{"id":"1400000000000000001","type":1},"message":{"id":"1700000000000000001","flags":4},"data":{"custom_id":"ab1:deny:r1","component_type":2}}`,
			inbound{kind: pressed, direct: true, message: "1700000000000000001", custom: "ab1:deny:r1"},
		},
		"a press by a bot, before there were contexts": {
			`{` + heading + `,"type":3,"user":{"id":"1500000000000000001","bot":true},"message":{"id":"1700000000000000001"},"data":{"custom_id":"x","component_type":2}}`,
			inbound{kind: pressed, direct: true, bot: true, message: "1700000000000000001", custom: "x"},
		},
		"a press in a guild, before there were contexts": {
			`{` + heading + `,"type":3,` + strings.Replace(memberPart, "true", "false", 1) + `,"message":{"id":"1700000000000000001"},"data":{"custom_id":"x","component_type":2}}`,
			inbound{
				kind: pressed, guild: "1300000000000000001", roles: []string{"1600000000000000001", "1600000000000000002"},
				message: "1700000000000000001", custom: "x",
			},
		},
		"a press by Discord itself": {
			`{` + heading + `,"type":3,"user":{"id":"1500000000000000001","system":true},"context":1,"message":{"id":"1700000000000000001"},"data":{"custom_id":"x","component_type":2}}`,
			inbound{kind: pressed, direct: true, bot: true, message: "1700000000000000001", custom: "x"},
		},
		"a modal of rows": {
			`{` + heading + `,"type":5,"user":` + person + `,"context":1,"data":{"custom_id":"ab1:digits:r1","components":[{"type":1,"id":1,"components":[{"type":4,"id":2,"custom_id":"digits","value":"4711"}]}]}}`,
			inbound{kind: submitted, direct: true, custom: "ab1:digits:r1", typed: "4711"},
		},
		"a modal of labels": {
			`{` + heading + `,"type":5,"user":` + person + `,"context":1,"data":{"custom_id":"ab1:digits:r1","components":[{"type":18,"id":1,"component":{"type":4,"id":2,"custom_id":"digits","value":"4711"}}]}}`,
			inbound{kind: submitted, direct: true, custom: "ab1:digits:r1", typed: "4711"},
		},
		"a modal of two inputs, which is none of ours": {
			`{` + heading + `,"type":5,"user":` + person + `,"context":1,"data":{"custom_id":"x","components":[{"type":1,"components":[{"type":4,"value":"1"},{"type":4,"value":"2"}]}]}}`,
			inbound{kind: submitted, direct: true, custom: "x"},
		},
		"a command": {
			`{` + heading + `,"type":2,"user":` + person + `,"context":1,"data":{"id":"1","name":"authbridge","type":1,"options":[{"name":"link","type":1,"options":[{"name":"code","type":3,"value":"ABCD"},{"name":"n","type":4,"value":7}]}]}}`,
			inbound{kind: commanded, direct: true, command: "link", options: map[string]string{"code": "ABCD", "n": ""}},
		},
		"a value in the place of a subcommand": {
			`{` + heading + `,"type":2,"user":` + person + `,"context":1,"data":{"id":"1","name":"authbridge","type":1,"options":[{"name":"unlink","type":3,"value":"x"}]}}`,
			inbound{kind: commanded, direct: true, options: map[string]string{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, err := parse([]byte(c.payload))
			if err != nil {
				t.Fatal(err)
			}
			if in.token.Reveal() != "secret" || in.at.IsZero() {
				t.Error("it has no token or no time")
			}
			c.want.id, c.want.app, c.want.user, c.want.channel = "1800000000000000001", testApp, "1500000000000000001", "1400000000000000001"
			c.want.at, c.want.token = in.at, in.token
			if !reflect.DeepEqual(in, c.want) {
				t.Errorf("it is\n%+v\nwant\n%+v", fields(in), fields(c.want))
			}
		})
	}
}

// fields shows what an inbound does not say of itself.
func fields(in inbound) any {
	type bare inbound
	return bare(in)
}

// TestWhatIsNothingToUs is ignored, and what Discord never sends is refused.
func TestWhatIsNothingToUs(t *testing.T) {
	t.Parallel()
	const button = `"data":{"custom_id":"x","component_type":2}`
	const card = `"message":{"id":"1700000000000000001"}`
	alter := func(from, to string) string {
		whole := `{` + heading + `,"type":3,"user":` + person + `,"context":1,` + card + `,` + button + `}`
		if !strings.Contains(whole, from) {
			t.Fatalf("nothing to alter at %s", from)
		}
		return strings.Replace(whole, from, to, 1)
	}
	for name, c := range map[string]struct {
		payload string
		ignored bool
	}{
		"a menu":                  {alter(`"component_type":2`, `"component_type":3`), true},
		"a word being typed":      {alter(`"type":3`, `"type":4`), true},
		"a kind of tomorrow":      {alter(`"type":3`, `"type":99`), true},
		"a group of people":       {alter(`"context":1`, `"context":2`), true},
		"people, before contexts": {alter(`"context":1`, `"channel":{"id":"1400000000000000001","type":3}`), true},
		"another's command":       {alter(`"type":3`, `"type":2`), true},
		"a command by a name":     {strings.Replace(alter(`"type":3`, `"type":2`), button, `"data":{"name":"authbridges","type":1}`, 1), true},
		"a command on a user":     {strings.Replace(alter(`"type":3`, `"type":2`), button, `"data":{"name":"authbridge","type":2}`, 1), true},
		"nobody":                  {alter(`"user":`+person+`,`, ``), false},
		"a guild without member":  {alter(`"context":1`, `"guild_id":"1300000000000000001"`), false},
		"no message":              {alter(card+`,`, ``), false},
		"two channels":            {alter(`"context":1`, `"channel":{"id":"1400000000000000002","type":1}`), false},
		"a path as an id":         {alter(`"1800000000000000001"`, `"1/../2"`), false},
		"a path as a message":     {alter(`"1700000000000000001"`, `"1/../2"`), false},
		"a path as a token":       {alter(`"secret"`, `"a/../b"`), false},
		"no token":                {alter(`"secret"`, `""`), false},
		"a token without an end":  {alter(`"secret"`, `"`+strings.Repeat("x", maxToken+1)+`"`), false},
		"an id without an end":    {alter(`"1800000000000000001"`, `"`+strings.Repeat("1", 21)+`"`), false},
		"a role by name":          {strings.Replace(alter(`"user":`+person, memberPart), `"1600000000000000002"`, `"admin"`, 1), false},
		"a custom_id with no end": {alter(`"custom_id":"x"`, `"custom_id":"`+strings.Repeat("x", 101)+`"`), false},
		"a number for a user":     {alter(`"user":`+person, `"user":7`), false},
		"no object":               {`[]`, false},
		"null":                    {`null`, false},
		"no JSON":                 {`{`, false},
		"data of another kind":    {alter(button, `"data":"secret"`), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse([]byte(c.payload))
			if err == nil || errors.Is(err, errIgnored) != c.ignored {
				t.Errorf("it is taken for %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats it: %v", err)
			}
		})
	}
}

// TestAnswersAreOnesThatDiscordTakes for what they answer.
func TestAnswersAreOnesThatDiscordTakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   inbound
		want string
	}{
		"a press":                   {inbound{kind: pressed, message: "1"}, `{"type":6}`},
		"a modal of a message":      {inbound{kind: submitted, message: "1"}, `{"type":6}`},
		"a modal of a command":      {inbound{kind: submitted}, `{"data":{"flags":64},"type":5}`},
		"a command in a guild":      {inbound{kind: commanded, guild: "1"}, `{"data":{"flags":64},"type":5}`},
		"a command in our own chat": {inbound{kind: commanded, direct: true}, `{"data":{"flags":64},"type":5}`},
	} {
		raw, err := json.Marshal(plain(c.in))
		if err != nil || string(raw) != c.want {
			t.Errorf("%s is answered %s, want %s (%v)", name, raw, c.want, err)
		}
		var r discordgo.InteractionResponse
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOnlyWhatMayHoldSomethingWaits: a press that changes something is answered
// at once.
func TestOnlyWhatMayHoldSomethingWaits(t *testing.T) {
	t.Parallel()
	for custom, waits := range map[string]bool{
		"ab1:show_code:r1": true, "ab1:claim:r1": true, "ab1:revoke:r1": true, "ab1:decline:r1": true, "ab1:sure.revoke:r1": true, "ab1:page:2": true,
		"ab1:deny:r1": false, "ab1:not_me:r1": false, "ab1:release:r1": false, "ab1:show_again:r1": false, "ab1:finished:r1": false, "": false, "x": false,
	} {
		if _, patience := (inbound{kind: pressed, custom: custom}).Matter(); (patience > 0) != waits {
			t.Errorf("%q waits for %s", custom, patience)
		}
	}
	for _, k := range []kind{submitted, commanded} {
		if _, patience := (inbound{kind: k}).Matter(); patience != ackPatience {
			t.Errorf("a %s waits for %s", k, patience)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(pressPayload(1, "ab1:claim:r1")))
	f.Add([]byte(`{` + heading + `,"type":5,"user":` + person + `,"data":{"components":[{"type":18,"component":{"type":4,"value":"1"}}]}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		in, err := parse(payload)
		if err != nil {
			return
		}
		if in.user == "" || in.kind == "" || in.guild == "" && !in.direct || strings.ContainsAny(in.token.Reveal()+in.id, "/?#") {
			t.Errorf("taken: %+v", fields(in))
		}
	})
}
