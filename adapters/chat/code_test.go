package chat

import (
	"errors"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/bridge"
)

// TestNothingButACodeIsDrawnAsOne, on no card but one human's own, and no
// button leads where no human could be sent.
func TestNothingButACodeIsDrawnAsOne(t *testing.T) {
	t.Parallel()
	const home = "https://login.example.com/device"
	card := func(code, address, open string) bridge.Card {
		return bridge.Card{Code: &bridge.ShownCode{UserCode: bridge.NewSecret(code), Address: address, Open: bridge.NewSecret(open)}}
	}
	for name, c := range map[string]bridge.Card{
		"a plain one": card("WDJB-MJHT", home, home+"?user_code=WDJB-MJHT"), "three groups": card("WDJBM-JHTAB 1Cd2e3", home, home),
		"on an IPv6 host": card("WDJB", "https://[::1]:8443/device", home), "none": {View: bridge.ViewTeam, Team: "oncall"},
	} {
		if err := vet(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	shared, ended := card("WDJB-MJHT", home, home), card("WDJB-MJHT", home, home)
	shared.View, shared.Team, shared.Shared = bridge.ViewTeam, "oncall", true
	ended.Ending = "Denied by you."
	for name, c := range map[string]struct {
		card bridge.Card
		want error
	}{
		"a team's card": {shared, errShared}, "what is over": {ended, errOver},
		"no code":           {card("", home, home), errCode},
		"a long one":        {card(strings.Repeat("A", maxCode+1), home, home), errCode},
		"four groups":       {card("A-B-C-D", home, home), errCode},
		"one in two lines":  {card("WDJB\nMJHT", home, home), errCode},
		"one with markup":   {card("WDJB`MJHT", home, home), errCode},
		"letters of others": {card("WDJ\u0412", home, home), errCode},
	} {
		if err := vet(c.card); !errors.Is(err, c.want) || !errors.Is(err, bridge.ErrInvalid) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for _, bad := range []string{
		"", "login.example.com", "javascript:alert(1)", "https://", "https://[]/device", "https://login.example.com@evil.example/device",
		"https://login.example.com/`x`", "https://login.example.com/<x>", "https://login.example.com/ x", "https://login.example.com/x|y",
		"https://login.example.com/" + strings.Repeat("x", maxAddress),
	} {
		for what, c := range map[string]bridge.Card{"address": card("WDJB-MJHT", bad, home), "button": card("WDJB-MJHT", home, bad)} {
			if err := vet(c); !errors.Is(err, errAddress) {
				t.Errorf("%q as its %s: %v", bad, what, err)
			}
		}
	}
}
