package e2e

import (
	"regexp"
	"strings"
)

// chat is a world whose people are reached in a chat, too: in a strict stand-in
// for one, where what the platform would refuse fails the test.
type chat struct {
	*world
	until func(what string, holds func() bool) // looks again whenever something changed there
}

// screen is somebody in front of a chat.
type screen interface{ Screen() string }

// sees waits until somebody's screen has some words.
func (c *chat) sees(p screen, words ...string) {
	c.t.Helper()
	for _, w := range words {
		c.until("somebody sees "+w, func() bool { return strings.Contains(p.Screen(), w) })
	}
}

var shownCode = regexp.MustCompile(`\b[A-Z]{4}-[A-Z]{4}\b`)

// code waits until somebody sees a code, which no screen had before it.
func (c *chat) code(p screen) string {
	c.t.Helper()
	c.until("a code is shown", func() bool { return shownCode.MatchString(p.Screen()) })
	return c.secret(shownCode.FindString(p.Screen()), userCode)
}

// openLabel is what the button says that leads to the provider.
func (c *chat) openLabel() string {
	return "Open " + strings.TrimPrefix(c.provider.Issuer(), "http://")
}

// allowsAt is somebody who follows Open, and allows, in a real browser.
func (c *chat) allowsAt(at, login string) {
	c.t.Helper()
	page := newTab(c.t)
	page.open(at)
	page.signIn(login)
	page.click("button", "Allow")
	page.sees("You are done")
}
