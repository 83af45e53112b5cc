package discord

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

// lineTo runs a line to the stand-in for Discord until the test ends, and
// returns what ends it before.
func lineTo(t *testing.T, d *discordtest.Discord, mode string, does serve) (*line, func()) {
	t.Helper()
	web := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	health := chat.NewSides("Discord")
	o := Options{Token: bridge.NewSecret(d.Token()), PublicKey: d.PublicKey(), Mode: mode, APIURL: d.URL(), HTTP: web, Version: "1"}
	l := newLine(wires{
		api: newCaller(o, health), token: o.Token, key: o.key(), base: o.APIURL, web: web, log: slog.New(slog.DiscardHandler), health: health,
	}, does)
	l.timing = quick()
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { l.run(ctx); close(over) }()
	stop := func() {
		cancel()
		soon(t, "the line to end", over)
		web.CloseIdleConnections()
	}
	t.Cleanup(stop)
	if mode == ModeHTTP {
		srv := httptest.NewServer(l.handler())
		t.Cleanup(srv.Close)
		d.RequestsTo(srv.URL)
	}
	return l, stop
}

// cardIn writes a message with a button, and returns the button as alice sees
// it.
func cardIn(t *testing.T, d *discordtest.Discord, l *line, custom string) *discordtest.Button {
	t.Helper()
	err := l.api.call(t.Context(), http.MethodPost, "/channels/"+discordtest.Deploys+"/messages", map[string]any{
		"content": "A card", "flags": 4, "allowed_mentions": map[string]any{"parse": []string{}},
		"components": []any{map[string]any{"type": 1, "components": []any{
			map[string]any{"type": 2, "style": 2, "label": "Press", "custom_id": custom},
		}}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d.Person(discordtest.Alice).Button("Press")
}

func unlimited() discordtest.World {
	w := discordtest.Office()
	w.Unlimited = true
	return w
}

// TestWhatSomebodyPressesIsAnsweredOnBothWays, by a Discord that looks first
// whether wrong signatures are refused.
func TestWhatSomebodyPressesIsAnsweredOnBothWays(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{ModeGateway, ModeHTTP} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			d := discordtest.Start(t, unlimited())
			served, got := collect()
			l, _ := lineTo(t, d, mode, served)
			until(t, "the line is ready", func() bool { return l.health.Now().State == chat.Ready && l.intake.Taking() })
			cardIn(t, d, l, "ab1:deny:r1").Press()
			in := soon(t, "the press", got)
			soon(t, "that it was answered", in.answered)
			if in.user != discordtest.Alice || in.guild != discordtest.Acme || in.custom != "ab1:deny:r1" || l.application() != d.App() {
				t.Errorf("it is %+v, for %s", fields(in), l.application())
			}
			if _, err := l.followUp(t.Context(), in.exchange(), map[string]any{
				"content": "To you alone", "flags": 68, "allowed_mentions": map[string]any{"parse": []string{}},
			}); err != nil {
				t.Error(err)
			}
			if all := d.Interactions(); len(all) != 1 || !all[0].Answered || all[0].Failed {
				t.Errorf("Discord says of it %+v", all)
			}
		})
	}
}

// TestBehaviour36ReconnectFirst: Discord asks for another connection before it
// has let the bridge in, in the place of the hello and right after it.
func TestBehaviour36ReconnectFirst(t *testing.T) {
	t.Parallel()
	d := discordtest.Start(t, unlimited())
	d.Greet(discordtest.Greeting{First: 7}, discordtest.Greeting{First: 7, After: true}, discordtest.Greeting{First: 9, After: true})
	served, got := collect()
	l, _ := lineTo(t, d, ModeGateway, served)
	until(t, "the line is ready", func() bool { return l.health.Now().State == chat.Ready })
	cardIn(t, d, l, "ab1:deny:r1").Press()
	soon(t, "the press", got)
}

// TestAnEndThatDiscordMeans is not tried against.
func TestAnEndThatDiscordMeans(t *testing.T) {
	t.Parallel()
	d := discordtest.Start(t, unlimited())
	served, _ := collect()
	l, _ := lineTo(t, d, ModeGateway, served)
	until(t, "the line is ready", func() bool { return l.health.Now().State == chat.Ready })
	before := d.Identifications()
	d.Drop(4004)
	until(t, "the refusal shows", func() bool { return l.health.Now().State == chat.Refused })
	<-time.After(100 * time.Millisecond)
	if n := d.Identifications(); n != before {
		t.Errorf("it identified %d times more", n-before)
	}
}

// TestSoakNobodyPressesInVain presses all the time while Discord asks for new
// connections: each press that Discord could bring is answered and served,
// once. Then also while it calls sessions invalid, with presses under way on
// them, and cuts connections, after all that was under way was done: what it
// could bring to none is not counted. Nothing of the line is left at its end.
func TestSoakNobodyPressesInVain(t *testing.T) {
	presses := soakPresses()
	before := runtime.NumGoroutine()
	d := discordtest.Start(t, unlimited())
	var served atomic.Int64
	l, stop := lineTo(t, d, ModeGateway, func(context.Context, inbound) answer {
		served.Add(1)
		return answer{}
	})
	until(t, "the line is ready", func() bool { return l.health.Now().State == chat.Ready })
	button := cardIn(t, d, l, "ab1:deny:r1")
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for n := range 2 * presses {
		<-tick.C
		button.Press()
		switch {
		case n%25 != 0:
		case n < presses || n%75 == 0:
			d.Reconnect()
		case n%75 == 25:
			d.Invalidate() // while presses are under way
		default:
			d.Until("all is answered", func() bool { _, open, _ := counted(d); return open == 0 })
			d.Drop(0)
		}
	}
	d.Until("all is answered", func() bool { _, open, _ := counted(d); return open == 0 })
	brought, _, unsent := counted(d)
	until(t, "all is served", func() bool { return served.Load() >= int64(brought) })
	t.Logf("%d presses over %d connections, all answered; while none was open %d", brought, d.Identifications(), unsent)
	if n := served.Load(); n != int64(brought) || brought+unsent != 2*presses || unsent > presses/2 {
		t.Errorf("%d presses, %d brought, %d not, %d served", 2*presses, brought, unsent, n)
	}
	stop()
	until(t, "no connection is left", func() bool { return d.Connected() == 0 })
	until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before+serving })
}

// serving is how many goroutines a stand-in has that is open: it accepts.
const serving = 1

// counted says how many presses Discord has brought, how many of them are not
// answered yet, and how many it could not bring.
func counted(d *discordtest.Discord) (brought, open, unsent int) {
	for _, i := range d.Interactions() {
		switch {
		case !i.Written:
			unsent++
		default:
			brought++
			if !i.Answered {
				open++
			}
		}
	}
	return brought, open, unsent
}
