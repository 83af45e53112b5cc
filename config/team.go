package config

import (
	"fmt"
	"slices"

	"github.com/authbridge/authbridge/bridge"
)

func (d *decoder) team(name string) []setting {
	t := &bridge.Team{Name: name}
	d.teams[name] = t
	return []setting{
		{
			key: "members", read: d.members(t), example: "[alice]",
			means: "Who is in it: whoever of them claims a request first deals with it. There must be somebody, or `slack_group`, or `discord_role`.",
		},
		{
			key: "slack", read: d.teamChannel(&t.Slack), example: "C0123456",
			means: "The id of the Slack channel in which the team is asked. The app has to be invited there.",
		},
		{
			key: "slack_group", read: d.teamGroup(t, "slack"), example: "S0123456", instead: "members",
			means: "The id of a Slack user group, in the place of `members`: those of the humans here who are in it are the team. " +
				"It is read every minute and at every press; while it cannot be read, or nobody is in it, nobody can act for the team.",
		},
		{
			key: "discord", read: d.snowflake(&t.Discord, "a channel"), example: `"112233445566778899"`,
			means: "The id of the Discord channel in which the team is asked. The application's bot has to be able to write there.",
		},
		{
			key: "discord_role", read: d.discordRole(t), example: `"223344556677889900"`, instead: "members",
			means: "The id of a role of a Discord server, in the place of `members`: those of the humans here who have it are the team. " +
				"It is read as `slack_group` is; together with it, the team is whoever is in either.",
		},
	}
}

// members reads who is in a team.
func (d *decoder) members(t *bridge.Team) reader {
	return d.namesOf("humans", "human", func(path, at, s string) bool {
		twice := slices.Contains(t.Members, s)
		if twice {
			d.faultAt(d.line(at), path, quoted(s)+" is in it twice", "keep one of the two")
		} else {
			t.Members = append(t.Members, s)
		}
		return !twice
	})
}

func (d *decoder) checkTeams() {
	for _, name := range inOrder(d, "teams", d.teams) {
		at := join("teams", name)
		if !d.given(at) {
			continue
		}
		if _, taken := d.humans[name]; taken {
			d.fault(at, "a human has this name too, so it would be open who is asked", "give the team another name")
		}
		members := at + ".members"
		switch {
		case d.given(members) && d.given(at+".slack_group"):
			d.fault(at+".slack_group", "given together with members, so it would be open who is in it", "keep one of the two")
		case d.given(members) && d.given(at+".discord_role"):
			d.fault(at+".discord_role", "given together with members, so it would be open who is in it", "keep one of the two")
		case d.given(at + ".slack_group"), d.given(at + ".discord_role"):
		case !d.given(members):
			d.fault(at, "has no members", "members: ["+few(inOrder(d, "humans", d.humans))+"]")
		case len(d.teams[name].Members) == 0 && !d.faulted(members):
			d.fault(members, "is empty, so there is nobody to ask", "")
		}
	}
}

// checkTeamRule holds a rule that lets a team be asked to what can be promised
// of a team: what it gives answers further asks for a shorter time, since the
// one who gave may leave it, and there is nobody yet for whom a code could be
// made when it is asked.
func (d *decoder) checkTeamRule(at string, r *bridge.Rule) {
	if !slices.ContainsFunc(r.Ask, func(name string) bool { return d.teams[name] != nil }) {
		return
	}
	switch {
	case r.Reuse <= bridge.MaxTeamReuse, d.faulted(at + ".reuse"):
	case d.given(at + ".reuse"):
		d.fault(at+".reuse", fmt.Sprintf("longer than %s, and the rule lets a team be asked", shortly(bridge.MaxTeamReuse)),
			"shorten it, or make a rule of its own for the humans")
	default:
		r.Reuse = bridge.MaxTeamReuse
	}
	if r.AtOnce {
		d.fault(at+".code", "at_once, but the rule lets a team be asked, and a code is for one human", "make a rule of its own for the humans")
	}
}
