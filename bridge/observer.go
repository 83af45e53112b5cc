package bridge

import "time"

// Observer hears what is worth counting. Each field may be nil. They are called
// outside of all locks and transactions, by many goroutines at once, and must
// not block. What they are given comes from the configuration or from lists in
// this package, never from an agent or a browser: there are only so many
// different values.
type Observer struct {
	// Ended hears of each request that is over, once: the provider by its
	// configured name, and how, an [OutcomeCode] or "collected".
	Ended func(provider, outcome string)
	// Polled hears how each poll was answered, in one of [Verdicts]; "fault"
	// is that nothing was learnt.
	Polled func(provider, verdict string)
	// PolledLate hears how long after it was due each poll went out.
	PolledLate func(by time.Duration)
	// Asked hears how long an ask took until its agent had an answer, a
	// refusal too. That the agent then waits for a human is no part of it.
	Asked func(took time.Duration)
	// Coded hears how long a human waited from the press of a button until
	// their code was stored, and could be shown.
	Coded func(took time.Duration)
	// Released hears how long it took from the provider's yes, as a poll
	// brought it, until the agent had the token.
	Released func(took time.Duration)
	// Shown hears how long it took from the ask until a channel showed its
	// card: a chat took the message, or the human's own page had it.
	Shown func(channel string, took time.Duration)
	// NotDelivered hears of each call to a chat that failed, and what is
	// certain of it: one of [DeliveryFaults].
	NotDelivered func(channel, class string)
	// Clicked hears of each press of a button: a [Verb] or "unknown", and
	// "done", "remark" (there was something to say, mostly that another came
	// first), "refused", "not_found" or "fault".
	Clicked func(channel, verb, result string)
}

// whole is the observer with a function for everything.
func (o Observer) whole() Observer {
	pair, one := func(string, string) {}, func(time.Duration) {}
	for _, f := range []*func(string, string){&o.Ended, &o.Polled, &o.NotDelivered} {
		if *f == nil {
			*f = pair
		}
	}
	for _, f := range []*func(time.Duration){&o.PolledLate, &o.Asked, &o.Coded, &o.Released} {
		if *f == nil {
			*f = one
		}
	}
	if o.Shown == nil {
		o.Shown = func(string, time.Duration) {}
	}
	if o.Clicked == nil {
		o.Clicked = func(string, string, string) {}
	}
	return o
}

// Counts are how much of what there is now, as it was last committed.
type Counts struct {
	RequestsOpen       int // asked, coded or held
	GrantsLive         int // without those that need their human again
	RevocationsPending int // sets of tokens whose provider is still to be told
}

// Counts answers from memory, so it may be asked as often as anybody likes.
// Until Ready it knows only what has changed since the start. A commit whose
// fate was not known is counted with the next one.
func (b *Bridge) Counts() Counts {
	return Counts{
		RequestsOpen:       b.books.open.count(),
		GrantsLive:         b.books.live.count(),
		RevocationsPending: b.books.owed.count(),
	}
}

// Verdicts are the words for how a poll may be answered.
func Verdicts() []string {
	words := verdicts()
	return append(words[:], pollFault)
}

// pollFault is the word for a poll that told nothing.
const pollFault = "fault"

// String is the verdict in a word. It allocates nothing: each poll has one.
func (v Verdict) String() string { return verdicts()[v] }

func verdicts() [7]string {
	return [...]string{
		PollPending: "pending", PollSlowDown: "slow_down", PollGranted: "granted", PollDenied: "denied",
		PollLapsed: "lapsed", PollLost: "lost", PollFailed: "failed",
	}
}

// DeliveryFaults are the words for what is certain of a call that brought no
// card.
func DeliveryFaults() []string {
	return []string{
		unknown: "unknown", notSent: "not_sent", limited: "limited", refused: "refused",
		closedPerson: "person_closed", closedPlace: "place_closed", removed: "removed", ourFault: "invalid",
	}
}

func (c certainty) String() string { return DeliveryFaults()[c] }
