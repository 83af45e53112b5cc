package config

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// opsExample is where health is usually asked for.
const opsExample = "127.0.0.1:8742"

// address reads where to listen, such as the example, or "" for off. Whether
// others may reach it there is judged when all is read.
func (d *decoder) address(into *string, example string) reader {
	return reader{form: "`host:port`, or `\"\"` for off", now: held(into), take: func(path string, v value) {
		if !d.is(path, v, text) {
			return
		}
		if !isAddress(v.text) {
			d.fault(path, "not an address", "host:port, such as "+example+`; "" = off`)
			return
		}
		*into = v.text
	}}
}

// isAddress reports whether one can listen there, or "" for off. No host is
// every address of this machine.
func isAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	return s == "" || err == nil && (host == "" || hostName.MatchString(strings.ToLower(host)) || net.ParseIP(host) != nil)
}

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?$`)

// isLoopback goes by the name: what a name other than localhost leads to may
// change after it was looked at.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// checkOps refuses a door that others can reach: nothing protects it.
func (d *decoder) checkOps() {
	if host, _, _ := net.SplitHostPort(d.config.Listen.Ops); d.config.Listen.Ops != "" && !isLoopback(host) {
		d.fault("listen.ops", "can be reached from other machines, which it has no protection for", "an address on loopback, such as "+opsExample)
	}
}
