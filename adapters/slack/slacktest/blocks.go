package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// block is a block, an element or a text object, as it was sent.
type block map[string]any

func (b block) str(field string) string { s, _ := b[field].(string); return s }

func (b block) flag(field string) bool { v, _ := b[field].(bool); return v }

func (b block) obj(field string) block { m, _ := b[field].(map[string]any); return m }

func (b block) list(field string) []block {
	items, _ := b[field].([]any)
	return asBlocks(items)
}

func asBlocks(items []any) []block {
	var all []block
	for _, item := range items {
		m, _ := item.(map[string]any)
		all = append(all, m)
	}
	return all
}

// surface is where blocks stand: not all of them may stand everywhere.
type surface string

const (
	inMessage surface = "message"
	inModal   surface = "modal"
	inHome    surface = "home"
)

// most is how many blocks a surface holds.
func (s surface) most() int {
	if s == inMessage {
		return 50
	}
	return 100
}

// maxBlocksText is about where Slack is known to say msg_blocks_too_long.
const maxBlocksText = 13200

// CheckMessage says what Slack would refuse in the blocks of a message, as
// JSON, or nil.
func CheckMessage(blocks []byte) error {
	_, err := parseBlocks(string(blocks), inMessage)
	return why(err)
}

// CheckView says what Slack would refuse in a view, as JSON, or nil.
func CheckView(view []byte) error {
	_, err := parseView(string(view))
	return why(err)
}

// why turns a refusal into words.
func why(err error) error {
	if r, ok := err.(*refusal); ok { //nolint:errorlint // the parsers return it bare
		return fmt.Errorf("%s: %s", r.code, r.own)
	}
	return err
}

// parseBlocks reads and checks the blocks of one surface. No text is no
// blocks.
func parseBlocks(text string, where surface) ([]block, error) {
	if text == "" {
		return nil, nil
	}
	var items []any
	if json.Unmarshal([]byte(text), &items) != nil {
		return nil, wrong("invalid_blocks_format", "blocks are no list")
	}
	blocks := asBlocks(items)
	k := checker{where: where}
	k.blocks(blocks)
	if len(k.found) > 0 {
		return nil, wrong("invalid_blocks", k.found[0])
	}
	total := 0
	for _, t := range texts(blocks) {
		total += units(t.text)
	}
	if total > maxBlocksText {
		return nil, wrong("msg_blocks_too_long", fmt.Sprintf("%d characters in all blocks", total))
	}
	return blocks, nil
}

// checker collects what is wrong with blocks. Each finding begins with the
// JSON pointer to its place.
type checker struct {
	where   surface
	found   []string
	focused bool // an element that asks for the focus was seen
}

func (k *checker) fail(at, format string, args ...any) {
	k.found = append(k.found, at+": "+fmt.Sprintf(format, args...))
}

func (k *checker) blocks(blocks []block) {
	if len(blocks) > k.where.most() {
		k.fail("/blocks", "%d blocks, at most %d", len(blocks), k.where.most())
	}
	var ids []string
	for i, b := range blocks {
		at := fmt.Sprintf("/blocks/%d", i)
		k.block(b, at)
		ids = k.unique(ids, b.str("block_id"), at+"/block_id")
	}
}

// unique reports an id that was there before.
func (k *checker) unique(seen []string, id, at string) []string {
	if id != "" && slices.Contains(seen, id) {
		k.fail(at, "%q is there twice", id)
	}
	return append(seen, id)
}

func (k *checker) block(b block, at string) {
	k.chars(b, "block_id", at, 255)
	switch b.str("type") {
	case "header":
		k.only(b, at, "text")
		k.text(b, "text", at, plain(150))
	case "section":
		k.section(b, at)
	case "context":
		k.only(b, at, "elements")
		k.many(b, "elements", at, 1, 10, k.contextual)
	case "actions":
		k.only(b, at, "elements")
		k.many(b, "elements", at, 1, 25, k.interactive)
		k.actionIDs(b.list("elements"), at)
	case "image":
		k.only(b, at, "image_url", "alt_text", "title")
		k.image(b, at)
		k.optional(b, "title", at, plain(2000))
	case "divider":
		k.only(b, at)
	case "input":
		k.input(b, at)
	case "rich_text":
		k.only(b, at, "elements")
		k.many(b, "elements", at, 1, 50, k.richElement)
	default:
		k.fail(at, "no block of the type %q, or it is not stood in for here", b.str("type"))
	}
}

func (k *checker) section(b block, at string) {
	k.only(b, at, "text", "fields", "accessory", "expand")
	if b["text"] == nil && b["fields"] == nil {
		k.fail(at, "a section has text or fields")
	}
	k.optional(b, "text", at, either(3000))
	if b["fields"] != nil {
		k.many(b, "fields", at, 1, 10, func(f block, at string) { k.textObject(f, at, either(2000)) })
	}
	if b["accessory"] != nil {
		k.accessory(b.obj("accessory"), at+"/accessory")
	}
}

func (k *checker) input(b block, at string) {
	if k.where != inModal {
		k.fail(at, "input blocks stand in modals only")
	}
	k.only(b, at, "label", "element", "hint", "optional", "dispatch_action")
	k.text(b, "label", at, plain(2000))
	k.optional(b, "hint", at, plain(2000))
	e := b.obj("element")
	if e.str("type") != "plain_text_input" {
		k.fail(at+"/element", "no input of the type %q, or it is not stood in for here", e.str("type"))
		return
	}
	k.textInput(e, at+"/element")
}

// many looks at each item of a list.
func (k *checker) many(b block, field, at string, least, most int, each func(block, string)) {
	items, isList := b[field].([]any)
	if !isList || len(items) < least || len(items) > most {
		k.fail(at+"/"+field, "a list of %d to %d, not of %d", least, most, len(items))
	}
	for i, item := range asBlocks(items) {
		each(item, fmt.Sprintf("%s/%s/%d", at, field, i))
	}
}

// only reports fields that have no place in a block.
func (k *checker) only(b block, at string, fields ...string) {
	for field := range b {
		if field != "type" && field != "block_id" && !slices.Contains(fields, field) {
			k.fail(at, "%s has no field %q", b.str("type"), field)
		}
	}
}

// chars bounds a string that need not be there.
func (k *checker) chars(b block, field, at string, most int) {
	value, there := b[field]
	if !there {
		return
	}
	text, isString := value.(string)
	if !isString || units(text) > most {
		k.fail(at+"/"+field, "a string of at most %d characters", most)
	}
}

// oneOf bounds a string that need not be there to a few words.
func (k *checker) oneOf(b block, field, at string, words ...string) {
	if b[field] != nil && !slices.Contains(words, b.str(field)) {
		k.fail(at+"/"+field, "one of %s", strings.Join(words, ", "))
	}
}

// address is an address with one of these schemes.
func (k *checker) address(b block, field, at string, schemes ...string) {
	k.chars(b, field, at, 3000)
	scheme, _, _ := strings.Cut(b.str(field), "://")
	if !slices.Contains(schemes, scheme) || strings.ContainsAny(b.str(field), " \n\"<>") {
		k.fail(at+"/"+field, "an address of %s", strings.Join(schemes, " or "))
	}
}

// rich says whether there is rich text among blocks.
func rich(blocks []block) bool {
	return slices.ContainsFunc(blocks, func(b block) bool { return b.str("type") == "rich_text" })
}

// identify gives an id to every block and button that has none, as Slack
// does. It needs the lock.
func (s *Slack) identify(blocks []block) []block {
	for _, b := range blocks {
		s.name(b, "block_id")
		held := b.list("elements")
		for _, field := range []string{"element", "accessory"} {
			if inner := b.obj(field); inner != nil {
				held = append(held, inner)
			}
		}
		for _, e := range held {
			if t := e.str("type"); t == "button" || t == "plain_text_input" {
				s.name(e, "action_id")
			}
		}
	}
	return blocks
}

func (s *Slack) name(b block, field string) {
	if b.str(field) == "" {
		b[field] = fmt.Sprintf("auto%d", s.next())
	}
}
