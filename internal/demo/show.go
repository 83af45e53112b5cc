package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// reason is what the agent says that it wants the token for.
const reason = "summarise the Q3 planning folder"

// welcome says what there is, and opens the inbox if there is a browser.
func (d *Demo) welcome(ctx context.Context, link string) {
	if d.options.JSON {
		d.json(map[string]string{
			"event": "ready", "provider": d.issuer.url(), "inbox": link, "directory": d.place.dir,
			"socket": d.place.socket(), "admin_socket": d.place.admin(),
		})
	}
	how := "open it in a browser on this machine, within two minutes"
	if !d.options.NoOpen && d.browse(ctx, link) {
		how = "opening in your browser"
	}
	if d.options.JSON {
		return
	}
	out := d.options.Out
	fmt.Fprintf(out, "authbridge demo · everything runs on this machine and is gone when you press Ctrl-C\n\n")
	fmt.Fprintf(out, "  provider   %s   a demo provider; sign in as alice or bob, any password\n", d.issuer.url())
	fmt.Fprintf(out, "  inbox      %s   alice's inbox (%s)\n", link, how)
	fmt.Fprintf(out, "  lapsed?    %s\n", d.linkCommand())
	fmt.Fprintf(out, "  agent      demo-agent asks for %s in alice's name, because %q\n", scope, reason)
	fmt.Fprintf(out, "  files      %s   the configuration, worth a look: %s\n", d.place.dir, configName)
	if forward := d.options.forward(d.issuer.url(), link); forward != "" {
		fmt.Fprintf(out, "  from afar  where your browser is, run first: %s\n", forward)
	}
	fmt.Fprintln(out)
}

// again says how to go on once a request is over.
func (d *Demo) again(got bool) {
	if d.options.JSON {
		return
	}
	out := d.options.Out
	fmt.Fprintln(out)
	if got {
		fmt.Fprintln(out, "Here browser and agent share one machine, for show; the device grant is meant for when they do not (docs/risk-assessment.md).")
		fmt.Fprintln(out, "Try, in another terminal: the bridge answers at once. Press Revoke in the inbox, and it asks alice again; sign in as bob then.")
	} else {
		fmt.Fprintln(out, "The agent has got nothing. It asks alice again with, in another terminal:")
	}
	fmt.Fprintf(out, "  %s\n\n", d.tokenCommand())
}

func (d *Demo) tokenCommand() string {
	return d.command("token", "--socket", d.place.socket(), "--provider", "demo")
}

func (d *Demo) linkCommand() string {
	return d.command("inbox", "link", "alice", "--admin-socket", d.place.admin())
}

// command is a line for a shell that calls this program. Variables that name
// another bridge are taken out of its way.
func (d *Demo) command(args ...string) string {
	var words []string
	for _, name := range []string{"AUTHBRIDGE_URL", "AUTHBRIDGE_KEY", "AUTHBRIDGE_CA", "AUTHBRIDGE_CERT", "AUTHBRIDGE_CERT_KEY"} {
		if d.options.Env(name) != "" {
			words = append(words, "-u", name)
		}
	}
	if words != nil {
		words = append([]string{"env"}, words...)
	}
	for _, word := range append([]string{d.options.Program}, args...) {
		words = append(words, shellWord(word))
	}
	return strings.Join(words, " ")
}

// shellWord makes a text one word of a POSIX shell.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./+:,@%=", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func (d *Demo) json(v any) {
	e := json.NewEncoder(d.options.Out)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // like all that is printed here: there is nobody to tell
}

// browse opens an address for the person at this machine, and tells whether
// it could be tried. The browser is theirs, and stays.
//
// The link stands in the arguments of a program for a moment, where other
// users of the machine can read it. It is good for once, and guards a demo.
func (d *Demo) browse(ctx context.Context, address string) bool {
	program := d.options.opener()
	if program == "" {
		return false
	}
	c := exec.CommandContext(context.WithoutCancel(ctx), program, address) //nolint:gosec // G204: one of two programs, and our own address
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}                    // Ctrl-C is for the demo
	if c.Start() != nil {
		return false
	}
	go func() {
		if err := c.Wait(); ctx.Err() == nil && errors.As(err, new(*exec.ExitError)) {
			fmt.Fprintln(d.options.Err, "authbridge: no browser could be opened; open the inbox's address yourself")
		}
	}()
	return true
}

// opener is the program that opens an address; "" if there is nobody to see
// what it opens.
func (o Options) opener() string {
	program := "xdg-open"
	switch {
	case o.Env("SSH_CONNECTION") != "":
		return ""
	case runtime.GOOS == "darwin":
		program = "open"
	case o.Env("DISPLAY") == "" && o.Env("WAYLAND_DISPLAY") == "":
		return ""
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return ""
	}
	return path
}

// forward is the command that brings the pages to somebody who came over ssh,
// at the same addresses; "" for everybody else.
func (o Options) forward(pages ...string) string {
	from := strings.Fields(o.Env("SSH_CONNECTION")) // client, its port, server, its port
	if len(from) != 4 {
		return ""
	}
	words := []string{"ssh", "-N"}
	for _, page := range pages {
		at, err := url.Parse(page)
		if err != nil {
			return ""
		}
		words = append(words, "-L", at.Port()+":"+at.Host)
	}
	if from[3] != "22" {
		words = append(words, "-p", from[3])
	}
	host := from[2]
	if user := cmp.Or(o.Env("USER"), o.Env("LOGNAME")); user != "" {
		host = user + "@" + host
	}
	words = append(words, host)
	for i, word := range words {
		words[i] = shellWord(word)
	}
	return strings.Join(words, " ")
}
