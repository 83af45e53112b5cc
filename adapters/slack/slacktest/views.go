package slacktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// triggerLife is how long a trigger may be exchanged for a view.
const triggerLife = 3 * time.Second

// maxView is the longest view, in bytes.
const maxView = 250_000

// trigger is the leave to show something to who did something. It is good
// once.
type trigger struct {
	user string
	at   time.Time
	used bool
}

// newTrigger gives out a trigger for something that somebody did. It needs
// the lock.
func (s *Slack) newTrigger(user string) string {
	id := fmt.Sprintf("%d.%s", s.next(), hexes(16))
	s.triggers[id] = &trigger{user: user, at: s.now()}
	return id
}

// view is a modal or a Home tab.
type view struct {
	id     string
	user   string
	home   bool
	hash   string
	body   block             // as it was sent
	blocks []block           // those of body, each with an id
	typed  map[string]string // what was typed, by block_id
	errors map[string]string // what the app found wrong with it, by block_id
	closed bool
}

// payload is the view as Slack tells of it.
func (v *view) payload(w *World) map[string]any {
	values := map[string]any{}
	for _, b := range v.blocks {
		if b.str("type") != "input" {
			continue
		}
		e := b.obj("element")
		value := any(nil)
		if typed := v.typed[b.str("block_id")]; typed != "" {
			value = typed
		}
		values[b.str("block_id")] = map[string]any{
			e.str("action_id"): map[string]any{"type": e.str("type"), "value": value},
		}
	}
	p := map[string]any{
		"id": v.id, "team_id": w.Team.ID, "app_id": w.App.ID, "bot_id": w.App.Bot, "app_installed_team_id": w.Team.ID,
		"hash": v.hash, "state": map[string]any{"values": values}, "root_view_id": v.id, "previous_view_id": nil,
		"private_metadata": "", "callback_id": "", "external_id": "", "clear_on_close": false, "notify_on_close": false,
		"title": nil, "submit": nil, "close": nil,
	}
	maps.Copy(p, v.body)
	p["blocks"] = v.blocks
	return p
}

// provideViews adds the methods of views.
func (s *Slack) provideViews() {
	s.provide("views.open", method{
		kind: botToken, rate: tier4,
		args: []string{"trigger_id", "view"}, needs: []string{"trigger_id", "view"}, do: (*call).openView,
	})
	s.provide("views.update", method{
		kind: botToken, rate: tier4,
		args: []string{"view_id", "external_id", "view", "hash"}, needs: []string{"view"}, do: (*call).updateView,
	})
	s.provide("views.publish", method{
		kind: botToken, rate: tier4,
		args: []string{"user_id", "view", "hash"}, needs: []string{"user_id", "view"}, do: (*call).publishView,
	})
}

func (c *call) openView() (answer, error) {
	body, err := parseModal(c.arg("view"))
	if err != nil {
		return nil, err
	}
	t := c.triggers[c.arg("trigger_id")]
	switch {
	case t == nil:
		return nil, wrong("invalid_trigger_id", "nobody gave out that trigger")
	case t.used:
		return nil, wrong("exchanged_trigger_id", "a trigger is good once")
	case c.now().Sub(t.at) > triggerLife:
		return nil, refuse("expired_trigger_id")
	}
	if err := c.freeExternalID(body, nil); err != nil {
		return nil, err
	}
	t.used = true
	if open := c.modal(t.user); open != nil {
		open.closed = true
	}
	v := &view{id: fmt.Sprintf("V0%06d", c.next()), user: t.user, typed: map[string]string{}}
	c.views = append(c.views, v)
	c.show(v, body)
	return answer{"view": v.payload(&c.world)}, nil
}

func (c *call) updateView() (answer, error) {
	body, err := parseModal(c.arg("view"))
	if err != nil {
		return nil, err
	}
	if c.arg("view_id") == "" && c.arg("external_id") == "" {
		return nil, wrong("invalid_arguments", "neither a view_id nor an external_id")
	}
	v := c.openModal(c.arg("view_id"), c.arg("external_id"))
	if v == nil {
		return nil, refuse("not_found")
	}
	if err := c.freeExternalID(body, v); err != nil {
		return nil, err
	}
	return c.replace(v, body)
}

func (c *call) publishView() (answer, error) {
	body, err := parseView(c.arg("view"))
	if err == nil && body.str("type") != "home" {
		err = wrong("invalid_arguments", "only Home is published")
	}
	if err != nil {
		return nil, err
	}
	u := c.world.Person(c.arg("user_id"))
	switch {
	case u == nil:
		return nil, wrong("invalid_arguments", "there is no such person")
	case c.world.App.NoHomeTab:
		return nil, refuse("not_enabled")
	}
	v := c.home(u.ID)
	if v == nil {
		v = &view{id: fmt.Sprintf("V0%06d", c.next()), user: u.ID, home: true}
		c.views = append(c.views, v)
		c.show(v, body)
		return answer{"view": v.payload(&c.world)}, nil
	}
	return c.replace(v, body)
}

// replace shows another body in a view that is still what the app thinks.
func (c *call) replace(v *view, body block) (answer, error) {
	if hash := c.arg("hash"); hash != "" && hash != v.hash {
		return nil, refuse("hash_conflict")
	}
	c.show(v, body)
	return answer{"view": v.payload(&c.world)}, nil
}

// show gives a view its body. It needs the lock.
func (s *Slack) show(v *view, body block) {
	v.body, v.blocks, v.errors = body, s.identify(body.list("blocks")), nil
	v.hash = fmt.Sprintf("%d.%s", s.now().Unix(), hexes(4))
}

// modal is what somebody has open, or nil. It needs the lock.
func (s *Slack) modal(user string) *view {
	for _, v := range s.views {
		if v.user == user && !v.home && !v.closed {
			return v
		}
	}
	return nil
}

// home is what was published for somebody, or nil. It needs the lock.
func (s *Slack) home(user string) *view {
	for _, v := range s.views {
		if v.user == user && v.home {
			return v
		}
	}
	return nil
}

// openModal finds a modal by one of its ids. It needs the lock.
func (s *Slack) openModal(id, external string) *view {
	for _, v := range s.views {
		if v.home || v.closed {
			continue
		}
		if v.id == id || external != "" && v.body.str("external_id") == external {
			return v
		}
	}
	return nil
}

// freeExternalID demands that no other view that is open has the id.
func (c *call) freeExternalID(body block, self *view) error {
	external := body.str("external_id")
	if external == "" {
		return nil
	}
	if v := c.openModal("", external); v != nil && v != self {
		return refuse("duplicate_external_id")
	}
	return nil
}

// parseModal reads and checks a view that is a modal.
func parseModal(text string) (block, error) {
	body, err := parseView(text)
	if err == nil && body.str("type") != "modal" {
		err = wrong("invalid_arguments", "Home is published, not opened")
	}
	return body, err
}

// parseView reads and checks a view.
func parseView(text string) (block, error) {
	if len(text) > maxView {
		return nil, wrong("view_too_large", "more than 250 kB")
	}
	var v block
	if json.Unmarshal([]byte(text), &v) != nil {
		return nil, wrong("invalid_arguments", "the view is no object")
	}
	k := checker{where: surface(v.str("type"))}
	k.view(v)
	if len(k.found) > 0 {
		return nil, wrong("invalid_arguments", k.found[0])
	}
	return v, nil
}

func (k *checker) view(v block) {
	const at = "/view"
	k.chars(v, "private_metadata", at, 3000)
	k.chars(v, "callback_id", at, 255)
	k.chars(v, "external_id", at, 255)
	switch k.where {
	case inModal:
		k.only(v, at, "blocks", "private_metadata", "callback_id", "external_id", "title", "submit", "close", "clear_on_close", "notify_on_close")
		k.text(v, "title", at, plain(24))
		k.optional(v, "submit", at, plain(24))
		k.optional(v, "close", at, plain(24))
	case inHome:
		k.only(v, at, "blocks", "private_metadata", "callback_id", "external_id")
	default:
		k.fail(at, "no view of the type %q", k.where)
	}
	if _, isList := v["blocks"].([]any); !isList {
		k.fail(at, "blocks are no list")
	}
	blocks := v.list("blocks")
	k.blocks(blocks)
	for _, b := range blocks {
		if b.str("type") == "input" && v["submit"] == nil {
			k.fail(at+"/submit", "a modal with an input has a submit")
		}
	}
}
