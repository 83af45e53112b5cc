package slacktest

import "strings"

// drawing is a surface while it is drawn for somebody: its lines, and what in
// it can be used.
type drawing struct {
	eyes
	lines    []string
	controls []control

	message *message // what is drawn, or
	view    *view
}

// control is something that can be pressed or typed into, because somebody
// sees it.
type control struct {
	label   string
	element block
	blockID string
	line    int      // of the drawing
	message *message // where it stands, or
	view    *view
}

// write adds text, indented, without the blank lines.
func (d *drawing) write(prefix, text string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			d.lines = append(d.lines, prefix+line)
		}
	}
}

// page is all that was drawn.
func (d *drawing) page() string { return strings.Join(d.lines, "\n") }

func (d *drawing) see(t block) string { return d.read(asText(t)).Visible }

func (d *drawing) blocks(blocks []block) {
	for _, b := range blocks {
		d.block(b)
	}
}

func (d *drawing) block(b block) {
	switch b.str("type") {
	case "header":
		d.write("# ", d.see(b.obj("text")))
	case "section":
		d.section(b)
	case "context":
		d.write(". ", d.row(b, b.list("elements")))
	case "actions":
		d.write("", d.row(b, b.list("elements")))
	case "divider":
		d.write("", "---")
	case "image":
		d.write("", d.element(b, b))
	case "input":
		d.input(b)
	case "rich_text":
		d.write("", d.readAll([]block{b}).Visible)
	}
}

func (d *drawing) section(b block) {
	if b["text"] != nil {
		d.write("", d.see(b.obj("text")))
	}
	for _, field := range b.list("fields") {
		d.write("- ", d.see(field))
	}
	if b["accessory"] != nil {
		d.write("", d.element(b, b.obj("accessory")))
	}
}

func (d *drawing) row(b block, elements []block) string {
	var all []string
	for _, e := range elements {
		all = append(all, d.element(b, e))
	}
	return strings.Join(all, " ")
}

func (d *drawing) element(b, e block) string {
	switch e.str("type") {
	case "image":
		return "(picture: " + e.str("alt_text") + ")"
	case "button":
		return d.button(b, e)
	default:
		return d.see(e)
	}
}

// button is [label], [!label] for danger and [*label] for the primary one;
// ? after it means that it asks again, and -> that it leads somewhere.
func (d *drawing) button(b, e block) string {
	label := d.see(e.obj("text"))
	d.offer(label, b, e)
	shown := map[string]string{"danger": "!", "primary": "*"}[e.str("style")] + label
	if e["url"] != nil {
		shown += " -> " + e.str("url")
	}
	if e["confirm"] != nil {
		return "[" + shown + "]?"
	}
	return "[" + shown + "]"
}

func (d *drawing) input(b block) {
	label, e := d.see(b.obj("label")), b.obj("element")
	d.offer(label, b, e)
	typed := d.view.typed[b.str("block_id")]
	if typed == "" {
		typed = "____"
	}
	d.write("", label+": ["+typed+"]")
	if b["hint"] != nil {
		d.write(". ", d.see(b.obj("hint")))
	}
	if wrong := d.view.errors[b.str("block_id")]; wrong != "" {
		d.write("! ", wrong)
	}
}

func (d *drawing) offer(label string, b, e block) {
	d.controls = append(d.controls, control{
		label: label, element: e, blockID: b.str("block_id"), line: len(d.lines), message: d.message, view: d.view,
	})
}

// heard is what a screen reader says of a message: its text instead of its
// blocks, and what its buttons are called.
func (m *message) heard(e eyes) string {
	d := drawing{eyes: e, message: m}
	d.write("", e.readTop(m).Visible)
	shown := drawing{eyes: e, message: m}
	shown.blocks(m.blocks)
	for _, c := range shown.controls {
		label := c.element.str("accessibility_label")
		if label == "" {
			label = c.label
		}
		d.write("button: ", label)
	}
	return strings.Join(d.lines, "\n")
}
