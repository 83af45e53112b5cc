package config

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // for machines that have no time zones

	"github.com/authbridge/authbridge/bridge"
)

// operator is the human who is there while the file names none.
const operator = "operator"

var (
	slackUser  = regexp.MustCompile(`^[UW][A-Z0-9]{5,20}$`)
	slackOther = regexp.MustCompile(`^[A-Z0-9]+$`)
)

func (d *decoder) human(name string) []setting {
	h := &bridge.Human{Name: name}
	d.humans[name] = h
	all := []setting{
		{
			key: "email", read: d.email(&h.Email), example: "alice@example.com",
			means: "Their address. Where nothing else says which account at a provider is theirs, it is the one for which the provider vouches that it has this address.",
		},
		{
			key: "slack", read: d.slackUser(&h.Slack), example: "U024BE7LH",
			means: "Their Slack user id. An agent may name them by it, too. Somebody without it is found once by their `email`, if `via` names `slack`, or ties their account with `authbridge human link`.",
		},
		{
			key: "discord", read: d.discordUser(&h.Discord), example: `"80351110224678912"`,
			means: "Their Discord user id. An agent may name them by it, too. Somebody without it ties their account with `authbridge human link`.",
		},
		{
			key: "via", read: d.via(h), example: "[slack, web]",
			means: "How they are asked: the first of these ways is taken, and the next when it is closed or says nothing for a minute. `web` is their inbox, where all that they are asked can be seen in any case.", otherwise: "each chat in which their id is known, then `web`",
		},
		{
			key: "timezone", read: d.timezone(h), example: "Europe/Berlin",
			means: "Where they live, by its name in the IANA time zone database: nobody is reminded at night, from 21:00 to 8:00.", otherwise: "the bridge's own",
		},
		{
			key: "accounts", read: d.mapped("providers, by name or issuer, to accounts", func(provider string) reader { return d.account(h, provider) }), example: `{corp: "sub:1f0c2d"}`,
			means: "Which account is theirs at which provider: `sub:` or `id:` and what the provider's id_token calls `sub`, an e-mail address for which the provider vouches, or what they sign in with where the provider's profile tells that. " +
				"What a grant is made with must be this account.",
		},
	}
	return all
}

func (d *decoder) email(into *string) reader {
	return reader{form: "an e-mail address", now: held(into), take: func(path string, v value) {
		s, ok := d.scalarText(path, v)
		if !ok {
			return
		}
		if !isEmail(s) {
			d.fault(path, "not an e-mail address", "such as alice@example.com")
			return
		}
		*into = s
	}}
}

func isEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && len(s) <= 254 && !strings.ContainsAny(s, `" `)
}

func (d *decoder) slackUser(into *string) reader {
	return reader{form: "a Slack user id", now: held(into), take: func(path string, v value) {
		s, ok := d.scalarText(path, v)
		if !ok {
			return
		}
		if slackUser.MatchString(s) {
			*into = s
			return
		}
		what := "is a name"
		if slackOther.MatchString(s) {
			what = "is not a user's"
		}
		d.fault(path, fmt.Sprintf("%s %s; a Slack user id looks like U024BE7LH", quoted(s), what),
			"in Slack, open the profile, press ⋮, Copy member ID")
	}}
}

func (d *decoder) discordUser(into *string) reader {
	return reader{form: "17 to 20 digits, in quotes", now: held(into), take: func(path string, v value) {
		s, ok := d.scalarText(path, v)
		if !ok {
			return
		}
		if discordID.MatchString(s) {
			*into = s
			return
		}
		d.fault(path, quoted(s)+" is not an id; a Discord user id has 17 to 20 digits",
			"in Discord, turn on Developer Mode, open the profile, press ⋯, Copy User ID")
	}}
}

// via reads how a human is reached.
func (d *decoder) via(h *bridge.Human) reader {
	landed := []string{"web", "slack", "discord"}
	ways := d.each(oneOf(landed), func(at, s string) {
		switch {
		case !d.chosen(at, s, landed):
		case slices.Contains(h.Via, s):
			d.fault(at, s+" is in it twice", "keep the first")
		default:
			h.Via = append(h.Via, s)
		}
	})
	return reader{form: ways.form, take: func(path string, v value) {
		if v.kind == list && len(v.items) == 0 {
			d.fault(path, "no way to reach this human", "via: [web]")
			return
		}
		ways.take(path, v)
	}}
}

// timezone reads a name of the IANA time zone database, which the program
// brings along: a container has none.
func (d *decoder) timezone(h *bridge.Human) reader {
	return reader{form: "a name of the IANA time zone database", take: func(path string, v value) {
		s, ok := d.scalarText(path, v)
		if !ok {
			return
		}
		zone, err := time.LoadLocation(s)
		if err != nil || s == "Local" {
			d.fault(path, "not a time zone", "such as Europe/Berlin, America/New_York or UTC; leave it out for the bridge's own")
			return
		}
		h.Timezone = zone
	}}
}

// account reads who a human is at a provider: "sub:" and a subject, "id:" and
// the provider's own id, an e-mail address, or what people sign in with there.
// A provider tells one id of an account, so the first two say the same.
func (d *decoder) account(h *bridge.Human, provider string) reader {
	return reader{take: func(path string, v value) {
		s, ok := d.scalarText(path, v)
		subject, isSubject := subjectOf(s)
		switch {
		case !ok:
		case isSubject && subject == "":
			d.fault(path, s+" is not followed by anything", "sub: or id:, and what the provider's id_token calls sub")
		case isSubject || isEmail(s) || isLogin(s): // checkAccounts knows who tells logins
			if h.Accounts == nil {
				h.Accounts = map[string]string{}
			}
			h.Accounts[provider] = s
		default:
			d.fault(path, "no account", "sub:…, id:…, an e-mail address, or a login where the provider's profile tells it")
		}
	}}
}

var loginForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$`)

// isLogin reports whether a text may be what people sign in with.
func isLogin(s string) bool { return loginForm.MatchString(s) }

// tellsLogins reports whether a provider of the issuer tells what people sign
// in with.
func (d *decoder) tellsLogins(issuer string) bool {
	for _, p := range d.providers {
		if p.Issuer == issuer && p.Profile.Account.Login != "" {
			return true
		}
	}
	return false
}

// subjectOf returns what follows "sub:" or "id:".
func subjectOf(account string) (string, bool) {
	if subject, ok := strings.CutPrefix(account, "sub:"); ok {
		return subject, true
	}
	return strings.CutPrefix(account, "id:")
}

func (d *decoder) checkHumans() {
	if d.given("humans") && len(d.humans) == 0 && !d.faulted("humans") {
		d.fault("humans", "nobody is here, so nobody could be asked", "remove the key, and there is one human called "+operator)
	}
	emails, slacks, discords, accounts := map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	for _, name := range inOrder(d, "humans", d.humans) {
		h, at := d.humans[name], join("humans", name)
		d.unique(emails, strings.ToLower(h.Email), at+".email", name)
		d.unique(slacks, h.Slack, at+".slack", name)
		d.unique(discords, h.Discord, at+".discord", name)
		d.checkAccounts(at+".accounts", h, accounts)
	}
}

// unique refuses what would make one human answer for two.
func (d *decoder) unique(seen map[string]string, what, path, name string) {
	if what == "" {
		return
	}
	if first, taken := seen[what]; taken {
		d.fault(path, "the same as "+join("humans", first)+"'s, so it would be open who is meant", "")
		return
	}
	seen[what] = name
}

// checkAccounts looks accounts up by issuer, which both ways of naming a
// provider come to. seen holds whose each account is.
func (d *decoder) checkAccounts(at string, h *bridge.Human, seen map[string]string) {
	issuers := map[string]bool{}
	for _, name := range inOrder(d, at, h.Accounts) {
		path := join(at, name)
		issuer := d.issuerOf(path, name)
		if issuer == "" {
			continue
		}
		if issuers[issuer] {
			d.fault(path, "a second account at the same issuer", "name the provider, or its issuer, not both")
			continue
		}
		issuers[issuer] = true
		if isLogin(h.Accounts[name]) && !d.tellsLogins(issuer) {
			d.fault(path, "a login, which this provider does not tell", "sub:…, id:…, or an e-mail address; \"authbridge providers\" says where a login will do")
			continue
		}
		account := strings.ToLower(h.Accounts[name])
		if subject, ok := subjectOf(h.Accounts[name]); ok {
			account = "sub:" + subject
		}
		d.unique(seen, issuer+" "+account, path, h.Name)
	}
}

// issuerOf returns the issuer that a key of accounts means, "" if none.
func (d *decoder) issuerOf(path, name string) string {
	if p, there := d.providers[name]; there {
		return p.Issuer
	}
	if strings.Contains(name, "://") {
		if !d.checkIssuer(path, name) {
			return ""
		}
		return name
	}
	d.refer(d.line(path), path, "provider", name)
	return ""
}
