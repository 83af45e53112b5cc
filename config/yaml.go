package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The library needs time and memory that grow with the square of a mapping's
// size and of the nesting. Both bounds are far above any real configuration.
const (
	maxTokens = 50_000
	maxDepth  = 32
)

// kind is what a value of the file is.
type kind int

const (
	nothing kind = iota
	text
	number
	truth
	list
	mapping
)

// String returns the kind in words.
func (k kind) String() string {
	switch k {
	case nothing:
		return "nothing"
	case text:
		return "text"
	case number:
		return "a number"
	case truth:
		return "true or false"
	case list:
		return "a list"
	case mapping:
		return "a mapping of keys to values"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// whenEmpty says what to write where a value of this kind is missing.
func (k kind) whenEmpty() string {
	switch k {
	case list:
		return "write [] for none, or remove the key"
	case mapping:
		return "write {} for none, or remove the key"
	default:
		return "write one, or remove the key"
	}
}

// value is a value of the file and where it stands.
type value struct {
	kind  kind
	line  int
	text  string  // of a scalar, without its quotes
	pairs []pair  // of a mapping, in order, doubles included
	items []value // of a list
}

// pair is one key of a mapping and what it has.
type pair struct {
	key   string
	line  int
	value value
}

// parseYAML turns the text of a file into values. An empty file is an empty
// mapping. It returns at most the faults that keep it from doing so.
func parseYAML(name string, data []byte) (value, *Faults) {
	if fault := checkBytes(name, data); fault != nil {
		return value{}, fault
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	tokens := lexer.Tokenize(string(data))
	if bad := tokens.InvalidToken(); bad != nil {
		return value{}, syntax(name, bad.Error, bad)
	}
	if fault := checkTokens(name, tokens); fault != nil {
		return value{}, fault
	}
	root, fault := parseTokens(name, tokens)
	if fault != nil {
		return value{}, fault
	}
	if root == nil {
		return value{kind: mapping, line: 1}, nil
	}
	return convert(root), nil
}

// checkBytes refuses what is not text.
func checkBytes(name string, data []byte) *Faults {
	if len(data) > maxBytes {
		return single(name, 0, "larger than 1 MiB, so this is no configuration", "")
	}
	line := 1
	for rest := data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			return single(name, line, "not UTF-8", "save the file in UTF-8")
		case r == '\n':
			line++
		case r == '\r' && bytes.HasPrefix(rest, []byte("\r\n")):
		case r != '\t' && unicode.IsControl(r):
			return single(name, line, fmt.Sprintf("a control character (U+%04X)", r), "delete it")
		}
		rest = rest[size:]
	}
	return nil
}

// checkTokens refuses what YAML can do and a configuration should not, before
// any of it is acted on.
func checkTokens(name string, tokens token.Tokens) *Faults {
	if len(tokens) > maxTokens {
		return single(name, lineOf(tokens[maxTokens]), "too many keys and values for a configuration", "")
	}
	faults := &Faults{File: name}
	begun := false
	for _, t := range tokens {
		if what, hint := unwelcome(t, begun); what != "" {
			faults.add(Fault{File: name, Line: lineOf(t), What: what, Hint: hint})
		}
		begun = begun || t.Type != token.CommentType
	}
	if deep := deepest(tokens); deep != nil {
		faults.add(Fault{File: name, Line: lineOf(deep), What: fmt.Sprintf("nested more than %d deep", maxDepth)})
	}
	if faults.err() != nil {
		return faults
	}
	return nil
}

// unwelcome says what is wrong with a token that has no place here. begun
// tells whether the document has begun.
func unwelcome(t *token.Token, begun bool) (what, hint string) {
	switch t.Type {
	case token.AliasType:
		return "an alias, which is not read here", `write the value out; a star that stands for everything needs quotes: "*"`
	case token.AnchorType:
		return "an anchor, which is not read here", "write the value out; text that begins with & needs quotes"
	case token.MergeKeyType:
		return "a merge key, which is not read here", "write the keys out"
	case token.TagType:
		return "a tag, which is not read here", "text that begins with ! needs quotes"
	case token.DirectiveType:
		return "a directive, which is not read here", "delete it; text that begins with % needs quotes"
	case token.MappingKeyType:
		return "a key that begins with a question mark", "write it as key: value"
	case token.DocumentHeaderType:
		if begun {
			return "a second document begins here", "one file holds one document"
		}
	default:
	}
	return "", ""
}

// deepest returns the first token that is nested too deeply, nil if none is.
// A block's depth shows in its columns: what stands further right is inside.
func deepest(tokens token.Tokens) *token.Token {
	var columns []int
	brackets := 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			brackets++
		case token.MappingEndType, token.SequenceEndType:
			brackets--
		case token.SequenceEntryType, token.MappingValueType:
			if brackets <= 0 {
				columns = indented(columns, columnOf(t))
			}
		default:
		}
		if len(columns)+brackets > maxDepth {
			return t
		}
	}
	return nil
}

// indented closes the blocks that a token at this column ends and opens one.
func indented(columns []int, column int) []int {
	for len(columns) > 0 && columns[len(columns)-1] >= column {
		columns = columns[:len(columns)-1]
	}
	return append(columns, column)
}

// columnOf is where an entry begins: with its key, not with the colon.
func columnOf(t *token.Token) int {
	if t.Type == token.MappingValueType && t.Prev != nil {
		t = t.Prev
	}
	return t.Position.Column
}

// parseTokens returns the one document, nil if there is nothing in it.
func parseTokens(name string, tokens token.Tokens) (root ast.Node, fault *Faults) {
	// A reload must never end a running daemon, whatever the library meets.
	defer func() {
		if recover() != nil {
			root, fault = nil, syntax(name, "", nil)
		}
	}()
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		if located, ok := errors.AsType[yaml.Error](err); ok {
			return nil, syntax(name, located.GetMessage(), located.GetToken())
		}
		return nil, syntax(name, "", nil)
	}
	docs := slices.DeleteFunc(file.Docs, func(doc *ast.DocumentNode) bool { return doc.Body == nil })
	switch len(docs) {
	case 0:
		return nil, nil
	case 1:
		return docs[0].Body, nil
	}
	second := docs[1].Body.GetToken()
	return nil, single(name, lineOf(second), "a second document begins here", "one file holds one document")
}

// syntax words what the library found. Its own words are not passed on: they
// may quote what stands there, and that may be a secret.
func syntax(name, message string, at *token.Token) *Faults {
	what, hint := "not YAML: a key, a value or an indentation is out of place", "look at this line and the one above it"
	switch {
	case strings.Contains(message, "tab character"), strings.Contains(message, `'\t'`), strings.Contains(message, "'\t'"):
		what, hint = "a tab where YAML wants spaces", "indent with spaces"
	case strings.Contains(message, "-quoted text"):
		what, hint = "a quote that is not closed", ""
	case strings.Contains(message, "escape"):
		what, hint = "an unknown escape in double quotes", "single quotes take a backslash as it is"
	case strings.Contains(message, "reserved character"):
		what, hint = "text that begins with a character that YAML reserves", "put it in quotes"
	case strings.ContainsAny(message, "[]{}"):
		what, hint = "a bracket that is not closed or not opened, or a missing comma", ""
	}
	return single(name, lineOf(at), what, hint)
}

// lineOf is 1 for want of better: a fault of a file always has a line.
func lineOf(t *token.Token) int {
	if t == nil || t.Position == nil {
		return 1
	}
	return max(t.Position.Line, 1)
}

// convert leaves the library behind.
func convert(n ast.Node) value {
	switch n := n.(type) {
	case *ast.MappingNode:
		return convertPairs(n.Values, n.GetToken())
	case *ast.MappingValueNode:
		return convertPairs([]*ast.MappingValueNode{n}, n.GetToken())
	case *ast.SequenceNode:
		v := value{kind: list, line: lineOf(n.GetToken())}
		for _, item := range n.Values {
			v.items = append(v.items, convert(item))
		}
		return v
	case *ast.StringNode:
		return value{kind: text, line: lineOf(n.GetToken()), text: n.Value}
	case *ast.LiteralNode:
		return value{kind: text, line: lineOf(n.GetToken()), text: n.Value.Value}
	case *ast.BoolNode:
		return scalar(truth, n.GetToken())
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return scalar(number, n.GetToken())
	case nil:
		return value{line: 1}
	default:
		return value{line: lineOf(n.GetToken())}
	}
}

func scalar(k kind, t *token.Token) value {
	return value{kind: k, line: lineOf(t), text: t.Value}
}

// convertPairs gives a value the line of its key: that is the line people
// look for.
func convertPairs(nodes []*ast.MappingValueNode, start *token.Token) value {
	v := value{kind: mapping, line: lineOf(start)}
	for _, n := range nodes {
		key := n.Key.GetToken()
		p := pair{key: keyText(n.Key), line: lineOf(key), value: convert(n.Value)}
		p.value.line = p.line
		v.pairs = append(v.pairs, p)
	}
	if len(v.pairs) > 0 {
		v.line = v.pairs[0].line
	}
	return v
}

func keyText(n ast.MapKeyNode) string {
	if s, ok := n.(*ast.StringNode); ok {
		return s.Value
	}
	return n.GetToken().Value
}
