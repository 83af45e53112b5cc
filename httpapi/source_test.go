package httpapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// CheckAnswer is for the stories of package httpapi_test.
var CheckAnswer = checkAnswer

// described is the API as the document has it, drawn once.
var described = sync.OnceValue(func() *description { return describeAPI(&testing.T{}) })

// apiSource is what the comments of package api say.
type apiSource struct {
	types  map[string]string   // by type
	fields map[string]string   // by "Type.Field"
	words  map[string][]string // the constants of a type of text, in order
}

// readAPI reads the source: what is said there is said to all readers, and
// once.
func readAPI(t *testing.T) apiSource {
	t.Helper()
	said := apiSource{map[string]string{}, map[string]string{}, map[string][]string{}}
	files, err := filepath.Glob("../api/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of package api: %v", err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if of, is := decl.(*ast.GenDecl); is {
				said.declared(of)
			}
		}
	}
	return said
}

func (a apiSource) declared(of *ast.GenDecl) {
	for _, spec := range of.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			a.types[s.Name.Name] = sentence(of.Doc)
			if fields, is := s.Type.(*ast.StructType); is {
				for _, f := range fields.Fields.List {
					for _, name := range f.Names {
						a.fields[s.Name.Name+"."+name.Name] = sentence(f.Comment)
					}
				}
			}
		case *ast.ValueSpec:
			kind, is := s.Type.(*ast.Ident)
			if !is || len(s.Values) != 1 {
				continue
			}
			if word, is := s.Values[0].(*ast.BasicLit); is && word.Kind == token.STRING {
				plain, _ := strconv.Unquote(word.Value)
				a.words[kind.Name] = append(a.words[kind.Name], plain)
			}
		}
	}
}

func sentence(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }

// nameOf is what the runtime calls a function.
func nameOf(f any) string { return runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name() }
