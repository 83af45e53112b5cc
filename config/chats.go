package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// What humans and teams have to do with chats.

var (
	slackGroup = regexp.MustCompile(`^S[A-Z0-9]{5,20}$`)
	slackID    = regexp.MustCompile(`^[A-Z][A-Z0-9]{5,20}$`)
)

// teamChannel reads the id of a channel in which a team is asked.
func (d *decoder) teamChannel(into *string) reader {
	return reader{form: "a Slack channel id", now: held(into), take: func(path string, v value) {
		if s, ok := d.scalarText(path, v); ok && d.checkSlackChannel(path, s) {
			*into = s
		}
	}}
}

// teamGroup reads the id of a group whose people are a team.
func (d *decoder) teamGroup(t *bridge.Team, channel string) reader {
	return reader{form: "a Slack user group id", take: func(path string, v value) {
		s, ok := d.scalarText(path, v)
		switch {
		case !ok:
		case slackGroup.MatchString(s):
			addGroup(t, channel, s)
		default:
			d.fault(path, d.misnamed(s, "a user group", "S0123456789"),
				"in Slack, open More, People, User groups, and the group; press ⋮, Copy group ID")
		}
	}}
}

// addGroup makes a team whoever is in a group of a chat, too.
func addGroup(t *bridge.Team, channel, id string) {
	if t.Groups == nil {
		t.Groups = map[string]string{}
	}
	t.Groups[channel] = id
}

// misnamed says what is wrong with what stands in the place of an id of Slack.
// A name is no id: it can pass to something else.
func (*decoder) misnamed(s, what, like string) string {
	is := " is a name"
	if slackID.MatchString(s) {
		is = " is not the id of " + what
	}
	return quoted(s) + is + "; the id of " + what + " looks like " + like
}

// checkChats refuses what leads to a chat that is not there, and ways on which
// nobody could be reached.
func (d *decoder) checkChats(slack, discord, web bool) {
	for _, name := range inOrder(d, "humans", d.humans) {
		h, via := d.humans[name], join("humans", name)+".via"
		bySlack := slices.Contains(h.Via, "slack") && !d.faulted(via)
		switch {
		case bySlack && !slack:
			d.fault(via, "slack, but the bridge has no app there", addSection("slack"))
		case bySlack && h.Slack == "" && h.Email == "" && !d.anyFaulted(via, "slack", "email"):
			d.fault(via, "slack, but neither slack nor email says who they are there",
				"slack: U024BE7LH, or leave via out and tie their account with authbridge human link "+name)
		}
		d.checkByDiscord(h, via, discord)
		if slices.Contains(h.Via, "web") && !web && !d.faulted("listen.web") {
			d.fault(via, "web, but listen.web is off", "")
		}
	}
	for _, name := range inOrder(d, "teams", d.teams) {
		for _, place := range []struct {
			key, section, what string
			there              bool
		}{
			{".slack", "slack", "app in Slack", slack},
			{".slack_group", "slack", "app in Slack", slack},
			{".discord", "discord", "application in Discord", discord},
			{".discord_role", "discord", "application in Discord", discord},
		} {
			if at := join("teams", name) + place.key; d.given(at) && !place.there {
				d.fault(at, "the bridge has no "+place.what, addSection(place.section))
			}
		}
	}
}

func addSection(name string) string { return "add the section " + name + ", or take this out" }

// checkByDiscord is about somebody who is to be reached in Discord. Whether an
// id or a tied account says who they are there is not for the file to know:
// nobody is found there by an address.
func (d *decoder) checkByDiscord(h *bridge.Human, via string, discord bool) {
	if slices.Contains(h.Via, "discord") && !d.faulted(via) && !discord {
		d.fault(via, "discord, but the bridge has no application there", addSection("discord"))
	}
}

// anyFaulted reports whether one of the keys beside a path has a fault.
func (d *decoder) anyFaulted(path string, keys ...string) bool {
	parent := path[:strings.LastIndex(path, ".")+1]
	return slices.ContainsFunc(keys, func(key string) bool { return d.faulted(parent + key) })
}
