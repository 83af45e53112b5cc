package slacktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// The makers of blocks below are right unless a change is told.

type fields = map[string]any

func with(b fields, changes fields) fields {
	b = maps.Clone(b)
	for field, value := range changes {
		b[field] = value
		if value == nil {
			delete(b, field)
		}
	}
	return b
}

func plainText(text string) fields { return fields{"type": "plain_text", "text": text} }

func mrkdwn(text string) fields { return fields{"type": "mrkdwn", "text": text} }

func button(changes fields) fields {
	return with(fields{"type": "button", "text": plainText("Press"), "action_id": "press", "value": "1"}, changes)
}

func confirm(changes fields) fields {
	return with(fields{
		"title": plainText("Sure?"), "text": plainText("It ends."),
		"confirm": plainText("Yes"), "deny": plainText("No"), "style": "danger",
	}, changes)
}

func actions(elements ...any) fields { return fields{"type": "actions", "elements": elements} }

func section(changes fields) fields {
	return with(fields{"type": "section", "text": mrkdwn("words")}, changes)
}

func input(changes fields) fields {
	element := fields{"type": "plain_text_input", "action_id": "typed", "max_length": 4, "placeholder": plainText("0000")}
	return with(fields{"type": "input", "block_id": "digits", "label": plainText("Digits"), "element": element}, changes)
}

func modal(changes fields) fields {
	return with(fields{
		"type": "modal", "title": plainText("Authorize"), "submit": plainText("Show code"), "close": plainText("Cancel"),
		"blocks": []any{section(nil), input(nil)}, "private_metadata": "m", "notify_on_close": true,
	}, changes)
}

func repeat(n int, b fields) []any {
	var all []any
	for range n {
		all = append(all, b)
	}
	return all
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestBlocksThatSlackTakes(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("x", n) }
	for name, blocks := range map[string][]any{
		"none":              {},
		"as many as fit":    repeat(50, fields{"type": "divider"}),
		"a header":          {fields{"type": "header", "block_id": x(255), "text": plainText(x(150))}},
		"a section":         {section(fields{"text": mrkdwn(x(3000)), "expand": true})},
		"fields":            {fields{"type": "section", "fields": repeat(10, plainText("x"))}},
		"a button beside":   {section(fields{"accessory": button(nil)})},
		"a picture beside":  {section(fields{"accessory": fields{"type": "image", "image_url": "https://a.example/i.png", "alt_text": "i"}})},
		"small print":       {fields{"type": "context", "elements": repeat(10, mrkdwn("x"))}},
		"buttons":           {actions(button(nil), button(fields{"action_id": "b", "style": "primary"}))},
		"the same, apart":   {actions(button(nil)), actions(button(nil))},
		"a link":            {actions(button(fields{"url": "https://github.com/login/device", "text": plainText(x(75)), "accessibility_label": x(75)}))},
		"a second question": {actions(button(fields{"confirm": confirm(nil), "value": x(2000), "action_id": x(255)}))},
		"a picture":         {fields{"type": "image", "image_url": "https://a.example/i.png", "alt_text": "i", "title": plainText("t")}},
	} {
		if err := CheckMessage(encoded(t, blocks)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBlocksThatSlackRefuses has for each rule the blocks that break it, and
// the place that the error names.
func TestBlocksThatSlackRefuses(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("x", n) }
	refuses := func(place string, blocks ...any) {
		t.Helper()
		if err := CheckMessage(encoded(t, blocks)); err == nil || !strings.Contains(err.Error(), ": "+place+":") {
			t.Errorf("want a refusal at %s, got %v", place, err)
		}
	}
	refuses("/blocks", repeat(51, fields{"type": "divider"})...)
	refuses("/blocks/0", "words")
	refuses("/blocks/0", fields{"type": "carousel"})
	refuses("/blocks/0", fields{"type": "divider", "colour": "red"})
	refuses("/blocks/0/block_id", fields{"type": "divider", "block_id": x(256)})
	refuses("/blocks/1/block_id", fields{"type": "divider", "block_id": "a"}, fields{"type": "divider", "block_id": "a"})
	refuses("/blocks/0", input(nil))

	refuses("/blocks/0/text/text", fields{"type": "header", "text": plainText(x(151))})
	refuses("/blocks/0/text/text", fields{"type": "header", "text": plainText("")})
	refuses("/blocks/0/text", fields{"type": "header", "text": mrkdwn("x")})
	refuses("/blocks/0", fields{"type": "section"})
	refuses("/blocks/0/text/text", section(fields{"text": mrkdwn(x(3001))}))
	refuses("/blocks/0/text/text", section(fields{"text": plainText(strings.Repeat("😀", 1501))}))
	refuses("/blocks/0/text", section(fields{"text": with(mrkdwn("x"), fields{"emoji": false})}))
	refuses("/blocks/0/text", section(fields{"text": with(plainText("x"), fields{"verbatim": true})}))
	refuses("/blocks/0/fields", fields{"type": "section", "fields": repeat(11, plainText("x"))})
	refuses("/blocks/0/fields/0/text", fields{"type": "section", "fields": repeat(1, plainText(x(2001)))})
	refuses("/blocks/0/elements", fields{"type": "context", "elements": repeat(11, plainText("x"))})
	refuses("/blocks/0/elements/0", fields{"type": "context", "elements": []any{button(nil)}})
	refuses("/blocks/0/image_url", fields{"type": "image", "image_url": "http://a.example/i.png", "alt_text": "i"})
	refuses("/blocks/0/alt_text", fields{"type": "image", "image_url": "https://a.example/i.png"})

	refuses("/blocks/0/elements", actions())
	refuses("/blocks/0/elements", actions(repeat(26, button(fields{"action_id": nil}))...))
	refuses("/blocks/0/elements/1/action_id", actions(button(nil), button(nil)))
	refuses("/blocks/0/elements/0", actions(fields{"type": "channels_select"}))
	refuses("/blocks/0/elements/0", actions(button(fields{"colour": "red"})))
	refuses("/blocks/0/elements/0/text", actions(button(fields{"text": mrkdwn("x")})))
	refuses("/blocks/0/elements/0/text/text", actions(button(fields{"text": plainText(x(76))})))
	refuses("/blocks/0/elements/0/action_id", actions(button(fields{"action_id": x(256)})))
	refuses("/blocks/0/elements/0/value", actions(button(fields{"value": x(2001)})))
	refuses("/blocks/0/elements/0/style", actions(button(fields{"style": "default"})))
	refuses("/blocks/0/elements/0/accessibility_label", actions(button(fields{"accessibility_label": x(76)})))
	refuses("/blocks/0/elements/0/url", actions(button(fields{"url": "ftp://a.example"})))
	refuses("/blocks/0/elements/0/url", actions(button(fields{"url": "https://a.example/" + x(3000)})))
	refuses("/blocks/0/accessory", section(fields{"accessory": fields{"type": "plain_text_input"}}))

	asks := func(changes fields) fields { return actions(button(fields{"confirm": confirm(changes)})) }
	const at = "/blocks/0/elements/0/confirm"
	refuses(at+"/title/text", asks(fields{"title": plainText(x(101))}))
	refuses(at+"/title", asks(fields{"title": mrkdwn("x")}))
	refuses(at+"/text/text", asks(fields{"text": plainText(x(301))}))
	refuses(at+"/confirm/text", asks(fields{"confirm": plainText(x(31))}))
	refuses(at+"/deny", asks(fields{"deny": nil}))
	refuses(at+"/style", asks(fields{"style": "loud"}))

	if err := CheckMessage(encoded(t, repeat(5, section(fields{"text": mrkdwn(x(3000))})))); err == nil || !strings.HasPrefix(err.Error(), "msg_blocks_too_long") {
		t.Errorf("15000 characters: %v", err)
	}
}

func TestViewsThatSlackTakes(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("x", n) }
	for name, view := range map[string]fields{
		"a modal":          modal(nil),
		"a long modal":     modal(fields{"blocks": repeat(100, fields{"type": "divider"})}),
		"a modal to read":  modal(fields{"submit": nil, "blocks": []any{section(nil)}}),
		"all that it says": modal(fields{"title": plainText(x(24)), "callback_id": x(255), "external_id": x(255), "private_metadata": x(3000)}),
		"Home":             {"type": "home", "blocks": []any{section(nil), actions(button(nil))}},
		"a long Home":      {"type": "home", "blocks": repeat(50, section(fields{"text": mrkdwn(x(3000))}))},
	} {
		if err := CheckView(encoded(t, view)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestViewsThatSlackRefuses(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("x", n) }
	typing := func(changes fields) fields {
		return modal(fields{"blocks": []any{input(fields{"element": with(input(nil)["element"].(fields), changes)})}})
	}
	for i, c := range []struct {
		place string
		view  any
	}{
		{"/view", fields{"type": "page", "blocks": []any{}}},
		{"/view", modal(fields{"blocks": nil})},
		{"/view", modal(fields{"colour": "red"})},
		{"/view/title/text", modal(fields{"title": plainText(x(25))})},
		{"/view/title", modal(fields{"title": mrkdwn("x")})},
		{"/view/title", modal(fields{"title": nil})},
		{"/view/submit/text", modal(fields{"submit": plainText(x(25))})},
		{"/view/close", modal(fields{"close": mrkdwn("x")})},
		{"/view/submit", modal(fields{"submit": nil})},
		{"/view/private_metadata", modal(fields{"private_metadata": x(3001)})},
		{"/view/callback_id", modal(fields{"callback_id": x(256)})},
		{"/view/external_id", modal(fields{"external_id": x(256)})},
		{"/blocks", modal(fields{"blocks": repeat(101, fields{"type": "divider"})})},
		{"/blocks/1/block_id", modal(fields{"blocks": []any{input(nil), input(nil)}})},
		{"/blocks/0/label", modal(fields{"blocks": []any{input(fields{"label": mrkdwn("x")})}})},
		{"/blocks/0/hint", modal(fields{"blocks": []any{input(fields{"hint": mrkdwn("x")})}})},
		{"/blocks/0/element", modal(fields{"blocks": []any{input(fields{"element": button(nil)})}})},
		{"/blocks/0/element/max_length", typing(fields{"max_length": 3001})},
		{"/blocks/0/element/min_length", typing(fields{"min_length": -1})},
		{"/blocks/0/element/initial_value", typing(fields{"initial_value": x(3001)})},
		{"/blocks/0/element/placeholder/text", typing(fields{"placeholder": plainText(x(151))})},
		{"/blocks/0/element", typing(fields{"colour": "red"})},
		{"/view", fields{"type": "home", "title": plainText("x"), "blocks": []any{}}},
		{"/blocks/0", fields{"type": "home", "blocks": []any{input(nil)}}},
	} {
		if err := CheckView(encoded(t, c.view)); err == nil || !strings.Contains(err.Error(), ": "+c.place+":") {
			t.Errorf("case %d: want a refusal at %s, got %v", i, c.place, err)
		}
	}
	if err := CheckView(encoded(t, modal(fields{"colour": x(maxView)}))); err == nil || !strings.HasPrefix(err.Error(), "view_too_large") {
		t.Errorf("a view of 250 kB: %v", err)
	}
}

func TestTwoInputsCannotBothHaveTheFocus(t *testing.T) {
	t.Parallel()
	focus := func(id string) fields {
		return input(fields{"block_id": id, "element": fields{"type": "plain_text_input", "focus_on_load": true}})
	}
	if err := CheckView(encoded(t, modal(fields{"blocks": []any{focus("a")}}))); err != nil {
		t.Error(err)
	}
	if err := CheckView(encoded(t, modal(fields{"blocks": []any{focus("a"), focus("b")}}))); err == nil {
		t.Error("two have it")
	}
}

func TestBlocksGetTheIDsThatTheyLack(t *testing.T) {
	t.Parallel()
	c := office(t)
	blocks := encoded(t, []any{fields{"type": "divider"}, actions(button(fields{"action_id": nil})), fields{"type": "divider", "block_id": "mine"}})
	a := c.granted(c.form("chat.postMessage", "channel", "C0DEPLOYS", "text", "x", "blocks", string(blocks)))
	seen := map[string]bool{}
	for _, b := range a.in("message")["blocks"].([]any) {
		seen[fmt.Sprint(b.(fields)["block_id"])] = true
		for _, e := range block(b.(fields)).list("elements") {
			seen[e.str("action_id")] = true
		}
	}
	if len(seen) != 4 || !seen["mine"] || seen["<nil>"] || seen[""] {
		t.Errorf("the ids are %v", seen)
	}
}
