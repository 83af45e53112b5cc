package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// maxHops is how many redirects a call for metadata follows.
const maxHops = 3

// reader fetches documents that anybody may read: metadata. Its calls carry no
// credential, and they alone follow redirects.
type reader struct {
	network  NetworkPolicy
	way      gate
	patience time.Duration // for one call
}

func (p *Provider) reader() reader { return reader{p.network, p.gate, p.patience} }

// read fetches a document, and follows at most three redirects. Each is vetted
// as the first call is, and none leads from https to http. Where the document
// came from in the end is not told: it is to speak for the address that was
// asked. An error is a *bridge.Unavailable, or what is wrong with the address.
func (r reader) read(ctx context.Context, address string) (reply, error) {
	first, err := r.network.parse(address)
	if err != nil {
		return reply{}, err
	}
	at := first
	for hops := 0; ; hops++ {
		answer, err := exchange(ctx, r.way, r.patience, getting(at))
		if err == nil {
			return answer, nil
		}
		to, is := leads(err)
		if !is {
			return reply{}, &bridge.Unavailable{Err: err}
		}
		if hops == maxHops {
			err = astray("it redirects the call more than 3 times")
		} else if at, err = r.hop(at, to); err == nil {
			continue
		}
		return reply{}, &bridge.Unavailable{Err: broken(first, err)}
	}
}

func getting(at *url.URL) *http.Request {
	return &http.Request{Method: http.MethodGet, URL: at, Host: at.Host, Header: http.Header{}}
}

// leads returns where a call is redirected to.
func leads(err error) (to string, is bool) {
	call, broke := errors.AsType[*brokenCall](err)
	if !broke {
		return "", false
	}
	where, is := errors.AsType[redirected](call.cause)
	return string(where), is
}

// hop is the next address of a call that is redirected (RFC 9110, section
// 10.2.2).
func (r reader) hop(from *url.URL, to string) (*url.URL, error) {
	at, err := from.Parse(to)
	if err != nil {
		return nil, astray("it redirects the call, and not to an address")
	}
	at.Fragment, at.RawFragment = "", ""
	if from.Scheme == "https" && at.Scheme != "https" {
		return nil, astray("it redirects the call from https to something else")
	}
	if at, err = r.network.parse(at.String()); err != nil {
		return nil, astray("it redirects the call to where it may not go: " + err.Error())
	}
	return at, nil
}
