package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/config"
)

// pagesForPeople are all pages of the project, by name.
func pagesForPeople(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	read := func(name string) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pages[strings.TrimPrefix(filepath.ToSlash(name), "../../")] = string(text)
	}
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"} {
		read("../../" + name)
	}
	err := filepath.WalkDir("../../docs", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(name) == ".md" {
			read(name)
		}
		return err
	})
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, error %v", len(pages), err)
	}
	return pages
}

var (
	blocks    = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?)^ *```$")
	codeSpans = regexp.MustCompile("`([^`\n]+)`")
	called    = regexp.MustCompile(`(?:^|\$\()\s*(?:\$ )?(?:bin/)?authbridge ([^#|);]*)`)
)

// TestPagesCallWhatIsThere: the commands and flags that the pages name are
// known, wherever they stand as code.
func TestPagesCallWhatIsThere(t *testing.T) {
	a := &app{stdio: &stdio{env: func(string) string { return "" }}}
	root, found := a.root(), 0
	root.InitDefaultHelpCmd()
	for name, text := range pagesForPeople(t) {
		var code []string
		for _, m := range blocks.FindAllStringSubmatch(text, -1) {
			if slices.Contains([]string{"sh", "console", ""}, m[1]) {
				code = append(code, strings.Split(strings.ReplaceAll(m[2], "\\\n", " "), "\n")...)
			}
		}
		for _, m := range codeSpans.FindAllStringSubmatch(blocks.ReplaceAllString(text, ""), -1) {
			code = append(code, m[1])
		}
		for _, line := range code {
			line, _, _ = strings.Cut(line, " -- ")
			for _, m := range called.FindAllStringSubmatch(line, -1) {
				if words := strings.Fields(m[1]); len(words) > 0 {
					found++
					checkCall(t, name, root, words)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d calls were found", found)
	}
}

func checkCall(t *testing.T, page string, root *cobra.Command, words []string) {
	t.Helper()
	c, rest, err := root.Find(words)
	if err != nil || c == root && !strings.HasPrefix(words[0], "-") || c.Hidden {
		t.Errorf("%s calls authbridge %s, which is no command of this version", page, join(words))
		return
	}
	for _, word := range rest {
		name, is := strings.CutPrefix(word, "--")
		name, _, _ = strings.Cut(name, "=")
		if is && name != "help" && c.Flag(name) == nil && c.InheritedFlags().Lookup(name) == nil {
			t.Errorf("%s calls %s with the flag --%s, which it does not have", page, c.CommandPath(), name)
		}
	}
}

// TestPagesShowConfigurationsThatAreFine: what stands on a page as YAML can be
// a configuration, as far as it goes.
func TestPagesShowConfigurationsThatAreFine(t *testing.T) {
	env := config.Env{
		Getenv: func(name string) string {
			return map[string]string{
				"HOME": "/home/op", "CORP_SECRET": "correct horse",
				"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "SLACK_SIGNING_SECRET": "8f742231b10e", "DISCORD_BOT_TOKEN": "MTEy.a.b",
			}[name]
		},
		GroupID: func(string) (uint32, error) { return 1000, nil },
	}
	found := 0
	for name, text := range pagesForPeople(t) {
		for _, m := range blocks.FindAllStringSubmatch(text, -1) {
			if m[1] != "yaml" || name == "docs/configuration.md" { // which has a test of its own
				continue
			}
			found++
			indent := m[2][:len(m[2])-len(strings.TrimLeft(m[2], " "))]
			_, err := config.Parse(name, []byte(strings.ReplaceAll("\n"+m[2], "\n"+indent, "\n")), env)
			if faults, are := errors.AsType[*config.Faults](err); are {
				t.Errorf("%s shows a configuration with %s\n%s", name, faults.Summary(), faults)
			}
		}
	}
	if found == 0 {
		t.Error("no configuration was found")
	}
}

// TestTheREADMESaysWhatIsNotThere: what it says is to come is refused.
func TestTheREADMESaysWhatIsNotThere(t *testing.T) {
	_, state, _ := strings.Cut(pagesForPeople(t)["README.md"], "\nNot in this version")
	state, _, found := strings.Cut(state, "\n\n")
	if !found {
		t.Fatal("the README does not say what is not in this version")
	}
	var said []string
	for _, m := range codeSpans.FindAllStringSubmatch(state, -1) {
		said = append(said, m[1])
	}
	var refused []string
	for _, k := range config.Keys() {
		if !k.Landed {
			refused = append(refused, k.Path)
		}
	}
	for _, name := range said {
		if !slices.Contains(refused, name) {
			t.Errorf("the README says that %s is not in this version, and it is", name)
		}
	}
}
