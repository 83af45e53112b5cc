package slack

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/bridge"
)

// channelName is the name of Slack where the bridge speaks of channels.
const channelName = "slack"

// factsFor is how long it is believed what Slack said of a person or a
// channel.
const factsFor = time.Minute

// personID is what a user's id looks like.
var personID = regexp.MustCompile(`^[UW][A-Z0-9]{1,32}$`)

// groupID is what a user group's id looks like.
var groupID = regexp.MustCompile(`^S[A-Z0-9]{1,32}$`)

// team returns the id of the workspace that the bot token is for.
func (a *Adapter) team(ctx context.Context) (string, error) {
	if id := a.line.self().team; id != "" {
		return id, nil
	}
	err := a.call(ctx, methodSelf, "", func(ctx context.Context) error {
		_, err := a.line.introduce(ctx)
		return err
	})
	return a.line.self().team, err
}

// user returns what Slack says of somebody: within the last minute, or, if it
// has to be fresh, now.
func (a *Adapter) user(ctx context.Context, id string, fresh bool) (u slackgo.User, err error) {
	if !personID.MatchString(id) {
		return u, fmt.Errorf("look somebody up: this is no id of a user: %w", bridge.ErrUnreachable)
	}
	if u, known := a.known.users.Get(id); known && !fresh {
		return u, nil
	}
	err = a.call(ctx, methodUser, id, func(ctx context.Context) error {
		found, err := a.api.GetUserInfoContext(ctx, id)
		if err == nil {
			u = *found
		}
		return err
	})
	if err == nil && u.ID != id {
		err = fmt.Errorf("%s: Slack spoke of somebody else: %w", methodUser, bridge.ErrNotSent)
	}
	if err != nil {
		a.known.users.Drop(id)
		return slackgo.User{}, err
	}
	a.known.users.Put(id, u, factsFor)
	return u, nil
}

// outsider says why somebody has no say in what the bridge asks, whoever they
// are said to be; "" = they may have one. team is the bridge's workspace.
func (a *Adapter) outsider(u slackgo.User, team string) string {
	switch {
	case u.Deleted:
		return "This account is deactivated."
	case u.IsBot, u.IsWorkflowBot, u.IsConnectorBot, u.ID == "USLACKBOT":
		return "A bot has no say here."
	case u.IsStranger, u.TeamID != team:
		return "Only members of the bridge's own workspace have a say here."
	case u.IsInvitedUser, (u.IsRestricted || u.IsUltraRestricted) && !a.allowGuests():
		return "Guests of the workspace have no say here."
	}
	return ""
}

// reach makes sure that somebody may be asked.
func (a *Adapter) reach(ctx context.Context, id string) error {
	team, err := a.team(ctx)
	if err != nil {
		return err
	}
	u, err := a.user(ctx, id, false)
	if err != nil {
		return err
	}
	if why := a.outsider(u, team); why != "" {
		return fmt.Errorf("ask somebody in Slack: %s %w", why, bridge.ErrUnreachable)
	}
	return nil
}

// byEmail finds whose confirmed e-mail it is, and ties them to the human who is
// configured with it. From then on the human's address is their id.
func (a *Adapter) byEmail(ctx context.Context, email string) (id string, err error) {
	team, err := a.team(ctx)
	if err != nil {
		return "", err
	}
	var u slackgo.User
	err = a.call(ctx, methodByEmail, "", func(ctx context.Context) error {
		found, err := a.api.GetUserByEmailContext(ctx, email)
		if err == nil {
			u = *found
		}
		return err
	})
	if err != nil {
		return "", err
	}
	why := a.outsider(u, team)
	switch {
	case !personID.MatchString(u.ID):
		why = "Slack names nobody by the id of a user."
	case why == "" && (!u.IsEmailConfirmed || !strings.EqualFold(u.Profile.Email, email)):
		why = "Slack does not vouch for the e-mail."
	}
	if why != "" {
		return "", fmt.Errorf("find somebody by their e-mail: %s %w", why, bridge.ErrUnreachable)
	}
	return u.ID, a.tie(ctx, email, u.ID)
}

func (a *Adapter) tie(ctx context.Context, email, id string) error {
	_, err := a.desk.TieByEmail(ctx, channelName, email, bridge.Address(id))
	switch {
	case errors.Is(err, bridge.ErrTied), errors.Is(err, bridge.ErrNotFound):
		return fmt.Errorf("%w: %w", err, bridge.ErrUnreachable)
	case err != nil:
		return fmt.Errorf("%w: %w", err, bridge.ErrNotSent)
	}
	return nil
}

// human says who somebody is here whom vouch has let in. Who is nobody yet may
// be a human who is known by an e-mail that Slack vouches for: a team's card
// lies before people whom nobody has written to before.
func (a *Adapter) human(ctx context.Context, id string) (string, error) {
	human, err := a.desk.HumanAt(ctx, channelName, bridge.Address(id))
	if !errors.Is(err, bridge.ErrNotFound) {
		return human, err
	}
	u, failed := a.user(ctx, id, false)
	if failed != nil {
		return "", failed
	}
	if !u.IsEmailConfirmed || u.Profile.Email == "" {
		return "", err
	}
	human, err = a.desk.TieByEmail(ctx, channelName, u.Profile.Email, bridge.Address(id))
	if errors.Is(err, bridge.ErrTied) {
		return "", fmt.Errorf("%w: %w", err, bridge.ErrNotFound)
	}
	return human, err
}

// Members says who is in a user group now: as [bridge.Roster].
func (a *Adapter) Members(ctx context.Context, group string, _ []bridge.Address) ([]bridge.Address, error) {
	if !groupID.MatchString(group) {
		return nil, fmt.Errorf("read a user group of Slack: %w", errNoGroup)
	}
	var ids []string
	err := a.call(ctx, methodGroup, group, func(ctx context.Context) (err error) {
		ids, err = a.api.GetUserGroupMembersContext(ctx, group)
		return err
	})
	if err != nil {
		return nil, err
	}
	members := make([]bridge.Address, 0, len(ids))
	for _, id := range ids {
		if personID.MatchString(id) {
			members = append(members, bridge.Address(id))
		}
	}
	return members, nil
}

var errNoGroup = errors.New("this is no id of a user group; one begins with S")
