package daemon

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/config"
)

var update = flag.Bool("update", false, "write testdata/metrics.golden anew")

// line is a chat that says whether it is connected.
type line struct {
	bridge.Messenger
	up bool
}

func (l line) Connected() bool { return l.up }

// everything are metrics of which each has happened.
func everything() *metrics {
	m := newMetrics(quiet())
	ready := make(chan struct{})
	close(ready)
	m.watch(ready, func() bridge.Counts { return bridge.Counts{RequestsOpen: 3, GrantsLive: 2, RevocationsPending: 1} })
	m.watchChats(map[string]bridge.Messenger{"slack": line{up: true}, "discord": line{}, "web": nil})
	m.know(map[string]config.Provider{"corp": {}})
	o := m.observer()
	o.Ended("corp", "collected")
	o.Polled("corp", "pending")
	o.Clicked("web", "show_code", "done")
	o.NotDelivered("slack", "limited")
	o.Shown("web", time.Minute)
	for _, took := range []func(time.Duration){o.PolledLate, o.Asked, o.Coded, o.Released} {
		took(time.Millisecond)
	}
	return m
}

// What dashboards and alerts are made of stays as it is: the contract names
// it.
func TestNamesOfMetrics(t *testing.T) {
	families, err := everything().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), namespace+"_") {
			continue
		}
		fmt.Fprintf(&b, "%s %s %v\n\t%s\n", f.GetName(), strings.ToLower(f.GetType().String()), labels(f), f.GetHelp())
		if h := f.GetMetric()[0].GetHistogram(); h != nil {
			fmt.Fprintf(&b, "\tup to")
			for _, bucket := range h.GetBucket() {
				fmt.Fprintf(&b, " %v", bucket.GetUpperBound())
			}
			fmt.Fprintln(&b)
		}
	}
	const golden = "testdata/metrics.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the metrics are others now; if that is meant, run this test with -update:\n%s", diff)
	}
}

func labels(f *dto.MetricFamily) []string {
	names := []string{}
	for _, l := range f.GetMetric()[0].GetLabel() {
		names = append(names, l.GetName())
	}
	return names
}

func TestMetricsAreWrittenAsPrometheusWants(t *testing.T) {
	problems, err := testutil.GatherAndLint(everything().registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// scrape reads /metrics as Prometheus does.
func (d *Daemon) scrape(t testing.TB) map[string]*dto.MetricFamily {
	t.Helper()
	w := httptest.NewRecorder()
	d.ops().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Fatalf("it says %d, %v: %s", w.Code, w.Header(), w.Body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// told is what a metric with these values of its labels, in order, says; of a
// histogram, how often.
func told(families map[string]*dto.MetricFamily, name string, values ...string) float64 {
	for _, m := range families["authbridge_"+name].GetMetric() {
		has := []string{}
		for _, l := range m.GetLabel() {
			has = append(has, l.GetValue())
		}
		if slices.Equal(has, append([]string{}, values...)) {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return 0
}

// expect fails the test unless the metrics say so, by name and values of
// labels.
func (d *Daemon) expect(t testing.TB, want map[string]float64) {
	t.Helper()
	families := d.scrape(t)
	for text, n := range want {
		words := strings.Fields(text)
		if got := told(families, words[0], words[1:]...); got != n {
			t.Errorf("%s is %v, want %v", text, got, n)
		}
	}
}

// A story from the ask to the token is told in numbers, and a restart forgets
// none that is still true.
func TestAStoryInNumbers(t *testing.T) {
	dir, provider := home(t), corp()
	text := strings.Replace(helper, "reuse: 0s", "reuse: 8h", 1)
	h := open(t, configured(t, dir, text), provider)
	first, second, third := h.ask("first"), h.ask("second"), h.ask("third")
	h.expect(t, map[string]float64{"requests_open": 3, "grants_live": 0, "ask_seconds": 3})

	h.press(first.ID, bridge.VerbShowCode)
	h.until(first.ID, api.Coded)
	ctx, cancel := context.WithTimeout(t.Context(), tooLong)
	defer cancel()
	for ctx.Err() == nil && told(h.scrape(t), "click_to_code_seconds") == 0 {
		runtime.Gosched() // it is counted once the code is there
	}
	h.expect(t, map[string]float64{"requests_open": 3, "click_to_code_seconds": 1, "clicks_total web done show_code": 1})
	inbox, err := h.bridge.Inbox(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(inbox.Waiting, func(c bridge.Card) bool { return c.Code != nil })
	provider.ApproveCode(inbox.Waiting[i].Code.UserCode.Reveal(), bridgetest.Alice)
	if _, err := h.agent.WaitToken(t.Context(), first.ID, 0, nil); err != nil {
		t.Fatal(err)
	}
	h.press(second.ID, bridge.VerbDeny)
	h.press(second.ID, bridge.VerbDeny)
	h.expect(t, map[string]float64{
		"requests_open": 1, "grants_live": 1, "approval_to_token_seconds": 1,
		"requests_total collected corp": 1, "requests_total denied corp": 1,
		"polls_total corp granted": 1, "clicks_total web done deny": 1, "clicks_total web remark deny": 1,
	})
	h.stop()

	h = open(t, configured(t, dir, text), provider)
	h.expect(t, map[string]float64{"requests_open": 1, "grants_live": 1, "revocations_pending": 0, "requests_total collected corp": 0})
	if _, err := h.agent.Cancel(t.Context(), third.ID); err != nil {
		t.Fatal(err)
	}
	h.expect(t, map[string]float64{"requests_open": 0, "requests_total cancelled corp": 1})
}

// While a start takes up what is pending, how much that is is not known: a dip
// to zero at each restart would wake somebody.
func TestWhatIsNotCountedYetIsNotTold(t *testing.T) {
	d, err := start(t.Context(), configured(t, home(t), helper), map[string]bridge.Provider{"corp": corp()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { check(t, d.close()) }()
	for _, name := range []string{"requests_open", "grants_live", "revocations_pending"} {
		if got := told(d.scrape(t), name); !math.IsNaN(got) {
			t.Errorf("%s is %v", name, got)
		}
	}
}

// Whatever agents and browsers say, it makes no label: who scrapes keeps a
// series for each.
func TestNobodyMakesALabel(t *testing.T) {
	h := open(t, configured(t, home(t), helper), corp())
	r := h.ask("one")
	h.press(r.ID, bridge.VerbShowCode)
	series := func() map[string]bool {
		all := map[string]bool{}
		for name, f := range h.scrape(t) {
			if !strings.HasPrefix(name, "authbridge_") {
				continue
			}
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					all[l.GetValue()] = true
				}
			}
		}
		return all
	}
	before := series()
	for i := range 20 {
		odd := fmt.Sprintf("evil\"}\n%d", i)
		for _, ask := range []api.Ask{
			{Provider: odd, Scopes: []string{"files.read"}},
			{Provider: "corp", Scopes: []string{"files." + fmt.Sprint(i)}, Session: odd, Reason: odd, Context: []string{odd}},
			{Provider: "corp", Human: odd, Scopes: []string{"files.read"}},
		} {
			answer, err := h.agent.Ask(t.Context(), ask, client.AskOptions{})
			if err == nil {
				_, err = h.agent.Cancel(t.Context(), answer.ID)
			}
			_ = err
		}
		for _, verb := range []bridge.Verb{bridge.Verb(odd), "Deny", ""} {
			if _, _, err := h.bridge.Click(t.Context(), bridge.Clicker{Human: "alice", Channel: "web"}, bridge.RequestID(r.ID), verb); err == nil {
				t.Errorf("there is a button %q", verb)
			}
		}
	}
	for v := range series() {
		if !before[v] && v != "unknown" && v != "refused" {
			t.Errorf("somebody has made a label %q", v)
		}
	}
	h.expect(t, map[string]float64{"clicks_total web refused unknown": 60, "requests_total cancelled corp": 20})
}

// A scrape asks nobody: a store that hangs, or is gone, does not take the
// metrics with it.
func TestAScrapeReadsNoStore(t *testing.T) {
	h := open(t, configured(t, home(t), helper), corp())
	h.ask("one")
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	h.expect(t, map[string]float64{"requests_open": 1})
}

// What is called for each poll leaves nothing for the garbage collector.
func TestObservingAllocatesNothing(t *testing.T) {
	o := everything().observer()
	for name, observe := range map[string]func(){
		"a poll":      func() { o.Polled("corp", bridge.PollPending.String()) },
		"a late poll": func() { o.PolledLate(time.Millisecond) },
		"an ask":      func() { o.Asked(time.Millisecond) },
	} {
		if n := testing.AllocsPerRun(100, observe); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// Over TCP there is nothing else to be had at the door than a scrape.
func TestMetricsOverTheDoor(t *testing.T) {
	h := open(t, configured(t, home(t), helper), corp())
	resp, err := get(t, "http://"+h.at(opsDoor)+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "\nauthbridge_requests_open 0\n") || !strings.Contains(string(body), "\ngo_goroutines ") {
		t.Errorf("it says %d, %v: %s", resp.StatusCode, err, body)
	}
	if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("its headers are %v", resp.Header)
	}
}
