package authbridge_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page is one page of Markdown.
type page struct {
	name string // with slashes, from the root
	text string
}

// pages are all that people are meant to read.
func pages(t *testing.T) (all []page) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir():
			return skipForeign(name, entry)
		case filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(name)
		all = append(all, page{filepath.ToSlash(name), string(text)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d pages were found", len(all))
	}
	return all
}

var (
	fenced   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	spans    = regexp.MustCompile("`[^`\n]*`")
	linked   = regexp.MustCompile(`!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"`)
	headings = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinksResolve: each link leads to a file and a heading that are there.
func TestLinksResolve(t *testing.T) {
	all := pages(t)
	found := 0
	for _, p := range all {
		for _, m := range linked.FindAllStringSubmatch(spans.ReplaceAllString(fenced.ReplaceAllString(p.text, ""), ""), -1) {
			link := m[1] + m[2]
			to, err := url.Parse(link)
			if err != nil || to.Scheme != "" {
				continue
			}
			found++
			target := p.name
			if to.Path != "" {
				target = path.Join(path.Dir(p.name), to.Path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", p.name, link)
				continue
			}
			i := slices.IndexFunc(all, func(other page) bool { return other.name == target })
			if to.Fragment != "" && (i < 0 || !slices.Contains(anchors(all[i]), to.Fragment)) {
				t.Errorf("%s links to %s, and %s has no such heading", p.name, link, target)
			}
		}
	}
	if found == 0 {
		t.Error("no link was found")
	}
}

// anchors are what the headings of a page are called in links to it.
func anchors(p page) (all []string) {
	for _, m := range headings.FindAllStringSubmatch(fenced.ReplaceAllString(p.text, ""), -1) {
		plain := noAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	return all
}

var guardedBy = regexp.MustCompile("`([a-z/0-9]+)\\.(Test[A-Za-z0-9]+)`")

// TestTheThreatModelNamesItsTests: what is said to be guarded is.
func TestTheThreatModelNamesItsTests(t *testing.T) {
	text, err := os.ReadFile("docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]map[string]bool{}
	named := guardedBy.FindAllStringSubmatch(string(text), -1)
	if len(named) == 0 {
		t.Fatal("no test is named")
	}
	for _, m := range named {
		room, test := m[1], m[2]
		if there[room] == nil {
			there[room] = testsIn(t, room)
		}
		if !there[room][test] {
			t.Errorf("docs/threat-model.md names %s, and %s has no such test", test, room)
		}
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| ") && strings.Count(line, " | ") == 2 && !strings.HasPrefix(line, "| ---") && !strings.HasPrefix(line, "| threat") && !guardedBy.MatchString(line) {
			t.Errorf("docs/threat-model.md names no test for: %s", line)
		}
	}
}

func testsIn(t *testing.T, room string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(room), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			if fn, is := decl.(*ast.FuncDecl); is && fn.Recv == nil {
				tests[fn.Name.Name] = true
			}
		}
	}
	return tests
}

// TestDecisionsAreListed: nobody finds a page that its table does not name.
func TestDecisionsAreListed(t *testing.T) {
	text, err := os.ReadFile("docs/decisions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages(t) {
		name, is := strings.CutPrefix(p.name, "docs/decisions/")
		if is && name != "README.md" && !strings.Contains(string(text), "("+name+")") {
			t.Errorf("docs/decisions/README.md does not list %s", name)
		}
	}
}

// TestArchitectureNamesEveryRoom: each room has one row in the picture for
// people, and it may use there what the rules let it.
func TestArchitectureNamesEveryRoom(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	uses := map[string]string{}
	for line := range strings.Lines(string(text)) {
		columns := strings.Split(line, " | ")
		if len(columns) != 3 {
			continue
		}
		for _, quoted := range spans.FindAllString(columns[0], -1) {
			room := strings.TrimSuffix(strings.Trim(quoted, "`"), "/")
			if _, twice := uses[room]; twice {
				t.Errorf("docs/architecture.md has two rows for %s", room)
			}
			uses[room] = columns[2]
		}
	}
	for _, r := range rules {
		may, there := uses[r.room]
		if !there && r.room != "." && !slices.Contains(notYet, r.room) {
			t.Errorf("docs/architecture.md has no row for %s", r.room)
		}
		for _, room := range r.may {
			if there && r.kind == product && !strings.Contains(may, "`"+room+"`") && !strings.HasPrefix(may, "everything above") {
				t.Errorf("docs/architecture.md does not say that %s may use %s", r.room, room)
			}
		}
	}
}
