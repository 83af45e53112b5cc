package api

import (
	"fmt"
	"log/slog"
	"time"
)

// Token is what an agent gets. It is a secret: printed or logged it shows
// where it came from and not what it is. Encoded as JSON it shows everything.
type Token struct {
	AccessToken          string     `json:"access_token"`
	TokenType            string     `json:"token_type"`
	ExpiresAt            *time.Time `json:"expires_at"`            // null = not known
	Scopes               []string   `json:"scopes"`                // what the provider granted; may be fewer than asked for
	AuthorizationDetails Details    `json:"authorization_details"` // RFC 9396: those that the provider granted; null = none
	Issuer               string     `json:"issuer"`
	Resource             Optional   `json:"resource"`
	Account              Optional   `json:"account"` // who granted, in words; null = not known
	Human                Optional   `json:"human"`
	Grant                string     `json:"grant"`
}

// String tells which token it is, without it.
func (t Token) String() string {
	return "[token of grant " + t.Grant + " by " + t.Issuer + "]"
}

// Format writes String, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// GoString returns String.
func (t Token) GoString() string { return t.String() }

// LogValue returns String.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }
