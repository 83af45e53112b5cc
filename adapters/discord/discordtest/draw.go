package discordtest

import "strings"

// drawing is a surface while it is drawn for somebody: its lines, and what in
// it can be used.
type drawing struct {
	eyes
	lines    []string
	controls []control

	message *message // what is drawn, or
	modal   *modal
}

// control is something that can be pressed or typed into, because somebody
// sees it.
type control struct {
	label     string
	component component
	line      int      // of the drawing
	message   *message // where it stands, or
	modal     *modal
}

// write adds text without the blank lines.
func (d *drawing) write(text string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			d.lines = append(d.lines, line)
		}
	}
}

// page is all that was drawn.
func (d *drawing) page() string { return strings.Join(d.lines, "\n") }

func (d *drawing) rows(rows []component) {
	for _, row := range rows {
		var all []string
		for _, b := range row.Components {
			all = append(all, d.button(b))
		}
		d.write(strings.Join(all, " "))
	}
}

// button is [label], [!label] for danger, [*label] for the primary one and
// [+label] for success; -> means that it leads somewhere, and (off) that it
// cannot be pressed.
func (d *drawing) button(b component) string {
	label := b.Label
	if b.Emoji != nil {
		label = strings.TrimSpace(":" + b.Emoji.Name + ": " + label)
	}
	shown := map[int]string{1: "*", 3: "+", 4: "!"}[b.Style] + label
	if b.URL != "" {
		shown += " -> " + b.URL
	}
	if b.Disabled {
		return "[" + shown + "](off)"
	}
	d.offer(label, b)
	return "[" + shown + "]"
}

func (d *drawing) offer(label string, c component) {
	d.controls = append(d.controls, control{
		label: label, component: c, line: len(d.lines), message: d.message, modal: d.modal,
	})
}

// fields draws the inputs of a modal.
func (d *drawing) fields(m *modal) {
	for _, f := range m.fields {
		d.offer(f.label, f.input)
		typed := m.typed[f.input.CustomID]
		if typed == "" {
			typed = "____"
		}
		d.write(f.label + ": [" + typed + "]")
		if f.description != "" {
			d.write(". " + f.description)
		}
		if hint := f.input.Placeholder; hint != "" && m.typed[f.input.CustomID] == "" {
			d.write(". (" + hint + ")")
		}
		if wrong := m.errors[f.input.CustomID]; wrong != "" {
			d.write("! " + wrong)
		}
	}
}
