package discordtest

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// maxCommandsADay is how many commands may be created in a day.
const maxCommandsADay = 200

// The types of options that are known here.
const (
	subcommand    = 1
	stringOption  = 3
	integerOption = 4
	booleanOption = 5
)

// command is a slash command as the app registered it.
type command struct {
	ID          string   `json:"id,omitempty"`
	Type        int      `json:"type,omitempty"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Options     []option `json:"options,omitempty"`
	Default     *string  `json:"default_member_permissions,omitempty"`
	NSFW        bool     `json:"nsfw,omitempty"`
	Contexts    []int    `json:"contexts,omitempty"`
	Installs    []int    `json:"integration_types,omitempty"`
	version     string
}

// option is an option of a command: a subcommand, or something to be typed.
type option struct {
	Type        int      `json:"type"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Required    bool     `json:"required,omitempty"`
	Options     []option `json:"options,omitempty"`
	MinLength   *int     `json:"min_length,omitempty"`
	MaxLength   *int     `json:"max_length,omitempty"`
	MinValue    *float64 `json:"min_value,omitempty"`
	MaxValue    *float64 `json:"max_value,omitempty"`

	// These are not stood in for here; libraries send them empty.
	Choices      []json.RawMessage `json:"choices,omitempty"`
	ChannelTypes []int             `json:"channel_types,omitempty"`
	Autocomplete bool              `json:"autocomplete,omitempty"`
}

// provideCommands adds the routes of the application.
func (s *Discord) provideCommands() {
	s.provide("GET /applications/@me", route{rate: reading(), do: (*call).application})
	s.provide("GET /oauth2/applications/@me", route{rate: reading(), do: (*call).application})
	const all = "/applications/{app}/commands"
	s.provide("GET "+all, route{rate: reading(), query: []string{"with_localizations"}, do: (*call).listCommands})
	s.provide("PUT "+all, route{body: true, rate: posting(), do: (*call).putCommands})
}

func (c *call) application() (any, error) {
	public, _ := c.key.Public().(ed25519.PublicKey)
	var endpoint any
	if c.world.App.Endpoint != "" {
		endpoint = c.world.App.Endpoint
	}
	return map[string]any{
		"id": c.world.App.ID, "name": c.world.App.Name, "icon": nil, "description": "", "bot_public": c.world.App.Public,
		"bot_require_code_grant": false, "verify_key": hex.EncodeToString(public), "flags": 0, "team": nil,
		"interactions_endpoint_url": endpoint, "approximate_guild_count": len(c.inOrder()), "bot": c.profile(c.world.App.Bot),
	}, nil
}

// ours says whether the path means this application.
func (c *call) ours() error {
	if c.id("app") != c.world.App.ID {
		return wrong(UnknownApplication, "another application, or the bot user's id in its place")
	}
	return nil
}

func (c *call) listCommands() (any, error) {
	if err := c.ours(); err != nil {
		return nil, err
	}
	all := []any{}
	for _, k := range c.commands {
		all = append(all, c.tell(k))
	}
	return all, nil
}

// tell is a command as Discord tells of it.
func (c *call) tell(k command) map[string]any {
	var told map[string]any
	raw, _ := json.Marshal(k)      // texts and numbers
	_ = json.Unmarshal(raw, &told) // what was just written
	told["application_id"] = c.world.App.ID
	told["version"], told["nsfw"], told["type"] = k.version, k.NSFW, 1
	for field, unset := range map[string]any{
		"default_member_permissions": nil, "contexts": nil, "integration_types": []int{0},
		"name_localizations": nil, "description_localizations": nil, "dm_permission": true,
	} {
		if _, there := told[field]; !there {
			told[field] = unset
		}
	}
	return told
}

// putCommands puts these in the place of all that there are. One whose name
// is there already is changed, and keeps its id.
func (c *call) putCommands() (any, error) {
	if err := c.ours(); err != nil {
		return nil, err
	}
	var next []command
	if err := c.into(&next); err != nil {
		return nil, err
	}
	if err := checkCommands(next); err != nil {
		return nil, err
	}
	if err := c.countCreated(next); err != nil {
		return nil, err
	}
	for i := range next {
		next[i].ID, next[i].version = c.snowflake(), c.snowflake()
		if old := c.command(next[i].Name); old != nil {
			next[i].ID = old.ID
		}
	}
	c.commands = next
	return c.listCommands()
}

// command is the registered command of that name, or nil. It needs the lock.
func (s *Discord) command(name string) *command {
	return find(s.commands, func(k *command) bool { return k.Name == name })
}

// countCreated counts those that are new against the day's.
func (c *call) countCreated(next []command) error {
	c.created = slices.DeleteFunc(c.created, func(at time.Time) bool { return c.now().Sub(at) >= 24*time.Hour })
	var fresh []time.Time
	for _, k := range next {
		if c.command(k.Name) == nil {
			fresh = append(fresh, c.now())
		}
	}
	if len(c.created)+len(fresh) > maxCommandsADay {
		return refuse(CommandsADay)
	}
	c.created = append(c.created, fresh...)
	return nil
}

func checkCommands(all []command) error {
	if len(all) > 100 {
		return invalid("commands", "APPLICATION_COMMAND_TOO_MANY", "at most 100 commands")
	}
	seen := map[string]bool{}
	for i, k := range all {
		path := strconv.Itoa(i)
		if k.Type != 0 && k.Type != 1 {
			return invalid(path+".type", "BASE_TYPE_CHOICES", "only slash commands are stood in for here")
		}
		if err := checkNames(path, k.Name, k.Description, seen); err != nil {
			return err
		}
		for _, n := range k.Contexts {
			if n < 0 || n > 2 {
				return invalid(path+".contexts", "BASE_TYPE_CHOICES", "Value must be one of {0, 1, 2}.")
			}
		}
		if err := checkOptions(path, k.Options, 0); err != nil {
			return err
		}
	}
	return nil
}

func checkOptions(path string, all []option, depth int) error {
	if len(all) > 25 {
		return invalid(path+".options", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
	}
	seen, optional := map[string]bool{}, false
	for i, o := range all {
		at := fmt.Sprintf("%s.options.%d", path, i)
		if err := checkNames(at, o.Name, o.Description, seen); err != nil {
			return err
		}
		if err := o.check(at, depth); err != nil {
			return err
		}
		if o.Type != all[0].Type && (o.Type == subcommand || all[0].Type == subcommand) {
			return invalid(at+".type", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-command and sub-command group option types are mutually exclusive to all other types")
		}
		if o.Required && optional {
			return invalid(at, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options must be placed before non-required options")
		}
		optional = optional || !o.Required
	}
	return nil
}

func (o option) check(path string, depth int) error {
	switch {
	case len(o.Choices)+len(o.ChannelTypes) > 0, o.Autocomplete:
		return invalid(path, "UNKNOWN", "choices, kinds of channels and completion are not stood in for here")
	case o.Type == subcommand && depth > 0, o.Type == subcommand && o.Required:
		return invalid(path+".type", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "a subcommand in a subcommand, or one that is required")
	case o.Type == subcommand:
		return checkOptions(path, o.Options, depth+1)
	case !slices.Contains([]int{stringOption, integerOption, booleanOption}, o.Type):
		return invalid(path+".type", "BASE_TYPE_CHOICES", "only subcommands, strings, integers and booleans are stood in for here")
	case len(o.Options) > 0:
		return invalid(path+".options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "only a subcommand has options")
	}
	return nil
}

// commandName is what a command or an option may be called. Discord takes
// letters of every script; small ones where there are small ones.
var commandName = regexp.MustCompile(`^[-_'\p{Ll}\p{Lo}\p{N}]{1,32}$`)

func checkNames(path, name, description string, seen map[string]bool) error {
	switch {
	case !commandName.MatchString(name):
		return invalid(path+".name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
	case seen[name]:
		return invalid(path+".name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
	case description == "" || units(description) > 100:
		return invalid(path+".description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
	}
	seen[name] = true
	return nil
}
