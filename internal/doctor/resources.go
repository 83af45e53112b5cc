package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/oauth"
)

// Resources looks at what agents may name by URL: at each resource that is
// listed by its own URL, and not by a pattern, as an agent's ask would have the
// bridge look at it; and at each listed issuer that is no configured provider.
// It takes at most 20 seconds. The client may be nil; it is best the one that
// calls providers otherwise.
func Resources(ctx context.Context, cfg *config.Config, client *http.Client) []admin.Finding {
	ctx, cancel := context.WithTimeout(ctx, allWithin)
	defer cancel()
	network := oauth.NetworkPolicy(cfg.Network)
	if client == nil {
		client = oauth.NewHTTPClient(network)
		defer client.CloseIdleConnections()
	}
	looks := oauth.NewResources(oauth.ResourcesConfig{Network: network, Client: client})
	entries, issuers := cfg.Directory.Resources, unconfigured(cfg)
	found := make([]admin.Finding, len(entries)+len(issuers))
	var all sync.WaitGroup
	for i, entry := range entries {
		all.Go(func() { found[i] = resource(ctx, looks, fmt.Sprintf("resources[%d]", i), entry) })
	}
	for i, issuer := range issuers {
		all.Go(func() { found[len(entries)+i] = unconfiguredIssuer(ctx, cfg, issuer, client) })
	}
	all.Wait()
	return found
}

// resource looks at one entry.
func resource(ctx context.Context, looks *oauth.Resources, at string, entry bridge.Resource) admin.Finding {
	url, err := bridge.CanonicalResource(entry.Match)
	if err != nil {
		return OK(at, "%s is a pattern; what fits it is looked at when an agent names it", entry.Match)
	}
	says, err := looks.Look(ctx, url, entry)
	if err != nil {
		return Fail(at, cmp.Or(oauth.Advice(err), "ask whoever runs it; until then an ask for it is refused"), "%s does not say who gives tokens for it: %v", url, err)
	}
	for _, issuer := range says.Issuers {
		if slices.Contains(entry.Issuers, issuer) {
			return OK(at, "%s wants tokens of %s, which is listed", url, issuer)
		}
	}
	return Fail(at, "if that is who you trust to give tokens for it, list it under "+at+".issuers", "%s wants tokens of %s, and the issuers that are listed for it are %s: an ask for it would end in unknown_issuer",
		url, few(says.Issuers), few(entry.Issuers))
}

// unconfigured are the listed issuers that are no configured providers.
func unconfigured(cfg *config.Config) []string {
	var issuers []string
	for _, entry := range cfg.Directory.Resources {
		for _, issuer := range entry.Issuers {
			provided := false
			for _, p := range cfg.Providers {
				provided = provided || p.Issuer == issuer
			}
			if !provided && !slices.Contains(issuers, issuer) {
				issuers = append(issuers, issuer)
			}
		}
	}
	return issuers
}

// unconfiguredIssuer looks whether the bridge can become a client there. It
// becomes none.
func unconfiguredIssuer(ctx context.Context, cfg *config.Config, issuer string, client *http.Client) admin.Finding {
	at, err := oauth.New(oauth.Config{Issuer: issuer, ClientID: "-", Network: oauth.NetworkPolicy(cfg.Network)}, client)
	if err != nil {
		return Fail(issuer, cmp.Or(oauth.Advice(err), "authbridge config check"), "%v", err)
	}
	says, err := survey(ctx, at)
	if err == nil {
		err = says.Device
	}
	if err != nil {
		return told(issuer, err)
	}
	document := says.Documents && strings.HasPrefix(cfg.PublicURL, "https://")
	switch {
	case document:
		return OK(issuer, "issuer matches, device grant offered; the bridge is a client there by its own document")
	case says.Registers:
		return OK(issuer, "issuer matches, device grant offered; the bridge registers itself there")
	case says.Documents:
		return Fail(issuer, "set public_url to an https address, or register a client there by hand and configure it under providers",
			"it takes clients by their own documents, and this bridge has no public address for one")
	}
	return Fail(issuer, "register a client there by hand, for the device grant, and configure it under providers", "it registers nobody by itself, so the bridge can be no client there")
}

// listedAnywhere reports whether an issuer may give tokens for some resource.
func listedAnywhere(cfg *config.Config, issuer string) bool {
	return slices.ContainsFunc(cfg.Directory.Resources, func(r bridge.Resource) bool { return slices.Contains(r.Issuers, issuer) })
}

// mayBeListed reports whether an entry can be about what a rule is about. Of
// two patterns that are not the same it is not known.
func mayBeListed(cfg *config.Config, rule string) bool {
	return slices.ContainsFunc(cfg.Directory.Resources, func(r bridge.Resource) bool {
		both := strings.Contains(r.Match, "*") && strings.Contains(rule, "*")
		return both || bridge.ResourceFits(r.Match, rule) || bridge.ResourceFits(rule, r.Match)
	})
}
