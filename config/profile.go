package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/authbridge/authbridge/oauth/profile"
)

// profiled is what the file says for a provider's profile.
type profiled struct {
	name       string
	keys       map[string]string
	resource   string // "send", "omit", or "" for as the profile has it
	audience   string
	parameters map[string]string
	pkce       string // "S256", "none", or "" for as the profile has it
}

// profileSettings are the keys that go by the profile.
func (d *decoder) profileSettings(p *profiled) []setting {
	p.keys, p.parameters = map[string]string{}, map[string]string{}
	all := []setting{{
		key: "profile", read: d.choice(&p.name, profileNames()), example: "generic",
		means:     "What is known of the provider beforehand: its addresses, what it wants and says that others do not, how far a revocation reaches there. `authbridge providers` tells about each, and what it needs here.",
		otherwise: "`generic`",
	}}
	for _, k := range profile.Keys() {
		instead := "issuer"
		if k.Any {
			instead = ""
		}
		all = append(all, setting{
			key: k.Name, read: d.profileKey(p, k), example: k.Example, means: k.Means + takers(k), instead: instead,
		})
	}
	return append(all,
		setting{
			key: "resource", read: d.choice(&p.resource, []string{"send", "omit"}), example: "omit",
			means:     "Whether the provider is told which resource a token is for (RFC 8707). Some refuse requests that say so.",
			otherwise: "as the profile has it, mostly `send`",
		},
		setting{
			key: "audience", read: d.word(&p.audience), example: "https://api.example.com",
			means: "What the provider is told in `audience` when a code is asked for: some want it in the place of a resource.",
		},
		setting{
			key: "pkce", read: d.choice(&p.pkce, []string{"none", "S256"}), example: "S256",
			means:     "Whether requests for codes carry a challenge, and each poll its verifier (RFC 7636). The device grant knows no such thing; some servers can be set to demand it.",
			otherwise: "as the profile has it, mostly `none`",
		},
		setting{
			key: "parameters", read: d.mapped("names to texts", func(name string) reader { return d.parameter(p, name) }), example: "{acr_values: mfa}",
			means: "What else the provider is told when a code is asked for.",
		},
	)
}

func profileNames() []string {
	var names []string
	for _, p := range profile.All() {
		names = append(names, p.Name)
	}
	return names
}

// takers says which profiles have use for a key.
func takers(k profile.Key) string {
	var names []string
	for _, p := range profile.All() {
		if slices.Contains(p.Needs(false), k.Name) {
			names = append(names, "`"+p.Name+"`")
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " For " + few(names) + "."
}

// profileKey reads a value whose form the profile judges.
func (d *decoder) profileKey(p *profiled, k profile.Key) reader {
	var text string
	read := d.phrase(&text, 512)
	return reader{form: string(k.Form), take: func(path string, v value) {
		read.take(path, v)
		if text != "" {
			p.keys[k.Name] = text
		}
	}}
}

// parameter reads one more member of a device authorization request.
func (d *decoder) parameter(p *profiled, name string) reader {
	var text string
	read := d.phrase(&text, 500)
	return reader{take: func(path string, v value) {
		if profile.Reserved(name) {
			d.fault(path, "not for the file to say: the bridge sets it itself, or has no use for it", "")
			return
		}
		read.take(path, v)
		if text != "" {
			p.parameters[name] = text
		}
	}}
}

// fillProfile completes the profile with what the file says, and the provider
// with what the profile says. It reports whether there is a profile to go by.
func (d *decoder) fillProfile(at string, p *provider) bool {
	if d.faulted(at+".profile") || d.faulted(at+".issuer") {
		return false
	}
	known, _ := profile.Find(p.says.name)
	if d.faultedKeys(at, known) {
		return false
	}
	filled, faults := known.With(p.Issuer, p.says.keys)
	for _, f := range faults {
		path := at
		if d.given(at + "." + f.Key) {
			path = at + "." + f.Key
		}
		d.fault(path, f.What, f.Hint)
	}
	if len(faults) > 0 {
		return false
	}
	p.Profile = filled.Add(p.says.parameters)
	if p.says.audience != "" {
		p.Profile = p.Profile.Add(map[string]string{"audience": p.says.audience})
	}
	if p.says.pkce != "" {
		p.Profile.PKCE = p.says.pkce == "S256"
	}
	if p.says.resource != "" {
		p.Profile.OmitResource = p.says.resource == "omit"
	}
	d.followProfile(at, p)
	return true
}

// faultedKeys reports whether a key of profiles was given badly: that it is
// missing too is not told then.
func (d *decoder) faultedKeys(at string, p profile.Profile) bool {
	return slices.ContainsFunc(p.Needs(false), func(key string) bool { return d.faulted(at + "." + key) })
}

// followProfile has the provider be as its profile says where the file says
// nothing.
func (d *decoder) followProfile(at string, p *provider) {
	p.Issuer = p.Profile.Issuer
	if !d.given(at + ".scopes") {
		p.Scopes = slices.Clone(p.Profile.Scopes)
	}
	words := maps.Clone(p.Profile.ScopeWords)
	if words == nil {
		words = map[string]string{}
	}
	maps.Copy(words, p.scopeWords)
	p.scopeWords = words
	secret := d.given(at + ".client_secret")
	switch {
	case p.Profile.Secret == profile.SecretNeeded && !secret:
		d.fault(at, fmt.Sprintf("has no client_secret, which the profile %s needs", p.Profile.Name), secretExample(p.Name))
	case p.Profile.Secret == profile.SecretNone && secret:
		d.fault(at+".client_secret", fmt.Sprintf("the profile %s is for clients without one", p.Profile.Name), "remove it")
	}
}
