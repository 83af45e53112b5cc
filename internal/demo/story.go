package demo

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
)

// line is one line of the story.
type line struct {
	Time    time.Time `json:"time"`
	Event   string    `json:"event"` // a state, "revoked", or "token"
	Text    string    `json:"text"`
	Request string    `json:"request,omitempty"`
	AfterMS *int64    `json:"after_ms,omitempty"` // from the provider's yes to the agent's hand
}

// got is a token in the agent's hand.
type got struct {
	request string
	token   api.Token
	at      time.Time
}

// story tells what happens to the agent's requests and grants, its own and
// those of whoever else calls the socket. One goroutine owns it.
type story struct {
	demo  *Demo
	agent *client.Client

	own   string               // the request of the demo itself
	told  map[string]api.State // of requests: what was told last
	over  map[string]bool      // grants whose end was told
	again bool                 // it was said how to go on
	hand  chan got             // the own request's token
	fault chan error           // why it has none; nil when the request has just ended otherwise
}

func newStory(d *Demo, agent *client.Client) *story {
	return &story{
		demo: d, agent: agent, told: map[string]api.State{}, over: map[string]bool{},
		hand: make(chan got, 1), fault: make(chan error, 1),
	}
}

// tell has the agent ask, and tells what happens until ctx ends. The agent
// asks once changes are being followed, so that none is missed.
func (s *story) tell(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan client.Event)
	lost := make(chan error, 1)
	go func() {
		for e, err := range s.agent.Events(ctx, "") {
			if err != nil {
				lost <- err
				return
			}
			select {
			case events <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case e := <-events:
			if err := s.event(ctx, e); err != nil {
				return err
			}
		case g := <-s.hand:
			s.collected(ctx, g)
		case err := <-s.fault:
			return err
		case err := <-lost:
			return fmt.Errorf("follow what happens: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *story) event(ctx context.Context, e client.Event) error {
	switch {
	case e.Reset && s.own == "":
		return s.ask(ctx)
	case e.Request != nil:
		s.request(ctx, *e.Request)
	case e.Grant != nil:
		s.grant(*e.Grant)
	}
	return nil
}

// ask is what any agent does: it asks, waits, and collects.
func (s *story) ask(ctx context.Context) error {
	r, err := s.agent.Ask(ctx, api.Ask{Provider: "demo", Scopes: []string{scope}, Reason: reason}, client.AskOptions{})
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	s.own = r.ID
	s.request(ctx, r)
	go func() {
		token, err := s.agent.WaitToken(ctx, r.ID, r.Version, nil)
		switch {
		case err == nil:
			s.hand <- got{r.ID, token, time.Now()}
		case client.CodeOf(err) != api.ProblemGone: // that is an end like any other, and is told as one
			s.fault <- fmt.Errorf("wait for the token: %w", err)
		}
	}()
	return nil
}

// request tells how a request stands, if that is news.
func (s *story) request(ctx context.Context, r api.Request) {
	before, known := s.told[r.ID]
	if known && (before == r.State || before.Ended()) {
		return
	}
	s.told[r.ID] = r.State
	switch r.State {
	case api.Asked:
		s.asked(r, known)
	case api.Coded:
		s.say(r.ID, api.Coded, fmt.Sprintf("%s pressed Show code · code lapses in %s", r.Human, inWords(r.CodeExpiresAt)))
	case api.Held: // so short that it is not worth a line
	case api.Granted, api.Collected:
		s.granted(ctx, r, before, known)
	case api.Denied, api.Expired, api.Cancelled, api.Failed:
		s.ended(r)
	}
}

func (s *story) asked(r api.Request, before bool) {
	text := fmt.Sprintf("%s in her inbox · check phrase %s", r.Human, r.CheckPhrase)
	if before {
		text = "the code lapsed; " + string(r.Human) + " can get another"
	}
	s.say(r.ID, api.Asked, text)
}

// granted tells of a yes, and of the collecting, unless it is our own agent
// who collects: that is told when it has the token.
func (s *story) granted(ctx context.Context, r api.Request, before api.State, asked bool) {
	switch {
	case before == api.Granted:
	case asked:
		s.say(r.ID, api.Granted, s.account(ctx, string(r.Grant))+", checked")
	default:
		s.say(r.ID, api.Granted, "at once: what "+string(r.Human)+" gave before still holds, and nobody is asked")
	}
	if r.State == api.Collected && r.ID != s.own {
		_, _ = s.demo.issuer.saidYes()
		s.say(r.ID, api.Collected, "by "+r.Agent)
	}
}

// collected tells of the own request's token, of which a little is shown.
func (s *story) collected(ctx context.Context, g got) {
	if before := s.told[g.request]; before.Open() { // the token was quicker than the news
		s.told[g.request] = api.Collected
		s.say(g.request, api.Granted, cmp.Or(string(g.token.Account), s.account(ctx, g.token.Grant))+", checked")
	}
	l := line{Time: g.at, Event: string(api.Collected), Text: "by demo-agent", Request: g.request}
	if yes, known := s.demo.issuer.saidYes(); known {
		ms := g.at.Sub(yes).Milliseconds()
		l.AfterMS = &ms
		l.Text += fmt.Sprintf(", %d ms after the provider said yes", ms)
	}
	s.print(l)
	s.token(g.token)
	s.goOn(true)
}

func (s *story) token(t api.Token) {
	short := shortened(t.AccessToken)
	if s.demo.options.JSON {
		s.print(line{Time: time.Now(), Event: "token", Text: short})
		return
	}
	fmt.Fprintf(s.demo.options.Out, "token %s (valid %s; the bridge keeps the refresh token)\n", short, inWords(t.ExpiresAt))
}

// shortened is the beginning of a token: of ours, what all of them have in
// common.
func shortened(token string) string {
	return token[:min(10, len(token)/8)] + "…"
}

func (s *story) ended(r api.Request) {
	_, _ = s.demo.issuer.saidYes()
	text := ""
	if o := r.Outcome; o != nil {
		text = fmt.Sprintf("%s: %s", o.Code, o.Message)
	}
	s.say(r.ID, r.State, text)
	s.goOn(false)
}

// goOn says once how to go on.
func (s *story) goOn(got bool) {
	if !s.again {
		s.again = true
		s.demo.again(got)
	}
}

// grant tells that a grant is over, once the provider knows it too.
func (s *story) grant(g api.Grant) {
	if g.State == api.GrantLive || g.Revocation == api.RevocationPending || s.over[g.ID] {
		return
	}
	s.over[g.ID] = true
	text := "what " + string(g.Human) + " gave is over"
	if g.Revocation == api.RevocationDone {
		text += ", and the provider has ended it too"
	}
	s.print(line{Time: time.Now(), Event: string(g.State), Text: text})
}

// account is whose account granted, as the bridge has checked it.
func (s *story) account(ctx context.Context, grant string) string {
	for g, err := range s.agent.Grants(ctx, 0) {
		if err == nil && g.ID == grant {
			return string(g.Account)
		}
	}
	return "her account"
}

func (s *story) say(request string, state api.State, text string) {
	s.print(line{Time: time.Now(), Event: string(state), Text: text, Request: request})
}

func (s *story) print(l line) {
	if s.demo.options.JSON {
		s.demo.json(l)
		return
	}
	fmt.Fprintf(s.demo.options.Out, "%s  %-9s  %s\n", l.Time.Local().Format(time.TimeOnly), l.Event, l.Text)
}

// inWords is how long it is until a time, in whole minutes.
func inWords(until *time.Time) string {
	if until == nil {
		return "for a time that is not known"
	}
	return fmt.Sprintf("%d min", int(time.Until(*until).Round(time.Minute)/time.Minute))
}
