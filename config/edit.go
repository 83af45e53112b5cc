package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// errByHand means that a text is written in a way that an edit does not fit
// into. Nothing was changed.
var errByHand = errors.New("the file is written in a way that cannot be added to by itself")

// edit is one change of a configuration's text. All of the text that it does
// not replace stays as it is, byte for byte.
type edit struct {
	path    []string // of the mapping or list that it changes; none = the whole file
	key     string   // of the mapping; "" = it is a list, and gets an item
	value   value
	replace bool   // the key is there, and has a scalar
	words   string // a comment for a new section, without its "# "
}

// apply makes the change, and makes sure of it: the text then has to say what
// it said before, and this.
func (e edit) apply(text []byte) ([]byte, error) {
	was, fault := parseYAML("", text)
	if fault != nil {
		return nil, fault
	}
	want, ok := e.in(was, e.path)
	if !ok {
		return nil, errByHand
	}
	changed, err := e.write(text)
	if err != nil {
		return nil, err
	}
	if is, fault := parseYAML("", changed); fault != nil || !means(is, want) {
		return nil, errByHand
	}
	return changed, nil
}

// in is what the values of the file become.
func (e edit) in(v value, path []string) (value, bool) {
	if len(path) > 0 {
		i := slices.IndexFunc(v.pairs, func(p pair) bool { return p.key == path[0] })
		if i < 0 {
			return v, false
		}
		inner, ok := e.in(v.pairs[i].value, path[1:])
		v.pairs = slices.Clone(v.pairs)
		v.pairs[i].value = inner
		return v, ok
	}
	switch there := slices.IndexFunc(v.pairs, func(p pair) bool { return p.key == e.key }); {
	case e.key == "" && v.kind == list:
		v.items = slices.Insert(slices.Clone(v.items), 0, e.value)
	case v.kind != mapping || (there >= 0) != e.replace:
		return v, false
	case e.replace:
		v.pairs = slices.Clone(v.pairs)
		v.pairs[there].value = e.value
	default:
		v.pairs = append(slices.Clone(v.pairs), pair{key: e.key, value: e.value})
	}
	return v, true
}

// means compares two values. The order of a mapping's keys does not matter,
// that of a list's items does.
func means(a, b value) bool {
	if a.kind != b.kind || a.text != b.text || len(a.pairs) != len(b.pairs) || len(a.items) != len(b.items) {
		return false
	}
	byKey := func(v value) []pair {
		return slices.SortedStableFunc(slices.Values(v.pairs), func(x, y pair) int { return strings.Compare(x.key, y.key) })
	}
	return slices.EqualFunc(byKey(a), byKey(b), func(x, y pair) bool { return x.key == y.key && means(x.value, y.value) }) &&
		slices.EqualFunc(a.items, b.items, means)
}

// write makes the new text.
func (e edit) write(text []byte) ([]byte, error) {
	body, marked := bytes.CutPrefix(text, []byte("\uFEFF"))
	root, fault := parseTokens("", lexer.Tokenize(string(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")))))
	if fault != nil {
		return nil, fault
	}
	from, to, insert, err := e.place(body, root)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(body, []byte("\r\n")) {
		insert = strings.ReplaceAll(insert, "\n", "\r\n")
	}
	if marked {
		from, to = from+len("\uFEFF"), to+len("\uFEFF")
	}
	return slices.Concat(text[:from], []byte(insert), text[to:]), nil
}

// place finds what is replaced by what. An entry goes before all others of its
// block: there nothing can lie between the two, such as a comment on the next.
func (e edit) place(text []byte, root ast.Node) (from, to int, insert string, err error) {
	at, opener := root, (*token.Token)(nil) // opener is the colon before a block
	for _, key := range e.path {
		p := pairOf(at, key)
		if p == nil {
			return 0, 0, "", errByHand
		}
		at, opener = p.Value, p.Start
	}
	if e.replace {
		return e.placeOver(text, pairOf(at, e.key))
	}
	if opening, indent := openingOf(at); opening != nil && (opening.Type == token.MappingStartType || opening.Type == token.SequenceStartType) {
		from, err = offsetOf(text, opening.Position.Line, opening.Position.Column+1)
		insert = e.flow()
		if !isEmpty(at) {
			insert += ", "
		}
		return from, from, insert, err
	} else if opener != nil && opening != nil {
		from, err = offsetOf(text, opener.Position.Line+1, 1)
		return from, from, newline(text[:from]) + e.block(indent), err
	} else if opener == nil {
		return len(text), len(text), newline(text) + e.section(len(bytes.TrimSpace(text)) > 0), nil
	}
	return 0, 0, "", errByHand
}

// newline ends a last line that has no end.
func newline(text []byte) string {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return "\n"
	}
	return ""
}

// placeOver finds a scalar, which has to be on one line.
func (e edit) placeOver(text []byte, p *ast.MappingValueNode) (from, to int, insert string, err error) {
	if p == nil {
		return 0, 0, "", errByHand
	}
	t := p.Value.GetToken()
	if from, err = offsetOf(text, t.Position.Line, t.Position.Column); err != nil {
		return 0, 0, "", err
	}
	raw := scalarAt(text[from:], t)
	if raw == 0 {
		return 0, 0, "", errByHand
	}
	return from, from + raw, flowOf(e.value), nil
}

var quotedScalar = regexp.MustCompile(`^(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*')`)

// scalarAt is how many bytes a scalar takes, 0 if that cannot be told.
func scalarAt(rest []byte, t *token.Token) int {
	if found := quotedScalar.Find(rest); found != nil {
		return len(found)
	}
	if t.Value != "" && bytes.HasPrefix(rest, []byte(t.Value)) {
		return len(t.Value)
	}
	return 0
}

// pairOf finds a key of a mapping, nil if there is none.
func pairOf(n ast.Node, key string) *ast.MappingValueNode {
	var all []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		all = n.Values
	case *ast.MappingValueNode:
		all = []*ast.MappingValueNode{n}
	}
	for _, p := range all {
		if keyText(p.Key) == key {
			return p
		}
	}
	return nil
}

// openingOf returns the first token of a mapping or a list, and its column
// from 0; nil if it is neither.
func openingOf(n ast.Node) (*token.Token, int) {
	var first *token.Token
	switch n := n.(type) {
	case *ast.MappingNode:
		if first = n.Start; !n.IsFlowStyle && len(n.Values) > 0 {
			first = n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		first = n.Key.GetToken()
	case *ast.SequenceNode:
		first = n.Start
	}
	if first == nil {
		return nil, 0
	}
	return first, first.Position.Column - 1
}

func isEmpty(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.MappingNode:
		return len(n.Values) == 0
	case *ast.SequenceNode:
		return len(n.Values) == 0
	}
	return false
}

// offsetOf is where a line and a column are, both from 1, columns by
// characters. The line after the last one is the end.
func offsetOf(text []byte, line, column int) (int, error) {
	at := 0
	for range line - 1 {
		n := bytes.IndexByte(text[at:], '\n')
		if n < 0 && line > 1 && column == 1 {
			return len(text), nil
		}
		if n < 0 {
			return 0, errByHand
		}
		at += n + 1
	}
	for range column - 1 {
		_, size := utf8.DecodeRune(text[at:])
		if size == 0 {
			return 0, errByHand
		}
		at += size
	}
	return at, nil
}

// flow writes the entry into brackets.
func (e edit) flow() string {
	if e.key == "" {
		return flowOf(e.value)
	}
	return scalarText(e.key) + ": " + flowOf(e.value)
}

// block writes the entry as lines.
func (e edit) block(indent int) string {
	margin := strings.Repeat(" ", indent)
	switch {
	case e.key == "":
		return margin + "- " + flowOf(e.value) + "\n"
	case e.value.kind != mapping || len(e.value.pairs) == 0:
		return margin + e.flow() + "\n"
	}
	lines := []string{margin + scalarText(e.key) + ":\n"}
	for _, p := range e.value.pairs {
		lines = append(lines, edit{key: p.key, value: p.value}.inner(indent+2))
	}
	return strings.Join(lines, "")
}

// inner writes what an entry holds: a list of mappings an item a line, all else
// in brackets.
func (e edit) inner(indent int) string {
	if e.value.kind != list || len(e.value.items) == 0 || e.value.items[0].kind != mapping {
		return strings.Repeat(" ", indent) + e.flow() + "\n"
	}
	lines := []string{strings.Repeat(" ", indent) + scalarText(e.key) + ":\n"}
	for _, item := range e.value.items {
		lines = append(lines, edit{value: item}.block(indent+2))
	}
	return strings.Join(lines, "")
}

// section writes a mapping of the whole file, which others may stand before.
func (e edit) section(others bool) string {
	var lines strings.Builder
	if others {
		lines.WriteString("\n")
	}
	if e.words != "" {
		lines.WriteString("# " + strings.ReplaceAll(e.words, "\n", "\n# ") + "\n")
	}
	lines.WriteString(scalarText(e.key) + ":\n")
	for _, p := range e.value.pairs {
		lines.WriteString(edit{key: p.key, value: p.value}.block(2))
	}
	return lines.String()
}

func flowOf(v value) string {
	var all []string
	switch v.kind {
	case mapping:
		for _, p := range v.pairs {
			all = append(all, scalarText(p.key)+": "+flowOf(p.value))
		}
		return "{" + strings.Join(all, ", ") + "}"
	case list:
		for _, item := range v.items {
			all = append(all, flowOf(item))
		}
		return "[" + strings.Join(all, ", ") + "]"
	case text:
		return scalarText(v.text)
	default:
		return v.text
	}
}

// plainScalar is text that means itself without quotes, in brackets too.
var plainScalar = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9/_.@+-]*(?::[A-Za-z0-9/_.@+-]+)*$`)

// yamlWords mean something else without quotes.
var yamlWords = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}

// scalarText writes text so that it is read as itself. What needs quotes gets
// those of JSON, which YAML reads too.
func scalarText(s string) string {
	if plainScalar.MatchString(s) && !slices.Contains(yamlWords, strings.ToLower(s)) {
		return s
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string can be encoded
	return strings.TrimSuffix(b.String(), "\n")
}
