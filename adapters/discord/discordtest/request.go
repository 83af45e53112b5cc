package discordtest

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxBody bounds what a call may send.
const maxBody = 1 << 20

func readRequest(w http.ResponseWriter, req *http.Request, pattern string, r route) request {
	q := request{
		pattern: pattern, path: map[string]string{}, query: req.URL.Query(),
		credential: req.Header.Get("Authorization"), agent: req.UserAgent(),
	}
	for _, name := range pathNames(pattern) {
		q.path[name] = req.PathValue(name)
	}
	q.problem = q.readBody(w, req, r)
	for name := range q.query {
		if !slices.Contains(r.query, name) {
			q.problem = invalid(name, "UNKNOWN", "the route takes no such parameter in the address, or it is not stood in for here")
		}
	}
	for name, value := range q.path {
		first := value == "@original" && strings.Contains(pattern, " /webhooks/")
		if name != "token" && value != "@me" && !first && !isSnowflake(value) {
			q.problem = invalid(name, "NUMBER_TYPE_COERCE", `Value "`+value+`" is not snowflake.`)
		}
	}
	return q
}

func (q *request) readBody(w http.ResponseWriter, req *http.Request, r route) error {
	raw, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	q.body = raw
	switch {
	case err != nil:
		return wrong(InvalidJSON, "the body cannot be read, or is over a megabyte")
	case len(raw) == 0:
		return nil
	case !r.body:
		return wrong(InvalidForm, "the route takes no body")
	}
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return wrong(InvalidJSON, "the body is not called application/json; others are not stood in for here")
	}
	if !json.Valid(raw) {
		return wrong(InvalidJSON, "the body is no JSON")
	}
	return nil
}

// text is the body as it is recorded.
func (q *request) text() string { return string(q.body) }

// pathNames are the names of the parts of a pattern that vary.
func pathNames(pattern string) []string {
	var names []string
	for part := range strings.SplitSeq(pattern, "/") {
		if name, varies := strings.CutPrefix(part, "{"); varies {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// isSnowflake says whether a text is an id: up to twenty digits.
func isSnowflake(text string) bool {
	_, err := strconv.ParseUint(text, 10, 64)
	return err == nil
}

// strictly reads JSON that has no fields but those of v.
func strictly(raw []byte, v any) error {
	if len(raw) == 0 {
		return wrong(InvalidJSON, "there is no body")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return wrong(InvalidForm, "the body has a field that is unknown, not stood in for here, or of another type: "+err.Error())
	}
	return nil
}
