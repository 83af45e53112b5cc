package oauth_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

func names(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("s%d", i))
	}
	return all
}

// TestScopesThatAreNone is the provider that grants what it does not name
// properly. What was granted must not look smaller than it is: one word
// stands for all that cannot be read, and a policy does not allow that word.
func TestScopesThatAreNone(t *testing.T) {
	const bad = "unreadable-scope"
	long := strings.Repeat("s", 200)
	for name, at := range map[string]struct {
		scope any
		want  []string
	}{
		"every sign there may be": {"!#[]^~ a:b/c", []string{"!#[]^~", "a:b/c"}},
		"a quotation mark":        {`x "y"`, []string{"x", bad}},
		"a backslash":             {`x\y z`, []string{"z", bad}},
		"a control character":     {"x\x00y z", []string{"z", bad}},
		"the end of ASCII":        {"x\x7f", []string{bad}},
		"no ASCII":                {"files:r\u00e9ad", []string{bad}},
		"text that turns around":  {"files:\u202edaer", []string{bad}},
		"a hidden sign":           {"files:\u200bread", []string{bad}},
		"a space within":          {[]any{"x", "y admin"}, []string{"x", bad}},
		"a comma alone":           {",", []string{"asked"}},
		"a number in the list":    {[]any{"x", 1}, []string{"x", bad}},
		"an object in the list":   {[]any{map[string]any{"admin": true}}, []string{bad}},
		"null in the list":        {[]any{nil, "x"}, []string{"x", bad}},
		"an object":               {map[string]any{"admin": true}, []string{bad}},
		"true":                    {true, []string{bad}},
		"null":                    {nil, []string{"asked"}},
		"an empty list":           {[]any{}, []string{"asked"}},
		"as long as may be":       {long, []string{long}},
		"too long":                {long + "s", []string{bad}},
		"as many as may be":       {strings.Join(names(100), " "), names(100)},
		"one too many":            {strings.Join(names(101), " "), append(names(100), bad)},
		"far too many":            {strings.Join(names(5000), ","), append(names(100), bad)},
		"several at once":         {`" \ é`, []string{bad}},
		"the word itself":         {bad + ` "`, []string{bad}},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				body, err := json.Marshal(map[string]any{"access_token": "a", "scope": at.scope})
				if err != nil {
					t.Fatal(err)
				}
				code := s.begin()
				code.Scopes = []string{"asked"}
				answer, err := s.pollOnce(code, oauthtest.JSON(200, string(body)))
				if diff := cmp.Diff(at.want, answer.Tokens.Scopes); err != nil || answer.Verdict != bridge.PollGranted || diff != "" {
					t.Errorf("verdict %v, %v %s", answer.Verdict, err, diff)
				}
				rule := bridge.Rule{Scopes: []string{"s*", "x", "z", "files:*", "asked"}}
				if slices.Contains(at.want, bad) && rule.Covers(answer.Tokens.Scopes...) {
					t.Error("a rule that names other scopes covers it")
				}
			})
		})
	}
}
