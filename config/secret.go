package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"

	"github.com/authbridge/authbridge/bridge"
)

// maxSecret bounds a secret, so that a wrong path is not read to its end.
const maxSecret = 64 << 10

// ToBeSet begins what stands for a secret in a variable that is set where the
// bridge runs, and not here. No kind of token is expected of it.
const ToBeSet = "unset "

var (
	variableName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	usualVariable = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
)

// secret reads "env:NAME" or "file:/path" and fetches what it names. What
// stands there is never repeated: it may be the secret itself. example is
// what the key should look like.
func (d *decoder) secret(into *bridge.Secret, example string) reader {
	return reader{form: "`env:` and the name of a variable, or `file:` and an absolute path", take: func(path string, v value) {
		if v.kind == number || v.kind == truth {
			v.kind = text
		}
		s, ok := d.scalarText(path, v)
		if !ok {
			return
		}
		name, isVariable := strings.CutPrefix(s, "env:")
		file, isFile := strings.CutPrefix(s, "file:")
		switch {
		case isVariable && variableName.MatchString(name):
			*into = d.secretFromEnv(path, name)
		case isVariable:
			d.fault(path, "env: is not followed by the name of a variable", example)
		case isFile:
			*into = d.secretFromFile(path, file)
		default:
			d.fault(path, "a literal secret; put it in a file or the environment", example)
		}
	}}
}

func (d *decoder) secretFromEnv(path, name string) bridge.Secret {
	got := d.env.get(name)
	if got == "" {
		called := name
		if !usualVariable.MatchString(name) {
			called = "it names" // somebody may have put env: before the secret itself
		}
		d.fault(path, "the environment variable "+called+" is not set, or empty", "set it where the bridge runs: in its shell, or in a file that its unit names with EnvironmentFile=")
		return bridge.Secret{}
	}
	return d.oneLine(path, got)
}

func (d *decoder) secretFromFile(path, file string) bridge.Secret {
	if file = d.absolute(path, file); file == "" {
		return bridge.Secret{}
	}
	got, err := readPrivate(file, d.env.get("CREDENTIALS_DIRECTORY"))
	open, isOpen := errors.AsType[*openToOthers](err)
	switch {
	case isOpen:
		d.fault(path, open.Error(), open.hint())
		return bridge.Secret{}
	case err != nil:
		d.fault(path, fmt.Sprintf("%s cannot be read: %v", file, cause(err)), "")
		return bridge.Secret{}
	}
	d.config.SecretFiles = append(d.config.SecretFiles, file)
	got = strings.TrimRight(got, "\r\n")
	if got == "" {
		d.fault(path, file+" is empty", "")
		return bridge.Secret{}
	}
	return d.oneLine(path, got)
}

// oneLine refuses what is no secret but a file of something else.
func (d *decoder) oneLine(path, got string) bridge.Secret {
	if strings.ContainsFunc(got, unicode.IsControl) {
		d.fault(path, "the secret has more than one line, or a control character", "the secret alone belongs there")
		return bridge.Secret{}
	}
	return bridge.NewSecret(got)
}

// checkSealFile refuses a key that others can read. One that is missing or
// cannot be read is the store's to explain, for it makes and reads it.
func (d *decoder) checkSealFile(path, file string) {
	info, err := os.Stat(file)
	if err != nil {
		return
	}
	if open, ok := errors.AsType[*openToOthers](checkPrivate(file, info, d.env.get("CREDENTIALS_DIRECTORY"))); ok {
		d.fault(path, open.Error(), open.hint())
	}
}

// openToOthers is a file with a secret that more users than one can read.
type openToOthers struct{ file string }

// Error says so.
func (e *openToOthers) Error() string { return e.file + " can be read by other users" }

func (e *openToOthers) hint() string { return "chmod 600 " + e.file }

var errNotAFile = errors.New("it is not an ordinary file")

// readPrivate reads a small file that only its owner can read.
func readPrivate(file, credentials string) (string, error) {
	// Asked before it is opened: opening a pipe waits for its other end.
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errNotAFile
	}
	f, err := os.Open(file) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // it was only read
	// And again of what is open, which is what counts.
	if info, err = f.Stat(); err != nil {
		return "", err
	}
	if err := checkPrivate(file, info, credentials); err != nil {
		return "", err
	}
	got, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err == nil && len(got) > maxSecret {
		return "", fmt.Errorf("it has more than %d KiB", maxSecret>>10)
	}
	return string(got), err
}

// handedOver reports whether a file lies in the directory that the service
// manager made for this service's credentials.
func handedOver(file, credentials string) bool {
	return credentials != "" && file != "" && filepath.Dir(file) == filepath.Clean(credentials)
}

// checkPrivate goes by the mode. In the directory of credentials the group's
// bits are the mask of an access list that lets in nobody but the service, so
// only others count.
func checkPrivate(file string, info fs.FileInfo, credentials string) error {
	forbidden := fs.FileMode(0o077)
	if handedOver(file, credentials) {
		forbidden = 0o007
	}
	if info.Mode().Perm()&forbidden != 0 {
		return &openToOthers{file: file}
	}
	return nil
}
