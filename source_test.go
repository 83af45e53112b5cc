package authbridge_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// listed is what is used here of the go command's description of a package.
type listed struct {
	Dir            string
	ImportPath     string
	Name           string
	Imports        []string
	Deps           []string
	IgnoredGoFiles []string
}

func (p listed) ours() bool {
	_, ok := roomOf(p.ImportPath)
	return ok
}

func (p listed) room() string {
	room, _ := roomOf(p.ImportPath)
	return room
}

// listPackages describes every package of the module and all that they reach,
// tests left out.
func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps",
		"-json=Dir,ImportPath,Name,Imports,Deps,IgnoredGoFiles", "./...")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, complaint.String())
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}

// productImports adds to what this machine would build the files meant for
// other systems: an arrow holds on all of them.
func productImports(t *testing.T, p listed) []string {
	t.Helper()
	imports := slices.Clone(p.Imports)
	for _, name := range p.IgnoredGoFiles {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			imports = append(imports, strings.Trim(spec.Path.Value, `"`))
		}
	}
	slices.Sort(imports)
	return slices.Compact(imports)
}

// goFile is one source file of the module, named with slashes from its root.
type goFile struct {
	name      string
	lines     int
	doc       string // the package comment
	test      bool
	generated bool
}

// goFiles reads the module's Go files, without those of other modules below
// it, test data and hidden directories. That they are read by this process is
// also what tells the go command when a cached result of these tests is stale:
// it cannot see what go list reads on its own.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipForeign(name, entry)
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		f, err := readGoFile(name)
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func skipForeign(name string, dir fs.DirEntry) error {
	if name == "." {
		return nil
	}
	if dir.Name() == "testdata" || strings.HasPrefix(dir.Name(), ".") || strings.HasPrefix(dir.Name(), "_") {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func readGoFile(name string) (goFile, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return goFile{}, err
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		return goFile{}, err
	}
	return goFile{
		name:      filepath.ToSlash(name),
		lines:     bytes.Count(text, []byte("\n")),
		doc:       strings.TrimSpace(f.Doc.Text()),
		test:      strings.HasSuffix(name, "_test.go"),
		generated: ast.IsGenerated(f),
	}, nil
}
