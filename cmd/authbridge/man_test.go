package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var update = flag.Bool("update", false, "write docs/man")

const manDir = "../../docs/man"

// TestManPages: there is a page for each command, and it says what the command
// says of itself.
func TestManPages(t *testing.T) {
	pages := manPages(t)
	there, err := filepath.Glob(filepath.Join(manDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range there {
		if pages[filepath.Base(path)] == nil && *update {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		} else if pages[filepath.Base(path)] == nil {
			t.Errorf("%s is about no command; run: make gen", path)
		}
	}
	for name, want := range pages {
		path := filepath.Join(manDir, name)
		if *update {
			writePage(t, path, want)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("docs/man/%s is not what the command says of itself; run: make gen", name)
		}
	}
}

func writePage(t *testing.T, path string, page []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, page, 0o644); err != nil {
		t.Fatal(err)
	}
}

// manPages draws all pages. They have no date, so that the same commands have
// the same pages on every day.
func manPages(t *testing.T) map[string][]byte {
	t.Helper()
	pages := map[string][]byte{}
	var draw func(*cobra.Command)
	draw = func(c *cobra.Command) {
		if !c.IsAvailableCommand() {
			return
		}
		c.DisableAutoGenTag = true
		c.InitDefaultHelpFlag()
		hideUnused(c)
		var page bytes.Buffer
		header := &doc.GenManHeader{Section: "1", Source: "authbridge", Manual: "authbridge", Date: &time.Time{}}
		if err := doc.GenMan(c, header, &page); err != nil {
			t.Fatal(err)
		}
		pages[strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"] = withoutDate(t, page.Bytes())
		for _, sub := range c.Commands() {
			draw(sub)
		}
	}
	a := &app{stdio: &stdio{env: func(string) string { return "" }}}
	draw(a.root())
	return pages
}

var heading = regexp.MustCompile(`(?m)^(\.TH "[^"]*" "1") "[^"]*"`)

func withoutDate(t *testing.T, page []byte) []byte {
	t.Helper()
	if !heading.Match(page) {
		t.Fatalf("no heading in:\n%s", page)
	}
	return heading.ReplaceAll(page, []byte(`$1 ""`))
}

func TestManPagesHaveWhatPeopleLookFor(t *testing.T) {
	pages := manPages(t)
	names := []string{"authbridge.1", "authbridge-token.1", "authbridge-config-check.1"}
	for _, name := range names {
		for _, section := range []string{".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION"} {
			if !bytes.Contains(pages[name], []byte(section)) {
				t.Errorf("%s has no %s", name, section)
			}
		}
	}
	if slices.ContainsFunc(names, func(name string) bool { return bytes.Contains(pages[name], []byte("0001")) }) {
		t.Error("a page has a date")
	}
}
