package httpapi

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
)

// parked answers for a human who has not decided yet. The words are for a
// language model, which would ask again if it were told only "202".
func parked(r bridge.Request) api.Parked {
	request := requestOf(r)
	return api.Parked{
		Request: request,
		Detail:  standing(r) + ". Wait at Location; do not ask again.",
		Hint: "GET " + api.RequestPath(request.ID) + "?wait=60 until the state is granted, then POST " +
			api.CollectPath(request.ID),
	}
}

// standing says where an open request is.
func standing(r bridge.Request) string {
	who := capital(r.Whom())
	switch r.State {
	case bridge.Coded:
		return who + " is looking at it and has a code"
	case bridge.Held:
		return who + " has granted it; the account is being checked"
	default:
		return who + " has been asked" + where(r.Surfaces)
	}
}

// where says through which channels somebody was asked.
func where(surfaces []bridge.Surface) string {
	var places []string
	for _, s := range surfaces {
		if !s.Way() || s.State == bridge.DeliveryUnreachable {
			continue
		}
		if s.Channel == "web" {
			places = append(places, "in their inbox")
		} else {
			places = append(places, "in "+capital(s.Channel))
		}
	}
	if len(places) == 0 {
		return ""
	}
	return " " + strings.Join(places, " and ")
}

func capital(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	if size == 0 {
		return name
	}
	return string(unicode.ToUpper(first)) + name[size:]
}
