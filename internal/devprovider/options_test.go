package devprovider

import (
	"strings"
	"testing"
	"time"
)

func TestFaultyOptionsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Options)
		want  string
	}{
		"no issuer":             {func(o *Options) { o.Issuer = "" }, "issuer"},
		"path":                  {func(o *Options) { o.Issuer = "https://login.example.com/" }, "nothing more"},
		"query":                 {func(o *Options) { o.Issuer = "https://login.example.com?a=b" }, "nothing more"},
		"http beyond loopback":  {func(o *Options) { o.Issuer = "http://login.example.com" }, "loopback"},
		"looks like loopback":   {func(o *Options) { o.Issuer = "http://127.0.0.1.example.com" }, "loopback"},
		"half a second":         {func(o *Options) { o.Interval = 500 * time.Millisecond }, "Interval"},
		"a client's half":       {func(o *Options) { o.Clients[1].AccessTokenLifetime = time.Second / 2 }, "AccessTokenLifetime of client basic"},
		"negative grace":        {func(o *Options) { o.RefreshGrace = -1 }, "RefreshGrace"},
		"negative lifetime":     {func(o *Options) { o.CodeLifetime = -time.Second }, "CodeLifetime"},
		"same client twice":     {func(o *Options) { o.Clients[1].ID = "bridge" }, "client"},
		"secret without method": {func(o *Options) { o.Clients[0].AuthMethod = AuthPost }, "secret"},
		"method none, secret":   {func(o *Options) { o.Clients[1].AuthMethod = AuthNone }, "secret"},
		"unknown method":        {func(o *Options) { o.Clients[1].AuthMethod = "tls_client_auth" }, "unknown"},
		"same login twice":      {func(o *Options) { o.Accounts[1].Login = "alice" }, "login"},
		"no subject":            {func(o *Options) { o.Accounts[1].Subject = "" }, "subject"},
		"small letters":         {func(o *Options) { o.UserCode = UserCodeFormat{Charset: "abc", Length: 8} }, "user code"},
	} {
		t.Run(name, func(t *testing.T) {
			o := standard()
			c.spoil(&o)
			if _, err := New(o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error about %q", err, c.want)
			}
		})
	}
}

func TestAllFaultsAreNamedAtOnce(t *testing.T) {
	_, err := New(Options{Issuer: "ftp://x", Interval: time.Millisecond, Clients: []Client{{}}})
	for _, want := range []string{"issuer", "Interval", "client"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestNewLeavesTheCallersOptionsAlone(t *testing.T) {
	o := standard()
	p := newProvider(t, o)
	o.Clients[0].Scopes[0] = "changed"
	if o.Clients[0].AuthMethod != "" {
		t.Error("the caller's client was written to")
	}
	bridgeDevice(t, p).ask("openid").wantOK(t)
}
