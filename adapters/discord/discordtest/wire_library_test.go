package discordtest

import (
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"
)

// to sends everything that is meant for Discord to its stand-in.
type to struct {
	base string
	http.Transport
}

func (r *to) RoundTrip(req *http.Request) (*http.Response, error) {
	there, err := url.Parse(r.base)
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host, req.Host = there.Scheme, there.Host, there.Host
	return r.Transport.RoundTrip(req)
}

// library is a session of a library that many apps are made with.
func library(t *testing.T, c caller) *discordgo.Session {
	t.Helper()
	s, err := discordgo.New("Bot " + c.s.Token())
	if err != nil {
		t.Fatal(err)
	}
	s.Client = &http.Client{Timeout: 5 * time.Second, Transport: &to{base: c.s.URL(), Transport: http.Transport{DisableKeepAlives: true}}}
	s.Identify.Intents, s.StateEnabled, s.ShouldReconnectOnError, s.MaxRestRetries = 0, false, false, 0
	return s
}

// TestALibraryIsAtHome has a library that was written against Discord connect,
// take what somebody does, and answer it in every way.
func TestALibraryIsAtHome(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	s, came := library(t, c), make(chan *discordgo.InteractionCreate, 1)
	s.AddHandler(func(_ *discordgo.Session, i *discordgo.InteractionCreate) { came <- i })
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	c.card(Deploys, "Press")
	bob := c.s.Person(Bob)
	bob.Press("Press")
	i := next(t, came)
	if i.Member.User.ID != Bob || i.Member.Roles[0] != OnCall || i.GuildID != Acme || i.MessageComponentData().CustomID != "Press" || i.Message.Content != "a card" {
		t.Errorf("it reads %+v", i.Interaction)
	}
	answered(t, s.InteractionRespond(i.Interaction, &discordgo.InteractionResponse{
		Type: discordgo.InteractionResponseDeferredChannelMessageWithSource, Data: &discordgo.InteractionResponseData{Flags: discordgo.MessageFlagsEphemeral},
	}))
	text := "the answer"
	_, err := s.InteractionResponseEdit(i.Interaction, &discordgo.WebhookEdit{Content: &text})
	answered(t, err)
	_, err = s.FollowupMessageCreate(i.Interaction, true, &discordgo.WebhookParams{Content: "more", Flags: discordgo.MessageFlagsEphemeral})
	answered(t, err)
	if got := bob.Screen(); !strings.Contains(got, "only you can see this (edited)\nthe answer") || !strings.Contains(got, "only you can see this\nmore") {
		t.Errorf("bob sees\n%s", got)
	}

	bob.Press("Press")
	i = next(t, came)
	answered(t, s.InteractionRespond(i.Interaction, &discordgo.InteractionResponse{
		Type: discordgo.InteractionResponseModal, Data: &discordgo.InteractionResponseData{
			CustomID: "m1", Title: "The digits", Components: []discordgo.MessageComponent{discordgo.ActionsRow{Components: []discordgo.MessageComponent{
				discordgo.TextInput{CustomID: "d", Label: "Digits", Style: discordgo.TextInputShort, MinLength: 4, MaxLength: 4},
			}}},
		},
	}))
	bob.Type("Digits", "4711")
	bob.Submit()
	i = next(t, came)
	rows := i.ModalSubmitData().Components
	if input := rows[0].(*discordgo.ActionsRow).Components[0].(*discordgo.TextInput); input.Value != "4711" || input.CustomID != "d" {
		t.Errorf("it reads %+v", input)
	}
	answered(t, s.InteractionRespond(i.Interaction, &discordgo.InteractionResponse{Type: discordgo.InteractionResponseDeferredMessageUpdate}))
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	c.s.Until("it is gone", func() bool { return c.s.Connected() == 0 })
}

func next(t *testing.T, came <-chan *discordgo.InteractionCreate) *discordgo.InteractionCreate {
	t.Helper()
	select {
	case i := <-came:
		return i
	case <-time.After(5 * time.Second):
		t.Fatal("nothing came")
		return nil
	}
}

func answered(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// TestALibraryVerifiesTheCalls: the signatures are those that others check.
func TestALibraryVerifiesTheCalls(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	key := c.s.key.Public().(ed25519.PublicKey)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !discordgo.VerifyInteraction(r, key) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var i struct{ Type int }
		_ = json.NewDecoder(r.Body).Decode(&i) // what is none is no ping
		w.Header().Set("Content-Type", "application/json")
		if i.Type == aPing {
			_, _ = io.WriteString(w, `{"type":1}`)
			return
		}
		_, _ = io.WriteString(w, `{"type":4,"data":{"content":"hello","flags":64}}`)
	}))
	t.Cleanup(srv.Close)
	c.s.RequestsTo(srv.URL)
	c.card(Deploys, "Press")
	alice := c.s.Person(Alice)
	alice.Press("Press")
	c.s.Until("alice is answered", func() bool { return strings.Contains(alice.Screen(), "hello") })
}
