package api

import (
	"bytes"
	"encoding/json"
	"time"
)

// Ask is what an agent wants. Only Provider or Resource has to be given, and
// Human or Team if the agent has no owner.
type Ask struct {
	Provider             string    `json:"provider,omitempty"`              // a configured name
	Resource             string    `json:"resource,omitempty"`              // the URL of an API or an MCP server; never with Provider
	Challenge            Challenge `json:"challenge,omitempty"`             // how the resource refused the agent; of it only error and scope are read
	Scopes               []string  `json:"scopes,omitempty"`                // none = those that the resource wants, or the default ones of the rule that allows the ask
	AuthorizationDetails Details   `json:"authorization_details,omitempty"` // RFC 9396: a JSON array of at most 8 objects, each with a type; 8 KiB in all
	Human                string    `json:"human,omitempty"`                 // configured name, e-mail, "slack:U…" or "discord:…"; none = Team, or the agent's owner
	Team                 string    `json:"team,omitempty"`                  // configured name; whoever of it claims the request is asked; never with Human

	Reason  string   `json:"reason,omitempty"`  // 300 characters are shown, marked as the agent's words
	Context []string `json:"context,omitempty"` // at most 8, of which 100 characters each are shown
	Session string   `json:"session,omitempty"` // at most 128 bytes; grants are kept apart by it

	MinValidity Duration `json:"min_validity,omitzero"` // how long the token must still be good for; none = 60 s
	TTL         Duration `json:"ttl,omitzero"`          // how long to wait for the human; the operator's limit cuts it
	Fresh       bool     `json:"fresh,omitempty"`       // ask the human even if a live grant would do

	Origin *Origin `json:"origin,omitempty"` // where the agent works: a line there says that somebody has been asked, and how it ended
}

// Origin is a channel of a chat, or a thread in it. A chat that the bridge does
// not use, or that does not let it write there, shows nothing, and the ask goes
// on all the same.
type Origin struct {
	Platform string `json:"platform"`         // "slack" or "discord"
	Channel  string `json:"channel"`          // the platform's id
	Thread   string `json:"thread,omitempty"` // likewise; none = the channel itself
}

// Request is one asking, as the agent sees it.
type Request struct {
	ID      string `json:"id"` // "req_…"
	State   State  `json:"state"`
	Version uint64 `json:"version"` // counts every visible change, delivery too; starts at 1

	Agent                string   `json:"agent"`
	Session              Optional `json:"session"`
	Human                Optional `json:"human"` // the configured name; of a team's request null until somebody has granted it
	Team                 Optional `json:"team"`
	Claimed              bool     `json:"claimed"` // somebody of the team has taken it
	Provider             Optional `json:"provider"`
	Issuer               Optional `json:"issuer"`
	Resource             Optional `json:"resource"`
	Scopes               []string `json:"scopes"`
	AuthorizationDetails Details  `json:"authorization_details"` // as they are asked for; null = none

	Reason      string `json:"reason"`       // as it is shown
	CheckPhrase string `json:"check_phrase"` // stands on the human's card too

	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at"`
	ExpiresAt     time.Time  `json:"expires_at"`      // how long it waits for the human
	CodeExpiresAt *time.Time `json:"code_expires_at"` // null unless the state is coded

	Delivery []Delivery `json:"delivery"`
	Outcome  *Outcome   `json:"outcome"` // null until it ends without a token
	Grant    Optional   `json:"grant"`   // "grt_…" once granted
	Renews   Optional   `json:"renews"`  // the bridge asks by itself, so that this grant can go on; there is nothing to collect
}

// Delivery is how far the card of a request got in one channel.
type Delivery struct {
	Channel string        `json:"channel"`
	State   DeliveryState `json:"state"`
	Detail  Optional      `json:"detail"`
}

// Outcome says how a request ended without a token, or why the token was
// taken back.
type Outcome struct {
	Code      OutcomeCode `json:"code"`
	Message   string      `json:"message"`
	Retryable bool        `json:"retryable"` // a new ask may end better
}

// RequestPage is one page of an agent's requests, newest first.
type RequestPage struct {
	Items      []Request `json:"items"`
	NextCursor Optional  `json:"next_cursor"` // null on the last page
}

// GrantPage is one page of an agent's grants, newest first.
type GrantPage struct {
	Items      []Grant  `json:"items"`
	NextCursor Optional `json:"next_cursor"` // null on the last page
}

// Parked answers POST /v1/token with 202 when the human has not granted yet:
// the request, and what to do in words.
type Parked struct {
	Request
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
}

// Whoami is the agent as the bridge sees it, and what it may ask. Teams are
// those names in May that an ask gives as "team"; all others are humans.
type Whoami struct {
	Agent     string   `json:"agent"`
	UID       *uint32  `json:"uid"` // null when it is not known by its uid
	By        Proof    `json:"by"`  // how this call has shown who it is from
	Owner     Optional `json:"owner"`
	Where     Optional `json:"where"`
	May       []May    `json:"may"` // the first that allows the whole of an ask decides
	Teams     []string `json:"teams"`
	Providers []string `json:"providers"` // what "*" in May comes to
}

// Proof is how a call shows which agent it is from.
type Proof string

// How it does.
const (
	ByUID Proof = "uid" // of the process at the other end of the socket
	ByKey Proof = "key" // in the call
)

// May is one rule of what an agent may ask.
type May struct {
	Provider             Optional `json:"provider"`              // a configured name, or "*"; null = Resource
	Resource             Optional `json:"resource"`              // a pattern for URLs: "*" within a label or segment, "**" across them; null = Provider
	Scopes               []string `json:"scopes"`                // "*" at the end stands for any ending
	DefaultScopes        []string `json:"default_scopes"`        // for an ask without scopes
	AuthorizationDetails []string `json:"authorization_details"` // the types of those that an ask may have
	Ask                  []string `json:"ask"`                   // whom
	Reuse                Duration `json:"reuse"`                 // how long a grant answers further asks
	Code                 Code     `json:"code"`
	Binding              Binding  `json:"binding"`
}

// Code says when a human's code is made.
type Code string

// When that is.
const (
	CodeOnClick Code = "on_click" // the human presses Show code
	CodeAtOnce  Code = "at_once"  // with the ask
)

// Binding says how a human makes sure that they answer this very ask.
type Binding string

// How that is.
const (
	BindingShow    Binding = "show"    // they compare the check phrase
	BindingRequire Binding = "require" // they type digits that only the agent shows them
)

// Optional is a text that is null on the wire when it is empty.
type Optional string

// MarshalJSON writes null for the empty text.
func (o Optional) MarshalJSON() ([]byte, error) {
	if o == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(o))
}

// UnmarshalJSON takes a string, and null as the empty one.
func (o *Optional) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		*o = ""
		return nil
	}
	return json.Unmarshal(data, (*string)(o))
}

// Details are authorization details (RFC 9396, section 2): the JSON of an array
// of objects that each have a type, with whatever else the type has. nil is
// none, and null on the wire.
type Details []byte

// MarshalJSON writes what they are, and null for none.
func (d Details) MarshalJSON() ([]byte, error) { return json.RawMessage(d).MarshalJSON() }

// UnmarshalJSON keeps what is sent, and null as none.
func (d *Details) UnmarshalJSON(data []byte) error {
	if *d = nil; !bytes.Equal(data, []byte("null")) {
		*d = bytes.Clone(data)
	}
	return nil
}
