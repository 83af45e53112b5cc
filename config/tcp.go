package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// tcpExample is where agents are usually served over TCP.
const tcpExample = "127.0.0.1:8740"

// hosts reads Host values as they are sent: with a port, unless it is the
// scheme's own.
func (d *decoder) hosts(into *[]string) reader {
	return d.texts("hosts", into, func(path, s string) bool {
		host, port, err := net.SplitHostPort(s)
		if err != nil {
			host, port = s, "1"
		}
		_, bad := strconv.ParseUint(port, 10, 16)
		_, notIP := netip.ParseAddr(host)
		switch {
		case bad != nil || !hostName.MatchString(strings.ToLower(host)) && (notIP != nil || err != nil):
			d.fault(path, "not a host as it stands in a call", "a name and a port, such as bridge.internal:8740; no *, no https://")
		case s != strings.ToLower(s):
			d.fault(path, "has capital letters", "write it small: callers may write it either way")
		default:
			return true
		}
		return false
	})
}

// checkTCP refuses a door that others can reach and nothing protects, and what
// is said of a door that is not there.
func (d *decoder) checkTCP() {
	const at = "listen.tcp"
	l := d.config.Listen
	host, _, _ := net.SplitHostPort(l.TCP)
	addr, _ := netip.ParseAddr(host)
	switch {
	case l.TCP == "":
		if d.given("listen.tcp_hosts") && !d.faulted(at) {
			d.fault("listen.tcp_hosts", "but listen.tcp is off, so nobody calls there", "tcp: "+tcpExample)
		}
	case !isLoopback(host) && !d.given("listen.tls"):
		d.fault(at, "can be reached from other machines, which needs listen.tls", "tls: {cert: file:/…, key: file:/…}, or an address on loopback, such as "+tcpExample)
	case (host == "" || addr.IsUnspecified()) && len(l.TCPHosts) == 0 && !d.faulted("listen.tcp_hosts"):
		d.fault(at, "every address of this machine, and listen.tcp_hosts does not say what agents call it", "tcp_hosts: [bridge.internal:8740]")
	}
}
