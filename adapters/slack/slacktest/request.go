package slacktest

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// maxBody bounds what a call may send.
const maxBody = 1 << 20

// request is a call as it came in.
type request struct {
	method  string
	token   string
	header  bool // the token came in the header
	json    bool
	args    map[string]string
	body    string // without the token
	problem error  // why it cannot be read
}

func readRequest(w http.ResponseWriter, r *http.Request) request {
	q := request{method: r.PathValue("method"), args: map[string]string{}}
	q.token, q.header = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		q.problem = wrong("invalid_form_data", "the body cannot be read, or is over a megabyte")
		return q
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method == http.MethodGet && q.method == "chat.getPermalink": // the one here that Slack documents so
		q.takeQuery(r.URL.RawQuery)
		return q
	case r.Method != http.MethodPost:
		q.problem = wrong("invalid_post_type", "only POST is stood in for here")
	case err == nil && kind == "application/x-www-form-urlencoded":
		q.takeForm(string(raw))
	case err == nil && kind == "application/json":
		q.takeJSON(raw)
	default:
		q.problem = wrong("invalid_post_type", "neither a form nor JSON")
	}
	if r.URL.RawQuery != "" {
		q.problem = wrong("invalid_arguments", "arguments in the address of a POST")
	}
	return q
}

// takeQuery reads the arguments of a GET. A token in an address ends up in
// logs, so none is taken from there.
func (q *request) takeQuery(raw string) {
	form, err := url.ParseQuery(raw)
	if err != nil || form.Has("token") {
		q.problem = wrong("invalid_arguments", "the address cannot be decoded, or holds a token")
		return
	}
	q.take(form)
}

func (q *request) takeForm(raw string) {
	form, err := url.ParseQuery(raw)
	if err != nil {
		q.problem = wrong("invalid_form_data", "the form cannot be decoded")
		return
	}
	if t := form.Get("token"); t != "" && !q.header {
		q.token = t
	}
	form.Del("token")
	q.take(form)
}

// take keeps the arguments of a form. An empty one is as good as none.
func (q *request) take(form url.Values) {
	for name, values := range form {
		if len(values) > 1 {
			q.problem = wrong("invalid_arguments", name+" is there twice")
		}
		if values[0] != "" {
			q.args[name] = values[0]
		}
	}
	q.body = form.Encode()
}

func (q *request) takeJSON(raw []byte) {
	q.json, q.body = true, string(raw)
	if len(raw) == 0 {
		return
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		q.problem = wrong("json_not_object", "the body is no JSON object")
		return
	}
	for name, value := range fields {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		if text != "" && text != "null" {
			q.args[name] = text
		}
	}
}
