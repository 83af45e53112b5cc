package daemon

import (
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
)

// metrics are what the bridge tells those who watch over it. Their labels hold
// names of the configuration and words of fixed lists: nobody who calls the
// bridge can make a new one, and no human or agent is named.
type metrics struct {
	registry *prometheus.Registry
	log      *slog.Logger

	requests, polls, clicks, failures *prometheus.CounterVec
	lateness, code, token, ask        prometheus.Histogram
	delivery                          *prometheus.HistogramVec
}

// newMetrics makes metrics of which nothing has happened yet.
func newMetrics(log *slog.Logger) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(), log: log,
		requests: counters("requests_total", "Requests that are over, by provider and by how they ended: collected, or an outcome code.", "provider", "outcome"),
		polls:    counters("polls_total", "Polls for a token, by provider and by its answer; fault means that nothing was learnt.", "provider", "verdict"),
		clicks:   counters("clicks_total", "Presses of buttons by humans, by where, which button, and what came of it.", "channel", "verb", "result"),
		failures: counters("delivery_failures_total", "Calls to a chat that brought no card, by what is certain of them.", "channel", "class"),
		ask:      prometheus.NewHistogram(timing("ask_seconds", "From an agent's ask until its answer, without any wait for a human.", upTo(5))),
		lateness: prometheus.NewHistogram(timing("poll_lateness_seconds", "How long after it was due a poll went out.", upTo(60))),
		code:     prometheus.NewHistogram(timing("click_to_code_seconds", "From a human's press until their code was there to be shown.", upTo(30))),
		token:    prometheus.NewHistogram(timing("approval_to_token_seconds", "From the provider's yes to a poll until the agent had the token; an agent that comes late makes it long.", upTo(3600))),
		delivery: prometheus.NewHistogramVec(timing("delivery_seconds", "From an ask until its card was shown: the chat had taken it, or the human's inbox had been opened.", upTo(86400)[8:]), []string{"channel"}),
	}
	m.registry.MustRegister(
		m.requests, m.polls, m.clicks, m.failures, m.lateness, m.code, m.token, m.ask, m.delivery,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

const namespace = "authbridge"

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func timing(name, help string, buckets []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}
}

// upTo are buckets from a millisecond to so many seconds: close together
// where machines answer, and far apart where people do.
func upTo(most float64) []float64 {
	all := []float64{
		.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60,
		300, 900, 3600, 4 * 3600, 12 * 3600, 86400,
	}
	n := 0
	for n < len(all) && all[n] <= most {
		n++
	}
	return all[:n]
}

// observer is what the bridge calls.
func (m *metrics) observer() bridge.Observer {
	in := func(h prometheus.Observer) func(time.Duration) {
		return func(took time.Duration) { h.Observe(took.Seconds()) }
	}
	return bridge.Observer{
		Ended:        func(provider, outcome string) { m.requests.WithLabelValues(provider, outcome).Inc() },
		Polled:       func(provider, verdict string) { m.polls.WithLabelValues(provider, verdict).Inc() },
		PolledLate:   in(m.lateness),
		Asked:        in(m.ask),
		Coded:        in(m.code),
		Released:     in(m.token),
		Shown:        func(channel string, took time.Duration) { in(m.delivery.WithLabelValues(channel))(took) },
		NotDelivered: func(channel, class string) { m.failures.WithLabelValues(channel, class).Inc() },
		Clicked:      func(channel, verb, result string) { m.clicks.WithLabelValues(channel, verb, result).Inc() },
	}
}

// know makes the series of these providers, at nought: what is not there before
// the first time would not be seen to grow by it.
func (m *metrics) know(providers map[string]config.Provider) {
	for name := range providers {
		m.requests.WithLabelValues(name, string(bridge.Collected))
		for _, outcome := range bridge.Outcomes() {
			m.requests.WithLabelValues(name, string(outcome))
		}
		for _, verdict := range bridge.Verdicts() {
			m.polls.WithLabelValues(name, verdict)
		}
	}
}

// watch adds what is read from the bridge itself at each look. Until it is
// ready nobody knows, and a zero would be taken for one.
func (m *metrics) watch(ready <-chan struct{}, counts func() bridge.Counts) {
	gauge := func(name, help string, of func(bridge.Counts) int) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help},
			func() float64 {
				select {
				case <-ready:
					return float64(of(counts()))
				default:
					return math.NaN()
				}
			},
		))
	}
	gauge("requests_open", "Requests for which a human or a provider has the next word.", func(c bridge.Counts) int { return c.RequestsOpen })
	gauge("grants_live", "Grants that can serve an agent; those that need their human again are not counted.", func(c bridge.Counts) int { return c.GrantsLive })
	gauge("revocations_pending", "Sets of tokens whose provider is still to be told that they are over.", func(c bridge.Counts) int { return c.RevocationsPending })
}

// connectable is a messenger that holds a connection of its own to its
// platform.
type connectable interface {
	// Connected reports whether the platform can reach the bridge now. It
	// answers from memory.
	Connected() bool
}

// watchChats makes the series of these chats, and adds whether each that has a
// connection is there.
func (m *metrics) watchChats(chats map[string]bridge.Messenger) {
	for channel, chat := range chats {
		for _, fault := range bridge.DeliveryFaults() {
			m.failures.WithLabelValues(channel, fault)
		}
		line, ok := chat.(connectable)
		if !ok {
			continue
		}
		m.registry.MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{
				Namespace: namespace, Name: "chat_connected", ConstLabels: prometheus.Labels{"channel": channel},
				Help: "Whether the chat is connected: 1, or 0.",
			},
			func() float64 {
				if line.Connected() {
					return 1
				}
				return 0
			},
		))
	}
}

// ServeHTTP answers a scrape, in Prometheus' text format.
func (m *metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	families, err := m.registry.Gather()
	if err != nil {
		m.log.Error("gather metrics", "err", err)
		say(w, http.StatusInternalServerError, "the metrics could not be gathered; the log says why")
		return
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	w.Header().Set("Content-Type", string(format))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	text := expfmt.NewEncoder(w, format)
	for _, family := range families {
		if err := text.Encode(family); err != nil {
			return // whoever asked has gone
		}
	}
}
