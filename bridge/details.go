package bridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Details are authorization details (RFC 9396, section 2) in one form: a JSON
// array of objects that each have a type, without white space, the members of
// every object in the order of their names. Two of them are equal as texts if
// they say the same. "" is none.
type Details string

// detailsBounds are how much of them is taken.
type detailsBounds struct {
	objects int
	size    int // bytes, in their one form
	depth   int // of arrays and objects, the outer array included
}

// An issuer may add to what was asked for (RFC 9396, section 7.1), so that more
// is taken of it than of an agent.
var (
	askedDetails   = detailsBounds{objects: 8, size: 8 << 10, depth: 5}
	grantedDetails = detailsBounds{objects: 32, size: 16 << 10, depth: 8}
)

const maxDetailType = 200 // characters

// ReadDetails reads the authorization details of an answer: at most 32 objects
// and 16 KiB, 8 deep. null, an empty array and nothing at all are none. The
// error says what is wrong with them, and quotes nothing.
func ReadDetails(said []byte) (Details, error) { return grantedDetails.read(said) }

// UnreadableDetails stand for what an issuer calls authorization details and
// what are none: to drop them would make what was granted look smaller than it
// is. No rule is meant to list their type.
const UnreadableDetails Details = `[{"type":"unreadable-details"}]`

func (b detailsBounds) read(said []byte) (Details, error) {
	if len(bytes.TrimSpace(said)) == 0 {
		return "", nil
	}
	in := json.NewDecoder(bytes.NewReader(said))
	in.UseNumber()
	var all []map[string]any
	if in.Decode(&all) != nil {
		return "", errors.New("they are no JSON array of objects")
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("something follows the JSON array")
	}
	if len(all) == 0 {
		return "", nil
	}
	if err := b.check(all); err != nil {
		return "", err
	}
	var out strings.Builder
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	if err := to.Encode(all); err != nil {
		return "", errors.New("they cannot be written as JSON again")
	}
	if out.Len()-1 > b.size {
		return "", fmt.Errorf("they have %d bytes; at most %d are taken", out.Len()-1, b.size)
	}
	return Details(strings.TrimSuffix(out.String(), "\n")), nil
}

func (b detailsBounds) check(all []map[string]any) error {
	if len(all) > b.objects {
		return fmt.Errorf("there are %d of them; at most %d are taken", len(all), b.objects)
	}
	for i, one := range all {
		kind, ok := one["type"].(string)
		switch {
		case !ok || kind == "" || Clean(kind, maxDetailType) != kind:
			return fmt.Errorf("number %d has no type, or one that is not %d printable characters at most", i+1, maxDetailType)
		case twoTypes(one):
			return fmt.Errorf("number %d has a second type, in other letters", i+1)
		case depth(one)+1 > b.depth:
			return fmt.Errorf("number %d goes deeper than %d levels", i+1, b.depth)
		}
	}
	return nil
}

// twoTypes reports whether a member could be taken for the type by who reads
// names without regard to case.
func twoTypes(one map[string]any) bool {
	for name := range one {
		if name != "type" && strings.EqualFold(name, "type") {
			return true
		}
	}
	return false
}

func depth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, in := range v {
			deepest = max(deepest, depth(in))
		}
	case []any:
		for _, in := range v {
			deepest = max(deepest, depth(in))
		}
	default:
		return 0
	}
	return deepest + 1
}

// objects reads them back. What is in none of their form is none.
func (d Details) objects() (all []map[string]any) {
	if d == "" {
		return nil
	}
	in := json.NewDecoder(strings.NewReader(string(d)))
	in.UseNumber()
	if in.Decode(&all) != nil {
		return nil
	}
	return all
}

// Types are the types of the details, each once, in their order.
func (d Details) Types() (types []string) {
	for _, one := range d.objects() {
		if kind, _ := one["type"].(string); !slices.Contains(types, kind) {
			types = append(types, kind)
		}
	}
	return types
}
