package config_test

import (
	"errors"
	"fmt"

	"github.com/authbridge/authbridge/config"
)

// A command prints the summary, what it means for the command, and the faults.
func ExampleParse() {
	text := "store: bolt\nhumans:\n  alice: {slack: alice}\nretian: 90d\n"
	env := config.Env{Getenv: func(name string) string { return map[string]string{"HOME": "/home/op"}[name] }}
	_, err := config.Parse("authbridge.yaml", []byte(text), env)
	if faults, ok := errors.AsType[*config.Faults](err); ok {
		fmt.Printf("authbridge: %s; nothing was started\n%s\n", faults.Summary(), faults)
	}
	// Output:
	// authbridge: 2 faults in authbridge.yaml; nothing was started
	//   3: humans.alice.slack: "alice" is a name; a Slack user id looks like U024BE7LH
	//      hint: in Slack, open the profile, press ⋮, Copy member ID
	//   4: retian: unknown key; did you mean "retain"?
}
