package doctor

import (
	"cmp"
	"context"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/oauth"
)

// Issuer looks at an issuer before there is a client there, and returns which
// scopes it says that it knows. It takes at most ten seconds.
func Issuer(ctx context.Context, issuer string, network config.Network) (admin.Finding, []string) {
	at, err := oauth.New(oauth.Config{Issuer: issuer, ClientID: "-", Network: oauth.NetworkPolicy(network)}, nil)
	if err != nil {
		return Fail(issuer, cmp.Or(oauth.Advice(err), "authbridge config check"), "%v", err), nil
	}
	says, err := survey(ctx, at)
	if err == nil {
		err = says.Device
	}
	if err != nil {
		return told(issuer, err), says.Scopes
	}
	return OK(issuer, "issuer matches, device grant offered"), says.Scopes
}

// Provider looks at one configured provider and our client there, and not at
// whose accounts are whose.
func Provider(ctx context.Context, cfg *config.Config, name string) []admin.Finding {
	ctx, cancel := context.WithTimeout(ctx, allWithin)
	defer cancel()
	return lookAt(ctx, cfg, name, nil).orFine(name)
}
