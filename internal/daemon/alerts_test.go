package daemon

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	dto "github.com/prometheus/client_model/go"
)

// alert is one rule of a Prometheus rules file.
type alert struct {
	Alert       string
	Expr        string
	For         string
	Labels      map[string]string
	Annotations map[string]string
}

func alerts(t *testing.T) []alert {
	t.Helper()
	text, err := os.ReadFile("../../docs/examples/prometheus-alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []alert
		}
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil || len(file.Groups) != 1 {
		t.Fatalf("%d groups, %v", len(file.Groups), err)
	}
	return file.Groups[0].Rules
}

// selector is a metric in an expression, with what is wanted of its labels.
var selector = regexp.MustCompile(`\b((?:authbridge|process|go)_[a-z_]+)(?:\{([^}]*)\})?`)

// An alert on a metric, a label or a word that does not exist would be silent
// for ever.
func TestAlertsAreOnWhatThereIs(t *testing.T) {
	families, err := everything().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../docs/guides/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	all := alerts(t)
	for _, a := range all {
		if !strings.Contains(string(guide), "`"+a.Alert+"`") {
			t.Errorf("%s: the guide to operations does not say what to do", a.Alert)
		}
		if a.Annotations["summary"] == "" || !slices.Contains([]string{"page", "ticket"}, a.Labels["severity"]) {
			t.Errorf("%s: nobody is told what it is, or how grave", a.Alert)
		}
		for _, pair := range []string{"()", "[]", "{}"} {
			if strings.Count(a.Expr, pair[:1]) != strings.Count(a.Expr, pair[1:]) {
				t.Errorf("%s: %s do not match in %s", a.Alert, pair, a.Expr)
			}
		}
		found := selector.FindAllStringSubmatch(a.Expr, -1)
		if len(found) == 0 && a.Alert != "AuthbridgeDown" {
			t.Errorf("%s is on no metric: %s", a.Alert, a.Expr)
		}
		for _, m := range found {
			checkSelector(t, a.Alert, families, m[1], m[2])
		}
	}
	if len(all) < 10 {
		t.Errorf("there are %d alerts", len(all))
	}
}

// values are those that a label has in a family, each once.
func values(f *dto.MetricFamily, label string) (all []string) {
	for _, m := range f.GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == label {
				all = append(all, l.GetValue())
			}
		}
	}
	return all
}

func checkSelector(t *testing.T, alert string, families []*dto.MetricFamily, metric, matchers string) {
	t.Helper()
	name, bucket := strings.CutSuffix(metric, "_bucket")
	i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == name })
	if i < 0 {
		t.Errorf("%s: there is no metric %s", alert, metric)
		return
	}
	if isHistogram := families[i].GetType() == dto.MetricType_HISTOGRAM; isHistogram != bucket {
		t.Errorf("%s: %s is a histogram: %v", alert, name, isHistogram)
	}
	for matcher := range strings.SplitSeq(matchers, ",") {
		if matcher == "" {
			continue
		}
		label, value, ok := strings.Cut(matcher, "=")
		value = strings.Trim(strings.TrimPrefix(value, "~"), `"`)
		switch {
		case label == "job": // Prometheus adds it
		case !ok || !slices.Contains(labels(families[i]), label):
			t.Errorf("%s: %s has no label %q", alert, name, label)
		default:
			for word := range strings.SplitSeq(value, "|") {
				if !slices.Contains(values(families[i], label), word) {
					t.Errorf("%s: %s is never %q", alert, label, word)
				}
			}
		}
	}
}
