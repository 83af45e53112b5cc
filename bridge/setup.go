package bridge

// setup is what the operator configured, as it is now. It is replaced as a
// whole and never changed, so that one look at it is a consistent one.
type setup struct {
	dir       *Directory
	providers map[string]Provider // one for each provider of the directory
}

// dir is the directory of now. Who decides something in several steps looks
// once.
func (b *Bridge) dir() *Directory { return b.setup.Load().dir }

// provider finds the provider of that name, if it still is the issuer and the
// client that something was asked of: a secret of one issuer must not reach
// another that has taken its name in the configuration.
func (b *Bridge) provider(name, issuer, client string) (Provider, bool) {
	now := b.setup.Load()
	info := now.dir.Providers[name]
	p, ok := now.providers[name]
	return p, ok && info.Issuer == issuer && info.ClientID == client
}
