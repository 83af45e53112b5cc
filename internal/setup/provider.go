package setup

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/doctor"
)

// addProvider asks for a provider and our client there, and returns its name;
// "" if there is to be none yet.
func (s *session) addProvider(ctx context.Context) (string, error) {
	s.say("A provider is where people sign in, and where the tokens come from. Its issuer is an",
		"address such as https://login.example.com; the bridge finds the rest from there.")
	p := config.DraftProvider{}
	scopes, err := s.askIssuer(ctx, &p)
	if err != nil || p.Issuer == "" {
		return "", err
	}
	if p.Name, err = s.ask(ctx, question{
		words: "What to call it", flag: "provider", given: s.o.Given.Provider, otherwise: nameFor(p.Issuer),
		check: s.newName("provider", func(d *config.Draft, name string) error {
			return d.AddProvider(config.DraftProvider{Name: name, Issuer: p.Issuer, ClientID: "x"})
		}),
	}); err != nil {
		return "", err
	}
	if err := s.askScopes(ctx, &p, scopes); err != nil {
		return "", err
	}
	if err := s.askClient(ctx, &p); err != nil {
		return "", err
	}
	return p.Name, s.do(func(d *config.Draft) error { return d.AddProvider(p) }, "added the provider %s (%s)", p.Name, p.Issuer)
}

// askIssuer asks for an issuer until there is one that answers, or that is
// wanted all the same. It returns the scopes that it says it knows.
func (s *session) askIssuer(ctx context.Context, p *config.DraftProvider) (scopes []string, err error) {
	for range maxTries {
		if p.Issuer, err = s.ask(ctx, question{words: "Issuer", flag: "issuer", given: s.o.Given.Issuer, optional: true}); err != nil || p.Issuer == "" {
			return nil, err
		}
		fine := true
		if isPlain(p.Issuer) && !s.cfg.Network.AllowHTTPLoopback {
			if fine, err = s.allowPlain(ctx); err != nil {
				return nil, err
			}
		}
		if fine {
			err = s.try(func(d *config.Draft) error {
				return d.AddProvider(config.DraftProvider{Name: "x-y-z", Issuer: p.Issuer, ClientID: "x-y-z"})
			})
			if fine = err == nil; !fine && s.o.Given.Issuer != "" {
				return nil, refuse(hintOf(err), "--issuer: %v", err)
			} else if !fine {
				s.complain(err)
			}
		}
		if fine {
			if fine, scopes, err = s.seen(ctx, p.Issuer); err != nil {
				return nil, err
			}
		}
		if fine {
			return scopes, nil
		}
		if s.o.Given.Issuer != "" {
			return nil, refuse("leave --issuer out to be asked for another", "the issuer %s is not to be used; nothing was written", p.Issuer)
		}
	}
	return nil, refuse("", "that was asked %d times; nothing was written", maxTries)
}

// isPlain reports whether an address is http on this machine.
func isPlain(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

// allowPlain asks whether http on this machine may be called.
func (s *session) allowPlain(ctx context.Context) (bool, error) {
	s.say("  This is http, on this machine: whoever can listen here could be it. That is for tests.")
	yes, err := s.confirm(ctx, "Let the bridge call it", s.o.Given.HTTPLoopback)
	if err != nil || !yes {
		return false, err
	}
	return true, s.do((*config.Draft).AllowHTTPLoopback, "allowed http on this machine")
}

// seen looks at an issuer, says what it found, and asks whether to go on if
// that is not well.
func (s *session) seen(ctx context.Context, issuer string) (fine bool, scopes []string, err error) {
	if s.o.Offline {
		return true, nil, nil
	}
	found, scopes := doctor.Issuer(ctx, issuer, s.cfg.Network)
	s.report(found)
	if found.Level != admin.Fail || s.o.Unattended || s.o.Given.Issuer != "" {
		return true, scopes, ctx.Err()
	}
	fine, err = s.confirm(ctx, "Use it all the same", false)
	return fine, scopes, err
}

// nameFor makes a name of an issuer's host.
func nameFor(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return "corp"
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(u.Hostname())
	name, _, _ := strings.Cut(domain, ".")
	if err != nil || net.ParseIP(u.Hostname()) != nil || !bridge.IsName(name) {
		return "corp"
	}
	return name
}

// askScopes asks which scopes the bridge adds for itself.
func (s *session) askScopes(ctx context.Context, p *config.DraftProvider, known []string) error {
	var usual []string
	for _, scope := range []string{"openid", "email", "offline_access"} {
		if slices.Contains(known, scope) || len(known) == 0 && scope != "offline_access" {
			usual = append(usual, scope)
		}
	}
	s.say("The bridge asks for a few scopes of its own every time: openid and email tell whose",
		"account it is, offline_access lets what was given last without asking again.")
	answer, err := s.ask(ctx, question{
		words: "The bridge's own scopes", flag: "own-scope", given: strings.Join(s.o.Given.OwnScopes, " "),
		otherwise: strings.Join(usual, " "), optional: len(usual) == 0, check: scopesOnly(false),
	})
	p.Scopes = words(answer)
	return err
}

// askClient asks who the bridge is at the provider, until the provider knows
// it, or it is wanted all the same.
func (s *session) askClient(ctx context.Context, p *config.DraftProvider) (err error) {
	s.say("Register a client for the bridge at the provider: a native or device app, with the device",
		"grant allowed. It gives you a client id, and perhaps a secret.")
	for range maxTries {
		if p.ClientID, err = s.ask(ctx, question{
			words: "Client id", flag: "client-id", given: s.o.Given.ClientID,
			check: func(id string) error {
				return s.try(func(d *config.Draft) error {
					return d.AddProvider(config.DraftProvider{Name: p.Name, Issuer: p.Issuer, ClientID: id})
				})
			},
		}); err != nil {
			return err
		}
		if err := s.askSecret(ctx, p); err != nil {
			return err
		}
		if fine, err := s.known(ctx, *p); fine || err != nil {
			return err
		}
	}
	return refuse("", "that was asked %d times; nothing was written", maxTries)
}

// askSecret asks for the client's secret, or where it is.
func (s *session) askSecret(ctx context.Context, p *config.DraftProvider) error {
	p.Secret = s.o.Given.Secret
	if p.Secret != "" || s.o.Unattended || s.o.Given.ClientID != "" {
		return s.checkSecret(p)
	}
	s.say("The secret goes into a file of its own that only you can read; or say where it is:",
		"env:NAME or file:/path. Without a secret, press Enter.")
	return s.typeSecret(ctx, p, func(d *config.Draft, secret string) error {
		with := *p
		with.Secret = secret
		return d.AddProvider(with)
	})
}

// typeSecret asks for a secret without showing it.
func (s *session) typeSecret(ctx context.Context, p *config.DraftProvider, use func(d *config.Draft, secret string) error) error {
	for range maxTries {
		answer, err := s.o.Talk.AskSecret(ctx, "Client secret (not shown) [none]: ")
		if err != nil {
			return err
		}
		text := strings.TrimSpace(answer.Reveal())
		switch {
		case text == "":
			p.Secret = ""
			return nil
		case strings.HasPrefix(text, "env:"), strings.HasPrefix(text, "file:"):
			p.Secret = text
			s.mayBeUnset(text)
		default:
			p.Secret = "env:" + variable(len(s.secrets))
			s.secrets = append(s.secrets, typed{p.Name, bridge.NewSecret(text), func(d *config.Draft, reference string) error {
				return d.SetText("providers", p.Name, "client_secret", reference)
			}})
		}
		if err = s.try(func(d *config.Draft) error { return use(d, p.Secret) }); err == nil {
			return nil
		}
		s.complain(err)
	}
	return refuse("", "that was asked %d times; nothing was written", maxTries)
}

// checkSecret reads what a reference names.
func (s *session) checkSecret(p *config.DraftProvider) error {
	if p.Secret == "" {
		return nil
	}
	s.mayBeUnset(p.Secret)
	err := s.try(func(d *config.Draft) error { return d.AddProvider(*p) })
	if err != nil && s.o.Given.Secret != "" {
		return refuse(hintOf(err), "--client-secret: %v", err)
	}
	return err
}

// known looks whether the provider knows the client.
func (s *session) known(ctx context.Context, p config.DraftProvider) (fine bool, err error) {
	if s.o.Offline {
		return true, nil
	}
	if s.isUnset(p.Secret) {
		s.report(admin.Finding{
			Level: admin.Warn, What: "the client was not tried: the variable that holds its secret is not set here",
			Hint: "set it where the bridge runs; authbridge doctor tries the client then",
		})
		return true, nil
	}
	d := config.NewDraft(s.o.File, s.draft.Text(), s.o.Env)
	if err := d.AddProvider(p); err != nil {
		return false, err
	}
	cfg, err := d.Check()
	if err != nil {
		return false, err
	}
	found := doctor.Provider(ctx, cfg, p.Name)
	s.report(found...)
	failed := slices.ContainsFunc(found, func(f admin.Finding) bool { return f.Level == admin.Fail })
	if !failed || s.o.Unattended || s.o.Given.ClientID != "" {
		return true, ctx.Err()
	}
	return s.confirm(ctx, "Use this client all the same", false)
}
