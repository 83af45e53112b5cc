package config_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/authbridge/authbridge/config"
)

// beyond is a file of an inbox that others reach, with some lines changed.
func beyond(changes ...string) string {
	return strings.NewReplacer(changes...).Replace(`listen:
  web: "0.0.0.0:8741"
  trusted_proxy: [10.0.0.0/8, "fd00::7/128"]
  sign_in: corp
public_url: https://Bridge.Example.com:443/
providers: {corp: {issuer: https://a.example, client_id: x}}
`)
}

func TestAnInboxThatOthersReach(t *testing.T) {
	c := mustParse(t, beyond(), environment())
	if c.PublicURL != "https://bridge.example.com" || c.Listen.SignIn != "corp" || c.Listen.Web != "0.0.0.0:8741" || !c.Reachable() {
		t.Errorf("read as %+v", c.Listen)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::7/128")}
	if diff := cmp.Diff(want, c.Listen.TrustedProxy, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
	if mustParse(t, "", environment()).Reachable() {
		t.Error("an empty file is reachable")
	}
	for given, want := range map[string]string{
		"https://localhost:8443": "https://localhost:8443", "https://[2001:db8::1]:443": "https://[2001:db8::1]", "https://10.0.0.1/": "https://10.0.0.1",
		"https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
	} {
		if got := mustParse(t, beyond("https://Bridge.Example.com:443/", given), environment()).PublicURL; got != want {
			t.Errorf("%s is %s, want %s", given, got, want)
		}
	}
	http := "network: {allow_http_loopback: true}\npublic_url: http://127.0.0.1:8741"
	if got := mustParse(t, http, environment()).PublicURL; got != "http://127.0.0.1:8741" {
		t.Errorf("http on loopback is %s", got)
	}
}

func TestAnInboxThatNobodyProtects(t *testing.T) {
	public := func(url string) string { return beyond("https://Bridge.Example.com:443/", url) }
	checkWrong(t, []wrong{
		{"no proxy, no TLS", "listen: {web: ':8741'}", "1: listen.web: can be reached from other machines, which needs listen.tls or listen.trusted_proxy"},
		{"everybody is a proxy", beyond("10.0.0.0/8", "0.0.0.0/0"), "3: listen.trusted_proxy[0]: everybody: then anybody could say who calls"},
		{"everybody, IPv6", beyond("10.0.0.0/8", "'::/0'"), "3: listen.trusted_proxy[0]: everybody: then anybody could say who calls"},
		{"an address", beyond("10.0.0.0/8", "10.0.0.7"), "3: listen.trusted_proxy[0]: not an address range"},
		{"within a range", beyond("10.0.0.0/8", "10.0.0.7/8"), "3: listen.trusted_proxy[0]: an address within a range, not a range"},
		{"nowhere to come back to", beyond("public_url: https://Bridge.Example.com:443/\n", ""), "4: listen.sign_in: but there is no public_url, to which the provider could send people back"},
		{"a provider that is not there", beyond("sign_in: corp", "sign_in: crop"), `4: listen.sign_in: no provider called "crop"; did you mean "corp"?`},
		{"the inbox is off", "listen: {web: '', trusted_proxy: [10.0.0.0/8]}", "1: listen.trusted_proxy: but listen.web is off"},
		{"https that nobody speaks", "public_url: https://bridge.example.com", "1: public_url: https, which nobody here speaks"},
		{"http", public("http://bridge.example.com"), "5: public_url: http, but sessions travel over https only"},
		{"http on loopback", "public_url: http://127.0.0.1:8741", "1: public_url: http on loopback is not allowed"},
		{"a path", public("https://bridge.example.com/inbox"), "5: public_url: more than a scheme, a host and a port"},
		{"a query", public("https://bridge.example.com?x"), "5: public_url: more than a scheme, a host and a port"},
		{"a user", public("https://me@bridge.example.com"), "5: public_url: more than a scheme, a host and a port"},
		{"a dot at the end", public("https://bridge.example.com."), "5: public_url: not a host as browsers write it"},
		{"letters beyond ASCII", public("https://b\u00fccher.example"), "5: public_url: not a host as browsers write it"},
		{"another spelling of an address", public("https://[0:0::1]"), "5: public_url: not a host as browsers write it"},
		{"a port that is none", public("'https://bridge.example.com:'"), "5: public_url: not a host as browsers write it"},
		{"no scheme", public("bridge.example.com"), "5: public_url: not a URL"},
		{"another scheme", public("ftp://bridge.example.com"), "5: public_url: not a URL"},
	})
}

// TestWhoSignsPeopleInMayChange while the bridge runs; where, and who speaks
// for others, may not.
func TestWhoSignsPeopleInMayChange(t *testing.T) {
	running := mustParse(t, beyond(), environment())
	if err := config.CheckReload(running, mustParse(t, beyond("  sign_in: corp\n", ""), environment())); err != nil {
		t.Error(err)
	}
	for change, to := range map[string]string{"https://Bridge.Example.com:443/": "https://other.example", "10.0.0.0/8": "10.0.0.0/9"} {
		if err := config.CheckReload(running, mustParse(t, beyond(change, to), environment())); err == nil {
			t.Errorf("%s may become %s", change, to)
		}
	}
}
