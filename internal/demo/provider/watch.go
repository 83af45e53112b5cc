package provider

import "time"

// Kind says what an [Entry] tells of.
type Kind string

// The kinds of entries.
const (
	// KindDeviceAuthorization: a device code and a user code were handed out.
	KindDeviceAuthorization Kind = "device_authorization"
	// KindPoll: a poll for a device code, whatever its answer, but not an early one.
	KindPoll Kind = "poll"
	// KindEarlyPoll: a poll before its time, answered slow_down. It is not
	// also told of as a KindPoll.
	KindEarlyPoll Kind = "early_poll"
	// KindTokenIssued: a poll is answered with tokens. One for each code at most.
	KindTokenIssued Kind = "token_issued"
	// KindSignIn: a person signed in.
	KindSignIn Kind = "sign_in"
	// KindConsent: a person pressed Allow.
	KindConsent Kind = "consent"
	// KindRefusal: a person pressed Refuse.
	KindRefusal Kind = "refusal"
	// KindUserinfo: a call of the userinfo endpoint with an access token.
	KindUserinfo Kind = "userinfo"
	// KindRefresh: a use of a refresh token.
	KindRefresh Kind = "refresh"
	// KindRevocation: a call of the revocation endpoint by a known client.
	KindRevocation Kind = "revocation"
)

// Entry is one thing that happened at the provider. It never holds a token or
// a device code. Client, UserCode and Subject are empty where not known.
type Entry struct {
	Time     time.Time
	Kind     Kind
	Client   string
	UserCode string
	Subject  string
	// Fault is the OAuth error code of the answer, empty when it was a success.
	// Polls have authorization_pending and slow_down here, too.
	Fault string
}

// watcher is who is told of what happens; nil is nobody.
type watcher func(Entry)

func (w watcher) see(e Entry) {
	if w == nil {
		return
	}
	e.Time = time.Now()
	w(e)
}
