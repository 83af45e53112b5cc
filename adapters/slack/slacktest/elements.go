package slacktest

import "fmt"

// textRule is what a text object must be.
type textRule struct {
	most  int
	plain bool // and no mrkdwn
}

func plain(most int) textRule  { return textRule{most: most, plain: true} }
func either(most int) textRule { return textRule{most: most} }

func (k *checker) text(b block, field, at string, r textRule) {
	k.textObject(b.obj(field), at+"/"+field, r)
}

func (k *checker) optional(b block, field, at string, r textRule) {
	if b[field] != nil {
		k.text(b, field, at, r)
	}
}

func (k *checker) textObject(t block, at string, r textRule) {
	switch kind := t.str("type"); {
	case kind == "plain_text":
		k.only(t, at, "text", "emoji")
	case kind == "mrkdwn" && !r.plain:
		k.only(t, at, "text", "verbatim")
	default:
		k.fail(at, "no text object that may stand here: %q", kind)
	}
	if n := units(t.str("text")); n < 1 || n > r.most {
		k.fail(at+"/text", "%d characters, from 1 to %d", n, r.most)
	}
}

// contextual is what a context block holds.
func (k *checker) contextual(e block, at string) {
	if e.str("type") == "image" {
		k.only(e, at, "image_url", "alt_text")
		k.image(e, at)
		return
	}
	k.textObject(e, at, either(3000))
}

// accessory is what stands beside a section.
func (k *checker) accessory(e block, at string) {
	if e.str("type") == "image" {
		k.contextual(e, at)
		return
	}
	k.interactive(e, at)
}

func (k *checker) image(b block, at string) {
	k.address(b, "image_url", at, "https")
	k.chars(b, "alt_text", at, 2000)
	if b.str("alt_text") == "" {
		k.fail(at+"/alt_text", "an image has a text for those who do not see it")
	}
}

// interactive is what can be pressed.
func (k *checker) interactive(e block, at string) {
	if e.str("type") != "button" {
		k.fail(at, "no element of the type %q, or it is not stood in for here", e.str("type"))
		return
	}
	k.only(e, at, "text", "action_id", "url", "value", "style", "confirm", "accessibility_label")
	k.text(e, "text", at, plain(75))
	k.chars(e, "action_id", at, 255)
	k.chars(e, "value", at, 2000)
	k.chars(e, "accessibility_label", at, 75)
	k.oneOf(e, "style", at, "primary", "danger")
	if e["url"] != nil {
		k.address(e, "url", at, "https", "http")
	}
	if e["confirm"] != nil {
		k.confirm(e.obj("confirm"), at+"/confirm")
	}
}

func (k *checker) confirm(c block, at string) {
	k.only(c, at, "title", "text", "confirm", "deny", "style")
	k.text(c, "title", at, plain(100))
	k.text(c, "text", at, either(300))
	k.text(c, "confirm", at, plain(30))
	k.text(c, "deny", at, plain(30))
	k.oneOf(c, "style", at, "primary", "danger")
}

// actionIDs demands that no two elements of a block have the same action_id.
func (k *checker) actionIDs(elements []block, at string) {
	var ids []string
	for i, e := range elements {
		ids = k.unique(ids, e.str("action_id"), fmt.Sprintf("%s/elements/%d/action_id", at, i))
	}
}

func (k *checker) textInput(e block, at string) {
	k.only(e, at, "action_id", "initial_value", "multiline", "min_length", "max_length", "placeholder", "focus_on_load")
	k.chars(e, "action_id", at, 255)
	k.chars(e, "initial_value", at, 3000)
	k.optional(e, "placeholder", at, plain(150))
	k.number(e, "min_length", at, 0)
	k.number(e, "max_length", at, 1)
	if e.flag("focus_on_load") {
		if k.focused {
			k.fail(at+"/focus_on_load", "the second of one view")
		}
		k.focused = true
	}
}

func (k *checker) number(b block, field, at string, least float64) {
	if b[field] == nil {
		return
	}
	if n, ok := b[field].(float64); !ok || n < least || n > 3000 {
		k.fail(at+"/"+field, "a number from %v to 3000", least)
	}
}

// richElement is what rich text holds, without lists.
func (k *checker) richElement(e block, at string) {
	k.oneOf(e, "type", at, "rich_text_section", "rich_text_preformatted", "rich_text_quote")
	k.many(e, "elements", at, 1, 100, func(e block, at string) {
		k.oneOf(e, "type", at, "text", "link", "user", "broadcast")
	})
}
