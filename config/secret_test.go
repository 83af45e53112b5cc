package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/authbridge/authbridge/config"
)

// written puts a file into a directory of the test.
func written(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	// The umask has no say in this.
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func withSecret(reference string) string {
	return provider(", client_secret: " + reference)
}

func TestSecretIsFetched(t *testing.T) {
	for name, c := range map[string]struct {
		reference string
		env       config.Env
	}{
		"environment":      {"env:CORP_SECRET", environment("CORP_SECRET", "hush")},
		"file":             {"file:" + written(t, "hush", 0o600), environment()},
		"file with a line": {"file:" + written(t, "hush\n", 0o400), environment()},
		"file with CRLF":   {"file:" + written(t, "hush\r\n", 0o600), environment()},
	} {
		got := mustParse(t, withSecret(c.reference), c.env).Providers["corp"]
		if got.ClientSecret.Reveal() != "hush" || got.AuthMethod != config.AuthBasic {
			t.Errorf("%s: secret %q, method %s", name, got.ClientSecret.Reveal(), got.AuthMethod)
		}
	}
}

func TestSecretFileMustBePrivate(t *testing.T) {
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o660, 0o620, 0o601, 0o777} {
		file := written(t, "hush", mode)
		faults := faultsOf(t, withSecret("file:"+file), environment())
		want := fmt.Sprintf("  2: providers.corp.client_secret: %s can be read by other users\n     hint: chmod 600 %s", file, file)
		if got := faults.Error(); got != want {
			t.Errorf("mode %o:\ngot  %s\nwant %s", mode, got, want)
		}
		faults = faultsOf(t, "seal: file:"+file, environment())
		if got := faults.Error(); !strings.Contains(got, "1: seal: "+file+" can be read by other users") {
			t.Errorf("mode %o: %s", mode, got)
		}
	}
}

// TestCredentialsOfTheServiceManager: it shows an access list for one user in
// the group's bits, and nobody but the service gets into the directory.
func TestCredentialsOfTheServiceManager(t *testing.T) {
	file := written(t, "hush", 0o440)
	env := environment("CREDENTIALS_DIRECTORY", filepath.Dir(file))
	if got := mustParse(t, withSecret("file:"+file), env).Providers["corp"].ClientSecret.Reveal(); got != "hush" {
		t.Errorf("secret %q", got)
	}
	open := written(t, "hush", 0o444)
	for name, c := range map[string]struct{ file, credentials string }{
		"others can read it":        {open, filepath.Dir(open)},
		"it is in another place":    {file, filepath.Dir(open)},
		"it is deeper than handed":  {file, filepath.Dir(filepath.Dir(file))},
		"nothing was handed over":   {file, ""},
		"a name with dots in front": {filepath.Dir(open) + "/../" + filepath.Base(filepath.Dir(file)) + "/secret", filepath.Dir(open)},
	} {
		faults := faultsOf(t, withSecret("file:"+c.file), environment("CREDENTIALS_DIRECTORY", c.credentials))
		if got := faults.List[0].Key; got != "providers.corp.client_secret" || len(faults.List) != 1 {
			t.Errorf("%s: %v", name, faults)
		}
	}
}

func TestSealKeyNeedNotBeThere(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "seal.key")
	if got := mustParse(t, "seal: file:"+missing, environment()).Seal; got != missing {
		t.Errorf("seal %q", got)
	}
}

func TestSecretThatCannotBeHad(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	checkWrong(t, []wrong{
		{"variable not set", withSecret("env:CORP_SECRET"), "2: providers.corp.client_secret: the environment variable CORP_SECRET is not set, or empty"},
		{"no variable", withSecret("'env:'"), "2: providers.corp.client_secret: env: is not followed by the name of a variable"},
		{"file not there", withSecret("file:/nowhere/secret"), "2: providers.corp.client_secret: /nowhere/secret cannot be read: no such file or directory"},
		{"relative file", withSecret("file:secret"), "2: providers.corp.client_secret: not an absolute path"},
		{"directory", withSecret("file:" + dir), "2: providers.corp.client_secret: " + dir + " cannot be read: it is not an ordinary file"},
		{"pipe that would block", withSecret("file:" + pipe), "2: providers.corp.client_secret: " + pipe + " cannot be read: it is not an ordinary file"},
		{"endless device", withSecret("file:/dev/zero"), "2: providers.corp.client_secret: /dev/zero cannot be read: it is not an ordinary file"},
		{"null", withSecret(""), "2: providers.corp.client_secret: has no value"},
		{"number", withSecret("12345"), "2: providers.corp.client_secret: a literal secret; put it in a file or the environment"},
		{"list", withSecret("[hush]"), "2: providers.corp.client_secret: a list where text belongs"},
	})
	for name, content := range map[string]string{
		"empty":      "\n",
		"two lines":  "hush\nhush\n",
		"a NUL":      "hush\x00",
		"far longer": strings.Repeat("hush", 1<<15),
	} {
		faults := faultsOf(t, withSecret("file:"+written(t, content, 0o600)), environment())
		if got := faults.Error(); strings.Contains(got, "hush") || len(faults.List) != 1 {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestSecretIsNeverRepeated breaks a configuration with a literal secret in
// every way that one slip of the finger can. No fault may repeat the secret,
// and no such file may be accepted with a part of it elsewhere.
func TestSecretIsNeverRepeated(t *testing.T) {
	const before = "providers:\n  corp:\n    issuer: https://a.example\n    client_id: a\n    token_endpoint_auth_method: client_secret_basic\n    "
	const after = "\n    scopes: [openid]\n    trust: configured\nhumans:\n  alice: {email: a@example.com}\n"
	const flow = "providers: {corp: {issuer: https://a.example, client_id: a, trust: configured, "
	for _, secret := range []string{"hunter2", "Tr0ub4dor&3", "xyzzy-S3CRET!", "'quoted: Secr3t'", "\"dou#ble\"", "*star1", "%per cent", "client_secret: nested9"} {
		marker := strings.Trim(secret, `'"*%`)
		marker = strings.TrimPrefix(marker, "client_secret: ")
		line := "client_secret: " + secret
		for _, text := range append(slips(before, line, after), slips(flow, line, "}}\n")...) {
			c, err := config.Parse("authbridge.yaml", []byte(text), environment())
			if err != nil && strings.Contains(err.Error(), marker) {
				t.Fatalf("a fault repeats the secret:\n%v\n--- in\n%s", err, text)
			}
			if c != nil && strings.Contains(fmt.Sprintf("%+v", c), marker) {
				t.Fatalf("the secret became another setting:\n%+v\n--- in\n%s", c, text)
			}
			var faults *config.Faults
			if err != nil && !errors.As(err, &faults) {
				t.Fatalf("not faults: %v", err)
			}
		}
	}
}

// slips returns texts whose middle, or the end of what is before it, is off by
// one slip. The secret itself, which ends the middle, is left whole.
func slips(before, middle, after string) []string {
	all := []string{before + middle + after, before + middle, before + "  " + middle + after, strings.TrimSuffix(before, "  ") + middle + after, middle}
	key := len("client_secret: ")
	for i := 0; i <= key; i++ {
		if i < key {
			all = append(all, before+middle[:i]+middle[i+1:]+after)
		}
		for _, extra := range []string{" ", "\t", "\n", ":", "\"", "'", "{", "[", "}", "]", ",", "#", "&", "*", "!", "|", ">", "?", "- ", "\x00", "\xff", "env:", "file:", "="} {
			all = append(all, before+middle[:i]+extra+middle[i:]+after)
		}
	}
	for i := len(before) - 8; i < len(before); i++ {
		all = append(all, before[:i]+before[i+1:]+middle+after)
	}
	return all
}

func TestConfigDoesNotPrintSecrets(t *testing.T) {
	c := mustParse(t, withSecret("env:S"), environment("S", "hush"))
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(format, c.Providers); strings.Contains(got, "hush") {
			t.Errorf("%s prints %s", format, got)
		}
	}
}
