package discord

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat/chattest"
	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

// office is an adapter in a stand-in for Discord, with a desk that does what
// the test tells it to.
type office struct {
	t       *testing.T
	discord *discordtest.Discord
	adapter *Adapter
	desk    *chattest.Desk
	channel string // the fallback's
	stop    func() // ends the adapter that runs, and waits
}

func newOffice(t *testing.T) *office {
	w := discordtest.Office()
	w.Unlimited = true
	return officeOf(t, w)
}

func officeOf(t *testing.T, w discordtest.World) *office {
	t.Helper()
	o := &office{t: t, discord: discordtest.Start(t, w), desk: newDesk()}
	o.adapter = o.another()
	return o
}

// another is one more adapter of the same application, as after a restart.
func (o *office) another() *Adapter { return o.anotherIn(ModeGateway) }

func (o *office) anotherIn(mode string) *Adapter {
	o.t.Helper()
	web := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	o.t.Cleanup(web.CloseIdleConnections)
	a, err := New(Options{
		Desk: o.desk, Mode: mode, PublicKey: o.discord.PublicKey(), APIURL: o.discord.URL(), HTTP: web, Log: slog.New(slog.DiscardHandler),
		Token: bridge.NewSecret(o.discord.Token()), Version: "test", Fallback: func() string { return o.channel },
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return a
}

// runs has the adapter work until the test ends, over the gateway.
func (o *office) runs() {
	o.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var over sync.WaitGroup
	over.Go(func() { _ = o.adapter.Run(ctx) })
	o.stop = func() { stop(); over.Wait() }
	o.t.Cleanup(o.stop)
	until(o.t, "the bridge is connected", func() bool { return o.discord.Connected() > 0 && o.adapter.Connected() })
	o.discord.Until("the commands are there", func() bool { return len(o.discord.Calls("PUT /applications/{app}/commands")) == 1 })
}

// sees waits until somebody's screen has some words, and with "!" has not.
func (o *office) sees(who string, words ...string) {
	o.t.Helper()
	p := o.discord.Person(who)
	for _, w := range words {
		w, not := strings.CutPrefix(w, "!")
		o.discord.Until(fmt.Sprintf("%s sees %q: %t", who, w, !not), func() bool { return strings.Contains(p.Screen(), w) != not })
	}
}

// newDesk knows alice, whom the file names, and bob.
func newDesk() *chattest.Desk {
	d := chattest.NewDesk(channelName, map[bridge.Address]string{
		discordtest.Alice: "alice", discordtest.Bob: "bob", discordtest.Dave: "dave", discordtest.Robot: "robot",
	})
	d.Named = map[bridge.Address]bool{discordtest.Alice: true}
	return d
}
