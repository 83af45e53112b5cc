package bridge

// setup is what the operator configured, as it is now. It is replaced as a
// whole and never changed, so that one look at it is a consistent one.
type setup struct {
	given     *Directory // as it was configured
	dir       *Directory // the same, with what ties and groups say of people now
	ties      map[chatUser]Tie
	people    map[chatUser]string // who somebody is on a chat, by configuration or tie
	providers map[string]Provider // one for each provider of the directory
	resources Resources           // who speaks with other issuers; nil = nobody
	former    []formerClient      // the newest last
	bearers   bearers
}

// formerClient is a provider that is no longer configured. It is for giving
// back the tokens that it has got, and for nothing else.
type formerClient struct {
	issuer, client string
	provider       Provider
}

// formerKept bounds how many of them are known.
const formerKept = 64

// dir is the directory of now. Who decides something in several steps looks
// once.
func (b *Bridge) dir() *Directory { return b.setup.Load().dir }

// provider finds the provider of a target, if it still is the issuer and the
// client that something was asked of: a secret of one issuer must not reach
// another that has taken its name in the configuration.
func (b *Bridge) provider(t Target) (Provider, bool) {
	now := b.setup.Load()
	if t.Provider == "" {
		return now.registered(t.Issuer, t.ClientID)
	}
	info := now.dir.Providers[t.Provider]
	p, ok := now.providers[t.Provider]
	return p, ok && info.Issuer == t.Issuer && info.ClientID == t.ClientID
}

// registered finds who speaks as a client that the bridge has registered.
func (s *setup) registered(issuer, client string) (Provider, bool) {
	if s.resources == nil || client == "" {
		return nil, false
	}
	return s.resources.Provider(issuer, client)
}

// revoker finds who can revoke tokens of this issuer and client: the provider
// that is configured for them, whatever it is called, or was.
func (b *Bridge) revoker(issuer, client string) (Provider, bool) {
	now := b.setup.Load()
	for name, info := range now.dir.Providers {
		if p, ok := now.providers[name]; ok && info.Issuer == issuer && info.ClientID == client {
			return p, true
		}
	}
	for _, f := range now.former {
		if f.issuer == issuer && f.client == client {
			return f.provider, true
		}
	}
	return now.registered(issuer, client)
}

// followedBy is the setup that takes the place of this one. Providers that it
// does without stay known as former ones.
func (s *setup) followedBy(dir *Directory, ties map[chatUser]Tie, providers map[string]Provider, who bearers) *setup {
	after := &setup{given: dir, dir: dir, ties: ties, providers: providers, resources: s.resources, bearers: who}
	for _, f := range s.former {
		after.remember(f)
	}
	for name, p := range s.providers {
		info := s.dir.Providers[name]
		after.remember(formerClient{info.Issuer, info.ClientID, p})
	}
	if more := len(after.former) - formerKept; more > 0 {
		after.former = after.former[more:]
	}
	return after
}

// remember keeps a former provider, unless there is one for its client.
func (s *setup) remember(f formerClient) {
	for _, info := range s.dir.Providers {
		if info.Issuer == f.issuer && info.ClientID == f.client {
			return
		}
	}
	for i, known := range s.former {
		if known.issuer == f.issuer && known.client == f.client {
			s.former[i] = f
			return
		}
	}
	s.former = append(s.former, f)
}
