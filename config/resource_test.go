package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
)

func TestResourcesAreRead(t *testing.T) {
	c, err := config.Parse("authbridge.yaml", []byte(`
resources:
  - {match: "https://files.mcp.example.com/mcp", issuers: [https://login.example.com]}
  - {match: "https://*.tools.example.com/**", issuers: [https://a.example, https://b.example/t1], resource_match: parent, client: per_agent}
humans: {alice: {email: alice@example.com}}
agents:
  ci: {uid: 7, may: [{resource: "https://files.mcp.example.com/**", scopes: ["files:*"], ask: [alice]}]}
`), environment())
	if err != nil {
		t.Fatal(err)
	}
	want := []bridge.Resource{
		{Match: "https://files.mcp.example.com/mcp", Issuers: []string{"https://login.example.com"}},
		{Match: "https://*.tools.example.com/**", Issuers: []string{"https://a.example", "https://b.example/t1"}, Parent: true, PerAgent: true},
	}
	if diff := cmp.Diff(want, c.Directory.Resources); diff != "" {
		t.Error(diff)
	}
	rule := bridge.Rule{Resource: "https://files.mcp.example.com/**", Scopes: []string{"files:*"}, Ask: []string{"alice"}, Reuse: bridge.DefaultReuse}
	if diff := cmp.Diff([]bridge.Rule{rule}, c.Directory.Agents["ci"].May); diff != "" {
		t.Error(diff)
	}
}

// TestTheAgentOfAnEmptyFileMayAskForResources: it may ask for everything that
// is configured, and they are.
func TestTheAgentOfAnEmptyFileMayAskForResources(t *testing.T) {
	c, err := config.Parse("authbridge.yaml", []byte(`resources: [{match: "https://files.mcp.example.com/**", issuers: [https://login.example.com]}]`), environment())
	if err != nil {
		t.Fatal(err)
	}
	want := bridge.Rule{Resource: "https://files.mcp.example.com/**", Scopes: []string{"*"}, Ask: []string{"operator"}, Reuse: bridge.DefaultReuse}
	if may := c.Directory.Agents["local"].May; len(may) != 2 || cmp.Diff(want, may[1]) != "" {
		t.Errorf("it may %+v", may)
	}
}

func TestResourcesAreJudged(t *testing.T) {
	entry := func(keys string) string { return "resources:\n- {" + keys + "}\n" }
	checkWrong(t, []wrong{
		{"nothing to match", entry("issuers: [https://a.example]"), "2: resources[0]: does not say which resources"},
		{"nobody listed", entry("match: 'https://r.example/mcp'"), "2: resources[0]: lists no issuers, so nobody could give tokens for it"},
		{"an empty list", entry("match: 'https://r.example/mcp', issuers: []"), "2: resources[0]: lists no issuers, so nobody could give tokens for it"},
		{"http", entry("match: 'http://r.example/mcp', issuers: [https://a.example]"), "2: resources[0].match: not the URL of a resource: it is not https"},
		{"http on loopback", entry("match: 'http://127.0.0.1/mcp', issuers: [https://a.example]"), "2: resources[0].match: http on loopback is not allowed"},
		{"a user name", entry("match: 'https://x@r.example/mcp', issuers: [https://a.example]"), "2: resources[0].match: not the URL of a resource: it has a user name"},
		{"no issuer's URL", entry("match: 'https://r.example/mcp', issuers: [a.example]"), "2: resources[0].issuers[0]: not the URL of an issuer"},
		{"an issuer's query", entry("match: 'https://r.example/mcp', issuers: ['https://a.example?x']"), "2: resources[0].issuers[0]: an issuer's URL has no query and no fragment"},
		{"the same once more", entry("match: 'https://r.example/mcp', issuers: [https://a.example]") + "- {match: 'https://r.example/mcp', issuers: [https://b.example]}\n", "3: resources[1].match: the same as resources[0]'s, which decides"},
		{"another word", entry("match: 'https://r.example/mcp', issuers: [https://a.example], client: everybody"), "2: resources[0].client: not known"},
	})
}
