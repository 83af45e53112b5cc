package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/oauth/profile"
)

func (a *app) providersCommand() *cobra.Command {
	return uses(&cobra.Command{
		Use:   "providers [NAME]",
		Short: "List the known kinds of providers, and what each needs in the configuration",
		Long: `Lists the profiles that providers.*.profile may name: what is known beforehand of a
kind of provider, so that the configuration need not say it. With a NAME it tells all
of one. It needs no bridge and calls nobody.

NEEDS are the keys beside profile and client_id that have to stand under the provider;
client_secret is in brackets where there may be one. A provider that keeps to the
standards needs no profile of its own: generic finds out everything from its issuer.

VERIFIED says how sure the profile is: live, used with a running server; documented,
its exchanges are those of documents that are named; constructed, put together from
what is generally known, so look closely when you first use it.

TAKING BACK is what ends when the bridge revokes a token there: this token alone, the
whole grant it came with, or all that this user ever gave this client. What reaches
that far is done for a human or the operator only, never for an agent.`,
		Example: "  authbridge providers\n  authbridge providers entra\n  authbridge providers --json",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return noArgs(c, args[1:])
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listProfiles()
			}
			p, known := profile.Find(args[0])
			if !known || args[0] == "" {
				return &failure{
					exit: exitUsage, err: fmt.Errorf("there is no profile %q", args[0]),
					hint: "authbridge providers lists them; generic is for every provider that keeps to the standards",
				}
			}
			if a.asJSON {
				return a.json(knownOf(p))
			}
			return a.printProfile(p)
		},
		ValidArgsFunction: first(a.profiles),
	}, "json")
}

// profiles proposes the names of profiles.
func (a *app) profiles(context.Context, *cobra.Command, []string) (found []cobra.Completion) {
	for _, p := range profile.All() {
		found = append(found, a.word(p.Name, p.Title))
	}
	return found
}

// known is what is known of a kind of provider, as programs read it.
type known struct {
	Name       string     `json:"name"`
	Title      string     `json:"title"`
	Needs      []knownKey `json:"needs"`
	Secret     string     `json:"client_secret"` // optional, needed or none
	Issuer     string     `json:"issuer"`        // "" = the configuration says it
	Scopes     []string   `json:"scopes"`
	Resource   string     `json:"resource"` // send or omit
	Account    string     `json:"account"`  // openid, login, id or none
	Refresh    string     `json:"refresh"`
	Revocation string     `json:"revocation"`
	Widens     string     `json:"widens"`
	Verified   string     `json:"verified"`
	Sources    []string   `json:"sources"`
	Caveats    []string   `json:"caveats"`
}

// knownKey is a key that a provider needs in the configuration.
type knownKey struct {
	Key     string `json:"key"`
	Form    string `json:"form"`
	Means   string `json:"means"`
	Example string `json:"example"`
}

func knownOf(p profile.Profile) known {
	return known{
		Name: p.Name, Title: p.Title, Needs: neededBy(p), Secret: secretOf(p), Issuer: p.Issuer, Scopes: orEmpty(p.Scopes),
		Resource: map[bool]string{true: "omit", false: "send"}[p.OmitResource], Account: accountOf(p),
		Refresh: refreshOf(p), Revocation: string(reachOf(p)), Widens: p.Widens,
		Verified: string(p.Proof), Sources: orEmpty(p.Sources), Caveats: orEmpty(p.Caveats),
	}
}

func orEmpty(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}

func neededBy(p profile.Profile) []knownKey {
	all := []knownKey{}
	if p.Issuer == "" {
		all = append(all, knownKey{"issuer", "an https URL", "The authorization server's own URL, as its metadata has it.", "https://login.example.com"})
	}
	for _, k := range p.Keys() {
		all = append(all, knownKey{k.Name, string(k.Form), k.Means, k.Example})
	}
	return all
}

func secretOf(p profile.Profile) string {
	switch p.Secret {
	case profile.SecretNeeded:
		return "needed"
	case profile.SecretNone:
		return "none"
	case profile.SecretOptional:
	}
	return "optional"
}

func accountOf(p profile.Profile) string {
	switch {
	case p.Account.None:
		return "none"
	case p.Account.Login != "":
		return "login"
	case p.Account.Subject != "":
		return "id"
	}
	return "openid"
}

func refreshOf(p profile.Profile) string {
	if p.Refresh == profile.RefreshUnknown {
		return "unknown"
	}
	return string(p.Refresh)
}

func reachOf(p profile.Profile) profile.Reach {
	if p.Revocation.Reach == "" {
		return profile.ReachGrant
	}
	return p.Revocation.Reach
}

// needs says in one line what has to stand beside profile and client_id.
func needs(p profile.Profile) string {
	var words []string
	for _, k := range neededBy(p) {
		words = append(words, k.Key)
	}
	switch p.Secret {
	case profile.SecretNeeded:
		words = append(words, "client_secret")
	case profile.SecretOptional:
		words = append(words, "[client_secret]")
	case profile.SecretNone:
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, " ")
}

func (a *app) listProfiles() error {
	if a.asJSON {
		var all []known
		for _, p := range profile.All() {
			all = append(all, knownOf(p))
		}
		return a.json(all)
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tWHAT\tNEEDS\tVERIFIED\tTAKING BACK")
	for _, p := range profile.All() {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", p.Name, p.Title, needs(p), p.Proof, reachOf(p))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(a.err, "\nauthbridge providers NAME tells what to know of one")
	return nil
}

// printProfile tells all of one profile, and how it stands in the
// configuration.
func (a *app) printProfile(p profile.Profile) error {
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, text)
		}
	}
	fmt.Fprintf(t, "%s\n\n", p.Title)
	line("issuer", p.Issuer)
	line("needs", needs(p))
	line("the bridge's own scopes", strings.Join(p.Scopes, " "))
	line("whose account", whoseAccount(p))
	line("refresh tokens", refreshing(p))
	line("taking back", takingBack(p))
	if p.OmitResource {
		line("resource", "not sent")
	}
	line("a token may do", p.Widens)
	line("verified", string(p.Proof))
	for _, source := range p.Sources {
		fmt.Fprintf(t, "\t%s\n", source)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "\n%s", inConfiguration(p))
	for _, caveat := range p.Caveats {
		fmt.Fprintf(a.out, "\n- %s", caveat)
	}
	if len(p.Caveats) > 0 {
		fmt.Fprintln(a.out)
	}
	return nil
}

func whoseAccount(p profile.Profile) string {
	switch accountOf(p) {
	case "none":
		return "it tells nobody's: trust: none, and the card says so"
	case "login":
		return "its own API; accounts: a login, or id: and the number"
	case "id":
		return "the id_token; accounts: id: and its " + p.Account.Subject
	}
	return "the id_token, else its userinfo endpoint; accounts: sub: and the subject, or an e-mail that it vouches for"
}

func refreshing(p profile.Profile) string {
	switch p.Refresh {
	case profile.RefreshNone:
		return "none"
	case profile.RefreshKept:
		return "go on working when they are used"
	case profile.RefreshRotates:
		return "each use gives a new one and ends the old"
	case profile.RefreshUnknown:
	}
	return "as the server is set"
}

func takingBack(p profile.Profile) string {
	switch reachOf(p) {
	case profile.ReachNone:
		return "not there: tokens live until they lapse"
	case profile.ReachToken:
		return "this token alone"
	case profile.ReachUser:
		return "all that this user ever gave this client: only for a human or the operator, never for an agent"
	case profile.ReachGrant:
	}
	return "the grant that the token is of"
}

// inConfiguration is how a provider of this kind stands in the configuration.
func inConfiguration(p profile.Profile) string {
	lines := []string{"providers:", "  " + p.Name + ":", "    profile: " + p.Name, "    client_id: …"}
	secret := "    client_secret: env:" + strings.ToUpper(p.Name) + "_SECRET"
	switch p.Secret {
	case profile.SecretNeeded:
		lines = append(lines, secret)
	case profile.SecretOptional:
		lines = append(lines, secret+"   # if there is one")
	case profile.SecretNone:
	}
	for _, k := range neededBy(p) {
		lines = append(lines, "    "+k.Key+": "+k.Example)
	}
	return strings.Join(lines, "\n") + "\n"
}
