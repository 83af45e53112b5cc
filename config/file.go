package config

import (
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// file declares the whole file.
func (d *decoder) file() []setting {
	c := d.config
	limits := &c.Directory.Limits
	all := []setting{
		{key: "state_dir", read: d.path(&c.StateDir)},
		d.section("listen", d.listen(&c.Listen)...),
		{key: "store", read: d.store(&c.Store)},
		{key: "seal", read: d.seal(&c.Seal)},
		d.section("log", d.log(&c.Log)...),
		d.section(
			"network",
			setting{key: "allow_http_loopback", read: d.flag(&c.AllowHTTPLoopback)},
			setting{key: "allow_private", read: d.prefixes(&c.AllowPrivate)},
		),
		d.section("request", d.request()...),
		{key: "retain", read: d.duration(&limits.Retain, time.Second, 3650*day)},
		{key: "audit_retain", read: d.duration(&limits.AuditRetain, time.Second, 3650*day)},
		d.named("providers", d.provider),
		d.named("humans", d.human),
		d.named("teams", d.team),
		d.named("agents", d.agent),
	}
	return append(all, notLanded()...)
}

// notLanded declares the sections that this version refuses whole.
func notLanded() []setting {
	return append(
		later("public_url"),
		setting{key: "resources", later: true, items: func() []setting { return later("match", "issuers") }},
		laterSection("slack", "bot_token", "app_token", "signing_secret", "mode", "api_url"),
		laterSection("discord", "bot_token", "public_key", "mode", "api_url"),
	)
}

func (d *decoder) listen(l *Listen) []setting {
	all := []setting{
		{key: "socket", read: d.path(&l.Socket)},
		{key: "socket_group", read: d.group(l)},
		{key: "admin", read: d.path(&l.Admin)},
		{key: "web", read: d.loopback(&l.Web, "which needs listen.tls or listen.trusted_proxy: "+notYet)},
		{key: "ops", read: d.loopback(&l.Ops, "which it has no protection for")},
		laterSection("tls", "cert", "key", "client_ca"),
	}
	return append(all, later("tcp", "tcp_hosts", "trusted_proxy", "sign_in")...)
}

func (d *decoder) request() []setting {
	limits := &d.config.Directory.Limits
	open := func(into *int) reader { return d.count(1, 10_000, func(n int64) { *into = int(n) }) }
	all := []setting{
		{key: "ttl", read: d.duration(&limits.TTL, time.Second, 30*day)},
		{key: "claim", read: d.duration(&limits.Claim, time.Second, day)},
		{key: "collect_within", read: d.duration(&limits.CollectWithin, time.Second, 30*day)},
		{key: "collect_grace", read: d.duration(&limits.CollectGrace, time.Second, time.Hour)},
		{key: "max_open_per_human", read: open(&limits.MaxOpenPerHuman)},
		{key: "max_open_per_agent_and_human", read: open(&limits.MaxOpenPerAgentAndHuman)},
		{key: "quiet_after_denied", read: d.duration(&limits.QuietAfterDenied, 0, 30*day)},
	}
	return append(all, later("remind")...)
}

func (d *decoder) log(l *Log) []setting {
	return []setting{
		{key: "level", read: d.level(&l.Level)},
		{key: "format", read: d.choice(&l.Format, []string{LogAuto, LogText, LogJSON})},
	}
}

func (d *decoder) level(into *slog.Level) reader {
	return func(path string, v value) {
		var word string
		d.choice(&word, []string{"debug", "info", "warn", "error"})(path, v)
		if word != "" {
			_ = into.UnmarshalText([]byte(word)) // these are slog's own words
		}
	}
}

// store reads "bolt" or "bolt:/path".
func (d *decoder) store(into *Store) reader {
	return func(path string, v value) {
		s, ok := d.scalarText(path, v)
		if !ok || s == StoreBolt {
			return
		}
		file, found := strings.CutPrefix(s, StoreBolt+":")
		if !found {
			d.fault(path, "a store that is not known", "bolt, or bolt:/var/lib/authbridge/authbridge.db")
			return
		}
		into.Path = d.absolute(path, file)
	}
}

// seal reads "file:/path". The file may be missing: it is made then.
func (d *decoder) seal(into *string) reader {
	return func(path string, v value) {
		s, ok := d.scalarText(path, v)
		if !ok {
			return
		}
		file, found := strings.CutPrefix(s, "file:")
		if !found {
			d.fault(path, "does not name a file", "seal: file:/etc/authbridge/seal.key")
			return
		}
		if *into = d.absolute(path, file); *into != "" {
			d.checkSealFile(path, *into)
		}
	}
}

// group reads the name of a group that exists.
func (d *decoder) group(l *Listen) reader {
	return func(path string, v value) {
		name, ok := d.scalarText(path, v)
		if !ok {
			return
		}
		if d.env.GroupID == nil {
			d.fault(path, "there are no groups here", "")
			return
		}
		gid, err := d.env.GroupID(name)
		if err != nil {
			d.fault(path, "no group called "+quoted(name)+" on this machine", "make it, or remove the key: the socket is then for the daemon's user alone")
			return
		}
		l.SocketGroup, l.SocketGID = name, gid
	}
}

// loopback reads an address that other machines cannot reach, or "" for off.
// otherwise says why it may not be reached by them.
func (d *decoder) loopback(into *string, otherwise string) reader {
	return func(path string, v value) {
		if !d.is(path, v, text) {
			return
		}
		if v.text == "" {
			*into = ""
			return
		}
		host, port, err := net.SplitHostPort(v.text)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		switch {
		case err != nil:
			d.fault(path, "not an address", "host:port, such as "+*into+`; "" = off`)
		case !isLoopback(host):
			d.fault(path, "can be reached from other machines, "+otherwise, "an address on loopback, such as "+*into)
		default:
			*into = v.text
		}
	}
}

// isLoopback goes by the name: what a name other than localhost leads to may
// change after it was looked at.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
