package config_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/oauth/profile"
)

// filled is the file of a provider with a profile, as its own examples have it.
func filled(p profile.Profile, more string) string {
	text := "providers:\n  corp:\n    profile: " + p.Name + "\n    client_id: a\n"
	if p.Issuer == "" {
		text += "    issuer: https://login.example.com\n"
	}
	if p.Secret == profile.SecretNeeded {
		text += "    client_secret: env:S\n"
	}
	for _, k := range profile.Keys() {
		for _, need := range p.Needs(false) {
			if need == k.Name {
				text += fmt.Sprintf("    %s: %s\n", k.Name, k.Example)
			}
		}
	}
	return text + more
}

// Whoever gives what a profile needs gets a provider of which nothing is open.
func TestProfilesAreFilledIn(t *testing.T) {
	for _, p := range profile.All() {
		t.Run(p.Name, func(t *testing.T) {
			got := mustParse(t, filled(p, ""), environment("S", "hush")).Providers["corp"]
			if got.Profile.Name != p.Name || got.Issuer != got.Profile.Issuer || !strings.HasPrefix(got.Issuer, "https://") {
				t.Errorf("the provider is %q of profile %q", got.Issuer, got.Profile.Name)
			}
			if open := openPlaces(reflect.ValueOf(got.Profile)); len(open) > 0 {
				t.Errorf("what stays open: %q", open)
			}
			if diff := cmp.Diff(p.Scopes, got.Scopes); diff != "" {
				t.Errorf("the bridge's own scopes (-profile +provider):\n%s", diff)
			}
		})
	}
}

// openPlaces finds texts with a place in them, wherever they are.
func openPlaces(v reflect.Value) (open []string) {
	switch v.Kind() {
	case reflect.String:
		if strings.Contains(strings.ReplaceAll(v.String(), "{client_id}", ""), "{") {
			return []string{v.String()}
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			open = append(open, openPlaces(field)...)
		}
	case reflect.Slice:
		for i := range v.Len() {
			open = append(open, openPlaces(v.Index(i))...)
		}
	case reflect.Map:
		for at := v.MapRange(); at.Next(); {
			open = append(open, openPlaces(at.Value())...)
		}
	default:
	}
	return open
}

// Each key that a profile needs is missed by its name.
func TestWhatAProfileNeedsIsSaid(t *testing.T) {
	for _, p := range profile.All() {
		for _, need := range p.Needs(false) {
			t.Run(p.Name+" without "+need, func(t *testing.T) {
				var kept []string
				for line := range strings.Lines(filled(p, "")) {
					if !strings.HasPrefix(line, "    "+need+":") {
						kept = append(kept, line)
					}
				}
				checkWrong(t, []wrong{{"fault", strings.Join(kept, ""), fmt.Sprintf("2: providers.corp: has no %s, which the profile %s needs", need, p.Name)}})
			})
		}
	}
}

// What the file says wins over the profile, and is added to it.
func TestTheFileWinsOverTheProfile(t *testing.T) {
	text := `
providers:
  github: {profile: github, client_id: a, client_secret: env:S, token_endpoint_auth_method: client_secret_basic, app_name: Example Bridge,
           scopes: ["read:user"], scope_words: {gist: write notes}, resource: omit, audience: https://api.example.com, parameters: {prompt: login}}
humans: {alice: {accounts: {github: octo-cat}}}
`
	cfg := mustParse(t, text, environment("S", "hush"))
	got, info := cfg.Providers["github"], cfg.Directory.Providers["github"]
	if got.AuthMethod != config.AuthBasic || !got.Profile.OmitResource || cfg.Directory.Humans["alice"].Accounts["github"] != "octo-cat" {
		t.Errorf("the provider is %+v", got)
	}
	if diff := cmp.Diff(map[string]string{"audience": "https://api.example.com", "prompt": "login"}, got.Profile.Parameters); diff != "" {
		t.Errorf("what is sent along (-want +got):\n%s", diff)
	}
	if info.ScopeWords["gist"] != "write notes" || info.ScopeWords["read:user"] != "read your profile" || len(info.Scopes) != 1 {
		t.Errorf("people are told %q of %q", info.ScopeWords, info.Scopes)
	}
	again := mustParse(t, "providers: {github: {profile: github, client_id: a, client_secret: env:S}}", environment("S", "hush"))
	if again.Providers["github"].AuthMethod != config.AuthNone || again.Providers["github"].Profile.OmitResource || again.Providers["github"].Same(got) {
		t.Errorf("left to the profile, the provider is %+v", again.Providers["github"])
	}
}
