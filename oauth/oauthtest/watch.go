package oauthtest

// Stage is how far a call has come at the issuer.
type Stage int

// The stages of a call. A [Fault] that answers in place of the endpoint is
// seen as it arrives, and no further.
const (
	Arrived Stage = iota // nothing is done yet
	Decided              // its work is done; nothing of the answer is sent
	Sent                 // all of the answer has been handed to the connection
)

// Step tells how far one call has come.
type Step struct {
	Stage  Stage
	Call   Call
	Status int            // of the answer; 0 as long as there is none
	Answer map[string]any // its members, which can be changed until they are sent; nil if it has none
}

// Watch has every step of every call told, before the call goes on: who does
// not return holds it up. The calls of several connections tell theirs at the
// same time. It is set once, before the first call.
func (i *Issuer) Watch(watch func(Step)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.watch = watch
}

func (i *Issuer) tell(s Step) {
	i.mu.Lock()
	watch := i.watch
	i.mu.Unlock()
	if watch != nil {
		watch(s)
	}
}

// SlowDown has the next poll of a live code answered with slow_down, though
// it is not early, and the wait between polls made longer for good.
func (i *Issuer) SlowDown(userCode string) error {
	return i.decide(userCode, func(c *code) { c.slow = true })
}

// TooEarly is the description of a slow_down that a poll has earned by coming
// before its time.
const TooEarly = "too early"
