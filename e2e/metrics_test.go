package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/authbridge/authbridge/api"
)

// measured is what /metrics says: the value of each series of ours, and how
// often something was timed, by the series as it is written.
func (w *world) measured() map[string]float64 {
	w.t.Helper()
	code, header, body := get(w.t, "http://"+w.bridge.at("ops")+"/metrics")
	w.heardAnswer("ops, GET /metrics", code, header, body)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(body)))
	if code != http.StatusOK || err != nil {
		w.t.Fatalf("/metrics: %d, %v: %s", code, err, body)
	}
	reached(w.t, route, "GET /metrics")
	all := map[string]float64{}
	for name, f := range families {
		for _, m := range f.GetMetric() {
			var has []string
			for _, l := range m.GetLabel() {
				has = append(has, l.GetName()+"="+l.GetValue())
			}
			series := strings.TrimSpace(strings.TrimPrefix(name, "authbridge_") + " " + strings.Join(has, " "))
			all[series] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return all
}

// TestTheStoryInMetrics is what an operator sees of one story, and of the
// restart in its middle.
func TestTheStoryInMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	r := w.ask("")
	alice := w.human("alice")
	w.grant(alice, r.ID)
	w.has(map[string]float64{
		"requests_open": 0, "grants_live": 1, "ask_seconds": 1, "click_to_code_seconds": 1, "approval_to_token_seconds": 0,
		"clicks_total channel=web result=done verb=show_code": 1, "polls_total provider=corp verdict=granted": 1,
		"delivery_seconds channel=web": 1,
	})
	w.stop()
	w.restart()
	w.has(map[string]float64{"requests_open": 0, "grants_live": 1, "ask_seconds": 0})
	w.collect(r.ID)
	w.has(map[string]float64{"requests_total outcome=collected provider=corp": 1, "grants_live": 1})

	w.ask(`"session":"other"`)
	w.has(map[string]float64{"requests_open": 1})
	if code, _, _ := get(t, "http://"+w.bridge.at("ops")+"/metrics/"); code != http.StatusNotFound {
		t.Errorf("below /metrics there is something: %d", code)
	}
	w.cli("revoke", w.onlyGrant().ID).wants(t, 0)
	eventually(t, "the provider was told", func() bool { return w.onlyGrant().Revocation == api.RevocationDone })
	w.has(map[string]float64{"grants_live": 0, "revocations_pending": 0})
}

// has fails the test unless the metrics say so; what is not there is 0.
func (w *world) has(want map[string]float64) {
	w.t.Helper()
	got := w.measured()
	for series, n := range want {
		if got[series] != n {
			w.t.Errorf("%s is %v, want %v", series, got[series], n)
		}
	}
}
