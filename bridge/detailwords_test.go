package bridge

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// What asks for the same is the same text, however it was written.
func TestDetailsHaveOneForm(t *testing.T) {
	for sent, want := range map[string]Details{
		"":                                "",
		"  \n":                            "",
		"null":                            "",
		" [ ] ":                           "",
		"[{\n\"type\" : \"payment\" }]\n": `[{"type":"payment"}]`,
		`[{"type":"payment","b":1.50,"a":[true,null,{"z":1,"y":2}]}]`: `[{"a":[true,null,{"y":2,"z":1}],"b":1.50,"type":"payment"}]`,
		`[{"type":"a<b>&c"},{"type":"\u0070ay"}]`:                     `[{"type":"a<b>&c"},{"type":"pay"}]`,
		`[{"type":"one","amount":1,"type":"two","amount":9}]`:         `[{"amount":9,"type":"two"}]`,
	} {
		got, err := askedDetails.read([]byte(sent))
		if err != nil || got != want {
			t.Errorf("%q is read as %q, %v", sent, got, err)
		}
		again, err := askedDetails.read([]byte(got))
		if err != nil || again != got {
			t.Errorf("%q is read again as %q, %v", got, again, err)
		}
	}
}

func TestWhatAreNoDetails(t *testing.T) {
	deep := func(levels int) string {
		return `[{"type":"payment","in":` + strings.Repeat("[", levels-2) + strings.Repeat("]", levels-2) + "}]"
	}
	for name, sent := range map[string]string{
		"no JSON":               "payment",
		"cut off":               `[{"type":"payment"}`,
		"two arrays":            `[{"type":"payment"}] [{"type":"payment"}]`,
		"an object":             `{"type":"payment"}`,
		"a text":                `"payment"`,
		"texts":                 `["payment"]`,
		"null among them":       `[{"type":"payment"},null]`,
		"no type":               `[{"amount":1}]`,
		"an empty type":         `[{"type":""}]`,
		"a number for a type":   `[{"type":7}]`,
		"a type in two lines":   "[{\"type\":\"pay\\nment\"}]",
		"a type half unseen":    `[{"type":"pay\u200bment"}]`,
		"a type turned around":  `[{"type":"pay\u202ement"}]`,
		"a type that is long":   `[{"type":"` + strings.Repeat("x", 201) + `"}]`,
		"a type and its double": `[{"type":"payment","Type":"account"}]`,
		"too many":              "[" + strings.Repeat(`{"type":"a"},`, 8) + `{"type":"a"}]`,
		"too large":             `[{"type":"a","x":"` + strings.Repeat("y", 8<<10) + `"}]`,
		"too deep":              deep(6),
		"far too deep":          deep(20000),
	} {
		if got, err := askedDetails.read([]byte(sent)); err == nil {
			t.Errorf("%s: taken as %q", name, got)
		}
	}
	if _, err := askedDetails.read([]byte(deep(5))); err != nil {
		t.Errorf("five levels: %v", err)
	}
	if _, err := askedDetails.read([]byte("[" + strings.Repeat(`{"type":"a"},`, 7) + `{"type":"a"}]`)); err != nil {
		t.Errorf("eight of them: %v", err)
	}
}

func wordsOf(t *testing.T, sent string) []string {
	t.Helper()
	d, err := askedDetails.read([]byte(sent))
	if err != nil {
		t.Fatal(err)
	}
	return d.lines()
}

func TestDetailsInWords(t *testing.T) {
	for sent, want := range map[string][]string{
		``: nil,
		`[{"type":"payment_initiation","amount":"12 EUR"}]`:                                           {"type: payment_initiation; amount: 12 EUR"},
		`[{"type":"a"},{"type":"b","on":true,"no":null}]`:                                             {"type: a", "type: b; no: null; on: true"},
		`[{"type":"a","actions":["read","write"],"amount":{"value":12.50,"currency":"EUR"},"no":[]}]`: {"type: a; actions: read, write; amount: (currency: EUR, value: 12.50); no: []"},
		`[{"type":"a","deep":[{"x":[1,2]}]}]`:                                                         {"type: a; deep: (x: [1, 2])"},
	} {
		if got := wordsOf(t, sent); !slices.Equal(got, want) {
			t.Errorf("%s: %q", sent, got)
		}
	}
}

// Nothing that an agent writes can be taken for a member that is not there, or
// for a word of ours.
func TestWordsOfDetailsStayInTheirPlace(t *testing.T) {
	for sent, want := range map[string]string{
		`[{"type":"a","note":"x; amount: 1 EUR","zamount":"9000 EUR"}]`: "type: a; note: “x; amount: 1 EUR”; zamount: 9000 EUR",
		`[{"type":"a","note":"x”; amount: “1"}]`:                        "type: a; note: “x\"; amount: \"1”",
		`[{"type":"a","x; amount":"1 EUR"}]`:                            "type: a; “x; amount”: 1 EUR",
		`[{"type":"a","ty\u200bpe":"b"}]`:                               "type: a; “type”: b",
		`[{"type":"a","note":""}]`:                                      "type: a; note: “”",
		`[{"type":"a","note":"two\nlines"}]`:                            "type: a; note: “two lines”",
		`[{"type":"a","at":"https://evil.example/x"}]`:                  "type: a; at: “https :// evil.example/x”",
		`[{"type":"www.evil.example"}]`:                                 "type: www .evil.example",
	} {
		if got := wordsOf(t, sent); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", sent, got, want)
		}
	}
}

// However much is asked for, a card has a few lines, and says what is left out.
func TestWhatOfDetailsDoesNotFit(t *testing.T) {
	var sent strings.Builder
	sent.WriteString(`[{"type":"a"`)
	for i := range 40 {
		sent.WriteString(`,"m` + string(rune('a'+i/26)) + string(rune('a'+i%26)) + `":"` + strings.Repeat("long ", 35) + `"`)
	}
	sent.WriteString(`},{"type":"hidden","amount":"9000 EUR"}]`)
	got := wordsOf(t, sent.String())
	if len(got) != maxDetailLines+1 || got[maxDetailLines] != "… and 32 more, too many to show. If you do not know what they are, deny this." {
		t.Errorf("%d lines, and at last %q", len(got), got[len(got)-1])
	}
	for _, line := range got[:maxDetailLines] {
		if n := utf8.RuneCountInString(line); n > maxDetailLine+len("and ") {
			t.Errorf("a line has %d characters: %q", n, line)
		}
		if strings.Contains(line, "hidden") {
			t.Errorf("something is shown after what is not: %q", line)
		}
	}
}
