package demo

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"strconv"
	"text/template"

	"github.com/authbridge/authbridge/config"
)

// example is the configuration that people can read.
//
//go:embed authbridge.yaml
var example string

const configName = "authbridge.yaml"

// settings are what differs from one demo to the next.
type settings struct {
	State, Seal, Socket, Admin string
	Issuer, ClientID           string
	UID                        int
}

// configuration writes the file and reads it as serve would, but with an empty
// environment: whatever the variables name, it is not the demo's.
func (p *place) configuration(issuer string) (*config.Config, error) {
	text, err := render(settings{
		State: p.path("state"), Seal: "file:" + p.path("seal.key"), Socket: p.socket(), Admin: p.admin(),
		Issuer: issuer, ClientID: clientID, UID: os.Geteuid(),
	})
	if err != nil {
		return nil, err
	}
	if err := p.write(configName, text); err != nil {
		return nil, err
	}
	env := config.SystemEnv()
	env.Getenv = nil
	return config.Load(p.path(configName), env)
}

func (p *place) socket() string { return p.path("agent.sock") }
func (p *place) admin() string  { return p.path("admin.sock") }

func render(s settings) ([]byte, error) {
	t, err := template.New(configName).Funcs(template.FuncMap{"quote": strconv.Quote}).Parse(example)
	if err != nil {
		return nil, fmt.Errorf("read the demo's configuration: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, s); err != nil {
		return nil, fmt.Errorf("write the demo's configuration: %w", err)
	}
	return b.Bytes(), nil
}
