package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/config"
)

// What docs/examples tells a machine to do is what this program takes.

const examplesDir = "../../docs/examples/"

func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(examplesDir + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unit is what a unit file says, in order, by key.
type unit map[string][]string

func parseUnit(text string) unit {
	u := unit{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			u[key] = append(u[key], value)
		}
	}
	return u
}

// only is the value of a key that is there once.
func (u unit) only(t *testing.T, key string) string {
	t.Helper()
	if len(u[key]) != 1 {
		t.Fatalf("%s is there %d times", key, len(u[key]))
	}
	return u[key][0]
}

// checkStart fails the test unless the words are a call of the installed
// program with flags that it has. It returns the configuration in them.
func checkStart(t *testing.T, where string, words []string) (configured string) {
	t.Helper()
	if len(words) < 2 || words[0] != "/usr/local/bin/authbridge" { // where "make install" puts it
		t.Fatalf("%s: %q is no call of the program", where, words)
	}
	a := &app{stdio: &stdio{env: func(string) string { return "" }}}
	root := a.root()
	checkCall(t, where, root, words[1:])
	c, rest, err := root.Find(words[1:])
	if err == nil {
		err = c.ParseFlags(rest)
	}
	if err != nil || len(c.Flags().Args()) > 0 {
		t.Errorf("%s: %q: %v, and %q is left", where, words, err, c.Flags().Args())
	}
	if c.Name() == "serve" {
		return a.config
	}
	return ""
}

// service is where systemd puts things for the unit.
func service(t *testing.T, u unit) (env map[string]string, credentials string) {
	t.Helper()
	credentials = t.TempDir()
	for _, line := range u["LoadCredential"] {
		name, from, _ := strings.Cut(line, ":")
		if filepath.Dir(from) != "/etc/authbridge" {
			t.Errorf("the credential %s comes from %s", name, from)
		}
		if err := os.WriteFile(filepath.Join(credentials, name), []byte("hush"), 0o440); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{
		"STATE_DIRECTORY":       "/var/lib/" + u.only(t, "StateDirectory"),
		"RUNTIME_DIRECTORY":     "/run/" + u.only(t, "RuntimeDirectory"),
		"CREDENTIALS_DIRECTORY": credentials,
	}, credentials
}

func TestTheUnit(t *testing.T) {
	u := parseUnit(example(t, "authbridge.service"))
	if got := checkStart(t, "the unit", strings.Fields(u.only(t, "ExecStart"))); got != "/etc/authbridge/authbridge.yaml" {
		t.Errorf("it reads %s", got)
	}
	for key, want := range map[string]string{
		"Type":                     "notify", // serve tells it
		"RestartPreventExitStatus": strconv.Itoa(exitUsage),
		"User":                     "authbridge",
	} {
		if got := u.only(t, key); got != want {
			t.Errorf("%s=%s, want %s", key, got, want)
		}
	}
	if !strings.Contains(u.only(t, "ExecReload"), "-HUP") {
		t.Error("a reload is a SIGHUP")
	}

	env, credentials := service(t, u)
	text := strings.ReplaceAll(example(t, "authbridge.yaml"), "/run/credentials/authbridge.service/", credentials+"/")
	cfg, err := config.Parse("authbridge.yaml", []byte(text), config.Env{
		Getenv:  func(name string) string { return env[name] },
		GroupID: func(string) (uint32, error) { return 1000, nil },
	})
	if err != nil {
		t.Fatalf("its configuration: %v", err)
	}
	if cfg.Seal != filepath.Join(credentials, "seal.key") || !cfg.SealHandedOver {
		t.Errorf("the seal key is %s", cfg.Seal)
	}
	if cfg.StateDir != "/var/lib/authbridge" || cfg.Listen.Socket != "/run/authbridge/agent.sock" || cfg.Listen.Admin != "/run/authbridge/admin.sock" {
		t.Errorf("its places are %s, %s and %s", cfg.StateDir, cfg.Listen.Socket, cfg.Listen.Admin)
	}
	if cfg.Providers["corp"].ClientSecret.Reveal() != "hush" {
		t.Error("the client's secret is not the credential")
	}
	checkUsers(t, u, cfg.Listen.SocketGroup)
}

// checkUsers looks that the group of the agents' socket is one and the same.
func checkUsers(t *testing.T, u unit, group string) {
	t.Helper()
	if got := u.only(t, "SupplementaryGroups"); got != group {
		t.Errorf("the bridge is in %s, and its socket is for %s", got, group)
	}
	made := example(t, "authbridge.sysusers.conf")
	for _, line := range []string{"u " + u.only(t, "User"), "g " + group} {
		if !slices.ContainsFunc(strings.Split(made, "\n"), func(l string) bool {
			return strings.HasPrefix(strings.Join(strings.Fields(l), " "), line+" ")
		}) {
			t.Errorf("nobody makes %s", line)
		}
	}
}

// Where systemd is installed, it understands the unit, and finds little left
// to be locked away.
func TestTheUnitAsSystemdReadsIt(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze here")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "authbridge.service")
	text := strings.ReplaceAll(example(t, "authbridge.service"), "ExecStart=/usr/local/bin/authbridge", "ExecStart="+self)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", "--man=no", path}, {"security", "--offline=yes", "--threshold=20", "--no-pager", path}} {
		if said, err := exec.CommandContext(t.Context(), analyze, args...).CombinedOutput(); err != nil || args[0] == "verify" && strings.Contains(string(said), path) {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, said)
		}
	}
}

func TestTheContainerfile(t *testing.T) {
	last := map[string]string{} // of the image that is kept
	for line := range strings.Lines(strings.ReplaceAll(example(t, "Containerfile"), "\\\n", " ")) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		last[word] = rest
	}
	list := func(text string) (words []string) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &words); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return words
	}
	entry := list(last["ENTRYPOINT"])
	if got := checkStart(t, "the image", append(entry, list(last["CMD"])...)); got != "/etc/authbridge/authbridge.yaml" {
		t.Errorf("it reads %s", got)
	}
	_, check, _ := strings.Cut(last["HEALTHCHECK"], "CMD ")
	checkStart(t, "the health check", list(check))
	if user, _, _ := strings.Cut(last["USER"], ":"); user == "0" || user == "root" || user == "" {
		t.Errorf("it runs as %q", user)
	}
	env := map[string]string{}
	for pair := range strings.FieldsSeq(last["ENV"]) {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	cfg, err := config.Empty(config.Env{Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	if kept := list(last["VOLUME"]); !slices.Equal(kept, []string{cfg.StateDir, filepath.Dir(cfg.Listen.Socket)}) {
		t.Errorf("it keeps %q, and the bridge works in %s and %s", kept, cfg.StateDir, filepath.Dir(cfg.Listen.Socket))
	}
}
