package localhttp

import (
	"net/http"

	"github.com/authbridge/authbridge/api"
)

// RefuseBrowser refuses what a web page can send and no program has to: a
// request with an Origin or a Referer, whatever they say, or for a host other
// than localhost or none. A page that reaches us through a proxy, a forwarded
// port or a rebound name is stopped here. It returns nil for all others.
func RefuseBrowser(r *http.Request) *Refusal {
	for _, header := range []string{"Origin", "Referer"} {
		if _, there := r.Header[header]; there {
			return Refuse(api.ProblemInvalidRequest, "requests with the header %s are not answered: this is not for browsers", header).
				WithHint("send the request without it")
		}
	}
	if r.Host != "" && r.Host != "localhost" {
		return Refuse(api.ProblemInvalidRequest, "the host %q is not ours", shorten(r.Host)).
			WithHint("use the host localhost")
	}
	return nil
}

// shorten bounds what is said back to a caller.
func shorten(s string) string {
	const enough = 100
	if len(s) > enough {
		return s[:enough] + "..."
	}
	return s
}
