package discordtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"
)

// caller is an app that calls routes as it is told, rightly or wrongly.
type caller struct {
	t *testing.T
	s *Discord
}

// fields is a JSON object.
type fields = map[string]any

// office starts a Discord with the usual people.
func office(t *testing.T) caller {
	t.Helper()
	return caller{t: t, s: Start(t, Office())}
}

// said is what came back.
type said struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

func (a said) text(field string) string { v, _ := a.body[field].(string); return v }

func (a said) code() int { v, _ := a.body["code"].(float64); return int(v) }

const theAgent = "DiscordBot (https://example.org/app, 1.0)"

// call calls as a right app does.
func (c caller) call(method, path string, body any) said {
	c.t.Helper()
	a, err := c.try(method, path, body, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// try calls, after something was done to the request.
func (c caller) try(method, path string, body any, bend func(*http.Request)) (said, error) {
	var raw io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return said{}, err
		}
		raw = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.s.URL()+"/api/v10"+path, raw)
	if err != nil {
		return said{}, err
	}
	req.Header.Set("Authorization", "Bot "+c.s.Token())
	req.Header.Set("User-Agent", theAgent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if bend != nil {
		bend(req)
	}
	return exchange(req)
}

func exchange(req *http.Request) (said, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return said{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return said{}, err
	}
	a := said{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	_ = json.Unmarshal(raw, &a.body) // not every answer is an object
	return a, nil
}

// refused demands that an answer is an error of Discord.
func (c caller) refused(a said, status, code int) {
	c.t.Helper()
	if a.status != status || a.code() != code {
		c.t.Errorf("want status %d and code %d, got %d: %s", status, code, a.status, a.raw)
	}
}

// granted demands that an answer is no error.
func (c caller) granted(a said) said {
	c.t.Helper()
	if a.status != http.StatusOK && a.status != http.StatusNoContent {
		c.t.Fatalf("want no error, got status %d: %s", a.status, a.raw)
	}
	return a
}

// post posts to a channel and returns the id of the message.
func (c caller) post(channel string, body fields) string {
	c.t.Helper()
	return c.granted(c.call("POST", "/channels/"+channel+"/messages", body)).text("id")
}

// direct opens the conversation with somebody and returns its channel.
func (c caller) direct(user string) string {
	c.t.Helper()
	return c.granted(c.call("POST", "/users/@me/channels", fields{"recipient_id": user})).text("id")
}

func button(change fields) fields {
	b := fields{"type": 2, "style": 2, "label": "Press", "custom_id": "press"}
	for k, v := range change {
		if v == nil {
			delete(b, k)
			continue
		}
		b[k] = v
	}
	return b
}

func row(buttons ...fields) fields { return fields{"type": 1, "components": buttons} }
