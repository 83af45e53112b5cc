package challenge

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// vectors are what anybody's reader of challenges can be held against.
func vectors(t testing.TB) (cases []struct {
	Name, Source     string
	Headers          []string
	ResourceMetadata string `json:"resource_metadata"`
	Error, Scope     string
},
) {
	t.Helper()
	text, err := os.ReadFile("../../docs/vectors/challenges.json")
	if err != nil {
		t.Fatal(err)
	}
	file := struct{ Cases any }{&cases}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 15 {
		t.Fatalf("only %d cases", len(cases))
	}
	return cases
}

func TestCheck02ChallengesInAllTheirForms(t *testing.T) {
	for _, c := range vectors(t) {
		t.Run(c.Name, func(t *testing.T) {
			found := Parse(c.Headers)
			if at := ResourceMetadata(found); at != c.ResourceMetadata {
				t.Errorf("metadata at %q, want %q", at, c.ResourceMetadata)
			}
			if code, scope := Bearer(found); code != c.Error || scope != c.Scope {
				t.Errorf("error %q and scope %q, want %q and %q", code, scope, c.Error, c.Scope)
			}
			if c.Source == "" {
				t.Error("it does not say where it is from")
			}
		})
	}
}

func TestAllChallengesAreFound(t *testing.T) {
	got := Parse([]string{
		`Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\""`,
		`Negotiate YWJj==, Empty, B realm=""`,
	})
	want := []Challenge{
		{"Basic", map[string]string{"realm": "simple"}},
		{"Newauth", map[string]string{"realm": "apps", "type": "1", "title": `Login to "apps"`}},
		{"Negotiate", map[string]string{}},
		{"Empty", map[string]string{}},
		{"B", map[string]string{"realm": ""}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("found %+v", got)
	}
}

// TestEndlessChallenges: a server that sends more than anybody wants to read.
func TestEndlessChallenges(t *testing.T) {
	if n := len(Parse([]string{strings.Repeat("A, ", 1000)})); n != maxFound {
		t.Errorf("%d challenges in one value", n)
	}
	if n := len(Parse(slices.Repeat([]string{"A"}, 1000))); n != maxFound {
		t.Errorf("%d challenges in many values", n)
	}
	large := `Bearer scope="` + strings.Repeat("x", maxSize) + `"`
	got := Parse([]string{"A", large, `Bearer scope="late"`})
	if len(got) != 1 || got[0].Scheme != "A" {
		t.Errorf("found %.100v", got)
	}
}

// FuzzParse: whatever a server says, what is found is bounded and well formed,
// and said properly it is found again.
func FuzzParse(f *testing.F) {
	for _, c := range vectors(f) {
		f.Add(strings.Join(c.Headers, "\n"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		values := strings.Split(text, "\n")
		found := Parse(values)
		size := 0
		for _, c := range found {
			size += len(c.Scheme)
			for name, value := range c.Params {
				size += len(name) + len(value)
				if !isToken(name) || name != strings.ToLower(name) {
					t.Errorf("a parameter is named %q", name)
				}
			}
			if !isToken(c.Scheme) {
				t.Errorf("a scheme is named %q", c.Scheme)
			}
		}
		if len(found) > maxFound || size > len(text) || size > maxSize {
			t.Errorf("%d challenges of %d bytes in %d", len(found), size, len(text))
		}
		if said := say(found); len(said) <= maxSize && !reflect.DeepEqual(Parse([]string{said}), found) && len(found) > 0 {
			t.Errorf("%q is read as %+v, and that in good order as %+v", text, found, Parse([]string{said}))
		}
	})
}

func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r > '~' || r <= ' ' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// say writes challenges as RFC 9110 wants them.
func say(all []Challenge) string {
	var parts []string
	for _, c := range all {
		var params []string
		for _, name := range slices.Sorted(maps.Keys(c.Params)) {
			params = append(params, fmt.Sprintf(`%s="%s"`, name, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(c.Params[name])))
		}
		parts = append(parts, strings.TrimSpace(c.Scheme+" "+strings.Join(params, ", ")))
	}
	return strings.Join(parts, ", ")
}
