package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/api"
)

var update = flag.Bool("update", false, "write openapi.json anew")

// TestOpenAPI: the document is what the routes and the types say.
func TestOpenAPI(t *testing.T) {
	var drawn bytes.Buffer
	plain, err := json.Marshal(describeAPI(t).doc)
	if err != nil || json.Indent(&drawn, plain, "", "  ") != nil {
		t.Fatal(err)
	}
	drawn.WriteByte('\n')
	if *update {
		if err := os.WriteFile("openapi.json", drawn.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(drawn.String(), "\n"), strings.Split(string(document), "\n")); diff != "" {
		t.Errorf("openapi.json is not what the routes and types say; run: make gen\n%s", diff)
	}
}

// description is the API as its document has it.
type description struct {
	t   *testing.T
	doc *huma.OpenAPI
	api apiSource
}

func describeAPI(t *testing.T) *description {
	t.Helper()
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	schemas.RegisterTypeAlias(reflect.TypeFor[api.Optional](), reflect.TypeFor[optional]())
	schemas.RegisterTypeAlias(reflect.TypeFor[api.Duration](), reflect.TypeFor[duration]())
	schemas.RegisterTypeAlias(reflect.TypeFor[api.Challenge](), reflect.TypeFor[met]())
	schemas.RegisterTypeAlias(reflect.TypeFor[api.Details](), reflect.TypeFor[details]())
	d := &description{t: t, api: readAPI(t), doc: &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "authbridge: the agent API", Version: "1", Description: "An agent asks; a human is reached and grants at the provider; the agent gets the token.\n\n" +
			"At the bridge's socket an agent is known by its uid, and the host is localhost. Over TCP it sends its key. Calls with an Origin or a Referer are refused: this is not for browsers. " +
			"Members may be added to answers; pass by those that you do not know."},
		Servers:    []*huma.Server{{URL: "http://localhost", Description: "at the agents' socket; over TCP the address is the operator's choice"}},
		Security:   []map[string][]string{{}, {"key": {}}},
		Components: &huma.Components{Schemas: schemas, SecuritySchemes: map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer", Description: "A key of the agent, which begins with abk_. It wins over the uid."}}},
		Paths:      map[string]*huma.PathItem{},
	}}
	for _, r := range routes() {
		d.add(r.path, r.method, d.operation(r))
	}
	d.add(api.DocumentPath, http.MethodGet, &huma.Operation{
		OperationID: "describe", Summary: "Read this document. Nobody has to say who they are.", Security: []map[string][]string{{}},
		Responses: map[string]*huma.Response{
			"200": {Description: "This document.", Content: map[string]*huma.MediaType{api.MediaType: {Schema: &huma.Schema{Type: "object"}}}},
			"400": d.problem(api.ProblemInvalidRequest), "429": d.problem(api.ProblemTooManyOpen),
		},
	})
	d.schema(reflect.TypeFor[api.Problem]())
	for name, s := range schemas.Map() {
		d.improve(name, s)
	}
	return d
}

func (d *description) add(path, method string, o *huma.Operation) {
	item := d.doc.Paths[path]
	if item == nil {
		item = &huma.PathItem{}
		d.doc.Paths[path] = item
	}
	switch method {
	case http.MethodGet:
		item.Get = o
	case http.MethodPost:
		item.Post = o
	case http.MethodDelete:
		item.Delete = o
	default:
		d.t.Fatalf("a route with %s", method)
	}
}

func (d *description) operation(r route) *huma.Operation {
	o := &huma.Operation{OperationID: name(r), Summary: r.what, Responses: map[string]*huma.Response{}}
	if strings.Contains(r.path, "{id}") {
		o.Parameters = append(o.Parameters, &huma.Param{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
	}
	for _, q := range r.query {
		o.Parameters = append(o.Parameters, d.param(q, "query"))
	}
	for _, h := range r.headers {
		o.Parameters = append(o.Parameters, d.param(h, "header"))
	}
	if r.takes != nil {
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{api.MediaType: {Schema: d.schema(reflect.TypeOf(r.takes))}}}
	}
	for status, v := range r.gives {
		o.Responses[strconv.Itoa(status)] = d.answer(r, status, v)
	}
	by := map[int][]api.ProblemCode{}
	for _, code := range append(anyCall(), r.refuses...) {
		by[code.Status()] = append(by[code.Status()], code)
	}
	for status, codes := range by {
		o.Responses[strconv.Itoa(status)] = d.problem(codes...)
	}
	return o
}

// anyCall lists what any call may be refused with.
func anyCall() []api.ProblemCode {
	return []api.ProblemCode{
		api.ProblemInvalidRequest, api.ProblemUnauthenticated, api.ProblemTooManyOpen, api.ProblemInternal, api.ProblemStoreUnavailable, api.ProblemShuttingDown,
	}
}

// name is what a route is called in programs that are made from the document.
func name(r route) string {
	word := runtimeName.FindStringSubmatch(nameOf(r.do))
	return word[1]
}

var runtimeName = regexp.MustCompile(`\(\*handler\)\.(\w+)`)

func (d *description) answer(r route, status int, v any) *huma.Response {
	a := &huma.Response{Description: http.StatusText(status)}
	if status != http.StatusOK || r.takes != nil {
		a.Headers = map[string]*huma.Param{"Location": {Description: "Where the request is.", Schema: &huma.Schema{Type: "string"}}}
	}
	if r.sends == nil {
		a.Content = map[string]*huma.MediaType{api.MediaType: {Schema: d.schema(reflect.TypeOf(v))}}
		return a
	}
	var carried []string
	for _, one := range r.sends {
		d.schema(reflect.TypeOf(one))
		carried = append(carried, reflect.TypeOf(one).Name())
	}
	a.Description = "The data of an event is the JSON of one of the schemas " + strings.Join(carried, ", ") + "; its name is the schema's in small letters, its id a cursor."
	a.Content = map[string]*huma.MediaType{api.EventMediaType: {Schema: &huma.Schema{Type: "string"}}}
	return a
}

func (d *description) problem(codes ...api.ProblemCode) *huma.Response {
	var words []string
	for _, code := range codes {
		words = append(words, string(code))
	}
	slices.Sort(words)
	p := &huma.Response{
		Description: strings.Join(words, ", "),
		Content:     map[string]*huma.MediaType{api.ProblemMediaType: {Schema: d.schema(reflect.TypeFor[api.Problem]())}},
	}
	if codes[0].RetryAfter() > 0 {
		p.Headers = map[string]*huma.Param{"Retry-After": {Description: "Seconds.", Schema: &huma.Schema{Type: "integer"}}}
	}
	return p
}

func (d *description) schema(t reflect.Type) *huma.Schema {
	return d.doc.Components.Schemas.Schema(t, true, "")
}

func (d *description) param(name, in string) *huma.Param {
	least, most, limit := 0.0, float64(api.MaxWait), float64(api.MaxLimit)
	one := 1.0
	known := map[string]huma.Param{
		"state":                  {Description: "Only those in these states, by commas or again and again.", Schema: &huma.Schema{Type: "array", Items: d.schema(reflect.TypeFor[api.State]())}, Explode: new(bool), Style: "form"},
		"limit":                  {Description: "How many at most on this page.", Schema: &huma.Schema{Type: "integer", Minimum: &one, Maximum: &limit, Default: api.DefaultLimit}},
		"cursor":                 {Description: "next_cursor of the page before.", Schema: &huma.Schema{Type: "string"}},
		"after":                  {Description: "A version; with wait it answers when the request's is above it, or the request has ended.", Schema: &huma.Schema{Type: "integer", Minimum: &least}},
		"wait":                   {Description: "How many seconds to wait.", Schema: &huma.Schema{Type: "integer", Minimum: &least, Maximum: &most, Default: 0}},
		"Prefer":                 {Description: fmt.Sprintf("wait=N: for how many seconds to wait for the human's word, 0 to %d (RFC 7240). POST %s waits %d unless it is told otherwise, others do not.", api.MaxWait, api.TokenPath, api.DefaultTokenWait), Schema: &huma.Schema{Type: "string"}},
		api.IdempotencyKeyHeader: {Description: "The same key with the same body is the same request, however often it is sent.", Schema: &huma.Schema{Type: "string"}},
		api.LastEventIDHeader:    {Description: "The id of the last event that was seen: the stream goes on after it.", Schema: &huma.Schema{Type: "string"}},
	}
	p, ok := known[name]
	if !ok {
		d.t.Fatalf("nothing is said of the parameter %s", name)
	}
	p.Name, p.In = name, in
	return &p
}

// optional, duration, met and details are what api.Optional, api.Duration,
// api.Challenge and api.Details are on the wire.
type (
	optional struct{}
	duration struct{}
	met      struct{}
	details  struct{}
)

// Schema implements [huma.SchemaProvider].
func (details) Schema(huma.Registry) *huma.Schema {
	one := &huma.Schema{
		Type: "object", Required: []string{"type"},
		Properties: map[string]*huma.Schema{"type": {Type: "string"}}, AdditionalProperties: true,
	}
	one.PrecomputeMessages()
	return &huma.Schema{AnyOf: []*huma.Schema{{Type: "array", Items: one}, null()}}
}

// Schema implements [huma.SchemaProvider].
func (met) Schema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: "string"}
	return &huma.Schema{
		Description: "The value of WWW-Authenticate, of several joined by commas; or its error and scope.",
		AnyOf:       []*huma.Schema{text, {Type: "object", Properties: map[string]*huma.Schema{"error": text, "scope": text}}},
	}
}

// Schema implements [huma.SchemaProvider].
func (optional) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", Nullable: true}
}

// Schema implements [huma.SchemaProvider].
func (duration) Schema(huma.Registry) *huma.Schema {
	least := 0.0
	return &huma.Schema{
		Description: `Written as "1h30m0s"; read also with days, "7d", and as a number of seconds.`,
		AnyOf:       []*huma.Schema{{Type: "string"}, {Type: "number", Minimum: &least}},
	}
}

// improve adds to a schema what the source of package api says and reflection
// does not see, and what is promised beyond the types.
func (d *description) improve(name string, s *huma.Schema) {
	t := d.doc.Components.Schemas.TypeFromRef("#/components/schemas/" + name)
	s.Description = d.api.types[name]
	asked := t == reflect.TypeFor[api.Ask]() || t == reflect.TypeFor[api.Origin]()
	if !asked {
		s.AdditionalProperties = nil // there may be more in a later version
	}
	for _, f := range reflect.VisibleFields(t) {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := s.Properties[tag]
		if p == nil {
			continue
		}
		if about := d.api.fields[owner(t, f)+"."+f.Name]; p.Ref == "" && about != "" {
			p.Description = strings.TrimSpace(p.Description + " " + about)
		}
		for _, word := range d.api.words[f.Type.Name()] {
			p.Enum = append(p.Enum, word)
		}
		switch {
		case p.Type == "array":
			p.Nullable = false // it is [] when there is nothing in it
		case p.Ref != "" && f.Type.Kind() == reflect.Pointer && (asked || options != "omitempty"):
			s.Properties[tag] = &huma.Schema{AnyOf: []*huma.Schema{p, null()}}
		case p.Format == "int32":
			p.Format = "int64" // a uid has 32 bits without a sign
		}
		if asked && p.Ref == "" && !slices.Contains(s.Required, tag) { // absent, null and empty are the same
			if p.Nullable = p.Type != ""; !p.Nullable && !slices.ContainsFunc(p.AnyOf, func(s *huma.Schema) bool { return s.Type == "null" }) {
				p.AnyOf = append(p.AnyOf, null())
			}
		}
	}
	s.PrecomputeMessages()
}

// null is the schema of null; its one word is for the validator, which does not
// know the type.
func null() *huma.Schema { return &huma.Schema{Type: "null", Enum: []any{nil}} }

// owner is the struct that a field is declared in.
func owner(t reflect.Type, f reflect.StructField) string {
	for _, i := range f.Index[:len(f.Index)-1] {
		t = t.Field(i).Type
	}
	return t.Name()
}

// checkAnswer fails the test unless an answer is one of those that the document
// has for this call, with all its members and no others.
func checkAnswer(t testing.TB, method, path string, status int, header http.Header, body []byte) {
	t.Helper()
	d := described()
	plain, query, _ := strings.Cut(path, "?")
	item := d.doc.Paths[idsIn.ReplaceAllString(plain, "$1/{id}")]
	if item == nil {
		if status < 400 {
			t.Errorf("%s %s is answered %d, and is not in the document", method, path, status)
		}
		return
	}
	if method == http.MethodHead {
		return // what GET says, without its body
	}
	o := map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodDelete: item.Delete}[method]
	if o == nil {
		if status != http.StatusMethodNotAllowed && status != http.StatusUnauthorized && status != http.StatusBadRequest {
			t.Errorf("%s %s is answered %d, and has no such method", method, path, status)
		}
		return
	}
	for word := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(word, "=")
		if word != "" && status < 400 && !slices.ContainsFunc(o.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name }) {
			t.Errorf("%s %s takes %s, which is not in the document", method, path, name)
		}
	}
	a := o.Responses[strconv.Itoa(status)]
	if a == nil {
		t.Errorf("%s %s is answered %d, which is not in the document: %s", method, path, status, body)
		return
	}
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	content := a.Content[kind]
	if content == nil {
		t.Errorf("%s %s is answered %d with %q, which is not in the document", method, path, status, kind)
		return
	}
	if kind != api.EventMediaType {
		d.fits(t, method+" "+path, content.Schema, body)
	}
}

var idsIn = regexp.MustCompile(`^(/v1/requests|/v1/grants)/[^/]+`)

// fits checks a text of JSON.
func (d *description) fits(t testing.TB, what string, s *huma.Schema, body []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	found := &huma.ValidateResult{}
	huma.Validate(d.doc.Components.Schemas, s, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, found)
	for _, err := range found.Errors {
		t.Errorf("%s: %v, says the document, of %s", what, err, body)
	}
	d.onlyKnown(t, what, s, v)
}

// onlyKnown looks for members that the document does not have.
func (d *description) onlyKnown(t testing.TB, what string, s *huma.Schema, v any) {
	t.Helper()
	if len(s.AnyOf) > 0 {
		s = s.AnyOf[0]
	}
	if s.Ref != "" {
		s = d.doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			d.onlyKnown(t, what, s.Items, one)
		}
	case map[string]any:
		for name, one := range v {
			if s.Properties[name] == nil {
				if s.Properties != nil && s.AdditionalProperties == nil {
					t.Errorf("%s: the member %s is not in the document", what, name)
				}
				continue
			}
			d.onlyKnown(t, what, s.Properties[name], one)
		}
	}
}

// TestTheDocumentIsWhole: every word of the API has its place in it.
func TestTheDocumentIsWhole(t *testing.T) {
	d := describeAPI(t)
	for name, s := range d.doc.Components.Schemas.Map() {
		if s.Description == "" {
			t.Errorf("nothing is said of %s", name)
		}
	}
	codes := map[string]bool{}
	for path, item := range d.doc.Paths {
		for _, o := range []*huma.Operation{item.Get, item.Post, item.Delete} {
			if o == nil {
				continue
			}
			if !strings.HasSuffix(o.Summary, ".") {
				t.Errorf("%s: %q is no sentence", path, o.Summary)
			}
			for _, a := range o.Responses {
				for word := range strings.SplitSeq(a.Description, ", ") {
					codes[word] = true
				}
			}
		}
	}
	for _, code := range api.ProblemCodes() {
		later := code == api.ProblemUnknownIssuer
		if codes[string(code)] == later {
			t.Errorf("%s: in the document: %v", code, codes[string(code)])
		}
	}
	problem := d.doc.Components.Schemas.Map()["Problem"]
	if got := len(problem.Properties["code"].Enum); got != len(api.ProblemCodes()) {
		t.Errorf("there are %d codes in the document", got)
	}
	for name, want := range map[string]int{"state": len(api.States())} {
		if got := len(d.doc.Components.Schemas.Map()["Request"].Properties[name].Enum); got != want {
			t.Errorf("%s has %d words, not %d", name, got, want)
		}
	}
	if _, known := d.doc.Paths[api.DocumentPath]; !known || len(slices.Collect(maps.Keys(d.doc.Paths))) != 9 {
		t.Errorf("the document has %v", slices.Sorted(maps.Keys(d.doc.Paths)))
	}
}
