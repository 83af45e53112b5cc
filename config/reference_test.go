package config_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/config"
)

const referencePage = "../docs/configuration.md"

func TestReference(t *testing.T) {
	want := drawReference(config.Keys())
	if *update {
		if err := os.WriteFile(referencePage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/configuration.md is not what the tables say; run: make gen\n%s", diff)
	}
}

// TestEveryKeyHasWords holds whoever declares a key to say what it is for.
func TestEveryKeyHasWords(t *testing.T) {
	for _, k := range config.Keys() {
		if !k.Landed {
			continue
		}
		if !strings.HasSuffix(k.Means, ".") {
			t.Errorf("%s: what it is for is no sentence: %q", k.Path, k.Means)
		}
		if k.Form != "" && k.Example == "" {
			t.Errorf("%s: has no example", k.Path)
		}
		if k.Default != "" && k.Otherwise != "" {
			t.Errorf("%s: has the default %s, and in words %s", k.Path, k.Default, k.Otherwise)
		}
		if text := k.Means + k.Form + k.Otherwise; strings.ContainsAny(text, "\n|") {
			t.Errorf("%s: the words do not fit into a line", k.Path)
		}
	}
}

// TestExampleOfEverything: what the page shows can be used as it stands.
func TestExampleOfEverything(t *testing.T) {
	env := config.Env{
		Getenv: func(name string) string {
			return map[string]string{
				"CORP_SECRET": "correct horse", "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "SLACK_SIGNING_SECRET": "8f742231b10e",
				"DISCORD_BOT_TOKEN": "MTEy.a.b",
			}[name]
		},
		GroupID: func(string) (uint32, error) { return 1000, nil },
	}
	cert, key := pair(t)
	here := strings.NewReplacer("/etc/authbridge/cert.pem", cert, "/etc/authbridge/key.pem", key, "/etc/authbridge/ca.pem", cert)
	_, err := config.Parse("authbridge.yaml", []byte(here.Replace(exampleOfEverything(config.Keys()))), env)
	if err != nil {
		t.Error(err)
	}
}

// drawReference writes the page.
func drawReference(keys []config.Key) string {
	var page strings.Builder
	page.WriteString("<!-- Drawn from the tables of config/ by `make gen`. Do not edit. -->\n# Configuration: authbridge.yaml\n\n" + referenceHead + "\n")
	fmt.Fprintf(&page, "## Everything at once\n\nAn example with every key, most of which you do not need.\n\n```yaml\n%s```\n\n## At the top\n\n", exampleOfEverything(keys))
	drawKeysOf(&page, keys, "")
	for _, k := range keys {
		if k.Landed && k.Form == "" {
			fmt.Fprintf(&page, "## %s\n\n%s\n\n", shown(k), k.Means)
			drawKeysOf(&page, keys, k.Path)
		}
	}
	drawRefused(&page, keys)
	return page.String()
}

// drawRefused lists what is refused, sections as a whole.
func drawRefused(page *strings.Builder, keys []config.Key) {
	page.WriteString("## Not in this version\n\nThese keys are known, and refused until what they are for is there:\n\n")
	refused := map[string]bool{}
	for _, k := range keys {
		parent := sectionOf(k)
		refused[k.Path] = !k.Landed
		if !k.Landed && !refused[parent] {
			fmt.Fprintf(page, "- `%s`\n", shown(k))
		}
	}
}

// drawKeysOf draws the keys that stand in a section itself.
func drawKeysOf(page *strings.Builder, keys []config.Key, section string) {
	for _, k := range keys {
		if k.Landed && k.Form != "" && sectionOf(k) == section {
			drawKey(page, k)
		}
	}
}

// sectionOf is the path of the section that a key stands in; "" = the top.
func sectionOf(k config.Key) string {
	parent := k.Path[:max(strings.LastIndexByte(k.Path, '.'), 0)]
	return strings.TrimSuffix(strings.TrimSuffix(parent, "[]"), ".*")
}

const referenceHead = `The file is found at ` + "`--config`, `$AUTHBRIDGE_CONFIG`, `$XDG_CONFIG_HOME/authbridge/authbridge.yaml` (or `~/.config/…`) or\n`/etc/authbridge/authbridge.yaml`" + `, never in the working directory. All of it may be left out: an empty file runs.

It is read strictly. A key that is not known, a value of the wrong kind, a contradiction: each is refused with its line and a hint, all at once,
and nothing is started. ` + "`authbridge config check`" + ` does only that.

- A **duration** is a number and a unit, such as ` + "`90s`, `15m`, `12h` or `90d`" + `; units can be joined: ` + "`1h30m`" + `.
- A **secret** never stands in the file. ` + "`env:NAME`" + ` takes it from a variable of the daemon, ` + "`file:/path`" + ` from a file that nobody but its owner can read.
- A **name** has small letters, digits, and ` + "`. _ -`" + ` inside; at most 64 of them.
- Lines marked **restart** are read at the start only. All others are taken over at SIGHUP ([how](decisions/reload.md)).
`

func drawKey(page *strings.Builder, k config.Key) {
	fmt.Fprintf(page, "**`%s`** · %s · %s", shown(k), k.Form, fallback(k))
	if k.Restart {
		page.WriteString(" · **restart**")
	}
	fmt.Fprintf(page, "\\\n%s\n\n", k.Means)
}

// shown is the path with words in place of signs.
func shown(k config.Key) string { return strings.ReplaceAll(k.Path, "*", "NAME") }

func fallback(k config.Key) string {
	switch {
	case k.Otherwise != "":
		return "default: " + k.Otherwise
	case k.Default != "":
		return "default `" + k.Default + "`"
	}
	return "no default"
}

// exampleOfEverything is a file of all examples.
func exampleOfEverything(keys []config.Key) string {
	var file strings.Builder
	indent := map[string]string{"": ""} // of what stands below a path
	dash := ""                          // of the next line, if it begins an item
	for _, k := range keys {
		if !k.Landed {
			continue
		}
		parent, key := "", k.Path
		if i := strings.LastIndexByte(k.Path, '.'); i >= 0 {
			parent, key = k.Path[:i], k.Path[i+1:]
		}
		in, drawn := indent[parent]
		if !drawn { // of a section that stands in a comment
			continue
		}
		first := in
		if dash != "" {
			first, dash = strings.TrimSuffix(in, "  ")+"- ", ""
		}
		switch {
		case k.Instead != "":
			fmt.Fprintf(&file, "%s# %s: %s  # in the place of %s\n", first, key, k.Example, k.Instead)
		case k.Form != "":
			fmt.Fprintf(&file, "%s%s: %s\n", first, key, k.Example)
		case k.Example != "":
			fmt.Fprintf(&file, "%s%s:\n%s  %s:\n", first, key, in, k.Example)
			indent[k.Path+".*"] = in + "    "
		default:
			fmt.Fprintf(&file, "%s%s:\n", first, key)
			indent[k.Path], indent[k.Path+"[]"] = in+"  ", in+"    "
			if isList(keys, k.Path) {
				dash = "- "
			}
		}
	}
	return file.String()
}

func isList(keys []config.Key, path string) bool {
	for _, k := range keys {
		if strings.HasPrefix(k.Path, path+"[]") {
			return true
		}
	}
	return false
}
