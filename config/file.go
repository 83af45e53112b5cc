package config

import (
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// file declares the whole file.
func (d *decoder) file() []setting {
	c := d.config
	limits := &c.Directory.Limits
	all := []setting{
		{
			key: "state_dir", read: d.path(&c.StateDir), example: "/var/lib/authbridge",
			means:     "Where the bridge keeps what must survive. It is made with mode 0700.",
			otherwise: "`$STATE_DIRECTORY`, else `$XDG_STATE_HOME/authbridge`, else `~/.local/state/authbridge`",
		},
		d.section("listen", "Where the bridge is reached.", d.listen(&c.Listen)...),
		{
			key: "store", read: d.store(&c.Store), example: "bolt:/var/lib/authbridge/authbridge.db",
			means: "What requests, grants and the audit log are kept in: one file, `authbridge.db` in `state_dir` unless it is named.",
		},
		{
			key: "seal", read: d.seal(&c.Seal), example: "file:/etc/authbridge/seal.key",
			means:     "The file of the keyset that tokens are sealed with in the store. It is made when it is missing. Keep it apart from the store: whoever has both has the tokens.",
			otherwise: "`$CREDENTIALS_DIRECTORY/seal.key` if it is there, else `seal.key` in `state_dir`",
		},
		d.publicURL(),
		d.section("log", "How the bridge logs, on stderr.", d.log(&c.Log)...),
		d.section("network", "Where outgoing calls may go.", d.network()...),
		d.section("request", "How long a request lives, and how many there may be.", d.request()...),
		{
			key: "retain", read: d.duration(&limits.Retain, time.Second, 3650*day), example: "30d",
			means: "How long ended requests and grants are kept.",
		},
		{
			key: "audit_retain", read: d.duration(&limits.AuditRetain, time.Second, 3650*day), example: "1100d",
			means: "How long the audit log is kept.",
		},
		d.named("providers", "The authorization servers that agents may ask for, each with our client there, by names of your choice.", "corp", d.provider),
		d.listed("resources", "What agents may name by its URL instead of a provider, such as an MCP server: it says itself who gives tokens for it. The first entry that fits a URL decides; without one nothing may be named.", d.resource),
		d.named("humans", "Who can be asked, by names of your choice. While the section is missing there is one human, `operator`.", "alice", d.human),
		d.named("teams", "Several humans of whom one claims a request. Humans and teams share their names: one name is one of them.", "oncall", d.team),
		d.named("agents", "Who may ask. While the section is missing there is one agent, `local`: whoever runs the daemon, who may ask everybody for everything.", "helper", d.agent),
	}
	return append(all, d.slack(), d.discord())
}

func (d *decoder) network() []setting {
	n := &d.config.Network
	return []setting{
		{
			key: "allow_http_loopback", read: d.flag(&n.AllowHTTPLoopback), example: "false",
			means: "Whether a provider on loopback may be spoken to over http. For tests and demos.",
		},
		{
			key: "allow_private", read: d.prefixes(&n.AllowPrivate), example: "[10.20.0.0/16]",
			means: "The private ranges that outgoing calls may reach. All others are refused, whatever a name leads to.",
		},
	}
}

func (d *decoder) listen(l *Listen) []setting {
	all := []setting{
		{
			key: "socket", read: d.path(&l.Socket), example: "/run/authbridge/agent.sock",
			means:     "The socket that agents ask at. Its mode is 0600, or 0660 with `socket_group`.",
			otherwise: "`agent.sock` in `$RUNTIME_DIRECTORY`, else in `$XDG_RUNTIME_DIR/authbridge`, else in `state_dir`",
		},
		{
			key: "socket_group", read: d.group(l), example: "agents",
			means:     "A group of this machine whose members may open the agents' socket.",
			otherwise: "none: the socket is for the daemon's user alone",
		},
		{
			key: "admin", read: d.path(&l.Admin), example: "/run/authbridge/admin.sock",
			means:     "The socket of the operator's commands. Its mode is 0600, always.",
			otherwise: "`admin.sock` beside `socket`",
		},
		{
			key: "web", read: d.address(&l.Web, "127.0.0.1:8741"), example: "127.0.0.1:8741",
			means: "Where the inbox listens. Beyond loopback it needs `tls` or `trusted_proxy`, and is served there only with `sign_in`.",
		},
		{
			key: "ops", read: d.address(&l.Ops, opsExample), example: "127.0.0.1:8742",
			means: "Where `/healthz` and `/readyz` listen, on loopback.",
		},
		{
			key: "tcp", read: d.address(&l.TCP, tcpExample), example: "127.0.0.1:8740",
			means:     "Where agents ask over TCP, always with a key. Beyond loopback only with `tls`.",
			otherwise: "off",
		},
		{
			key: "tcp_hosts", read: d.hosts(&l.TCPHosts), example: "[bridge.internal:8740]",
			means: "What agents may call the bridge there, besides its address: `Host` values in small letters, with the port unless it is the scheme's own.",
		},
		d.tls(l),
	}
	return append(all, d.web(l)...)
}

func (d *decoder) request() []setting {
	limits := &d.config.Directory.Limits
	open := func(into *int) reader {
		r := d.count(1, 10_000, func(n int64) { *into = int(n) })
		r.now = func() string { return strconv.Itoa(*into) }
		return r
	}
	return []setting{
		{
			key: "ttl", read: d.duration(&limits.TTL, time.Second, 30*day), example: "12h",
			means: "How long a request waits for a human. An ask may shorten it.",
		},
		{
			key: "claim", read: d.duration(&limits.Claim, time.Second, day), example: "10m",
			means: "How long a member of a team has a request to themselves once they have claimed it. A code that is still good prolongs it.",
		},
		{
			key: "collect_within", read: d.duration(&limits.CollectWithin, time.Second, 30*day), example: "30m",
			means: "How long a granted token waits for its agent. When nobody comes it is revoked, and the request has expired.",
		},
		{
			key: "collect_grace", read: d.duration(&limits.CollectGrace, time.Second, time.Hour), example: "30s",
			means: "How long the agent that has collected a token may fetch the same one again, should the first answer have been lost.",
		},
		{
			key: "max_open_per_human", read: open(&limits.MaxOpenPerHuman), example: "10",
			means: "How many open requests there may be to one human.",
		},
		{
			key: "max_open_per_agent_and_human", read: open(&limits.MaxOpenPerAgentAndHuman), example: "2",
			means: "How many open requests one agent may have to one human.",
		},
		{
			key: "quiet_after_denied", read: d.duration(&limits.QuietAfterDenied, 0, 30*day), example: "1h",
			means: "How long the same ask is refused after a human has denied it.",
		},
		{
			key: "remind", read: d.duration(&limits.Remind, 0, day), example: "30m",
			means: "How long a card in a chat stays unanswered before one reminder follows it, and never at night. `0` is none.",
		},
	}
}

func (d *decoder) log(l *Log) []setting {
	return []setting{
		{
			key: "level", read: d.level(&l.Level), example: "warn",
			means: "What is logged: lines of this level and above.",
		},
		{
			key: "format", read: d.choice(&l.Format, []string{LogAuto, LogText, LogJSON}), example: "json",
			means: "How a line looks; `auto` is text on a terminal and JSON everywhere else.",
		},
	}
}

func (d *decoder) level(into *slog.Level) reader {
	var word string
	choice := d.choice(&word, []string{"debug", "info", "warn", "error"})
	return reader{
		form: choice.form,
		now:  func() string { return strings.ToLower(into.String()) },
		take: func(path string, v value) {
			if choice.take(path, v); word != "" {
				_ = into.UnmarshalText([]byte(word)) // these are slog's own words
			}
		},
	}
}

// store reads "bolt" or "bolt:/path".
func (d *decoder) store(into *Store) reader {
	now := func() string { return into.Kind }
	return reader{form: "`bolt`, or `bolt:` and an absolute path", now: now, take: func(path string, v value) {
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
	}}
}

// seal reads "file:/path". The file may be missing: it is made then.
func (d *decoder) seal(into *string) reader {
	return reader{form: "`file:` and an absolute path", take: func(path string, v value) {
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
	}}
}

// group reads the name of a group that exists.
func (d *decoder) group(l *Listen) reader {
	return reader{form: "the name of a group", take: func(path string, v value) {
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
	}}
}
