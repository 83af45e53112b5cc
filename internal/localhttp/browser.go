package localhttp

import (
	"net/http"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/api"
)

// RefuseBrowser refuses what a web page can send and no program has to: a
// request with an Origin or a Referer, whatever they say, or for a host other
// than ours: one of hosts, in lower case and as it is sent, or, without any,
// localhost or none. A page that reaches us through a proxy, a forwarded
// port or a rebound name is stopped here. It returns nil for all others.
func RefuseBrowser(r *http.Request, hosts ...string) *Refusal {
	for _, header := range []string{"Origin", "Referer"} {
		if _, there := r.Header[header]; there {
			return Refuse(api.ProblemInvalidRequest, "requests with the header %s are not answered: this is not for browsers", header).
				WithHint("send the request without it")
		}
	}
	hint := "use the host localhost"
	switch {
	case len(hosts) == 0 && (r.Host == "" || r.Host == "localhost"):
		return nil
	case len(hosts) > 0 && slices.Contains(hosts, strings.ToLower(r.Host)):
		return nil
	case len(hosts) > 0:
		hint = "use the address that the bridge listens at, or have the operator add yours to listen.tcp_hosts in authbridge.yaml"
	}
	return Refuse(api.ProblemInvalidRequest, "the host %q is not ours", shorten(r.Host)).WithHint("%s", hint)
}

// shorten bounds what is said back to a caller.
func shorten(s string) string {
	const enough = 100
	if len(s) > enough {
		return s[:enough] + "..."
	}
	return s
}
