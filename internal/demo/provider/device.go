package provider

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// slowDownStep is what an early poll adds to the interval of its code, for
// good (RFC 8628 section 3.5).
const slowDownStep = 5 * time.Second

// keepLapsed is how long a lapsed code is remembered, so that its late polls
// are told expired_token and not invalid_grant.
const keepLapsed = time.Hour

var (
	errUnknownCode = errors.New("no such user code")
	errLapsedCode  = errors.New("this user code has lapsed")
	errDecidedCode = errors.New("this user code has been decided on")
)

// decision is what the person has said about a code, and whether the device
// has made use of it.
type decision int

const (
	undecided decision = iota
	refused
	allowed
	consumed
)

// authorization is one device code, from the asking to the token.
type authorization struct {
	client     string
	deviceCode string
	userCode   string
	scopes     []string
	expires    time.Time
	interval   time.Duration
	lastPoll   time.Time

	decision decision
	subject  string
	signedIn time.Time
}

// poll answers a poll that arrives now: nil once and only once, when the code
// is allowed, which consumes it; else the error that the device is to see.
func (a *authorization) poll(now time.Time) error {
	early := !a.lastPoll.IsZero() && now.Sub(a.lastPoll) < a.interval
	a.lastPoll = now
	switch {
	case a.decision == consumed:
		return oidc.ErrInvalidGrant().WithDescription("this device code has been used")
	case !now.Before(a.expires):
		return oidc.ErrExpiredDeviceCode()
	case early:
		a.interval += slowDownStep
		return oidc.ErrSlowDown()
	case a.decision == refused:
		return oidc.ErrAccessDenied()
	case a.decision == undecided:
		return oidc.ErrAuthorizationPending()
	}
	a.decision = consumed
	return nil
}

// open reports why nobody can decide on this code at the given time, or nil.
func (a *authorization) open(now time.Time) error {
	switch {
	case a.decision != undecided:
		return errDecidedCode
	case !now.Before(a.expires):
		return errLapsedCode
	}
	return nil
}

// state is the authorization as package op wants it for making tokens.
func (a *authorization) state() *op.DeviceAuthorizationState {
	return &op.DeviceAuthorizationState{
		ClientID: a.client,
		Audience: []string{a.client},
		Scopes:   slices.Clone(a.scopes),
		Expires:  a.expires,
		Done:     a.decision == allowed || a.decision == consumed,
		Denied:   a.decision == refused,
		Subject:  a.subject,
		AMR:      []string{"pwd"},
		AuthTime: a.signedIn,
	}
}

// codes holds all authorizations. Every question and every change is one step
// under its lock: two polls at once cannot both find a code unused.
type codes struct {
	watch    watcher
	interval time.Duration

	mu       sync.Mutex
	byDevice map[string]*authorization
	byUser   map[string]*authorization
}

func newCodes(w watcher, interval time.Duration) *codes {
	return &codes{
		watch:    w,
		interval: interval,
		byDevice: map[string]*authorization{},
		byUser:   map[string]*authorization{},
	}
}

// add stores a new authorization; a user code that is still remembered is
// [op.ErrDuplicateUserCode].
func (c *codes) add(a authorization) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetLapsed(time.Now())
	if c.byUser[normalCode(a.userCode)] != nil {
		return op.ErrDuplicateUserCode
	}
	a.interval = c.interval
	c.byDevice[a.deviceCode] = &a
	c.byUser[normalCode(a.userCode)] = &a
	c.watch.see(Entry{Kind: KindDeviceAuthorization, Client: a.client, UserCode: a.userCode})
	return nil
}

func (c *codes) forgetLapsed(now time.Time) {
	for deviceCode, a := range c.byDevice {
		if now.Sub(a.expires) > keepLapsed {
			delete(c.byDevice, deviceCode)
			delete(c.byUser, normalCode(a.userCode))
		}
	}
}

// poll answers a poll of client for deviceCode. A nil error hands the code
// over: the caller makes tokens of it, and nobody gets it again. Another
// client's code is as good as none, and its clock is not touched.
func (c *codes) poll(client, deviceCode string) (authorization, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.byDevice[deviceCode]
	if a == nil || a.client != client {
		c.watch.see(Entry{Kind: KindPoll, Client: client, Fault: string(oidc.InvalidGrant)})
		return authorization{}, oidc.ErrInvalidGrant().WithDescription("no such device code")
	}
	err := a.poll(time.Now())
	e := Entry{Kind: KindPoll, Client: client, UserCode: a.userCode, Subject: a.subject, Fault: faultOf(err)}
	if errors.Is(err, oidc.ErrSlowDown()) {
		e.Kind = KindEarlyPoll
	}
	c.watch.see(e)
	return *a, err
}

// find returns the authorization that a person may decide on by userCode, or
// errUnknownCode, errLapsedCode or errDecidedCode.
func (c *codes) find(userCode string) (authorization, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.byUser[normalCode(userCode)]
	if a == nil {
		return authorization{}, errUnknownCode
	}
	return *a, a.open(time.Now())
}

// decide writes down what the person said; the first word counts. Errors are
// those of find.
func (c *codes) decide(deviceCode, subject string, signedIn time.Time, allow bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.byDevice[deviceCode]
	if a == nil {
		return errLapsedCode
	}
	if err := a.open(time.Now()); err != nil {
		return err
	}
	kind := KindRefusal
	a.decision = refused
	if allow {
		kind = KindConsent
		a.decision = allowed
	}
	a.subject, a.signedIn = subject, signedIn
	c.watch.see(Entry{Kind: kind, Client: a.client, UserCode: a.userCode, Subject: subject})
	return nil
}

// normalCode is what is left of a user code when people have typed it in their
// own way (RFC 8628 section 6.1): capital letters and digits.
func normalCode(code string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToUpper(code))
}

// faultOf is the OAuth error code in err, empty for nil.
func faultOf(err error) string {
	if err == nil {
		return ""
	}
	return string(oidc.DefaultToServerError(err, "").ErrorType)
}
