package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// maxSocketPath is what an address of a socket has room for on every system
// that the bridge runs on.
const maxSocketPath = 103

// resolve fills in what the file leaves to the defaults. A key that is given
// badly stays empty: its fault is enough.
func (d *decoder) resolve() {
	c := d.config
	d.orElse("state_dir", &c.StateDir, d.stateDir)
	d.orElse("listen.socket", &c.Listen.Socket, d.socket)
	d.orElse("listen.admin", &c.Listen.Admin, func() string { return beside(c.Listen.Socket, "admin.sock") })
	d.orElse("seal", &c.Seal, d.sealFile)
	c.SealHandedOver = handedOver(c.Seal, d.env.get("CREDENTIALS_DIRECTORY"))
	if c.Store.Path == "" && !d.faulted("store") && c.StateDir != "" {
		c.Store.Path = filepath.Join(c.StateDir, "authbridge.db")
	}
	if !d.given("humans") {
		d.humans[operator] = &bridge.Human{Name: operator}
	}
	if !d.given("agents") {
		d.agents[local] = d.localAgent()
	}
}

func (d *decoder) orElse(path string, into *string, otherwise func() string) {
	if !d.given(path) {
		*into = otherwise()
	}
}

func (d *decoder) stateDir() string {
	for _, at := range []string{
		dir(d.env.get, "STATE_DIRECTORY"),
		under(d.env.get, "XDG_STATE_HOME", "authbridge"),
		under(d.env.get, "HOME", ".local", "state", "authbridge"),
	} {
		if at != "" {
			return at
		}
	}
	d.fault("state_dir", "not given, and neither STATE_DIRECTORY nor a home directory is known", "state_dir: /var/lib/authbridge")
	return ""
}

func (d *decoder) socket() string {
	for _, at := range []string{
		dir(d.env.get, "RUNTIME_DIRECTORY"),
		under(d.env.get, "XDG_RUNTIME_DIR", "authbridge"),
		d.config.StateDir,
	} {
		if at != "" {
			return filepath.Join(at, "agent.sock")
		}
	}
	return ""
}

// sealFile prefers the key that the service manager hands over, if it does.
func (d *decoder) sealFile() string {
	if handed := under(d.env.get, "CREDENTIALS_DIRECTORY", "seal.key"); handed != "" {
		if _, err := os.Stat(handed); err == nil {
			return handed
		}
	}
	if d.config.StateDir == "" {
		return ""
	}
	return filepath.Join(d.config.StateDir, "seal.key")
}

func beside(file, name string) string {
	if file == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(file), name)
}

// check judges what needs more than one value, or all of them.
func (d *decoder) check() {
	d.checkPaths()
	d.checkOps()
	d.checkTCP()
	d.checkTLS()
	d.checkWeb()
	d.checkLimits()
	d.checkProviders()
	d.checkResources()
	d.checkHumans()
	d.checkTeams()
	d.checkAgents()
	d.checkSlack()
	d.checkDiscord()
	d.checkChats(d.given("slack"), d.given("discord"), d.config.Listen.Web != "")
	d.checkReferences()
}

// checkReferences refuses names that nobody has. Where a section is not read
// because of its own fault, that is enough.
func (d *decoder) checkReferences() {
	humans, providers := inOrder(d, "humans", d.humans), inOrder(d, "providers", d.providers)
	both := slices.Concat(humans, inOrder(d, "teams", d.teams))
	for _, r := range d.references {
		switch {
		case r.what == "provider" && !d.faulted("providers"):
			d.absent(r, providers)
		case r.what == "human" && !d.faulted("humans"):
			d.absent(r, humans)
		case r.what == "human or team" && !d.faulted("humans") && !d.faulted("teams"):
			d.absent(r, both)
		}
	}
}

// checkPaths refuses two things in one place, and sockets that cannot be.
func (d *decoder) checkPaths() {
	l := d.config.Listen
	taken := map[string]string{}
	for _, one := range []struct{ key, place string }{
		{"listen.socket", l.Socket},
		{"listen.admin", l.Admin},
		{"store", d.config.Store.Path},
		{"seal", d.config.Seal},
		{"listen.web", l.Web},
		{"listen.ops", l.Ops},
		{"listen.tcp", l.TCP},
	} {
		if first, double := taken[one.place]; double && one.place != "" && !strings.HasSuffix(one.place, ":0") {
			d.fault(one.key, "the same as "+first, "give each its own")
		}
		taken[one.place] = one.key
	}
	d.checkSocketPath("listen.socket", l.Socket)
	d.checkSocketPath("listen.admin", l.Admin)
}

func (d *decoder) checkSocketPath(key, socket string) {
	if len(socket) > maxSocketPath {
		d.fault(key, fmt.Sprintf("%d bytes long; the path of a socket has at most %d", len(socket), maxSocketPath), "such as /run/authbridge/"+filepath.Base(socket))
	}
}

// checkLimits compares only what the file gives: a default gives way.
func (d *decoder) checkLimits() {
	const one, all = "request.max_open_per_agent_and_human", "request.max_open_per_human"
	limits := d.config.Directory.Limits
	if d.given(one) && d.given(all) && !d.faulted(one) && !d.faulted(all) && limits.MaxOpenPerAgentAndHuman > limits.MaxOpenPerHuman {
		d.fault(one, "more than max_open_per_human, so it could never be reached", "")
	}
	const remind = "request.remind"
	if d.given(remind) && !d.faulted(remind) && !d.faulted("request.ttl") && limits.Remind >= limits.TTL {
		d.fault(remind, "not shorter than a request waits, so nobody would be reminded", "0 for no reminders")
	}
}

// faulted reports whether a path itself, or an item of it, has a fault already,
// so that what follows from it is not told too.
func (d *decoder) faulted(path string) bool {
	return slices.ContainsFunc(d.faults.List, func(f Fault) bool {
		return f.Key == path || strings.HasPrefix(f.Key, path+"[")
	})
}

// finish hands over what was read. It is called once, without faults.
func (d *decoder) finish() *Config {
	c := d.config
	c.lines = d.lines
	slices.Sort(c.SecretFiles)
	c.SecretFiles = slices.Compact(c.SecretFiles)
	c.Providers = make(map[string]Provider, len(d.providers))
	for name, p := range d.providers {
		c.Providers[name] = p.Provider
	}
	c.Directory.Providers = d.directoryProviders()
	if c.Listen.Web != "" {
		c.Directory.Channels = []string{"web"}
	}
	if c.Slack != nil {
		c.Directory.Channels = append(c.Directory.Channels, "slack")
	}
	if c.Discord != nil {
		c.Directory.Channels = append(c.Directory.Channels, "discord")
	}
	c.Directory.Humans = make(map[string]bridge.Human, len(d.humans))
	for name, h := range d.humans {
		c.Directory.Humans[name] = *h
	}
	c.Directory.Teams = make(map[string]bridge.Team, len(d.teams))
	for name, t := range d.teams {
		c.Directory.Teams[name] = *t
	}
	c.Directory.Agents = make(map[string]bridge.Agent, len(d.agents))
	for name, a := range d.agents {
		c.Directory.Agents[name] = *a
	}
	return c
}
