package localhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/authbridge/authbridge/api"
)

// ReadJSON reads a body into v, strictly: one JSON object in UTF-8 of at most
// [api.MaxBody] bytes that holds nothing but the members of v. An empty body
// leaves v as it is. The error is a *Refusal.
func ReadJSON(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := readBody(w, r)
	if err != nil || len(body) == 0 {
		return err
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return Refuse(api.ProblemInvalidRequest, "the body is not said to be JSON").
			WithHint("send Content-Type: application/json")
	}
	return Decode(body, v)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > api.MaxBody {
		return nil, tooLarge()
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, api.MaxBody))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, tooLarge()
	}
	if err != nil {
		return nil, Refuse(api.ProblemInvalidRequest, "the body did not arrive whole")
	}
	return body, nil
}

func tooLarge() *Refusal {
	return Refuse(api.ProblemTooLarge, "the body is too large; at most %d bytes are read", api.MaxBody)
}

func isJSON(contentType string) bool {
	kind, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	return err == nil && kind == api.MediaType && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// Decode reads one JSON object as ReadJSON does.
func Decode(body []byte, v any) error {
	if !utf8.Valid(body) {
		return Refuse(api.ProblemInvalidRequest, "the body is not UTF-8")
	}
	if first := bytes.TrimLeft(body, " \t\r\n"); len(first) > 0 && first[0] != '{' {
		return Refuse(api.ProblemInvalidRequest, "the body is not a JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return explain(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Refuse(api.ProblemInvalidRequest, "after the JSON object in the body there is more").
			WithHint("send one object")
	}
	return nil
}

// explain says in our words what the decoder did not like. It repeats names
// of members and no values.
func explain(err error) *Refusal {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return Refuse(api.ProblemInvalidRequest, "the body is not JSON: it goes wrong at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return Refuse(api.ProblemInvalidRequest, "the member %q has to be %s", lastOf(kind.Field), describe(kind.Type))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return Refuse(api.ProblemInvalidRequest, "there is no member %s", shorten(name)).
			WithHint("leave it out; nothing is accepted and ignored")
	}
	return Refuse(api.ProblemInvalidRequest, "the body is not whole JSON")
}

// lastOf drops the names of embedded structs from a path: they are Go's, and
// begin with capital letters as no member does.
func lastOf(path string) string {
	var members []string
	for name := range strings.SplitSeq(path, ".") {
		if name != "" && (name[0] < 'A' || name[0] > 'Z') {
			members = append(members, name)
		}
	}
	return strings.Join(members, ".")
}

// describe says what JSON a Go type takes.
func describe(t reflect.Type) string {
	if t == reflect.TypeFor[api.Duration]() {
		return `a duration such as "90s", "24h" or "7d", or a number of seconds`
	}
	if t == reflect.TypeFor[api.Challenge]() {
		return `a string, or an object with the members "error" and "scope"`
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "an array of strings"
	case reflect.Struct:
		return "an object"
	default:
		return "a number"
	}
}
