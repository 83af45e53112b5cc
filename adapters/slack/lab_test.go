package slack

import (
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/chat/chattest"
	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

// The suites that every chat's adapter passes, in Slack.

func TestSuiteCards(t *testing.T)    { t.Parallel(); chattest.RunCards(t, newLab) }
func TestSuitePeople(t *testing.T)   { t.Parallel(); chattest.RunPeople(t, newLab) }
func TestSuiteFailures(t *testing.T) { t.Parallel(); chattest.RunFailures(t, newLab) }

// lab is an office whose adapter runs, as the suites need it.
type lab struct{ *office }

func newLab(t *testing.T) chattest.Lab {
	t.Helper()
	o := live(t, ModeSocket)
	o.desk.Alter(func(d *chattest.Desk) { delete(d.People, carol) })
	return lab{o}
}

func (l lab) Adapter() bridge.Messenger { return l.adapter }
func (l lab) Desk() *chattest.Desk      { return l.desk }

func (l lab) Places() chattest.Places {
	return chattest.Places{Alice: alice, Bob: bob, Carol: carol, Outsider: dave, Channel: deploys}
}

func (l lab) Person(who bridge.Address) chattest.Person {
	return labPerson{Person: l.slack.Person(string(who)), slack: l.slack, id: string(who)}
}

func (l lab) Until(what string, holds func() bool) { until(l.t, what, holds) }

func (l lab) Fail(how chattest.Fault) {
	l.slack.Fail(methodPost, 1, map[chattest.Fault]slacktest.Fault{
		chattest.Limited:     {Limited: 7},
		chattest.LostAnswer:  {Committed: true, Reset: true},
		chattest.BrokenAfter: {Committed: true, Status: 500},
		chattest.NoAnswer:    {Committed: true, Delay: time.Minute},
	}[how])
}

func (l lab) Posts() int { return len(l.slack.Calls(methodPost)) }

func (l lab) CloseMessages(who bridge.Address) {
	l.slack.Change(func(w *slacktest.World) { w.Person(string(who)).NoPost = "cannot_dm_bot" })
}

func (l lab) LeaveChannel() {
	l.slack.Change(func(w *slacktest.World) { w.Channel(deploys).Members = w.Channel(deploys).Members[1:] })
}

func (l lab) TakeBack() {
	l.slack.Change(func(w *slacktest.World) { w.App.Refuse = "token_revoked" })
	l.slack.Tolerate("token_revoked")
}

func (l lab) Refused() string {
	if h := l.adapter.Health(); h.State == chat.Refused {
		return h.Why
	}
	return ""
}

func (l lab) Secrets() []string                { return []string{l.slack.BotToken(), l.slack.AppToken()} }
func (l lab) Leaks(secrets ...string) []string { return l.slack.Leaks(secrets...) }

// labPerson is somebody in front of Slack, as the suites know people.
type labPerson struct {
	*slacktest.Person

	slack *slacktest.Slack
	id    string
}

func (p labPerson) Pushes() []string { return p.slack.Pushes(p.id) }

func (p labPerson) Loud() []string {
	r := p.Reading()
	loud := append(append([]string{}, r.Mentions...), r.Emoji...)
	for _, l := range r.Links {
		loud = append(loud, l.URL)
	}
	return loud
}

func (p labPerson) Press(label string) { p.PressIn("", label) }

func (p labPerson) PressIn(words, label string) {
	p.slack.Until(p.id+" sees the button "+label, func() bool { return p.Sees(label) && strings.Contains(p.Screen(), words) })
	p.Person.PressIn(words, label).Acked()
}

func (p labPerson) Enter(typed string) {
	p.Type("Digits the agent shows", typed)
	p.Submit().Acked()
}

func (p labPerson) Command(name, argument string) {
	p.CommandIn(deploys, strings.TrimSpace("/authbridge "+name+" "+argument)).Acked()
}
