package discordtest

import (
	"encoding/json"
	"slices"
	"strconv"
)

// modal is a modal that somebody has, or had, in front of everything.
type modal struct {
	user     string
	customID string
	title    string
	rows     []component // as they were sent
	fields   []field
	typed    map[string]string // by the custom id of the input
	source   *message          // what it was opened from
	channel  string
	errors   map[string]string
	sent     bool // it waits for its answer
	closed   bool
}

// field is one input of a modal.
type field struct {
	label       string
	description string
	input       component
	labelled    bool // it stands in a label, and not in a row
}

// readModal looks at the data of an answer that opens a modal.
func readModal(raw []byte) (*modal, error) {
	var b struct {
		CustomID   string      `json:"custom_id"`
		Title      string      `json:"title"`
		Components []component `json:"components"`
		Flags      int         `json:"flags"`

		// Libraries send these, and nothing in them.
		Embeds  json.RawMessage `json:"embeds"`
		TTS     bool            `json:"tts"`
		Content string          `json:"content"`
	}
	if err := strictly(raw, &b); err != nil {
		return nil, err
	}
	switch {
	case b.TTS, b.Content != "":
		return nil, invalid("data.content", "UNKNOWN", "a modal says nothing beside its inputs")
	case b.Title == "":
		return nil, invalid("data.title", "BASE_TYPE_REQUIRED", "This field is required")
	case units(b.Title) > 45:
		return nil, tooLong("data.title", 45)
	case len(b.Components) < 1 || len(b.Components) > 5:
		return nil, invalid("data.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
	}
	if err := checkCustomID("data", b.CustomID); err != nil {
		return nil, err
	}
	number(b.Components, 0)
	m := &modal{customID: b.CustomID, title: b.Title, rows: b.Components, typed: map[string]string{}, errors: map[string]string{}}
	return m, m.readFields()
}

func (m *modal) readFields() error {
	for i, c := range m.rows {
		path := "data.components." + strconv.Itoa(i)
		f, err := readField(path, c)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(m.fields, func(o field) bool { return o.input.CustomID == f.input.CustomID }) {
			return invalid(path, "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
		}
		m.fields = append(m.fields, f)
		m.typed[f.input.CustomID] = f.input.Value
	}
	return nil
}

// readField reads an input in a label, or in a row, which is the old way.
func readField(path string, c component) (field, error) {
	switch {
	case c.Type == labelType && c.Component != nil:
		f := field{label: c.Label, description: c.Description, input: *c.Component, labelled: true}
		if units(c.Description) > 100 {
			return f, tooLong(path+".description", 100)
		}
		if c.Component.Label != "" {
			return f, invalid(path+".component.label", "UNKNOWN", "an input in a label has no label of its own")
		}
		return f, f.check(path)
	case c.Type == rowType && len(c.Components) == 1:
		f := field{label: c.Components[0].Label, input: c.Components[0]}
		return f, f.check(path)
	}
	return field{}, invalid(path, "UNION_TYPE_CHOICES", "only a label or a row with one input is stood in for here")
}

func (f field) check(path string) error {
	c := f.input
	switch {
	case c.Type != inputType:
		return invalid(path+".type", "UNION_TYPE_CHOICES", "only text inputs are stood in for here")
	case c.Style != 1 && c.Style != 2:
		return invalid(path+".style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
	case f.label == "" || units(f.label) > 45:
		return invalid(path+".label", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 45 in length.")
	case units(c.Placeholder) > 100:
		return tooLong(path+".placeholder", 100)
	case c.MinLength < 0, c.MaxLength < 0, c.MaxLength > 4000, c.MaxLength != 0 && c.MinLength > c.MaxLength:
		return invalid(path+".max_length", "NUMBER_TYPE_MAX", "int value should be between 1 and 4000.")
	}
	if err := c.only(path, "custom_id", "style", "label", "placeholder", "value", "required", "min_length", "max_length"); err != nil {
		return err
	}
	return checkCustomID(path, c.CustomID)
}

// required says whether an input must not be left empty.
func (f field) required() bool { return f.input.Required == nil || *f.input.Required }

// show opens a modal in front of somebody, in the place of the one that was
// there. It needs the lock.
func (s *Discord) show(m *modal) {
	if open := s.modal(m.user); open != nil {
		open.closed = true
	}
	s.modals = append(s.modals, m)
}

// modal is the one that somebody has open, or nil. It needs the lock.
func (s *Discord) modal(user string) *modal {
	for _, m := range slices.Backward(s.modals) {
		if m.user == user && !m.closed {
			return m
		}
	}
	return nil
}
