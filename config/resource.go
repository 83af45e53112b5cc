package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// resource declares one entry of resources.
func (d *decoder) resource() []setting {
	// An entry is read whole before the next one moves them all.
	d.config.Directory.Resources = append(d.config.Directory.Resources, bridge.Resource{})
	r := &d.config.Directory.Resources[len(d.config.Directory.Resources)-1]
	return []setting{
		{
			key: "match", read: d.resourcePattern(&r.Match), example: "https://files.mcp.example.com/mcp",
			means: "Which resources, by their URL: scheme, host and port, and path. `*` stands for anything within one label of the host or one segment of the path, `**` for any number of them. It must be given.",
		},
		{
			key: "issuers", read: d.texts("issuers", &r.Issuers, d.checkListed), example: "[https://login.example.com]",
			means: "Whose tokens these resources may be given, letter by letter as the servers' own metadata has them. What a resource names besides is refused; `authbridge admin issuers` shows it. There must be one.",
		},
		{
			key: "resource_match", read: d.either(&r.Parent, "exact", "parent"), example: "exact",
			means: "Whether a resource's metadata must speak for the URL that is asked for, or may speak for a parent of it, as some servers' do. Their tokens are good for all below it, so `match` and the agent's rule have to cover the parent too.",
		},
		{
			key: "client", read: d.either(&r.PerAgent, "shared", "per_agent"), example: "shared",
			means: "Whether all agents go by one client at issuers that are no configured provider, or each by one of its own, so that the issuer's pages and logs name the agent.",
		},
	}
}

// resourcePattern reads a pattern for the URLs of resources.
func (d *decoder) resourcePattern(into *string) reader {
	word := d.word(into)
	return reader{form: "the URL of a resource, in which `*` and `**` may stand for parts", now: word.now, take: func(path string, v value) {
		if word.take(path, v); *into == "" {
			return
		}
		if err := bridge.CheckResourcePattern(*into); err != nil {
			d.fault(path, "not the URL of a resource: "+err.Error(), "such as https://files.mcp.example.com/mcp, or https://files.mcp.example.com/**")
			*into = ""
		}
	}}
}

// checkListed checks one issuer of a list.
func (d *decoder) checkListed(path, issuer string) bool { return d.checkIssuer(path, issuer) }

func (d *decoder) checkResources() {
	all := d.config.Directory.Resources
	for i, r := range all {
		at := fmt.Sprintf("resources[%d]", i)
		if !d.given(at) {
			continue
		}
		if !d.given(at + ".match") {
			d.fault(at, "does not say which resources", "match: https://files.mcp.example.com/mcp")
		}
		if strings.HasPrefix(strings.ToLower(r.Match), "http:") && !d.config.Network.AllowHTTPLoopback && !d.faulted("network.allow_http_loopback") {
			d.fault(at+".match", "http on loopback is not allowed", "for tests: network: {allow_http_loopback: true}")
		}
		if !d.given(at+".issuers") || len(r.Issuers) == 0 && !d.faulted(at+".issuers") {
			d.fault(at, "lists no issuers, so nobody could give tokens for it", "issuers: [https://login.example.com]")
		}
		same := func(other bridge.Resource) bool { return other.Match == r.Match }
		if first := slices.IndexFunc(all, same); r.Match != "" && first < i {
			d.fault(at+".match", fmt.Sprintf("the same as resources[%d]'s, which decides", first), "put all issuers into one entry")
		}
	}
}

// localResources lets the agent that stands for whoever runs the daemon ask for
// everything that is listed.
func (d *decoder) localResources(humans []string) []bridge.Rule {
	var rules []bridge.Rule
	for _, r := range d.config.Directory.Resources {
		rules = append(rules, bridge.Rule{Resource: r.Match, Scopes: []string{"*"}, Ask: humans, Reuse: bridge.DefaultReuse})
		if teams := slices.Sorted(maps.Keys(d.teams)); len(teams) > 0 {
			rules = append(rules, bridge.Rule{Resource: r.Match, Scopes: []string{"*"}, Ask: teams, Reuse: bridge.MaxTeamReuse})
		}
	}
	return rules
}
