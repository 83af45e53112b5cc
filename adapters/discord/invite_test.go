package discord

import "testing"

func TestInviteURL(t *testing.T) {
	const permissions = "274877975552" // 1<<10 | 1<<11 | 1<<16 | 1<<38
	want := "https://discord.com/oauth2/authorize?client_id=42&permissions=" + permissions + "&scope=bot+applications.commands"
	if got := InviteURL("", "42"); got != want {
		t.Errorf("the link is %s, want %s", got, want)
	}
}
