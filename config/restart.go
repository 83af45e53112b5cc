package config

import (
	"reflect"
	"slices"
)

// CheckReload refuses a configuration that cannot take the place of another
// while the bridge runs: what was opened or made at the start stays as it was.
// Its error is a *Faults that lists all such keys.
func CheckReload(running, next *Config) error {
	faults := &Faults{File: next.File}
	for _, at := range opened(running, next) {
		if !at.same {
			faults.add(Fault{
				File: next.File, Line: next.Line(at.key), Key: at.key,
				What: "differs from what the bridge was started with, and needs a restart",
				Hint: "put it back and reload, or restart the bridge",
			})
		}
	}
	return faults.err()
}

// kept is a key whose change needs a restart.
type kept struct {
	key  string
	same bool
}

// opened compares what is opened or made at the start.
func opened(running, next *Config) []kept {
	return []kept{
		{"state_dir", running.StateDir == next.StateDir},
		{"listen.socket", running.Listen.Socket == next.Listen.Socket},
		{"listen.socket_group", running.Listen.SocketGroup == next.Listen.SocketGroup && running.Listen.SocketGID == next.Listen.SocketGID},
		{"listen.admin", running.Listen.Admin == next.Listen.Admin},
		{"listen.web", running.Listen.Web == next.Listen.Web},
		{"listen.trusted_proxy", slices.Equal(running.Listen.TrustedProxy, next.Listen.TrustedProxy)},
		{"public_url", running.PublicURL == next.PublicURL},
		{"listen.ops", running.Listen.Ops == next.Listen.Ops},
		{"listen.tcp", running.Listen.TCP == next.Listen.TCP},
		{"listen.tcp_hosts", slices.Equal(running.Listen.TCPHosts, next.Listen.TCPHosts)},
		{"listen.tls", running.Listen.TLS.sameFiles(next.Listen.TLS)},
		{"slack", running.Slack.same(next.Slack)},
		{"discord", running.Discord.same(next.Discord)},
		{"store", running.Store == next.Store},
		{"seal", running.Seal == next.Seal && running.SealHandedOver == next.SealHandedOver},
		{"log.level", running.Log.Level == next.Log.Level},
		{"log.format", running.Log.Format == next.Log.Format},
	}
}

// Line is where a key stands in the file, such as providers.corp; 0 when it is
// not given there.
func (c *Config) Line(key string) int { return c.lines[key] }

// Same reports whether two are configured in the same way, so that who talks
// to the one can go on talking to the other. What they are called does not
// matter, nor what is asked of them.
func (p Provider) Same(other Provider) bool {
	return p.Issuer == other.Issuer && p.ClientID == other.ClientID && p.ClientSecret.Equal(other.ClientSecret) && p.AuthMethod == other.AuthMethod &&
		p.Proof.same(other.Proof) && reflect.DeepEqual(p.Profile, other.Profile)
}

// Same reports whether outgoing calls may go to the same places.
func (n Network) Same(other Network) bool {
	return n.AllowHTTPLoopback == other.AllowHTTPLoopback && slices.Equal(n.AllowPrivate, other.AllowPrivate)
}

// Same reports whether two configurations mean the same, whatever their files
// look like.
func Same(a, b *Config) bool {
	x, y := *a, *b
	x.lines, y.lines = nil, nil
	return reflect.DeepEqual(x, y)
}
