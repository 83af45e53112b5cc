package discordtest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"unicode/utf16"
)

// The types of components that are known here.
const (
	rowType    = 1
	buttonType = 2
	inputType  = 4
	labelType  = 18
)

// component is a component as the app sent it, and as it is told of. Its id
// is Discord's where the app gave none.
type component struct {
	Type        int         `json:"type"`
	ID          int         `json:"id,omitempty"`
	Components  []component `json:"components,omitempty"`
	Component   *component  `json:"component,omitempty"`
	CustomID    string      `json:"custom_id,omitempty"`
	Style       int         `json:"style,omitempty"`
	Label       string      `json:"label,omitempty"`
	Description string      `json:"description,omitempty"`
	Emoji       *emoji      `json:"emoji,omitempty"`
	URL         string      `json:"url,omitempty"`
	SKU         string      `json:"sku_id,omitempty"`
	Disabled    bool        `json:"disabled,omitempty"`
	Placeholder string      `json:"placeholder,omitempty"`
	Value       string      `json:"value,omitempty"`
	Required    *bool       `json:"required,omitempty"`
	MinLength   int         `json:"min_length,omitempty"`
	MaxLength   int         `json:"max_length,omitempty"`
}

type emoji struct {
	ID       string `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	Animated bool   `json:"animated,omitempty"`
}

// linkStyle is the style of a button that leads somewhere, and tells the app
// nothing.
const linkStyle = 5

// checkRows looks at the components of a message: up to five rows of up to
// five buttons. It numbers those that have no id.
func checkRows(rows []component) error {
	if len(rows) > 5 {
		return invalid("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
	}
	seen := map[string]bool{}
	for i, row := range rows {
		path := "components." + strconv.Itoa(i)
		if row.Type != rowType {
			return invalid(path+".type", "UNION_TYPE_CHOICES", "only rows of buttons are stood in for here")
		}
		if len(row.Components) < 1 || len(row.Components) > 5 {
			return invalid(path+".components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
		}
		if err := row.only(path, "components"); err != nil {
			return err
		}
		if err := checkButtons(path, row.Components, seen); err != nil {
			return err
		}
	}
	number(rows, 0)
	return nil
}

func checkButtons(path string, buttons []component, seen map[string]bool) error {
	for n, b := range buttons {
		at := path + ".components." + strconv.Itoa(n)
		if err := checkButton(at, b); err != nil {
			return err
		}
		if b.CustomID != "" && seen[b.CustomID] {
			return invalid(at+".custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
		}
		seen[b.CustomID] = true
	}
	return nil
}

func checkButton(path string, b component) error {
	if b.Type != buttonType {
		return invalid(path+".type", "UNION_TYPE_CHOICES", "only buttons are stood in for here")
	}
	if b.Style < 1 || b.Style > linkStyle {
		return invalid(path+".style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5}; premium buttons are not stood in for here.")
	}
	if b.Label == "" && b.Emoji == nil {
		return invalid(path+".label", "BASE_TYPE_REQUIRED", "a button has a label or an emoji")
	}
	if units(b.Label) > 80 {
		return tooLong(path+".label", 80)
	}
	if err := b.only(path, "custom_id", "style", "label", "emoji", "url", "disabled"); err != nil {
		return err
	}
	if b.Style == linkStyle {
		return checkLink(path, b)
	}
	if b.URL != "" {
		return invalid(path, "BUTTON_COMPONENT_INVALID_URL", "A URL and a custom id cannot both be specified")
	}
	return checkCustomID(path, b.CustomID)
}

func checkLink(path string, b component) error {
	u, err := url.Parse(b.URL)
	switch {
	case b.CustomID != "":
		return invalid(path, "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", "A custom id and url cannot both be specified")
	case b.URL == "":
		return invalid(path+".url", "BASE_TYPE_REQUIRED", "This field is required")
	case units(b.URL) > 512:
		return tooLong(path+".url", 512)
	case err != nil, u.Host == "", !slices.Contains([]string{"http", "https", "discord"}, u.Scheme):
		return invalid(path+".url", "URL_TYPE_INVALID_URL", "Not a well formed URL.")
	}
	return nil
}

func checkCustomID(path, id string) error {
	switch {
	case id == "":
		return invalid(path+".custom_id", "BASE_TYPE_REQUIRED", "This field is required")
	case units(id) > 100:
		return tooLong(path+".custom_id", 100)
	}
	return nil
}

// only says which field of a component is none of its type's.
func (c component) only(path string, fields ...string) error {
	present := map[string]bool{
		"components": c.Components != nil, "component": c.Component != nil, "custom_id": c.CustomID != "",
		"style": c.Style != 0, "label": c.Label != "", "description": c.Description != "", "emoji": c.Emoji != nil,
		"url": c.URL != "", "sku_id": c.SKU != "", "disabled": c.Disabled, "placeholder": c.Placeholder != "",
		"value": c.Value != "", "required": c.Required != nil, "min_length": c.MinLength != 0, "max_length": c.MaxLength != 0,
	}
	for field, there := range present {
		if there && !slices.Contains(fields, field) {
			return invalid(path+"."+field, "UNKNOWN", fmt.Sprintf("a component of the type %d has no such field", c.Type))
		}
	}
	return nil
}

// number gives ids to those components that have none, from the one after n,
// and returns the last.
func number(all []component, n int) int {
	for i := range all {
		c := &all[i]
		if c.ID == 0 {
			n++
			c.ID = n
		}
		n = number(c.Components, n)
		if c.Component != nil {
			inner := []component{*c.Component}
			n = number(inner, n)
			*c.Component = inner[0]
		}
	}
	return n
}

func tooLong(path string, most int) error {
	return invalid(path, "BASE_TYPE_MAX_LENGTH", fmt.Sprintf("Must be %d or fewer in length.", most))
}

// units counts characters. Discord does not say which it means; those of
// UTF-16 are the most.
func units(text string) int { return len(utf16.Encode([]rune(text))) }
