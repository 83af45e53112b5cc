package bridge

// Origin is where an agent works when it asks: a channel of a chat, or a
// thread in it. A line there says that somebody has been asked, and how it
// ended. It is the agent's word: nothing is shown there that it may not know,
// and nobody counts as reached by it.
type Origin struct {
	Platform string // a channel of the directory, as "slack"; "" = nowhere
	Channel  string // the platform's id
	Thread   string // likewise; "" = the channel itself
}

// maxOrigin bounds an id of a platform.
const maxOrigin = 64

// check refuses what is no place on any chat.
func (o Origin) check() error {
	if o == (Origin{}) {
		return nil
	}
	switch o.Platform {
	case "slack", "discord":
	default:
		return problem(ProblemInvalidRequest, "the origin names no platform that there is").
			hint("set \"origin.platform\" to \"slack\" or \"discord\", or leave the origin out")
	}
	if o.Channel == "" || !platformID(o.Channel) || !platformID(o.Thread) {
		return problem(ProblemInvalidRequest, "the origin names no channel or no thread of %s", capital(o.Platform)).
			hint("\"origin.channel\" and \"origin.thread\" are the platform's own ids: letters, digits and dots, at most %d", maxOrigin)
	}
	return nil
}

func platformID(id string) bool {
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '.' {
			return false
		}
	}
	return len(id) <= maxOrigin
}

// address is where the notice goes; "" = nowhere.
func (o Origin) address() Address {
	if o.Channel == "" {
		return ""
	}
	return Address(o.Channel + "/" + o.Thread)
}
