package discord

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// command is what Discord is told of /authbridge, and its parts.
type command struct {
	Type        int       `json:"type"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Required    bool      `json:"required,omitempty"`
	MaxLength   int       `json:"max_length,omitempty"`
	Contexts    []int     `json:"contexts,omitempty"` // of a command: where it can be typed
	Installed   []int     `json:"integration_types,omitempty"`
	Options     []command `json:"options,omitempty"`
}

// Discord's kinds of commands and of their parts.
const (
	typedCommand = 1
	subcommand   = 1
	textOption   = 3

	inServers = 0 // contexts
	inDMs     = 1

	forServers = 0 // integration_types
)

// commands are all that the bridge has.
func commands() []command {
	text := func(name, description string, longest int) []command {
		return []command{{Type: textOption, Name: name, Description: description, Required: true, MaxLength: longest}}
	}
	sub := func(name, description string, options ...command) command {
		return command{Type: subcommand, Name: name, Description: description, Options: options}
	}
	return []command{{
		Type: typedCommand, Name: "authbridge", Description: "List, take back or check what agents ask and have",
		Contexts: []int{inServers, inDMs}, Installed: []int{forServers},
		Options: []command{
			sub("list", "What you have given, and how to take it back"),
			sub("pending", "What waits for you"),
			sub("revoke", "Take back what you gave", text("name", "The four letters after req, on the card and in the list", 40)...),
			sub("verify", "Whether a code that you were sent is from here, for you", text("code", "The code", 40)...),
			sub("whoami", "Who you are here"),
			sub("link", "Say who you are, with a code from the operator", text("code", "The code", 40)...),
			sub("unlink", "Undo that"),
			sub("help", "What can be typed"),
		},
	}}
}

// registers sees to it that Discord knows the commands, however long it takes,
// until ctx ends or it says that they are wrong.
func (a *Adapter) registers(ctx context.Context) {
	for failures := 1; ; failures++ {
		err := a.register(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if errors.Is(err, bridge.ErrInvalid) {
			a.log.ErrorContext(ctx, "discord: register the commands", "err", err)
			return
		}
		a.log.WarnContext(ctx, "discord: register the commands", "err", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(chat.Backoff(5*time.Second, 5*time.Minute, failures)):
		}
	}
}

// register has Discord know the commands, if what it knows is something else:
// it counts how often they are made.
func (a *Adapter) register(ctx context.Context) error {
	var me application
	if err := a.calls.application(ctx, &me); err != nil {
		return err
	}
	path := "/applications/" + me.ID + "/commands"
	var there []command
	err := a.calls.do(ctx, call{name: "read the commands", method: http.MethodGet, path: path, bucket: "commands", into: &there})
	if err != nil {
		return err
	}
	if sameCommands(there) {
		return nil
	}
	return a.calls.do(ctx, call{name: "register the commands", method: http.MethodPut, path: path, bucket: "commands", body: commands()})
}

// canonical are commands as both sides would write them: without what is empty.
func canonical(all []command) (plain []command) {
	raw, err := json.Marshal(all)
	if err != nil || json.Unmarshal(raw, &plain) != nil {
		return nil
	}
	return plain
}

// sameCommands reports whether Discord knows the commands as they are.
func sameCommands(there []command) bool {
	return reflect.DeepEqual(canonical(there), canonical(commands()))
}
