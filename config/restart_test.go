package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/config"
)

const started = `state_dir: /srv/a
listen: {socket: /run/a.sock, socket_group: agents, admin: /run/b.sock, web: "127.0.0.1:1", ops: "127.0.0.1:2", tcp: "127.0.0.1:5", tcp_hosts: [bridge.internal]}
store: bolt:/srv/a.db
seal: file:/srv/a.key
log: {level: info, format: text}
request: {ttl: 1h}
`

func TestWhatNeedsARestart(t *testing.T) {
	running := mustParse(t, started, environment())
	for old, c := range map[string]struct{ now, want string }{
		"state_dir: /srv/a":     {"state_dir: /srv/b", "1: state_dir"},
		"socket: /run/a.sock":   {"socket: /run/c.sock", "2: listen.socket"},
		"socket_group: agents,": {"", "listen.socket_group"},
		"admin: /run/b.sock":    {"admin: /run/c.sock", "2: listen.admin"},
		`web: "127.0.0.1:1"`:    {`web: ""`, "2: listen.web"},
		`ops: "127.0.0.1:2"`:    {`ops: "127.0.0.1:3"`, "2: listen.ops"},
		`tcp: "127.0.0.1:5"`:    {`tcp: "127.0.0.1:4"`, "2: listen.tcp"},
		"[bridge.internal]":     {"[bridge.internal, other.internal]", "2: listen.tcp_hosts"},
		"store: bolt:/srv/a.db": {"", "store"},
		"file:/srv/a.key":       {"file:/srv/b.key", "4: seal"},
		"level: info":           {"level: debug", "5: log.level"},
		"format: text":          {"format: json", "5: log.format"},
	} {
		next := mustParse(t, strings.Replace(started, old, c.now, 1), environment())
		err := config.CheckReload(running, next)
		faults, are := errors.AsType[*config.Faults](err)
		if !are || len(faults.List) != 1 {
			t.Errorf("%s: %v", old, err)
			continue
		}
		if got := strings.TrimSpace(faults.List[0].String()); !strings.HasPrefix(got, c.want+": differs from what the bridge was started with, and needs a restart") {
			t.Errorf("%s: %s", old, got)
		}
	}
}

// TestWhatNeedsNone: the rest of a file can change while the bridge runs, and
// how it is written does not matter.
func TestWhatNeedsNone(t *testing.T) {
	running := mustParse(t, started, environment())
	for what, text := range map[string]string{
		"the same":  started,
		"spelling":  strings.Replace(started, "/srv/a\n", "/srv/./a/\n", 1),
		"the rest":  strings.Replace(started, "ttl: 1h", "ttl: 2h", 1) + human("") + provider("") + "retain: 1d\nnetwork: {allow_http_loopback: true}\n",
		"a default": strings.Replace(started, "level: info, ", "", 1),
	} {
		if err := config.CheckReload(running, mustParse(t, text, environment())); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestSameProvider(t *testing.T) {
	base := "network: {allow_http_loopback: true}\n" + provider(", client_secret: env:S")
	one := mustParse(t, base, environment("S", "hush")).Providers["corp"]
	for what, c := range map[string]struct {
		text, secret string
		want         bool
	}{
		"the same":     {base, "hush", true},
		"other words":  {strings.Replace(base, "}\n", ", scope_words: {a: b}, trust: none}\n", 2), "hush", true},
		"a new secret": {base, "hush2", false},
		"a client":     {strings.Replace(base, "client_id: a", "client_id: b", 1), "hush", false},
		"an issuer":    {strings.Replace(base, "login.example.com", "login2.example.com", 1), "hush", false},
		"a method":     {provider(", client_secret: env:S, token_endpoint_auth_method: client_secret_post"), "hush", false},
	} {
		text := strings.Replace(c.text, "network: {allow_http_loopback: true, scope_words: {a: b}, trust: none}", "network: {allow_http_loopback: true}", 1)
		if got := one.Same(mustParse(t, text, environment("S", c.secret)).Providers["corp"]); got != c.want {
			t.Errorf("%s: same is %v", what, got)
		}
	}
}
