package slacktest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// caller is an app that calls methods as it is told, rightly or wrongly.
type caller struct {
	t *testing.T
	s *Slack
}

// office starts a Slack with the usual people.
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

func (a said) in(field string) map[string]any { v, _ := a.body[field].(map[string]any); return v }

// form calls with a form and the bot's token in it; args are name, value, …
func (c caller) form(method string, args ...string) said {
	c.t.Helper()
	form := url.Values{"token": {c.s.BotToken()}}
	for i := 0; i < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	return c.send(method, "application/x-www-form-urlencoded", "", form.Encode())
}

// json calls with JSON and the bot's token in the header.
func (c caller) json(method string, args map[string]any) said {
	c.t.Helper()
	body, err := json.Marshal(args)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.send(method, "application/json; charset=utf-8", c.s.BotToken(), string(body))
}

func (c caller) send(method, kind, token, body string) said {
	c.t.Helper()
	a, err := c.try(method, kind, token, body)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c caller) try(method, kind, token, body string) (said, error) {
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.s.URL()+method, strings.NewReader(body))
	if err != nil {
		return said{}, err
	}
	req.Header.Set("Content-Type", kind)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return c.exchange(req)
}

func (c caller) exchange(req *http.Request) (said, error) {
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
	_ = json.NewDecoder(bytes.NewReader(raw)).Decode(&a.body) // not every answer is JSON
	return a, nil
}

// refused demands that an answer is an error of Slack, under status 200.
func (c caller) refused(a said, code string) {
	c.t.Helper()
	if a.status != http.StatusOK || a.body["ok"] != false || a.text("error") != code {
		c.t.Errorf("want the error %s, got status %d: %s", code, a.status, a.raw)
	}
}

// granted demands that an answer is ok.
func (c caller) granted(a said) said {
	c.t.Helper()
	if a.status != http.StatusOK || a.body["ok"] != true {
		c.t.Fatalf("want ok, got status %d: %s", a.status, a.raw)
	}
	return a
}

// post posts and returns where it stands.
func (c caller) post(args ...string) (channel, ts string) {
	c.t.Helper()
	a := c.granted(c.form("chat.postMessage", args...))
	return a.text("channel"), a.text("ts")
}
