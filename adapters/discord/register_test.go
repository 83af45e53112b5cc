package discord

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

const routeRegister = "PUT /applications/{app}/commands"

// TestOtherCommandsAreReplaced by those of this version, and a second look
// finds them there.
func TestOtherCommandsAreReplaced(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]command) []command{
		"none": func([]command) []command { return []command{} },
		"one more": func(all []command) []command {
			return append(all, command{Type: 1, Name: "old", Description: "of yesterday"})
		},
		"another word":      func(all []command) []command { all[0].Description = "What it was"; return all },
		"a subcommand less": func(all []command) []command { all[0].Options = all[0].Options[1:]; return all },
		"in servers alone":  func(all []command) []command { all[0].Contexts = []int{inServers}; return all },
		"an option that may be left out": func(all []command) []command {
			at := slices.IndexFunc(all[0].Options, func(c command) bool { return c.Name == "link" })
			all[0].Options[at].Options[0].Required = false
			return all
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			path := "/applications/" + o.discord.App() + "/commands"
			if err := o.adapter.calls.call(t.Context(), http.MethodPut, path, change(commands()), nil); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := o.adapter.register(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			all := o.discord.Calls(routeRegister)
			if len(all) != 2 {
				t.Fatalf("they were registered %d times after those of yesterday", len(all)-1)
			}
			var there []command
			if err := json.Unmarshal([]byte(all[1].Asked), &there); err != nil || !sameCommands(there) {
				t.Errorf("registered is %s", all[1].Asked)
			}
		})
	}
}

// What is there cannot be read: then nothing is registered, for it counts.
func TestNothingIsRegisteredBlindly(t *testing.T) {
	t.Parallel()
	for _, route := range []string{"GET /applications/@me", "GET /applications/{app}/commands"} {
		o := newOffice(t)
		o.discord.Fail(route, 1, discordtest.Fault{Garbage: true})
		if err := o.adapter.register(t.Context()); !errors.Is(err, bridge.ErrNotSent) {
			t.Errorf("%s: %v", route, err)
		}
		if n := len(o.discord.Calls(routeRegister)); n != 0 {
			t.Errorf("%s: they were registered all the same", route)
		}
	}
}

// The bridge tries again and again to have its commands known, ever more
// seldom, also after its token was refused: that may pass.
func TestRegisteringIsTriedUntilItWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := scriptedCaller(t)
		a := &Adapter{calls: d, log: slog.New(slog.DiscardHandler)}
		s.answer = func(r *http.Request) reply {
			switch {
			case len(s.calls) <= 6:
				return always(http.StatusBadGateway, "sorry")(r)
			case r.URL.Path == apiPath+"/applications/@me":
				return always(http.StatusOK, `{"id":"1"}`)(r)
			}
			return always(http.StatusOK, `[]`)(r)
		}
		begun := time.Now()
		a.registers(t.Context())
		if took := time.Since(begun); len(s.calls) != 9 || s.calls[8].Method != http.MethodPut || took < 30*time.Second || took > time.Hour {
			t.Errorf("after %s and %d calls", took, len(s.calls))
		}
		s.calls, begun = nil, time.Now()
		fine := s.answer
		s.answer = func(r *http.Request) reply {
			if time.Since(begun) < 2*haltFor {
				return always(http.StatusUnauthorized, "{}")(r)
			}
			return fine(r)
		}
		a.registers(t.Context())
		if n := len(s.calls); n < 5 || n > 6+3 || s.calls[n-1].Method != http.MethodPut {
			t.Errorf("after a token was refused for two minutes there were %d calls", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begun = time.Now()
		s.answer = always(http.StatusBadGateway, "sorry")
		if a.registers(ctx); time.Since(begun) != 3*time.Second {
			t.Errorf("it went on for %s after the end", time.Since(begun))
		}
	})
}
