package doctor

import (
	"net/http"

	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/oauth"
)

// Calls makes outgoing calls as the bridge would, under what the configuration
// says of the network. Whoever is done with it closes its idle connections.
func Calls(n config.Network) *http.Client { return oauth.NewHTTPClient(oauth.NetworkPolicy(n)) }
